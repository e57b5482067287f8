"""What the picture of a collapse promises: one scale whatever the points do, a mark at the step, the chosen row in front, every word true."""

import dataclasses

import numpy as np
import pytest

from dummies.drawings import items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.method import COLLAPSED
from ssl_lab.plots.collapse import BOX, ROOM, finding
from ssl_lab.plots.drawing import Areas, Marks, Strokes, Words

CLASSES = ("ring", "star", "arrow")
STEPS = (1, 10, 100, 1000)


def course(*columns):
    return plots.Course(np.array(STEPS), *map(np.array, columns))


HEALTHY = course([4, 3, 1, 0.3], [0.9, 0.9, 0.8, 0.8], [40, 30, 12, 11.0], [41, 31, 13, 12.0])
FALLEN = course([3, 2, 0.05, 0.0], [0.9, 0.5, 0.08, 0.01], [40, 20, 2, 1.2], [41, 40, 38, 37.0])
TABLE = (("BYOL", 72.5, 70.0), ("no average, m = 0", 5.5, 65.0), ("no predictor", 0.2, 21.0))


def drawn(course=FALLEN, size=1.0, step=1000, chosen=2, **changes):
    draw = np.random.default_rng(0)
    angle, d, table = draw.uniform(0, 2 * np.pi, 30), 8, plots.Ablation(TABLE, chosen, 16.0, "chance 0.1")
    given = {
        "xy": size * np.stack([np.cos(angle), np.sin(angle)], axis=1), "labels": np.arange(30) % 3, "classes": CLASSES,
        "spread": draw.uniform(0, 0.4, d), "course": course, "usual_spread": np.full(d, d**-0.5), "usual": HEALTHY,
        "table": table, "step": step, "what": "BYOL without predictor",
    }  # fmt: skip
    return plots.collapse(**{**given, **changes})


def places(figure):
    """Every point of the map, in inches."""
    left, top, side, _ = BOX
    found = np.concatenate([np.stack([marks.x, marks.y], axis=1) for marks in items(figure, Marks) if marks.edge])
    assert ((found > (left, top)) & (found < (left + side, top + side))).all()
    return found


def chart(figure, name):
    """The curves in one chart, as (x, y) of data from 0 to 1, and its mark."""
    (spots,) = [spots for spots in figure.spots if spots.name == name]
    left, top, width, height = spots.box

    def data(x, y):
        return (np.asarray(x) - left) / width, (top + height - np.asarray(y)) / height

    def inside(x, y):
        return left <= x <= left + width and top - 1e-9 <= y <= top + height + 1e-9

    curves = [line for line in items(figure, Strokes) if len(line.paths) == 1 and inside(*np.mean(line.paths[0], axis=0))]
    marks = [data(marks.x, marks.y) for marks in items(figure, Marks) if inside(marks.x[0], marks.y[0])]
    return [(line, *data(*line.paths[0].T)) for line in curves], marks, spots


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("size", [1.0, 0.01])
@pytest.mark.parametrize("course, chosen", [(HEALTHY, 0), (HEALTHY, 1), (FALLEN, 2)])
def test_legible_whatever_is_seen(legible, course, chosen, size, step):
    legible(drawn(course, size, step, chosen)[0])


def test_no_two_sentences_lie_on_each_other(shown, apart):
    figure, _, texts, renderer = shown(*drawn())
    apart((text.get_text(), text.get_window_extent(renderer)) for text in texts)


@pytest.mark.parametrize("usual", [HEALTHY, FALLEN])
@pytest.mark.parametrize("size", [1.0, 0.01])
def test_what_answers_lies_in_the_drawing_and_no_word_leaves_its_panel(answers, size, usual):
    answers(drawn(size=size, usual=usual)[0])


def test_the_map_keeps_its_scale_so_that_a_collapse_is_seen():
    wide, narrow = (places(drawn(size=size)[0]) for size in (1.0, 0.01))
    assert np.ptp(wide, axis=0).min() > 3
    assert np.allclose(np.ptp(narrow, axis=0), np.ptp(wide, axis=0) / 100)
    radius = BOX[2] / (2 * ROOM)
    assert np.allclose(np.linalg.norm(wide - [BOX[0] + BOX[2] / 2, BOX[1] + BOX[2] / 2], axis=1), radius)
    (rule,) = [line for line in items(drawn()[0], Strokes) if len(line.paths[0]) == 2 and line.widths == 2]
    assert np.ptp(np.array(rule.paths[0])[:, 0]) == pytest.approx(radius)


def test_points_on_one_spot_are_pointed_at():
    assert "all 30 of them" in written(drawn(size=0.01)[0])
    assert "all 30 of them" not in written(drawn(size=1.0)[0])


def test_dimensions_are_sorted_beside_those_of_the_usual_run():
    spread = np.array([0.1, 0.4, 0.2, 0.3])
    figure, _ = drawn(spread=spread, usual_spread=np.array([0.7, 0.5, 0.8, 0.6]))
    spots = chart(figure, "dimensions")[2]
    left, top, width, height = spots.box
    (bars,) = [area.outlines[0] for area in items(figure, Areas) if len(area.outlines[0]) > 4]
    assert np.allclose((bars[:, 0] - left) / width, np.repeat(np.arange(5) / 4, 2))
    assert np.allclose((top + height - bars[:, 1]) / height * 1.6, [0, 0.4, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0])  # 1.6 = 3.2 / sqrt(4) at the top
    (usual, even) = [(x, y) for line, x, y in chart(figure, "dimensions")[0] if line.dash]
    assert np.allclose(usual, [[0.125, 0.375, 0.625, 0.875], np.array([0.8, 0.7, 0.6, 0.5]) / 1.6])
    assert np.allclose(even, [[0, 1], [0.5 / 1.6, 0.5 / 1.6]])


def test_a_bar_says_its_dimension_and_its_std():
    spots = chart(drawn(spread=np.array([0.1, 0.4, 0.2, 0.3]), usual_spread=np.full(4, 0.5))[0], "dimensions")[2]
    assert [spots.said(place) for place in range(4)] == [
        f"dimension {dimension}: std {std:.3f}, healthy 1/√d = 0.500" for dimension, std in ((1, 0.4), (3, 0.3), (2, 0.2), (0, 0.1))
    ]


def test_a_bar_that_is_higher_than_the_chart_ends_at_its_top():
    figure, _ = drawn(spread=np.array([5.0, 0.1, 0.2, 0.3]), usual_spread=np.full(4, 7.0))
    curves, _, spots = chart(figure, "dimensions")
    assert [y.max() for line, _, y in curves if line.dash == "dashed"] == [pytest.approx(1)]
    assert min(area.outlines[0][:, 1].min() for area in items(figure, Areas) if len(area.outlines[0]) > 4) == pytest.approx(spots.box[1])
    assert spots.said(0).startswith("dimension 0: std 5.000")


MOST = {"loss": 4.2, "std": 1.05, "rank": 68}


@pytest.mark.parametrize("name", MOST)
def test_every_curve_has_its_mark_at_the_step_and_the_usual_one_beside_it(name):
    curves, marks, _ = chart(drawn(step=10)[0], name)
    x = (np.log10(STEPS) + 0.15) / 3.15
    looks = (plots.look.INK, ""), (plots.POSITIVE, "dashed"), (plots.NEGATIVE, "")
    own, usual, centred = ([y * MOST[name] for line, _, y in curves if (line.colours, line.dash) == look] for look in looks)
    assert np.allclose(own, [getattr(FALLEN, name)])
    assert np.allclose(usual, [getattr(HEALTHY, name)])
    assert np.allclose(centred, [FALLEN.centred] if name == "rank" else [])
    assert all(np.allclose(across, x) for line, across, _ in curves if line.colours != plots.look.GREY)
    assert np.allclose(marks, [[[x[1]], [getattr(FALLEN, name)[1] / MOST[name]]]])


@pytest.mark.parametrize("name", MOST)
def test_a_curve_says_its_step_and_its_value_and_a_click_sets_the_step(name):
    _, _, spots = chart(drawn(step=10)[0], name)
    for place, step in enumerate(STEPS):
        centred = f", centred {FALLEN.at(step)['centred']:.1f}" if name == "rank" else ""
        assert spots.said(place) == f"step {step:,}: {name} {FALLEN.at(step)[name]:.3f}{centred}; BYOL as it is: {HEALTHY.at(step)[name]:.3f}"
    assert spots.sent()["sets"] == {"step": list(STEPS)}
    near = dataclasses.replace(FALLEN, click=np.array([1, 1, 100, 100]))
    assert chart(drawn(near)[0], name)[2].sent()["sets"] == {"step": [1, 1, 100, 100]}
    alone = chart(drawn(HEALTHY, usual=HEALTHY)[0], name)[2]
    assert "BYOL as it is" not in "".join(map(alone.said, range(4)))


def test_a_curve_takes_the_usual_value_of_the_step_before_where_the_steps_differ():
    usual = plots.Course(np.array([1, 50, 1000]), *np.array([[4, 2, 1.0]] * 4))
    _, _, spots = chart(drawn(usual=usual)[0], "loss")
    assert [spots.said(place).split("; ")[1] for place in range(4)] == [f"BYOL as it is: {usual.at(step)['loss']:.3f}" for step in STEPS]


def test_a_point_of_the_map_says_its_class_and_its_image():
    (spots,) = [spots for spots in drawn()[0].spots if spots.name == "images"]
    assert [spots.said(place) for place in range(30)] == [f"{CLASSES[place % 3]}: image {place}" for place in range(30)]
    assert len(spots.at) == 30
    assert {tuple(np.round(point, 9)) for point in spots.at} == {tuple(np.round(point, 9)) for point in places(drawn()[0])}
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 30)
    assert np.allclose(np.array(spots.at)[:, 0] - BOX[0] - BOX[2] / 2, BOX[2] / (2 * ROOM) * np.cos(angle))
    assert np.allclose(BOX[1] + BOX[2] / 2 - np.array(spots.at)[:, 1], BOX[2] / (2 * ROOM) * np.sin(angle))


def test_a_row_of_the_table_says_its_figures_and_a_click_sets_its_switches():
    sets = {"predictor": (True, True, False), "average": (True, False, True)}
    figure, _ = drawn(table=plots.Ablation(TABLE, 0, 16.0, sets=sets))
    spots = figure.spots[-1]
    assert [spots.said(place) for place in range(3)] == [f"{name}: {paper} % in the paper, {here} % here" for name, paper, here in TABLE]
    assert spots.sets == sets
    left, top, _, height = spots.box
    for place, (name, *_) in enumerate(TABLE):
        (row,) = [item for item in items(figure, Words) if item.text == name and item.x < left + 1]
        assert row.y == pytest.approx(top + height / 3 * (place + 0.5))


def test_only_of_a_collapse_is_it_said_that_the_centred_rank_misses_it():
    assert "centred 37.0: misses it" in written(drawn()[0])
    assert "centred 12.0" in written(drawn(HEALTHY)[0])


def test_the_chosen_row_is_bold_and_all_others_are_not():
    figure, _ = drawn(chosen=1)
    bold = {item.text: item.bold for item in items(figure, Words)}
    assert [bold[name] for name, *_ in TABLE] == [False, True, False]
    (row,) = [item for item in items(figure, Words) if item.text == TABLE[1][0]]
    (band,) = [area.outlines[0] for area in items(figure, Areas) if area.fills == plots.look.FAINT]
    assert band[1] < row.y < band[1] + band[3]
    assert {"72.5", "70.0", "5.5", "65.0", "0.2", "21.0", "chance 0.1"} <= set(written(figure))


def test_a_step_between_two_points_takes_the_one_before():
    assert FALLEN.at(99) == FALLEN.at(10) != FALLEN.at(100)
    assert FALLEN.at(100) == {"loss": 0.05, "std": 0.08, "rank": 2.0, "centred": 38.0}


def test_the_sentence_has_the_figures_of_both():
    said = drawn(step=1000)[1]
    assert said.startswith("BYOL without predictor, step 1,000 of 1,000: loss 0.000, std 0.01, effective rank 1.2, centred 37.0; ")
    assert "; BYOL as it is: loss 0.300, std 0.80, effective rank 11.0, centred 12.0; " in said
    assert said.endswith("collapsed: all images lie close to one point, and that is why the loss is 0.000.")
    assert "BYOL as it is" not in drawn(HEALTHY, usual=HEALTHY, what="a run")[1]


@pytest.mark.parametrize(
    "std, ended, row, words",
    [
        (COLLAPSED - 0.001, True, 2, "Collapsed: all images lie close to one point, and that is why the loss is 0.500"),
        (0.5, False, 2, "Collapsing: the images draw together, and the loss falls to 0.50"),
        (0.8, False, 2, "No collapse: the images stay apart"),
        (0.8, True, 0, "No collapse: the images stay apart, and kNN names 70 % of the shapes"),
        (0.8, True, 1, "No collapse here: kNN names 65 % of the shapes, the paper's run 5.5 % of its classes"),
        (0.8, True, 3, "No collapse, and yet nothing is learned: 18 %, untrained 16 %"),
    ],
)
def test_the_title_says_what_there_is_to_be_seen(std, ended, row, words):
    table = plots.Ablation((*TABLE, ("another", 60.0, 18.0)), row, 16.0)
    assert finding({"std": std, "loss": 0.5}, {"std": 0.8, "loss": 0.3}, ended, table) == words


@pytest.mark.parametrize("step", [0, 1001])
def test_a_step_that_there_is_not(step):
    with pytest.raises(InputError, match=f"step={step} is not among the steps, 1 to 1000"):
        drawn(step=step)
