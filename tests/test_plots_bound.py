"""What the picture of the bound promises: every curve at its numbers, the ceiling and the truth as lines, bars that add up, every word true."""

import itertools
import math

import numpy as np
import pytest

from dummies.drawings import items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.gaussians import Contrast
from ssl_lab.plots.bound import BOTTOM, CMCS, MOST, TIGHT, finding
from ssl_lab.plots.drawing import Areas, Marks, Strokes, Words
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, POSITIVE

KS = (1, 7, 63, 511, 4095)
NATS = range(11)


def contrast(k, tight, error=0.05):
    return Contrast(k, math.log(k + 1) - tight, error, 512)


def drawn(nats=3.0, k=63, kept=(8, 8), best=None, critic="optimal critic", lost=0.0, **changes):
    """A bound that is 0.9 of the truth as far as the ceiling lets it be."""
    share = kept[0] / kept[1]
    by_nats = {one: contrast(k, min(0.9 * share * one, math.log(k + 1)) - lost) for one in NATS}
    by_k = {one: contrast(one, min(0.9 * share * nats, math.log(one + 1)) - lost) for one in KS}
    best = contrast(k, by_k[k].tight + lost) if best is None else best
    return plots.bound(nats, k, kept, by_nats, by_k, best, critic, **changes)


def spots(figure, name):
    (found,) = [one for one in figure.spots if one.name == name]
    return found


def lines(figure, name, across, colour, dash):
    """The lines of this look in one chart, as data."""
    left, top, width, height = spots(figure, name).box

    def data(path):
        x, y = np.array(path).T
        return across[0] + (x - left) / width * (across[1] - across[0]), BOTTOM + (top + height - y) / height * (MOST - BOTTOM)

    found = [line for line in items(figure, Strokes) if (line.colours, line.dash) == (colour, dash) and line.alpha == 1]
    middles = [(path, *np.mean(path, axis=0)) for line in found for path in line.paths]
    return [data(path) for path, x, y in middles if left <= x <= left + width and top - 1e-9 <= y <= top + height + 1e-9]


LEFT = "bounds against the information", (0, MOST)
MIDDLE = "bounds against the negatives", (0.7, 12)
LOOKS = [  # nats, k, kept, lost, critic
    (3.0, 63, (8, 8), 0.0, "optimal critic"), (0.0, 1, (8, 8), 0.0, "optimal critic"), (10.0, 4095, (1, 8), 0.0, "optimal critic"),
    (10.0, 1, (8, 8), 12.0, "cosine critic"), (0.5, 511, (3, 8), 2.0, "cosine critic"), (10.0, 4095, (7, 8), 5.0, "cosine critic"),
]  # fmt: skip


@pytest.mark.parametrize("nats, k, kept, lost, critic", LOOKS)
def test_readable_whatever_is_seen(readable, one_sentence, nats, k, kept, lost, critic):
    figure, summary = drawn(nats, k, kept, lost=lost, critic=critic, draw=1000)
    readable(figure)
    one_sentence(summary)


@pytest.mark.parametrize("lost", [0.0, 0.7])
def test_the_bounds_stand_at_their_numbers_on_the_left(lost):
    figure, _ = drawn(lost=lost)
    tight = np.minimum(0.9 * np.array(NATS), math.log(64)) - lost
    ((x, y),) = lines(figure, *LEFT, POSITIVE, "")
    assert np.allclose(x, NATS) and np.allclose(y, tight)
    ((x, y),) = lines(figure, *LEFT, INK, "dashed")
    assert np.allclose(x, NATS) and np.allclose(y, tight - math.log(64 / 63))
    assert np.allclose(lines(figure, *LEFT, NEGATIVE, "dashed"), [[[0, MOST], [math.log(64)] * 2]])
    assert np.allclose(lines(figure, *LEFT, GREY, "dotted"), [[[0, MOST], [0, MOST]]])


def test_the_bounds_stand_at_their_numbers_in_the_middle():
    figure, _ = drawn(5.0)
    bits = np.log2(np.add(KS, 1))
    tight = [min(4.5, math.log(k + 1)) for k in KS]
    ((x, y),) = lines(figure, *MIDDLE, POSITIVE, "")
    assert np.allclose(x, bits) and np.allclose(y, tight)
    ((x, y),) = lines(figure, *MIDDLE, INK, "dashed")
    assert np.allclose(y, [one - math.log(1 + 1 / k) for one, k in zip(tight, KS)])
    ((x, y),) = lines(figure, *MIDDLE, NEGATIVE, "dashed")
    assert np.allclose(x, bits) and np.allclose(y, [math.log(k + 1) for k in KS])
    assert np.allclose(lines(figure, *MIDDLE, GREY, "dotted"), [[[0.7, 12], [5, 5]]])


@pytest.mark.parametrize("kept", [3, 8])
def test_what_is_left_in_z_has_a_line_of_its_own_where_something_is_forgotten(kept):
    figure, _ = drawn(4.0, kept=(kept, 8))
    lower = [[[0, MOST], [0, MOST * kept / 8]]], [[[0.7, 12], [4 * kept / 8] * 2]]
    for place, line in zip((LEFT, MIDDLE), lower):
        found = lines(figure, *place, GREY, "dotdash")
        assert np.allclose(found, line) if kept < 8 else not found
    assert ("I(z1; z2)" in [item.text for item in items(figure, Words) if item.colour == GREY]) == (kept < 8)


def test_bars_on_a_curve_are_two_standard_errors_to_each_side():
    figure, _ = drawn(5.0)
    left, right = [line for line in items(figure, Strokes) if line.alpha < 1]
    for line, count in ((left, len(NATS)), (right, len(KS))):
        heights = [abs(path[0][1] - path[1][1]) for path in line.paths]
        box = spots(figure, LEFT[0]).box
        assert np.allclose(heights, 4 * 0.05 / (MOST - BOTTOM) * box[3]) and len(heights) == count


def test_the_point_in_hand_is_marked_in_both_charts():
    figure, _ = drawn(2.5, 511)
    (left, right) = items(figure, Marks)
    places = [(LEFT, left, 2.5 / MOST), (MIDDLE, right, (9 - 0.7) / 11.3)]
    for (name, _), mark, across in places:
        x, y, width, height = spots(figure, name).box
        assert mark.x[0] == pytest.approx(x + across * width)
        assert mark.y[0] == pytest.approx(y + height * (MOST - 2.25) / (MOST - BOTTOM))


def test_what_is_below_the_chart_is_drawn_at_its_bottom_and_says_its_figure():
    figure, _ = drawn(lost=20.0)
    ((_, y),) = lines(figure, *LEFT, POSITIVE, "")
    assert np.allclose(y, BOTTOM)
    assert f"{TIGHT} = −20.00 ± 0.05" in spots(figure, LEFT[0]).said(0)


def test_a_point_on_the_left_says_its_numbers_and_a_click_takes_its_information():
    found = spots(drawn(kept=(4, 8))[0], LEFT[0])
    assert found.said(4) == f"4.0 nats in the views, 2.00 in z: {TIGHT} = 1.80 ± 0.05, {CMCS} = 1.78"
    assert found.sent()["sets"] == {"information": [*map(float, NATS)]}


def test_a_point_in_the_middle_says_its_numbers_and_a_click_takes_its_k():
    found = spots(drawn(4.0, kept=(4, 8))[0], MIDDLE[0])
    assert found.said(4) == f"k = 4,095: {TIGHT} = 1.80 ± 0.05, {CMCS} = 1.80, ceiling 8.32; 2.00 nats are in z"
    assert found.sent()["sets"] == {"k": [*KS]}


def chain(figure):
    """Lengths of the bars, and of the gaps beside them, in parts of the longest bar there may be."""
    grounds, *_ = zip(*[item.outlines for item in items(figure, Areas) if item.fills == FAINT])
    full = grounds[0][2]
    held = [item.outlines[0] for item in items(figure, Areas) if item.fills in (GREY, POSITIVE)]
    gaps = [item.outlines[0] for item in items(figure, Areas) if item.fills == NEGATIVE]
    return [box[2] / full for box in held], [((box[0] - grounds[0][0]) / full, box[2] / full) for box in gaps]


def test_every_bar_is_as_long_as_its_number_and_the_gap_is_what_is_lost():
    figure, _ = drawn(4.0, 63, (6, 8), best=contrast(63, 2.6), lost=0.7)
    values = [4.0, 3.0, 2.6, 2.0, 2.0 - math.log(64 / 63)]
    held, gaps = chain(figure)
    assert np.allclose(held, np.divide(values, 4))
    assert np.allclose(gaps, [(after / 4, (before - after) / 4) for before, after in itertools.pairwise(values)])
    said = written(figure)
    assert [text for text in said if text in ("4.00", "3.00", "2.60", "2.00", "1.98")] == ["4.00", "3.00", "2.60", "2.00", "1.98"]
    gaps = "−1.00 forgotten by the encoder", "−0.40 hidden: too few negatives", "−0.60 lost by the critic", "−0.02 log(1 + 1/k): no +1 in log k"
    assert [text for text in said if text in gaps] == [*gaps]


def test_every_bar_says_its_number_and_what_is_lost_after_it(holds):
    found = spots(drawn(4.0, 63, (6, 8), best=contrast(63, 2.6), lost=0.7)[0], "the chain")
    said = [found.said(place) for place in range(5)]
    assert holds(said[0], "I(v1; v2)", "4.000 nats", "−1.000 forgotten by the encoder")
    assert holds(said[1], "I(z1; z2)", "3.000 nats", "−0.400 hidden")
    assert holds(said[2], TIGHT, "optimal critic", "2.600 nats", "−0.600 lost by the critic")
    assert holds(said[3], TIGHT, "2.000 nats", "−0.016 log(1 + 1/k)")
    assert said[4] == f"{CMCS}, CMC's bound: 1.984 nats"


def test_a_bound_above_the_truth_by_chance_is_no_longer_than_its_room():
    figure, _ = drawn(1.0, best=contrast(63, 1.1), lost=-0.2)
    held, gaps = chain(figure)
    assert max(held) == 1 and min(width for _, width in gaps) >= 0
    assert "0.10 hidden: too few negatives" in written(figure)


def test_below_zero_there_is_no_bar():
    held, gaps = chain(drawn(1.0, 63, best=contrast(63, 0.9), lost=3.0)[0])
    assert held[3:] == [0, 0] and np.allclose(gaps[2], (0, 0.9))


def test_the_sentence_has_all_numbers(holds):
    said = drawn(4.0, 63, (6, 8), best=contrast(63, 2.6), lost=0.7, critic="cosine critic", draw=2)[1]
    assert said.startswith("1 positive and 63 negatives, cosine critic, 6 of 8 coordinates kept, 512 anchors, draw 2: ")
    assert holds(said, "I(v1; v2) = 4.00 nats", "I(z1; z2) = 3.00", f"{TIGHT} = 2.00 ± 0.05", f"{CMCS} = 1.98; ")
    assert drawn(k=1)[1].startswith("1 positive and 1 negative, ")


@pytest.mark.parametrize(
    "values, k, words",
    [
        ((3.0, 3.0, 2.75, 2.75), 255, "256 candidates cannot show more than 5.5 nats; 3.0 are there and 2.8 are seen"),
        ((3.0, 3.0, 2.94, 2.94), 4095, "2.9 of 3.0 nats are seen; 4,096 candidates can show up to 8.3"),
        ((4.0, 2.0, 1.8, 1.8), 255, "4 of 8 coordinates are kept: 2.0 of 4.0 nats are left, and 1.8 are seen"),
        ((4.0, 2.0, 1.8, -0.5), 255, "The cold critic shows nothing: its bound is −0.5 nats, and 2.0 are there"),
        ((4.0, 3.0, 2.6, 1.2), 255, "The cold critic loses 1.4 nats: 3.0 are there and 1.2 are seen"),
        ((0.0, 0.0, 0.0, 0.0), 1, f"Nothing is shared: {CMCS} is −0.69, and a bound of 0 or less shows nothing"),
    ],
)
def test_the_title_names_the_largest_gap(values, k, words):
    now = contrast(k, values[-1])
    steps = dict(zip(("views", "embeddings", "best", "tight", "bound"), (*values, now.bound)))
    assert finding(steps, now, "cold critic", (4, 8)) == words


def test_a_k_that_there_is_not():
    with pytest.raises(InputError, match="k=5 is not among the negatives, 1, 7, 63, 511, 4095"):
        plots.bound(1.0, 5, (8, 8), {}, {k: contrast(k, 0.5) for k in KS}, contrast(5, 0.5), "optimal critic")
