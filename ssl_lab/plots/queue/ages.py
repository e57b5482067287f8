"""What the momentum is for: how well keys of every age agree with the present key network, and what is learned at each m, here and in the paper."""

import numpy as np

from ssl_lab.errors import one_of, require
from ssl_lab.plots.chart import Chart, apart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, number
from ssl_lab.plots.queue.numbers import steps
from ssl_lab.plots.spots import Spots

WIDTH, HEIGHT, STRIP, SPLIT = 13, 6.5, 0.95, 8.42  # inches; STRIP: the height of the title's, SPLIT: where the right half begins
LEFT, TOP, RIGHT, LOW, LONGEST = 0.88, 1.43, 7.06, 5.72, 64  # of the chart; its last age
OURS, THEIRS, BAR, FIRST, PITCH = 9.82, 11.51, 1.3, 2.74, 0.735  # where the tables begin; the length of 100 %; the first line, from one to the next
APART = 0.13  # least distance of the labels at the curves' ends, as a cosine


def momentum(
    agreement: dict[float, list[float]], strangers: dict[float, float], ours: dict[float, float], theirs: dict[float, float | str],
    m: float, K: int, B: int = 256, *, keys: int = 4096, when: str = "",
) -> tuple[Drawing, str]:  # fmt: skip
    """Agreement of keys against their age, the chosen m among others, and as far as a queue reaches; at the right two tables of what was learned.

    agreement: m → by age in steps, from 0 on, the cosine of a key and the present network's key of the same view.
    strangers: m → the cosine of keys of different pictures.   ours: m → kNN accuracy in [0, 1].   theirs: m → percent, or a word.
    K >= 1: keys in the queue, K / B steps of them; what is older than any curve is not there yet.   B: keys a step.   keys: in the queue
    of our runs; the paper's had 4,096.   when: in words.
    Raises: InputError for an m without a curve, or K < 1.
    """
    one_of(m, agreement, "m")
    require(K >= 1, f"K={K}: the queue needs at least one key")
    reach, floor, others = K / B, agreement[m][0], f"{strangers[m]:z.2f}"
    kept, said = f"{mean(agreement[m], reach):.2f}", f"K = {K:,}, which is {steps(round(reach, 1))} of {B}"
    page = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT])
    page.title(f"m = {m:g}: keys in the queue agree to {kept} with new ones, different pictures to {others}", when, said)
    page.words(0.15, 1.1, f"age 0: {floor:.2f}, batch norm sees other groups", 13, GREY)
    page.strokes([[(4.71, 1.1), (5.1, 1.1)]], NEGATIVE, 2.5, "dotted")
    page.words(5.18, 1.1, "keys of different pictures", 13, NEGATIVE)
    oldest = curves(page, agreement, strangers[m], m, reach)
    tables(page, {one: 100 * share for one, share in ours.items()}, theirs, m, keys)
    ends = ", ".join(f"{curve[-1]:.2f} (m = {one:g}, {len(curve) - 1} steps old)" for one, curve in agreement.items())
    return page, (
        f"With {', '.join(filter(None, (f'm = {m:g}', when, said)))}: keys in the queue agree to {kept} with the present network's of the same "
        f"views, to {floor:.2f} at age 0 and to {oldest}; keys of different pictures to {others}; the oldest recorded keys agree to {ends}; "
        f"in the end kNN is {written(100 * ours[m])} here, on scenes, and the paper's linear probe on ImageNet {written(theirs[m])}."
    )


def mean(curve: list[float], reach: float) -> float:
    """Over a queue that reaches back so many steps: ages 1, 2, … count one batch each, the last one what is left of it."""
    part = np.clip(reach - np.arange(len(curve) - 1), 0, 1)
    return float(np.average(curve[1:], weights=part))


def curves(page: Drawing, agreement, strangers: float, m: float, reach: float) -> str:
    """The left half. Returns what the oldest key of the queue does, in words."""
    chart, last = Chart(page, LEFT, TOP, RIGHT, LOW, (0, LONGEST), (-1.35, 1.05)), len(agreement[m]) - 1
    age = min(int(np.ceil(reach)), last)
    chart.band(0, min(reach, LONGEST))
    if reach <= LONGEST:
        chart.upright(reach)
    page.strokes([chart.points(range(len(curve)), curve) for one, curve in agreement.items() if one != m], GREY, 2, alpha=0.55)
    chart.level(strangers, NEGATIVE, 2.5, "dotted")
    chart.curve(range(last + 1), agreement[m], POSITIVE, 4)
    ends = apart({one: curve[-1] for one, curve in agreement.items()}, APART)
    for one, y in ends.items():
        end = len(agreement[one]) - 1 + 1.2
        ground = "" if end > LONGEST else FAINT if end < reach else PAPER
        page.words(chart.x(end), chart.y(y), f"m = {one:g}", 13, POSITIVE if one == m else GREY, one == m, ground=ground)
    chart.dots(age, agreement[m][age], POSITIVE, 11)
    oldest, early = f"{agreement[m][age]:.2f} when {steps(age)} old", reach < 0.55 * LONGEST
    foot = chart.x(reach + 0.8 if early else min(reach, LONGEST) - 0.8)
    page.words(foot, chart.y(-1.2), f"oldest key: {oldest}", 13, ha="left" if early else "right")
    ticks = {value: number(value, 1) for value in (-1, -0.5, 0, 0.5, 1)}
    chart.frame({step: f"{step}" for step in range(0, LONGEST + 1, 8)}, ticks, "age of the key in steps", size=14)
    page.words(LEFT - 0.73, (TOP + LOW) / 2, "cosine of old and new key", ha="center", turn=90)
    page.spots.append(lambda: answers(chart, agreement, ends))
    return oldest + (f", the oldest that there is after {last} steps" if reach > last else "")


def answers(chart: Chart, agreement, ends: dict[float, float]) -> Spots:
    """Every curve says its numbers, age by age, and its label those of its end; a click takes its m."""
    at, said, ms = [], [], []
    for m, curve in agreement.items():
        last = len(curve) - 1
        ages = [*range(last + 1), *[last] * 3]
        at += [*chart.points(range(last + 1), curve), *((chart.x(last + 1.2) + right, chart.y(ends[m])) for right in (0.1, 0.4, 0.7))]
        said += [f"m = {m:g}: keys {steps(age)} old agree to {number(curve[age])}" for age in ages]
        ms += [m] * len(ages)
    return Spots("agreement at every age", (LEFT, TOP, SPLIT - LEFT, LOW - TOP), "{said}", {"said": said}, {"m": ms}, at=at)


def tables(page: Drawing, ours: dict[float, float], theirs: dict[float, float | str], m: float, keys: int) -> None:
    """The right half: what was learned, in two worlds, as bars on the scale of 0 to 100; a word stands for itself."""
    page.words(SPLIT + 0.16, 1.1, "learned in the end", 15, bold=True)
    there, y = {one: theirs[one] for one in ours}, FIRST + PITCH * np.arange(len(ours))
    heads = {OURS: ("here", "kNN, scenes", f"K = {keys:,}"), THEIRS: ("the paper", "top 1, ImageNet", "K = 4,096")}
    for left, values, colour in (OURS, ours, POSITIVE), (THEIRS, there, GREY):
        page.words(left, 1.48, heads[left][0], 15, colour, True)
        page.words(left, 1.75, heads[left][1], 13, GREY)
        page.words(left, 2.01, heads[left][2], 13, GREY)
        bars = {one: (left, row - 0.12, 0 if isinstance(value, str) else BAR * value / 100, 0.24) for row, (one, value) in zip(y, values.items())}
        page.areas([(left, row - 0.12, BAR, 0.24) for row in y], FAINT)
        page.areas([bar for one, bar in bars.items() if one != m], colour, alpha=0.45)
        page.areas([bars[m]], colour)
        for row, (one, value) in zip(y, values.items()):
            page.words(left, row - 0.265, written(value), colour=NEGATIVE if isinstance(value, str) else INK, bold=one == m)
    for row, one in zip(y, ours):
        page.words(OURS - 0.06, row, f"m = {one:g}", colour=POSITIVE if one == m else INK, bold=one == m, ha="right")
    box = (SPLIT + 0.1, FIRST - 0.45, WIDTH - SPLIT - 0.2, PITCH * len(ours))
    tip = "{row}: kNN {here} here, on scenes; the paper's linear probe on ImageNet: {there}"
    data = {"here": [*map(written, ours.values())], "there": [*map(written, there.values())]}
    page.spots.append(Spots("what was learned", box, tip, data, {"m": [*ours]}, rows=[f"m = {one:g}" for one in ours]))


def written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f} %"
