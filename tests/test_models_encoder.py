"""Every kind of encoder keeps the same promises, and each finds its own features and positions."""

import copy
import sys
import types

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from ssl_lab.errors import InputError
from ssl_lab.models import IMAGENET, Encoder, encoder, resnet, small_resnet


class ChannelsLast(nn.Module):
    """As timm's Swin: the last map has its channels at the end; then a head that ends in a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 6, 4, 4), nn.LayerNorm(6), nn.Linear(6, 5)

    def forward(self, x):
        return self.head(self.norm(self.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))


def tokens() -> nn.Module:
    """A vision transformer of 16 patches and a class token."""
    return VisionTransformer(image_size=32, patch_size=8, num_layers=1, num_heads=2, hidden_dim=12, mlp_dim=16)


@pytest.fixture
def timm(monkeypatch):
    """A module of that name, with one network."""
    module = types.ModuleType("timm")
    module.is_model = lambda name: name == "swinlike"
    module.create_model = lambda name, pretrained: ChannelsLast()
    monkeypatch.setitem(sys.modules, "timm", module)


KINDS = {  # name: build, dim, and the shape of the maps of 32 pixels
    "small": (lambda: encoder("small_resnet"), 128, (128, 1, 1)),
    "small of one channel": (lambda: small_resnet(channels=1), 128, (128, 1, 1)),
    "normalised": (lambda: encoder("small_resnet", **IMAGENET), 128, (128, 1, 1)),
    "resnet": (lambda: resnet("resnet18"), 512, (512, 4, 4)),
    "torchvision": (lambda: encoder("mobilenet_v3_small"), 1024, (576, 1, 1)),
    "tokens": (lambda: Encoder(tokens(), "heads.head", side=32), 12, (12, 4, 4)),
    "timm": (lambda: encoder("timm:swinlike"), 6, (6, 8, 8)),
    "own map": (lambda: Encoder(nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU())), 6, (6, 15, 15)),
    "own features": (lambda: Encoder(nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())), 6, (6, 15, 15)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_encoder_keeps_the_promises_of_one(kind, timm):
    build, dim, positions = KINDS[kind]
    f, x = build().eval().double(), torch.rand(3, 1 if "one channel" in kind else 3, 32, 32).double()
    with torch.no_grad():
        h, maps = f(x), f.maps(x)
        assert h.shape == (3, dim) == (3, f.dim) and maps.shape == (3, *positions)
        assert torch.equal(f(x), h) and torch.equal(f.maps(x), maps)
        torch.testing.assert_close(copy.deepcopy(f).to(memory_format=torch.channels_last)(x), h, atol=1e-9 * h.abs().max().item(), rtol=1e-9)
        other = build().eval().double()
        assert (other(x) - h).abs().max() > 0.1 * h.std()
        other.load_state_dict(f.state_dict())
        assert torch.equal(other(x), h)
        assert copy.deepcopy(f).to("meta")(x.to("meta")).shape == h.shape
    f(x).sum().backward()
    assert any(p.grad is not None for p in f.parameters())


@pytest.mark.parametrize("kind", ["small", "normalised", "resnet", "own map", "own features"])
def test_features_are_the_mean_over_the_positions(kind, timm):
    f, x = KINDS[kind][0]().eval(), torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(f(x), f.maps(x).mean((2, 3)), atol=1e-6, rtol=1e-5)


def test_a_size_that_a_network_does_not_take_is_one_sentence():
    vit = Encoder(tokens(), side=32)
    for ask in (vit, vit.maps):
        with pytest.raises(InputError, match=r"cannot take images of 24 x 24 pixels .*--size"):
            ask(torch.rand(2, 3, 24, 24))


def test_maps_of_tokens_are_the_patches_in_their_places():
    """By hand: all tokens but the first, 16 of them, row by row."""
    network, x = tokens().eval(), torch.rand(2, 3, 32, 32)
    n = network._process_input(x)
    expected = network.encoder(torch.cat([network.class_token.expand(2, -1, -1), n], 1))[:, 1:]
    maps = Encoder(network, "heads.head", side=32).maps(x)
    torch.testing.assert_close(maps, torch.stack([expected[:, i].unflatten(1, (12, 1)) for i in range(16)], 2).view(2, 12, 4, 4))


def test_maps_with_channels_last_are_turned_round():
    network, x = ChannelsLast(), torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(Encoder(network, "head").maps(x), network.norm(network.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


def test_a_named_part_gives_the_maps():
    f = Encoder(nn.Sequential(nn.Conv2d(3, 6, 2, 2), nn.Conv2d(6, 4, 2, 2)), maps="0")
    assert f.dim == 4 and f.maps(torch.rand(2, 3, 32, 32)).shape == (2, 6, 16, 16)


def test_pixels_are_normalised_by_fixed_numbers():
    plain, x = Encoder(nn.Conv2d(3, 4, 3)), torch.rand(2, 3, 8, 8)
    f = Encoder(plain.module, **IMAGENET)
    torch.testing.assert_close(f(x), plain((x - torch.tensor(IMAGENET["mean"])[:, None, None]) / torch.tensor(IMAGENET["std"])[:, None, None]))
    assert f(x).shape == (2, 4) and {"mean", "std"} <= f.state_dict().keys() and not {"mean", "std"} & {name for name, _ in f.named_parameters()}


def test_looking_at_a_network_leaves_it_and_the_random_numbers_as_they_were():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    before = copy.deepcopy(network.state_dict())
    torch.manual_seed(0)
    expected = torch.rand(())
    torch.manual_seed(0)
    Encoder(network)
    assert torch.rand(()) == expected and all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("build, words", [
    (lambda: Encoder(nn.Conv2d(1, 4, 3)), "3 channels of 224 x 224"),
    (lambda: Encoder(nn.Flatten(0)), "returns"), (lambda: Encoder(nn.Flatten(2)), "returns"),
    (lambda: Encoder(nn.Identity(), mean=(0.5,) * 3), "std=None"), (lambda: Encoder(nn.Identity(), mean=(0.5,), std=(1.0,)), "3 numbers"),
    (lambda: Encoder(nn.Identity(), mean=(0.5,) * 3, std=(1.0, 1.0, 0.0)), "above 0"), (lambda: Encoder(nn.Identity(), "fc"), "classifier 'fc'"),
    (lambda: Encoder(nn.Identity(), maps="layer4"), "maps 'layer4'"), (lambda: encoder("timm:resnet"), "timm has no 'resnet'"),
    (lambda: Encoder(nn.Flatten(), side=8).maps(torch.rand(2, 3, 8, 8)), "maps=NAME"),
])
def test_what_is_no_encoder_is_refused(build, words, timm):
    with pytest.raises(InputError, match=words):
        build()
