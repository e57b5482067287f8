"""The left half of the contrastive picture: a cell for every pair of a batch, its images along both sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgba

from ssl_lab.plots.contrast import Contrast
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, percent
from ssl_lab.plots.row import square

SHOWN = ("softmax", "logits", "cosine")  # what the matrix can show
TO_PARTNER, TO_NEGATIVE, TO_ITSELF = (
    LinearSegmentedColormap.from_list(name, ["#fcfaf6", pale, colour, dark])
    for name, pale, colour, dark in (
        ("partner", "#a9cfe6", POSITIVE, "#002f52"),
        ("negative", "#f5c6a4", NEGATIVE, "#5a2200"),
        ("itself", "#f6dda6", ANCHOR, "#6b4a00"),
    )
)
DARKEST = 10  # the logit that is darkest: a cosine of 1 at temperature 0.1
SPELLED = 8  # rows up to which every cell says its number
LEFT, TOP, SIDE, SCALES = 0.15, 0.95, 4.78, 5.85  # inches: the square of images and cells, and the top of the scales below it


@dataclass(frozen=True)
class Grid:
    """Where the cells of n rows lie, in inches. Images are `k` cells large: for every k rows, k of them stand side by side."""

    n: int

    @property
    def k(self) -> int:
        return 1 if self.n <= 12 else 2 if self.n <= 64 else 4

    @property
    def rim(self) -> float:
        """From the outer edge of the images to the first cell, in cells: the images, and a gap for pointers."""
        return self.k**2 + 0.15 / SIDE * self.n

    @property
    def cell(self) -> float:
        return SIDE / (self.n + self.rim)

    @property
    def end(self) -> float:
        """The right edge of all."""
        return self.x(self.n)

    def x(self, column: float) -> float:
        """The left edge of a column."""
        return LEFT + self.cell * (self.rim + column)

    def y(self, row: float) -> float:
        """The upper edge of a row."""
        return TOP + self.cell * (self.rim + row)

    def frame(self, row: float, column: float, height: float = 1, width: float = 1, free: float = 0.0) -> list[tuple[float, float]]:
        """Around some cells, that many inches off."""
        return square(self.x(column) - free, self.y(row) - free, width * self.cell + 2 * free, height * self.cell + 2 * free)

    def extent(self, row: float, column: float, height: float, width: float) -> tuple[float, float, float, float]:
        """Of an image that covers some cells, as matplotlib wants it."""
        return self.x(column), self.x(column + width), self.y(row + height), self.y(row)


def matrix(axes, batch: Contrast, images, anchor, shown, rows, named, rivals):
    """Every pair's value in the order of `rows`; the anchor framed; pointers to it, its partner and its `rivals`; who finds its partner."""
    grid, place = Grid(len(rows)), np.argsort(rows).tolist()
    partner, at, own = [place[j] for j in batch.partner[rows]], place[anchor], place[batch.partner[anchor]]
    end = grid.n
    axes.imshow(painted(batch, shown, rows, partner), extent=grid.extent(0, 0, end, end), interpolation="nearest", aspect="auto")
    rims(axes, grid, images[rows])
    axes.add_collection(LineCollection([grid.frame(i, j) for i, j in enumerate(partner)], colors=POSITIVE, linewidths=min(2, 70 / grid.n)))
    brackets(axes, grid, named)
    if [name for *_, name in named] != ["first views", "second views"]:
        axes.add_collection(LineCollection([grid.frame(a, a, b - a, b - a) for a, b, _ in named], colors=INK, linewidths=1.2))  # classes
    frames(axes, grid, at, own)
    pointers(axes, grid, at, own, [place[j] for j in rivals if j not in (anchor, batch.partner[anchor])])
    marks(axes, grid, batch.rank[rows] == 1)
    if grid.n <= SPELLED:
        spell(axes, grid, batch, shown, rows)
    scales(axes, shown, batch.kept)


def frames(axes, grid: Grid, at: int, own: int):
    """Around the anchor's image, its partner's image and the anchor's row."""
    k, low = grid.k, -grid.rim
    anchor, partner = grid.frame(at // k * k, low + at % k * k, k, k), grid.frame(low + own % k * k, own // k * k, k, k)
    row = grid.frame(at, 0, 1, grid.n, free=0.02)  # outside, where it hides nothing of a thin row
    axes.add_collection(LineCollection([anchor, partner, row], colors=[ANCHOR, POSITIVE, ANCHOR], linewidths=3 if grid.n <= 64 else 2, zorder=4))


def painted(batch: Contrast, shown: str, rows, partner) -> Float[np.ndarray, "M M 4"]:
    """The matrix in colours: blue to partners, vermilion to negatives, the diagonal faint, or orange where it takes part."""
    values, every = brightness(batch, shown)[np.ix_(rows, rows)], np.arange(len(rows))
    cells = TO_NEGATIVE(values)
    cells[every, partner] = TO_PARTNER(values[every, partner])
    cells[every, every] = TO_ITSELF(values[every, every]) if batch.kept else to_rgba(FAINT)
    return cells


def brightness(batch: Contrast, shown: str) -> Float[np.ndarray, "A C"]:
    """What is shown, from 0 to 1; of shares the root, so that small ones are seen."""
    values = {"softmax": np.sqrt(batch.share), "logits": batch.cosine / batch.tau / DARKEST, "cosine": batch.cosine}[shown]
    return values.clip(0, 1)


def rims(axes, grid: Grid, images):
    """The images along the left and the top, as two sheets."""
    k = grid.k
    padded = np.pad(images, ((0, -grid.n % k), (1, 1), (1, 1), (0, 0)), constant_values=255)
    height, width = padded.shape[1:3]
    blocks = padded.reshape(-1, k, height, width, 3)
    end, low = len(blocks) * k, -grid.rim
    left = blocks.transpose(0, 2, 1, 3, 4).reshape(len(blocks) * height, k * width, 3)
    top = blocks.transpose(1, 2, 0, 3, 4).reshape(k * height, len(blocks) * width, 3)
    axes.imshow(left, extent=grid.extent(0, low, end, k * k), aspect="auto")
    axes.imshow(top, extent=grid.extent(low, 0, k * k, end), aspect="auto")


def pointers(axes, grid, at: int, own: int, rivals: list[int]):
    """Triangles between images and cells: at the anchor's row, its partner's column, the columns of its hardest negatives."""
    axes.scatter([grid.x(0) - 0.075], [grid.y(at + 0.5)], s=80, c=ANCHOR, marker=">", linewidths=0, zorder=5)
    columns, colours = [grid.x(j + 0.5) for j in (*rivals, own)], [NEGATIVE] * len(rivals) + [POSITIVE]
    axes.scatter(columns, [grid.y(0) - 0.075] * len(columns), s=60, c=colours, marker="v", linewidths=0, zorder=5)


def marks(axes, grid, found):
    """At the right of each row a blue dot where the anchor finds its partner first, else a vermilion cross."""
    x, size = grid.end + 0.12, min(50, (50 * grid.cell) ** 2)
    for marker, colour, wanted in (("o", POSITIVE, True), ("x", NEGATIVE, False)):
        heights = [grid.y(i + 0.5) for i, one in enumerate(found) if one == wanted]
        axes.scatter([x] * len(heights), heights, s=size, c=colour, marker=marker, linewidths=1.8 * (not wanted))


def brackets(axes, grid, named: list[tuple[int, int, str]]):
    """The names of groups of rows at the right, the largest first and while there is room."""
    x, arm = grid.end + 0.24, 0.06
    ends = [(grid.y(a) + 0.03, grid.y(b) - 0.03, name) for a, b, name in named]
    axes.add_collection(LineCollection([[(x, y), (x + arm, y), (x + arm, end), (x, end)] for y, end, _ in ends], colors=GREY, linewidths=1.5))
    taken = []
    for y, end, name in sorted(ends, key=lambda group: group[0] - group[1]):
        centre = (y + end) / 2
        if all(abs(centre - other) >= 0.19 for other in taken):
            axes.text(x + 2 * arm, centre, name, va="center", fontsize=12)
            taken.append(centre)


def spell(axes, grid: Grid, batch: Contrast, shown: str, rows):
    """The number of every cell, for batches that are small enough."""
    values = {"softmax": batch.share, "logits": batch.cosine / batch.tau, "cosine": batch.cosine}[shown][np.ix_(rows, rows)]
    dark = brightness(batch, shown)[np.ix_(rows, rows)] > 0.5
    for i, j in np.ndindex(values.shape):
        if i != j or batch.kept:
            said = percent(values[i, j]) if shown == "softmax" else brief(values[i, j])
            axes.text(grid.x(j + 0.5), grid.y(i + 0.5), said, ha="center", va="center", color=PAPER if dark[i, j] else INK, fontsize=12)


def brief(value: float) -> str:
    """At most four signs, so that eight of them fit side by side: −.14, 1.0, −3.4, 19."""
    digits = 2 if abs(value) < 0.995 else 1 if abs(value) < 9.95 else 0
    return f"{value:.{digits}f}".replace("0.", ".", digits == 2).replace("-", "−")


def scales(axes, shown: str, kept: bool, partner: str = "partner"):
    """What the colours mean, one strip for each kind of candidate."""
    kinds = {partner: TO_PARTNER, "negative": TO_NEGATIVE, **({"itself": TO_ITSELF} if kept else {})}
    x, width, strip = LEFT + 0.85, SIDE - 0.85, 0.18 if kept else 0.2
    ramp = np.stack([colour(np.linspace(0, 1, 256)) for colour in kinds.values()])
    foot = SCALES + strip * len(kinds)
    axes.imshow(ramp, extent=(x, x + width, foot, SCALES), aspect="auto", interpolation="nearest")
    for k, kind in enumerate(kinds):
        axes.text(x - 0.08, SCALES + strip * (k + 0.5), kind, ha="right", va="center", fontsize=12)
    ticks = {
        "softmax": {0: "share 0", 0.1**0.5: "10 %", 0.5: "25 %", 0.5**0.5: "50 %", 1: "100 %"},
        "logits": {0: "logit ≤ 0", 0.5: f"{DARKEST / 2:g}", 1: f"≥ {DARKEST}"},
        "cosine": {0: "cosine ≤ 0", 0.5: "0.5", 1: "1"},
    }[shown]
    for part, said in ticks.items():
        axes.text(x + width * part, foot + 0.12, said, ha={0: "left", 1: "right"}.get(part, "center"), va="center", fontsize=12, color=GREY)
