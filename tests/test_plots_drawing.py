"""A drawing says the same to matplotlib and to a browser."""

import json
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.text import Text

from ssl_lab.plots.drawing import Areas, Drawing, Image, Marks, Strokes, Words, corners, hexed
from ssl_lab.plots.look import INK, POSITIVE


def pixels(drawing, dpi=50):
    """What is seen of it, (H, W, 3)."""
    drawing.set_dpi(dpi)
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def whole():
    """One of each kind."""
    drawing = Drawing(4, 3)
    drawing.image(np.full((2, 2, 3), 90, np.uint8), 0.5, 0.25, 1, 0.5)
    drawing.strokes([[(0, 2), (4, 2)], [(0, 2.5), (2, 2.5)]], [INK, POSITIVE], [1, 4], "dashed")
    drawing.areas([(2, 1, 0.5, 0.25), [(3, 1), (3.5, 1), (3.25, 1.5)]], [POSITIVE, ""], INK, 2)
    drawing.marks([1, 2], [2.8, 2.8], "*", [10, 20], POSITIVE, INK)
    drawing.words(2, 0.5, "two\nlines", 12, POSITIVE, True, "center", "top", 90, "#ffffff", INK)
    return drawing


def test_items_keep_the_order_in_which_they_are_put():
    drawing = whole()
    assert [type(item) for item in drawing.items] == [Image, Strokes, Areas, Marks, Words]
    above = Drawing(2, 2)
    above.areas([(0, 0, 2, 2)], "#ff0000")
    above.image(np.full((1, 1, 3), 255, np.uint8), 0.5, 0.5, 1, 1)
    above.areas([(0.75, 0.75, 0.5, 0.5)], "#00ff00")
    seen = pixels(above)
    assert seen[5, 5].tolist() == [255, 0, 0] and seen[30, 30].tolist() == [255, 255, 255] and seen[50, 50].tolist() == [0, 255, 0]


def test_nothing_is_given_to_matplotlib_before_it_is_printed():
    drawing = whole()
    assert not drawing.axes
    assert len(drawing.findobj(Text)) > 0 and len(drawing.axes) == 1
    assert [type(artist) for artist in drawing.axes[0].collections] == [LineCollection, PolyCollection, PathCollection]


def test_what_is_put_after_printing_is_printed_too():
    drawing = Drawing(2, 2)
    assert (pixels(drawing) == 255).all()
    drawing.areas([(0, 0, 2, 2)], "#000000")
    assert (pixels(drawing) == 0).all()


def test_places_are_inches_and_y_runs_down():
    drawing = Drawing(4, 2)
    drawing.areas([(3, 0, 1, 0.5)], "#000000")
    rows, columns = np.nonzero(pixels(drawing)[..., 0] < 128)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (150, 199, 0, 24)


def test_a_browser_is_told_places_in_its_pixels_and_sizes_of_points():
    sent = [item.sent() for item in whole().items]
    assert sent[0][:2] == ["image", [50, 25, 100, 50]]
    assert sent[1][1:] == [[[0, 200, 400, 200], [0, 250, 200, 250]], [INK, POSITIVE], [1, 4], "dashed", 1.0]
    assert sent[2][1] == [[200, 100, 250, 100, 250, 125, 200, 125], [300, 100, 350, 100, 325, 150]]
    assert sent[3][1:5] == ["*", [100, 200], [280, 280], [10, 20]]
    assert sent[4][1:6] == [200, 50, "two\nlines", round(12 * 100 / 72, 2), POSITIVE]
    json.dumps(sent[1:], allow_nan=False)


def test_colours_are_what_a_browser_knows():
    assert hexed("red") == "#ff0000" and hexed("") == "" and hexed(POSITIVE) == POSITIVE
    assert hexed(["b", (1, 0, 0), ""]) == ["#0000ff", "#ff0000", ""]
    assert hexed(np.array([[0, 0, 0, 1.0]])) == ["#000000"]


def test_a_box_is_an_outline_and_so_are_four_points():
    assert corners((1, 2, 3, 4)).tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]
    four = [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert corners(four).tolist() == [[*map(float, point)] for point in four]


@pytest.mark.parametrize("kind", ["o", "s", "^", "v", ">", "<", "D", "d", "x", "X", "P", "tick", "*"])
def test_every_mark_is_as_large_as_was_said(kind):
    drawing = Drawing(2, 2)
    drawing.marks([1], [1], kind, 72, "#000000", width=2)  # an inch across
    rows, columns = np.nonzero(pixels(drawing, 100)[..., 0] < 128)
    for low, high in ((rows.min(), rows.max()), (columns.min(), columns.max())):
        assert 55 <= high - low <= 145 and 40 <= (low + high) / 2 <= 160


def test_a_page_of_inches_is_its_own_size_and_one_panel():
    drawing = Drawing(4, 3)
    assert drawing.get_size_inches().tolist() == [4, 3] and drawing.panels == [(0, 0, 4, 3)] and drawing.spots == []


def test_the_strip_of_the_title_and_what_lies_between_the_splits_are_panels():
    assert Drawing(13, 6, 1, [5, 9]).panels == [(0, 0, 13, 1), (0, 1, 5, 5), (5, 1, 4, 5), (9, 1, 4, 5)]
    assert Drawing(13, 6, splits=[5]).panels == [(0, 0, 5, 6), (5, 0, 8, 6)]


def test_below_a_title_stand_those_facts_that_there_are():
    drawing = Drawing(4, 3)
    drawing.title("found", "step 1", "", "K = 4")
    drawing.title("found", "")
    assert [item.text for item in drawing.items] == ["found", "step 1 · K = 4", "found"]


def test_our_look_is_kept_whatever_style_the_reader_has_chosen():
    code = """
import io, matplotlib
from ssl_lab.plots.drawing import Drawing
def seen():
    drawing = Drawing(3, 1); drawing.words(0.1, 0.5, "words"); drawing.strokes([[(0, 0.9), (3, 0.9)]])
    buffer = io.BytesIO(); drawing.savefig(buffer); return buffer.getvalue()
before = seen(); matplotlib.style.use("dark_background"); matplotlib.rcParams["font.size"] = 30
print(before == seen())
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True"
