"""The bound of InfoNCE beside the truth: against the information that there is, against the negatives, and as a chain from the views to log k - L."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.gaussians import Contrast
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, HEAD, INK, NEGATIVE, POSITIVE, number
from ssl_lab.plots.spots import Spots

WIDE, HIGH, STRIP = 13.0, 6.4, 1.05  # inches; the strip has the title
TOP, LOW = 2.2, 5.55  # of the charts
BOTTOM, MOST = -1.6, 10.0  # nats: the charts' range, whatever is seen; what is lower is drawn at the bottom, and its sentence has the figure
X, END, FIRST, ROW, THICK = 8.95, 12.85, 1.75, 0.91, 0.22  # inches: of the bars, the first one's words, from one to the next, how thick they are
MATTERS = 0.15  # nats: a smaller gap names no finding
TRUTH = ("I(v1; v2)", "in the views"), ("I(z1; z2)", "left in z")
LOST = ("forgotten by the encoder", "hidden: too few negatives", "lost by the critic", "log(1 + 1/k): no +1 in log k")  # from one to the next
TIGHT, CMCS = "log(k + 1) − L", "log k − L"


def bound(
    nats: float, k: int, kept: tuple[int, int], by_nats: Mapping[float, Contrast], by_k: Mapping[int, Contrast], best: Contrast,
    critic: str, draw: int = 0,
) -> tuple[Figure, str]:  # fmt: skip
    """What InfoNCE shows of the information that there is, in nats.

    nats: I(v1; v2) of the views.   k: negatives.   kept: how many coordinates of how many the encoder keeps, each with as much information.
    by_nats: I(v1; v2) → InfoNCE with k negatives.   by_k: k → InfoNCE at `nats`.   best: at both with the optimal critic.   critic: in words.
    draw: which draw of the anchors and negatives, in words.
    Raises: InputError for a k that is not in by_k.
    """
    require(k in by_k, f"k={k} is not among the negatives, {', '.join(map(str, by_k))}")
    now, share, page = by_k[k], kept[0] / kept[1], Drawing(WIDE, HIGH, STRIP, [4.55, 8.75])
    steps = chain(nats, share, now, best)
    found, what = finding(steps, now, critic, kept), setting(now, kept, critic, draw)
    page.title(found, what, size=19)
    against_nats(page, nats, share, by_nats, now)
    against_k(page, nats, share, by_k, k)
    bars(page, nats, steps, now, critic)
    truth = f"I(v1; v2) = {number(nats)} nats, I(z1; z2) = {number(nats * share)}"
    shown = f"{TIGHT} = {said(now.tight, now.error)}, {CMCS} = {number(now.bound)}"
    return page, f"{what}: {truth}, {shown}; {found[0].lower()}{found[1:]}."


def setting(now: Contrast, kept: tuple[int, int], critic: str, draw: int) -> str:
    """How the numbers came about."""
    negatives = f"1 positive and {now.k:,} negative{'s' * (now.k > 1)}"
    return f"{negatives}, {critic}, {kept[0]} of {kept[1]} coordinates kept, {now.anchors:,} anchors, draw {draw}"


def said(value: float, error: float) -> str:
    """A mean and its standard error."""
    return f"{number(value)} ± {number(error)}"


def chain(nats: float, share: float, now: Contrast, best: Contrast) -> dict[str, float]:
    """What is left after each loss, in nats.   best: with the optimal critic, so that what a worse one loses is told from what k negatives hide."""
    return {"views": nats, "embeddings": nats * share, "best": best.tight, "tight": now.tight, "bound": now.bound}


def finding(steps: Mapping[str, float], now: Contrast, critic: str, kept: tuple[int, int]) -> str:
    """The largest gap of the chain, in words."""
    forgotten, hidden, lost = (steps[one] - steps[other] for one, other in (("views", "embeddings"), ("embeddings", "best"), ("best", "tight")))
    there, left, seen = (number(steps[name], 1) for name in ("views", "embeddings", "tight"))
    if steps["tight"] < -MATTERS:
        return f"The {critic} shows nothing: its bound is {seen} nats, and {left} are there"
    if not steps["views"]:
        return f"Nothing is shared: {CMCS} is {number(steps['bound'])}, and a bound of 0 or less shows nothing"
    if max(forgotten, hidden, lost) < MATTERS:
        return f"{seen} of {there} nats are seen; {now.k + 1:,} candidates can show up to {number(now.ceiling, 1)}"
    if lost >= max(forgotten, hidden):
        return f"The {critic} loses {number(lost, 1)} nats: {left} are there and {seen} are seen"
    if forgotten >= hidden:
        return f"{kept[0]} of {kept[1]} coordinates are kept: {left} of {there} nats are left, and {seen} are seen"
    return f"{now.k + 1:,} candidates cannot show more than {number(now.ceiling, 1)} nats; {left} are there and {seen} are seen"


def against_nats(page: Drawing, nats: float, share: float, by_nats: Mapping[float, Contrast], now: Contrast) -> None:
    """The bounds for this k, whatever information there is; the diagonal is the truth."""
    chart = Chart(page, 0.85, TOP, 4.35, LOW, (0, MOST), (BOTTOM, MOST))
    page.words(0.15, 1.3, f"k = {now.k:,}, any information", **HEAD)
    legend(page, 0.15, 1.64, (TIGHT, POSITIVE, ""), (CMCS, INK, "dashed"))
    legend(page, 0.15, 1.92, ("I(v1; v2)", GREY, "dotted"), *[("I(z1; z2)", GREY, "dotdash")] * (share < 1))
    chart.frame({tick: f"{tick}" for tick in range(0, 11, 2)}, {tick: f"{tick}" for tick in range(0, 11, 2)}, "I(v1; v2) in nats", "nats", size=13)
    chart.curve((0, MOST), (0, MOST), GREY, 1.5, "dotted")
    if share < 1:
        chart.curve((0, MOST), (0, MOST * share), GREY, 1.5, "dotdash")
    chart.level(now.ceiling, NEGATIVE, 2)
    over = now.ceiling < MOST / 2
    at, ha = (MOST, "right") if over else (0.15, "left")  # where the diagonal is not
    page.words(chart.x(at), chart.y(now.ceiling) - 0.17, f"ceiling {number(now.ceiling)}", 13, NEGATIVE, ha=ha)
    data = {"there": [number(one, 1) for one in by_nats], "left": [number(one * share) for one in by_nats]}
    tip = "{there} nats in the views, {left} in z: " + f"{TIGHT} = {{tight}}, {CMCS} = {{bound}}"
    curves(chart, [*by_nats], [*by_nats.values()], "bounds against the information", tip, data, {"information": [*map(float, by_nats)]})
    chart.dots(nats, clipped(now.tight), POSITIVE, 11)


def against_k(page: Drawing, nats: float, share: float, by_k: Mapping[int, Contrast], k: int) -> None:
    """The bounds at this information, whatever number of negatives there is."""
    x, contrasts = np.log2(np.add([*by_k], 1)), [*by_k.values()]
    chart = Chart(page, 5.35, TOP, 8.5, LOW, (x[0] - 0.3, x[-1]), (BOTTOM, MOST))
    page.words(4.75, 1.3, f"{number(nats, 1)} nats, any k", **HEAD)
    legend(page, 4.75, 1.64, ("ceiling log(k + 1)", NEGATIVE, "dashed"))
    ticks = {at: f"{one:,}" for at, one in zip(x, by_k) if one in (1, 7, 63, 511, 4095)}
    chart.frame(ticks, {tick: f"{tick}" for tick in range(0, 11, 2)}, "negatives k", size=13)
    chart.level(nats, GREY, 1.5, "dotted")
    if share < 1:
        chart.level(nats * share, GREY, 1.5, "dotdash")
    chart.curve(x, [one.ceiling for one in contrasts], NEGATIVE, 2, "dashed")
    data = {"k": [f"{one:,}" for one in by_k], "ceiling": [number(one.ceiling) for one in contrasts]}
    tip = f"k = {{k}}: {TIGHT} = {{tight}}, {CMCS} = {{bound}}, ceiling {{ceiling}}; {number(nats * share)} nats are in z"
    curves(chart, x, contrasts, "bounds against the negatives", tip, data, {"k": [*by_k]})
    chart.dots(np.log2(k + 1), clipped(by_k[k].tight), POSITIVE, 11)


def clipped(value: float, low: float = BOTTOM, high: float = MOST) -> float:
    """The nearest value that has a place."""
    return min(max(value, low), high)


def curves(chart: Chart, x, contrasts: list[Contrast], name: str, tip: str, data: dict, sets: dict) -> None:
    """Both bounds, with bars of two standard errors to each side; every point says them, and what else its tip asks for."""
    tight, error = (np.array([getattr(one, name) for one in contrasts]) for name in ("tight", "error"))
    ends = np.clip([tight - 2 * error, tight + 2 * error], BOTTOM, MOST).T
    chart.page.strokes([chart.points((at, at), pair) for at, pair in zip(x, ends)], POSITIVE, 4, alpha=0.4)
    chart.curve(x, [clipped(one.bound) for one in contrasts], INK, 2, "dashed")
    chart.curve(x, [*map(clipped, tight)], POSITIVE, 3)
    bounds = {"tight": [*map(said, tight, error)], "bound": [number(one.bound) for one in contrasts]}
    chart.answers(name, x, [*map(clipped, tight)], tip, data | bounds, sets)


def legend(page: Drawing, left: float, top: float, *lines: tuple[str, str, str]) -> None:
    """What lines are, side by side: (words, colour, dash) each."""
    for words, colour, dash in lines:
        page.strokes([[(left, top), (left + 0.34, top)]], colour, 3, dash)
        page.words(left + 0.42, top, words, 13, colour)
        left += 2.1


def bars(page: Drawing, nats: float, steps: Mapping[str, float], now: Contrast, critic: str) -> None:
    """The chain, and what is lost from each of its members to the next."""
    names = *TRUTH, (TIGHT, "optimal critic"), (TIGHT, critic), (CMCS, "CMC's bound")
    values, full = [*steps.values()], max(nats, 1.0)
    page.words(X, 1.3, "what is left, in nats", **HEAD)
    for place, ((name, what), value) in enumerate(zip(names, values, strict=True)):
        top, wide = FIRST + ROW * place, (END - X) * clipped(value, 0, full) / full
        page.words(X, top, name, 13, bold=True)
        page.words(X + 1.5, top, what, 13)
        page.words(END, top, number(value), 14, bold=True, ha="right")
        page.areas([(X, top + 0.15, END - X, THICK)], FAINT)
        page.areas([(X, top + 0.15, wide, THICK)], POSITIVE if place > 1 else GREY)
        if place:
            before = (END - X) * clipped(values[place - 1], 0, full) / full
            page.areas([(X + min(wide, before), top + 0.15, abs(before - wide), THICK)], NEGATIVE, alpha=0.35)
        if place < len(LOST):
            page.words(X, top + 0.15 + THICK + 0.17, f"{number(values[place + 1] - value)} {LOST[place]}", 12, NEGATIVE)
    sentences = [f"{name}, {what}: {number(value, 3)} nats" for (name, what), value in zip(names, values)]
    gaps = [f"; {number(after - value, 3)} {lost}" for value, after, lost in zip(values, values[1:], LOST)]
    sentences = [one + gap for one, gap in zip(sentences, [*gaps, ""])]
    page.spots.append(Spots("the chain", (X, FIRST - 0.15, END - X, ROW * len(names)), "{row}", rows=sentences))
