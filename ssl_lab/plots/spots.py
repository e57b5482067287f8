"""What answers a pointer in a picture: a sentence of numbers, shown at once and without the kernel, and what a click sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ssl_lab.errors import require

PIXELS = 100  # of a browser's in an inch, where a drawing has its full size
Values = Sequence | np.ndarray | range
Box = tuple[float, float, float, float]  # left, top, width, height, in inches, y down


@dataclass(frozen=True, eq=False)
class Spots:
    """Places in one part of a picture, each with a sentence.

    name: what they are together, for a screen reader: "cells of the matrix".   box: where they are.
    tip: the sentence, with names in braces: "{row} → {column}: cosine {cosine}".   data: name → one word a place.
    rows, columns: names of a grid's rows and columns, of equal sizes, place by place row after row: {row} and {column} in `tip`.
    at: of points, x and y of each in inches; the nearest one answers.   along: "x" = the nearest along x alone, as on a curve.
    sets: control → one value a place, which a click, Enter or Space gives it.
    Without rows, columns and points the box is one place.
    Raises: InputError for words or values that are not one a place, both a grid and points, or points along other than "xy" and "x".
    """

    name: str
    box: Box
    tip: str
    data: Mapping[str, Values] = field(default_factory=dict)
    sets: Mapping[str, Values] = field(default_factory=dict)
    rows: Sequence = ()
    columns: Sequence = ()
    at: Values = ()
    along: str = "xy"

    def __post_init__(self):
        require(not (len(self.at) and (len(self.rows) or len(self.columns))), f"{self.name}: give rows and columns, or points, not both")
        require(self.along in ("xy", "x"), f'along={self.along!r}: points answer along "xy" or along "x"')
        for name, values in {**self.data, **self.sets}.items():
            require(len(values) == len(self), f"{self.name}: {name} has {len(values)} values for {len(self)} places")

    def __len__(self) -> int:
        """How many places there are."""
        return len(self.at) or max(len(self.rows), 1) * max(len(self.columns), 1)

    def said(self, place: int) -> str:
        """The sentence of one place."""
        row, column = divmod(place, max(len(self.columns), 1))
        names = {"row": self.rows[row] if len(self.rows) else "", "column": self.columns[column] if len(self.columns) else ""}
        return self.tip.format(**names, **{name: values[place] for name, values in self.data.items()})

    def sent(self) -> dict:
        """As the front end takes it, in a browser's pixels."""
        at = [round(float(value) * PIXELS, 1) for point in self.at for value in point]
        sets = {name: [value.item() if hasattr(value, "item") else value for value in values] for name, values in self.sets.items()}
        words = {name: [*map(str, values)] for name, values in self.data.items()}
        box = [round(value * PIXELS, 1) for value in self.box]
        names = {"rows": [*map(str, self.rows)], "columns": [*map(str, self.columns)]}
        return {"name": self.name, "box": box, "tip": self.tip, "data": words, "sets": sets, **names, "at": at, "along": self.along}
