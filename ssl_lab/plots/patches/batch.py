"""Images cut into patches, and where they lie on a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.colors import Colormap

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, POSITIVE, class_name, opaque, smaller
from ssl_lab.plots.spots import Box

GAP = 2  # pixels between two patches of a mosaic
CLEAR = (255, 255, 255, 0)


@dataclass(frozen=True, eq=False)
class Cut:
    """B images and their patches.   images: what was cut.   tiles: the patches as they are encoded.   size, stride: of the patches, in pixels.
    labels: -1 = none.   augmented: whether every patch was changed, as in training.
    """

    images: UInt8[np.ndarray, "B H W 3"]
    tiles: UInt8[np.ndarray, "B G J s s 3"]
    size: int
    stride: int
    labels: Int[np.ndarray, " B"]
    classes: tuple[str, ...] = ()
    augmented: bool = False

    @property
    def grid(self) -> tuple[int, int]:
        """Patches down and across."""
        return self.tiles.shape[1:3]

    def called(self, image: int) -> str:
        """image 3 (ring)"""
        what = f" ({class_name(int(self.labels[image]), self.classes)})" if self.labels[image] >= 0 else ""
        return f"image {image}{what}"

    def where(self, patch: int) -> str:
        """row 2, column 0"""
        return "row {}, column {}".format(*divmod(patch, self.grid[1]))

    def tile(self, candidate: int, most: int = 48) -> UInt8[np.ndarray, "h w 3"]:
        """The picture of one patch of the batch."""
        image, patch = divmod(candidate, self.grid[0] * self.grid[1])
        row, column = divmod(patch, self.grid[1])
        return smaller(self.tiles[image, row, column][None], most)[0]


class Lattice:
    """Where the cells of a grid lie in a square of room, in inches, from its upper left corner.   free: the part of a cell around what is in it."""

    def __init__(self, left: float, top: float, side: float, grid: tuple[int, int], free: float = 0.0):
        self.left, self.top, self.grid, self.cell, self.free = left, top, grid, side / max(grid), free * side / max(grid)

    @property
    def box(self) -> Box:
        """All of it."""
        return self.left, self.top, self.grid[1] * self.cell, self.grid[0] * self.cell

    def of(self, patch: int, free: float | None = None) -> Box:
        """Around what is in one cell."""
        (row, column), free = divmod(patch, self.grid[1]), self.free / 2 if free is None else free
        side = self.cell - 2 * free
        return self.left + column * self.cell + free, self.top + row * self.cell + free, side, side

    def middle(self, patch: int) -> tuple[float, float]:
        """The centre of one cell."""
        left, top, side, _ = self.of(patch)
        return left + side / 2, top + side / 2

    def paint(self, page: Drawing, values: Float[np.ndarray, "G J"], colours: Colormap) -> None:
        """Cells in colours from 0 to 1, nothing where there is no number."""
        painted = colours(np.nan_to_num(values).clip(0, 1), bytes=True)
        painted[np.isnan(values)] = CLEAR
        page.image(painted, *self.box)
        left, top, width, height = self.box
        down = [[(left + j * self.cell, top), (left + j * self.cell, top + height)] for j in range(1, self.grid[1])]
        across = [[(left, top + i * self.cell), (left + width, top + i * self.cell)] for i in range(1, self.grid[0])]
        page.strokes(down + across, FAINT, 1)

    def frame(self, page: Drawing, context: int, target: int, width: float = 3) -> None:
        """Frames around the context, and around the patch that it predicts."""
        page.areas([self.of(context), self.of(target)], "", [ANCHOR, POSITIVE], width)


def mosaic(tiles: UInt8[np.ndarray, "G J s s 3"]) -> tuple[UInt8[np.ndarray, "H W 4"], float]:
    """All patches of an image side by side, clear gaps between them, and the part of a cell that is gap."""
    G, J = tiles.shape[:2]
    small = opaque(smaller(tiles.reshape(-1, *tiles.shape[2:]), 48))
    s = small.shape[1]
    cells = np.full((G, J, s + GAP, s + GAP, 4), CLEAR, np.uint8)
    cells[:, :, GAP // 2 : GAP // 2 + s, GAP // 2 : GAP // 2 + s] = small.reshape(G, J, s, s, 4)
    return cells.transpose(0, 2, 1, 3, 4).reshape(G * (s + GAP), J * (s + GAP), 4), GAP / (s + GAP)


def named(grid: tuple[int, int]) -> dict[str, Sequence[str]]:
    """What rows and columns are called, of places that answer."""
    return {"rows": [f"row {i}" for i in range(grid[0])], "columns": [f"column {j}" for j in range(grid[1])]}
