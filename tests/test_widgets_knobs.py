"""What a strength is on a control, and what a control's value is for a transform."""

import pytest
import torch

from ssl_lab.augment import Augmentation, PatchAugmentation, RandAugment
from ssl_lab.widgets.controls import Slider, Switch
from ssl_lab.widgets.knobs import KNOBS


@pytest.mark.parametrize("transform", [Augmentation(), RandAugment(), PatchAugmentation()])
def test_every_strength_of_a_transform_has_a_knob_that_begins_there(transform):
    for name, value in vars(transform).items():
        control = KNOBS[name].control(value)
        assert KNOBS[name].make(control.value, value, torch.empty(3)) == value


def test_numbers_that_are_counted_are_whole_and_others_are_not():
    whole = {name for name, knob in KNOBS.items() if isinstance(control := knob.control(None), Slider) and control.whole}
    assert whole == {"operations", "bits"}
    assert [name for name, knob in KNOBS.items() if isinstance(knob.control(None), Switch)] == ["on"]


def test_a_range_widens_for_what_begins_outside_and_stays_whole():
    control = KNOBS["operations"].control(7)
    assert (control.low, control.high, control.value, control.whole) == (0, 7, 7, True)
    assert KNOBS["magnitude"].control(30.0).high == 30


@pytest.mark.parametrize("name, step", [("flip", 0.02), ("jitter", 0.05), ("magnitude", 0.5), ("degrees", 0.5)])
def test_a_slider_stops_as_often_as_its_range_is_worth(name, step):
    first, second, *_ = KNOBS[name].control(None).stops()
    assert second - first == pytest.approx(step)


def test_each_image_gets_the_value_as_a_float_and_a_switch_as_a_truth():
    x = torch.empty(3, 3, 4, 4)
    assert torch.equal(KNOBS["bits"].make(4, None, x), torch.full((3,), 4.0))
    assert torch.equal(KNOBS["on"].make(True, None, x), torch.ones(3, dtype=torch.bool))
