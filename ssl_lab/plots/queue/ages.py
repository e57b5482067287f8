"""What the momentum is for: how well keys of every age agree with the present key network, and what is learned at each m, here and in the paper."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ssl_lab.errors import one_of, require
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, Page, in_our_look

WIDTH, HEIGHT = 13, 6.5  # inches
CURVES = (0.068, 0.12, 0.475, 0.66)  # left, bottom, width, height of the left half
OURS, THEIRS = (0.755, 0.12, 0.1, 0.55), (0.885, 0.12, 0.1, 0.55)
APART = 0.13  # least distance of the labels at the curves' ends, as a cosine


@in_our_look
def momentum(
    agreement: dict[float, list[float]],
    strangers: dict[float, float],
    ours: dict[float, float],
    theirs: dict[float, float | str],
    m: float,
    K: int,
    B: int = 256,
    *,
    when: str = "",
) -> tuple[Figure, str]:
    """Agreement of keys against their age, the chosen m among others, and as far as a queue reaches; at the right two tables of what was learned.

    agreement: m → by age in steps, from 0 on, the cosine of a key and the present network's key of the same view.
    strangers: m → the cosine of keys of different pictures.   ours: m → kNN accuracy in [0, 1].   theirs: m → percent, or a word.
    K >= 1: keys in the queue, K / B steps of them; what is older than any curve is not there yet.   B: keys a step.   when: in words.
    Raises: InputError for an m without a curve, or K < 1.
    """
    one_of(m, agreement, "m")
    require(K >= 1, f"K={K}: the queue needs at least one key")
    kept, floor, steps = mean(agreement[m], K / B), agreement[m][0], round(K / B, 1)
    figure = Page(figsize=(WIDTH, HEIGHT))
    figure.text(0.012, 0.945, f"m = {m:g}: keys in the queue agree to {kept:.2f} with today's, strangers to {strangers[m]:z.2f}",
                va="center", fontsize=18, fontweight="bold")  # fmt: skip
    said = f"K = {K:,}, which is {steps:g} step{'s' * (steps != 1)} of {B}"
    figure.text(0.012, 0.885, f"{when}{' · ' * bool(when)}{said}", va="center", color=GREY)
    figure.text(0.012, 0.83, f"age 0: {floor:.2f}, with other company in batch norm", va="center", fontsize=13, color=GREY)
    figure.add_artist(Line2D([0.362, 0.392], [0.83, 0.83], color=NEGATIVE, linewidth=2.5, linestyle=":"))
    figure.text(0.398, 0.83, "strangers: different pictures", va="center", fontsize=13, color=NEGATIVE)
    oldest = curves(figure.add_axes(CURVES), agreement, strangers[m], m, K / B)
    figure.text(0.66, 0.885, "learned in the end, K = 4,096", va="center", fontsize=15, fontweight="bold")
    ms = list(ours)
    bars(figure.add_axes(OURS), {one: 100 * ours[one] for one in ms}, m, POSITIVE, ("here", "kNN", "scenes"))
    bars(figure.add_axes(THEIRS), {one: theirs[one] for one in ms}, m, GREY, ("the paper", "linear, top 1", "ImageNet"), named=False)
    ends = ", ".join(f"{curve[-1]:.2f} (m = {one:g}, {len(curve) - 1} steps)" for one, curve in agreement.items())
    facts = f"keys in the queue agree to {kept:.2f} with the present network's of the same views, to {floor:.2f} at age 0 and to {oldest}"
    learned = f"in the end kNN is {written(100 * ours[m])} here, on scenes, and the paper's linear probe on ImageNet {written(theirs[m])}"
    where = f"{when}, " * bool(when)
    rest = f"keys of different pictures to {strangers[m]:z.2f}; the oldest keys agree to {ends}; {learned}"
    return figure, f"With m = {m:g}, {where}{said}: {facts}; {rest}."


def mean(curve: list[float], reach: float) -> float:
    """Over a queue that reaches back so many steps: ages 1, 2, … count one batch each, the last one what is left of it."""
    part = np.clip(reach - np.arange(len(curve) - 1), 0, 1)
    return float(np.average(curve[1:], weights=part))


def curves(axes, agreement, strangers: float, m: float, reach: float) -> str:
    """The left half. Returns what the oldest key of the queue does, in words."""
    last, longest = len(agreement[m]) - 1, 64
    age = min(int(np.ceil(reach)), last)
    axes.axvspan(0, reach, color=FAINT, zorder=0)
    axes.axvline(reach, color=INK, linewidth=1.5, linestyle="--", zorder=1)
    axes.axhline(strangers, color=NEGATIVE, linewidth=2.5, linestyle=":", zorder=2.5)
    for one, curve in agreement.items():
        chosen = one == m
        axes.plot(curve, color=POSITIVE if chosen else GREY, linewidth=4 if chosen else 2, alpha=1 if chosen else 0.55, zorder=3 if chosen else 2)
    for one, y in apart({one: curve[-1] for one, curve in agreement.items()}).items():
        style = {"color": POSITIVE, "fontweight": "bold"} if one == m else {"color": GREY}
        end = len(agreement[one]) - 1 + 1.2
        ground = {"facecolor": FAINT if end < reach else PAPER, "edgecolor": "none", "pad": 1}
        axes.text(end, y, f"m = {one:g}", va="center", fontsize=13, bbox=ground, **style)
    axes.plot([age], [agreement[m][age]], "o", color=POSITIVE, markersize=11, zorder=4, clip_on=False)
    early = reach < 0.55 * longest
    oldest = f"{agreement[m][age]:.2f} when {age} step{'s' * (age != 1)} old"
    axes.text(reach + (0.8 if early else -0.8), -1.2, f"oldest key: {oldest}", ha="left" if early else "right", va="center", fontsize=13)
    axes.set(xlim=(0, longest), ylim=(-1.35, 1.05), xticks=range(0, longest + 1, 8), yticks=[-1, -0.5, 0, 0.5, 1])
    axes.set_xlabel("age of the key in steps")
    axes.set_ylabel("cosine of old key and today's")
    return oldest + (f", the oldest that there is after {last} steps" if reach > last else "")


def apart(ends: dict[float, float]) -> dict[float, float]:
    """Heights of labels, as near to the ends as they can be without a collision: from above downwards, then back up from the foot."""
    order = sorted(ends, key=lambda one: -ends[one])
    y = []
    for one in order:
        y.append(min(ends[one], y[-1] - APART if y else 1.0))
    for i in reversed(range(len(y))):
        y[i] = max(y[i], y[i + 1] + APART if i + 1 < len(y) else -1.0)
    return dict(zip(order, y))


def bars(axes, percent: dict[float, float | str], m: float, colour: str, heading: tuple[str, str, str], named: bool = True) -> None:
    """One world: its percentages as bars, each on the scale of 0 to 100; a word stands for itself."""
    rows = range(len(percent))
    for y, (one, value) in zip(rows, percent.items()):
        bold, word = one == m, isinstance(value, str)
        axes.barh(y, 100, color=FAINT, height=0.32)
        axes.barh(y, 0 if word else value, color=colour, height=0.32, alpha=1 if bold else 0.45)
        axes.text(0, y - 0.36, written(value), va="center", fontsize=14, fontweight="bold" if bold else "normal", color=NEGATIVE if word else INK)
    for i, (line, style) in enumerate(zip(heading, ({"fontweight": "bold", "fontsize": 15, "color": colour}, {"fontsize": 13}, {"fontsize": 13}))):
        axes.text(0, 1.225 - 0.075 * i, line, transform=axes.transAxes, va="center", **{"color": GREY, **style})
    axes.set(xlim=(0, 100), ylim=(len(percent) - 0.84, -0.7), xticks=[], yticks=rows if named else [])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if named:
        axes.set_yticklabels([f"m = {one:g}" for one in percent])
        axes.tick_params(axis="y", length=0, labelsize=14)
        for one, label in zip(percent, axes.get_yticklabels()):
            label.set(color=POSITIVE if one == m else INK, fontweight="bold" if one == m else "normal")


def written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f} %"
