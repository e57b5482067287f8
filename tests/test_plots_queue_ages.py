"""The picture of the momentum: what it says is in its numbers, and its words are large enough and do not collide."""


import numpy as np
import pytest
from matplotlib.text import Text

from dummies.drawings import every, items
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Areas, Marks, Strokes, Words
from ssl_lab.plots.look import FAINT, GREY, NEGATIVE, POSITIVE
from ssl_lab.plots.queue import ages
from ssl_lab.plots.queue.ages import BAR, LEFT, LONGEST, LOW, RIGHT, SPLIT, TOP, mean

MS = (0.0, 0.9, 0.99, 0.999, 0.9999)
OURS, THEIRS = dict(zip(MS, (0.2385, 0.4, 0.95, 0.9, 0.5))), dict(zip(MS, ("fails", 55.2, 57.8, 59.0, 58.9)))


def given(steps=64, falls=(1.6, 1.2, 0.2, 0.05, 0.01)):
    """Straight lines from 0.95 downwards, one for each m."""
    return {m: [0.95 - fall * age / 64 for age in range(steps + 1)] for m, fall in zip(MS, falls)}


def drawing(m=0.99, K=4096, strangers=0.1, steps=64, falls=(1.6, 1.2, 0.2, 0.05, 0.01), **options):
    return plots.momentum(given(steps, falls), dict.fromkeys(MS, strangers), OURS, THEIRS, m, K, **options)


PICTURES = {
    "usual": {"when": "after epoch 5 of 50"},
    "one step": {"K": 256, "m": 0.9999},
    "all of it": {"K": 64 * 256, "m": 0.0, "strangers": 0.99},
    "half": {"K": 34 * 256, "m": 0.9, "strangers": -0.02},
    "one key": {"K": 1},
    "more than there is": {"K": 64 * 256, "steps": 39, "when": "after epoch 1 of 50"},
    "all alike": {"falls": (0, 0, 0, 0, 0)},
    "all gone": {"falls": (1.9, 1.9, 1.9, 1.9, 1.95)},
}


picture = every(PICTURES, lambda options: drawing(**options))


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_nothing_is_less_than_nothing():
    figure, summary = drawing(strangers=-0.001)
    assert not [words for words in (summary, *(text.get_text() for text in figure.findobj(Text))) if "-0.00" in words]


@pytest.mark.parametrize("K", [1, 256, 300, 4096, 64 * 256])
def test_the_mean_over_the_queue_counts_every_key_once(K):
    curve = given()[0.9]
    keys = [curve[1 + key // 256] for key in range(K)]
    assert mean(curve, K / 256) == pytest.approx(np.mean(keys), abs=1e-12)


def test_a_queue_that_is_not_full_yet_has_the_mean_of_the_keys_that_it_has():
    curve = given(steps=3)[0.0]
    assert mean(curve, 64) == pytest.approx(np.mean(curve[1:]), abs=1e-12)


def test_it_says_what_is_measured_at_both_ends_of_the_queue_and_over_it():
    curve = given()[0.9]
    summary = drawing(m=0.9, K=4096, strangers=0.31)[1]
    assert f"agree to {np.mean(curve[1:17]):.2f} with the present network's" in summary
    assert f"to {curve[0]:.2f} at age 0 and to {curve[16]:.2f} when 16 steps old; keys of different pictures to 0.31;" in summary
    assert "K = 4,096, which is 16 steps of 256" in summary
    assert "kNN is 40.0 % here, on scenes, and the paper's linear probe on ImageNet 55.2 %" in summary
    assert "linear probe on ImageNet fails" in drawing(m=0.0)[1]


def test_the_oldest_key_is_one_that_there_is():
    summary = drawing(K=64 * 256, steps=39)[1]
    assert f"{given()[0.99][39]:.2f} when 39 steps old, the oldest that there is after 39 steps" in summary


def points(curve):
    """Where a curve lies, in inches."""
    return [(LEFT + age / LONGEST * (RIGHT - LEFT), LOW - (value + 1.35) / 2.4 * (LOW - TOP)) for age, value in enumerate(curve)]


@pytest.mark.parametrize("m", MS)
def test_the_chosen_curve_is_bold_and_every_curve_is_drawn(m):
    figure, curves = drawing(m=m)[0], given()
    drawn = [(path, strokes.colours, strokes.widths) for strokes in items(figure, Strokes) for path in strokes.paths if len(path) == LONGEST + 1]
    expected = [(curves[one], GREY, 2) for one in MS if one != m] + [(curves[m], POSITIVE, 4)]
    for (path, *look), (curve, *wanted) in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(path, points(curve))
        assert look == wanted
    labels = {item.text: item.bold for item in items(figure, Words) if item.x < SPLIT}
    assert [one for one in MS if labels[f"m = {one:g}"]] == [m]


def test_keys_of_different_pictures_are_the_dotted_line():
    line = [item for item in items(drawing(strangers=0.31)[0], Strokes) if item.dash == "dotted"][-1]  # the first stands beside its meaning
    assert line.colours == NEGATIVE
    np.testing.assert_allclose(line.paths[0], [points([0.31])[0], points([0.31] * (LONGEST + 1))[-1]])


@pytest.mark.parametrize("K", [256, 4096, 64 * 256])
def test_the_shaded_reach_ends_at_the_oldest_key(K):
    figure = drawing(K=K)[0]
    ((left, top, width, height),) = items(figure, Areas)[0].outlines
    assert items(figure, Areas)[0].fills == FAINT
    oldest = points(given()[0.99])[K // 256]
    assert (left, left + width, top, top + height) == pytest.approx((LEFT, oldest[0], TOP, LOW))
    (dot,) = items(figure, Marks)
    assert (*dot.x, *dot.y) == pytest.approx(oldest)


def test_the_two_worlds_have_bars_of_their_own_on_the_scale_of_0_to_100():
    figure = drawing(keys=1024)[0]
    for left, wanted in ((ages.OURS, [100 * share for share in OURS.values()]), (ages.THEIRS, [0, *[THEIRS[m] for m in MS[1:]]])):
        grounds, others, chosen = (item.outlines for item in items(figure, Areas) if item.outlines[0][0] == left)
        assert [box[2] for box in grounds] == [BAR] * 5
        found = sorted([*others, *chosen], key=lambda box: box[1])
        assert [100 * box[2] / BAR for box in found] == pytest.approx(wanted)
        assert [box[1] for box in chosen] == [grounds[MS.index(0.99)][1]]
    here, paper = ([item.text for item in items(figure, Words) if item.x == left] for left in (ages.OURS, ages.THEIRS))
    assert here == ["here", "kNN, scenes", "K = 1,024", "23.8 %", "40.0 %", "95.0 %", "90.0 %", "50.0 %"]
    assert paper == ["the paper", "top 1, ImageNet", "K = 4,096", "fails", "55.2 %", "57.8 %", "59.0 %", "58.9 %"]


@pytest.mark.parametrize("steps", [64, 39])
def test_every_point_of_every_curve_says_its_numbers_and_a_click_takes_its_m(steps):
    figure, curves = drawing(steps=steps)[0], given(steps)
    spots = figure.spots[0]()
    places = list(zip(map(tuple, spots.at), map(spots.said, range(len(spots))), spots.sets["m"], strict=True))
    for m, curve in curves.items():
        for age, (value, point) in enumerate(zip(curve, points(curve), strict=True)):
            said = f"m = {m:g}: keys {age} step{'s' * (age != 1)} old agree to {value:z.2f}".replace("-", "−")
            assert [own for at, words, own in places if at == pytest.approx(point) and words == said] == [m]
        (label,) = [item for item in items(figure, Words) if item.text == f"m = {m:g}" and item.x < SPLIT]
        beside = [(own, words) for (x, y), words, own in places if (x > label.x) and y == pytest.approx(label.y)]
        assert len(beside) == 3 and {own for own, _ in beside} == {m}
        assert all(f"{steps} steps old" in words for _, words in beside)


def test_a_line_of_the_tables_says_both_worlds_and_a_click_takes_its_m():
    figure = drawing()[0]
    table = figure.spots[1]
    assert [*table.sets["m"]] == [*MS]
    for place, m in enumerate(MS):
        paper = THEIRS[m] if isinstance(THEIRS[m], str) else f"{THEIRS[m]:.1f} %"
        assert table.said(place) == f"m = {m:g}: kNN {100 * OURS[m]:.1f} % here, on scenes; the paper's linear probe on ImageNet: {paper}"
        (label,) = [item for item in items(figure, Words) if item.text == f"m = {m:g}" and item.x > SPLIT]
        top = table.box[1] + place * table.box[3] / len(MS)
        assert top < label.y - 0.265 and label.y + 0.12 < top + table.box[3] / len(MS)


def test_it_says_what_it_needs():
    with pytest.raises(InputError, match=r"m 0\.5 is unknown; there are: 0"):
        drawing(m=0.5)
    with pytest.raises(InputError, match="K=0: the queue needs at least one key"):
        drawing(K=0)
