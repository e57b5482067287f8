"""A map of an embedding, one of its images, and that image's nearest neighbours in pixels and in the embedding."""

from dataclasses import dataclass

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from ssl_lab.errors import one_of, require
from ssl_lab.plots.look import ANCHOR, GREY, INK, NEGATIVE, PAPER, POSITIVE, Page, class_name, in_our_look, squared

# Ten colours that colour-blind eyes tell apart (after Tol's "muted"), none of them one of the three that have a meaning; an eleventh begins anew.
KINDS = ["#332288", "#cc6677", "#117733", "#88ccee", "#ddaa33", "#882255", "#44aa99", "#999933", "#aa4499", "#777777"]
CYCLE = LinearSegmentedColormap.from_list("turn", ["#2f1438", "#4b3fa0", "#5f9bd0", "#b3b9a4", "#d58b57", "#a83250", "#2f1438"])
UNKNOWN = "#c9c4ba"
WAYS = ("category", "angle", "number")  # how values become colours
MANY = 20  # classes; of more than so many, only those in question are named in the map
SIDE = 5.35  # of the map, in inches
LONGEST = 24  # letters of a class that are shown
TICK = Path([(-0.5, 0.05), (-0.15, -0.35), (0.5, 0.45)])
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


@in_our_look
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
) -> tuple[Figure, str]:
    """A map of an embedding, and whom one of its images lies next to: in pixels, in the embedding, and of which class these are.

    xy: (N, 2).   images: (N, H, W, 3) uint8.   labels: (N,), -1 = none.   classes: the name of every label.   picked: 0 .. N - 1.
    in_pixels, in_embedding: the k nearest of the picked one.   words: which map this is.   busy: what is being waited for.
    Raises: InputError for a colouring that does not fit, or an image that is not there.
    """
    one_of(colouring.way, WAYS, "way of colouring")
    require(len(xy) == len(images) == len(labels) == len(colouring.values), "every image needs its place, label and colour")
    require(0 <= picked < len(xy), f"picked={picked} is none of the {len(xy)} images; from 0 to {len(xy) - 1} there are")
    own, k = labels[picked], len(in_embedding)
    same = [(labels[near] == own) & (own >= 0) for near in (in_pixels, in_embedding)]
    pixels, ours = (int(hits.sum()) for hits in same)
    name = class_name(int(own), classes, LONGEST)
    figure = Page(figsize=(13, 6.6))
    chart(figure, xy, colouring, picked, in_embedding, same[1], busy)
    figure.text(0.012, 0.035, words, fontsize=13, color=GREY, va="bottom", linespacing=1.3)
    finding = f"{ours} of {k} neighbours share its class ({name}); in pixels {pixels} of {k}"
    figure.text(0.012, 0.945, finding if own >= 0 else "This image has no label that neighbours could share", fontsize=18, fontweight="bold")
    right = figure.add_axes((0.445, 0.02, 0.55, 0.905))
    picked_one(right, squared(images[[picked]])[0], picked, name)
    said = [f"nearest {where}: {hits.sum()} of {k} share its class" for where, hits in zip(("in pixels", "in the embedding"), same)]
    strips(right, [(2.15, squared(images[in_pixels]), same[0], said[0]), (4.1, squared(images[in_embedding]), same[1], said[1])])
    right.set(xlim=(-0.05, 7.1), ylim=(5.97, 0))
    right.set_axis_off()
    counted = f"{ours} of its {k} nearest neighbours in the embedding and {pixels} of {k} in pixels share its class"
    summary = f"{words.splitlines()[0]} of {len(xy):,} images, coloured by {colouring.name}: of image {picked} ({name}), {counted}"
    return figure, f"{summary}{busy and '; ' + busy}."


def chart(figure, xy: np.ndarray, colouring: Colouring, picked: int, near: np.ndarray, same: np.ndarray, busy: str) -> None:
    """The map: all points, what their colours mean, the picked one and its neighbours, and what is being waited for."""
    axes, square = figure.add_axes((0.012, 0.115, SIDE / 13, SIDE / 6.6)), corners(xy)
    cloud(axes, xy, colouring)
    marked(axes, xy, picked, near, same)
    if colouring.way == "category":
        name_groups(axes, xy, colouring, square, colouring.values[[picked, *near]])
    else:
        scale(figure.add_axes((0.285, 0.06, 0.115, 0.022)), colouring)
    if busy:
        axes.text(0.02, 0.03, busy, transform=axes.transAxes, fontsize=14, bbox={"facecolor": PAPER, "edgecolor": ANCHOR, "linewidth": 2})
    axes.set(xlim=square[0], ylim=square[1], xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=UNKNOWN)


def corners(xy: np.ndarray) -> np.ndarray:
    """Limits of x and of y, (2, 2): a square around all points with room for names."""
    middle, half = (xy.max(0) + xy.min(0)) / 2, 0.54 * max((xy.max(0) - xy.min(0)).max(), 1e-6)
    return np.stack([middle - half, middle + half], axis=1)


def cloud(axes, xy: np.ndarray, colouring: Colouring) -> None:
    """All points, in one call."""
    known = np.isfinite(colouring.values)
    size = float(np.clip(24_000 / len(xy), 8, 70))
    axes.scatter(*xy[~known].T, s=size, color=UNKNOWN, linewidths=0)
    if colouring.way == "category":
        axes.scatter(*xy[known].T, s=size, c=to_rgba_array(KINDS)[colouring.values[known].astype(int) % len(KINDS)], linewidths=0)
    else:
        axes.scatter(*xy[known].T, s=size, c=colouring.values[known], **colours(colouring), linewidths=0)


def colours(colouring: Colouring) -> dict:
    """The colour map of values, and where it begins and ends."""
    if colouring.way == "angle":
        return {"cmap": CYCLE, "vmin": 0, "vmax": 1}
    known = colouring.values[np.isfinite(colouring.values)]
    return {"cmap": "viridis", "vmin": known.min(initial=np.inf), "vmax": known.max(initial=-np.inf)} if len(known) else {"cmap": "viridis"}


def scale(axes, colouring: Colouring) -> None:
    """What the colours of numbers and angles mean."""
    drawn = colours(colouring)
    axes.imshow(np.linspace(0, 1, 128)[None], cmap=drawn["cmap"], extent=(0, 1, 0, 1), aspect="auto")
    ends = ["0", "½", "1 turn"] if colouring.way == "angle" else [f"{drawn.get(end, np.nan):.2g}" for end in ("vmin", "vmax")]
    axes.set(xticks=np.linspace(0, 1, len(ends)), xticklabels=ends, yticks=[])
    axes.set_title(colouring.name.replace("_", " "), fontsize=13, fontweight="normal", pad=3)
    axes.tick_params(length=0, labelsize=12)
    axes.spines[:].set_visible(False)


def marked(axes, xy: np.ndarray, picked: int, near: np.ndarray, same: np.ndarray) -> None:
    """The picked point, and lines to its neighbours: blue discs share its class, vermilion squares do not."""
    axes.add_collection(LineCollection([(xy[picked], xy[j]) for j in near], colors=INK, linewidths=1, zorder=3))
    for chosen, colour, marker in (near[same], POSITIVE, "o"), (near[~same], NEGATIVE, "s"):
        axes.scatter(*xy[chosen].T, s=80, c=colour, marker=marker, edgecolors=PAPER, linewidths=1.5, zorder=4)
    axes.scatter(*xy[picked], s=420, c=ANCHOR, marker="*", edgecolors=INK, linewidths=1.5, zorder=5)


def name_groups(axes, xy: np.ndarray, colouring: Colouring, square: np.ndarray, asked: np.ndarray) -> None:
    """Each group's name over its points, and over no other name."""
    groups = [int(group) for group in np.unique(colouring.values[np.isfinite(colouring.values)])]
    groups = groups if len(groups) <= MANY else [group for group in groups if group in asked]
    names = [class_name(group, colouring.names, LONGEST) if group < len(colouring.names) else str(group) for group in groups]
    low, span = square[:, 0], square[:, 1] - square[:, 0]
    centres = [centre((xy[colouring.values == group] - low) / span * SIDE) for group in groups]
    places = apart(np.array(centres).reshape(-1, 2), np.array([len(name) * NAME[0] + 0.15 for name in names])) / SIDE * span + low
    for (x, y), name, group in zip(places, names, groups):
        edge = {"facecolor": PAPER, "edgecolor": KINDS[group % len(KINDS)], "linewidth": 2.5, "boxstyle": "round,pad=0.15", "alpha": 0.88}
        axes.text(x, y, name, ha="center", va="center", fontsize=13, bbox=edge, zorder=2.5)


def centre(points: np.ndarray) -> np.ndarray:
    """Where a group's name goes, in inches: at the median of its points, but above a group so tight that its name would hide it."""
    x, y = np.median(points, axis=0)
    above = np.quantile(points[:, 1], 0.97) - y
    return np.array([x, y + above + 0.22 if above < 0.4 else y])


def apart(places: np.ndarray, widths: np.ndarray, rounds: int = 80) -> np.ndarray:
    """Boxes at places (n, 2), in inches, pushed up and down until none lies on another, and none beyond the map."""
    places = places.copy()
    room = np.stack([widths / 2, np.full(len(widths), NAME[1] / 2)], axis=1)
    for _ in range(rounds):
        before = places.copy()
        for i in range(len(places)):
            for j in range(i):
                dx, dy = places[i] - places[j]
                if abs(dx) < (widths[i] + widths[j]) / 2 and abs(dy) < NAME[1]:
                    push = (NAME[1] - abs(dy)) / 2 * (1 if dy >= 0 else -1)
                    places[[i, j], 1] += push, -push
        places = np.clip(places, np.minimum(room, SIDE / 2), np.maximum(SIDE - room, SIDE / 2))
        if np.array_equal(places, before):
            break
    return places


def picked_one(axes, image: np.ndarray, picked: int, name: str) -> None:
    """The picked image, large, and what the marks mean. The axes' units are inches, y down."""
    axes.imshow(image, extent=(0, 1.8, 1.85, 0.05), interpolation="nearest")
    axes.add_patch(Rectangle((0, 0.05), 1.8, 1.8, fill=False, edgecolor=ANCHOR, linewidth=4))
    axes.text(2.05, 0.4, f"image {picked}: {name}", fontsize=17, fontweight="bold", va="center")
    axes.scatter(2.15, 0.88, s=260, c=ANCHOR, marker="*", edgecolors=INK, linewidths=1.5)
    ticks(axes, np.array([2.15, 2.15]), np.array([1.22, 1.54]), np.array([True, False]))
    axes.text(2.4, 1.22, "this image\nshares its class\ndoes not", fontsize=14, va="center", linespacing=1.62)


def strips(axes, rows: list[tuple[float, np.ndarray, np.ndarray, str]]) -> None:
    """Rows of neighbours, nearest first, each with a mark that says whether it shares the class: (top, images, whether each does, words)."""
    frames, places, hits = [], [], []
    for top, images, same, words in rows:
        step, gap, y = 7.05 / max(len(images), 8), max(1, images.shape[1] // 14), top + 0.36
        sheet = np.pad(images, ((0, 0), (gap, gap), (gap, gap), (0, 0)), constant_values=255)
        axes.imshow(np.concatenate(sheet, axis=1), extent=(0, step * len(images), y + step, y), interpolation="nearest")
        axes.text(0.04, top + 0.16, words, fontsize=15, fontweight="bold", va="center")
        rim = step * gap / sheet.shape[1]
        for number, hit in enumerate(same):
            x0, x1, y1 = number * step + rim, (number + 1) * step - rim, y + step - rim
            frames.append([(x0, y + rim), (x1, y + rim), (x1, y1), (x0, y1), (x0, y + rim)])
            places.append(((x0 + x1) / 2, y1 + 0.22))
            hits.append(hit)
    hits = np.array(hits)
    dashes = ["-" if hit else (0, (2, 1)) for hit in hits]
    axes.add_collection(LineCollection(frames, colors=np.where(hits, POSITIVE, NEGATIVE), linewidths=3, linestyles=dashes))
    ticks(axes, *np.array(places).T, hits)


def ticks(axes, x: np.ndarray, y: np.ndarray, same: np.ndarray) -> None:
    """Blue ticks where it is the same class, vermilion crosses where it is not."""
    axes.plot(x[same], y[same], linestyle="none", marker=TICK, markersize=12, markeredgewidth=3, markeredgecolor=POSITIVE, fillstyle="none")
    axes.plot(x[~same], y[~same], linestyle="none", marker="x", markersize=10, markeredgewidth=3, markeredgecolor=NEGATIVE)
