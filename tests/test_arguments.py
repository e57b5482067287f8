"""A range is said once; the refusal and the words for `--help` come of it."""

from typing import Annotated

import pytest
import torch

from ssl_lab import methods
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


KINDS = ("Recipe", "Augmentation", *methods.__all__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_argument_refuses_what_is_not_its_kind_in_one_sentence(kind, without_shape_checks):
    """A fraction where a whole number is meant, truth values and words for numbers, and numbers and words for truth values, NaN and infinity."""
    said = without_shape_checks(f"""
        from typing import Annotated, get_args, get_origin
        import numpy as np, torch
        from ssl_lab.arguments import arguments
        from ssl_lab.augment import Augmentation
        from ssl_lab.errors import InputError
        from ssl_lab.models import small_resnet
        from ssl_lab.recipe import Recipe
        from ssl_lab import methods

        kind = globals().get("{kind}") or getattr(methods, "{kind}")
        first = {{"Recipe": {{"epochs": 2}}, "Augmentation": {{}}}}.get("{kind}", {{"encoder": small_resnet(width=4)}})
        nan, inf = float("nan"), float("inf")
        never = {{int: (1.5, np.float32(2), True, np.True_, "2", nan, inf, [2], torch.tensor(2)), str: (1, None, "no such", True),
                 float: (True, np.False_, "0.5", nan, inf, -inf, np.float32("nan"), np.float64("inf"), 1j, [0.5], torch.tensor(0.5)),
                 bool: (0, 1, "False", None, np.int64(1)), tuple: (0.5, "ab", (0.5,), (0.5, nan), (0.5, True), (0.2, 0.3, 0.4), None)}}
        for name, p in arguments(kind).items():
            wanted = get_args(p.annotation)[0] if get_origin(p.annotation) is Annotated else p.annotation
            none = type(None) in get_args(wanted)
            wanted = tuple if get_origin(wanted) is tuple else get_args(wanted)[0] if none else wanted
            wrong = never.get(wanted, (1, "resnet18", {{}}))
            for value in (*wrong, *([None] * (not none and wanted not in (str, bool, tuple)))):
                try:
                    kind(**first | {{name: value}})
                except InputError as error:
                    assert name in str(error) and len(str(error).splitlines()) == 1, error
                else:
                    raise AssertionError(f"{{name}}={{value!r}} was taken")
        print("all", len(arguments(kind)))
    """)
    assert said.startswith("all ")


def test_truth_values_of_numpys_are_truth_values(without_shape_checks):
    without_shape_checks("""
        import numpy as np
        from ssl_lab.methods import BYOL
        from ssl_lab.models import small_resnet

        method = BYOL(small_resnet(width=4), predictor=np.False_, stop_gradient=np.bool_(True))
        assert method.settings["predictor"] is False and method.settings["stop_gradient"] is True
    """)


CALLS = {
    "knn": "knn_accuracy(h, y, h, y, k={})", "nearest": "nearest(h, y, {})", "a probe": "linear_probe(h, y, h, y, l2={})",
    "colours": "colour_match(x.x, x.x, bins={})", "UMAP": "Umap(h, neighbours={})", "fine-tuning": "finetune(f.encoder, x, x, steps={})",
    "leak": "leak(f, x, batch={})", "a recording": "Recording(f, x, pairs={})", "a queue's recording": "Recording(f, x, pairs=4, K={})",
    "threads": "train(f, x, Recipe(1, batch=4), threads={})", "features": "features(f.encoder, x, batch={})",
    "an MLP": "mlp_probe(h, y, h, y, epochs={})", "efficient classification": "efficient(f.encoder, x, x, steps={})",
}
NEVER = ("2.5", "'2'", "True", "float('nan')", "np.float64(3.0)")


@pytest.mark.parametrize("call", CALLS)
def test_numbers_that_a_function_cannot_use_are_told(call, without_shape_checks):
    wrong = ("'2'", "True", "float('nan')", "float('inf')", "-1") if call == "a probe" else NEVER
    said = without_shape_checks(f"""
        import numpy as np, torch
        from ssl_lab.data import load
        from ssl_lab.evaluate import *
        from ssl_lab.methods import MoCo
        from ssl_lab.models import small_resnet
        from ssl_lab.recipe import Recipe
        from ssl_lab.train import train
        from ssl_lab.widgets import Recording

        x, h, y, f = load("scenes", limit=8), torch.randn(8, 4), torch.arange(8), MoCo(small_resnet(width=4), K=8, split=2)
        for value in ({", ".join(wrong)}):
            try:
                {CALLS[call].format("value")}
            except ValueError as error:
                print(type(error).__name__, error)
            else:
                print(value, "was taken")
    """)
    name = CALLS[call].partition("={")[0].rpartition(" ")[2] if "={" in CALLS[call] else "k"
    assert [line.partition("=")[0] for line in said.splitlines()] == [f"InputError {name}"] * len(wrong), said


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
