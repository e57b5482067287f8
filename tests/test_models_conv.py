"""A convolution on a small map is one matrix product, and nothing but its speed tells."""

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.models.conv import Conv3x3


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("H, W", [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (3, 2), (3, 3), (4, 4), (5, 8)])
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


@pytest.mark.parametrize("H", [1, 3])
def test_one_column_has_finite_gradients_in_bfloat16(H):
    """oneDNN's bfloat16 convolution of stride 2 on one column is wrong two times in three, by what the memory held before."""
    for _ in range(40):
        conv = Conv3x3(8, 16, 2).to(memory_format=torch.channels_last)
        rubbish = [torch.full((size,), torch.nan) for size in (100, 1000, 5000, 20_000) * 5]
        del rubbish
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = conv(torch.rand(16, 8, H, 1).to(memory_format=torch.channels_last))
        y.float().sum().backward()
        assert y.isfinite().all() and conv.weight.grad.isfinite().all()
