"""What stands around the cells of a contrastive matrix: the title, the images along both sides, pointers, marks and the names of groups."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from ssl_lab.errors import one_of, require
from ssl_lab.plots.contrastive.anchor import Views, X
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, GREY, NEGATIVE, POSITIVE
from ssl_lab.plots.spots import Box, Spots

WIDTH, HEIGHT, PARTED = 13.0, 6.625, X - 0.1  # inches: the drawing, and where its left half ends
LEFT, TOP, SIDE = 0.15, 0.95, 4.78  # the square of images and cells
SHOWN = ("softmax", "logits", "cosine")  # what the matrix can show


class Cells:
    """Where n rows of square cells lie, in inches, the first one `rim` cells from left and top.

    cell: the side of one.   end: the right edge of all; `more` lies beyond the cells.
    """

    def __init__(self, n: int, cell: float, rim: float, left: float, top: float, more: float = 0.0):
        self.n, self.cell, self.rim, self.left, self.top = n, cell, rim, left, top
        self.end = self.x(n) + more

    def x(self, column: float) -> float:
        """The left edge of a column."""
        return self.left + self.cell * (self.rim + column)

    def y(self, row: float) -> float:
        """The upper edge of a row."""
        return self.top + self.cell * (self.rim + row)

    def box(self, row: float, column: float, height: float = 1, width: float = 1, free: float = 0.0) -> Box:
        """Around some cells, that many inches off."""
        return self.x(column) - free, self.y(row) - free, width * self.cell + 2 * free, height * self.cell + 2 * free


def check(rows: int, tau: float, usual: str, anchor: int, shown: str, order: str, orders: tuple[str, ...], labels: Int[np.ndarray, " N"]) -> None:
    """Refuse what no matrix of so many rows shows.   usual: the temperatures of the paper, in words."""
    require(tau > 0, f"tau={tau} must be positive; the paper uses {usual}")
    one_of(shown, SHOWN, "shown")
    one_of(order, orders, "order")
    require(0 <= anchor < rows, f"anchor={anchor} is no row of this batch; its rows are 0 to {rows - 1}")
    others = " or ".join(f'"{one}"' for one in orders if one != "class")
    require(order != "class" or bool((labels >= 0).any()), f'order="class" needs labels and these images have none; order them by {others}')


def begun(title: str, batch: Contrast, epoch: str) -> Drawing:
    """A picture of two halves that has its title, and below it the setting under which the loss is what it is."""
    page = Drawing(WIDTH, HEIGHT, splits=[PARTED])
    page.title(title)
    page.words(LEFT, 0.74, f"temperature {batch.tau:.3g}{' · ' * bool(epoch)}{epoch} · mean loss {batch.loss.mean():.2f}", 13, GREY)
    return page


def rim(name: str, box: Box, batch: Contrast, anchors: Views, rows: Int[np.ndarray, "down across"], partner: str = "partner") -> Spots:
    """Every image says what it pays as an anchor. A click makes it the anchor."""
    every, (down, across) = rows.ravel(), rows.shape
    data = {"who": [*map(anchors.full, every.tolist())], "loss": [f"{one:.2f}" for one in batch.loss[every]], "rank": batch.rank[every]}
    tip = f"anchor {{who}}: loss {{loss}}, its {partner} ranks {{rank}} of {batch.candidates}"
    return Spots(name, box, tip, data, {"anchor": anchors.called[every]}, rows=[""] * down, columns=[""] * across)


def pointers(page: Drawing, grid: Cells, at: int, own: int, rivals: list[int]) -> None:
    """Triangles between images and cells: at the anchor's row, its partner's column, the columns of its hardest negatives."""
    page.marks(grid.x(0) - 0.075, grid.y(at + 0.5), ">", 9, ANCHOR)
    columns, colours = [grid.x(j + 0.5) for j in (*rivals, own)], [NEGATIVE] * len(rivals) + [POSITIVE]
    page.marks(columns, [grid.y(0) - 0.075] * len(columns), "v", 7.7, colours)


def marks(page: Drawing, grid: Cells, found: Bool[np.ndarray, " A"]) -> None:
    """At the right of each row a blue dot where the anchor finds its partner first, else a vermilion cross."""
    for kind, colour, of in (("o", POSITIVE, np.flatnonzero(found)), ("x", NEGATIVE, np.flatnonzero(~found))):
        if len(of):
            page.marks([grid.end + 0.12] * len(of), [grid.y(i + 0.5) for i in of.tolist()], kind, min(7, 50 * grid.cell), colour, width=1.8)


def brackets(page: Drawing, grid: Cells, named: Sequence[tuple[int, int, str]]) -> None:
    """The names of groups of rows at the right, the largest first and while there is room."""
    x, arm = grid.end + 0.24, 0.06
    ends = [(grid.y(a) + 0.03, grid.y(b) - 0.03, name) for a, b, name in named]
    if ends:
        page.strokes([[(x, y), (x + arm, y), (x + arm, end), (x, end)] for y, end, _ in ends], GREY, 1.5)
    taken = []
    for y, end, name in sorted(ends, key=lambda group: group[0] - group[1]):
        centre = (y + end) / 2
        if all(abs(centre - other) >= 0.19 for other in taken):
            page.words(x + 2 * arm, centre, name, 12)
            taken.append(centre)
