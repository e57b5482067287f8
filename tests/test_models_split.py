"""Batch norm of groups is that of so many devices."""

import copy

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import SplitBatchNorm, small_resnet, split_batch_norm


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6), nn.BatchNorm1d(6))


@pytest.mark.parametrize("split", [1, 2, 4])
def test_split_groups_are_normalised_apart_as_on_so_many_devices(split):
    whole = network()
    with torch.no_grad():
        for p in whole.parameters():
            p.add_(0.1 * torch.randn_like(p))
    divided, devices = split_batch_norm(copy.deepcopy(whole), split), [copy.deepcopy(whole) for _ in range(split)]
    for _ in range(3):  # as often as the running statistics shall follow
        x = torch.rand(16, 3, 8, 8)
        torch.testing.assert_close(divided(x), torch.cat([device(part) for device, part in zip(devices, x.chunk(split))]))
    for name, buffer in divided.named_buffers():
        mean = torch.stack([device.state_dict()[name].double() for device in devices]).mean(0)
        torch.testing.assert_close(buffer.double(), mean, atol=1e-6, rtol=1e-5)


def test_what_is_in_one_group_does_not_reach_another():
    divided, whole, x = split_batch_norm(network(), 4), network(), torch.rand(16, 3, 8, 8)
    other = torch.cat([x[:4], torch.rand(12, 3, 8, 8)])
    torch.testing.assert_close(divided(x)[:4], divided(other)[:4])
    assert (whole(x)[:4] - whole(other)[:4]).abs().max() > 0.01


def test_its_gradient_is_that_of_the_groups():
    divided, parts = split_batch_norm(network(), 4).double(), network().double()
    x, weight = torch.rand(16, 3, 8, 8).double(), torch.randn(16, 6)
    (divided(x) * weight).sum().backward()
    sum((parts(part) * w).sum() for part, w in zip(x.chunk(4), weight.chunk(4))).backward()
    for a, b in zip(divided.parameters(), parts.parameters()):
        torch.testing.assert_close(a.grad, b.grad)


def test_in_evaluation_mode_it_is_ordinary_batch_norm_for_every_batch():
    divided, whole, x = split_batch_norm(network(), 4), network(), torch.rand(7, 3, 8, 8)
    divided(torch.rand(16, 3, 8, 8))
    whole.load_state_dict(divided.state_dict())
    torch.testing.assert_close(divided.eval()(x), whole.eval()(x))


def test_splitting_keeps_every_tensor_and_its_name():
    whole = small_resnet(width=4)
    tensors = dict(whole.named_parameters()) | dict(whole.named_buffers())
    divided = split_batch_norm(whole.eval(), 8)
    assert divided is whole and sum(isinstance(module, SplitBatchNorm) for module in divided.modules()) == 7
    assert not any(module.training for module in divided.modules())
    after = dict(divided.named_parameters()) | dict(divided.named_buffers())
    assert list(tensors) == list(after) and all(tensors[name] is after[name] for name in tensors)
    assert not any(isinstance(module, SplitBatchNorm) for module in split_batch_norm(small_resnet(), 1).modules())
    assert isinstance(split_batch_norm(nn.BatchNorm1d(3), 2), SplitBatchNorm)


def test_it_keeps_the_memory_format_and_half_precision():
    divided = split_batch_norm(nn.BatchNorm2d(4), 2)
    y = divided(torch.rand(8, 4, 5, 5).to(memory_format=torch.channels_last).bfloat16())
    assert y.dtype == torch.bfloat16 and y.is_contiguous(memory_format=torch.channels_last) and divided.running_mean.dtype == torch.float32


def test_one_batch_norm_for_all_processes_does_not_take_its_place():
    """SyncBatchNorm normalises by the whole batch: the leak would be open again."""
    divided = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(split_batch_norm(nn.BatchNorm1d(3), 2), nn.BatchNorm1d(3)))
    assert isinstance(divided[0], SplitBatchNorm) and isinstance(divided[1], nn.SyncBatchNorm)


@pytest.mark.parametrize("B, split, words", [
    (100, 8, "split=8 equal groups .* of a batch of 100; try a batch of 96 or split=4"), (8, 8, "batch of 8; try a batch of 16 or split=4"),
    (97, 8, "batch of 97; try a batch of 96 or split=1"), (12, 8, "batch of 12; try a batch of 16 or split=4"),
    (1, 2, "batch of 1; try a batch of 4$"), (9, 6, "batch of 9; try a batch of 12 or split=3"),
])
def test_a_batch_that_split_cannot_divide_is_refused_with_a_way_out(B, split, words):
    divided = split_batch_norm(nn.BatchNorm1d(3), split)
    with pytest.raises(InputError, match=words):
        divided(torch.rand(B, 3))
    assert divided.num_batches_tracked == 0
    batch = int(words.split("try a batch of ")[1].rstrip("$").split()[0])
    assert divided(torch.rand(batch, 3)).shape == (batch, 3)


@pytest.mark.parametrize("module, split, words", [(small_resnet(width=1), 0, "split=0"), (nn.BatchNorm1d(3, momentum=None), 2, "momentum")])
def test_an_impossible_split_is_refused(module, split, words):
    with pytest.raises(InputError, match=words):
        split_batch_norm(module, split)


def test_norms_without_weights_are_split_too():
    divided, x = split_batch_norm(nn.BatchNorm1d(3, affine=False), 2), torch.rand(6, 3)
    torch.testing.assert_close(divided(x), torch.cat([nn.BatchNorm1d(3, affine=False)(part) for part in x.chunk(2)]))
