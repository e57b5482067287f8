"""How a training goes: each measure against the epoch."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_lab.method import COLLAPSED
from ssl_lab.plots.look import GREY, INK, PARTS, POSITIVE, Page, in_our_look

MEASURES = {  # name → (in words, its form)
    "loss": ("loss", "{:.2f}"), "knn": ("kNN accuracy", "{:.0%}"), "rank": ("effective rank", "{:.3g}"), "std": ("std", "{:.2f}"),
}  # fmt: skip
WIDTHS = {1: 6.5, 2: 13, 3: 14.4, 4: 14.4}  # inches of a picture of so many measures
NARROW = 15  # points of a title where four stand side by side
PALE = "#f5c6a4"  # the ground of what has collapsed


@in_our_look
def curves(metrics: list[dict], epochs: int | None = None) -> tuple[Figure, str]:
    """Loss, and where they were measured kNN accuracy, the effective rank of the embedding and its std, against the epoch.

    metrics: one dictionary an epoch, with `epoch` and any of `loss`, `knn` in [0, 1], `rank` >= 1, `std` (1 = in all directions alike; below
    COLLAPSED the ground is coloured); other keys are left alone.
    epochs: how many there will be, so that the room to the right is what is still to come; None = as many as there are.
    """
    drawn = {name: [(row["epoch"], row[name]) for row in metrics if name in row] for name in MEASURES}
    drawn = {name: points for name, points in drawn.items() if points} or {"loss": []}
    figure = Page(figsize=(WIDTHS[len(drawn)], 4.2))
    for number, (name, points) in enumerate(drawn.items()):
        curve(figure.add_axes(place(number, len(drawn))), name, points, epochs, {"fontsize": NARROW} if len(drawn) > 3 else {})
    said = ", ".join(finding(name, points) for name, points in drawn.items())
    return figure, f"After epoch {metrics[-1]['epoch']}: {said}." if metrics else "No epoch has ended yet."


def place(number: int, count: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of one of `count` axes in a row; three times as fast as a layout that looks for itself."""
    width = WIDTHS[count]
    return number / count + 0.85 / width, 0.17, 1 / count - 1.05 / width, 0.68


def curve(axes: Axes, name: str, points: list[tuple[int, float]], epochs: int | None, style: dict) -> None:
    """One measure; accuracy always from 0 to 100 %, so that a small gain looks small. style: of its title."""
    if points:
        axes.plot(*zip(*points), color=POSITIVE if name == "knn" else INK, marker="o" if len(points) <= 60 else "", markersize=7, clip_on=False)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=5)
    axes.set_title(finding(name, points), **style)
    axes.set(xlabel="epoch", **({} if points else {"yticks": []}))
    if epochs:
        axes.set_xlim(-0.03 * epochs, 1.03 * epochs)
    if name == "knn":
        axes.set(ylim=(0, 1), yticks=list(PARTS), yticklabels=list(PARTS.values()))
    elif name == "rank":
        axes.set_ylim(bottom=0)
    elif name == "std":
        axes.axhspan(0, COLLAPSED, color=PALE, zorder=0)
        axes.text(1, COLLAPSED + 0.02, "↓ collapsed", transform=axes.get_yaxis_transform(), ha="right", fontsize=12, color=GREY)
        axes.set(ylim=(0, 1.1), yticks=[0, 0.5, 1])


def finding(name: str, points: list[tuple[int, float]]) -> str:
    """What became of one measure: its first and its last value."""
    label, form = MEASURES[name]
    ends = [form.format(value) for _, value in (points[0], points[-1])] if points else ["not known yet"]
    return f"{label} {' → '.join(ends if len(points) > 1 else ends[:1])}"
