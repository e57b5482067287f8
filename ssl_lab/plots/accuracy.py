"""Which representation is better, and how many labels it is worth."""

import textwrap

from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import GREY, INK, PAPER, PARTS, POSITIVE, Page, number, our_look


@our_look()
def compare(scores: dict[str, float], what: str, chance: float | None = None) -> tuple[Figure, str]:
    """Accuracies side by side, the last of them ours.

    scores: name → share in [0, 1].   what: was measured, for the axis.   chance: of guessing, a dashed line.
    """
    names, values = list(scores), list(scores.values())
    figure = Page(figsize=(11, 0.75 * len(names) + 1.7), layout="constrained")
    axes = figure.subplots()
    axes.barh([textwrap.fill(name, 24) for name in names], values, color=[GREY] * (len(names) - 1) + [POSITIVE], height=0.62)
    ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}  # no dashes through a number
    for y, value in enumerate(values):
        axes.text(value + 0.012, y, f"{value:.0%}", va="center", color=INK, fontweight="bold", bbox=ground)
    axes.set(xlim=(0, 1.08), ylim=(len(names) - 0.5, -0.5), xlabel=what, xticks=list(PARTS), xticklabels=list(PARTS.values()))
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=15)
    if chance is not None:
        axes.axvline(chance, color=INK, linestyle="--", linewidth=1.5)
        axes.text(chance, len(names) - 0.48, " guessing", va="bottom", fontsize=12)
    best = max(scores, key=scores.get)
    axes.set_title(textwrap.fill(f"{best} leads with {scores[best]:.0%}", 50))
    return figure, f"{what}: {', '.join(f'{name} {value:.0%}' for name, value in scores.items())}."


@our_look()
def efficiency(counts: list[int], scores: dict[str, list[float]], ours: tuple[str, ...]) -> tuple[Figure, str]:
    """What unlabelled images are worth: accuracy on unseen images against the number of labels.

    counts: numbers of labels, rising.   scores: name → one share in [0, 1] a count.   ours: the names that saw the unlabelled images too.
    Raises: InputError for a curve with more or fewer points than counts.
    """
    require(all(len(curve) == len(counts) for curve in scores.values()), f"every curve needs one point for each of {len(counts)} numbers of labels")
    figure = Page(figsize=(13, 5.6), layout="constrained")
    axes, at = figure.subplots(), list(range(len(counts)))
    for marker, (name, curve) in zip("os^Dv", scores.items()):
        mine = name in ours
        line, colour, order = ("-", POSITIVE, 2) if mine else ("--", GREY, 3)  # dashes above, so that both are seen where they meet
        axes.plot(at, curve, line, marker=marker, markersize=9, color=colour, zorder=order)
    axes.set(xticks=at, xticklabels=[f"{count:,}" for count in counts], xlabel="labels", ylabel="accuracy on unseen images")
    axes.set(ylim=(0, 1.02), yticks=list(PARTS), yticklabels=list(PARTS.values()))
    figure.legend(axes.lines[::-1], [*scores][::-1], frameon=False, loc="outside right center")  # best above, off the curves
    most = max(at, key=lambda i: lead(scores, ours, i))
    points = 100 * lead(scores, ours, most)
    axes.set_title(f"with {counts[most]:,} labels, the unlabelled images add {number(points, 0 if points >= 9.95 else 1)} points")
    said = (f"{name} {', '.join(f'{value:.0%}' for value in curve)}" for name, curve in scores.items())
    return figure, f"Accuracy with {', '.join(f'{count:,}' for count in counts)} labels: {'; '.join(said)}."


def lead(scores: dict[str, list[float]], ours: tuple[str, ...], i: int) -> float:
    """By how much the best of ours is ahead of the best of the others, at the i-th number of labels."""
    return max(scores[name][i] for name in ours) - max(curve[i] for name, curve in scores.items() if name not in ours)
