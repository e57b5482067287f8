"""A recipe is complete, frozen and checked when it is made."""

import dataclasses
import json

import pytest

from ssl_lab.errors import InputError
from ssl_lab.recipe import Log, Recipe


def test_a_recipe_cannot_be_changed_behind_a_trainings_back():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe(epochs=1).lr = 2.0


@pytest.mark.parametrize("wrong, words", [
    ({"epochs": 0}, "epochs=0 must be a whole number from 1"), ({"batch": 1}, "at least two images"), ({"optimizer": "adam"}, "adamw, lars, sgd"),
    ({"lr": 0.0}, "lr=0.0 must be a number above 0"), ({"lr": float("nan")}, "lr=nan"),
    ({"weight_decay": -1.0}, "weight_decay=-1.0 must be a number from 0"), ({"momentum": 1.0}, "from 0 and below 1"),
    ({"warmup": 1.0}, "from 0 and below 1"), ({"eta": 0.0}, "eta"),
])
def test_impossible_recipes_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        Recipe(**{"epochs": 1, **wrong})


def test_a_log_is_one_flat_line():
    log = Log(2, 5, 10, 1.25, 0.1, 2.0, 1000, {"rank": 3.5})
    line = {"epoch": 2, "epochs": 5, "step": 10, "loss": 1.25, "lr": 0.1, "seconds": 2.0, "images": 1000, "rank": 3.5, "remark": ""}
    assert json.loads(json.dumps(log.as_dict())) == line
    assert str(log) == "epoch 2/5   loss 1.250   500 images/s"
