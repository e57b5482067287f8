"""What pictures of clusters share: a map of images, whose colours and shapes are their clusters, and clusters as strips of images."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ssl_lab.plots.clusters.numbers import Clustering, counted
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.embedding import KINDS, UNKNOWN
from ssl_lab.plots.look import ANCHOR, GREY, HEAD, INK, NEGATIVE, PAPER
from ssl_lab.plots.spots import Box, Spots, Values

WIDTH, HEIGHT, STRIP, SPLIT = 13.0, 7.4, 1.0, 5.75  # inches; STRIP: the height of the title's; SPLIT: where the right half begins
LEFT, TOP, SIDE = 0.15, 1.08, 5.3  # of the map
X, END, FIRST, PITCH = 6.0, 12.85, 1.42, 0.62  # of the strips: their ends, the first one's top, from one to the next
IMAGE, WORDS = 0.545, 2.3  # inches of an image in a strip, and of the words before it
ROWS = 6  # strips, the chosen cluster's first
CHARTS = 5.6, 6.7  # of the charts below the strips: top and low
SHAPES = "os^Dv*P><X"  # ten colours in each, so that a hundred clusters look different
LARGER = {"*": 1.45, "D": 0.9, "^": 1.1, "v": 1.1, ">": 1.1, "<": 1.1}  # shapes that have less paint, or more


def colour(cluster: int) -> str:
    return KINDS[cluster % len(KINDS)]


def begun(title: str, below: str) -> Drawing:
    """A picture with its title, and the panels of the map and of what stands beside it."""
    page = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT])
    page.title(title, below)
    page.areas([(LEFT, TOP, SIDE, SIDE)], "", UNKNOWN)
    return page


def placed(xy: Float[np.ndarray, "n 2"], reach: float) -> Float[np.ndarray, "n 2"]:
    """Where points of the plane lie on the drawing, in inches, y down.   reach: from the middle of the map to its edge."""
    return np.array([LEFT, TOP]) + SIDE / 2 * (1 + xy * (1, -1) / reach)


def marks(page: Drawing, at: Float[np.ndarray, "n 2"], clusters: Values, size: float, edge: str = PAPER, width: float = 0.7) -> None:
    """Points in the colour and the shape of their clusters; -1 = none yet."""
    clusters = np.asarray(clusters)
    kinds = np.maximum(clusters, 0) // len(KINDS) % len(SHAPES)
    for kind in np.unique(kinds):
        own, mark = kinds == kind, SHAPES[kind]
        fills = [colour(cluster) if cluster >= 0 else GREY for cluster in clusters[own].tolist()]
        page.marks(*at[own].T, mark, size * LARGER.get(mark, 1), fills, edge, width)


def cloud(page: Drawing, at: Float[np.ndarray, "n 2"], clusters: Values, chosen: int, changed: Bool[np.ndarray, " n"]) -> None:
    """All points; with a dark edge those that have another cluster than before, with an orange one the chosen cluster's."""
    clusters = np.asarray(clusters)
    mine = clusters == chosen
    for some, size, edge, width in (
        (~changed & ~mine, 8.5, PAPER, 0.7), (changed & ~mine, 8.5, INK, 1.6), (~changed & mine, 11, ANCHOR, 2.2), (changed & mine, 11, INK, 1.6),
    ):
        if some.any():
            marks(page, at[some], clusters[some], size, edge, width)


def strips(page: Drawing, clustering: Clustering, images: UInt8[np.ndarray, "N H W 3"], chosen: int, by: str) -> list[int]:
    """The chosen cluster, and below it the first of an order, each with its first images. Returns which."""
    room, others = int((END - X - WORDS) / (IMAGE + 0.02)), [one for one in clustering.ordered(by, ROWS) if one != chosen]
    shown = [chosen, *others[: ROWS - 1]]
    page.words(X, FIRST - 0.22, f"the chosen cluster, and the {by}", **HEAD)
    page.areas([(X - 0.08, FIRST - 0.03, END - X + 0.08, PITCH - 0.01)], "", ANCHOR, 2.5)
    for row, cluster in enumerate(shown):
        y, size = FIRST + PITCH * row, int(clustering.sizes[cluster])
        marks(page, np.array([[X + 0.14, y + IMAGE / 2]]), [cluster], 15)
        page.words(X + 0.34, y + 0.15, f"{cluster}: {counted(size) if size else 'empty'}", 13, INK if size else NEGATIVE, True)
        page.words(X + 0.34, y + 0.4, clustering.pure(cluster) if size else "no image", 13, GREY)
        for place, image in enumerate(np.flatnonzero(clustering.assignment == cluster)[:room].tolist()):
            page.picture(images[image], X + WORDS + (IMAGE + 0.02) * place, y, IMAGE)
    said, box = [*map(clustering.said, shown)], (X, FIRST, END - X, PITCH * len(shown))
    page.spots.append(Spots("clusters as strips", box, "{row}", sets={"cluster": shown}, rows=said))
    return shown


def points(at: Float[np.ndarray, "n 2"], said: Values, clusters: Values) -> Spots:
    """Every point says its sentence, and a click chooses its cluster."""
    box: Box = (LEFT, TOP, SIDE, SIDE)
    return Spots("images and centroids on the map", box, "{said}", {"said": said}, {"cluster": clusters}, at=at)
