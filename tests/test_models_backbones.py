"""Encoders of others say what they return."""

import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.models import resnet


@pytest.mark.parametrize("name, dim", [("resnet18", 512), ("resnet50", 2048)])
def test_cifar_stem_ends_in_four_by_four_and_the_published_one_in_one(name, dim):
    for stem, side in (("cifar", 4), ("imagenet", 1)):
        encoder, seen = resnet(name, stem).eval(), []
        encoder.layer4.register_forward_hook(lambda _, __, out: seen.append(out.shape))  # noqa: B023
        with torch.no_grad():
            assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, dim) == (2, encoder.dim)
        assert seen == [(2, dim, side, side)]


@pytest.mark.parametrize("name, stem, words", [("resnet19", "cifar", "resnet18"), ("resnet18", "big", "cifar, imagenet")])
def test_impossible_networks_are_refused(name, stem, words):
    with pytest.raises(InputError, match=words):
        resnet(name, stem)
