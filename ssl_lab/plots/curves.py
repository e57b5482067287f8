"""How a training goes: each measure against the epoch."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssl_lab.method import COLLAPSED
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import GREY, INK, PAPER, PARTS, POSITIVE

MEASURES = {  # name → (in words, its form)
    "loss": ("loss", "{:.2f}"), "knn": ("kNN accuracy", "{:.0%}"), "rank": ("effective rank", "{:.3g}"), "std": ("std", "{:.2f}"),
    "nmi": ("NMI", "{:.2f}"),
}  # fmt: skip
WIDTHS = {1: 6.5, 2: 13, 3: 14.4, 4: 14.4, 5: 18}  # inches of a picture of so many measures
HEIGHT = 4.2
PALE = "#f5c6a4"  # the ground of what has collapsed
MANY = 60  # points from which a curve has no dots


def curves(metrics: list[dict], epochs: int | None = None) -> tuple[Figure, str]:
    """Loss, and where they were measured kNN accuracy, the effective rank of the embedding and its std, and NMI, against the epoch.

    metrics: one dictionary an epoch, with `epoch` and any of `loss`, `knn` in [0, 1], `rank` >= 1, `std` (1 = in all directions alike; below
    COLLAPSED the ground is coloured), `nmi` in [0, 1], of clusters with those of the epoch before; other keys are left alone.
    epochs: how many there will be, so that the room to the right is what is still to come; None = as many as there are.
    """
    drawn = {name: [(row["epoch"], row[name]) for row in metrics if name in row] for name in MEASURES}
    drawn = {name: points for name, points in drawn.items() if points} or {"loss": []}
    width = WIDTHS[len(drawn)] / len(drawn)
    page = Drawing(width * len(drawn), HEIGHT)
    page.panels = [(width * number, 0.0, width, HEIGHT) for number in range(len(drawn))]
    for number, (name, points) in enumerate(drawn.items()):
        curve(page, width * number, width, name, points, epochs)
    said = ", ".join(finding(name, points) for name, points in drawn.items())
    return page, f"After epoch {metrics[-1]['epoch']}: {said}." if metrics else "No epoch has ended yet."


def curve(page: Drawing, left: float, width: float, name: str, points: list[tuple[int, float]], epochs: int | None) -> None:
    """One measure; accuracy always from 0 to 100 %, so that a small gain looks small."""
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    across, up = span(x, 0.03, epochs), {"knn": (0.0, 1.0), "nmi": (0.0, 1.0), "std": (0.0, 1.1)}.get(name) or span(y, 0.05, foot=name == "rank")
    chart = Chart(page, left + 0.85, 0.75, left + width - 0.2, HEIGHT - 0.72, across, up)
    page.words(left + 0.25, 0.4, finding(name, points), 15 if width < 4 else 18, bold=True)
    levels = PARTS if name == "knn" else {tick: f"{tick:g}" for tick in ([0, 0.5, 1] if name in ("std", "nmi") else ticks(up))}
    if name == "std":
        page.areas([(chart.left, float(chart.y(COLLAPSED)), chart.box[2], chart.low - float(chart.y(COLLAPSED)))], PALE)
    chart.frame({tick: f"{tick:g}" for tick in ticks(across, whole=True)}, levels if np.isfinite(y).any() else {}, "epoch")
    colour = POSITIVE if name == "knn" else INK
    chart.curve(x, y, colour)
    if name == "std":
        page.words(chart.right, chart.y(COLLAPSED) - 0.13, "↓ collapsed", 12, GREY, ha="right", ground=PAPER)
    if points:
        if len(points) <= MANY:
            chart.dots(x, y, colour, 7)
        measure, form = MEASURES[name]
        said = {"epoch": [f"{epoch:g}" for epoch in x], "value": [form.format(value) for value in y]}
        chart.answers(measure, x, np.where(np.isfinite(y), y, up[0]), f"epoch {{epoch}}: {measure} {{value}}", said)


def span(values, room: float, most: float | None = None, foot: bool = False) -> tuple[float, float]:
    """From the least to the greatest value, with some room at both ends.   most: the end, where it is known.   foot: begin at 0."""
    values = values[np.isfinite(values)]
    low, high = (0.0, float(most)) if most else (float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))) if len(values) else (0.0, 1.0)
    low = 0.0 if foot else low
    part = room * (high - low) or 0.5
    return low - part * (not foot), high + part


def ticks(limits: tuple[float, float], whole: bool = False) -> list[float]:
    """Round numbers between the limits, five or so."""
    low, high = limits
    return [tick for tick in MaxNLocator(nbins=5, integer=whole).tick_values(low, high).tolist() if low <= tick <= high]


def finding(name: str, points: list[tuple[int, float]]) -> str:
    """What became of one measure: its first and its last value."""
    label, form = MEASURES[name]
    ends = [form.format(value) for _, value in (points[0], points[-1])] if points else ["not known yet"]
    return f"{label} {' → '.join(ends if len(points) > 1 else ends[:1])}"
