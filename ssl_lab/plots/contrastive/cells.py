"""The cells of a contrastive matrix: one for every pair, in colours that mean what they are and how much, and what each of them answers."""

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import LinearSegmentedColormap

from ssl_lab.plots.contrastive.anchor import Views
from ssl_lab.plots.contrastive.margins import LEFT, SIDE, TOP, Cells, brackets, marks, pointers, rim
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, NEGATIVE, POSITIVE, number, percent, sheets
from ssl_lab.plots.spots import Box, Spots

TO_PARTNER, TO_NEGATIVE, TO_ITSELF = (
    LinearSegmentedColormap.from_list(name, ["#fcfaf6", pale, colour, dark])
    for name, pale, colour, dark in (
        ("partner", "#a9cfe6", POSITIVE, "#002f52"),
        ("negative", "#f5c6a4", NEGATIVE, "#5a2200"),
        ("itself", "#f6dda6", ANCHOR, "#6b4a00"),
    )
)
DARK, LIGHT = "#000000", "#fffffe"  # on cells, which are the same on a dark page
DARKEST = 10  # the logit that is darkest: a cosine of 1 at temperature 0.1
SPELLED = 8  # rows up to which every cell says its number
SCALES = 5.85  # inches: the top of the scales below the matrix
FIGURES = "cosine {cosine}, share {share}, −log p {cost}"  # what every cell says


class Grid(Cells):
    """Images are `k` cells large: for every k rows, k of them stand side by side. Between them and the first cell is a gap for pointers."""

    def __init__(self, n: int):
        self.k = 1 if n <= 12 else 2 if n <= 64 else 4
        rim = self.k**2 + 0.15 / SIDE * n
        super().__init__(n, SIDE / (n + rim), rim, LEFT, TOP)


def matrix(page: Drawing, batch: Contrast, views: Views, alike, anchor: int, shown: str, rows, named, rivals: list[int]) -> None:
    """Every pair's value in the order of `rows`; the anchor framed; pointers to it, its partner and its `rivals`; who finds its partner."""
    grid, place = Grid(len(rows)), np.argsort(rows).tolist()
    n, k, low = grid.n, grid.k, -grid.rim
    partner, at, own = [place[j] for j in batch.partner[rows]], place[anchor], place[batch.partner[anchor]]
    cells, long = grid.box(0, 0, n, n), n + -n % k
    beside, above = grid.box(0, low, long, k * k), grid.box(low, 0, k * k, long)
    page.areas([cells], FAINT)
    page.image(painted(batch, shown, rows, partner), *cells)
    for sheet, box in zip(sheets(views.images[rows], k), (beside, above)):
        page.image(sheet, *box, smooth=True)
    page.areas([grid.box(i, j) for i, j in enumerate(partner)], "", POSITIVE, min(2, 70 / n))
    brackets(page, grid, named)
    if named and named[0][2] != "first views":
        page.areas([grid.box(a, a, b - a, b - a) for a, b, _ in named], "", DARK, 1.2)  # classes
    images = grid.box(at // k * k, low + at % k * k, k, k), grid.box(low + own % k * k, own // k * k, k, k)
    row = grid.box(at, 0, 1, n, free=0.02)  # outside, where it hides nothing of a thin row
    page.areas([*images, row], "", [ANCHOR, POSITIVE, ANCHOR], 3 if n <= 64 else 2)
    pointers(page, grid, at, own, [place[j] for j in rivals if j not in (anchor, batch.partner[anchor])])
    marks(page, grid, batch.rank[rows] == 1)
    if n <= SPELLED:
        spell(page, grid, batch, shown, rows)
    scales(page, shown, batch.kept)
    filled = np.r_[rows, rows[-1:].repeat(-n % k)].reshape(-1, k)
    page.spots += [
        lambda: answers("cells of the matrix", cells, batch, alike, views, views, rows, rows),
        lambda: rim("images at the left", beside, batch, views, filled),
        lambda: rim("images at the top", above, batch, views, filled.T),
    ]


def painted(batch: Contrast, shown: str, rows, partner) -> UInt8[np.ndarray, "M M 4"]:
    """The matrix in colours: blue to partners, vermilion to negatives; who meets itself is left out, or orange where it takes part."""
    values, every = brightness(batch, shown)[np.ix_(rows, rows)], np.arange(len(rows))
    cells = TO_NEGATIVE(values, bytes=True)
    cells[every, partner] = TO_PARTNER(values[every, partner], bytes=True)
    if batch.square:
        cells[every, every] = TO_ITSELF(values[every, every], bytes=True) if batch.kept else 0
    return cells


def brightness(batch: Contrast, shown: str) -> Float[np.ndarray, "A C"]:
    """What is shown, from 0 to 1; of shares the root, so that small ones are seen."""
    values = {"softmax": np.sqrt(batch.share), "logits": batch.cosine / batch.tau / DARKEST, "cosine": batch.cosine}[shown]
    return values.clip(0, 1)


def answers(name: str, box: Box, batch: Contrast, alike, anchors: Views, candidates: Views, rows, columns) -> Spots:
    """Every cell says its numbers. A click makes its row the anchor."""
    what = np.where(alike, ", same class", "").astype(object)
    if batch.square:
        what[np.arange(len(what)), batch.partner] = ", its partner"
        np.fill_diagonal(what, ", itself")
    data, tip = {"what": what[np.ix_(rows, columns)].ravel().tolist(), **figures(batch, rows, columns)}, "anchor {row} → {column}{what}: " + FIGURES
    sets = {"anchor": anchors.called[rows].repeat(len(columns))}
    return Spots(name, box, tip, data, sets, rows=[*map(anchors.full, rows.tolist())], columns=[*map(candidates.full, columns.tolist())])


def figures(batch: Contrast, rows, columns) -> dict[str, list[str]]:
    """The numbers of cells, in words."""
    cosine, share, cost = (of[np.ix_(rows, columns)].ravel().tolist() for of in (batch.cosine, batch.share, batch.cost))
    costs = [f"{one:.2f}".replace("inf", "∞") for one in cost]
    return {"cosine": [number(one, sign="+") for one in cosine], "share": [*map(percent, share)], "cost": costs}


def spell(page: Drawing, grid: Cells, batch: Contrast, shown: str, rows) -> None:
    """The number of every cell, for batches that are small enough."""
    values = {"softmax": batch.share, "logits": batch.cosine / batch.tau, "cosine": batch.cosine}[shown][np.ix_(rows, rows)]
    dark = brightness(batch, shown)[np.ix_(rows, rows)] > 0.5
    for i, j in np.ndindex(values.shape):
        if i != j or batch.kept or not batch.square:
            said = percent(values[i, j]) if shown == "softmax" else brief(values[i, j])
            page.words(grid.x(j + 0.5), grid.y(i + 0.5), said, 12, LIGHT if dark[i, j] else DARK, ha="center")


def brief(value: float) -> str:
    """At most four signs, so that eight of them fit side by side: −.14, 1.0, −3.4, 19."""
    digits = 2 if abs(value) < 0.995 else 1 if abs(value) < 9.95 else 0
    return f"{value:.{digits}f}".replace("0.", ".", digits == 2).replace("-", "−")


def scales(page: Drawing, shown: str, kept: bool, partner: str = "partner") -> None:
    """What the colours mean."""
    kinds = {partner: TO_PARTNER, "negative": TO_NEGATIVE, **({"itself": TO_ITSELF} if kept else {})}
    strips(page, kinds, shown, LEFT + 0.85, SCALES, SIDE - 0.85, 0.18 if kept else 0.2)


def strips(page: Drawing, kinds: dict, shown: str, x: float, top: float, width: float, strip: float, below: float = 0.12) -> None:
    """One strip of colours for each kind of candidate, and their scale.   below: inches from the strips to the words of the scale."""
    foot = top + strip * len(kinds)
    page.image(np.stack([colour(np.linspace(0, 1, 256), bytes=True) for colour in kinds.values()]), x, top, width, foot - top)
    for k, kind in enumerate(kinds):
        page.words(x - 0.08, top + strip * (k + 0.5), kind, 12, ha="right")
    ticks = {
        "softmax": {0: "share 0", 0.1**0.5: "10 %", 0.5: "25 %", 0.5**0.5: "50 %", 1: "100 %"},
        "logits": {0: "logit ≤ 0", 0.5: f"{DARKEST / 2:g}", 1: f"≥ {DARKEST}"},
        "cosine": {0: "cosine ≤ 0", 0.5: "0.5", 1: "1"},
    }[shown]
    for part, said in ticks.items():
        page.words(x + width * part, foot + below, said, 12, GREY, ha={0: "left", 1: "right"}.get(part, "center"))
