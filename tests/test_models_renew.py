"""A renewed network is another one of the same kind."""

import copy

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import check_renewable, encoder, filtered, mlp, renew_, small_alexnet, small_resnet
from ssl_lab.stream import RandomStream

BUILD = {
    "small_resnet": small_resnet,
    "group norm": lambda: small_resnet(norm="group"),
    "small_alexnet": small_alexnet,
    "resnet18": lambda: encoder("resnet18", stem="cifar"),
    "filtered": lambda: filtered(small_alexnet(), "sobel"),
    "head": lambda: nn.Sequential(small_resnet(), mlp(128, 64, 10)),
}


@pytest.fixture(scope="module", params=BUILD)
def trained(request):
    """A network of each kind, all of whose parameters and statistics have moved far away."""
    network = BUILD[request.param]()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.copy_(7)
    return request.param, network


def test_every_number_is_drawn_anew_in_place_as_in_a_new_network(trained):
    name, old = trained
    network = copy.deepcopy(old)
    places, versions = [p.data_ptr() for p in network.parameters()], [p._version for p in network.parameters()]
    assert renew_(network) is network
    assert places == [p.data_ptr() for p in network.parameters()]
    assert all(p._version > before and p.requires_grad and p.grad_fn is None for p, before in zip(network.parameters(), versions))
    fresh = BUILD[name]().state_dict()
    for key, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            first = name == "resnet18" and key == "module.conv1.weight"  # put in place of the ResNet's own, which was drawn
            assert 0.85 < tensor.std() / fresh[key].std() < 1.15 or first, key
            assert not torch.equal(tensor, fresh[key]) and abs(tensor.mean()) < 0.1 * tensor.std() + 5 / tensor.numel() ** 0.5 * tensor.std()
        elif "norm" in key or "bn" in key or "running" in key:
            assert torch.equal(tensor, fresh[key]), key
        else:
            assert (tensor != 7).all(), key


def test_one_seed_draws_one_network_and_another_seed_another():
    network, drawn = small_resnet(width=4), []
    for seed in (0, 0, 1):
        with RandomStream(seed, torch.device("cpu")):
            drawn.append([p.clone() for p in renew_(copy.deepcopy(network)).parameters() if p.ndim > 1])
    assert all(map(torch.equal, drawn[0], drawn[1]))
    assert not any(map(torch.equal, drawn[0], drawn[2]))


def test_what_was_frozen_stays_frozen_and_statistics_without_parameters_are_set_back():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, affine=False)).requires_grad_(False)
    network(torch.randn(8, 3) + 9)
    renew_(network)
    assert not network[0].weight.requires_grad and torch.equal(network[1].running_mean, torch.zeros(3)) and network[1].num_batches_tracked == 0


def test_a_network_that_draws_otherwise_than_its_layers_has_the_last_word():
    class Ones(nn.Sequential):
        def reset_parameters(self):
            nn.init.ones_(self[0].weight)

    network = nn.Sequential(Ones(nn.Linear(2, 2)))
    assert (renew_(network)[0][0].weight == 1).all()


def test_no_number_is_waited_for():
    with torch.device("meta"):
        renew_(small_resnet())


class Token(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.layer = nn.Parameter(torch.zeros(3)), nn.Linear(3, 3)


@pytest.mark.parametrize("build, words", [
    (Token, "the parameter token cannot .* a Token, which has no reset_parameters"),
    (lambda: nn.Sequential(nn.Linear(3, 3), Token()), "the parameter 1.token "),
    (lambda: nn.MultiheadAttention(4, 2), "in_proj_weight .* a MultiheadAttention"),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)), "parametrizations.weight.original0"),
])
def test_what_cannot_be_drawn_is_named_and_nothing_has_changed(build, words):
    network = build()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for function in (check_renewable, renew_):
        with pytest.raises(InputError, match=words):
            function(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
