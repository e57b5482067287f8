"""Residual branches are dropped as often as it says, and their expectation stays what it was."""

import copy
import pickle
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import ema_, encoder, frozen_copy, small_alexnet, small_resnet, split_batch_norm, stochastic_depth
from ssl_lab.models.depth import Drop, branch_ends

BUILD = {"small_resnet": small_resnet, "resnet18": lambda: encoder("resnet18"), "resnet50": lambda: encoder("resnet50", stem="cifar")}
BLOCKS = {"small_resnet": 3, "resnet18": 8, "resnet50": 16}


def rates(network: nn.Module) -> list[float]:
    return [end.drop.rate if hasattr(end, "drop") else 0.0 for end in branch_ends(network)]


@pytest.mark.parametrize("name", BUILD)
def test_rates_rise_from_0_by_equal_steps_and_a_second_call_replaces_them(name):
    with torch.device("meta"):
        network, L = BUILD[name](), BLOCKS[name]
    assert stochastic_depth(network, 0.2) is network
    assert rates(network) == pytest.approx([0.2 * i / L for i in range(L)])
    hooks = [len(end._forward_hooks) for end in branch_ends(network)]
    for rate in (0.6, 0.0, 0.3):
        assert rates(stochastic_depth(network, rate)) == pytest.approx([rate * i / L for i in range(L)])
    assert hooks == [len(end._forward_hooks) for end in branch_ends(network)] == [0] + (L - 1) * [1]


def test_sixteen_blocks_at_noisy_students_rate_by_hand():
    with torch.device("meta"):
        found = rates(stochastic_depth(encoder("resnet50"), 0.2))
    assert found == pytest.approx([i * 0.0125 for i in range(16)]) and found[-1] == pytest.approx(0.1875)


@pytest.mark.parametrize("name", ["small_resnet", "resnet18"])
def test_names_stay_and_evaluation_does_not_change(name):
    network, x = BUILD[name]().eval(), torch.rand(2, 3, 32, 32)
    names, before = list(network.state_dict()), network(x)
    stochastic_depth(network, 0.9)
    assert list(network.state_dict()) == names
    assert torch.equal(network(x), before)
    assert not torch.equal(network.train()(x), network(x))


# ---- the expectation, on a network whose residual branches are linear


class Linear(nn.Module):
    """A chain of residual blocks y = x + branch(x), each branch linear; Drop stands where the last norm is in a ResNet."""

    def __init__(self, rates):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weights, self.drops = [torch.randn(4, 4, generator=draw) for _ in rates], nn.ModuleList(map(Drop, rates))

    def forward(self, x):
        for weight, drop in zip(self.weights, self.drops):
            x = x + drop(x @ weight)
        return x


class NotDivided(Drop):
    def forward(self, y):
        return super().forward(y) * (1 - self.rate) if self.training else y


class DividedTwice(Drop):
    def forward(self, y):
        return super().forward(y) / (1 - self.rate) if self.training else y


class Exchanged(Drop):
    def forward(self, y):
        return y if not self.training else y * torch.empty(len(y), 1).bernoulli_(self.rate) / (1 - self.rate)


def in_expectation(kind) -> bool:
    """Whether the mean over many draws is what evaluation gives, to five standard errors."""
    torch.manual_seed(0)
    network, x = Linear([0.0, 0.1, 0.2]), torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    network.drops = nn.ModuleList(kind(rate) for rate in (0.0, 0.1, 0.2))
    y = network.train()(x.expand(20_000, 4))
    error = y.std(0) / len(y) ** 0.5
    return bool(((y.mean(0) - network.eval()(x)[0]).abs() < 5 * error).all())


def test_in_expectation_training_gives_what_evaluation_gives():
    assert in_expectation(Drop)


@pytest.mark.parametrize("mutant", [NotDivided, DividedTwice, Exchanged])
def test_a_wrong_scale_is_noticed(mutant):
    assert not in_expectation(mutant)


# ---- what is dropped in a real network


@contextmanager
def returned(network: nn.Module):
    """Collect what the branches' last layers return inside the block (torchvision's blocks write their sum into it)."""
    outputs = []
    handles = [end.register_forward_hook(lambda _, __, y: outputs.append(y.clone())) for end in branch_ends(network)]
    yield outputs
    for handle in handles:
        handle.remove()


def shares(network: nn.Module, N: int = 2000) -> list[float]:
    """How often each branch of a small ResNet is dropped."""
    with returned(network) as outputs:
        network.train()(torch.rand(N, 3, 16, 16))
    return [(y == 0).flatten(1).all(1).double().mean().item() for y in outputs]


def same_for_all(network, rate):
    for end in branch_ends(stochastic_depth(network, rate))[1:]:
        end.drop.rate = rate
    return network


def counted_from_1(network, rate):
    ends = branch_ends(stochastic_depth(network, rate))
    for i, end in enumerate(ends[1:], start=2):
        end.drop.rate = rate * i / len(ends)
    return network


def up_to_the_rate(network, rate):
    ends = branch_ends(stochastic_depth(network, rate))
    for i, end in enumerate(ends[1:], start=1):
        end.drop.rate = rate * i / (len(ends) - 1)
    return network


def fit(make) -> bool:
    """Whether the three branches are dropped as often as it should be, to five standard errors."""
    torch.manual_seed(0)
    first, second, third = shares(make(small_resnet(width=4), 0.6))
    return first == 0 and abs(second - 0.2) < 5 * (0.2 * 0.8 / 2000) ** 0.5 and abs(third - 0.4) < 5 * (0.4 * 0.6 / 2000) ** 0.5


def test_each_block_is_dropped_as_often_as_its_place_says():
    assert fit(stochastic_depth)


@pytest.mark.parametrize("mutant", [same_for_all, counted_from_1, up_to_the_rate])
def test_wrong_rates_are_noticed(mutant):
    assert not fit(mutant)


@pytest.mark.parametrize("name", ["small_resnet", "resnet18"])
def test_images_are_dropped_one_by_one_and_a_dropped_branch_gets_no_gradient(name):
    torch.manual_seed(0)
    network = stochastic_depth(BUILD[name](), 0.9).train()
    with returned(network) as outputs:
        network(torch.rand(16, 3, 32, 32))
    kept = [(y != 0).flatten(1).any(1) for y in outputs]
    assert kept[0].all() and 0 < kept[-1].sum() < 16
    last = branch_ends(network)[-1]
    last.drop.rate = 1 - 1e-7  # all images, so that the whole branch is dropped
    network(torch.rand(4, 3, 32, 32)).sum().backward()
    silent = [p for block in network.modules() if last in block.children() for part, child in block.named_children() if part != "downsample"
              for p in child.parameters()]
    assert len(silent) == 6 and all(torch.equal(p.grad, torch.zeros_like(p)) for p in silent)
    assert network.get_parameter({"small_resnet": "blocks.0.conv1.weight", "resnet18": "module.layer1.0.conv1.weight"}[name]).grad.abs().max() > 0


def test_an_image_whose_branch_is_dropped_keeps_its_shortcut_and_a_kept_branch_is_divided():
    """With group norm no image sees another, so each output is one of two."""
    torch.manual_seed(0)
    block, x = stochastic_depth(small_resnet(width=4, norm="group"), 0.75).blocks[2], torch.rand(32, 16, 4, 4)
    y = block(x)
    with returned(nn.Sequential(block)) as outputs:
        block.eval()(x)
    branch, shortcut = outputs[0], nn.functional.avg_pool2d(x, 2).repeat(1, 2, 1, 1)
    dropped, kept = ((y - torch.relu(shortcut + factor * branch)).abs().flatten(1).amax(1) < 1e-5 for factor in (0, 2))
    assert (dropped ^ kept).all() and 0 < dropped.sum() < 32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_type_and_layout_stay_and_a_mean_is_not_rounded_away(dtype):
    torch.manual_seed(0)
    y = torch.ones(4000, 2, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    dropped = Drop(0.3)(y)
    assert dropped.dtype == dtype and dropped.is_contiguous(memory_format=torch.channels_last)
    assert dropped.unique().tolist() == [0.0, torch.tensor(1 / 0.7).to(dtype).item()]


def test_the_same_random_numbers_drop_the_same_and_copies_live_on_their_own():
    network = stochastic_depth(small_resnet(width=4), 0.9)
    twin, x, results = copy.deepcopy(network), torch.rand(8, 3, 32, 32), []
    for each in (network, twin, pickle.loads(pickle.dumps(network))):
        torch.manual_seed(1)
        results.append(each.train()(x))
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])
    stochastic_depth(twin, 0.0)
    assert rates(network)[-1] == pytest.approx(0.6) and rates(twin) == [0.0, 0.0, 0.0]
    teacher = frozen_copy(network).eval()
    ema_(teacher, network, 0.5)
    assert torch.equal(teacher(x), teacher(x))


def test_a_split_batch_norm_is_dropped_too():
    network = stochastic_depth(split_batch_norm(small_resnet(width=4), 2), 0.6)
    assert rates(network) == pytest.approx([0.0, 0.2, 0.4])


def test_no_number_is_waited_for():
    with torch.device("meta"):
        network = stochastic_depth(small_resnet(width=4), 0.6)
        assert network.train()(torch.empty(4, 3, 32, 32)).shape == (4, 32)


def test_rate_0_changes_nothing_whatever_the_network():
    for network in (small_resnet(width=4), small_alexnet(width=8), nn.Linear(2, 2)):
        before = str(network)
        assert stochastic_depth(network, 0) is network and str(network) == before


@pytest.mark.parametrize("network, rate, words", [
    (small_alexnet(width=8), 0.2, "rate=0.2: this SmallAlexNet has no residual blocks .*small_resnet .*resnet18"),
    (small_resnet(width=4), 1.0, "rate=1.0 must be a number from 0 and below 1"),
    (small_resnet(width=4), -0.1, "rate=-0.1"),
])
def test_what_cannot_be_dropped_is_said(network, rate, words):
    with pytest.raises(InputError, match=words):
        stochastic_depth(network, rate)
