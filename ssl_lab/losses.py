"""The lecture's losses, one function each. Rows are images; tau is the temperature; bf16 and fp16 are lifted to float32."""

import functools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.errors import require

LARGE = 2048  # rows; the matrix of so many is 16 MB, beyond which its panels are faster than the whole
PANEL = 256  # rows at a time: 2 to 8 MB, so that a panel stays in the cache


def in_float32(loss):
    """Keep a loss out of autocast and lift its rows: bf16 logits at tau = 0.07 put 2 % of error into the gradient."""

    @functools.wraps(loss)
    def lifted(*rows: Tensor, **options) -> Tensor:
        with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
            return loss(*(lift(x) for x in rows), **options)

    return lifted


def lift(x):
    """At least float32; float64 and numbers stay as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32)) if isinstance(x, Tensor) else x


@in_float32
def nt_xent(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float = 0.5) -> Float[Tensor, ""]:
    """SimCLR's loss, Eqn. 1: the partner among the 2B - 1 others, mean over all 2B anchors.

    Rows are normalised here, so their length does not matter. Zero for one pair; log(2B - 1) for identical rows.
    Raises: InputError (a ValueError) for unequal shapes or tau <= 0. A NaN spreads to the loss, and `train` stops there.
    """
    require(z1.shape == z2.shape and z1.ndim == 2, f"z1 and z2 are the two views of one batch, (B, d) each; got {tuple(z1.shape)} and {tuple(z2.shape)}")
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.1 to 1")
    B = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = z @ z.T / tau
    logits.fill_diagonal_(-torch.inf)  # an image is not its own negative
    partner = torch.arange(2 * B, device=z.device).roll(B)  # i <-> i + B
    return F.cross_entropy(logits, partner)
