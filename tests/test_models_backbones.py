"""Networks by name."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from ssl_lab.errors import InputError
from ssl_lab.models import SmallResNet, encoder, resnet


@pytest.mark.parametrize("name, dim", [("resnet18", 512), ("resnet50", 2048)])
def test_cifar_stem_ends_in_four_by_four_and_the_published_one_in_one(name, dim):
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        for stem, side in (("cifar", 4), ("imagenet", 1)):
            f = resnet(name, stem).eval()
            assert f(x).shape == (2, dim) == (2, f.dim) and f.maps(x).shape == (2, dim, side, side)
    assert type(encoder("small_resnet")) is SmallResNet


@pytest.mark.parametrize("name, dim, positions", [
    ("convnext_tiny", 768, (768, 7, 7)), ("efficientnet_b0", 1280, (1280, 7, 7)), ("vit_b_32", 768, (768, 7, 7)), ("swin_t", 768, (768, 7, 7)),
    ("googlenet", 1024, (1024, 7, 7)), ("shufflenet_v2_x0_5", 1024, (1024, 7, 7)),
])
def test_every_family_of_torchvision_says_its_width_and_its_positions(name, dim, positions):
    """On the meta device, where nothing is computed."""
    with torch.device("meta"):
        f, x = encoder(name), torch.empty(2, 3, 224, 224)
    assert f.dim == dim and f(x).shape == (2, dim) and f.maps(x).shape == (2, *positions)


def test_published_weights_are_those_of_torchvision(tmp_path):
    """Written by the network itself, classifier and all; without its classifier it gives what the classifier was given."""
    from torchvision.models import mobilenet_v3_small

    network, x = mobilenet_v3_small(weights=None).eval(), torch.rand(2, 3, 64, 64)
    save_file(network.state_dict(), tmp_path / "mobilenet.safetensors")
    f = encoder("mobilenet_v3_small", weights=tmp_path / "mobilenet.safetensors").eval()
    torch.testing.assert_close(network.classifier[-1](f(x)), network(x))
    save_file(resnet("resnet18", "imagenet").module.state_dict(), tmp_path / "resnet.safetensors")
    with pytest.raises(InputError, match=r"conv1\.weight"):
        encoder("resnet18", weights=tmp_path / "resnet.safetensors", stem="cifar")


def test_timm_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="pip install timm"):
        encoder("timm:resnet10t")


@pytest.mark.parametrize("build, words", [
    (lambda: resnet("resnet19"), "resnet18"), (lambda: resnet(stem="big"), "cifar, imagenet"), (lambda: resnet("vit_b_16"), "no ResNet"),
    (lambda: encoder("resnet"), "small_resnet, small_alexnet, alexnet"), (lambda: encoder("small_resnet", stem="cifar"), "its own"),
    (lambda: encoder("mobilenet_v3_small", stem="cifar"), "its own"), (lambda: encoder("squeezenet1_1"), "no linear classifier"),
])
def test_impossible_networks_are_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()
