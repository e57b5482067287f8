"""A convolution on a small map is one matrix product, and nothing but its speed tells."""

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.models.conv import Conv3x3


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("H, W", [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 2), (3, 3), (4, 4), (5, 8)])
@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_a_convolution(stride, H, W, format):
    conv = Conv3x3(5, 7, stride).double().to(memory_format=format)
    x = torch.randn(6, 5, H, W, dtype=torch.float64).to(memory_format=format).requires_grad_()
    y, expected = conv(x), F.conv2d(x, conv.weight, stride=stride, padding=1)
    torch.testing.assert_close(y, expected, atol=1e-12, rtol=0)
    g = torch.randn_like(y)
    for a, b in zip(torch.autograd.grad(y, (x, conv.weight), g), torch.autograd.grad(expected, (x, conv.weight), g)):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", [1, 2])
def test_a_small_map_needs_no_convolution(side):
    """Counted on the meta device, where nothing is computed: the shape alone decides."""
    conv, x = Conv3x3(8, 16, 2).to("meta"), torch.empty(4, 8, side, side, device="meta")
    with torch.profiler.profile() as seen:
        assert conv(x).shape == (4, 16, 1, 1)
    assert not any("conv" in event.key for event in seen.key_averages())
