"""A range is said once; the refusal and the words for `--help` come of it."""

from typing import Annotated

import pytest

from ssl_lab.arguments import Choice, Range, arguments, declared, ranges
from ssl_lab.errors import InputError


class Made:
    @declared
    def __init__(
        self,
        encoder,
        tau: Annotated[float, Range(above=0, hint="the paper uses 0.1")] = 0.2,
        K: Annotated[int, Range(1, 9, whole=True)] = 3,
        dim: Annotated[int | None, Range(1, whole=True)] = None,
        area: Annotated[tuple[float, float], Range(above=0, high=1)] = (0.5, 1.0),
        kind: Annotated[str, Choice(("a", "b"))] = "a",
        plain: bool = True,
    ):
        self.told = tau


@pytest.mark.parametrize("given, words", [
    ({"tau": 0.0}, "tau=0.0 must be a number above 0; the paper uses 0.1"), ({"tau": float("nan")}, "tau=nan"), ({"tau": -1}, "tau=-1"),
    ({"K": 0}, "K=0 must be a whole number from 1 to 9"), ({"K": 10}, "K=10"), ({"dim": 0}, "dim=0 must be a whole number from 1"),
    ({"area": (0.0, 1.0)}, "area=0.0 must be a number above 0 up to 1"), ({"area": (0.5, 1.5)}, "area=1.5"), ({"kind": "c"}, "kind 'c' .* a, b"),
])
def test_a_value_outside_is_refused_by_name_with_what_is_needed(given, words):
    with pytest.raises(InputError, match=words):
        Made(1, **given)


@pytest.mark.parametrize("given", [{"tau": 1e-9}, {"K": 1}, {"K": 9}, {"dim": None}, {"dim": 1}, {"area": (1.0, 1.0)}, {"kind": "b"}])
def test_a_value_inside_is_taken_and_kept(given):
    made = Made(1, **given)
    assert {name: made.settings[name] for name in given} == given


def test_settings_are_all_arguments_by_name_defaults_too_and_no_network():
    class Network:
        parameters = None

    settings = {"tau": 0.5, "K": 3, "dim": None, "area": (0.5, 1.0), "kind": "a", "plain": True}
    assert Made(Network(), 0.5).settings == settings and Made(Network(), tau=0.5).told == 0.5


@pytest.mark.parametrize("wrong, words", [
    ((Range(1, whole=True), 2.5), "whole number"), ((Range(), "a"), "x='a' must be a number"), ((Range(), True), "x=True"), ((Range(), None), "None"),
    ((Range(0, below=1), 1.0), "from 0 and below 1"), ((Range(below=1), 2), "a number below 1"), ((Range(), (1.0, 2.0)), "must be a number"),
])
def test_another_kind_of_value_is_refused(wrong, words):
    allowed, value = wrong
    with pytest.raises(InputError, match=words):
        allowed.check("x", value)


def test_ranges_are_read_from_the_constructor():
    assert list(arguments(Made)) == ["encoder", "tau", "K", "dim", "area", "kind", "plain"]
    assert list(ranges(Made)) == ["tau", "K", "dim", "area", "kind"] and str(ranges(Made)["kind"]) == "one of a, b"
