"""What the picture of the views promises: all that is said is true, can be read, and nothing is cut off."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.views import ROWS, title


def rows(shown, size=8, seed=0):
    """Pictures, their views and what was taken for the second ones."""
    return np.random.default_rng(seed).integers(0, 255, (4, shown, size, size, 3), dtype=np.uint8)


def answers(found, n):
    return np.arange(n) < found


LONG = "area 0.08, jitter 1, hue 0.5, blur_share 0.25, solarise_share 0.25, threshold 0.5; draw 999, from picture 9999 on"
PICTURES = {
    "one picture": lambda: plots.views(*rows(1), answers(1, 2)),
    "five": lambda: plots.views(*rows(5), answers(3, 256), LONG),
    "ten": lambda: plots.views(*rows(10), answers(256, 256), LONG),
    "none found": lambda: plots.views(*rows(6), answers(0, 12), "draw 0"),
    "views of another size": lambda: plots.views(rows(3)[0], *rows(3, size=5)[1:], answers(1, 3)),
}


@pytest.fixture(params=PICTURES, scope="module")
def drawn(request, shown):
    return shown(*PICTURES[request.param]())


def test_everything_is_large_enough_and_nothing_is_cut_off(drawn, legible):
    legible(drawn[0])


def test_no_words_lie_on_other_words(drawn, apart):
    apart((text.get_text(), text.get_window_extent(drawn[3])) for text in drawn[2])


def test_summary_is_one_sentence(drawn, one_sentence):
    one_sentence(drawn[1])


def test_the_summary_counts_all_that_were_asked_and_those_that_are_seen(holds):
    right = np.array([True, False, True, True, False, True, True])
    _, summary = plots.views(*rows(3), right, "jitter 0")
    assert holds(summary, "7 pictures", "of 5", "guessing of 1", "of the 3", "finds 2", "jitter 0")
    assert plots.views(*rows(3), right)[1].endswith("it finds 2.")


@pytest.mark.parametrize(
    "found, n, words",
    [
        (248, 256, "97 of 100 partners: a shortcut"),
        (10, 256, "4 of 100 partners"),
        (256, 256, "100 of 100 partners: a shortcut"),
        (255, 256, "99 of 100 partners: a shortcut"),
        (1, 256, "1 of 100 partners"),
        (0, 256, "0 of 100 partners"),
        (128, 256, "50 of 100 partners: a shortcut"),
        (127, 256, "50 of 100 partners"),
        (11, 12, "11 of 12 partners: a shortcut"),
        (3, 100, "3 of 100 partners"),
    ],
)
def test_the_title_says_the_finding_and_never_rounds_to_none_or_all(found, n, words):
    assert title(found, n) == f"colour alone finds {words}"
    assert title(found, n) in [text.get_text() for text in plots.views(*rows(1), answers(found, n))[0].texts]


def meter(found, n):
    """The axes of the meter."""
    return plots.views(*rows(2), answers(found, n))[0].axes[1]


def test_the_bar_is_as_long_as_the_share_and_guessing_is_marked():
    axes = meter(30, 120)
    assert [bar.get_width() for bar in axes.patches] == [1, 0.25]
    assert [bar.get_x() for bar in axes.patches] == [0, 0]
    assert list(axes.lines[0].get_xdata()) == [1 / 120] * 2
    assert axes.get_xlim() == (0, 1)
    assert {"25%", "guessing finds 1 of 120"} <= {text.get_text() for text in axes.texts}


def test_what_colour_takes_is_framed_and_named_as_right_or_wrong():
    figure, _ = plots.views(*rows(3), np.array([True, False, True]))
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert [to_hex(frame.get_edgecolor()) for frame in frames] == [plots.POSITIVE, plots.NEGATIVE, plots.POSITIVE]
    assert frames[0].get_linestyle() == "-" != frames[1].get_linestyle()
    assert [text.get_text() for text in figure.axes[0].texts] == ["✓ partner", "✗ another", "✓ partner"]
    assert [frame.get_x() // 1 for frame in frames] == [0, 1, 2]


def test_many_pictures_keep_their_marks_and_lose_the_words():
    assert [text.get_text() for text in plots.views(*rows(7), answers(3, 7))[0].axes[0].texts] == ["✓"] * 3 + ["✗"] * 4


def test_every_row_shows_its_images_in_order():
    pictures = rows(4)
    axes = plots.views(*pictures, answers(2, 4))[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ROWS)
    for row, image in zip(pictures, axes.images, strict=True):
        seen = image.get_array()
        for x in range(4):
            cell = seen[:, x * seen.shape[1] // 4 : (x + 1) * seen.shape[1] // 4]
            np.testing.assert_array_equal(cell[4:-4:4, 4:-4:4], row[x])
    assert [image.get_extent()[2:] for image in axes.images] == [[1, 0], [2, 1], [3, 2], [4, 3]]


def test_tensors_are_pictures_too():
    x = torch.from_numpy(rows(3)).permute(0, 1, 4, 2, 3) / 255
    first, second = (plots.views(*r, answers(1, 3))[0].axes[0].images[2].get_array() for r in (rows(3), x))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "pictures, right, words",
    [
        (rows(0), answers(1, 2), r"at least one; got \[0, 0, 0, 0\]"),
        ([*rows(3)[:3], rows(2)[3]], answers(1, 3), r"got \[3, 3, 3, 2\]"),
        (rows(3), answers(1, 2), "got 2 answers for 3 pictures"),
        (rows(1), answers(1, 1), "got 1 answers for 1 pictures; at least 2"),
    ],
)
def test_rows_and_answers_that_do_not_belong_together_are_refused(pictures, right, words):
    with pytest.raises(InputError, match=words):
        plots.views(*pictures, right)


@pytest.mark.parametrize("shown", [1, 5, 6, 10])
def test_the_pictures_leave_the_meter_its_place(shown):
    left, meter = (axes.get_position() for axes in plots.views(*rows(shown), answers(1, 12))[0].axes)
    assert left.x1 < meter.x0
    assert left.width * 13 / shown == pytest.approx(left.height * 6.6 / 4)  # square
