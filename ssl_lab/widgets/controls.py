"""What a hand can move: sliders, choices, switches and buttons. A front end shows them, code observes and links their `value`."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from traitlets import Bool, HasTraits, TraitType, Unicode

from ssl_lab.errors import require


class Offered(TraitType):
    """What a control offers, and nothing else."""

    def validate(self, control, value):
        control.check(value, control.label)
        return value.item() if hasattr(value, "item") else value  # of numpy's numbers, Python's


class Control(HasTraits):
    """One thing that can be moved.   value: where it stands.   label: what people call it.   disabled: whether it has nothing to do now.

    `observe`, `traitlets.link` and `ipywidgets.link` take it as they take a widget.
    Raises: InputError for a value that is not offered; then it stays where it was.
    """

    value, label, disabled = Offered(), Unicode(), Bool()

    def __init__(self, label: str, stops: Sequence, value=None):
        super().__init__(label=label)
        self.marks = [*stops]
        self.value = self.marks[0] if value is None else value

    def stops(self) -> list:
        """The values that Play goes through, in their order."""
        return self.marks

    def ends(self) -> tuple:
        """The first and the last value."""
        return self.marks[0], self.marks[-1]

    def takes(self, value) -> bool:
        """Whether this very value is offered."""
        return value in self.marks

    def offer(self) -> str:
        """What is offered, in words."""
        return f"one of {', '.join(map(repr, self.marks))}"

    def check(self, value, name: str) -> None:
        """Refuse what is not offered."""
        require(self.takes(value), f"{name}={value!r} is not offered; {name} is {self.offer()}")

    def words(self, value) -> str:
        """A value as it is shown."""
        return f"{value}"

    def sent(self, only: Sequence | None = None) -> dict:
        """What a front end is told.   only: the values that a saved page has."""
        stops = self.stops() if only is None else [*only]
        return {"kind": type(self).__name__.lower(), "label": self.label, "stops": stops, "words": [*map(self.words, stops)]}


class Slider(Control):
    """A number from low to high, both among those offered.

    Whole if low, high and step are.   step: from one stop to the next; of a logarithmic slider the stops are steps of the exponent of ten.
    stops: the values at which a hand and Play stop, in place of low, high and step.   only: no other value is taken, from code or a box.
    unit: is written behind the number.   names: of the stops, in place of numbers.
    """

    def __init__(self, label, low=None, high=None, value=None, step=None, *, log=False, stops=None, only=False, unit="", names=()):
        stops = places(low, high, step, log) if stops is None else stops
        self.unit, self.only, self.low, self.high = unit, only, min(stops), max(stops)
        self.whole, self.names = all(isinstance(stop, Integral) for stop in stops), dict(zip(stops, names))
        super().__init__(label, stops, value)

    def takes(self, value) -> bool:
        kind = Integral if self.whole else Real
        return isinstance(value, kind) and self.low <= value <= self.high and (not self.only or value in self.marks)

    def offer(self) -> str:
        if self.only:
            return f"one of {', '.join(f'{mark:g}' for mark in self.marks)}"
        return "a whole number " * self.whole + f"from {self.low:g} to {self.high:g}"

    def words(self, value) -> str:
        if value in self.names:
            return self.names[value]
        said = f"{value:,}" if isinstance(value, Integral) else f"{value:g}" if self.only else f"{value:.3g}"
        return said.replace("-", "−") + self.unit

    def sent(self, only: Sequence | None = None) -> dict:
        exact = only is None and not self.only
        return {**super().sent(only), "low": self.low, "high": self.high, "whole": self.whole, "exact": exact, "unit": self.unit}


class Choice(Control):
    """One of some options: values, or (words, value) pairs. Values are words, numbers, truths or None."""

    def __init__(self, label: str, options: Sequence, value=None):
        self.options = [option if isinstance(option, tuple) else (str(option), option) for option in options]
        super().__init__(label, [own for _, own in self.options], value)

    def words(self, value) -> str:
        return next(words for words, own in self.options if own == value)


class Switch(Control):
    """On or off."""

    def __init__(self, label: str, value: bool = False):
        super().__init__(label, (False, True), value)

    def takes(self, value) -> bool:
        return isinstance(value, bool)

    def offer(self) -> str:
        return "True or False"

    def words(self, value) -> str:
        return "on" if value else "off"


class Button(Control):
    """Something to do, or to do again; its value counts the presses."""

    def __init__(self, label: str, value: int = 0, most: int = 2**31):
        self.most = most
        super().__init__(label, (0, most), value)

    def takes(self, value) -> bool:
        return isinstance(value, Integral) and not isinstance(value, bool) and 0 <= value <= self.most

    def offer(self) -> str:
        return f"a whole number from 0 to {self.most}"

    def stops(self) -> list:
        return [self.value]


def places(low, high, step, log: bool) -> list:
    """Where a slider stops from low to high."""
    if not log and all(isinstance(number, Integral) for number in (low, high, step or 1)):
        return sorted({*range(low, high + 1, step or 1), high})
    first, last = np.log10([low, high]) if log else (low, high)
    step = step or (0.05 if log else (high - low) / 100)
    between = [first + step * k for k in range(1, round((last - first) / step))]
    return [low, *(float(f"{10**stop:.3g}" if log else f"{stop:.6g}") for stop in between), high]
