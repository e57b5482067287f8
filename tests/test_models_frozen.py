"""A frozen network rests: its weights and the statistics of its normalisation, whatever trains around it."""

import copy

import pytest
import torch
from torch import nn

from ssl_lab.data import load
from ssl_lab.methods import BYOL, CPC, DeepCluster, MoCo, SimCLR, Supervised
from ssl_lab.models import rest, small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

RECIPE = Recipe(epochs=2, batch=16)


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=32, size=16)


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module, before):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


def small(kind):
    torch.manual_seed(0)
    options = {Supervised: {"classes": 10}, DeepCluster: {"clusters": 6, "pca": 4}, CPC: {"size": 8, "stride": 4, "steps": 2, "skip": 0}}
    return kind(small_resnet(width=4, norm="layer" if kind is CPC else "batch"), **options.get(kind, {}))


@pytest.mark.parametrize("kind", [SimCLR, MoCo, BYOL, CPC, DeepCluster, Supervised])
def test_a_frozen_encoder_is_the_same_after_a_training(kind, images):
    method = small(kind)
    method.encoder.requires_grad_(False)
    before, head = state(method.encoder), state(method)
    list(train(method, images, RECIPE))
    assert moved(method.encoder, before) == set()
    assert moved(method, head) != set()


@pytest.mark.parametrize("kind", [MoCo, BYOL])
def test_slow_copies_see_their_own_batches_though_no_gradient_moves_them(kind, images):
    method = small(kind)
    slow = method.get_submodule(next(iter(method.slow)))
    before = state(slow)
    list(train(method, images, RECIPE))
    assert {name for name in before if "running" in name} <= moved(slow, before)


def test_of_a_network_that_is_frozen_in_part_that_part_rests(images):
    method = small(SimCLR)
    method.encoder.blocks[0].requires_grad_(False)
    before = state(method.encoder)
    list(train(method, images, RECIPE))
    still = {name for name in before if name.startswith("blocks.0.")}
    assert moved(method.encoder, before) == set(before) - still


def network(affine=True):
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4, affine=affine)), nn.Dropout())


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_without_parameters_of_its_own_a_layer_is_as_what_holds_it(affine, frozen):
    net = network(affine).requires_grad_(not frozen).train()
    rest(net)
    assert net[1][0].training != frozen
    assert net[2].training  # only normalisation has statistics


def test_a_layer_whose_weights_alone_are_frozen_goes_on():
    net = network().train()
    net[1][0].weight.requires_grad_(False)
    rest(net)
    assert net[1][0].training  # its bias is trained


def test_instance_norm_with_statistics_and_nested_networks_count_too():
    inner = nn.Sequential(nn.InstanceNorm2d(4, affine=True, track_running_stats=True)).requires_grad_(False)
    net = nn.ModuleDict({"a": inner, "b": copy.deepcopy(inner)}).train()
    rest(net, besides=[net["b"]])
    assert not net["a"][0].training
    assert net["b"][0].training


def test_what_is_thawed_moves_again(images):
    method = small(SimCLR)
    method.encoder.requires_grad_(False)
    method.train()
    method.encoder.requires_grad_(True)
    before = state(method.encoder)
    list(train(method, images, RECIPE))
    assert moved(method.encoder, before) == set(before)
