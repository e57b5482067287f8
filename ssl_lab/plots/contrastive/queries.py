"""MoCo's logits: every query of a batch against its own key and K keys of a queue on the left, how one query shares its softmax on the right."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.contrastive.anchor import Views, table
from ssl_lab.plots.contrastive.cells import DARK, TO_NEGATIVE, TO_PARTNER, answers, brightness, scales
from ssl_lab.plots.contrastive.margins import LEFT, SIDE, TOP, Cells, begun, brackets, check, marks, pointers, rim
from ssl_lab.plots.contrastive.numbers import Contrast, arranged, groups, lookup, same_class
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, INK, POSITIVE, edged, sheets
from ssl_lab.plots.spots import Box

RIM, GAP, TALL = 0.6, 0.15, 0.45  # inches: room for the images of the queue and for pointers; the most that a row is high, or a column wide
LOGITS = ("image", "class")  # how queries and keys can be arranged: as they come, or by class


def query_matrix(
    q: Float[np.ndarray, "N d"], keys: Float[np.ndarray, "N_and_K d"], images: UInt8[np.ndarray, "M H W 3"],
    tau: float, anchor: int = 0, shown: str = "softmax", top: int = 7, *,
    labels: Int[np.ndarray, " N_and_K"] | None = None, classes: tuple[str, ...] = (), order: str = "image",
    epoch: str = "", called: Int[np.ndarray, " N"] | None = None, view: str = "query",
) -> tuple[Figure, str]:  # fmt: skip
    """InfoNCE of a batch of N queries, 1 + K candidates each, and how one query shares its softmax over them.

    q: of first views.   keys: of the N second views, then the K of the queue; all are normalised here.   images: the M = 2N + K views in this order.
    anchor in 0 .. N - 1: its row.   view: what it is.   called: the number of every query in words, which a click sets as `anchor`.
    labels: of N + K pictures, -1 = none.   order: "image", as they come, or "class".   tau, shown, top, classes, epoch: see `similarity`.
    Raises: InputError for tau <= 0, an anchor that is no row, another `shown` or `order`, an order by class without labels, an empty queue.
    """
    N, K = len(q), len(keys) - len(q)
    require(K >= 1, f"{len(keys)} keys for {N} queries leave none for the queue; give the own keys first, then at least one more")
    require(len(images) == 2 * N + K, f"{len(images)} images for {N} queries and {N + K} keys; every one of them needs its view")
    labels = np.full(N + K, -1) if labels is None else labels
    check(N, tau, "0.07", anchor, shown, order, LOGITS, labels[:N])
    batch, images = lookup(q, keys, tau), edged(images)
    found = f"{batch.first} of {N} queries find their own key first"
    page = begun(found, batch, epoch)
    alike = np.c_[np.zeros((N, 1), bool), same_class(labels[:N], labels[N:])]
    kinds = ["query"] * anchor + [view] + ["query"] * (N - 1 - anchor)
    queries = Views(images[:N], np.arange(N) if called is None else called, kinds, labels[:N], classes)
    own = np.r_[N + anchor, 2 * N : 2 * N + K]
    names = ["its own key", *(f"key {j} of the queue" for j in range(K))]
    candidates = Views(images[own], names, [""] * (1 + K), np.r_[-1, labels[N:]], classes)
    rows, columns = (arranged(order, part, 1) for part in (labels[:N], labels[N:]))
    named, grid = groups(order, labels[:N], classes, 1), Strip(N, K)
    rims(page, grid, images[rows], images[N + rows], images[2 * N + columns])
    matrix(page, grid, batch, alike, anchor, shown, rows, 1 + columns, named, batch.listed(anchor, top))
    page.spots += [
        lambda: answers("own keys", grid.box(0, 0, N), batch, alike, queries, candidates, rows, np.array([0])),
        lambda: answers("cells of the queue", grid.box(0, 1, N, K), batch, alike, queries, candidates, rows, 1 + columns),
        lambda: rim("queries and their keys", (LEFT, grid.y(0), 2 * grid.cell, N * grid.cell), batch, queries, rows[:, None], "key"),
    ]
    facts = table(page, batch, anchor, queries, candidates, alike[anchor], top, "key")
    what = f"{shown.capitalize()} of {N} queries by {order}, each with its own key and K = {K} keys of a queue, at temperature {tau:.3g}"
    return page, f"{what}{', ' * bool(epoch)}{epoch}: {found} and the mean loss is {batch.loss.mean():.2f}; {facts}."


class Strip(Cells):
    """Where the cells of n queries and their 1 + K candidates lie, in inches: query, own key, its cell, then the columns of the queue.

    cell: the height of a row, and the side of a query, of its key and of their cell.   wide: the width of a column of the queue.
    k: columns that an image of the queue is wide: for every k of them, k images stand one above the other.
    """

    def __init__(self, n: int, K: int):
        self.K, cell = K, min(TALL, (SIDE - RIM - GAP) / n)
        self.wide = min(TALL, (SIDE - 3 * cell - 2 * GAP) / K)
        super().__init__(n, cell, 0, LEFT, TOP + RIM + GAP)
        self.k, self.end = max(1, int((RIM / self.wide) ** 0.5)), self.x(1 + K)

    def x(self, column: float) -> float:
        """The left edge of a column: 0 is that of the own keys, 1 the first of the queue."""
        own = LEFT + 2 * self.cell + GAP
        return own + column * self.cell if column < 1 else own + self.cell + GAP + (column - 1) * self.wide

    def box(self, row: float, column: float, height: float = 1, width: float = 1) -> Box:
        """Around some cells, of the own keys or of the queue."""
        return self.x(column), self.y(row), width * (self.cell if column == 0 else self.wide), height * self.cell


def matrix(page: Drawing, grid: Strip, batch: Contrast, alike, anchor: int, shown: str, rows, columns, named, rivals: list[int]) -> None:
    """The logits in the order of `rows` and `columns`; the anchor framed; false negatives framed; pointers to the key and its `rivals`."""
    values, at, place = brightness(batch, shown)[rows], rows.tolist().index(anchor), np.argsort(columns) + 1
    page.image(TO_PARTNER(values[:, :1], bytes=True), *grid.box(0, 0, grid.n))
    page.image(TO_NEGATIVE(values[:, columns], bytes=True), *grid.box(0, 1, grid.n, grid.K))
    thin = min(1.5, 13 * grid.wide)
    false = [grid.box(i, 1 + j) for i, j in np.argwhere(alike[np.ix_(rows, columns)]).tolist()]
    if false:
        page.areas(false, "", DARK, thin)
    page.areas([grid.box(i, 0) for i in range(grid.n)], "", POSITIVE, thin)
    for y, words in ((TOP + 0.17, f"queue, K = {grid.K}"), *([(TOP + 0.45, "□ same class")] if false else ())):
        page.words(grid.end + 0.12, y, words, 13)
    brackets(page, grid, named)
    y, side = grid.y(at), grid.cell
    row = (grid.x(0) - 0.02, y - 0.02, grid.end - grid.x(0) + 0.04, side + 0.04)
    page.areas([(LEFT, y, side, side), (LEFT + side, y, side, side), row], "", [ANCHOR, POSITIVE, ANCHOR], 3)
    pointers(page, grid, at, 0, [int(place[j - 1]) for j in rivals if j > 0])
    marks(page, grid, batch.rank[rows] == 1)
    scales(page, shown, False, "key")


def rims(page: Drawing, grid: Strip, queries, own, queue) -> None:
    """The queries and their keys along the left, the keys of the queue along the top, and what they are."""
    side, k, top = grid.cell, grid.k, grid.y(0)
    for x, part in ((LEFT, queries), (LEFT + side, own)):
        page.image(np.concatenate([*part]), x, top, side, grid.n * side, smooth=True)
    sheet = sheets(queue, k)[1]
    above, high = top - GAP, k * k * grid.wide
    page.image(sheet, grid.x(1), above - high, sheet.shape[1] / sheet.shape[0] * high, high, smooth=True)
    between, apart = LEFT + side, max(side / 2, 0.1)  # narrow columns have less room than their names
    for x, word, colour in ((between - apart, "q", INK), (between + apart, "k", POSITIVE)):
        page.words(x, above - 0.1, word, 14, colour, bold=True, ha="center")
