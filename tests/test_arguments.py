"""A range is said once; the refusal and the words for `--help` come of it."""

from typing import Annotated

import pytest
import torch

from ssl_lab.arguments import Choice, Range, arguments, declared, ranges
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.stream import generator
from ssl_lab.train import train


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


# numbers of numpy's: the tests' check of every call would refuse them before the library sees them


def test_numbers_of_numpys_are_numbers_and_become_pythons(without_shape_checks):
    without_shape_checks("""
        import numpy as np
        from ssl_lab.augment import Augmentation
        from ssl_lab.methods import MoCo
        from ssl_lab.models import small_resnet
        from ssl_lab.recipe import Recipe

        recipe = Recipe(np.int64(2), batch=np.int32(16), lr=np.float32(0.5), seed=np.uint8(3))
        views = Augmentation(jitter=np.float64(0.5), area=(np.float32(0.5), np.float64(1)))
        method = MoCo(small_resnet(width=np.int64(4)), K=np.int64(64), tau=np.float32(0.25), split=np.int16(2), dim=np.int64(8))
        assert recipe == Recipe(2, batch=16, lr=0.5, seed=3) and views == Augmentation(jitter=0.5, area=(0.5, 1.0))
        values = [*vars(recipe).values(), *vars(views).values(), *views.area, *method.settings.values(), method.split, method.tau]
        assert not [value for value in values if isinstance(value, np.generic)]
    """)


def test_a_training_by_numpys_numbers_is_the_one_by_pythons(without_shape_checks, tmp_path):
    without_shape_checks(f"""
        import numpy as np, torch
        from ssl_lab.data import load
        from ssl_lab.methods import MoCo
        from ssl_lab.models import small_resnet
        from ssl_lab.recipe import Recipe
        from ssl_lab.train import train

        found = []
        for number, name in ((int, "a"), (np.int64, "b")):
            torch.manual_seed(0)
            method = MoCo(small_resnet(width=4), K=number(64), split=number(2))
            images = load("scenes", limit=number(32), size=number(16), seed=number(5))
            list(train(method, images, Recipe(number(1), batch=number(16)), out="{tmp_path}/" + name))
            found.append(method.state_dict())
        assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    """)
    assert (tmp_path / "a/config.json").read_text() == (tmp_path / "b/config.json").read_text()


def test_epochs_are_whole(without_shape_checks):
    without_shape_checks("""
        import numpy as np
        from ssl_lab.errors import InputError
        from ssl_lab.recipe import Recipe

        for value in (1.5, np.float64(2.0), True, "2", None):
            try:
                Recipe(value)
            except InputError as error:
                assert str(error) == f"epochs={value!r} must be a whole number from 1", error
            else:
                raise AssertionError(value)
    """)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64 + 5, -(2**70), 10**40])
def test_seeds_are_of_any_size(seed):
    images = load("scenes", limit=20, size=16, seed=seed)
    assert torch.equal(images.x, load("scenes", limit=20, size=16, seed=seed).x)
    images.label_fraction(0.5, seed=seed)
    load("digits", limit=5, size=8, seed=seed)
    torch.manual_seed(0)
    assert len(list(train(SimCLR(small_resnet(width=4)), images, Recipe(1, batch=10, seed=seed)))) == 1


def test_seeds_of_64_bits_are_as_they_were():
    assert torch.equal(torch.rand(3, generator=generator(7)), torch.rand(3, generator=torch.Generator().manual_seed(7)))
    assert torch.equal(torch.rand(3, generator=generator(-1)), torch.rand(3, generator=torch.Generator().manual_seed(-1)))


@pytest.mark.parametrize("limit", [10**8, 10**30])
def test_more_scenes_than_memory_holds_are_told(limit):
    with pytest.raises(InputError, match=rf"limit={limit} scenes take more than 64 GB of memory; use fewer"):
        load("scenes", limit=limit)
