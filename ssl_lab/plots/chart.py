"""A small chart on a drawing: axes, curves, levels, bands, bars, and the values that answer a pointer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, INK
from ssl_lab.plots.spots import Box, Spots, Values

TICK = 0.06  # inches
SMALL = 12  # points of the words at the ticks


@dataclass(frozen=True, eq=False)
class Chart:
    """Where a chart lies on its drawing, in inches, and the ranges of its data: `across` from left to right, `up` from low to top."""

    page: Drawing
    left: float
    top: float
    right: float
    low: float
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value):
        """Where data lie, in inches from the left."""
        start, end = self.across
        return self.left + (np.asarray(value, dtype=float) - start) / (end - start) * (self.right - self.left)

    def y(self, value):
        """Where data lie, in inches from the top."""
        start, end = self.up
        return self.low - (np.asarray(value, dtype=float) - start) / (end - start) * (self.low - self.top)

    def points(self, x, y):
        """Data as points of the drawing, (n, 2); what is no number has no place."""
        points = np.stack(np.broadcast_arrays(self.x(x), self.y(y)), axis=-1)
        return points[np.isfinite(points).all(axis=-1)]

    @property
    def box(self) -> Box:
        return self.left, self.top, self.right - self.left, self.low - self.top

    def frame(self, xticks: Mapping[float, str], yticks: Mapping[float, str], xlabel: str = "", ylabel: str = "", size: float = SMALL) -> None:
        """The left and the lower edge, ticks with their words, and what the axes mean."""
        edges = [[(self.left, self.top), (self.left, self.low), (self.right, self.low)]]
        edges += [[(self.x(value), self.low), (self.x(value), self.low + TICK)] for value in xticks]
        edges += [[(self.left, self.y(value)), (self.left - TICK, self.y(value))] for value in yticks]
        self.page.strokes(edges, GREY, 1)
        for value, said in xticks.items():
            self.page.words(self.x(value), self.low + 0.18, said, size, GREY, ha="center")
        for value, said in yticks.items():
            self.page.words(self.left - 0.1, self.y(value), said, size, GREY, ha="right")
        if xlabel:
            self.page.words((self.left + self.right) / 2, self.low + 0.44, xlabel, ha="center")
        if ylabel:
            self.page.words(self.left - 0.62, (self.top + self.low) / 2, ylabel, ha="center", turn=90)

    def curve(self, x, y, colour: str = INK, width: float = 3, dash: str = "", alpha: float = 1.0) -> None:
        """A line through the data."""
        self.page.strokes([self.points(x, y)], colour, width, dash, alpha)

    def level(self, value: float, colour: str = GREY, width: float = 1.5, dash: str = "dashed") -> None:
        """A line across at one value."""
        self.curve(self.across, (value, value), colour, width, dash)

    def upright(self, value: float, colour: str = INK, width: float = 1.5, dash: str = "dashed") -> None:
        """A line from low to top at one value."""
        self.curve((value, value), self.up, colour, width, dash)

    def band(self, start: float, end: float) -> None:
        """A ground from `start` to `end`, as high as the chart."""
        self.page.areas([(self.x(start), self.top, self.x(end) - self.x(start), self.low - self.top)], FAINT)

    def dots(self, x, y, colour: str = INK, size: float = 10, kind: str = "o") -> None:
        """Marks at the data."""
        self.page.marks(*self.points(np.atleast_1d(x), np.atleast_1d(y)).T, kind, size, colour)

    def answers(self, name: str, x, y, tip: str, data: Mapping[str, Values], sets: Mapping[str, Values] | None = None) -> None:
        """Let every point of a curve say its numbers: the one nearest to the pointer along x."""
        self.page.spots.append(Spots(name, self.box, tip, data, sets or {}, at=self.points(x, y).tolist(), along="x"))


def apart(ends: Mapping[float, float], least: float, low: float = -1.0, high: float = 1.0) -> dict[float, float]:
    """Heights of the labels of curves, as near to the curves' ends as they can be without a collision: from above downwards, then back up."""
    order, y = sorted(ends, key=lambda one: -ends[one]), []
    for one in order:
        y.append(min(ends[one], y[-1] - least if y else high))
    for i in reversed(range(len(y))):
        y[i] = max(y[i], y[i + 1] + least if i + 1 < len(y) else low)
    return dict(zip(order, y))
