"""Encoders say what they return; heads are what the papers draw; slow copies follow exactly."""

import copy

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import SplitBatchNorm, ema_, frozen_copy, mlp, resnet, small_resnet, split_batch_norm


@pytest.mark.parametrize("options", [{}, {"width": 4}, {"channels": 1}, {"channels": 2, "width": 8}, {"norm": "group"}])
@pytest.mark.parametrize("side", [8, 28, 32, 64])
def test_features_are_as_wide_as_dim_says(options, side):
    encoder = small_resnet(**options)
    assert encoder(torch.rand(3, options.get("channels", 3), side, side)).shape == (3, encoder.dim) == (3, 8 * options.get("width", 16))


def test_group_norm_lets_no_image_see_another():
    encoder, x = small_resnet(norm="group").train(), torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(encoder(x)[:1], encoder(x[:1]), atol=1e-5, rtol=1e-4)
    batch = small_resnet().train()
    assert (batch(x)[:1] - batch(x[:2])[:1]).abs().max() > 1e-3


def test_a_map_of_one_pixel_has_the_gradient_of_a_stride_of_two():
    block = small_resnet(width=4).blocks[0]
    x = torch.rand(6, 4, 1, 1)
    whole = nn.functional.pad(x, (0, 1, 0, 1))  # the same pixel in a corner: stride 2 sees only it
    silent = nn.functional.conv2d(whole, block.conv1.weight, stride=2, padding=1)
    torch.testing.assert_close(nn.functional.conv2d(x, block.conv1.weight, padding=1), silent)


def test_small_images_have_finite_gradients_in_bfloat16():
    """oneDNN's bfloat16 convolution of stride 2 on one pixel is wrong one time in five, by what the memory held before."""
    for _ in range(40):
        encoder = small_resnet(width=8).to(memory_format=torch.channels_last)
        rubbish = [torch.full((size,), torch.nan) for size in (100, 1000, 5000, 20_000) * 5]
        del rubbish
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = encoder(torch.rand(16, 3, 16, 16))
        h.float().sum().backward()
        assert all(p.grad.isfinite().all() for p in encoder.parameters())


def test_residual_blocks_add_their_shortcut():
    """With the second normalisation's weight at 0 the branch is silent, and the shortcut alone speaks."""
    block = small_resnet(width=4).blocks[0].eval()
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(2, 4, 8, 8)
    pooled = torch.nn.functional.avg_pool2d(x, 2)
    torch.testing.assert_close(block(x), torch.cat([pooled, pooled], 1))


@pytest.mark.parametrize("name, dim", [("resnet18", 512), ("resnet50", 2048)])
def test_cifar_stem_ends_in_four_by_four_and_the_published_one_in_one(name, dim):
    for stem, side in (("cifar", 4), ("imagenet", 1)):
        encoder, seen = resnet(name, stem).eval(), []
        encoder.layer4.register_forward_hook(lambda _, __, out: seen.append(out.shape))  # noqa: B023
        with torch.no_grad():
            assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, dim) == (2, encoder.dim)
        assert seen == [(2, dim, side, side)]


def test_heads_have_batch_norm_and_relu_between_and_nothing_after():
    kinds = [type(layer).__name__ for layer in mlp(8, 16, 16, 4)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [type(layer).__name__ for layer in mlp(8, 4)] == ["Linear"]
    assert mlp(8, 16, 4)(torch.rand(5, 8)).shape == (5, 4)
    plain = mlp(8, 16, 4, norm=False)
    assert [type(layer).__name__ for layer in plain] == ["Linear", "ReLU", "Linear"] and all(layer.bias is not None for layer in plain[::2])


# ---- slow copies


def numbers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def test_a_frozen_copy_has_the_same_state_no_gradient_and_a_life_of_its_own():
    online = small_resnet(width=4).train()
    online(torch.rand(4, 3, 32, 32))
    frozen = frozen_copy(online)
    assert all(torch.equal(a, b) for a, b in zip(online.state_dict().values(), frozen.state_dict().values()))
    assert frozen.training and not any(p.requires_grad for p in frozen.parameters()) and all(p.requires_grad for p in online.parameters())
    before = numbers(frozen)
    with torch.no_grad():
        for p in online.parameters():
            p.add_(1)
    online(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(before[name], tensor) for name, tensor in frozen.state_dict().items())


class Scalar(nn.Module):
    """One parameter and one buffer."""

    def __init__(self, value: float):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(value))
        self.register_buffer("seen", torch.tensor(value))


def follow(ema, m: float, key: float = 1.0, online: tuple[float, ...] = (1.0, 2.0, 3.0)) -> list[float]:
    """What a target that starts at `key` becomes while the online network takes these values."""
    target = Scalar(key)
    path = []
    for value in online:
        ema(target, Scalar(value), m)
        path.append(round(target.w.item(), 5))
    return path if target.seen == key else ["a buffer moved"]


@torch.no_grad()
def wrong_way_round(target, online, m):
    target.w.copy_((1 - m) * target.w + m * online.w)


@torch.no_grad()
def over_buffers_too(target, online, m):
    for a, b in zip(target.state_dict().values(), online.state_dict().values()):
        a.lerp_(b, 1 - m)


def copies(target, online, m):
    ema_(target, online, 0.0)


def stands_still(target, online, m):
    ema_(target, online, 1.0)


def test_the_moving_average_by_hand():
    assert follow(ema_, 0.9) == [1.0, 1.1, 1.29]
    assert follow(ema_, 1.0) == [1.0, 1.0, 1.0] and follow(ema_, 0.0) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("mutant", [wrong_way_round, over_buffers_too, copies, stands_still])
def test_every_usual_mistake_of_an_average_is_noticed(mutant):
    assert follow(mutant, 0.9) != [1.0, 1.1, 1.29]


@pytest.mark.parametrize("m", [0.0, 0.5, 0.99, 0.999, 1.0])
def test_every_parameter_of_a_network_follows_the_equation_and_its_statistics_stay(m):
    online, target = small_resnet(width=4), frozen_copy(small_resnet(width=4))
    online(torch.rand(4, 3, 32, 32))
    before = numbers(target)
    ema_(target, online, m)
    for name, p in online.named_parameters():
        new, expected = target.state_dict()[name], m * before[name].double() + (1 - m) * p.detach().double()
        torch.testing.assert_close(new.double(), expected, atol=1e-7, rtol=1e-7)
        assert m not in (0.0, 1.0) or torch.equal(new, p if m == 0.0 else before[name])
    assert all(torch.equal(before[name], tensor) for name, tensor in target.named_buffers())


def test_the_moving_average_lies_where_it_lay_and_leaves_no_gradient():
    online, target = nn.Linear(3, 2), frozen_copy(nn.Linear(3, 2))
    places = [p.data_ptr() for p in target.parameters()]
    ema_(target, online, 0.5)
    assert places == [p.data_ptr() for p in target.parameters()] and target.weight.grad_fn is None and not target.weight.requires_grad
    ema_(nn.Identity(), nn.Identity(), 0.5)
    with torch.device("meta"):
        ema_(nn.Linear(3, 2), nn.Linear(3, 2), 0.5)


# ---- batch norm of groups


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
    (100, 8, "split=8 groups .* cannot share a batch of 100; try a batch of 96 or split=4"), (8, 8, "batch of 8; try a batch of 16 or split=4"),
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


@pytest.mark.parametrize("build, words", [
    (lambda: small_resnet(width=0), "width"), (lambda: small_resnet(norm="layer"), "batch, group"), (lambda: resnet("resnet19"), "resnet18"),
    (lambda: resnet(stem="big"), "cifar, imagenet"), (lambda: mlp(8), "widths"), (lambda: split_batch_norm(small_resnet(), 0), "split=0"),
    (lambda: split_batch_norm(nn.BatchNorm1d(3, momentum=None), 2), "momentum"), (lambda: ema_(nn.Linear(2, 2), nn.Linear(2, 2), 1.01), "m=1.01"),
    (lambda: ema_(nn.Linear(2, 2), nn.Linear(2, 2), -0.1), "m=-0.1"), (lambda: ema_(nn.Linear(2, 2), nn.Linear(2, 3), 0.5), "frozen_copy"),
    (lambda: ema_(nn.Linear(2, 2), nn.Identity(), 0.5), "frozen_copy"), (lambda: mlp(8, 0), "widths"),
])
def test_impossible_networks_are_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()
