"""One row of a contrastive matrix, spelled out: the anchor, its partner, its hardest negatives, and how hard each of them pulls or pushes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, class_name, number, percent, sheets
from ssl_lab.plots.spots import Spots, Values

# Inches, y running down. The table begins at X.
X = 6.65
FIRST, STEP, SIDE = 2.0, 0.545, 0.49  # centre of the first candidate, from one to the next, side of its image
HEAD, FOOT = 1.56, 6.38  # heights of the columns' heads and of the line below the table
RANK, IMAGE, WHO, SHARE, COSINE, WEIGHT = (X + x for x in (0.2, 0.28, 0.88, 2.62, 4.25, 5.12))  # see `table`: where each column stands
BAR, ARROW = 0.95, 1.0  # lengths of 100 %, and of the strongest weight that there can be, 1 / tau
NAMED = ("itself", "same class")  # in bold, as the partner is


@dataclass(frozen=True, eq=False)
class Views:
    """Images with their edges, and what they are called.   called: each one's number, or its name.   kinds: "first view".   labels: -1 = none."""

    images: UInt8[np.ndarray, "n S S 4"]
    called: Values
    kinds: Sequence[str]
    labels: Int[np.ndarray, " n"]
    classes: tuple[str, ...]

    def what(self, i: int) -> str:
        """ring, first view"""
        return ", ".join(filter(None, (class_name(int(self.labels[i]), self.classes, none=""), self.kinds[i])))

    def full(self, i: int) -> str:
        """6 (ring, first view)"""
        what = self.what(i)
        return f"{self.called[i]} ({what})" if what else f"{self.called[i]}"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One line of the table.   y: its height.   j: its column, -1 for all others together."""

    y: float
    who: str
    colour: str
    image: UInt8[np.ndarray, "S S 4"]
    share: float
    weight: float  # dl_i / ds_ij: below zero pulls, above zero pushes
    j: int = -1
    cosine: float = 0.0
    rank: int = 0


def table(page: Drawing, batch: Contrast, anchor: int, anchors: Views, views: Views, alike, top: int, partner: str = "partner") -> str:
    """Draw the table of one anchor: its candidates are `views`, its false negatives `alike`. Returns what it says, as a part of a sentence."""
    lines = candidates(batch, anchor, views, alike, top, partner)
    facts = heading(page, batch, anchor, anchors, alike, partner)
    for line in lines:
        page.image(line.image, IMAGE, line.y - SIDE / 2, SIDE, SIDE, smooth=True)
        page.words(WHO, line.y, line.who, 13, POSITIVE if line.colour == POSITIVE else INK, bold=line.who in (*NAMED, partner))
        page.words(SHARE - 0.08, line.y, percent(line.share), 13, ha="right")
        page.words(WEIGHT, line.y, digits(abs(line.weight)), 13, INK if line.who == "itself" else line.colour, ha="right")  # orange is too pale
        if line.rank:
            page.words(RANK, line.y, line.rank, 12, GREY, ha="right")
            page.words(COSINE, line.y, number(line.cosine, sign="+"), 13, ha="right")
    page.areas([(IMAGE, line.y - SIDE / 2, SIDE, SIDE) for line in lines], "", [line.colour for line in lines], 2.5)
    page.words(SHARE + BAR, HEAD, "share of the softmax", 12, GREY, ha="right")
    page.words(COSINE, HEAD, "cosine", 12, GREY, ha="right")
    boxes = [(SHARE, line.y - 0.16, BAR * part, 0.32) for line in lines for part in (1, line.share)]  # the pale bar behind each is 100 %
    page.areas(boxes, [colour for line in lines for colour in (FAINT, line.colour)])
    arrows(page, lines, batch.tau)
    page.spots.append(lambda: answers(anchor, anchors, views, lines))
    return facts


def candidates(batch: Contrast, anchor: int, views: Views, alike, top: int, partner: str) -> list[Candidate]:
    """The lines of the table: those with the largest shares in their order, the partner among them, and all others together."""
    images, weight, share, cosine = views.images[:, 1:-1, 1:-1], batch.weight(anchor), batch.share[anchor], batch.cosine[anchor]
    special = {int(batch.partner[anchor]): (partner, POSITIVE), batch.itself(anchor): ("itself", ANCHOR)}
    listed, order = batch.listed(anchor, top), batch.listed(anchor, len(images))
    rest, lines = [j for j in order if j not in listed], []
    for k, j in enumerate(listed):
        kind = class_name(int(views.labels[j]), views.classes, none="negative")
        who, colour = special.get(j, ("same class" if alike[j] else kind, NEGATIVE))
        lines.append(Candidate(FIRST + STEP * k, who, colour, images[j], share[j], weight[j], j, cosine[j], order.index(j) + 1))
    if rest:
        others, together = "1 other" if len(rest) == 1 else f"{len(rest)} others", mosaic(images[rest[:9]])
        lines.append(Candidate(FIRST + STEP * len(listed), others, NEGATIVE, together, share[rest].sum(), weight[rest].sum()))
    return lines


def mosaic(images: UInt8[np.ndarray, "n S S 4"]) -> UInt8[np.ndarray, "S S 4"]:
    """Up to nine images as one of the same size, three by three."""
    S, third = images.shape[1], images.shape[1] // 3
    out = np.full((S, S, 4), (255, 255, 255, 0), np.uint8)
    sheet, _ = sheets(images[:, ::3, ::3][:, :third, :third], 3)
    out[: len(sheet), : 3 * third] = sheet
    return out


def heading(page: Drawing, batch: Contrast, anchor: int, anchors: Views, alike, partner: str) -> str:
    """The anchor, and what it pays. Returns the facts in words."""
    page.image(anchors.images[anchor, 1:-1, 1:-1], X, 0.2, 1, 1, smooth=True)
    page.areas([(X, 0.2, 1, 1)], "", ANCHOR, 4)
    p, loss, rank = batch.share[anchor, batch.partner[anchor]], batch.loss[anchor], batch.rank[anchor]
    rivals, taken = f"{alike.sum()} of {batch.negatives} negatives", percent(batch.share[anchor, alike].sum())
    because = f" = −log {p:.2g}" if p >= 1e-4 else ""
    page.words(X + 1.18, 0.36, f"anchor {anchors.called[anchor]}: loss {loss:.2f}{because}", 18, bold=True)
    page.words(X + 1.18, 0.74, f"{anchors.what(anchor)}; its {partner} ranks {rank} of {batch.candidates}")
    if alike.any():
        page.words(X + 1.18, 1.06, f"same class: {rivals}, {taken} of the weight", 13)
    facts = f"anchor {anchors.full(anchor)} pays {loss:.2f} and gives its {partner} {percent(p)} of its weight, rank {rank} of {batch.candidates}"
    facts += f", and {taken} to the {rivals} that show the same class" if alike.any() else ""
    weight, own = batch.weight(anchor), batch.partner[anchor]
    pushes = [weight[j] for j in range(len(weight)) if j not in (batch.itself(anchor), own)]
    pushed = f" and the hardest negative pushes with {digits(max(pushes))}" if pushes else ""
    return f"{facts}; the {partner} pulls with {digits(-weight[own])}{pushed}"


def arrows(page: Drawing, lines: list[Candidate], tau: float) -> None:
    """What each does to the anchor: the partner pulls it near, the others push it away; the longest arrow that there can be is 1 / tau.

    That of the anchor itself is empty: its cosine with itself is 1 whatever it does, so that this weight moves nothing.
    """
    page.words(WEIGHT, HEAD, "← pull", 12, POSITIVE, ha="right")
    page.words(WEIGHT + 0.12, HEAD, "push →", 12, NEGATIVE)
    page.words(WEIGHT + ARROW + 0.12, FOOT, "pull (1 − p) / τ  =  all pushes p / τ together", 12, GREY, ha="right")
    shapes = [arrow(WEIGHT + 0.12, line.y, ARROW * abs(line.weight) * tau, line.colour == POSITIVE) for line in lines]
    page.areas(shapes, [PAPER if line.who == "itself" else line.colour for line in lines], [line.colour for line in lines])


def arrow(x: float, y: float, length: float, leftward: bool) -> list[tuple[float, float]]:
    """An arrow of a length; a short one is all head."""
    head, thin, thick = min(0.18, length), 0.045, 0.12
    points = [(0, -thin), (length - head, -thin), (length - head, -thick), (length, 0), (length - head, thick), (length - head, thin), (0, thin)]
    return [(x + (length - a if leftward else a), y + b) for a, b in points]


def answers(anchor: int, anchors: Views, views: Views, lines: list[Candidate]) -> Spots:
    """Every line says who it is and what it does. A click makes it the anchor, if it can be one."""
    kinds, does = (*NAMED, "partner"), {ANCHOR: "which moves nothing", POSITIVE: "which pulls", NEGATIVE: "which pushes"}
    box = (X, FIRST - STEP / 2, WEIGHT + ARROW + 0.12 - X, STEP * len(lines))
    who = [views.full(line.j) + f", {line.who}" * (line.who in kinds) if line.j >= 0 else line.who for line in lines]
    data = {"share": [percent(line.share) for line in lines], "weight": [f"{digits(abs(line.weight))}, {does[line.colour]}" for line in lines]}
    sets = {"anchor": [views.called[line.j] if line.j >= 0 else anchors.called[anchor] for line in lines]} if views is anchors else {}
    return Spots("lines of the anchor's table", box, "{row}: share {share}, weight {weight}", data, sets, rows=who)


def digits(weight: float) -> str:
    """Two digits that matter."""
    return f"{weight:.2f}" if weight >= 0.095 else f"{weight:.3f}" if weight >= 0.0005 else "0"
