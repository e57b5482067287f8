"""How an embedding collapses: where the images lie, how every dimension spreads, and the loss that falls to zero because of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssl_lab.errors import require
from ssl_lab.method import COLLAPSED
from ssl_lab.plots.embedding import KINDS
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, Page, class_name, in_our_look

WIDE, HIGH = 13, 7.5  # inches
MARKS = "o^s*vdP><X"  # one a class, for eyes that do not tell ten colours apart; for the classes of the scenes as like the shape as may be
ROOM = 1.45  # from the middle of the map to its edge, in radii of the unit sphere, whatever the points do
DOT = 0.2  # radii of the sphere: points that are all so near the middle are pointed at
ROW = 0.33  # inches of a row of the table
LESS = 0.75  # of the usual spread: with less, a collapse has begun


@dataclass(frozen=True)
class Course:
    """How one training went: its steps from 1, and at each the loss, and of unit rows std (1 = healthy), effective rank, and rank once centred."""

    step: np.ndarray
    loss: np.ndarray
    std: np.ndarray
    rank: np.ndarray
    centred: np.ndarray

    def at(self, step: int) -> dict[str, float]:
        """The values at the last point up to this step."""
        place = max(np.searchsorted(self.step, step, side="right") - 1, 0)
        return {name: float(getattr(self, name)[place]) for name in ("loss", "std", "rank", "centred")}


@dataclass(frozen=True)
class Ablation:
    """Accuracies in percent, in the paper and here, one row a set of switches.   chosen: which row is shown.   untrained: of random weights, here."""

    rows: tuple[tuple[str, float, float], ...]
    chosen: int
    untrained: float
    note: str = ""


@in_our_look
def collapse(
    xy: Float[np.ndarray, "N 2"],
    labels: Int[np.ndarray, " N"],
    classes: tuple[str, ...],
    spread: Float[np.ndarray, " d"],
    course: Course,
    usual_spread: Float[np.ndarray, " d"],
    usual: Course,
    table: Ablation,
    step: int,
    what: str,
) -> tuple[Figure, str]:
    """One training at one step, beside the usual one that no switch was turned in.

    xy: N images on a map whose distances are those of unit rows.   spread: std of every dimension of unit rows.   what: the switches, in words.
    Raises: InputError for a step that there is not.
    """
    last = int(course.step[-1])
    require(1 <= step <= last, f"step={step} is not among the steps, 1 to {last}")
    now, then = course.at(step), usual.at(step)
    found = finding(now, then, step == last, table)
    what = f"{what}, step {step:,} of {last:,}"
    figure = Page(figsize=(WIDE, HIGH))
    figure.text(0.15 / WIDE, 7.13 / HIGH, found, fontsize=19, fontweight="bold", va="center")
    figure.text(0.15 / WIDE, 6.7 / HIGH, f"━ {what}", fontsize=14, va="center")
    if usual is not course:
        figure.text(12.85 / WIDE, 6.7 / HIGH, "╍ BYOL as it is", color=POSITIVE, fontsize=14, va="center", ha="right")
    images(inches(figure, 0.15, 1.35, 4.8, 4.8), xy, labels, classes)
    curves(figure, course, usual, step, now)
    bars(inches(figure, 9.75, 4.5, 3.1, 1.6), spread, usual_spread)
    ablation(figure, table)
    beside = f"; BYOL as it is: {told(then)}" if usual is not course else ""
    return figure, f"{what}: {told(now)}{beside}; {found[0].lower()}{found[1:]}."


def inches(figure: Figure, left: float, bottom: float, width: float, height: float):
    return figure.add_axes((left / WIDE, bottom / HIGH, width / WIDE, height / HIGH))


def told(now: dict[str, float]) -> str:
    return f"loss {now['loss']:.3f}, std {now['std']:.2f}, effective rank {now['rank']:.1f}, centred {now['centred']:.1f}"


def finding(now: dict[str, float], then: dict[str, float], ended: bool, table: Ablation) -> str:
    """What is to be seen at this step."""
    if now["std"] < COLLAPSED:
        return f"Collapsed: all images lie close to one point, and that is why the loss is {now['loss']:.3f}"
    if now["std"] < LESS * then["std"]:
        return f"Collapsing: the images draw together, and the loss falls to {now['loss']:.2f}"
    accuracy, paper = table.rows[table.chosen][2], table.rows[table.chosen][1]
    if ended and accuracy < table.untrained + 5:
        return f"No collapse, and yet nothing is learned: {accuracy:.0f} %, untrained {table.untrained:.0f} %"
    if ended and paper < LESS * table.rows[0][1]:
        return f"No collapse here: kNN names {accuracy:.0f} % of the shapes, the paper's run {paper:.1f} % of its classes"
    return f"No collapse: the images stay apart, and kNN names {accuracy:.0f} % of the shapes" if ended else "No collapse: the images stay apart"


def images(axes, xy, labels, classes) -> None:
    """The map, always to the same scale: points that draw together are seen to."""
    for kind in range(len(classes)):
        own = xy[labels == kind]
        colour, mark = KINDS[kind % len(KINDS)], MARKS[kind % len(MARKS)]
        size = 140 if mark == "*" else 75  # a star has little paint
        axes.scatter(*own.T, s=size, color=colour, marker=mark, edgecolors=PAPER, linewidths=0.7)
        left, low = 0.026 + 0.243 * (kind // 3), -0.06 - 0.057 * (kind % 3)  # a legend of matplotlib's costs 15 ms
        axes.plot(left, low, mark, color=colour, markersize=size**0.5, markeredgewidth=0, transform=axes.transAxes, clip_on=False)
        axes.text(left + 0.04, low, class_name(kind, classes), transform=axes.transAxes, fontsize=12, va="center")
    axes.set(xlim=(-ROOM, ROOM), ylim=(-ROOM, ROOM), xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="#c9c4ba")
    axes.plot([-1.32, -0.32], [-1.31, -1.31], color=GREY, linewidth=2)
    axes.text(-0.26, -1.31, "radius of the sphere", color=GREY, fontsize=12, va="center")
    if abs(xy).max() < DOT:
        above = xy[:, 0].mean(), xy[:, 1].max()
        axes.annotate(f"all {len(xy)} of them", above, (0, 0.45), fontsize=14, ha="center", arrowprops={"arrowstyle": "->", "shrinkB": 9})
    axes.text(0, 1.02, f"{len(xy)} unseen scenes, as far apart as in z", transform=axes.transAxes, fontsize=15, fontweight="bold")


def curves(figure, course: Course, usual: Course, step: int, now: dict[str, float]) -> None:
    """Loss, std and ranks at all steps, on a logarithmic scale (of our own: matplotlib's costs 20 ms)."""
    measures = {
        "loss": (f"loss {now['loss']:.3f}", (0, 2, 4), 4.2),
        "std": (f"std {now['std']:.2f} of 1", (0, 0.5, 1), 1.05),
        "rank": (f"rank {now['rank']:.1f}", (1, 32, 64), 68),
    }
    misses = ": misses it" if now["std"] < COLLAPSED else ""
    decades = [n for n in range(6) if 10**n <= course.step[-1]]
    for place, (name, (head, ticks, top)) in enumerate(measures.items()):
        axes = inches(figure, 5.6, 4.92 - 2.0 * place, 3.2, 1.18)
        axes.plot(np.log10(usual.step), getattr(usual, name), color=POSITIVE, linestyle="--", linewidth=2)
        if name == "rank":
            axes.plot(np.log10(course.step), course.centred, color=NEGATIVE, linewidth=2)
            axes.text(1, 1.07, f"centred {now['centred']:.1f}{misses}", transform=axes.transAxes, color=NEGATIVE, fontsize=13, ha="right")
        axes.plot(np.log10(course.step), getattr(course, name), color=INK)
        axes.plot(np.log10(step), now[name], "o", color=INK, markersize=10, clip_on=False)
        axes.text(0, 1.07, head, transform=axes.transAxes, fontsize=15, fontweight="bold")
        axes.set(xlim=(-0.15, np.log10(course.step[-1])), ylim=(0, top), yticks=ticks)
        axes.set_xticks(decades, [f"{10**n:,}" if name == "rank" else "" for n in decades])
    axes.set_xlabel("step")


def bars(axes, spread, usual_spread) -> None:
    """Std of every dimension, the widest first."""
    d, even = len(spread), len(spread) ** -0.5
    axes.stairs(np.sort(spread)[::-1], fill=True, color=INK, snap=False)
    axes.plot(np.arange(d) + 0.5, np.sort(usual_spread)[::-1], color=POSITIVE, linestyle="--", linewidth=2)
    axes.axhline(even, color=GREY, linewidth=1.5, linestyle=":")
    axes.set(xlim=(0, d), ylim=(0, 3.2 * even), xticks=[])
    axes.set_yticks([0, even, 2 * even, 3 * even], ["0", "1/√d", "2/√d", "3/√d"])
    axes.text(0, 1.05, f"std of {d} dimensions", transform=axes.transAxes, fontsize=15, fontweight="bold")


def ablation(figure: Figure, table: Ablation, left: float = 9.2, top: float = 3.75, width: float = 3.65) -> None:
    """The paper's accuracies and ours, the chosen row in front; in inches, on the figure itself."""
    right = (left + width - 0.75, left + width - 0.08)

    def say(x: float, y: float, words: str, **style) -> None:
        figure.text(x / WIDE, y / HIGH, words, **{"va": "center", "fontsize": 12, **style})

    say(left + 0.08, top, "accuracy in %", fontsize=15, fontweight="bold")
    for x, word in zip(right, ("paper", "here")):
        say(x, top, word, fontsize=13, ha="right")
    for number, (words, paper, here) in enumerate(table.rows, 1):
        y, weight = top - 0.05 - ROW * number, "bold" if number - 1 == table.chosen else "normal"
        if number - 1 == table.chosen:
            band = (left / WIDE, (y - ROW / 2) / HIGH), width / WIDE, ROW / HIGH
            figure.add_artist(Rectangle(*band, color=FAINT, transform=figure.transFigure, zorder=-1))
        say(left + 0.08, y, words, fontweight=weight)
        for x, value in zip(right, (paper, here)):
            say(x, y, f"{value:.1f}", fontweight=weight, ha="right")
    say(left + 0.08, top - 0.3 - ROW * len(table.rows), table.note, color=GREY, va="top", linespacing=1.3)
