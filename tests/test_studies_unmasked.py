"""The studies of CPC turn the switch that their title says, and the leak is one: without its mask the context sees what it is to predict."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ssl_lab.augment import patches
from ssl_lab.data import load
from ssl_lab.methods import CPC
from ssl_lab.models import ContextNetwork
from ssl_lab.studies import STUDIES, begin, record, recorded
from ssl_lab.studies.unmasked import Unmasked, unmask

NAMES = [name for name in STUDIES if name.split("-")[0] == "cpc"]


def reach(context: nn.Module, row: int, rows: int = 6) -> list[int]:
    """The rows of z of which the contexts of a row depend, by their gradient."""
    z = torch.randn(1, 3, rows, 4, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(context(z)[:, :, row].sum(), z)
    return [number for number in range(rows) if bool(slope[:, :, number].abs().sum() > 0)]


@pytest.fixture
def context():
    torch.manual_seed(0)
    return ContextNetwork(3, width=32, blocks=2).double()


def test_with_its_mask_a_context_sees_its_row_and_those_above_and_without_it_those_below_too(context):
    assert reach(context, 3) == [1, 2, 3]
    assert reach(Unmasked(context), 3) == [1, 2, 3, 4, 5]


def test_without_the_mask_a_grid_and_the_same_one_upside_down_give_the_same_contexts_upside_down(context):
    z, unmasked = torch.randn(2, 3, 5, 4, dtype=torch.float64), Unmasked(context)
    torch.testing.assert_close(unmasked(z.flip(2)), unmasked(z).flip(2))
    assert not torch.allclose(context(z.flip(2)), context(z).flip(2)), "with the mask they differ"


def test_the_last_row_of_contexts_gains_its_own_row_alone_from_what_is_below(context):
    """Below the last row there is nothing; so the second term sees this row alone."""
    z = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    alone = context(z[:, :, -1:])
    torch.testing.assert_close(Unmasked(context)(z)[:, :, -1:], context(z)[:, :, -1:] + alone)


def test_the_leak_adds_no_weight_and_learns_those_of_the_context():
    plain, _ = begin("cpc")
    leaky, _ = begin("cpc-leak")
    assert [p.shape for p in leaky.parameters()] == [p.shape for p in plain.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(leaky.parameters(), plain.parameters())), "they begin with the same weights"
    leaky(*leaky.views(load("scenes", limit=4).x)).backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in leaky.context.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_study_of_cpc_turns_the_switch_of_its_title_and_no_other(name):
    method, recipe = begin(name)
    assert recipe == CPC.recipes["scenes"]
    assert isinstance(method.context, Unmasked) == (name == "cpc-leak")
    assert any(isinstance(part, nn.BatchNorm2d) for part in method.modules()) == (name == "cpc-batch")
    whole = begin("cpc")[0]
    assert len(method.W) == (1 if name == "cpc-one" else len(whole.W))
    differs = {key for key, value in whole.settings.items() if value != method.settings[key]}
    assert len(differs) == (name not in ("cpc", "cpc-leak"))


def test_patches_without_augmentation_show_the_same_pixels_where_they_overlap():
    """They are the patches of one crop; those of CPC as it is are changed one by one."""
    def overlap(name):
        method = begin(name)[0]
        size, stride = method.encoder.size, method.encoder.stride
        (grid,) = method.views(load("scenes", limit=2).x)
        return grid[:, :, :-1, :, :, stride:], grid[:, :, 1:, :, :, : size - stride]

    assert torch.equal(*overlap("cpc-plain"))
    assert not torch.allclose(*overlap("cpc"), atol=0.05)


def test_the_record_of_an_altered_method_gives_the_altered_method_back(tmp_path, monkeypatch):
    narrow = {"encoder": nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8))}
    narrow["encoder"].dim = 8
    study = replace(STUDIES["cpc-leak"], weights=True, change={**narrow, "size": 16, "stride": 8, "steps": 1, "skip": 0, "width": 4, "blocks": 1})
    monkeypatch.setitem(STUDIES, "cpc-leak", study)
    for _ in record("cpc-leak", tmp_path, limit=64, epochs=1):
        pass
    method = recorded("cpc-leak", tmp_path).method()
    assert isinstance(method.context, Unmasked)
    grid = patches(load("scenes", limit=2).x.float() / 255, 16, 8)
    assert method(grid).isfinite()


def test_unmasking_leaves_the_rest_of_a_method_as_it_is():
    method, _ = begin("cpc")
    before = {name: id(part) for name, part in method.named_children() if name != "context"}
    context = method.context
    unmask(method)
    assert {name: id(part) for name, part in method.named_children() if name != "context"} == before
    assert method.context.context is context


def test_what_the_notebook_says_of_the_switches_is_so():
    """The leak has the lowest loss and gains nothing; without augmentation of patches the features are the worst, and keep the hues."""
    runs = {name: recorded(name) for name in NAMES}
    loss = {name: run.curve[-1]["loss"] for name, run in runs.items()}
    assert min(loss, key=loss.get) == "cpc-leak" and loss["cpc-leak"] < loss["cpc"] - 1
    assert runs["cpc-leak"].linear < runs["cpc"].linear + 0.01 and runs["cpc-leak"].knn < runs["cpc"].knn
    assert min(runs, key=lambda name: runs[name].knn) == "cpc-plain" and loss["cpc-plain"] < loss["cpc"] - 0.5
    assert runs["cpc-plain"].factors["object_hue"] > 0.8 > 0.2 > runs["cpc"].factors["object_hue"]
    assert runs["cpc-one"].knn < runs["cpc"].knn - 0.05
    assert runs["cpc"].knn > runs["cpc"].untrained["knn"] + 0.4


def test_what_the_notebook_says_of_few_labels_is_so():
    """The grid is worth more than its mean with a hundred labels, and from scratch is as good."""
    few = recorded("cpc").seen[0]
    assert few["labels"] == 100
    assert few["frozen"] > few["linear"] + 0.2
    assert abs(few["tuned"] - few["scratch"]) < 0.05
