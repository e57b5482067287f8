"""How an exercise is checked: the same inputs through the student's function, the reference, and every usual mistake.

    equal to the reference? → else the mistake that gives the same values → else why it is no answer → else what was seen
    and a loss: is its gradient equal, too? → else the mistake that gives right values and the same gradient → else that it is wrong
"""

import functools
import html
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Number

import torch
from torch import Tensor

from ssl_lab.checks.answer import CLOSE, PARTS, PLACES, STOPPED, Answer, Kind, Untouched, alike, as_it_is, ask, same
from ssl_lab.surroundings import uncast, usual

NOT_YET = "not attempted yet"
CORRECT = {Kind.LOSS: "the value and its gradient", Kind.NUMBER: "the value", **dict.fromkeys(PARTS, "both of the pair")}  # else every entry


@dataclass(frozen=True)
class Result:
    """What a check found: true if the function is right.   hint: what to look at.   attempted: false where nothing was checked."""

    name: str
    passed: bool
    attempted: bool
    hint: str

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> tuple[str, str, str]:
        """A symbol, the words it stands for, and a colour (4 : 1 and more on the panel); the words alone are enough."""
        if self.passed:
            return "✓", "right", "#0072b2"
        return ("✗", "not right yet", "#b34700") if self.attempted else ("○", self.hint, "#5b626b")

    def __repr__(self) -> str:
        symbol, words, _ = self.verdict
        return f"{symbol} {self.name} is {words}{self.reason}"

    @property
    def reason(self) -> str:
        return f": {self.hint}" if self.attempted else ""

    def _repr_html_(self) -> str:
        symbol, words, colour = self.verdict
        style = f"border-left: 6px solid {colour}; padding: 0.5em 1em; font-size: 110%; background: #f6f5f2; color: #1b1f24"
        said = f"{html.escape(self.name)} is <strong>{words}</strong>{html.escape(self.reason)}"
        return f'<div role="status" style="{style}"><span aria-hidden="true">{symbol}</span> {said}</div>'


@dataclass(frozen=True, eq=False)
class Check:
    """A checker for one exercise; calling it never raises.

    name: of the exercise.   reference: a right answer of the same name, which notebooks use until the student's is right.
    inputs: seed → several sets of arguments, tensors, numbers and functions, always the same for one seed.
    mistakes: hint → functions that make this mistake; one that fails on an input is not compared there. Where a pair is asked for, one that returns
    its first alone is compared with the first alone.
    kind: what is returned.   needs: what the one number is, in words (a matrix needs no words).
    prepare: what is done to an input before a function gets it; a loss's gradient is taken through it. So rows may have length 1 (a function that
    normalises them once more is right, too), and what is detached here is a constant, whose gradient is not compared.
    """

    name: str
    reference: Callable
    inputs: Callable[[int], Iterable[tuple]]
    mistakes: dict[str, tuple[Callable, ...]]
    kind: Kind = Kind.LOSS
    needs: str = ""
    prepare: Callable[..., tuple] = as_it_is

    @usual()
    @uncast
    def __call__(self, fn: Callable, seed: int = 0) -> Result:
        """Compare fn with the reference.   seed: of the random inputs."""
        try:
            hint = self.find(fn, seed)
        except Untouched:
            return self.skip(NOT_YET)
        except Exception as error:  # noqa: BLE001 (a strange tensor: on the meta device, say)
            hint = f"what it returns cannot be read: {error}"
        return Result(self.name, passed=not hint, attempted=True, hint=hint or self.praise)

    @property
    def praise(self) -> str:
        """What is right about a right answer."""
        return CORRECT.get(self.kind, "every entry")

    def skip(self, reason: str) -> Result:
        """Nothing was checked, and why."""
        return Result(self.name, passed=False, attempted=False, hint=reason)

    def find(self, fn: Callable, seed: int) -> str:
        """What is wrong with fn, empty if nothing is."""
        cases = list(self.inputs(seed))  # not those of `known`: fn may change a network
        mine, right = [self.ask(fn, case) for case in cases], list(known(self, self.reference, seed))
        if all(map(same, mine, right)):
            return self.astray(seed, mine, right) if self.kind is Kind.LOSS else ""
        for hint, functions in self.mistakes.items():
            if any(explains(known(self, wrong, seed), mine, right) for wrong in functions):
                return hint
        faults = sorted((answer.fault for answer in mine if answer.fault), key=lambda fault: fault.startswith(STOPPED))
        return faults[0] if faults else self.unlike(cases, mine, right)  # an exception last: what is returned elsewhere may be its cause

    def ask(self, fn: Callable, case: tuple) -> Answer:
        return ask(fn, case, self.kind, self.needs, self.prepare)

    def astray(self, seed: int, mine: list[Answer], right: list[Answer]) -> str:
        """What is wrong with the gradients of a loss whose values are right, empty if nothing is."""
        try:
            slopes = gradients(mine)
        except RuntimeError as error:
            return f"the value is right but no gradient can be taken: {error}"
        if not all(slope.isfinite().all() for slope in slopes):
            return "the value is right but its gradient is not a number: look for the square root or the logarithm of 0, or 0 · ∞"
        if all(map(alike, slopes, gradients(right))):
            return ""
        for hint, functions in self.mistakes.items():
            for wrong in (known(self, wrong, seed) for wrong in functions):
                if all(map(same, wrong, right)) and all(map(alike, gradients(wrong), slopes)):
                    return hint
        return "the value is right but its gradient is not: something is detached, or computed under no_grad"

    def unlike(self, cases: list[tuple], mine: list[Answer], right: list[Answer]) -> str:
        """The first place where the values differ: what was seen there, and what was expected."""
        case, pairs = next((case, list(zip(m.values, r.values))) for case, m, r in zip(cases, mine, right) if not same(m, r))
        part, (m, r) = next((part, pair) for part, pair in enumerate(pairs) if not alike(*pair))
        given = f"for {self.described(case)} it gives{f', in the {PLACES[part]} of its pair,' * (self.kind in PARTS)}"
        if m.shape != r.shape:
            return f"{given} a result of shape {tuple(m.shape)}, expected is {tuple(r.shape)}"
        place = tuple(torch.isclose(m, r, **CLOSE).logical_not().nonzero()[0].tolist())
        where = f" at {list(place)}" if place else ""
        return f"{given} {m[place]:.6g}{where}, expected is {r[place]:.6g}; no usual mistake gives this"

    def described(self, case: tuple) -> str:
        """The arguments in words: tensors by their shapes, numbers by their names; functions have neither."""
        shapes = " and ".join(str(tuple(x.shape)) for x in case if isinstance(x, Tensor))
        numbers = [f"{name} = {x:.4g}" for name, x in zip(inspect.signature(self.reference).parameters, case) if isinstance(x, Number)]
        return ", ".join([f"inputs of shape {shapes}"] * bool(shapes) + numbers)


class Known:
    """What the reference or a mistake answers, one input after the other, each computed once and only when it is asked for."""

    def __init__(self, check: Check, fn: Callable, seed: int):
        self.check, self.fn, self.cases, self.answers = check, fn, inputs(check, seed), []

    def __iter__(self) -> Iterator[Answer]:
        for number, case in enumerate(self.cases):
            if number == len(self.answers):
                answer = self.check.ask(self.fn, case)
                first = not answer.values and self.check.kind in PARTS
                self.answers.append(ask(self.fn, case, Kind.MATRIX, "") if first else answer)
            yield self.answers[number]


@functools.cache
def known(check: Check, fn: Callable, seed: int) -> Known:
    return Known(check, fn, seed)


@functools.cache
def inputs(check: Check, seed: int) -> list[tuple]:
    return list(check.inputs(seed))


def explains(wrong: Iterable[Answer], mine: list[Answer], right: list[Answer]) -> bool:
    """Whether a mistake gives what the student's function gives; where it gives nothing, the student's must not be right."""
    answered = False
    for w, m, r in zip(wrong, mine, right):
        if not (same(w, m) if w.values else not same(m, r)):
            return False
        answered |= bool(w.values)
    return answered


def gradients(answers: Iterable[Answer]) -> list[Tensor]:
    """Of every answer, by every tensor of its case.   Raises: RuntimeError."""
    return [slope for answer in answers for slope in answer.gradients]
