"""A map of an embedding, one of its images, and that image's nearest neighbours in pixels and in the embedding."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from ssl_lab.errors import one_of, require
from ssl_lab.plots.drawing import Drawing, square
from ssl_lab.plots.look import ANCHOR, GREY, INK, NEGATIVE, PAPER, POSITIVE, class_name
from ssl_lab.plots.spots import Spots

# Ten colours that colour-blind eyes tell apart (after Tol's "muted"), none of them one of the three that have a meaning; an eleventh begins anew.
# All stand out from white paper and from a dark page.
KINDS = ["#5544bb", "#cc6677", "#117733", "#88ccee", "#ddaa33", "#882255", "#44aa99", "#999933", "#aa4499", "#777777"]
CYCLE = LinearSegmentedColormap.from_list("turn", ["#6b3a80", "#5458b8", "#5f9bd0", "#b3b9a4", "#d58b57", "#b83c58", "#6b3a80"])
UNKNOWN = "#c9c4ba"
WAYS = ("category", "angle", "number")  # how values become colours
MANY = 20  # classes; of more than so many, only those in question are named in the map
WIDTH, HEIGHT, HEAD, MIDDLE = 13, 6.6, 0.51, 5.72  # inches: of the drawing, of its title; between the map and the strips
LEFT, TOP, SIDE = 0.15, 0.54, 5.35  # of the map
RIGHT, ROOM = 5.835, 7.05  # of the strips: where they begin, how wide they are
LONGEST = 24  # letters of a class that are shown
NAME = 0.115, 0.3  # inches that a name needs: wide a letter, high


@dataclass(frozen=True)
class Colouring:
    """What the colours of a map say.   values: (N,), NaN = unknown.

    way: what they are: "category" (0, 1, ..., which `names` names), "angle" (turns in [0, 1)) or "number".
    """

    name: str
    values: np.ndarray
    way: str = "number"
    names: tuple[str, ...] = ()

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The values at which the colours begin and end; NaN where none is known."""
        known = self.values[np.isfinite(self.values)]
        return (0.0, 1.0) if self.way == "angle" else (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)

    @cached_property
    def colours(self) -> list[str]:
        """The colour of every value."""
        if self.way == "category":
            return [KINDS[int(value) % len(KINDS)] if np.isfinite(value) else UNKNOWN for value in self.values]
        low, high = self.ends
        places = np.nan_to_num((self.values - low) / (high - low or 1) * 256, nan=-1).astype(int)
        return [steps(self.way)[min(place, 255)] if place >= 0 else UNKNOWN for place in places]

    @property
    def title(self) -> str:
        """The name in words; braces would be names in a tip."""
        return self.name.translate({ord("_"): " ", ord("{"): "(", ord("}"): ")"})

    def said(self, value: float) -> str:
        """One value in words."""
        if not np.isfinite(value):
            return "unknown"
        if self.way != "category":
            return f"{value:.2f}".replace("-", "−") + " turns" * (self.way == "angle")
        return class_name(int(value), self.names, LONGEST) if value < len(self.names) else f"{value:.0f}"


@cache
def steps(way: str) -> list[str]:
    """256 colours of numbers or angles, from the least to the greatest."""
    scale, start = (CYCLE, 0.0) if way == "angle" else (colormaps["viridis"], 0.15)
    return [to_hex(colour) for colour in scale(np.linspace(start, 1, 256))]


def embedding(
    xy: np.ndarray,
    colouring: Colouring,
    images: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    picked: int,
    in_pixels: np.ndarray,
    in_embedding: np.ndarray,
    words: str,
    busy: str = "",
    distances: np.ndarray | None = None,
    cosines: np.ndarray | None = None,
) -> tuple[Figure, str]:
    """A map of an embedding, and whom one of its images lies next to: in pixels, in the embedding, and of which class these are.

    xy: (N, 2).   images: (N, H, W, 3) uint8.   labels: (N,), -1 = none.   classes: the name of every label.   picked: 0 .. N - 1.
    in_pixels, in_embedding: the k nearest of the picked one.   words: which map this is.   busy: what is being waited for.
    distances, cosines: of these to the picked one, in pixels and in the embedding, for who points at a neighbour.
    Raises: InputError for a colouring that does not fit, or an image that is not there.
    """
    one_of(colouring.way, WAYS, "way of colouring")
    require(len(xy) == len(images) == len(labels) == len(colouring.values), "every image needs its place, label and colour")
    require(0 <= picked < len(xy), f"picked={picked} is none of the {len(xy)} images; from 0 to {len(xy) - 1} there are")
    own, k = labels[picked], len(in_embedding)
    same = [(labels[near] == own) & (own >= 0) for near in (in_pixels, in_embedding)]
    pixels, ours = (int(hits.sum()) for hits in same)
    called = {label: class_name(label, classes, LONGEST) for label in np.unique(labels).tolist()}
    names, name = [called[label] for label in labels.tolist()], called[int(own)]
    figure, at = Drawing(WIDTH, HEIGHT, HEAD, [MIDDLE]), placed(xy)
    finding = f"{ours} of {k} neighbours share its class ({name}); in pixels {pixels} of {k}"
    figure.title(finding if own >= 0 else "This image has no label that neighbours could share")
    chart(figure, at, colouring, picked, in_embedding, same[1])
    figure.words(LEFT, 6.18, words, 13, GREY)
    if busy:
        figure.words(LEFT + 0.1, TOP + SIDE - 0.23, busy, ground=PAPER, rim=ANCHOR)
    picked_one(figure, images[picked], picked, name)
    strip(figure, 2.645, "in pixels", in_pixels, images, names, same[0], "distance", distances)
    strip(figure, 4.595, "in the embedding", in_embedding, images, names, same[1], "cosine", cosines)
    figure.spots.append(lambda: points(at, colouring, names))
    counted = f"{ours} of its {k} nearest neighbours in the embedding and {pixels} of {k} in pixels share its class"
    summary = f"{words.splitlines()[0]} of {len(xy):,} images, coloured by {colouring.title}: of image {picked} ({name}), {counted}"
    return figure, f"{summary}{busy and '; ' + busy}."


def placed(xy: np.ndarray) -> np.ndarray:
    """Where the points lie on the drawing, (N, 2), in inches: all in a square, with room for names."""
    middle, half = (xy.max(0) + xy.min(0)) / 2, 0.54 * max((xy.max(0) - xy.min(0)).max(), 1e-6)
    return np.array([LEFT, TOP]) + SIDE / 2 * (1 + (xy - middle) / half * (1, -1))


def points(at: np.ndarray, colouring: Colouring, names: list[str]) -> Spots:
    """Every point of the map says which image it is, of which class, and what its colour means; a click picks it."""
    tip, data = "image {image}: {class}", {"image": range(len(at)), "class": names}
    if colouring.name != "class":
        tip, data = f"{tip}, {colouring.title} {{value}}", data | {"value": [*map(colouring.said, colouring.values.tolist())]}
    return Spots("images on the map", (LEFT, TOP, SIDE, SIDE), tip, data, {"picked": range(len(at))}, at=at)


def chart(figure: Drawing, at: np.ndarray, colouring: Colouring, picked: int, near: np.ndarray, same: np.ndarray) -> None:
    """The map: all points, what their colours mean, the picked one and its neighbours: blue discs share its class, vermilion squares do not."""
    figure.strokes([square(LEFT, TOP, SIDE)], UNKNOWN, 1)
    order = np.argsort(np.isfinite(colouring.values), kind="stable")  # what is unknown lies below
    figure.marks(*at[order].T, "o", float(np.clip(24_000 / len(at), 8, 70)) ** 0.5, [colouring.colours[i] for i in order])
    if colouring.way == "category":
        name_groups(figure, at, colouring, colouring.values[[picked, *near]])
    else:
        scale(figure, colouring)
    figure.strokes([(at[picked], at[j]) for j in near], INK, 1)
    for chosen, colour, kind in (near[same], POSITIVE, "o"), (near[~same], NEGATIVE, "s"):
        figure.marks(*at[chosen].T, kind, 9, colour, PAPER, 1.5)
    figure.marks(*at[picked], "*", 20.5, ANCHOR, INK, 1.5)


def scale(figure: Drawing, colouring: Colouring, left: float = 3.7, width: float = 1.5) -> None:
    """What the colours of numbers and angles mean."""
    pixels = np.array([[int(step[i : i + 2], 16) for i in (1, 3, 5)] for step in steps(colouring.way)[::2]], np.uint8)
    figure.image(pixels[None], left, 6.09, width, 0.14, smooth=True)
    figure.words(left + width / 2, 5.99, colouring.title, 13, ha="center")
    said = ["0", "½", "1 turn"] if colouring.way == "angle" else [f"{end:.2g}" for end in colouring.ends]
    for place, text in zip(np.linspace(left, left + width, len(said)), said):
        figure.words(place, 6.36, text, 12, GREY, ha="center")


def name_groups(figure: Drawing, at: np.ndarray, colouring: Colouring, asked: np.ndarray) -> None:
    """Each group's name over its points, and over no other name."""
    groups = np.unique(colouring.values[np.isfinite(colouring.values)]).tolist()
    groups = groups if len(groups) <= MANY else [group for group in groups if group in asked]
    names, corner = [colouring.said(group) for group in groups], np.array([LEFT, TOP])
    centres = np.array([centre(at[colouring.values == group] - corner) for group in groups]).reshape(-1, 2)
    for (x, y), name, group in zip(corner + apart(centres, np.array([len(name) * NAME[0] + 0.15 for name in names])), names, groups):
        figure.words(x, y, name, 13, ha="center", ground=PAPER, rim=KINDS[int(group) % len(KINDS)])


def centre(points: np.ndarray) -> np.ndarray:
    """Where a group's name goes, in inches, y down: at the median of its points, but above a group so tight that its name would hide it."""
    ordered = np.sort(points, axis=0)
    x, y = ordered[len(points) // 2]
    above = y - ordered[int(0.03 * (len(points) - 1)), 1]
    return np.array([x, y - above - 0.22 if above < 0.4 else y])


def apart(places: np.ndarray, widths: np.ndarray, rounds: int = 80) -> np.ndarray:
    """Boxes at places (n, 2), in inches, pushed up and down until none lies on another, and none beyond the map."""
    x = np.clip(places[:, 0], np.minimum(widths / 2, SIDE / 2), np.maximum(SIDE - widths / 2, SIDE / 2))
    meet = np.argwhere(np.tril(np.abs(x[:, None] - x) < (widths[:, None] + widths) / 2, -1)).tolist()  # those that can
    y = np.clip(places[:, 1], NAME[1] / 2, SIDE - NAME[1] / 2).tolist()
    for _ in range(rounds):
        before = [*y]
        for i, j in meet:
            if abs(dy := y[i] - y[j]) < NAME[1]:
                push = (NAME[1] - abs(dy)) / 2 * (1 if dy >= 0 else -1)
                y[i], y[j] = y[i] + push, y[j] - push
        y = [min(max(place, NAME[1] / 2), SIDE - NAME[1] / 2) for place in y]
        if y == before:
            break
    return np.stack([x, y], axis=1)


def picked_one(figure: Drawing, image: np.ndarray, picked: int, name: str) -> None:
    """The picked image, large, and what the marks mean."""
    figure.picture(image, RIGHT, TOP, 1.8)
    figure.strokes([square(RIGHT, TOP, 1.8)], ANCHOR, 4)
    figure.words(RIGHT + 2.05, 0.895, f"image {picked}: {name}", 17, bold=True)
    figure.marks(RIGHT + 2.15, 1.375, "*", 16, ANCHOR, INK, 1.5)
    ticks(figure, np.full(2, RIGHT + 2.15), np.array([1.715, 2.035]), np.array([True, False]))
    for y, said in (1.375, "this image"), (1.715, "shares its class"), (2.035, "does not"):
        figure.words(RIGHT + 2.4, y, said)


def strip(figure: Drawing, top: float, where: str, near: np.ndarray, images, names, same: np.ndarray, what: str, values) -> None:
    """A row of neighbours, nearest first, each with a mark that says whether it shares the class; a click picks one.

    where: they are near.   names: of the classes of all images.   what: `values` are, how near each is; None = nobody knows.
    """
    step, y = ROOM / max(len(near), 8), top + 0.36
    side, lefts = 0.9 * step, RIGHT + step * (np.arange(len(near)) + 0.05)
    figure.words(RIGHT + 0.04, top + 0.16, f"nearest {where}: {same.sum()} of {len(near)} share its class", 15, bold=True)
    for left, row in zip(lefts, near):
        figure.picture(images[row], left, y, side)
    for hits, colour, dash in (same, POSITIVE, ""), (~same, NEGATIVE, "dashed"):
        figure.strokes([square(left, y, side) for left in lefts[hits]], colour, min(3, 3.6 * step), dash)
    ticks(figure, lefts + side / 2, np.full(len(near), y + side + 0.22), same)
    tip, data = f"number {{column}} {where}: image {{image}}, {{class}}", {"image": near, "class": [names[row] for row in near]}
    if values is not None:
        tip, data = f"{tip}, {what} {{near}}", data | {"near": [f"{value:.3f}".replace("-", "−") for value in values]}
    columns, box = [str(number + 1) for number in range(len(near))], (RIGHT, y, step * len(near), side)
    figure.spots.append(Spots(f"nearest {where}", box, tip, data, {"picked": near}, columns=columns))


def ticks(figure: Drawing, x: np.ndarray, y: np.ndarray, same: np.ndarray) -> None:
    """Blue ticks where it is the same class, vermilion crosses where it is not."""
    figure.marks(x[same], y[same], "tick", 12, POSITIVE, width=3)
    figure.marks(x[~same], y[~same], "x", 10, NEGATIVE, width=3)
