"""What an argument may be, said once, beside it: the refusal, `--help` and an explorer's control read it there.

    def __init__(self, tau: Annotated[float, Range(above=0, hint="the paper uses 0.1 to 1")] = 0.2)
"""

import functools
import inspect
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from ssl_lab.errors import one_of, require


@dataclass(frozen=True)
class Range:
    """Numbers that an argument may be; of a tuple, each of them.

    low, high: the ends, which belong to it.   above, below: ends that do not.   whole: only whole numbers.   hint: what papers use, or the fix.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    whole: bool = False
    hint: str = ""

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Integral if self.whole else Real) or isinstance(value, bool):
            return False
        ends = ((self.low, operator.ge), (self.high, operator.le), (self.above, operator.gt), (self.below, operator.lt))
        number = isinstance(value, Integral) or math.isfinite(value)
        return number and all(end is None or fits(value, end) for end, fits in ends)

    def __str__(self) -> str:
        """In words: "a number above 0", "a whole number from 1", "a number from 0 to 1"."""
        to, below = ("up to", "below") if self.low is None else ("to", "and below")
        ends = {"above": self.above, "from": self.low, to: self.high, below: self.below}
        said = [f"{word} {end:g}" for word, end in ends.items() if end is not None]
        return " ".join([f"a {'whole ' if self.whole else ''}number", *said])

    def check(self, name: str, value: object) -> None:
        """Raise InputError for a value outside."""
        require(value in self, f"{name}={value!r} must be {self}{f'; {self.hint}' if self.hint else ''}")


@dataclass(frozen=True)
class Choice:
    """Names that an argument may be."""

    names: tuple[str, ...]
    hint: str = ""

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"

    def check(self, name: str, value: object) -> None:
        """Raise InputError, listing what there is, for another name."""
        one_of(value, self.names, name)


Temperature = Annotated[float, Range(above=0, hint="the papers use 0.07 to 1")]
Momentum = Annotated[float, Range(0, 1, hint="the share that a slow copy keeps of itself; the papers use 0.99 to 1")]
Share = Annotated[float, Range(0, 1, hint="a share of the images")]
Width = Annotated[int, Range(1, whole=True)]


@functools.cache
def arguments(kind: Callable) -> dict[str, inspect.Parameter]:
    """The arguments of a class or function by name, without `self`."""
    return {name: p for name, p in inspect.signature(kind).parameters.items() if name != "self"}


def ranges(kind: Callable) -> dict[str, Range | Choice]:
    """The range of every argument that declares one."""
    declared = {name: [part for part in get_args(p.annotation)[1:] if isinstance(part, Range | Choice)] for name, p in arguments(kind).items()}
    return {name: found[0] for name, found in declared.items() if found}


def plain(value):
    """A number of numpy's as Python's, which JSON and torch know; each of a tuple; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    number = isinstance(value, Real) or type(value).__name__ == "bool"  # numpy's True is no number, and its type has this name, too
    return value.item() if number and hasattr(value, "item") else value


def whole(value: object) -> bool:
    """Whether it is a whole number, of Python's or numpy's."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_ranges(kind: Callable, given: dict[str, object]) -> None:
    """Raise InputError, by name, for the first value outside the range that its argument declares."""
    for name, allowed in ranges(kind).items():
        plain, value = get_args(arguments(kind)[name].annotation)[0], given[name]
        if value is None and type(None) in get_args(plain):
            continue
        count = len(get_args(plain)) if get_origin(plain) is tuple else 0
        fits = not count or (isinstance(value, tuple | list) and len(value) == count)
        require(fits, f"{name}={value!r} must be {count} numbers, such as {arguments(kind)[name].default}")
        for one in value if count else [value]:
            allowed.check(name, one)


def check_kinds(kind: Callable, given: dict[str, object]) -> None:
    """Raise InputError, by name, for the first value that is not what its argument is declared to be: True or False, a network, an Augmentation."""
    for name, p in arguments(kind).items():
        wanted, value, optional = p.annotation, given[name], get_origin(p.annotation) in (Union, UnionType)
        wanted = get_args(wanted)[0] if optional else wanted
        if not isinstance(wanted, type) or wanted is inspect.Parameter.empty or (optional and value is None):
            continue
        if wanted in (int, float):
            Range(whole=wanted is int).check(name, value)
        elif wanted.__name__ == "Module" and not optional:
            check_network(name, value, wanted)
        else:
            needs = {"bool": "True or False", "Module": "a network (nn.Module)"}.get(wanted.__name__, f"a {wanted.__name__}")
            require(isinstance(value, wanted), f"{name}={value!r} must be {needs}{', or None' * optional}")


def check_network(name: str, network, wanted: type) -> None:
    """Refuse what is no network that says how wide its features are; what they are is seen when a training begins."""
    kind, dim = getattr(network, "__name__", type(network).__name__), getattr(network, "dim", None)
    fix = f"call it, {kind}(), if that makes one" if callable(network) else "such as small_resnet()"
    require(isinstance(network, wanted), f"{name} is {kind}, and a network (nn.Module) is needed; {fix}")
    says = "does not say how wide its features are, in .dim" if dim is None else f"has .dim={dim!r}, which must be a whole number from 1"
    require(whole(dim) and dim >= 1, f"{name}, this {kind}, {says}; wrap it, models.Encoder(network), which finds the width")


def check_fields(frozen) -> None:
    """The same for the fields of a frozen dataclass, which then hold Python's own numbers."""
    check_kinds(type(frozen), vars(frozen))
    check_ranges(type(frozen), vars(frozen))
    for name, value in list(vars(frozen).items()):
        object.__setattr__(frozen, name, plain(value))


def declared(init: Callable) -> Callable:
    """A constructor that refuses values outside their ranges before it does anything, and keeps what it was given as `self.settings`, by name."""

    @functools.wraps(init)
    def checked(self, *args, **options):
        bound = inspect.signature(init).bind(self, *args, **options)
        bound.apply_defaults()
        bound.arguments.update({name: plain(value) for name, value in bound.arguments.items()})
        given = {name: value for name, value in bound.arguments.items() if name != "self"}
        check_kinds(init, given)
        check_ranges(init, given)
        init(*bound.args, **bound.kwargs)
        networks = {name for name, value in given.items() if hasattr(value, "parameters")} | {"encoder"}  # they keep themselves; None makes one
        self.settings = {name: value for name, value in given.items() if name not in networks}

    return checked
