"""The graph of the views: a node a view, an edge a pair with its loss and its bound; an edge can be cut and put back."""

import math
from collections.abc import Sequence

import numpy as np

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, number, smaller
from ssl_lab.plots.multiview.numbers import Agreement, Pair, alone, pairs_of, spelled, toggled
from ssl_lab.plots.multiview.scene import LEFT, RIGHT, Scenes
from ssl_lab.plots.spots import Spots

MIDDLE, LOW = 1.6, 7.15  # inches: the graph's middle; the lowest line of both
NAME, LOSS, BAR, NUMBER = 3.34, 5.16, (5.28, 5.98), RIGHT  # of the table: left ends, or right ends of numbers
LINE, ROWS = 0.36, 15  # inches: the most of a row; rows that are drawn
HANDLE = 0.4  # of an edge, from its first view: where a click cuts it; no two handles meet there
WIDEST = 6.0  # points of an edge whose bound is at the cap


def graph(page: Drawing, agreed: Agreement, scenes: Scenes, scene: int, pairs: Sequence[Pair], chosen: Pair, top: float) -> None:
    """Nodes, edges and a table of all pairs from `top` down.   pairs: those of the graph.   chosen: the one in the matrix."""
    M, lone = len(agreed.names), alone(pairs, agreed.names)
    drawn = sorted(pairs_of(M, "full"), key=lambda pair: (pair not in pairs, pair))
    at = places(M, top)
    edges(page, agreed, pairs, at)
    nodes(page, scenes, scene, at, lone, 0.56 if M < 6 else 0.44)
    foot = table(page, agreed, drawn[:ROWS], pairs, chosen, top, len(drawn))
    if lone:
        one = " and ".join([", ".join(lone[:-1]), lone[-1]] if len(lone) > 1 else lone)
        page.words(NAME, foot + 0.56, f"no pair: {one} learn{'s' * (len(lone) == 1)} nothing", 13, NEGATIVE, bold=True)
    page.spots.append(lambda: handles(agreed, pairs, at, drawn))


def places(M: int, top: float) -> list[tuple[float, float]]:
    """The nodes on a circle, the first one at the top; two of them side by side."""
    if M == 2:
        return [(MIDDLE - 0.95, top + 1.2), (MIDDLE + 0.95, top + 1.2)]
    high = (LOW - top - 0.9) / 2
    radius = min(high, 1.12)
    turns = [2 * math.pi * place / M - math.pi / 2 for place in range(M)]
    return [(MIDDLE + 1.12 * math.cos(turn), top + 0.36 + radius + radius * math.sin(turn)) for turn in turns]


def edges(page: Drawing, agreed: Agreement, pairs: Sequence[Pair], at: Sequence[tuple[float, float]]) -> None:
    """Edges of the graph, the wider the more their views share; dotted those that are cut; a handle on each."""
    every = pairs_of(len(at), "full")
    cut, joined = [pair for pair in every if pair not in pairs], [pair for pair in every if pair in pairs]
    if cut:
        page.strokes([[at[i], at[j]] for i, j in cut], GREY, 1.2, "dotted")
        page.marks(*np.transpose([handle(pair, at) for pair in cut]), "o", 9, PAPER, GREY, 1.5)
    if joined:
        widths = [1.2 + WIDEST * max(0.0, agreed.bound(pair)) / agreed.cap for pair in joined]
        page.strokes([[at[i], at[j]] for i, j in joined], POSITIVE, widths, alpha=0.75)
        page.marks(*np.transpose([handle(pair, at) for pair in joined]), "o", 10, POSITIVE, PAPER, 1.5)


def handle(pair: Pair, at: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where an edge is cut."""
    (x, y), (x1, y1) = (at[place] for place in pair)
    part = 0.5 if len(at) == 2 else HANDLE
    return x + part * (x1 - x), y + part * (y1 - y)


def nodes(page: Drawing, scenes: Scenes, scene: int, at: Sequence[tuple[float, float]], lone: Sequence[str], side: float) -> None:
    """The views of the scene in hand, with their names."""
    for (x, y), (name, pixels) in zip(at, scenes.views.items()):
        page.picture(smaller(pixels[scene : scene + 1], 48)[0], x - side / 2, y - side / 2, side)
        page.words(x, y + side / 2 + 0.14, name, 13, NEGATIVE if name in lone else INK, bold=True, ha="center", ground=PAPER)
    page.areas([(x - side / 2, y - side / 2, side, side) for x, y in at], "", [NEGATIVE if name in lone else INK for name in scenes.views], 2)


def table(page: Drawing, agreed: Agreement, drawn: Sequence[Pair], pairs: Sequence[Pair], chosen: Pair, top: float, count: int) -> float:
    """Loss and bound of every pair, and their sum over the graph. Returns where the table ends."""
    first = top + 0.36
    pitch = min(LINE, (LOW - first - 0.62) / len(drawn))
    heads = ((NAME, "pair", "left"), (LOSS, "loss", "right"), (NUMBER, "log k − L / 2", "right"))
    for x, said, ha in heads:
        page.words(x, top + 0.2, said, 12, GREY, ha=ha)
    lines = [(pair, first + pitch * (place + 0.5)) for place, pair in enumerate(drawn)]
    long, kept = BAR[1] - BAR[0], [line for line in lines if line[0] in pairs]
    page.areas([(BAR[0], y - 0.07, long, 0.14) for _, y in lines], FAINT)
    if kept:
        page.areas([(BAR[0], y - 0.07, long * max(0.0, agreed.bound(pair)) / agreed.cap, 0.14) for pair, y in kept], POSITIVE)
    for pair, y in lines:
        style = {"size": 13, "colour": INK if pair in pairs else GREY, "bold": pair == chosen}
        page.words(NAME, y, "–".join(agreed.names[place] for place in pair), **style)
        page.words(LOSS, y, f"{agreed.both(pair):.2f}", ha="right", **style)
        page.words(NUMBER, y, number(agreed.bound(pair)), ha="right", **style)
    foot = first + pitch * len(drawn)
    page.strokes([[(NAME, foot + 0.05), (RIGHT, foot + 0.05)]], GREY, 1)
    page.words(NAME, foot + 0.25, f"{len(pairs)} of {count} pairs", 13, bold=True)
    page.words(LOSS, foot + 0.25, f"{agreed.total(pairs):.2f}", 13, bold=True, ha="right")
    page.words(NUMBER, foot + 0.25, f"cap {agreed.cap:.2f}", 12, GREY, ha="right")
    page.spots.append(lambda: lines_say(agreed, drawn, pairs, (NAME - 0.06, first, RIGHT - NAME + 0.12, pitch * len(drawn))))
    return foot


def sentence(agreed: Agreement, pair: Pair, pairs: Sequence[Pair]) -> str:
    """All of an edge in words."""
    i, j = pair
    a, b = agreed.names[i], agreed.names[j]
    each = f"{a} → {b} {agreed.loss[i, j]:.2f}, {b} → {a} {agreed.loss[j, i]:.2f}, L = {agreed.both(pair):.2f}"
    bound = agreed.bound(pair)
    least = f"the bound log k − L / 2 = {number(bound)} nats{' says nothing' * (bound <= 0)}, at most log(k + 1) = {agreed.cap:.2f}"
    return f"{a}–{b}{', cut' * (pair not in pairs)}: {each}; {least}"


def handles(agreed: Agreement, pairs: Sequence[Pair], at: Sequence[tuple[float, float]], drawn: Sequence[Pair]) -> Spots:
    """A click on an edge cuts it, or puts it back."""
    said = [f"{sentence(agreed, pair, pairs)}; a click {'cuts it' if pair in pairs else 'puts it back'}" for pair in drawn]
    sets = {"graph": [spelled(toggled(pairs, pair), agreed.names) for pair in drawn]}
    (x, y), (x1, y1) = np.min(at, axis=0), np.max(at, axis=0)
    box = (x - 0.1, y - 0.1, x1 - x + 0.2, y1 - y + 0.2)
    return Spots("edges of the graph", box, "{said}", {"said": said}, sets, at=[handle(pair, at) for pair in drawn])


def lines_say(agreed: Agreement, drawn: Sequence[Pair], pairs: Sequence[Pair], box) -> Spots:
    """A click on a line shows its pair in the matrix."""
    sets = {name: [agreed.names[pair[place]] for pair in drawn] for place, name in enumerate(("first", "second"))}
    return Spots("pairs of views", box, "{row}", sets=sets, rows=[sentence(agreed, pair, pairs) for pair in drawn])


