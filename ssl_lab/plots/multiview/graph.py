"""The graph of the views: a node a view, an edge a pair with its loss and its bound; an edge can be cut and put back."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, class_name, number, smaller
from ssl_lab.plots.multiview.numbers import Agreement, Pair, alone, pairs_of, spelled, toggled
from ssl_lab.plots.multiview.scene import LEFT, RIGHT, Scenes
from ssl_lab.plots.spots import Spots

MIDDLE, ACROSS, LOW, NOTE = 1.52, 1.06, 6.85, 7.1  # inches: the graph's middle, its radius, the lowest line of graph and table; of a note
NAME, LOSS, BAR, NUMBER = 3.06, 5.1, (5.22, 5.76), RIGHT  # of the table: left ends, or right ends of numbers
LINE, ROWS, ROOM = 0.36, 15, 3  # inches: the most of a row; rows that are drawn; rows that leave room for a chart
WIDEST = 6.0  # points of an edge whose bound is at the cap
BOUND = "log k − loss / 2"


def graph(
    page: Drawing, agreed: Agreement, scenes: Scenes, scene: int, pairs: Sequence[Pair], first: str, second: str, top: float,
    growth: Mapping[int, float],
) -> None:  # fmt: skip
    """Nodes, edges and a table of all pairs from `top` down, and the bound of first and second at other sizes of batch, where there is room.

    pairs: those of the graph.   growth: size of a batch → bound.
    """
    M, lone = len(agreed.names), alone(pairs, agreed.names)
    chosen = tuple(sorted(agreed.names.index(name) for name in (first, second)))
    drawn, at = sorted(pairs_of(M, "full"), key=lambda pair: (pair not in pairs, pair)), places(M, top)
    edges(page, agreed, pairs, at)
    frames = [NEGATIVE if name in lone else {first: ANCHOR, second: POSITIVE}.get(name, INK) for name in agreed.names]
    nodes(page, scenes, scene, at, frames, 0.56 if M < 6 else 0.44)
    foot = table(page, agreed, drawn[:ROWS], pairs, chosen, top, len(drawn))
    if len(drawn) <= ROOM and len(growth) > 1:
        sizes(page, agreed, growth, foot + 0.78)
    if lone:
        page.words(LEFT, NOTE, class_name(0, (left_out(lone, M),), 58), 13, NEGATIVE, bold=True)
    page.spots.append(lambda: handles(agreed, pairs, at))


def left_out(lone: Sequence[str], M: int) -> str:
    """Who of M views learns nothing."""
    several = len(lone) > 1
    if len(lone) == M:
        return "no pair is left: no view learns anything"
    named = f"{', '.join(lone[:-1])} and {lone[-1]}" if several else lone[0]
    return f"{named} {'have' if several else 'has'} no pair: {'they learn' if several else 'it learns'} nothing"


def places(M: int, top: float) -> list[tuple[float, float]]:
    """The nodes on a circle, the first one at the top; two of them side by side."""
    if M == 2:
        return [(MIDDLE - 0.9, top + 1.0), (MIDDLE + 0.9, top + 1.0)]
    radius = min((LOW - top - 0.9) / 2, 1.3 * ACROSS)
    turns = [2 * math.pi * place / M - math.pi / 2 for place in range(M)]
    return [(MIDDLE + ACROSS * math.cos(turn), top + 0.36 + radius * (1 + math.sin(turn))) for turn in turns]


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
    """Where an edge is cut: in its middle, and off the middle where all long diagonals meet there."""
    (x, y), (x1, y1) = (at[place] for place in pair)
    part = 0.36 if len(at) > 2 and 2 * (pair[1] - pair[0]) == len(at) else 0.5
    return x + part * (x1 - x), y + part * (y1 - y)


def nodes(page: Drawing, scenes: Scenes, scene: int, at: Sequence[tuple[float, float]], frames: Sequence[str], side: float) -> None:
    """The views of the scene in hand, with their names."""
    for (x, y), (name, pixels), frame in zip(at, scenes.views.items(), frames):
        page.picture(smaller(pixels[scene : scene + 1], 48)[0], x - side / 2, y - side / 2, side)
        page.words(x, y + side / 2 + 0.15, class_name(0, (name,), 9), 13, NEGATIVE if frame == NEGATIVE else INK, True, "center", ground=PAPER)
    page.areas([(x - side / 2, y - side / 2, side, side) for x, y in at], "", [*frames], 2.5)


def table(page: Drawing, agreed: Agreement, drawn: Sequence[Pair], pairs: Sequence[Pair], chosen: Pair, top: float, count: int) -> float:
    """Loss and bound of every pair, and their sum over the graph. Returns where the table ends."""
    first = top + 0.36
    pitch = min(LINE, (LOW - first - 0.36) / len(drawn))
    for x, said, ha in ((NAME, "pair", "left"), (LOSS, "loss", "right"), (NUMBER, "bound", "right")):
        page.words(x, top + 0.2, said, 12, GREY, ha=ha)
    lines = [(pair, first + pitch * (place + 0.5)) for place, pair in enumerate(drawn)]
    long, kept = BAR[1] - BAR[0], [line for line in lines if line[0] in pairs]
    page.areas([(BAR[0], y - 0.07, long, 0.14) for _, y in lines], FAINT)
    if kept:
        page.areas([(BAR[0], y - 0.07, long * max(0.0, agreed.bound(pair)) / agreed.cap, 0.14) for pair, y in kept], POSITIVE)
    for pair, y in lines:
        style = {"size": 13, "colour": INK if pair in pairs else GREY, "bold": pair == chosen}
        page.words(NAME, y, between(*(agreed.names[place] for place in pair)), **style)
        page.words(LOSS, y, f"{agreed.both(pair):.2f}", ha="right", **style)
        page.words(NUMBER, y, number(agreed.bound(pair)), ha="right", **style)
    foot = first + pitch * len(drawn)
    page.strokes([[(NAME, foot + 0.05), (RIGHT, foot + 0.05)]], GREY, 1)
    page.words(NAME, foot + 0.25, f"{len(pairs)} of {count}", 13, bold=True)
    page.words(LOSS, foot + 0.25, f"{agreed.total(pairs):.2f}", 13, bold=True, ha="right")
    page.words(NUMBER, foot + 0.25, f"cap {agreed.cap:.2f}", 12, GREY, ha="right")
    page.spots.append(lambda: lines_say(agreed, drawn, pairs, (NAME - 0.06, first, RIGHT - NAME + 0.12, pitch * len(drawn))))
    return foot


def between(a: str, b: str) -> str:
    """The name of a pair, as long as its column is wide."""
    most = 7 if len(a) + len(b) <= 13 else 6
    return "–".join(class_name(0, (name,), most) for name in (a, b))


def sizes(page: Drawing, agreed: Agreement, growth: Mapping[int, float], top: float) -> None:
    """The bound at every size of batch below the most that it can be; a click takes one."""
    B = np.array([*growth])
    bound, cap = np.array([*growth.values()]), np.log(B)
    chart = Chart(page, NAME + 0.4, top, RIGHT - 0.1, LOW - 0.36, (np.log2(B[0]), np.log2(B[-1])), (min(0.0, bound.min()), cap[-1]))
    ends = dict.fromkeys([int(B[0]), agreed.B, int(B[-1])])
    apart = [one for one in ends if one == agreed.B or abs(chart.x(np.log2(one)) - chart.x(np.log2(agreed.B))) > 0.4]
    chart.frame({np.log2(one): f"{one}" for one in apart}, {0: "0", cap[-1]: f"{cap[-1]:.1f}"})
    page.words(NAME, top - 0.22, "bound by batch; dashed: the cap", 12, GREY)
    chart.curve(np.log2(B), cap, GREY, 1.5, "dashed")
    chart.curve(np.log2(B), bound, POSITIVE, 3)
    chart.dots(np.log2(B), bound, POSITIVE, 6)
    chart.dots(np.log2(agreed.B), growth[agreed.B], POSITIVE, 11)
    data = {"B": B, "k": B - 1, "bound": [*map(number, bound)], "cap": [f"{one:.2f}" for one in cap]}
    chart.answers("sizes of a batch", np.log2(B), bound, f"batch {{B}}, k = {{k}}: {BOUND} = {{bound}} nats, at most {{cap}}", data, {"batch": B})


def sentence(agreed: Agreement, pair: Pair, pairs: Sequence[Pair]) -> str:
    """All of an edge in words."""
    i, j = pair
    a, b = agreed.names[i], agreed.names[j]
    each = f"loss {agreed.both(pair):.2f}, {a} → {b} {agreed.loss[i, j]:.2f}, {b} → {a} {agreed.loss[j, i]:.2f}"
    bound = agreed.bound(pair)
    least = f"{BOUND} = {number(bound)} nats{', which says nothing' * (bound <= 0)}; no estimate exceeds log(k + 1) = {agreed.cap:.2f}"
    return f"{a}–{b}{', cut' * (pair not in pairs)}: {each}; {least}"


def handles(agreed: Agreement, pairs: Sequence[Pair], at: Sequence[tuple[float, float]]) -> Spots:
    """A click on an edge cuts it, or puts it back."""
    every = pairs_of(len(at), "full")
    said = [f"{sentence(agreed, pair, pairs)}; a click {'cuts it' if pair in pairs else 'puts it back'}" for pair in every]
    sets = {"graph": [spelled(toggled(pairs, pair), agreed.names) for pair in every]}
    (x, y), (x1, y1) = np.min(at, axis=0), np.max(at, axis=0)
    box = (x - 0.1, y - 0.1, x1 - x + 0.2, y1 - y + 0.2)
    return Spots("edges of the graph", box, "{said}", {"said": said}, sets, at=[handle(pair, at) for pair in every])


def lines_say(agreed: Agreement, drawn: Sequence[Pair], pairs: Sequence[Pair], box) -> Spots:
    """A click on a line shows its pair in the matrix."""
    sets = {name: [agreed.names[pair[place]] for pair in drawn] for place, name in enumerate(("first", "second"))}
    return Spots("pairs of views", box, "{row}", sets=sets, rows=[sentence(agreed, pair, pairs) for pair in drawn])
