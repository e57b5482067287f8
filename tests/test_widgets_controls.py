"""Controls take what they offer and nothing else, and say in words what that is."""

import json

import ipywidgets
import numpy as np
import pytest
import traitlets

from ssl_lab.errors import InputError
from ssl_lab.widgets.controls import Button, Choice, Slider, Switch, places

TAU = {"low": 0.01, "high": 10.0, "value": 0.2, "log": True}
MAKE = {
    "whole": lambda: Slider("row", 0, 9, 3), "real": lambda: Slider("level", 0.0, 1.0, 0.5), "log": lambda: Slider("temperature", **TAU),
    "stops": lambda: Slider("epoch", stops=[0, 5, 20], value=5, only=True), "near": lambda: Slider("step", stops=[1, 10, 100]),
    "exact": lambda: Slider("m", stops=[0.0, 0.99, 0.9999], only=True),
    "choice": lambda: Choice("rows", [("by view", "view"), ("by class", "class"), ("none", None)]), "switch": lambda: Switch("predictor", True),
    "button": lambda: Button("draw again", most=99),
}  # fmt: skip


@pytest.fixture(params=MAKE)
def control(request):
    return MAKE[request.param]()


def test_every_stop_and_both_ends_can_be_taken_and_said(control):
    for value in (*control.stops(), *control.ends()):
        control.value = value
        assert control.value == value and control.words(value)


def test_a_front_end_is_told_in_json(control):
    told = control.sent()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["label"] == control.label and len(told["stops"]) == len(told["words"]) and told["kind"] in ("slider", "choice", "switch", "button")


@pytest.mark.parametrize(
    "name, values, words",
    [
        ("whole", [10, -1, 2.5, "3", None], "row is a whole number from 0 to 9"),
        ("real", [1.1, float("nan"), "0.5"], "level is from 0 to 1"),
        ("log", [0, 11, float("inf")], "temperature is from 0.01 to 10"),
        ("stops", [1, 21, "5"], "epoch is one of 0, 5, 20"),
        ("near", [0, 101, 2.5], "step is a whole number from 1 to 100"),
        ("exact", [0.5, "slow"], "m is one of 0, 0.99, 0.9999"),
        ("choice", ["by view", 1], "rows is one of 'view', 'class', None"),
        ("switch", [1, "on", None], "predictor is True or False"),
        ("button", [-1, 100, True, 1.5], "draw again is a whole number from 0 to 99"),
    ],
)
def test_what_is_not_offered_is_refused_in_one_sentence_and_moves_nothing(name, values, words):
    for value in values:
        control = MAKE[name]()
        before = control.value
        with pytest.raises(InputError, match=words):
            control.value = value
        assert control.value == before and not control.takes(value)


def test_a_slider_with_stops_may_take_what_lies_between_them():
    control = MAKE["near"]()
    control.value = 37
    assert control.value == 37


def test_a_number_of_numpy_is_taken_as_one_of_python():
    row, level = MAKE["whole"](), MAKE["real"]()
    row.value, level.value = np.int64(4), np.float32(0.25)
    assert type(row.value) is int and type(level.value) is float


def test_places_begin_and_end_where_they_should():
    assert places(0, 5, None, False) == [0, 1, 2, 3, 4, 5]
    assert places(0, 5, 2, False) == [0, 2, 4, 5]
    assert places(0.0, 1.0, 0.25, False) == [0, 0.25, 0.5, 0.75, 1]
    assert places(0.01, 10.0, 1, True) == [0.01, 0.1, 1, 10]
    assert len(places(0.0, 3.0, None, False)) == 101
    assert places(-3.0, 3.0, 1.5, False) == [-3, -1.5, 0, 1.5, 3]


def test_values_are_written_as_people_write_them():
    temperature = MAKE["log"]()
    assert [temperature.words(value) for value in (0.01, 0.2, 10.0)] == ["0.01", "0.2", "10"]
    assert Slider("arc", 0, 360, 180, 10, unit="°").words(90) == "90°"
    assert Slider("angle", -3.0, 3.0).words(-0.5) == "−0.5"
    assert Slider("step", 0, 5000).words(1200) == "1,200"
    assert MAKE["exact"]().words(0.9999) == "0.9999"  # to three digits it would be 1
    assert [MAKE["switch"]().words(value) for value in (True, False)] == ["on", "off"]


def test_a_page_is_told_only_the_stops_that_it_has():
    told = MAKE["log"]().sent([0.1, 1.0])
    assert told["stops"] == [0.1, 1.0] and told["words"] == ["0.1", "1"] and not told["exact"]
    assert MAKE["log"]().sent()["exact"] and not MAKE["stops"]().sent()["exact"]


def test_it_is_observed_and_linked_as_a_widget_is():
    one, other, seen = Slider("one", 0, 9), Slider("other", 0, 9), []
    one.observe(lambda change: seen.append((change["old"], change["new"])), "value")
    traitlets.link((one, "value"), (other, "value"))
    ipywidgets.link((one, "value"), (box := ipywidgets.IntText(), "value"))
    box.value = 4
    assert one.value == other.value == 4 and seen == [(0, 4)]
    assert not one.disabled
