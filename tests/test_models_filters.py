"""Encoders that see a filtered image: what the network is shown, that it still takes RGB, and that nothing of the filter is trained."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_lab.augment.colours import grey
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.models import FILTERS, Filtered, encoder, filtered, small_resnet, sobel
from ssl_lab.optim import adamw, parameter_groups


class Shown(nn.Module):
    """Keeps what it is shown; h is the mean of each channel."""

    dim = 3

    def forward(self, x):
        self.seen = x
        return x.mean((2, 3))

    def maps(self, x):
        return x


def slow_sobel(x: torch.Tensor) -> torch.Tensor:
    """Pixel by pixel, in float64."""
    B, _, H, W = x.shape
    found = torch.zeros(B, 3, H, W, dtype=torch.float64)
    for b in range(B):
        grey = torch.zeros(H + 2, W + 2, dtype=torch.float64)
        grey[1:-1, 1:-1] = x[b].double().sum(0) / 3
        for i in range(H):
            for j in range(W):
                for near, sign in ((0, 1), (2, -1)):
                    for step, weight in enumerate((1, 2, 1)):
                        found[b, 0, i, j] += sign * weight * grey[i + step, j + near]
                        found[b, 1, i, j] += sign * weight * grey[i + near, j + step]
    return found


def ramp(across: float, down: float, size: int = 6) -> torch.Tensor:
    """One image, whose three channels rise by so much a pixel."""
    return (across * torch.arange(float(size)) + down * torch.arange(float(size))[:, None]).expand(1, 3, size, size)


def test_the_sobel_of_a_ramp_and_of_a_constant_is_that_of_the_hand():
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    for across, down in ((1.0, 0.0), (0.0, 1.0), (0.5, -2.0), (0.0, 0.0)):
        found = sobel(ramp(across, down) + 0.25)[inside]
        assert (found[:, 0] == -8 * across).all() and (found[:, 1] == -8 * down).all() and (found[:, 2] == 0).all()


def test_the_sobel_is_the_slow_one_at_every_pixel_the_border_too():
    x = torch.rand(2, 3, 5, 7)
    torch.testing.assert_close(sobel(x).double(), slow_sobel(x), atol=1e-6, rtol=0)
    assert sobel(torch.ones(1, 3, 4, 4))[0, 0, 0].tolist() == [-3, 0, 0, 3]  # beyond the border is black


def test_the_sobel_does_not_see_colour_and_grey_is_that_of_the_augmentations():
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(sobel(x), sobel(x[:, [2, 0, 1]]), atol=1e-6, rtol=0)
    network = Shown()
    filtered(network, "grey")(x)
    assert torch.equal(network.seen, grey(x).expand(2, 3, 8, 8))


def test_edges_are_exact_under_autocast():
    """A convolution would round grey levels to bfloat16, and faint edges with them."""
    x = 0.9 + torch.rand(4, 3, 8, 8) / 100
    with torch.autocast("cpu", torch.bfloat16):
        low = sobel(x)
    assert low.dtype == torch.float32 and torch.equal(low, sobel(x))


@pytest.mark.parametrize("input", FILTERS)
def test_an_encoder_takes_rgb_has_the_width_of_its_network_and_hands_on_maps(input):
    network, x = Shown(), torch.rand(4, 3, 8, 8)
    f = filtered(network, input)
    assert f.dim == 3 and (f is network) == (input == "rgb")
    wanted = {"rgb": x, "grey": grey(x).expand_as(x), "sobel": sobel(x)}[input]
    assert torch.equal(f(x), wanted.mean((2, 3))) and torch.equal(network.seen, wanted) and torch.equal(f.maps(x), wanted)


@pytest.mark.parametrize("input", FILTERS)
@pytest.mark.parametrize("build", [lambda: small_resnet(width=4), lambda: encoder("resnet18", stem="cifar")])
def test_every_network_for_rgb_fits(build, input):
    network = build()
    f = filtered(network, input)
    h = features(f, load("scenes", limit=4))
    assert h.shape == (4, network.dim) and h.isfinite().all()


@pytest.mark.parametrize("input", ["grey", "sobel"])
def test_the_filter_has_no_parameters_and_no_optimizer_changes_it(input):
    network = small_resnet(width=4)
    f = filtered(network, input)
    assert isinstance(f, Filtered)
    assert [id(p) for p in f.parameters()] == [id(p) for p in network.parameters()]
    assert {name.removeprefix("network.") for name in f.state_dict()} == set(network.state_dict())
    optimizer, x = adamw(parameter_groups(f, 0.1), lr=1.0), torch.rand(8, 3, 32, 32)
    before = f.filter(x)
    F.mse_loss(f(x), torch.ones(8, f.dim)).backward()
    optimizer.step()
    assert torch.equal(before, f.filter(x))


def test_the_gradient_reaches_the_image():
    x = torch.rand(1, 3, 5, 5, requires_grad=True)
    sobel(x)[0, 0, 2, 2].backward()
    torch.testing.assert_close(x.grad[0, :, 1:4, 1:4], torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]).expand(3, 3, 3) / 3)


def test_another_input_is_refused_by_name():
    with pytest.raises(InputError, match="input 'edges' is unknown; there are: rgb, grey, sobel"):
        filtered(small_resnet(width=4), "edges")
