"""What each encoder keeps: R² of every known factor, read by a linear map from the features of one view."""

from collections.abc import Mapping

import numpy as np

from ssl_lab.plots.contrastive.cells import DARK, LIGHT
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.factors import KEPT, in_words
from ssl_lab.plots.look import ANCHOR, GREY, POSITIVE, class_name
from ssl_lab.plots.multiview.matrix import HEAD, LEFT, RIGHT, TOP
from ssl_lab.plots.spots import Spots

Tables = Mapping[str, Mapping[str, float]]
NAMES, WIDE, LINE, LOW = 1.75, 1.1, 0.5, 6.9  # inches: room for the factors' names; the most of a column and of a row; where the last row ends


def kept(page: Drawing, tables: Tables, first: str, second: str, count: int) -> str:
    """A column a view, a row a factor, darker the more. Returns in words what the two chosen views tell apart.

    count: images that it was measured on.
    """
    views, causes = [*tables], [*tables[first]]
    left, top = LEFT + NAMES, TOP + 0.34
    wide, high = min(WIDE, (RIGHT - left) / len(views)), min(LINE, (LOW - top) / len(causes))
    page.words(LEFT, HEAD, f"what each encoder keeps: R², {count:,} scenes", 14, bold=True)
    values = np.array([[tables[view][cause] for view in views] for cause in causes])
    box = (left, top, wide * len(views), high * len(causes))
    page.image(KEPT(values, bytes=True), *box)
    for place, view in enumerate(views):
        named = class_name(0, (view,), max(3, int(10 * wide)))
        page.words(left + wide * (place + 0.5), top - 0.16, named, 13, bold=view in (first, second), ha="center")
    for line, cause in enumerate(causes):
        y = top + high * (line + 0.5)
        page.words(left - 0.12, y, class_name(0, (in_words(cause),), 17), 13, ha="right")
        for place, value in enumerate(values[line]):
            page.words(left + wide * (place + 0.5), y, f"{value:.2f}", 14, LIGHT if value > 0.45 else DARK, ha="center")
    page.areas([(left + wide * views.index(view), top, wide, box[3]) for view in (first, second)], "", [ANCHOR, POSITIVE], 3)
    page.words(left, top + box[3] + 0.2, "0: a linear map reads nothing of it · 1: all", 12, GREY)
    tip = "{column} keeps {kept} of {row}: R² of a ridge regression, on scenes that it was not fitted to"
    data = {"kept": [f"{value:.3f}" for value in values.ravel()]}
    page.spots.append(Spots("what each encoder keeps", box, tip, data, rows=[*map(in_words, causes)], columns=views))
    return apart(tables, first, second)


def apart(tables: Tables, first: str, second: str) -> str:
    """The factor that one of two views knows and the other knows least."""
    change = {cause: tables[first][cause] - tables[second][cause] for cause in tables[first]}
    cause = max(change, key=lambda one: abs(change[one]))
    more, less = (first, second) if change[cause] >= 0 else (second, first)
    return f"of the {in_words(cause)} {more} keeps {tables[more][cause]:.2f} and {less} {tables[less][cause]:.2f}"


