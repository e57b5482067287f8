"""DeepCluster's AlexNet for small images: as wide as it says, with the positions, the layers and the first weights that it says."""

import math

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.models import SmallAlexNet, check_encoder, encoder, filtered, small_alexnet


@pytest.mark.parametrize("options", [{}, {"width": 1}, {"width": 10}, {"channels": 1}])
@pytest.mark.parametrize("side, positions", [(8, 1), (28, 4), (32, 4), (64, 8)])
def test_features_are_as_wide_as_dim_says_and_the_mean_of_the_positions(options, side, positions):
    network = small_alexnet(**options).eval()
    x = torch.rand(3, options.get("channels", 3), side, side)
    h, maps = network(x), network.maps(x)
    assert h.shape == (3, network.dim) == (3, 8 * options.get("width", 24) // 3) and maps.shape == (3, network.dim, positions, positions)
    torch.testing.assert_close(h, maps.mean((2, 3)))


def test_the_convolutions_are_those_of_alexnet_at_its_width_and_in_proportion_at_others():
    with torch.device("meta"):
        for width, channels in ((96, (96, 256, 384, 384, 256)), (24, (24, 64, 96, 96, 64))):
            convolutions = [module for module in small_alexnet(width).modules() if isinstance(module, nn.Conv2d)]
            assert tuple(convolution.out_channels for convolution in convolutions) == channels
            assert [convolution.kernel_size[0] for convolution in convolutions] == [5, 5, 3, 3, 3]


def test_every_convolution_has_its_batch_norm_and_its_relu():
    kinds = [type(module) for module in small_alexnet(width=4).layers]
    assert [kinds[i : i + 3] for i, kind in enumerate(kinds) if kind is nn.Conv2d] == [[nn.Conv2d, nn.BatchNorm2d, nn.ReLU]] * 5
    assert (small_alexnet(width=4).maps(torch.rand(4, 3, 32, 32)) >= 0).all()


def test_the_first_weights_have_the_deviation_of_the_authors():
    torch.manual_seed(0)
    for convolution in (module for module in small_alexnet(width=48).modules() if isinstance(module, nn.Conv2d)):
        expected = math.sqrt(2 / (convolution.kernel_size[0] ** 2 * convolution.out_channels))
        assert convolution.weight.std().item() == pytest.approx(expected, rel=0.03)
        assert abs(convolution.weight.mean().item()) < 0.05 * expected


def test_it_is_an_encoder_by_name_by_itself_and_behind_a_filter():
    x = torch.rand(2, 3, 32, 32)
    assert type(encoder("small_alexnet")) is SmallAlexNet
    for network in (encoder("small_alexnet"), encoder("small_alexnet", mean=(0.5,) * 3, std=(0.2,) * 3), filtered(small_alexnet(), "sobel")):
        check_encoder(network, x)
        assert features(network, x).shape == (2, 64) and network.maps(x).shape == (2, 64, 4, 4)


@pytest.mark.parametrize("build, words", [
    (lambda: small_alexnet(width=0), "width=0 must be a whole number from 1"), (lambda: small_alexnet(channels=0), "channels=0"),
    (lambda: encoder("small_alexnet", stem="cifar"), "small_alexnet has its own"), (lambda: encoder("small_alex"), "small_resnet, small_alexnet"),
])
def test_impossible_networks_are_refused(build, words):
    with pytest.raises(InputError, match=words):
        build()
