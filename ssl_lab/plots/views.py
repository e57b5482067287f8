"""Two views of a few pictures, which view colour alone takes for the partner, and how often it is right: the shortcut meter."""

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing, square
from ssl_lab.plots.look import FAINT, GREY, NEGATIVE, PARTS, POSITIVE, hwc, percent
from ssl_lab.plots.spots import Box, Spots

ROWS = ("picture", "one view", "the other", "the other,\nif asked by\ncolour alone")
WHAT = ("picture", "one view of picture", "the other view of picture", "what colour takes for the other view of picture")
SHORTCUT = 0.5  # share of partners found by colour from which the title calls it one
Remarks = Callable[[], Sequence[Sequence[str]]]
LEFT, TOP, HEAD, SPLIT = 1.43, 0.73, 0.66, 8.85  # inches: of the images; where the title and the images end


def views(pictures, x1, x2, taken, right: np.ndarray, setting: str = "", remarks: Remarks | None = None) -> tuple[Figure, str]:
    """Rows of pictures and their views, and beside them the shortcut meter: how many partners are found by colour alone.

    pictures, x1, x2: S images each, (S, H, W, 3) uint8 or tensors (S, 3, H, W), x1 and x2 being two views of them.   taken: S second views, which
    colour takes for the partners of x1.   right: (N,) bool, N >= 2 and N >= S, whether it is right; the first S are those shown.
    setting: how the views were made, in words.   remarks: gives one on each image of the four rows, for who points at it: "grey, solarised".
    Raises: InputError for no pictures, or rows and answers that do not belong together.
    """
    rows, shown, n = [hwc(row) for row in (pictures, x1, x2, taken)], len(pictures), len(right)
    lengths = [len(row) for row in rows]
    require(set(lengths) == {shown} != {0}, f"each of four rows needs one image for every picture, and at least one; got {lengths}")
    require(n >= max(2, shown), f"got {n} answers for {shown} pictures; at least 2 are needed, and one for every picture")
    found, figure = int(right.sum()), Drawing(13, 6.6, HEAD, [SPLIT])
    figure.title(title(found, n), size=22)
    strip(figure, rows, right[:shown], remarks or (lambda: [[""] * shown] * 4))
    meter(figure, found, n)
    if setting:
        figure.words(9.1, 5.35, textwrap.fill(setting, 38), 14, GREY, va="top")
    said = f"of the {shown} shown it finds {int(right[:shown].sum())}"
    return figure, f"Of {n} pictures, colour alone finds the partner of {found}, and guessing of 1; {said}{', with ' * bool(setting)}{setting}."


def title(found: int, n: int) -> str:
    """The finding, out of a hundred; none and all are said only where it is so."""
    hundred = min(max(round(100 * found / n), found > 0), 100 - (found < n)) if n > 100 else found
    return f"colour alone finds {int(hundred)} of {min(n, 100)} partners" + (": a shortcut" if found >= SHORTCUT * n else "")


def strip(figure: Drawing, rows, right: np.ndarray, remarks: Remarks) -> None:
    """Four rows of images, each at its own resolution; the last framed: blue and solid where colour is right, vermilion and dashed where not."""
    shown, cell = len(right), min(1.35, 7.2 / len(right))  # inches
    side, few = 0.94 * cell, shown <= 6
    lefts, tops = LEFT + cell * (np.arange(shown) + 0.03), TOP + cell * (np.arange(4) + 0.03)
    for top, name, images in zip(tops, ROWS, rows):
        figure.words(LEFT - 0.1, top + side / 2, name, ha="right")
        for left, image in zip(lefts, images):
            figure.picture(image, left, top, side)
    for hits, colour, dash, words in (right, POSITIVE, "", "✓ partner"), (~right, NEGATIVE, "dashed", "✗ another"):
        figure.strokes([square(left, tops[3], side) for left in lefts[hits]], colour, 5 if few else 3, dash)
        for left in lefts[hits]:
            figure.words(left + side / 2, tops[3] + side + 0.22, words if few else words[0], colour=colour, bold=True, ha="center")
    figure.spots.append(lambda: answers(right, remarks(), (LEFT, TOP, shown * cell, 4 * cell)))


def answers(right: np.ndarray, remarks: Sequence[Sequence[str]], box: Box) -> Spots:
    """Every image says what it is."""
    shown = len(right)
    ends = [[""] * shown] * 3 + [[": right" if hit else ": wrong" for hit in right]]
    said = [f"{what} {n + 1}{end[n]}{', ' * bool(own[n])}{own[n]}" for what, end, own in zip(WHAT, ends, remarks) for n in range(shown)]
    return Spots("pictures and views", box, "{said}", {"said": said}, rows=WHAT, columns=[str(n + 1) for n in range(shown)])


def meter(figure: Drawing, found: int, n: int) -> None:
    """The share of partners found, and where guessing stands."""
    chart = Chart(figure, 9.1, 2.57, 12.61, 4.16, (0, 1), (0, 1))
    left, top, width, height = chart.box
    figure.areas([chart.box, (left, top, width * found / n, height)], [FAINT, POSITIVE])
    chart.frame(PARTS, {}, "partners found by colour alone", size=14)
    figure.strokes([[(chart.x(1 / n), top - 0.35), (chart.x(1 / n), chart.low)]], widths=3)
    figure.words(chart.x(1 / n), top - 0.5, f"guessing finds 1 of {n}")
    figure.words(left, top - 1.2, percent(found / n), 48, POSITIVE, bold=True)
    figure.spots.append(Spots("the shortcut meter", chart.box, f"colour alone finds {found} of {n} partners; guessing finds 1"))
