"""What an argument may be, said once, beside it: the refusal, `--help` and an explorer's control read it there.

    def __init__(self, tau: Annotated[float, Range(above=0, hint="the paper uses 0.1 to 1")] = 0.2)
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import get_args

from ssl_lab.errors import require


@dataclass(frozen=True)
class Range:
    """Numbers that an argument may be; of a pair, each of the two.

    low, high: the ends, which belong to it.   above: a lower end that does not.   whole: only whole numbers.   hint: what papers use, or the fix.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    whole: bool = False
    hint: str = ""

    def __contains__(self, value: object) -> bool:
        if isinstance(value, tuple | list):
            return all(one in self for one in value)
        number = isinstance(value, Integral if self.whole else Real) and not isinstance(value, bool)
        return number and (self.low is None or value >= self.low) and (self.high is None or value <= self.high) and (self.above is None or value > self.above)

    def __str__(self) -> str:
        """In words: "a number above 0", "a whole number from 1"."""
        least = f" above {self.above:g}" if self.above is not None else f" from {self.low:g}" if self.low is not None else ""
        most = "" if self.high is None else f" to {self.high:g}" if least else f" up to {self.high:g}"
        return f"a {'whole ' if self.whole else ''}number{least}{most}"

    def check(self, name: str, value: object) -> None:
        """Raise InputError for a value outside; None is for the argument's own type to allow."""
        require(value is None or value in self, f"{name}={value!r} must be {self}{f'; {self.hint}' if self.hint else ''}")


def arguments(kind: Callable) -> dict[str, inspect.Parameter]:
    """The arguments of a class or function by name, without `self`."""
    return {name: p for name, p in inspect.signature(kind).parameters.items() if name != "self"}


def ranges(kind: Callable) -> dict[str, Range]:
    """The range of every argument that declares one."""
    declared = {name: [part for part in get_args(p.annotation)[1:] if isinstance(part, Range)] for name, p in arguments(kind).items()}
    return {name: found[0] for name, found in declared.items() if found}


def check_ranges(kind: Callable, given: dict[str, object]) -> None:
    """Raise InputError, by name, for the first value outside the range that its argument declares."""
    for name, allowed in ranges(kind).items():
        allowed.check(name, given[name])


def declared(init: Callable) -> Callable:
    """A constructor that refuses values outside their ranges before it does anything, and keeps what it was given as `self.settings`, by name."""

    @functools.wraps(init)
    def checked(self, *args, **options):
        bound = inspect.signature(init).bind(self, *args, **options)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name != "self"}
        check_ranges(init, given)
        init(self, *args, **options)
        self.settings = {name: value for name, value in given.items() if not hasattr(value, "parameters")}  # networks keep themselves

    return checked
