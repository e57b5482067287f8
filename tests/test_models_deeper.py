"""A deeper network on the positions of another one: as wide and as deep as it says, on any encoder that has positions."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.methods import Supervised
from ssl_lab.models import Deeper, Encoder, PatchEncoder, check_encoder, filtered, small_alexnet, small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

ENCODERS = {
    "a network": lambda: small_resnet(width=2), "a larger map": lambda: small_alexnet(width=6),
    "a filter": lambda: filtered(small_resnet(2), "sobel"), "patches": lambda: PatchEncoder(small_resnet(2, norm="layer"), 16, 8),
    "a wrapped network": lambda: Encoder(small_resnet(2), side=32),
}


def deeper(**options):
    torch.manual_seed(0)
    return Deeper(PatchEncoder(small_resnet(2, norm="layer"), 16, 8), **{"width": 6, **options}).eval()


@pytest.mark.parametrize("which", ENCODERS)
def test_any_encoder_with_positions_gets_deeper_and_keeps_their_number(which):
    below = ENCODERS[which]().eval()
    network, x = Deeper(below, width=6, blocks=1).eval(), torch.rand(2, 3, 32, 32)
    check_encoder(network, x)
    maps = network.maps(x)
    assert network.encoder is below and network.dim == 6 and maps.shape == (2, 6, *below.maps(x).shape[2:])
    torch.testing.assert_close(network(x), maps.mean((2, 3)))


def test_it_is_residual_blocks_after_one_convolution_of_1_by_1():
    """The same from the weights, one layer after the other, with torch's own convolutions."""
    network, x = deeper(blocks=2), torch.rand(3, 3, 32, 32)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)

    def normed(y, norm):
        return (y - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()

    y = F.relu(normed(torch.einsum("dc,bchw->bdhw", network.narrow[0].weight[:, :, 0, 0], network.encoder.maps(x)), network.narrow[1]))
    for block in network.blocks:
        inner = F.relu(normed(F.conv2d(y, block.conv1.weight, padding=1), block.norm1))
        y = F.relu(y + normed(F.conv2d(inner, block.conv2.weight, padding=1), block.norm2))
    torch.testing.assert_close(network.maps(x), y, rtol=1e-4, atol=1e-5)


def test_width_blocks_and_norm_are_those_asked_for():
    network = deeper(width=4, blocks=3, norm="layer")
    assert len(network.blocks) == 3 and network(torch.rand(1, 3, 32, 32)).shape == (1, 4)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    assert sum(isinstance(part, nn.BatchNorm2d) for part in deeper(blocks=3).modules()) == 7


def test_a_position_sees_others_so_that_a_class_may_lie_in_how_patches_are_placed():
    """Two images of the same patches in other places differ, though the mean of their grid is the same."""
    network, x = deeper(), torch.rand(1, 3, 16, 48)
    network.encoder.stride = 16
    y = torch.cat([x[..., 16:32], x[..., :16], x[..., 32:]], 3)
    torch.testing.assert_close(network.encoder(x), network.encoder(y))
    assert (network(x) - network(y)).abs().max() > 1e-4


def test_labels_train_it_as_any_encoder_and_the_frozen_part_below_keeps_its_bytes():
    torch.manual_seed(0)
    images, method = load("scenes", limit=32), Supervised(Deeper(small_resnet(2), width=6, blocks=1))
    method.encoder.encoder.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    list(train(method, images, Recipe(epochs=2, batch=16), threads=1))
    moved = {name for name, tensor in method.state_dict().items() if not torch.equal(before[name], tensor)}
    assert moved and not [name for name in moved if name.startswith("encoder.encoder.")]
    assert moved >= {f"encoder.{name}" for name, _ in method.encoder.named_parameters() if not name.startswith("encoder.")}
    assert features(method.encoder, images).shape == (32, 6)


@pytest.mark.parametrize("build, words", [
    (lambda: Deeper(nn.Linear(3, 3)), "this Linear, does not say how wide its features are"),
    (lambda: deeper(width=0), "width=0 must be a whole number from 1"), (lambda: deeper(blocks=0), "blocks=0"),
    (lambda: deeper(norm="none"), "norm 'none' is unknown; there are: batch, group, layer"), (lambda: deeper(channels=0), "channels=0"),
])
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()


def test_an_encoder_without_positions_is_told_where_there_are_some():
    flat = nn.Flatten()
    flat.dim = 12
    with pytest.raises(InputError, match=r"this Flatten, has no \.maps, the features of every position; models\.Encoder\(network\) finds"):
        Deeper(flat)
