"""How a training goes: each measure against the epoch."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_lab.plots.look import INK, PARTS, POSITIVE, in_our_look

MEASURES = {"loss": ("loss", "{:.2f}"), "knn": ("kNN accuracy", "{:.0%}"), "rank": ("effective rank", "{:.3g}")}  # name → (in words, its form)
WIDTHS = {1: 6.5, 2: 13, 3: 14.4}  # inches of a picture of so many measures


@in_our_look
def curves(metrics: list[dict], epochs: int | None = None) -> tuple[Figure, str]:
    """Loss, and where they were measured kNN accuracy and the effective rank of the embedding, against the epoch.

    metrics: one dictionary an epoch, with `epoch` and any of `loss`, `knn` in [0, 1], `rank` >= 1; other keys are left alone.
    epochs: how many there will be, so that the room to the right is what is still to come; None = as many as there are.
    """
    drawn = {name: [(row["epoch"], row[name]) for row in metrics if name in row] for name in MEASURES}
    drawn = {name: points for name, points in drawn.items() if points} or {"loss": []}
    figure = Figure(figsize=(WIDTHS[len(drawn)], 4.2))
    for number, (name, points) in enumerate(drawn.items()):
        curve(figure.add_axes(place(number, len(drawn))), name, points, epochs)
    said = ", ".join(finding(name, points) for name, points in drawn.items())
    return figure, f"After epoch {metrics[-1]['epoch']}: {said}." if metrics else "No epoch has ended yet."


def place(number: int, count: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of one of `count` axes in a row; three times as fast as a layout that looks for itself."""
    width = WIDTHS[count]
    return number / count + 0.85 / width, 0.17, 1 / count - 1.05 / width, 0.68


def curve(axes: Axes, name: str, points: list[tuple[int, float]], epochs: int | None) -> None:
    """One measure; accuracy always from 0 to 100 %, so that a small gain looks small."""
    if points:
        axes.plot(*zip(*points), color=POSITIVE if name == "knn" else INK, marker="o" if len(points) <= 60 else "", markersize=7, clip_on=False)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    axes.set(xlabel="epoch", title=finding(name, points), **({} if points else {"yticks": []}))
    if epochs:
        axes.set_xlim(-0.03 * epochs, 1.03 * epochs)
    if name == "knn":
        axes.set(ylim=(0, 1), yticks=list(PARTS), yticklabels=list(PARTS.values()))
    elif name == "rank":
        axes.set_ylim(bottom=0)


def finding(name: str, points: list[tuple[int, float]]) -> str:
    """What became of one measure: its first and its last value."""
    label, form = MEASURES[name]
    ends = [form.format(value) for _, value in (points[0], points[-1])] if points else ["not known yet"]
    return f"{label} {' → '.join(ends if len(points) > 1 else ends[:1])}"
