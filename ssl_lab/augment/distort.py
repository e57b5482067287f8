"""What CPC v2 takes from De Fauw et al. 2018 (Nature Medicine 24): patches are bent and sheared, and their histograms change."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.augment.shapes import Batch, PerImage


def elastic(x: Batch, pixels: Float[Tensor, "B 2 n n"], shear: PerImage) -> Batch:
    """Bend and shear every patch: pixel (c, r), from the middle, takes what lies at (c + shear · r, r) plus a smooth displacement, bilinear.

    pixels: the displacement at n × n points, in x and in y, between which it is interpolated (bicubic). The edge is continued outwards.
    """
    H, W = x.shape[2:]
    bent = F.interpolate(pixels, (H, W), mode="bicubic", align_corners=True).clamp(-W / 2, W / 2)
    r, c = (torch.arange(n, dtype=x.dtype, device=x.device) + (1 - n) / 2 for n in (H, W))
    column = c + shear[:, None, None] * r[:, None] + bent[:, 0]
    grid = torch.stack([column * (2 / W), (r[:, None] + bent[:, 1]) * (2 / H)], 3)  # in half sides, as grid_sample counts
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def tone(x: Batch, shares: Float[Tensor, "B 3 n"]) -> Batch:
    """Bend the histogram of every channel by a rising curve of n straight pieces from 0 to 1: y = Σ_j share_j · clamp(n x - j, 0, 1).

    shares: how much of the range of y each n-th part of the range of x gets; each row adds up to 1.
    """
    n = shares.shape[2]
    pieces = shares[:, :, :, None, None].unbind(2)
    return torch.stack([piece * (n * x - j).clamp(0, 1) for j, piece in enumerate(pieces)]).sum(0)


def drop_colours(x: Batch, kept: Float[Tensor, "B 3"]) -> Batch:
    """One channel in place of all three.   kept: one 1 and two 0 a patch."""
    return torch.einsum("bc,bchw->bhw", kept, x)[:, None].expand_as(x)
