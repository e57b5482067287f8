"""A small chart inside a picture that is one pair of axes in inches, y running down: a pair of axes of its own would cost 20 ms more."""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.collections import LineCollection

from ssl_lab.plots.look import GREY

TICK = 0.06  # inches


@dataclass(frozen=True)
class Panel:
    """Where a chart lies, in inches, and the ranges of its data."""

    left: float
    top: float
    right: float
    low: float
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value):
        """Where data lie, in inches from the left."""
        start, end = self.across
        return self.left + (value - start) / (end - start) * (self.right - self.left)

    def y(self, value):
        """Where data lie, in inches from the top."""
        start, end = self.up
        return self.low - (value - start) / (end - start) * (self.low - self.top)

    def frame(self, axes, xticks: Mapping[float, str], yticks: Mapping[float, str], xlabel: str = "", ylabel: str = "") -> None:
        """The left and the lower edge, ticks with their words, and what the axes mean."""
        edges = [[(self.left, self.top), (self.left, self.low), (self.right, self.low)]]
        edges += [[(self.x(value), self.low), (self.x(value), self.low + TICK)] for value in xticks]
        edges += [[(self.left, self.y(value)), (self.left - TICK, self.y(value))] for value in yticks]
        axes.add_collection(LineCollection(edges, colors=GREY, linewidths=1))
        for value, said in xticks.items():
            axes.text(self.x(value), self.low + 0.18, said, ha="center", va="center", color=GREY)
        for value, said in yticks.items():
            axes.text(self.left - 0.1, self.y(value), said, ha="right", va="center_baseline", color=GREY)
        if xlabel:
            axes.text((self.left + self.right) / 2, self.low + 0.44, xlabel, ha="center", va="center")
        if ylabel:
            axes.text(self.left - 0.62, (self.top + self.low) / 2, ylabel, ha="center", va="center", rotation=90)
