"""The scores between two views of a batch: every scene of the one against every scene of the other, the congruent pairs on the diagonal."""

import numpy as np
from jaxtyping import Float

from ssl_lab.plots.contrastive.cells import FIGURES, TO_NEGATIVE, TO_PARTNER, brief, figures, painted, spell, strips
from ssl_lab.plots.contrastive.margins import Cells, marks
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, NEGATIVE, POSITIVE, class_name, edged, number, percent, sheets
from ssl_lab.plots.multiview.scene import Scenes
from ssl_lab.plots.spots import Box, Spots

LEFT, RIGHT, HEAD, TOP, LOW = 6.8, 12.85, 1.24, 1.42, 6.52  # inches: of the right half; the height of its head; of rim and cells
CELL, GAP, SPELLED = 0.57, 0.1, 10  # inches: the most of a cell, before the rest; scenes up to which every cell says its number
SCALES = 6.64


class Grid(Cells):
    """A rim of images at the left and at the top, and a column of all others together at the right."""

    def __init__(self, n: int, rest: bool):
        cell = min(CELL, (RIGHT - LEFT - 0.25 - 2 * GAP) / (n + 1 + rest), (LOW - TOP - GAP) / (n + 1))
        super().__init__(n, cell, 1, LEFT + GAP, TOP + GAP, (GAP + cell) * rest)


def matrix(page: Drawing, batch: Contrast, scenes: Scenes, scene: int, first: str, second: str, shown: str) -> None:
    """The cells in the colours of a contrastive matrix; the scene in hand framed; at the right of a row whether it finds its own among all."""
    n, B, every = len(scenes), batch.share.shape[1], np.arange(len(scenes))
    grid, many, shown = Grid(n, n < B), n < B, {"share": "softmax"}.get(shown, shown)
    cells, rest = grid.box(0, 0, n, n), (grid.x(n) + GAP, grid.y(0), grid.cell, n * grid.cell)
    named = [class_name(0, (name,), 9) for name in (first, second)]
    page.words(LEFT, HEAD, f"{named[0]} looks for its own {named[1]} among {B}", 14, bold=True)
    page.marks(RIGHT - 0.62, HEAD, "o", 7, POSITIVE)
    page.words(RIGHT, HEAD, "found", 12, GREY, ha="right")
    page.image(painted(batch, shown, every, every), *cells)
    if many:
        together(page, grid, others(batch, n, shown), B - n)
    rims(page, grid, scenes, first, second)
    page.areas([grid.box(i, i) for i in range(n)], "", POSITIVE, 2)
    beside, above = grid.box(scene, -1), grid.box(-1, scene)
    row = (cells[0], grid.y(scene), grid.end - cells[0], grid.cell)
    page.areas([(beside[0] - GAP, *beside[1:]), (above[0], above[1] - GAP, *above[2:]), row], "", [ANCHOR, POSITIVE, ANCHOR], 3)
    marks(page, grid, batch.rank[:n] == 1)
    if n <= SPELLED:
        spell(page, grid, batch, shown, every)
        for i, value in enumerate(others(batch, n, shown) if many else ()):
            page.words(grid.x(n + 0.5) + GAP, grid.y(i + 0.5), percent(value) if shown == "softmax" else brief(value), 12, ha="center")
    strips(page, {"congruent": TO_PARTNER, "another": TO_NEGATIVE}, shown, LEFT + 1.0, SCALES, RIGHT - LEFT - 1.3, 0.19, 0.13)
    page.spots += [
        lambda: answers(batch, scenes, cells, first, second),
        lambda: rim(batch, scenes, (LEFT, grid.y(0), grid.cell, n * grid.cell), first, second),
        lambda: rim(batch, scenes, (grid.x(0), TOP, n * grid.cell, grid.cell), first, second, top=True),
    ]
    if many:
        page.spots.append(lambda: others_say(batch, scenes, rest, second))


def others(batch: Contrast, n: int, shown: str) -> Float[np.ndarray, " n"]:
    """Of all candidates that are not drawn, row by row: their share of the softmax together, or the highest cosine among them."""
    return batch.share[:n, n:].sum(1) if shown == "softmax" else batch.cosine[:n, n:].max(1)


def together(page: Drawing, grid: Grid, values: Float[np.ndarray, " n"], count: int) -> None:
    """All others of a row as one bar: it is no cell of one pair."""
    n, left, small = grid.n, grid.x(grid.n) + GAP, grid.cell < 0.5
    page.areas([(left, grid.y(0), grid.cell, n * grid.cell)], FAINT)
    boxes = [(left, grid.y(i) + 0.02, grid.cell * min(max(value, 0.0), 1.0), grid.cell - 0.04) for i, value in enumerate(values.tolist())]
    page.areas(boxes, NEGATIVE, alpha=0.45)
    page.words(left + grid.cell / 2 * (not small), grid.y(0) - 0.06, f"{count}\nothers", 12, GREY, ha="left" if small else "center", va="bottom")


def rims(page: Drawing, grid: Grid, scenes: Scenes, first: str, second: str) -> None:
    """The first view of every scene along the left, the second along the top."""
    n, side = grid.n, grid.cell
    down, along = sheets(edged(scenes.views[first]), 1)[0], sheets(edged(scenes.views[second]), 1)[1]
    page.image(down, LEFT, grid.y(0), side, n * side, smooth=True)
    page.image(along, grid.x(0), TOP, n * side, side, smooth=True)


def answers(batch: Contrast, scenes: Scenes, box: Box, first: str, second: str) -> Spots:
    """Every cell says both things and their numbers; a click takes the scene of its row."""
    n = len(scenes)
    what, names = [", congruent" if i == j else "" for i, j in np.ndindex(n, n)], [*map(scenes.called, range(n))]
    data = {"what": what, **figures(batch, np.arange(n), np.arange(n))}
    tip = f"i: {first} of {{row}}, j: {second} of {{column}}{{what}}: " + FIGURES
    return Spots("cells of the matrix", box, tip, data, {"scene": np.arange(n).repeat(n)}, names, names)


def rim(batch: Contrast, scenes: Scenes, box: Box, first: str, second: str, top: bool = False) -> Spots:
    """Every image says what its scene pays; a click takes the scene."""
    n = len(scenes)
    data = {"loss": [f"{one:.2f}" for one in batch.loss[:n]], "rank": batch.rank[:n]}
    tip = f"{{{'column' if top else 'row'}}}: its {first} pays {{loss}}, its own {second} ranks {{rank}} of {batch.candidates}"
    names = [*map(scenes.called, range(n))]
    which = {"columns": names} if top else {"rows": names}
    return Spots(f"{second if top else first} of every scene", box, tip, data, {"scene": range(n)}, **which)


def others_say(batch: Contrast, scenes: Scenes, box: Box, second: str) -> Spots:
    """What the scenes that are not drawn have of each row together, and which of them is the nearest."""
    n = len(scenes)
    nearest = n + batch.cosine[:n, n:].argmax(1)
    rows = np.arange(n)
    data = {
        "share": [*map(percent, others(batch, n, "softmax"))],
        "who": nearest,
        "cosine": [number(one, sign="+") for one in batch.cosine[rows, nearest]],
        "own": [*map(percent, batch.share[rows, nearest])],
    }
    have = f"{batch.share.shape[1] - n} other {second} have {{share}} together"
    tip = f"{{row}}: {have}; the nearest is scene {{who}}, cosine {{cosine}}, share {{own}}"
    return Spots("all others", box, tip, data, {"scene": range(n)}, rows=[*map(scenes.called, range(n))])
