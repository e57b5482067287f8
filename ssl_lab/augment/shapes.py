"""What augmentation works on: (B, 3, H, W) bytes, or floats in [0, 1], and one parameter an image."""

from jaxtyping import Float, Num
from torch import Tensor

Pixels = Num[Tensor, "B 3 H W"]
Batch = Float[Tensor, "B 3 H W"]
PerImage = Float[Tensor, " B"]


def to_float(x: Pixels) -> Batch:
    """[0, 1] float32 from bytes; floats as they are."""
    return x if x.is_floating_point() else x.float() / 255
