"""What the picture of a collapse promises: one scale whatever the points do, a mark at the step, the chosen row in front, every word true."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.method import COLLAPSED
from ssl_lab.plots.collapse import ROOM, finding

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
    """Every point of the map, in inches from the left and from below."""
    FigureCanvasAgg(figure).draw()
    marks = [scatter for scatter in figure.findobj(PathCollection) if len(scatter.get_offsets())]
    return np.concatenate([scatter.get_offset_transform().transform(scatter.get_offsets()) for scatter in marks]) / figure.dpi


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("size", [1.0, 0.01])
@pytest.mark.parametrize("course, chosen", [(HEALTHY, 0), (HEALTHY, 1), (FALLEN, 2)])
def test_legible_whatever_is_seen(legible, course, chosen, size, step):
    legible(drawn(course, size, step, chosen)[0])


def test_no_two_sentences_lie_on_each_other(shown, apart):
    figure, _, texts, renderer = shown(*drawn())
    ticks = {id(label) for axes in figure.axes for label in (*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both"))}
    apart((text.get_text(), text.get_window_extent(renderer)) for text in texts if id(text) not in ticks)


def test_the_map_keeps_its_scale_so_that_a_collapse_is_seen():
    wide, narrow = (places(drawn(size=size)[0]) for size in (1.0, 0.01))
    assert np.ptp(wide, axis=0).min() > 3
    assert np.allclose(np.ptp(narrow, axis=0), np.ptp(wide, axis=0) / 100)
    assert drawn(size=0.01)[0].axes[0].get_xlim() == (-ROOM, ROOM)


def test_points_on_one_spot_are_pointed_at():
    assert "all 30 of them" in words(drawn(size=0.01)[0])
    assert "all 30 of them" not in words(drawn(size=1.0)[0])


def test_dimensions_are_sorted_beside_those_of_the_usual_run():
    spread = np.array([0.1, 0.4, 0.2, 0.3])
    figure, _ = drawn(spread=spread, usual_spread=np.full(4, 0.5))
    assert np.array_equal(figure.findobj(StepPatch)[0].get_data().values, [0.4, 0.3, 0.2, 0.1])
    usual, healthy = figure.axes[4].lines
    assert set(usual.get_ydata()) == {0.5} == set(healthy.get_ydata())


def test_every_curve_has_its_mark_at_the_step_and_the_usual_one_beside_it():
    figure, _ = drawn(step=10)
    for axes, name in zip(figure.axes[1:4], ("loss", "std", "rank")):
        curves = {tuple(line.get_ydata()) for line in axes.lines}
        assert {tuple(getattr(FALLEN, name)), tuple(getattr(HEALTHY, name))} < curves
        assert (axes.lines[-1].get_xdata()[0], axes.lines[-1].get_ydata()[0]) == (1, getattr(FALLEN, name)[1])
    assert tuple(FALLEN.centred) in {tuple(line.get_ydata()) for line in figure.axes[3].lines}


def test_only_of_a_collapse_is_it_said_that_the_centred_rank_misses_it():
    assert "centred 37.0: misses it" in words(drawn()[0])
    assert "centred 12.0" in words(drawn(HEALTHY)[0])


def test_the_chosen_row_is_bold_and_all_others_are_not():
    figure, _ = drawn(chosen=1)
    weights = {text.get_text(): text.get_fontweight() for text in figure.texts}
    assert [weights[name] for name, *_ in TABLE] == ["normal", "bold", "normal"]
    assert {"72.5", "70.0", "5.5", "65.0", "0.2", "21.0", "chance 0.1"} <= set(words(figure))


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
