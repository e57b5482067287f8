"""The picture of the momentum: what it says is in its numbers, and its words are large enough and do not collide."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.momentum import APART, apart, mean

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


@pytest.fixture(params=PICTURES, scope="module")
def drawn(request, shown):
    return shown(*drawing(**PICTURES[request.param]))


def test_everything_is_large_enough_and_nothing_is_cut_off(drawn, legible):
    legible(drawn[0])


def test_no_two_words_collide(drawn, apart):
    apart(((text.get_text(), text.get_window_extent(drawn[3])) for text in drawn[2]), down=4)


def test_nothing_is_less_than_nothing():
    figure, summary = drawing(strangers=-0.001)
    assert not [words for words in (summary, *(text.get_text() for text in figure.findobj(Text))) if "-0.00" in words]


def test_summary_is_one_sentence(drawn, one_sentence):
    one_sentence(drawn[1])


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


@pytest.mark.parametrize("m", MS)
def test_the_chosen_curve_is_bold_and_every_curve_is_drawn(m):
    axes = drawing(m=m)[0].axes[0]
    lines = {tuple(line.get_ydata()): line for line in axes.lines}
    found = {one: lines[tuple(curve)] for one, curve in given().items()}
    assert [one for one, line in found.items() if to_hex(line.get_color()) == plots.POSITIVE and line.get_linewidth() == 4] == [m]
    labels = {text.get_text(): text.get_fontweight() for text in axes.texts}
    assert [one for one in MS if labels[f"m = {one:g}"] == "bold"] == [m]


@pytest.mark.parametrize("K", [256, 4096, 64 * 256])
def test_the_shaded_reach_ends_at_the_oldest_key(K):
    axes = drawing(K=K)[0].axes[0]
    (span,) = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == (0, K / 256)
    dot = axes.lines[-1]
    assert (*dot.get_xdata(), *dot.get_ydata()) == (K / 256, given()[0.99][K // 256])


def test_the_two_worlds_have_bars_of_their_own_on_the_scale_of_0_to_100():
    _, here, paper = drawing()[0].axes
    for axes, wanted in ((here, [100 * share for share in OURS.values()]), (paper, [0, *[THEIRS[m] for m in MS[1:]]])):
        bars = [bar.get_width() for bar in axes.patches]
        assert bars[::2] == [100] * 5
        assert bars[1::2] == pytest.approx(wanted)
        assert axes.get_xlim() == (0, 100)
    assert [text.get_text() for text in paper.texts][:5] == ["fails", "55.2 %", "57.8 %", "59.0 %", "58.9 %"]
    assert {"here", "scenes"} <= {text.get_text() for text in here.texts}
    assert {"the paper", "ImageNet"} <= {text.get_text() for text in paper.texts}


def test_labels_stay_in_the_order_of_their_ends_and_at_their_ends_where_there_is_room():
    assert apart({0.1: 0.5, 0.2: -0.5}) == {0.1: 0.5, 0.2: -0.5}
    for ends in (dict.fromkeys(MS, 0.95), dict.fromkeys(MS, -0.99), dict(zip(MS, (0.3, 0.31, -0.9, -0.95, 0.96)))):
        heights = apart(ends)
        order = sorted(ends, key=lambda one: -ends[one])
        assert all(heights[one] - heights[other] >= APART - 1e-9 for one, other in itertools.pairwise(order))
        assert min(heights.values()) >= -1 and max(heights.values()) <= 1


def test_it_says_what_it_needs():
    with pytest.raises(InputError, match=r"m 0\.5 is unknown; there are: 0"):
        drawing(m=0.5)
    with pytest.raises(InputError, match="K=0: the queue needs at least one key"):
        drawing(K=0)
