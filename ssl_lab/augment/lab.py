"""CIE Lab: lightness L in one channel, the two colour axes a (green to red) and b (blue to yellow) in the others.

    sRGB → linear light → XYZ relative to white (D65, 2°) → L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z))

f is the cube root, and a straight line near black (CIE 15:2004). Equal to scikit-image's rgb2lab.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.augment.shapes import Batch, Pixels, in_range, to_float
from ssl_lab.errors import require
from ssl_lab.surroundings import uncast

XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))  # rows X, Y, Z of sRGB's primaries
WHITE = (0.95047, 1.0, 1.08883)
DARK, EDGE, SLOPE = 0.04045, 0.008856, 7.787
MIDDLE, HALF = (50.0, 6.025, -6.69), (50.0, 92.208, 101.168)  # of the ranges of L, a and b over all of sRGB (CMC's code)


def rgb_to_lab(x: Pixels) -> Batch:
    """Lab of sRGB pixels: L from 0 to 100, a from -86.2 to 98.2, b from -107.9 to 94.5, float32, on the pixels' device.

    x: bytes, or floats in [0, 1]; not normalised by a mean.   Raises: InputError for other ranges, or other than three channels.
    """
    require(x.ndim == 4 and x.shape[1] == 3, f"Lab is a colour space, and x is {tuple(x.shape)}; give RGB images, (B, 3, H, W)")
    return to_lab(in_range(x))


@torch.no_grad()
@uncast
def to_lab(x: Pixels) -> Batch:
    """The same without a check of the range, for which a step of a training would wait for a GPU."""
    r, g, b = light(to_float(x).float().clamp(0, 1)).unbind(1)
    relative = ((p * r + q * g + s * b) / white for (p, q, s), white in zip(XYZ, WHITE))  # no tensor of constants: a GPU would wait for it
    X, Y, Z = map(response, relative)
    return torch.stack([116 * Y - 16, 500 * (X - Y), 200 * (Y - Z)], 1)


def light(x: Tensor) -> Tensor:
    """Light of sRGB values: ((x + 0.055) / 1.055)^2.4, and x / 12.92 below 0.04045. Both parts meet there, so that no `where` is needed."""
    return power((x.clamp(min=DARK) + 0.055) / 1.055, 2.4) + (x.clamp(max=DARK) - DARK) / 12.92


def response(t: Tensor) -> Tensor:
    """f: the cube root, and 7.787 t + 16 / 116 below 0.008856."""
    return power(t.clamp(min=EDGE), 1 / 3) + SLOPE * (t.clamp(max=EDGE) - EDGE)


def power(x: Tensor, exponent: float) -> Tensor:
    """x to the power of a number, for x > 0: on a CPU in a third of the time of `**`."""
    return (x.log2() * exponent).exp2()


def normalised_lab(x: Pixels) -> Batch:
    """The same, each channel from -1 to 1: its range over all of sRGB. The pixels are not checked: `Drawn` and `features` have done it."""
    channels = to_lab(x).unbind(1)
    return torch.stack([(channel - middle) / half for channel, middle, half in zip(channels, MIDDLE, HALF)], 1)


def luminance(x: Pixels) -> Float[Tensor, "B 1 H W"]:
    """L, from -1 to 1: CMC's first view."""
    return normalised_lab(in_range(x))[:, :1]


def chrominance(x: Pixels) -> Float[Tensor, "B 2 H W"]:
    """a and b, from -1 to 1: CMC's second view."""
    return normalised_lab(in_range(x))[:, 1:]
