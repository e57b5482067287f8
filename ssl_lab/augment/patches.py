"""A grid of overlapping patches of every image: CPC's input."""

from jaxtyping import Num
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.errors import require

EXAMPLES = 6  # strides and sides that an error lists


def patches(x: Num[Tensor, "B c H W"], size: int, stride: int) -> Num[Tensor, "B G J c size size"]:
    """patches(x)[b, i, j] are the rows i · stride to i · stride + size - 1 of image b, and its columns from j · stride on: row by row, from the top.

    G = (H - size) / stride + 1 patches down, likewise J across; for a square image J = G.   size, stride: in pixels.
    Raises: InputError (a ValueError) for a patch larger than the image, and for a stride that leaves pixels out.
    """
    grid_shape(x.shape[2], x.shape[3], size, stride)
    return x.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5)


def grid_shape(H: int, W: int, size: int, stride: int) -> tuple[int, int]:
    """How many patches there are down and across. Raises: InputError as `patches`."""
    for name, value in (("size", size), ("stride", stride)):
        Range(1, whole=True).check(name, value)
    smaller = f"size={size}: a patch of {size} x {size} pixels is larger than the image, {H} x {W}; take at most size={min(H, W)}"
    require(size <= min(H, W), smaller)
    between, down, across = max(0, stride - size), (H - size) % stride, (W - size) % stride
    require(between == 0, f"stride={stride} leaves out {between} pixels between two patches of size={size}; take at most stride={size}")
    fine = [one for one in range(1, size + 1) if (H - size) % one == (W - size) % one == 0]
    fix = f"images of {H - down} x {W - across} (--size, load(size=...)) fit, or stride {', '.join(map(str, fine[-EXAMPLES:]))}"
    require(down == across == 0, f"size={size}, stride={stride} leave out the last {max(down, across)} pixels of {H} x {W}; {fix}")
    return (H - size) // stride + 1, (W - size) // stride + 1
