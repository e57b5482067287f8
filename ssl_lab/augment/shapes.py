"""What augmentation works on: (B, 3, H, W) bytes, or floats in [0, 1], and one parameter an image."""

import torch
from jaxtyping import Float, Num
from torch import Tensor

from ssl_lab.arguments import check_fields
from ssl_lab.errors import require

SLACK = 1e-3  # how far rounding or a resize may take a float out of [0, 1]
Pixels = Num[Tensor, "B 3 H W"]
Batch = Float[Tensor, "B 3 H W"]
PerImage = Float[Tensor, " B"]


def in_range(x: Num[Tensor, "*shape"]) -> Num[Tensor, "*shape"]:
    """The same pixels, after a check of their range; bytes need no check.

    Raises: InputError for floats beyond [0, 1], whole numbers beyond 0 to 255, and NaN.
    """
    if x.dtype != torch.uint8 and x.numel() and x.device.type != "meta":
        low, high = (float(end) for end in x.detach().aminmax())
        top = 1 if x.is_floating_point() else 255
        fix = "divide values from 0 to 255 by 255, and let the network normalise: models.encoder takes mean and std"
        fine = low >= -SLACK and high <= top + SLACK
        require(fine, f"pixels are {x.dtype} from {low:.3g} to {high:.3g}; bytes, or floats from 0 to 1, are needed: {fix}")
    return x


def to_float(x: Num[Tensor, "B c H W"]) -> Float[Tensor, "B c H W"]:
    """Bytes as float32 in [0, 1]; floats unchanged."""
    return x if x.is_floating_point() else x.float().div_(255)


class Strengths:
    """What the frozen sets of strengths share: `draw` gives parameters of every image, which then apply to it."""

    def __post_init__(self):
        check_fields(self)

    def __call__(self, x: Pixels, generator: torch.Generator | None = None) -> Batch:
        """One random view of every image, in float32. Raises: InputError for pixels that are neither bytes nor floats of any precision in [0, 1]."""
        return self.draw(x, generator)(x)
