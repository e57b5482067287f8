"""One row of a contrastive matrix, spelled out: the anchor, its partner, its hardest negatives, and how hard each of them pulls or pushes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8
from matplotlib.collections import LineCollection, PolyCollection

from ssl_lab.plots.contrast import Contrast
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, class_name, percent

# Inches, y running down. The table begins at X.
X = 6.65
FIRST, STEP, SIDE = 2.0, 0.545, 0.49  # centre of the first candidate, from one to the next, side of its image
HEAD, FOOT = 1.56, 6.38  # heights of the columns' heads and of the line below the table
RANK, IMAGE, WHO, SHARE, COSINE, WEIGHT = (X + x for x in (0.2, 0.28, 0.88, 2.62, 4.25, 5.12))  # see `row`: where each column stands
BAR, ARROW = 0.95, 1.0  # lengths of 100 %, and of the strongest weight that there can be, 1 / tau
NAMED = ("itself", "same class")  # in bold, as the partner is


@dataclass(frozen=True, eq=False)
class Candidate:
    """One line of the table."""

    who: str
    colour: str
    image: UInt8[np.ndarray, "H W 3"]
    share: float
    weight: float  # dl_i / ds_ij: below zero pulls, above zero pushes
    cosine: float | None = None
    rank: int | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What stands behind the numbers of one row.   called: the anchor's number, in words.   partner: what its positive is called.

    image, label, view: the anchor's; view in words.   images, labels: of its C candidates; -1 = no label.   alike: the false negatives among them.
    """

    called: int
    view: str
    image: UInt8[np.ndarray, "H W 3"]
    label: int
    images: UInt8[np.ndarray, "C H W 3"]
    labels: Int[np.ndarray, " C"]
    alike: Bool[np.ndarray, " C"]
    classes: tuple[str, ...]
    partner: str = "partner"


def row(axes, batch: Contrast, anchor: int, seen: Seen, top: int) -> str:
    """Draw the table of one anchor. Returns what it says, as a part of a sentence."""
    table = candidates(batch, anchor, seen, top)
    facts = heading(axes, batch, anchor, seen)
    sheet(axes, table)
    bars(axes, table)
    arrows(axes, table, batch.tau)
    for y, line in places(table):
        colour, weight = POSITIVE if line.colour == POSITIVE else INK, "bold" if line.who in (*NAMED, seen.partner) else "normal"
        axes.text(WHO, y, line.who, va="center", fontsize=13, color=colour, fontweight=weight)
        if line.rank is not None:
            axes.text(RANK, y, f"{line.rank}", ha="right", va="center", fontsize=12, color=GREY)
            axes.text(COSINE, y, f"{line.cosine:+.2f}".replace("-", "−"), ha="right", va="center", fontsize=13)
    return facts


def same_class(labels: Int[np.ndarray, " N"], anchor: int) -> Bool[np.ndarray, " M"]:
    """The false negatives of an anchor: views of other pictures that show the same class. Nothing is like a picture without a label."""
    N = len(labels)
    picture = np.arange(2 * N) % N
    return (labels[picture] == labels[anchor % N]) & (picture != anchor % N) & (labels[anchor % N] >= 0)


def candidates(batch: Contrast, anchor: int, seen: Seen, top: int) -> list[Candidate]:
    """The lines of the table: those with the largest shares in their order, the partner among them, and all others together."""
    images, order, own, weight = seen.images, batch.listed(anchor, len(seen.images)), int(batch.partner[anchor]), batch.weight(anchor)
    listed = batch.listed(anchor, top)
    rest = [j for j in order if j not in listed]

    def line(j: int) -> Candidate:
        special = {own: (seen.partner, POSITIVE), batch.itself(anchor): ("itself", ANCHOR)}
        label = int(seen.labels[j])
        who, colour = special.get(j, ("same class" if seen.alike[j] else "negative" if label < 0 else class_name(label, seen.classes), NEGATIVE))
        return Candidate(who, colour, images[j], batch.share[anchor, j], weight[j], batch.cosine[anchor, j], order.index(j) + 1)

    others = "1 other" if len(rest) == 1 else f"{len(rest)} others"
    together = [Candidate(others, NEGATIVE, mosaic(images[rest[:9]]), batch.share[anchor, rest].sum(), weight[rest].sum())] if rest else []
    return [*map(line, listed), *together]


def mosaic(images: UInt8[np.ndarray, "n H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Up to nine images as one of the same size, three by three."""
    height, width = images.shape[1:3]
    out = np.full((height, width, 3), 255, np.uint8)
    for k, image in enumerate(images):
        small = image[::3, ::3][: height // 3, : width // 3]
        top, left = k // 3 * (height // 3), k % 3 * (width // 3)
        out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def places(table: list[Candidate]) -> list[tuple[float, Candidate]]:
    """Each line with the height of its centre."""
    return [(FIRST + STEP * k, line) for k, line in enumerate(table)]


def heading(axes, batch: Contrast, anchor: int, seen: Seen) -> str:
    """The anchor, and what it pays. Returns the facts in words."""
    own, alike = int(batch.partner[anchor]), seen.alike
    axes.imshow(seen.image, extent=(X, X + 1, 1.2, 0.2), aspect="auto", interpolation="bicubic")
    axes.add_collection(LineCollection([square(X, 0.2, 1, 1)], colors=ANCHOR, linewidths=4))
    p, loss, rank = batch.share[anchor, own], batch.loss[anchor], batch.rank[anchor]
    name = f"{class_name(seen.label, seen.classes)}, {seen.view}" if seen.label >= 0 else seen.view
    rivals, taken = f"{alike.sum()} of {batch.negatives} negatives", percent(batch.share[anchor, alike].sum())
    because = f" = −log {p:.2g}" if p >= 1e-4 else ""
    axes.text(X + 1.18, 0.34, f"anchor {seen.called}: loss {loss:.2f}{because}", va="center", fontsize=18, fontweight="bold")
    axes.text(X + 1.18, 0.7, f"{name}; its {seen.partner} ranks {rank} of {batch.candidates}", va="center")
    axes.text(X + 1.18, 1.04, f"same class: {rivals}, {taken} of the weight" if alike.any() else "", va="center", fontsize=13)
    pays = f"pays {loss:.2f} and gives its {seen.partner} {percent(p)} of its weight, rank {rank} of {batch.candidates}"
    facts = f"anchor {seen.called} ({name}) {pays}"
    return facts + (f", and {taken} to the {rivals} that show the same class" if alike.any() else "") + forces(batch, anchor, seen.partner)


def forces(batch: Contrast, anchor: int, partner: str) -> str:
    """The gradient in words: the partner and the negative that pushes most."""
    weight, own = batch.weight(anchor), int(batch.partner[anchor])
    pushes = [weight[j] for j in range(len(weight)) if j not in (batch.itself(anchor), own)]
    return f"; the {partner} pulls with {number(-weight[own])}" + (f" and the hardest negative pushes with {number(max(pushes))}" if pushes else "")


def sheet(axes, table: list[Candidate]):
    """The images of all lines as one, so that it is drawn at once, and a frame around each."""
    edge = len(table[0].image) * (STEP - SIDE) / SIDE
    gap = np.full((max(1, round(edge)), *table[0].image.shape[1:]), 255, np.uint8)
    column = np.concatenate([part for line in table for part in (line.image, gap)])
    axes.imshow(column, extent=(IMAGE, IMAGE + SIDE, FIRST - SIDE / 2 + STEP * len(table), FIRST - SIDE / 2), aspect="auto")
    frames = [square(IMAGE, y - SIDE / 2, SIDE, SIDE) for y, _ in places(table)]
    axes.add_collection(LineCollection(frames, colors=[line.colour for line in table], linewidths=2.5))


def square(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """The corners of a frame, the first one twice."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]


def bars(axes, table: list[Candidate]):
    """The shares, beside their numbers; the pale bar behind each is 100 %."""
    axes.text(SHARE + BAR, HEAD, "share of the softmax", ha="right", va="center", fontsize=12, color=GREY)
    axes.text(COSINE, HEAD, "cosine", ha="right", va="center", fontsize=12, color=GREY)
    boxes = [square(SHARE, y - 0.16, BAR * part, 0.32) for y, line in places(table) for part in (1, line.share)]
    axes.add_collection(PolyCollection(boxes, facecolors=[colour for line in table for colour in (FAINT, line.colour)], linewidths=0))
    for y, line in places(table):
        axes.text(SHARE - 0.08, y, percent(line.share), ha="right", va="center", fontsize=13)


def arrows(axes, table: list[Candidate], tau: float):
    """What each does to the anchor: the partner pulls it near, the others push it away; the longest arrow that there can be is 1 / tau.

    That of the anchor itself is empty: its cosine with itself is 1 whatever it does, so that this weight moves nothing.
    """
    axes.text(WEIGHT, HEAD, "← pull", ha="right", va="center", fontsize=12, color=POSITIVE)
    axes.text(WEIGHT + 0.12, HEAD, "push →", va="center", fontsize=12, color=NEGATIVE)
    axes.text(WEIGHT + ARROW + 0.12, FOOT, "pull (1 − p) / τ  =  all pushes p / τ together", ha="right", va="center", fontsize=12, color=GREY)
    shapes = [arrow(WEIGHT + 0.12, y, ARROW * abs(line.weight) * tau, line.colour == POSITIVE) for y, line in places(table)]
    fills = [PAPER if line.who == "itself" else line.colour for line in table]
    axes.add_collection(PolyCollection(shapes, facecolors=fills, edgecolors=[line.colour for line in table], linewidths=1))
    for y, line in places(table):
        colour = INK if line.who == "itself" else line.colour  # orange is too pale for words
        axes.text(WEIGHT, y, number(abs(line.weight)), ha="right", va="center", fontsize=13, color=colour)


def arrow(x: float, y: float, length: float, leftward: bool) -> list[tuple[float, float]]:
    """An arrow of a length; a short one is all head."""
    head, thin, thick = min(0.18, length), 0.045, 0.12
    points = [(0, -thin), (length - head, -thin), (length - head, -thick), (length, 0), (length - head, thick), (length - head, thin), (0, thin)]
    return [(x + (length - a if leftward else a), y + b) for a, b in points]


def number(weight: float) -> str:
    """Two digits that matter."""
    return f"{weight:.2f}" if weight >= 0.095 else f"{weight:.3f}" if weight >= 0.0005 else "0"
