"""What the picture of the views promises: all that is said is true, can be read, and nothing is cut off."""

import numpy as np
import pytest
import torch

from dummies.drawings import every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Areas, Image, Strokes, Words
from ssl_lab.plots.views import ROWS, WHAT, title


def rows(shown, size=8, seed=0):
    """Pictures, their views and what was taken for the second ones."""
    return np.random.default_rng(seed).integers(0, 255, (4, shown, size, size, 3), dtype=np.uint8)


def right(found, n):
    return np.arange(n) < found


LONG = "area from 0.08, jitter 1, hue 0.5, blurred 0.25, solarised 0.25, threshold 0.5; draw 999, from picture 9999 on"
PICTURES = {
    "one picture": lambda: plots.views(*rows(1), right(1, 2)),
    "five": lambda: plots.views(*rows(5), right(3, 256), LONG),
    "ten": lambda: plots.views(*rows(10), right(256, 256), LONG),
    "none found": lambda: plots.views(*rows(6), right(0, 12), "draw 0"),
    "views of another size": lambda: plots.views(rows(3)[0], *rows(3, size=5)[1:], right(1, 3)),
}


picture = every(PICTURES)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_the_summary_counts_all_that_were_asked_and_those_that_are_seen(holds):
    hits = np.array([True, False, True, True, False, True, True])
    _, summary = plots.views(*rows(3), hits, "jitter 0")
    assert holds(summary, "7 pictures", "of 5", "guessing of 1", "of the 3", "finds 2", "jitter 0")
    assert plots.views(*rows(3), hits)[1].endswith("it finds 2.")


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
    assert title(found, n) in written(plots.views(*rows(1), right(found, n))[0])


def test_the_bar_is_as_long_as_the_share_and_guessing_is_marked():
    figure, _ = plots.views(*rows(2), right(30, 120))
    (left, top, width, height), (start, level, length, tall) = items(figure, Areas)[0].outlines
    assert (start, level, tall) == (left, top, height)
    assert length / width == pytest.approx(0.25)
    ends = [item.paths[0] for item in items(figure, Strokes) if item.widths == 3 and len(item.paths) == 1 and len(item.paths[0]) == 2]
    assert [[(x - left) / width for x, _ in path] for path in ends] == [pytest.approx([1 / 120] * 2)]
    assert {"25%", "guessing finds 1 of 120", "partners found by colour alone"} <= {*written(figure)}
    assert figure.spots[-1].said(0) == "colour alone finds 30 of 120 partners; guessing finds 1"


def test_what_colour_takes_is_framed_and_named_as_right_or_wrong():
    figure, _ = plots.views(*rows(3), np.array([True, False, True]))
    last = [image.box for image in items(figure, Image)[-3:]]
    frames = {item.colours: item for item in items(figure, Strokes) if item.widths == 5}
    assert [path[0] for path in frames[plots.POSITIVE].paths] == [last[0][:2], last[2][:2]]
    assert [path[0] for path in frames[plots.NEGATIVE].paths] == [last[1][:2]]
    assert frames[plots.POSITIVE].dash == "" != frames[plots.NEGATIVE].dash  # not by colour alone
    named = sorted((words.x, words.text, words.colour) for words in items(figure, Words) if words.text[0] in "✓✗")
    assert [name[1:] for name in named] == [("✓ partner", plots.POSITIVE), ("✗ another", plots.NEGATIVE), ("✓ partner", plots.POSITIVE)]
    assert [name[0] for name in named] == pytest.approx([left + side / 2 for left, _, side, _ in last])


def test_many_pictures_keep_their_marks_and_lose_the_words():
    assert [text for text in written(plots.views(*rows(7), right(3, 7))[0]) if text[0] in "✓✗"] == ["✓"] * 3 + ["✗"] * 4


def test_every_row_shows_its_images_in_order_at_their_own_resolution():
    pictures = rows(4)
    figure, _ = plots.views(*pictures, right(2, 4))
    assert [text for text in written(figure) if text in ROWS] == [*ROWS]
    shown = items(figure, Image)
    for image, pixels in zip(shown, pictures.reshape(-1, 8, 8, 3), strict=True):
        np.testing.assert_array_equal(image.pixels, pixels)
    places = np.array([image.box[:2] for image in shown]).reshape(4, 4, 2)
    assert (places == np.stack(np.broadcast_arrays(places[:1, :, 0], places[:, :1, 1]), axis=-1)).all()  # a grid
    assert (np.diff(places[0, :, 0]) > shown[0].box[2]).all() and (np.diff(places[:, 0, 1]) > shown[0].box[3]).all()


REMARKS = [["a ring", "a star"], ["grey", ""], ["", "solarised"], ["", "of picture 1, grey"]]


def test_an_image_says_which_picture_and_view_it_is_what_was_done_to_it_and_whether_colour_is_right():
    figure, _ = plots.views(*rows(2), right(1, 2), "", lambda: REMARKS)
    spots, shown = figure.spots[0](), items(figure, Image)
    wanted = [
        "picture 1, a ring", "picture 2, a star", "one view of picture 1, grey", "one view of picture 2",
        "the other view of picture 1", "the other view of picture 2, solarised",
        f"{WHAT[3]} 1: right", f"{WHAT[3]} 2: wrong, of picture 1, grey",
    ]  # fmt: skip
    assert [spots.said(place) for place in range(8)] == wanted
    left, top, width, height = spots.box
    for place, image in enumerate(shown):  # the cell over an image is its own
        x, y, side, _ = image.box
        row, column = divmod(place, 2)
        assert left + column * width / 2 < x < x + side < left + (column + 1) * width / 2
        assert top + row * height / 4 < y < y + side < top + (row + 1) * height / 4
    assert plots.views(*rows(2), right(1, 2))[0].spots[0]().said(7) == f"{WHAT[3]} 2: wrong"


def test_tensors_are_pictures_too():
    x = torch.from_numpy(rows(3)).permute(0, 1, 4, 2, 3) / 255
    first, second = ([image.pixels for image in items(plots.views(*r, right(1, 3))[0], Image)] for r in (rows(3), x))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "pictures, hits, words",
    [
        (rows(0), right(1, 2), r"at least one; got \[0, 0, 0, 0\]"),
        ([*rows(3)[:3], rows(2)[3]], right(1, 3), r"got \[3, 3, 3, 2\]"),
        (rows(3), right(1, 2), "got 2 answers for 3 pictures"),
        (rows(1), right(1, 1), "got 1 answers for 1 pictures; at least 2"),
    ],
)
def test_rows_and_answers_that_do_not_belong_together_are_refused(pictures, hits, words):
    with pytest.raises(InputError, match=words):
        plots.views(*pictures, hits)


@pytest.mark.parametrize("shown", [1, 5, 6, 10])
def test_the_pictures_leave_the_meter_its_place(shown):
    figure, _ = plots.views(*rows(shown), right(1, 12))
    boxes = np.array([image.box for image in items(figure, Image)])
    assert (boxes[:, 0] + boxes[:, 2]).max() < items(figure, Areas)[0].outlines[0][0]
    np.testing.assert_allclose(boxes[:, 2], boxes[:, 3])  # square
