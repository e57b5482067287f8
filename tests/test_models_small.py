"""The network of the minute: as wide as it says, with the shortcut that it says."""

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import small_resnet
from ssl_lab.models.conv import Conv3x3


@pytest.mark.parametrize("options", [{}, {"width": 4}, {"channels": 1}, {"channels": 2, "width": 8}, {"norm": "group"}, {"norm": "layer"}])
@pytest.mark.parametrize("side", [8, 28, 32, 64])
def test_features_are_as_wide_as_dim_says(options, side):
    encoder = small_resnet(**options)
    assert encoder(torch.rand(3, options.get("channels", 3), side, side)).shape == (3, encoder.dim) == (3, 8 * options.get("width", 16))


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_group_and_layer_norm_let_no_image_see_another(norm):
    encoder, x = small_resnet(norm=norm).train(), torch.rand(5, 3, 32, 32)
    assert not [part for part in encoder.modules() if "BatchNorm" in type(part).__name__]
    torch.testing.assert_close(encoder(x)[:1], encoder(x[:1]), atol=1e-5, rtol=1e-4)
    batch = small_resnet().train()
    assert (batch(x)[:1] - batch(x[:2])[:1]).abs().max() > 1e-3


def test_layer_norm_is_over_all_channels_and_positions_of_an_image():
    """Not over the channels of each position: then every position would have mean 0 and variance 1."""
    stem = small_resnet(width=6, norm="layer").stem[:2]
    made = stem(torch.rand(5, 3, 16, 16))
    torch.testing.assert_close(made.mean((1, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.var((1, 2, 3), correction=0), torch.ones(5), atol=1e-3, rtol=0)
    assert made.mean(1).abs().max() > 0.05 and made.mean((2, 3)).abs().max() > 0.05
    assert stem[1].weight.shape == stem[1].bias.shape == (6,)


@pytest.mark.parametrize("width, groups", [(1, 1), (4, 4), (6, 2), (12, 4), (16, 8), (24, 8)])
def test_group_norm_takes_any_width_in_up_to_8_groups(width, groups):
    encoder = small_resnet(width=width, norm="group")
    assert encoder.stem[1].num_groups == groups and encoder(torch.rand(2, 3, 8, 8)).shape == (2, 8 * width)


def test_residual_blocks_add_their_shortcut():
    """With the second normalisation's weight at 0 the branch is silent, and the shortcut alone speaks."""
    block = small_resnet(width=4).blocks[0].eval()
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(2, 4, 8, 8)
    pooled = torch.nn.functional.avg_pool2d(x, 2)
    torch.testing.assert_close(block(x), torch.cat([pooled, pooled], 1))


def test_it_is_the_network_of_plain_convolutions_with_the_same_state(monkeypatch):
    quick, plain = small_resnet(width=4).double(), small_resnet(width=4).double()
    plain.load_state_dict(quick.state_dict())
    x, results = torch.rand(9, 3, 32, 32).double(), []
    for encoder in (quick, plain):
        if encoder is plain:
            monkeypatch.setattr(Conv3x3, "forward", nn.Conv2d.forward)
        h = encoder(x)
        h.square().sum().backward()
        results.append([h, *(p.grad for p in encoder.parameters())])
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("build, words", [(lambda: small_resnet(width=0), "width"), (lambda: small_resnet(norm="nosuch"), "batch, group, layer")])
def test_impossible_networks_are_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()
