"""Two views of a few pictures, which view colour alone takes for the partner, and how often it is right: the shortcut meter."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssl_lab.errors import require
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PARTS, POSITIVE, Page, hwc, in_our_look, percent, squared
from ssl_lab.plots.sheets import sheet

ROWS = ("picture", "one view", "the other", "the other,\nif asked by\ncolour alone")
SHORTCUT = 0.5  # share of partners found by colour from which the title calls it one
WIDTH, HEIGHT = 13, 6.6  # inches


@in_our_look
def views(pictures, x1, x2, taken, right: np.ndarray, setting: str = "") -> tuple[Figure, str]:
    """Rows of pictures and their views, and beside them the shortcut meter: how many partners are found by colour alone.

    pictures, x1, x2: S images each, (S, H, W, 3) uint8 or tensors (S, 3, H, W), x1 and x2 being two views of them.   taken: S second views, which
    colour takes for the partners of x1.   right: (N,) bool, N >= 2 and N >= S, whether it is right; the first S are those shown.
    setting: how the views were made, in words.
    Raises: InputError for no pictures, or rows and answers that do not belong together.
    """
    rows, shown, n = [squared(hwc(row)) for row in (pictures, x1, x2, taken)], len(pictures), len(right)
    lengths = [len(row) for row in rows]
    require(set(lengths) == {shown} != {0}, f"each of four rows needs one image for every picture, and at least one; got {lengths}")
    require(n >= max(2, shown), f"got {n} answers for {shown} pictures; at least 2 are needed, and one for every picture")
    found, cell = int(right.sum()), min(1.35, 7.2 / shown)  # inches
    figure = Page(figsize=(WIDTH, HEIGHT))
    strip(figure.add_axes((0.11, 0.89 - 4 * cell / HEIGHT, shown * cell / WIDTH, 4 * cell / HEIGHT)), rows, right[:shown])
    bar(figure.add_axes((0.7, 0.37, 0.27, 0.24)), found, n)
    figure.text(0.012, 0.95, title(found, n), fontsize=22, fontweight="bold", va="center")
    figure.text(0.7, 0.19, textwrap.fill(setting, 34), color=GREY, va="top")
    said = f"of the {shown} shown it finds {int(right[:shown].sum())}"
    return figure, f"Of {n} pictures, colour alone finds the partner of {found}, and guessing of 1; {said}{', with ' * bool(setting)}{setting}."


def title(found: int, n: int) -> str:
    """The finding, out of a hundred; none and all are said only where it is so."""
    hundred = min(max(round(100 * found / n), found > 0), 100 - (found < n)) if n > 100 else found
    return f"colour alone finds {int(hundred)} of {min(n, 100)} partners" + (": a shortcut" if found >= SHORTCUT * n else "")


def strip(axes, rows, right):
    """Four rows of images, each at its own resolution; the last framed: blue and solid where colour is right, vermilion and dashed where not."""
    gap, shown = 0.03, len(right)
    for y, images in enumerate(rows):
        axes.imshow(sheet([images]), extent=(0, shown, y + 1, y), interpolation="nearest", aspect="auto")
    for x, hit in enumerate(right):
        colour, words = (POSITIVE, "✓ partner") if hit else (NEGATIVE, "✗ another")
        frame = {"edgecolor": colour, "linestyle": "-" if hit else (0, (2, 1)), "linewidth": 5 if shown <= 6 else 3, "fill": False, "clip_on": False}
        axes.add_patch(Rectangle((x + gap, 3 + gap), 1 - 2 * gap, 1 - 2 * gap, **frame))
        axes.text(x + 0.5, 4.06, words if shown <= 6 else words[0], color=colour, fontweight="bold", ha="center", va="top")
    axes.set(xlim=(0, shown), ylim=(4, 0), xticks=[], yticks=np.arange(4) + 0.5, yticklabels=ROWS)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def bar(axes, found, n):
    """The meter: the share of partners found, and where guessing stands."""
    axes.barh([0, 0], [1, found / n], color=[FAINT, POSITIVE], height=1)
    axes.plot([1 / n, 1 / n], [-0.72, 0.5], color=INK, linewidth=3, clip_on=False)
    axes.text(1 / n, -0.76, f"guessing finds 1 of {n}", va="bottom")
    axes.text(0, -1.05, percent(found / n), fontsize=48, fontweight="bold", color=POSITIVE, va="bottom")
    axes.set(xlim=(0, 1), ylim=(0.5, -0.5), yticks=[], xticks=list(PARTS), xticklabels=list(PARTS.values()), xlabel="partners found by colour alone")
    axes.spines[:].set_visible(False)
