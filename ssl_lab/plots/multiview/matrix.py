"""The scores between two views of a batch: every scene of the one against every scene of the other, the congruent pairs on the diagonal."""

import numpy as np
from jaxtyping import Float

from ssl_lab.plots.contrastive.cells import DARK, LIGHT, TO_NEGATIVE, TO_PARTNER, brief, brightness
from ssl_lab.plots.contrastive.margins import marks
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, NEGATIVE, POSITIVE, class_name, edged, number, percent, sheets
from ssl_lab.plots.multiview.scene import Scenes
from ssl_lab.plots.spots import Box, Spots

LEFT, RIGHT, HEAD, TOP, LOW = 6.8, 12.85, 1.24, 1.42, 6.52  # inches: of the right half; the height of its head; of rim and cells
CELL, GAP, SPELLED = 0.57, 0.1, 10  # inches: the most of a cell, before the rest; scenes up to which every cell says its number
SCALES = 6.64


class Grid:
    """Where the cells of n scenes lie, in inches; a rim of images at the left and at the top, and a column of all others together at the right."""

    def __init__(self, n: int, rest: bool):
        self.n, columns = n, n + 1 + rest
        self.cell = min(CELL, (RIGHT - LEFT - 0.25 - 2 * GAP) / columns, (LOW - TOP - GAP) / (n + 1))
        self.end = self.x(n) + (GAP + self.cell) * rest

    def x(self, column: float) -> float:
        """The left edge of a column."""
        return LEFT + GAP + self.cell * (1 + column)

    def y(self, row: float) -> float:
        """The upper edge of a row."""
        return TOP + GAP + self.cell * (1 + row)

    def box(self, row: float, column: float, height: float = 1, width: float = 1) -> Box:
        """Around some cells."""
        return self.x(column), self.y(row), width * self.cell, height * self.cell


def matrix(page: Drawing, batch: Contrast, scenes: Scenes, scene: int, first: str, second: str, shown: str) -> None:
    """The cells in the colours of a contrastive matrix; the scene in hand framed; at the right of a row whether it finds its own among all."""
    n, B = len(scenes), batch.share.shape[1]
    grid, many = Grid(n, n < B), n < B
    cells, rest = grid.box(0, 0, n, n), (grid.x(n) + GAP, grid.y(0), grid.cell, n * grid.cell)
    named = [class_name(0, (name,), 9) for name in (first, second)]
    page.words(LEFT, HEAD, f"{named[0]} looks for its own {named[1]} among {B}", 14, bold=True)
    page.marks(RIGHT - 0.62, HEAD, "o", 7, POSITIVE)
    page.words(RIGHT, HEAD, "found", 12, GREY, ha="right")
    values = brightness(batch, {"share": "softmax"}.get(shown, shown))[:n]
    painted = TO_NEGATIVE(values[:, :n], bytes=True)
    painted[range(n), range(n)] = TO_PARTNER(values[range(n), range(n)], bytes=True)
    page.image(painted, *cells)
    if many:
        together(page, grid, others(batch, n, shown), B - n)
    rims(page, grid, scenes, first, second)
    page.areas([grid.box(i, i) for i in range(n)], "", POSITIVE, 2)
    beside, above = grid.box(scene, -1), grid.box(-1, scene)
    row = (cells[0], grid.y(scene), grid.end - cells[0], grid.cell)
    page.areas([(beside[0] - GAP, *beside[1:]), (above[0], above[1] - GAP, *above[2:]), row], "", [ANCHOR, POSITIVE, ANCHOR], 3)
    marks(page, grid, batch.rank[:n] == 1)
    if n <= SPELLED:
        spell(page, grid, batch, shown)
    scale(page, shown)
    page.spots += [
        lambda: answers(batch, scenes, cells, first, second),
        lambda: rim(batch, scenes, (LEFT, grid.y(0), grid.cell, n * grid.cell), first, second),
        lambda: rim(batch, scenes, (grid.x(0), TOP, n * grid.cell, grid.cell), first, second, top=True),
    ]
    if many:
        page.spots.append(lambda: others_say(batch, scenes, rest, second))


def others(batch: Contrast, n: int, shown: str) -> Float[np.ndarray, " n"]:
    """Of all candidates that are not drawn, row by row: their share of the softmax together, or the highest cosine among them."""
    return batch.share[:n, n:].sum(1) if shown == "share" else batch.cosine[:n, n:].max(1)


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


def spell(page: Drawing, grid: Grid, batch: Contrast, shown: str) -> None:
    """The number of every cell, and of the others of its row."""
    n = grid.n
    values = (batch.share if shown == "share" else batch.cosine)[:n]
    dark = brightness(batch, "softmax" if shown == "share" else "cosine")[:n] > 0.5
    say = percent if shown == "share" else brief
    for i, j in np.ndindex(n, n):
        page.words(grid.x(j + 0.5), grid.y(i + 0.5), say(values[i, j]), 12, LIGHT if dark[i, j] else DARK, ha="center")
    for i, value in enumerate(others(batch, n, shown) if values.shape[1] > n else ()):
        page.words(grid.x(n + 0.5) + GAP, grid.y(i + 0.5), say(value), 12, ha="center")


def scale(page: Drawing, shown: str) -> None:
    """What the colours mean."""
    x, width, strip = LEFT + 1.0, RIGHT - LEFT - 1.3, 0.19
    colours = {"congruent": TO_PARTNER, "another": TO_NEGATIVE}
    page.image(np.stack([colour(np.linspace(0, 1, 256), bytes=True) for colour in colours.values()]), x, SCALES, width, 2 * strip)
    for place, name in enumerate(colours):
        page.words(x - 0.08, SCALES + strip * (place + 0.5), name, 12, ha="right")
    ticks = {0: "share 0", 0.1**0.5: "10 %", 0.5: "25 %", 0.5**0.5: "50 %", 1: "100 %"} if shown == "share" else {0: "cosine ≤ 0", 0.5: "0.5", 1: "1"}
    for part, said in ticks.items():
        page.words(x + width * part, SCALES + 2 * strip + 0.13, said, 12, GREY, ha={0: "left", 1: "right"}.get(part, "center"))


def answers(batch: Contrast, scenes: Scenes, box: Box, first: str, second: str) -> Spots:
    """Every cell says both things and their numbers; a click takes the scene of its row."""
    n = len(scenes)
    what = [", congruent" if i == j else "" for i, j in np.ndindex(n, n)]
    cosine, share, cost = (of[:n, :n].ravel().tolist() for of in (batch.cosine, batch.share, batch.cost))
    costs = [f"{one:.2f}".replace("inf", "∞") for one in cost]
    data = {"what": what, "cosine": [number(one, sign="+") for one in cosine], "share": [*map(percent, share)], "cost": costs}
    tip = f"i: {first} of {{row}}, j: {second} of {{column}}{{what}}: cosine {{cosine}}, share {{share}}, −log p {{cost}}"
    names = [*map(scenes.called, range(n))]
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
        "share": [*map(percent, others(batch, n, "share"))],
        "who": nearest,
        "cosine": [number(one, sign="+") for one in batch.cosine[rows, nearest]],
        "own": [*map(percent, batch.share[rows, nearest])],
    }
    have = f"{batch.share.shape[1] - n} other {second} have {{share}} together"
    tip = f"{{row}}: {have}; the nearest is scene {{who}}, cosine {{cosine}}, share {{own}}"
    return Spots("all others", box, tip, data, {"scene": range(n)}, rows=[*map(scenes.called, range(n))])
