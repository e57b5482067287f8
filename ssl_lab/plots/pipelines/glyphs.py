"""The alphabet of the pipelines: how a node and an edge of each kind is drawn. Told apart by shape, line and word; colour only repeats it."""

import math

from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from ssl_lab.plots.look import ANCHOR, FAINT, INK, NEGATIVE, PAPER, POSITIVE
from ssl_lab.plots.pipelines.flows import BOTTOM, NETWORKS, TOP, Edge, Node

SYMBOL, NAME = 25, 20  # points, of what stands in a node, and beside a vector
TINT = "#cfe0ea"  # of a network that is kept
SIZES = {
    "image": (1.0, 1.0), "grid": (1.4, 1.4), "vector": (0.24, 0.92), "row": (1.85, 0.56), "label": (0.95, 0.64), "step": (1.5, 0.8),
    "loss": (1.9, 1.1), **dict.fromkeys(NETWORKS, (1.1, 1.04)),
}  # fmt: skip
OUTLINES = {"trained": ("-", 3), "momentum": ((0, (3.2, 1.3)), 3), "frozen": ((0, (0.9, 0.9)), 4)}  # kind of network → line, width
ARROWS = {  # kind of edge → colour, line, width
    "data": (INK, "-", 2.5), "positive": (POSITIVE, "-", 4), "negative": (NEGATIVE, "-", 4), "label": (INK, (0, (5, 1.2, 1, 1.2)), 2.5),
    "momentum": (INK, OUTLINES["momentum"][0], 2.5), "copy": (INK, OUTLINES["frozen"][0], 4),
}  # fmt: skip


def size(words: str) -> float:
    """Points of some words; a subscript has 70 % of its line, and 12 are the least."""
    return 17.3 if "_" in words else 16


def draw_node(axes, node: Node, picture=None):
    """One node, with its symbol inside, and its name on the far side of its lane."""
    SHAPES[node.kind](axes, node)
    (left, right, low, high), up, outside = frame(node), node.y == TOP, node.kind in ("vector", "row", "grid")
    if picture is not None:
        axes.imshow(picture, extent=(left, right, low, high), zorder=2.5)
    elif not outside:
        points, colour = SYMBOL if node.symbol.startswith("$") else 18, PAPER if node.kind == "loss" else INK
        axes.text(node.x, node.y, node.symbol, ha="center", va="center", fontsize=points, color=colour, zorder=4)
    name = " ".join(filter(None, (node.word, node.symbol))) if outside or picture is not None else node.word
    air = 0.2 if node.kind in NETWORKS else 0.1
    y, va = (high + air, "bottom") if up else (low - air, "top")
    points, colour = NAME if node.kind == "vector" else size(name), NEGATIVE if node.kind == "row" else INK
    axes.text(node.x, y, name, ha="center", va=va, fontsize=points, color=colour)


def frame(node: Node, scale: float = 1.0) -> tuple[float, float, float, float]:
    """left, right, low, high"""
    width, height = (scale * side / 2 for side in SIZES[node.kind])
    return node.x - width, node.x + width, node.y - height, node.y + height


def funnel(axes, node, scale=1.0):
    """A network; its outline says how its weights move."""
    (left, right, low, high), (line, thick), slope = frame(node, scale), OUTLINES[node.kind], 0.12 * scale
    corners = [(left, low - slope), (left, high + slope), (right, high - slope), (right, low + slope)]
    thick = thick if scale == 1 else 2.2
    axes.add_patch(Polygon(corners, facecolor=TINT if node.kept else PAPER, edgecolor=INK, linewidth=thick, linestyle=line, zorder=3))


def cells(axes, node, columns, rows, gap=0.0, edge=INK, marked=(), scale=1.0):
    """A table of cells in the node's frame; those marked, (column, row from above) → colour, are filled."""
    left, right, low, high = frame(node, scale)
    wide, tall, marked = (right - left) / columns, (high - low) / rows, dict(marked)
    at = [(i, j) for i in range(columns) for j in range(rows)]
    boxes = [Rectangle((left + (i + gap / 2) * wide, high - (j + 1) * tall), wide * (1 - gap), tall) for i, j in at]
    axes.add_collection(PatchCollection(boxes, facecolors=[marked.get(place, FAINT) for place in at], edgecolors=edge, linewidths=1.5, zorder=3))


def image(axes, node):
    """A sheet of paper."""
    left, right, low, high = frame(node)
    axes.add_patch(Rectangle((left, low), right - left, high - low, facecolor=FAINT, edgecolor=INK, linewidth=1.5, zorder=2.4))


def grid(axes, node):
    """The patches of an image or, where the node has no name, their features: the rows that the context c sees, and the z to be predicted."""
    width, height = SIZES[node.kind]
    places = {} if node.symbol else {(2, 1): ("$c$", ANCHOR), (2, 3): ("$z$", POSITIVE)}
    seen = {} if node.symbol else {(i, j): "#c2bdb3" for i in range(5) for j in range(2)}
    cells(axes, node, 5, 5, marked=seen | {place: colour for place, (_, colour) in places.items()})
    for (i, j), (symbol, colour) in places.items():
        x, y = node.x + (i - 2) * width / 5, node.y - (j - 2) * height / 5
        axes.text(x, y, symbol, ha="center", va="center", fontsize=17, color=PAPER if colour == POSITIVE else INK, zorder=4)


def vector(axes, node, scale=1.0):
    cells(axes, node, 1, 4, scale=scale)


def row(axes, node):
    """Many vectors side by side: the negatives."""
    cells(axes, node, 8, 3, gap=0.35, edge=NEGATIVE)


def label(axes, node):
    """A tag with a pointed end."""
    left, right, low, high = frame(node)
    corners = [(left, low), (left, high), (right - 0.2, high), (right, node.y), (right - 0.2, low)]
    axes.add_patch(Polygon(corners, facecolor=PAPER, edgecolor=INK, linewidth=2.5, zorder=3))


def step(axes, node, colour=PAPER):
    """A computation that has no weights."""
    (left, right, low, high), pad = frame(node), 0.2
    inner = (left + pad, low + pad), right - left - 2 * pad, high - low - 2 * pad
    style = f"round,pad={pad},rounding_size={pad}"
    axes.add_patch(FancyBboxPatch(*inner, boxstyle=style, facecolor=colour, edgecolor=INK, linewidth=2.5, zorder=3))


def loss(axes, node):
    """The one dark node."""
    step(axes, node, INK)


SHAPES = {
    "image": image, "grid": grid, "vector": vector, "row": row, "label": label, "step": step, "loss": loss, **dict.fromkeys(NETWORKS, funnel),
}  # fmt: skip


def way(edge: Edge, start: Node, end: Node) -> list[tuple[float, float]]:
    """The corners of an edge, from the rim of one node to the rim of the other."""
    if edge.bend:
        corner = (end.x, start.y) if edge.bend == "-|" else (start.x, end.y)
        return [rim(start, *corner), corner, rim(end, *corner)]
    return [rim(start, end.x, end.y), rim(end, start.x, start.y)]


def rim(node: Node, x: float, y: float, air: float = 0.06) -> tuple[float, float]:
    """Where the line from a node's middle to (x, y) leaves its frame, with a little air."""
    (width, height), dx, dy = SIZES[node.kind], x - node.x, y - node.y
    share = min((size / 2 + air) / abs(d) if d else math.inf for size, d in ((width, dx), (height, dy)))
    return node.x + share * dx, node.y + share * dy


def draw_edge(axes, edge: Edge, start: Node, end: Node):
    """One arrow with its word; a stop of the gradient is two strokes and the word."""
    points = way(edge, start, end)
    if edge.kind == "shared":
        (x, high), (_, low) = points
        axes.add_collection(LineCollection([[(x + d, high), (x + d, low)] for d in (-0.05, 0.05)], colors=INK, linewidths=2.5))
    else:
        arrow(axes, points, edge.kind)
    draw_word(axes, edge, points)
    if edge.stop:
        draw_stop(axes, *points[:2])


def arrow(axes, points, kind: str):
    """A line of its kind that ends in a solid head."""
    (colour, line, width), ((x0, y0), (x, y)), head = ARROWS[kind], points[-2:], 0.26
    far = math.hypot(x - x0, y - y0)
    dx, dy = head * (x - x0) / far, head * (y - y0) / far
    axes.add_patch(Polygon([(x, y), (x - dx - dy / 2.2, y - dy + dx / 2.2), (x - dx + dy / 2.2, y - dy - dx / 2.2)], facecolor=colour, zorder=2.2))
    path = [*points[:-1], (x - 0.9 * dx, y - 0.9 * dy)]
    axes.plot(*zip(*path), color=colour, linestyle=line, linewidth=width, solid_joinstyle="miter", solid_capstyle="butt", zorder=2)


def draw_word(axes, edge, points):
    """Right of a vertical line; else over it, but under one that falls or runs in the lower lane."""
    (x0, y0), (x1, y1) = points[1:] if edge.bend == "|-" else points[:2]
    x, y, lone = (x0 + x1) / 2, (y0 + y1) / 2, edge.word.startswith("$")
    style = {"fontsize": NAME if lone else size(edge.word), "color": ARROWS.get(edge.kind, ARROWS["data"])[0]}
    if x0 == x1:
        axes.text(x + 0.2, y, edge.word, va="center", linespacing=1.4, **style)
    elif y0 == y1:
        low = y == BOTTOM
        axes.text(x - 0.06, y + (-0.16 if low else 0.16), edge.word, ha="center", va="top" if low else "bottom", **style)
    else:
        axes.text(x - 0.06, y + (0.08 if y1 > y0 else -0.08), edge.word, ha="right", va="bottom" if y1 > y0 else "top", **style)


def draw_stop(axes, start, end):
    """Two strokes across the line, on white, and the word under them."""
    x, y = (start[0] + end[0]) / 2, start[1]
    axes.add_patch(Rectangle((x - 0.11, y - 0.1), 0.22, 0.2, facecolor=PAPER, zorder=2.6))
    strokes = [[(x + d - 0.1, y - 0.26), (x + d + 0.1, y + 0.26)] for d in (-0.1, 0.1)]
    axes.add_collection(LineCollection(strokes, colors=INK, linewidths=4, zorder=2.7))
    axes.text(x, y - 0.34, "stop-gradient", ha="center", va="top", fontsize=size(""))
