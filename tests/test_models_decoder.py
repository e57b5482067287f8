"""What the decoder promises."""

import pytest
import torch

from ssl_lab.models import decoder


@pytest.mark.parametrize("h, size", [((2, 8, 1, 1), (32, 32)), ((3, 8, 2, 3), (64, 96)), ((1, 8, 1, 1), (17, 30))])
def test_it_paints_an_image_of_the_size_that_is_asked_for(h, size):
    network = decoder(8, width=16, channels=2).eval()
    assert network(torch.randn(h), size).shape == (h[0], 2, *size)


def test_only_what_the_features_hold_can_be_painted_and_every_parameter_serves_it():
    torch.manual_seed(0)
    network = decoder(8, width=16, channels=2).eval()
    h = torch.randn(2, 8, 1, 1)
    assert torch.equal(network(h[:1].expand(2, -1, -1, -1), (32, 32))[0], network(h[:1].expand(2, -1, -1, -1), (32, 32))[1])
    network.train()(h, (32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    assert not torch.equal(*network.eval()(h, (32, 32)))


def test_channels_halve_from_layer_to_layer_down_to_eight():
    assert [layer[0].out_channels for layer in decoder(100, width=64).layers] == [64, 32, 16, 8]
    assert [layer[0].out_channels for layer in decoder(100, width=8).layers] == [8, 8, 8, 8]
