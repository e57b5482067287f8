"""An encoder that breaks a promise is named, with the promise, before the first step; one that keeps them is not touched."""

import copy
import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.methods import BYOL, DeepCluster, MoCo, SimCLR, Supervised
from ssl_lab.models import Encoder, check_encoder, encoder, small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.train import Training, train

X = torch.rand(2, 3, 32, 32)


class Odd(nn.Module):
    """Returns whatever it is told to make of the features, and says another width if asked."""

    def __init__(self, make=lambda h: h, dim=5, channels=3):
        super().__init__()
        self.dim, self.make, self.net = dim, make, nn.Sequential(nn.Conv2d(channels, 5, 3, 2), nn.BatchNorm2d(5), nn.Dropout(0.5))

    def forward(self, x):
        return self.make(self.net(x).mean((2, 3)))


def transformer() -> nn.Module:
    return VisionTransformer(image_size=48, patch_size=8, num_layers=1, num_heads=2, hidden_dim=12, mlp_dim=16)


BROKEN = {  # what an encoder is: how it is built, and which promise it breaks
    "another width": (lambda: Odd(dim=7), r"Odd, says dim=7 and returns 5 features an image; set encoder.dim = 5"),
    "a map of one position": (lambda: Odd(lambda h: h[:, :, None, None]), r"returns \(2, 5, 1, 1\) for 2 images.*models.Encoder\(network\)"),
    "one row for all": (lambda: Odd(lambda h: h.mean(0)), r"returns \(5,\) for 2 images, and floats \(2, dim\)"),
    "rows cut off": (lambda: Odd(lambda h: h[:1]), r"returns \(1, 5\) for 2 images"),
    "whole numbers": (lambda: Odd(lambda h: h.long()), r"floats \(2, dim\), one row an image, are needed"),
    "a tuple": (lambda: Odd(lambda h: (h, h)), "returns a tuple for 2 images.*wrap the part of it that returns one tensor"),
    "a dictionary": (lambda: Odd(lambda h: {"h": h}), "returns a dict for 2 images"),
    "nothing": (lambda: Odd(lambda h: None), "returns a NoneType for 2 images"),
    "one channel": (lambda: small_resnet(width=4, channels=1), "it takes one channel, and images always have 3, .*: build it with channels=3"),
    "four channels": (lambda: Odd(channels=4), r"cannot take images of 3 x 32 x 32 pixels .*their channels are always 3"),
    "another size": (lambda: Encoder(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)), side=8), r"cannot take images of 3 x 32 x 32 pixels"),
    "a size of its own": (lambda: Encoder(transformer(), "heads.head", side=48), r"cannot take images of 32 x 32 pixels .*--size"),
    "an error of its own": (lambda: Odd(lambda h: h.missing), r"cannot take images .*has no attribute 'missing'"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_the_promise_that_is_broken_is_said_before_the_first_step(kind):
    build, words = BROKEN[kind]
    with pytest.raises(InputError, match=words):
        Training(SimCLR(build(), dim=4), load("scenes", limit=8), Recipe(1, batch=4))


@pytest.mark.parametrize("method", [BYOL, DeepCluster, MoCo, SimCLR, Supervised])
@pytest.mark.parametrize("given, words", [
    ("nn.Conv2d(3, 4, 3)", "encoder, this Conv2d, does not say how wide its features are, in .dim; wrap it, models.Encoder(network)"),
    ("wide(0)", "has .dim=0, which must be a whole number from 1"),
    ("wide(64.0)", "has .dim=64.0"),
    ("wide(True)", "has .dim=True"),
    ("lambda x: x", "encoder is <lambda>, and a network (nn.Module) is needed"),
    ("small_resnet", "encoder is small_resnet, and a network (nn.Module) is needed; call it, small_resnet()"),
    ("nn.Conv2d", "encoder is Conv2d, and a network (nn.Module) is needed; call it, Conv2d()"),
    ("'resnet18'", "encoder is str, and a network (nn.Module) is needed; such as small_resnet()"),
    ("None", "encoder is NoneType, and"),
])
def test_what_is_no_encoder_is_refused_when_a_method_is_built(method, given, words, without_shape_checks):
    said = without_shape_checks(f"""
        from torch import nn
        from ssl_lab.methods import {method.__name__}
        from ssl_lab.models import small_resnet

        def wide(dim):
            network = nn.Conv2d(3, 4, 3)
            network.dim = dim
            return network

        try:
            {method.__name__}({given})
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError ") and words in said


def test_a_method_that_declares_nothing_is_asked_for_the_same_when_it_trains():
    method = SimCLR(small_resnet(width=4))
    method.encoder = nn.Sequential(method.encoder)
    with pytest.raises(InputError, match="this Sequential, does not say how wide its features are"):
        train(method, load("scenes", limit=8), Recipe(1, batch=4))


def weight_normed() -> nn.Module:
    """The older weight_norm keeps a tensor that is no parameter, no buffer, and no leaf."""
    made = Odd()
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(made.net[0])
    return made


def spectral() -> nn.Module:
    """Its weight is computed from another, by buffers that move in training mode."""
    made = Odd()
    nn.utils.parametrizations.spectral_norm(made.net[0])
    return made


class Counting(Odd):
    """Counts its passes, remembers the last one, and counts in a buffer."""

    def __init__(self):
        super().__init__()
        self.passes, self.last = 0, []
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.passes += 1
        self.last.append(x.mean().item())
        self.count += 1
        return super().forward(x)


def mixed() -> nn.Module:
    """Its weights are frozen in part, and a part of it rests."""
    made = Odd()
    made.net[0].requires_grad_(False)
    made.net[1].eval()
    return made


KEPT = {
    "small": lambda: small_resnet(width=4), "resnet": lambda: encoder("resnet18", stem="cifar"), "wrapped": lambda: Encoder(nn.Conv2d(3, 4, 3)),
    "counting": Counting, "partly frozen": mixed, "old weight norm": weight_normed,
    "spectral norm": spectral,
}


@pytest.mark.parametrize("kind", KEPT)
def test_one_that_keeps_them_is_left_as_it_was_to_the_bit_and_so_are_the_random_numbers(kind):
    f = KEPT[kind]()
    before, modes, numbers = copy.deepcopy(f.state_dict()), [part.training for part in f.modules()], torch.get_rng_state()
    held = {name: copy.copy(value) for name, value in vars(f).items() if name in ("passes", "last")}
    check_encoder(f, X)
    assert all(torch.equal(tensor, f.state_dict()[name]) for name, tensor in before.items())
    assert [part.training for part in f.modules()] == modes and torch.equal(torch.get_rng_state(), numbers)
    assert held == {name: value for name, value in vars(f).items() if name in held}
    assert all(p.grad is None for p in f.parameters())


@pytest.mark.parametrize("name", ["clusters", "places", "pseudo", "senses"])
def test_a_dummy_of_every_coming_kind_keeps_them(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "dummies" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kind = getattr(module, name.capitalize())
    check_encoder((kind() if name == "senses" else kind(small_resnet(width=4))).encoder, X)


def test_the_first_step_is_the_same_with_and_without_the_look(monkeypatch):
    """Dropout draws from the same numbers, batch norm begins with the same statistics."""
    images, found = load("scenes", limit=16), []
    for look in (True, False):
        if not look:
            monkeypatch.setattr("ssl_lab.train.check_encoder", lambda encoder, x: None)
        with RandomStream(0, torch.device("cpu")):
            method = SimCLR(Odd(), dim=4)
        logs = list(train(method, images, Recipe(1, batch=8)))
        found.append((logs[0].loss, method.state_dict()))
    assert found[0][0] == found[1][0] and all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])


def test_images_that_are_wide_are_looked_at_as_they_are():
    images = Images(torch.zeros(4, 3, 24, 40, dtype=torch.uint8), torch.full((4,), -1))
    f = Encoder(nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 4)), side=24)
    with pytest.raises(InputError, match="cannot take images of 3 x 24 x 40 pixels"):
        Training(SimCLR(f), images, Recipe(1, batch=2))
