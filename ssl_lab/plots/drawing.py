"""A picture as the list of what is on it, in inches, y down. matplotlib prints the list, a browser shows it, and both say the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle

from ssl_lab.plots.look import INK, PAPER, Page, our_look
from ssl_lab.plots.spots import PIXELS, Box, Spots, Values

DASHES = {"": "-", "dashed": (0, (4, 2)), "dotted": (0, (1, 1.2)), "dotdash": (0, (5, 1.2, 1, 1.2))}
TICK = MarkerStyle(np.array([(-0.5, 0.0), (-0.1, -0.4), (0.6, 0.5)]))  # of what is right; a cross is "x"
Colour = str | Values


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels, (H, W, 3) or with alpha (H, W, 4), bytes, in a box.   smooth: blend between pixels, else each is a sharp square."""

    pixels: UInt8[np.ndarray, "H W _"]
    box: Box
    smooth: bool = False

    def printed(self, axes, z: float) -> None:
        left, top, width, height = self.box
        how = {"interpolation": "bicubic" if self.smooth else "nearest", "aspect": "auto", "zorder": z}
        axes.imshow(self.pixels, extent=(left, left + width, top + height, top), **how)

    def sent(self) -> list:
        return ["image", rounded(self.box), self.pixels, self.smooth]


@dataclass(frozen=True, eq=False)
class Strokes:
    """Lines through points, (n, 2) each.   colours, widths: one, or one a line; widths in points.   dash: a name in DASHES."""

    paths: Values
    colours: Colour
    widths: float | Values
    dash: str = ""
    alpha: float = 1.0

    def printed(self, axes, z: float) -> None:
        style = {"colors": self.colours, "linewidths": self.widths, "linestyles": [DASHES[self.dash]], "alpha": self.alpha}
        axes.add_collection(LineCollection(self.paths, capstyle="butt", joinstyle="round", clip_on=False, zorder=z, **style), autolim=False)

    def sent(self) -> list:
        return ["strokes", [*map(rounded, self.paths)], hexed(self.colours), listed(self.widths), self.dash, self.alpha]


@dataclass(frozen=True, eq=False)
class Areas:
    """Filled outlines, (n, 2) each, or (left, top, width, height) boxes.   fills: one, or one an area.   edges: "" = none.   width: of an edge."""

    outlines: Values
    fills: Colour
    edges: Colour = ""
    width: float = 1.0
    alpha: float = 1.0

    def printed(self, axes, z: float) -> None:
        edge = self.edges if len(self.edges) else "none"
        fill = [one or "none" for one in ([self.fills] if isinstance(self.fills, str) else self.fills)]
        style = {"facecolors": fill, "edgecolors": edge, "linewidths": self.width if len(self.edges) else 0, "alpha": self.alpha}
        axes.add_collection(PolyCollection([*map(corners, self.outlines)], clip_on=False, zorder=z, **style), autolim=False)

    def sent(self) -> list:
        return ["areas", [rounded(corners(one)) for one in self.outlines], hexed(self.fills), hexed(self.edges), self.width, self.alpha]


@dataclass(frozen=True, eq=False)
class Marks:
    """Small shapes at points x, y.   kind: a marker of matplotlib, or "tick".   sizes: across, in points.   fills: one, or one a mark."""

    x: Values
    y: Values
    kind: str
    sizes: float | Values
    fills: Colour
    edge: str = ""
    width: float = 1.0

    def printed(self, axes, z: float) -> None:
        fills = self.fills if isinstance(self.fills, str) else [*self.fills]
        if self.kind == "x":
            style = {"c": fills, "linewidths": self.width}
        elif self.kind == "tick":
            style = {"facecolors": "none", "edgecolors": fills, "linewidths": self.width}
        else:
            style = {"c": fills, "edgecolors": self.edge or "none", "linewidths": self.width if self.edge else 0}
        shape = TICK if self.kind == "tick" else self.kind
        axes.scatter(self.x, self.y, s=np.square(self.sizes), marker=shape, clip_on=False, zorder=z, **style)

    def sent(self) -> list:
        return ["marks", self.kind, rounded(self.x), rounded(self.y), listed(self.sizes), hexed(self.fills), hexed(self.edge), self.width]


@dataclass(frozen=True, eq=False)
class Words:
    """A text, perhaps of several lines, at a point.   size: in points.   turn: degrees, counter-clockwise.   ground, rim: of a box behind it."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool
    ha: str
    va: str
    turn: float
    ground: str
    rim: str

    def printed(self, axes, z: float) -> None:
        edge = {"edgecolor": self.rim, "linewidth": 2.5} if self.rim else {"edgecolor": "none"}
        box = {"bbox": {"facecolor": self.ground, "boxstyle": "round,pad=0.15", "alpha": 0.9, **edge}} if self.ground else {}
        style = {"fontsize": self.size, "color": self.colour, "fontweight": "bold" if self.bold else "normal", "rotation": self.turn, "zorder": z}
        axes.text(self.x, self.y, self.text, ha=self.ha, va=self.va, **style, **box)

    def sent(self) -> list:
        place = [*rounded([self.x, self.y]), self.text, round(self.size * PIXELS / 72, 2), self.colour]
        return ["words", *place, self.bold, self.ha, self.va, self.turn, self.ground, self.rim]


Item = Image | Strokes | Areas | Marks | Words


class Drawing(Page):
    """A Page that is a list of items, drawn in the order in which they are put.

    width, height: inches; an inch is PIXELS of a browser's where the drawing has its full size.   items: what is on it.
    spots: what answers a pointer.   panels: boxes that stand side by side where there is room, one below the other where there is none; together
    they are the whole drawing: the strip of the title, if it has one, and what lies between the splits, which are counted from the left.
    """

    def __init__(self, width: float, height: float, strip: float = 0.0, splits: Sequence[float] = ()):
        super().__init__(figsize=(width, height), dpi=PIXELS, facecolor=PAPER, edgecolor=PAPER, layout="none")
        self.patch.set_sketch_params(None)  # whatever style the reader has chosen
        self.width, self.height = width, height
        self.items: list[Item] = []
        self.spots: list[Spots | Callable[[], Spots]] = []
        self.panels: list[Box] = [(0.0, 0.0, width, strip)] if strip else []
        self.panels += [(left, strip, right - left, height - strip) for left, right in pairwise((0.0, *splits, width))]
        self.whole = True  # whether matplotlib has all items

    def put(self, item: Item) -> None:
        """Add one more, above all others."""
        self.items.append(item)
        self.whole = False

    def image(self, pixels, left: float, top: float, width: float, height: float, smooth: bool = False) -> None:
        self.put(Image(pixels, (left, top, width, height), smooth))

    def strokes(self, paths, colours: Colour = INK, widths=1.5, dash: str = "", alpha: float = 1.0) -> None:
        self.put(Strokes(paths, colours, widths, dash, alpha))

    def areas(self, outlines, fills: Colour, edges: Colour = "", width: float = 1.0, alpha: float = 1.0) -> None:
        self.put(Areas(outlines, fills, edges, width, alpha))

    def marks(self, x, y, kind: str, sizes, fills: Colour = INK, edge: str = "", width: float = 1.0) -> None:
        self.put(Marks(np.atleast_1d(x), np.atleast_1d(y), kind, sizes, fills, edge, width))

    def words(self, x, y, text, size=14, colour=INK, bold=False, ha="left", va="center", turn=0, ground="", rim="") -> None:
        self.put(Words(float(x), float(y), str(text), size, colour, bold, ha, va, turn, ground, rim))

    def title(self, text: str, *below: str, size: float = 18) -> None:
        """The finding, and below it, on one line, how it came about."""
        self.words(0.15, 0.36, text, size, bold=True)
        if any(below):
            self.words(0.15, 0.74, " · ".join(filter(None, below)), 14)

    def picture(self, pixels, left: float, top: float, side: float) -> None:
        """An image, whole and neither squeezed nor cut, in the middle of a square of room."""
        height, width = np.shape(pixels)[:2]
        height, width = side * height / max(height, width), side * width / max(height, width)
        self.image(pixels, left + (side - width) / 2, top + (side - height) / 2, width, height, smooth=True)

    def printed(self) -> "Drawing":
        """Give matplotlib what it does not have yet: all items, on one pair of axes in inches."""
        if not self.whole:
            with our_look():
                self.clear()
                axes = self.add_axes((0, 0, 1, 1), xlim=(0, self.width), ylim=(self.height, 0))
                axes.axis("off")
                for z, item in enumerate(self.items, 1):
                    item.printed(axes, z)
                axes.set(xlim=(0, self.width), ylim=(self.height, 0))
            self.whole = True
        return self

    def draw(self, renderer) -> None:
        self.printed()
        super().draw(renderer)

    def findobj(self, *args, **options) -> list:
        self.printed()
        return super().findobj(*args, **options)


def corners(outline) -> Float[np.ndarray, "n 2"]:
    """The outline itself, or the corners of a box."""
    if len(outline) == 4 and np.ndim(outline) == 1:
        left, top, width, height = outline
        return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], dtype=float)
    return np.asarray(outline, dtype=float)


def square(left: float, top: float, side: float) -> list[tuple[float, float]]:
    """A line around a square."""
    right, low = left + side, top + side
    return [(left, top), (right, top), (right, low), (left, low), (left, top)]


def rounded(inches) -> list[float]:
    """In a browser's pixels, to a tenth, as one list."""
    return (np.asarray(inches, dtype=float) * PIXELS).round(1).ravel().tolist()


def listed(values) -> float | list[float]:
    return float(values) if np.ndim(values) == 0 else [round(float(value), 2) for value in values]


def hexed(colours: Colour) -> str | list[str]:
    """Colours as a browser knows them, "" = none."""
    if isinstance(colours, str):
        return colours if colours.startswith("#") or not colours else to_hex(colours)
    return [one if isinstance(one, str) and (one.startswith("#") or not one) else to_hex(one) for one in colours]

