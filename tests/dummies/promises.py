"""Tests made of promises: functions that the right thing keeps, and of which every usual mistake breaks one.

A promise asserts and takes what it is about, such as a class. Of losses one function, `kept`, says whether all that is promised is true.
"""

from collections.abc import Callable, Iterable, Mapping

import pytest


def each(names: str, things: Iterable):
    """Parametrize by things that have a name of their own, or by name → thing."""
    if isinstance(things, Mapping) and all(isinstance(name, str) for name in things):
        return pytest.mark.parametrize(names, things.values(), ids=things)
    return pytest.mark.parametrize(names, things, ids=lambda thing: getattr(thing, "__name__", None))


def keeps(right: object, promises: Iterable[Callable]) -> Callable:
    """A test: what is right keeps every promise."""

    @each("promise", promises)
    def test(promise):
        promise(right)

    return test


def breaks(caught: Iterable[tuple], errors: Mapping[object, type[Exception]] | None = None) -> Callable:
    """A test: every mistake of (mistake, promise) breaks its promise, by an assertion that fails or by its own error."""

    @each("mistake, promise", caught)
    def test(mistake, promise):
        with pytest.raises((errors or {}).get(mistake, AssertionError)):
            promise(mistake)

    return test


def noticed(mistakes: Iterable[Callable], kept: Callable[[Callable], bool]) -> Callable:
    """A test: no mistake keeps what is promised."""

    @each("mistake", mistakes)
    def test(mistake):
        assert not kept(mistake)

    return test


def valued(mistakes: Mapping[Callable, float | None], of: Callable, within: float = 1e-6, right: float | None = None) -> Callable:
    """A test: every mistake has its value on the hand example, far from the right one if that is given; None stands where it has none of its own."""

    @each("mistake, value", [pair for pair in mistakes.items() if pair[1] is not None])
    def test(mistake, value):
        assert of(mistake).item() == pytest.approx(value, abs=within)
        assert right is None or value != pytest.approx(right, abs=1e-2)

    return test
