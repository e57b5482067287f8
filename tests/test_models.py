"""Encoders say what they return; heads are what the papers draw."""

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import ema_, frozen_copy, mlp, resnet, small_resnet


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


@pytest.mark.parametrize("build, words", [
    (lambda: small_resnet(width=0), "width"), (lambda: small_resnet(norm="layer"), "batch, group"), (lambda: resnet("resnet19"), "resnet18"),
    (lambda: resnet(stem="big"), "cifar, imagenet"), (lambda: mlp(8), "widths"),
])
def test_impossible_networks_are_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()


def test_a_frozen_copy_starts_equal_and_needs_no_gradient():
    online = small_resnet(width=2)
    online(torch.rand(4, 3, 16, 16))  # statistics of batch norm belong to the state
    target = frozen_copy(online)
    assert all(torch.equal(a, b) for a, b in zip(target.state_dict().values(), online.state_dict().values()))
    assert not any(p.requires_grad for p in target.parameters())
    assert all(p.requires_grad for p in online.parameters())


@pytest.mark.parametrize("m", [0.0, 0.3, 0.99, 1.0])
def test_the_moving_average_keeps_m_of_itself_and_leaves_all_else_alone(m):
    online, target = small_resnet(width=2), frozen_copy(small_resnet(width=2))
    old, statistics = [p.clone() for p in target.parameters()], [b.clone() for b in target.buffers()]
    trained = [p.clone() for p in online.parameters()]
    ema_(target, online, m)
    for now, before, other in zip(target.parameters(), old, online.parameters()):
        torch.testing.assert_close(now, m * before + (1 - m) * other.detach(), rtol=1e-6, atol=1e-7)
    assert all(torch.equal(a, b) for a, b in zip(target.buffers(), statistics))
    assert all(torch.equal(a, b) for a, b in zip(online.parameters(), trained))


def test_the_moving_average_says_what_it_needs():
    network = small_resnet(width=2)
    with pytest.raises(InputError, match=r"m=1.5 is the share that the target keeps of itself, in \[0, 1\]"):
        ema_(frozen_copy(network), network, 1.5)
    with pytest.raises(InputError, match="make it with frozen_copy"):
        ema_(frozen_copy(small_resnet(width=3)), network, 0.9)
