"""MoCo's logits: every query of a batch against its own key and K keys of a queue on the left, how one query shares its softmax on the right."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ssl_lab.errors import one_of, require
from ssl_lab.plots.cells import LEFT, SHOWN, SIDE, TO_NEGATIVE, TO_PARTNER, TOP, brackets, brightness, marks, pointers, scales
from ssl_lab.plots.contrast import Contrast, arranged, groups, lookup
from ssl_lab.plots.look import ANCHOR, INK, POSITIVE, in_our_look, squared
from ssl_lab.plots.matrix import first, page, setting
from ssl_lab.plots.row import Seen, row, square

RIM, GAP, TALL = 0.6, 0.15, 0.45  # inches: room for the images of the queue and for pointers; the most that a row is high, or a column wide
LOGITS = ("image", "class")  # how queries and keys can be arranged: as they come, or by class


@in_our_look
def query_matrix(
    q: Float[np.ndarray, "N d"],
    keys: Float[np.ndarray, "N_and_K d"],
    images: UInt8[np.ndarray, "M H W 3"],
    tau: float,
    anchor: int = 0,
    shown: str = "softmax",
    top: int = 7,
    *,
    labels: Int[np.ndarray, " N_and_K"] | None = None,
    classes: tuple[str, ...] = (),
    order: str = "image",
    epoch: str = "",
    called: int | None = None,
    view: str = "query",
) -> tuple[Figure, str]:
    """InfoNCE of a batch of N queries, 1 + K candidates each, and how one query shares its softmax over them.

    q: of first views.   keys: of the N second views, then the K of the queue; all are normalised here.   images: the M = 2N + K views in this order.
    anchor in 0 .. N - 1: its row.   called: its number in words, the row if None.   view: what it is.   labels: of N + K pictures, -1 = none.
    order: "image", as they come, or "class".   tau, shown, top, classes, epoch: see `similarity`.
    Raises: InputError for tau <= 0, an anchor that is no row, another `shown` or `order`, an order by class without labels, an empty queue.
    """
    N, K = len(q), len(keys) - len(q)
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
    require(K >= 1, f"{len(keys)} keys for {N} queries leave none for the queue; give the own keys first, then at least one more")
    require(len(images) == 2 * N + K, f"{len(images)} images for {N} queries and {N + K} keys; every one of them needs its view")
    one_of(shown, SHOWN, "shown")
    one_of(order, LOGITS, "order")
    require(0 <= anchor < N, f"anchor={anchor} is no row of this batch; its rows are 0 to {N - 1}")
    labels = np.full(N + K, -1) if labels is None else labels
    require(order != "class" or bool((labels[:N] >= 0).any()), 'order="class" needs labels and these images have none; order them by "image"')
    batch, images = lookup(q, keys, tau), squared(images)
    found = f"{first(batch)} of {N} queries find their own key first"
    figure, axes = page(found, setting(batch, epoch))
    false = (labels[:N, None] == labels[N:]) & (labels[:N, None] >= 0)
    rows, columns = (arranged(order, part)[::2] % len(part) for part in (labels[:N], labels[N:]))
    named = [(a // 2, b // 2, name) for a, b, name in groups(order, labels[:N], classes)]
    matrix(axes, batch, images, anchor, shown, rows, columns, named, false, batch.listed(anchor, top))
    candidates = np.r_[N + anchor, 2 * N : 2 * N + K]
    alike = np.r_[False, false[anchor]]
    called = anchor if called is None else called
    seen = Seen(called, view, images[anchor], int(labels[anchor]), images[candidates], labels[candidates - N], alike, classes, "key")
    facts = row(axes, batch, anchor, seen, top)
    what = f"{shown.capitalize()} of {N} queries by {order}, each with its own key and K = {K} keys of a queue, at temperature {tau:.3g}"
    return figure, f"{what}{', ' * bool(epoch)}{epoch}: {found} and the mean loss is {batch.loss.mean():.2f}; {facts}."


@dataclass(frozen=True)
class Strip:
    """Where the cells of n queries and their 1 + K candidates lie, in inches: query, own key, its cell, then the columns of the queue."""

    n: int
    K: int

    @property
    def cell(self) -> float:
        """The height of a row, and the side of a query, of its key and of their cell."""
        return min(TALL, (SIDE - RIM - GAP) / self.n)

    @property
    def wide(self) -> float:
        """The width of a column of the queue."""
        return min(TALL, (SIDE - 3 * self.cell - 2 * GAP) / self.K)

    @property
    def k(self) -> int:
        """Columns that an image of the queue is wide: for every k of them, k images stand one above the other."""
        return max(1, int((RIM / self.wide) ** 0.5))

    @property
    def end(self) -> float:
        """The right edge of all."""
        return self.x(1 + self.K)

    def x(self, column: float) -> float:
        """The left edge of a column: 0 is that of the own keys, 1 the first of the queue."""
        own = LEFT + 2 * self.cell + GAP
        return own + column * self.cell if column < 1 else own + self.cell + GAP + (column - 1) * self.wide

    def y(self, row: float) -> float:
        """The upper edge of a row."""
        return TOP + RIM + GAP + row * self.cell

    def box(self, row: float, column: float) -> list[tuple[float, float]]:
        """Around one cell."""
        return square(self.x(column), self.y(row), self.cell if column == 0 else self.wide, self.cell)


def matrix(axes, batch: Contrast, images, anchor: int, shown: str, rows, columns, named, false, rivals: list[int]):
    """The logits in the order of `rows` and `columns`; the anchor framed; false negatives framed; pointers to the key and its `rivals`."""
    grid, N = Strip(len(rows), len(columns)), len(rows)
    values = brightness(batch, shown)[rows]
    top, foot, at, place = grid.y(0), grid.y(N), rows.tolist().index(anchor), np.argsort(columns) + 1
    axes.imshow(TO_PARTNER(values[:, :1]), extent=(grid.x(0), grid.x(0) + grid.cell, foot, top), interpolation="nearest", aspect="auto")
    axes.imshow(TO_NEGATIVE(values[:, 1 + columns]), extent=(grid.x(1), grid.end, foot, top), interpolation="nearest", aspect="auto")
    rims(axes, grid, images[rows], images[N + rows], images[2 * N + columns])
    alike = [grid.box(i, 1 + j) for i, j in np.argwhere(false[np.ix_(rows, columns)]).tolist()]
    boxes, thin = [*alike, *(grid.box(i, 0) for i in range(N))], min(1.5, 13 * grid.wide)
    axes.add_collection(LineCollection(boxes, colors=[INK] * len(alike) + [POSITIVE] * N, linewidths=thin))
    for y, words in ((TOP + 0.17, f"queue, K = {grid.K}"), (TOP + 0.45, "□ same class" if alike else "")):
        axes.text(grid.end + 0.12, y, words, va="center", fontsize=13)
    brackets(axes, grid, named)
    frames(axes, grid, at)
    pointers(axes, grid, at, 0, [int(place[j - 1]) for j in rivals if j > 0])
    marks(axes, grid, batch.rank[rows] == 1)
    scales(axes, shown, False, "key")


def rims(axes, grid: Strip, queries, own, queue):
    """The queries and their keys along the left, the keys of the queue along the top, and what they are."""
    side, k, top, foot = grid.cell, grid.k, grid.y(0), grid.y(grid.n)
    for x, part in ((LEFT, queries), (LEFT + side, own)):
        edged = np.pad(part, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255)
        axes.imshow(np.concatenate([*edged]), extent=(x, x + side, foot, top), aspect="auto")
    padded = np.pad(queue, ((0, -len(queue) % k), (1, 1), (1, 1), (0, 0)), constant_values=255)
    height, width = padded.shape[1:3]
    blocks = padded.reshape(-1, k, height, width, 3)
    sheet = blocks.transpose(1, 2, 0, 3, 4).reshape(k * height, -1, 3)
    above = top - GAP
    axes.imshow(sheet, extent=(grid.x(1), grid.x(1 + len(blocks) * k), above, above - k * k * grid.wide), aspect="auto")
    between, apart = LEFT + side, max(side / 2, 0.1)  # narrow columns have less room than their names
    for x, word, colour in ((between - apart, "q", INK), (between + apart, "k", POSITIVE)):
        axes.text(x, above, word, ha="center", va="bottom", fontsize=14, fontweight="bold", color=colour)


def frames(axes, grid: Strip, at: int):
    """Around the anchor's image, its key's image and the anchor's row."""
    y, side = grid.y(at), grid.cell
    row = square(grid.x(0) - 0.02, y - 0.02, grid.end - grid.x(0) + 0.04, side + 0.04)
    boxes = [square(LEFT, y, side, side), square(LEFT + side, y, side, side), row]
    axes.add_collection(LineCollection(boxes, colors=[ANCHOR, POSITIVE, ANCHOR], linewidths=3, zorder=4))
