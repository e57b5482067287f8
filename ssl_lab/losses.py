"""The lecture's losses, one function each. Rows are images; tau is the temperature; bf16 and fp16 are lifted to float32."""

import functools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.errors import require

LARGE = 512  # rows from which the matrix is computed in panels: there they stop being slower than the whole (EPYC, one core, torch 2.15)
PANEL = 128  # rows of a panel on a CPU, so that it stays in the cache; eight times as many elsewhere, for fewer and larger kernels


def in_float32(loss):
    """Keep a loss out of autocast and lift its rows: bf16 logits at tau = 0.07 put 2 % of error into the gradient."""

    @functools.wraps(loss)
    def lifted(*rows: Tensor | float, **options) -> Tensor:
        with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
            return loss(*map(lift, rows), **{name: lift(x) for name, x in options.items()})

    return lifted


def lift(x):
    """At least float32; float64 and numbers stay as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32)) if isinstance(x, Tensor) else x


def unit(z: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
    """Rows of length 1, at least in float32: half precision would leave them 0.4 % too long or too short."""
    return F.normalize(lift(z), dim=1)


@in_float32
def nt_xent(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float = 0.5) -> Float[Tensor, ""]:
    """SimCLR's loss, Eqn. 1: the partner among the 2B - 1 others, mean over all 2B anchors.

    Rows are normalised here, so their length does not matter. Zero for one pair; log(2B - 1) for identical rows.
    Raises: InputError (a ValueError) for unequal shapes or tau <= 0. A NaN spreads to the loss, and `train` stops there.
    """
    shapes = f"got {tuple(z1.shape)} and {tuple(z2.shape)}"
    require(z1.shape == z2.shape and z1.ndim == 2, f"z1 and z2 are the two views of one batch, (B, d) each; {shapes}")
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.1 to 1")
    B = len(z1)
    z = F.normalize(sharp(torch.cat([z1, z2]), tau), dim=1)
    if 2 * B >= LARGE:
        return NTXentInPanels.apply(z, tau).to(z1.dtype)
    logits = z @ z.T / tau
    logits.fill_diagonal_(-torch.inf)  # an image is not its own negative
    partner = torch.arange(2 * B, device=z.device).roll(B)  # i <-> i + B
    return F.cross_entropy(logits, partner).to(z1.dtype)


def sharp(z: Float[Tensor, "M d"], tau: float) -> Float[Tensor, "M d"]:
    """In float64 below tau = 0.1, where float32's last digit of z_i · z_j, divided by tau, is more than 1e-6 (not on MPS, which has no float64)."""
    return z.double() if tau < 0.1 and z.device.type != "mps" else z


class NTXentInPanels(torch.autograd.Function):
    """nt_xent of unit rows without the 2B x 2B matrix: memory O(B d), and half of the exponentials, since s_ij = s_ji.

    A panel is some rows of s = z zᵀ / tau, from the diagonal to the right: what it adds to the rows below it is read from its columns.
    Going back, dz_i = sum_j (p_ij + p_ji) z_j - 2 z_partner(i), over 2B tau; the panels are computed again rather than kept. First derivatives only.
    """

    @staticmethod
    def forward(ctx, z: Float[Tensor, "M d"], tau: float) -> Float[Tensor, ""]:
        lse, positives = z.new_full((len(z),), -torch.inf), []
        for here, below, s in panels(z, tau):
            lse[here] = torch.logaddexp(lse[here], s.logsumexp(dim=1))
            lse[below] = torch.logaddexp(lse[below], s[:, len(s) :].logsumexp(dim=0))
            positives.append(s.diagonal(len(z) // 2))  # i with i + B
        ctx.save_for_backward(z, lse)
        ctx.tau = tau
        return (lse - torch.cat(positives).repeat(2)).mean()

    @staticmethod
    def backward(ctx, slope: Float[Tensor, ""]) -> tuple[Float[Tensor, "M d"], None]:
        z, lse = ctx.saved_tensors
        dz = -2 * z.roll(len(z) // 2, dims=0)
        for here, below, s in panels(z, ctx.tau):
            p = (s - lse[here, None]).exp_().add_(s.sub_(lse[here.start :]).exp_())
            dz[here] += p @ z[here.start :]
            dz[below] += p[:, len(s) :].T @ z[here]
        return dz * (slope / (len(z) * ctx.tau)), None


def panels(z: Float[Tensor, "M d"], tau: float) -> Iterator[tuple[slice, slice, Tensor]]:
    """The upper triangle of z zᵀ / tau, some rows at a time: (these rows, the rows below, their logits from column `start` on)."""
    rows = PANEL if z.device.type == "cpu" else 8 * PANEL
    for start in range(0, len(z), rows):
        here, below = slice(start, start + rows), slice(start + rows, None)
        s = (z[here] @ z[start:].T).div_(tau)
        yield here, below, s.fill_diagonal_(-torch.inf)  # an image is not its own negative


@in_float32
def info_nce(q: Float[Tensor, "B d"], k: Float[Tensor, "B d"], queue: Float[Tensor, "K d"], tau: float = 0.07) -> Float[Tensor, ""]:
    """MoCo's loss, Eqn. 1: every query's own key among K keys of earlier batches, -log of its share of the softmax, mean over the batch.

    All rows are unit vectors, and stay as they are. log(K + 1) when all scores are equal.
    Raises: InputError (a ValueError) for unequal shapes, a queue of another width, or tau <= 0. A NaN spreads to the loss.
    """
    shapes = f"q is {tuple(q.shape)}, k is {tuple(k.shape)}"
    require(q.shape == k.shape and q.ndim == 2, f"every query needs its own key, (B, d) each; {shapes}")
    width = f"the queue is {tuple(queue.shape)}, the queries have width {q.shape[1]}; both come from heads of one width"
    require(queue.ndim == 2 and queue.shape[1] == q.shape[1], width)
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
    dtype = q.dtype
    q, k, queue = (sharp(rows, tau) for rows in (q, k, queue))
    l_pos = (q * k).sum(dim=1, keepdim=True)
    l_neg = q @ queue.T
    logits = torch.cat([l_pos, l_neg], dim=1) / tau
    return (logits.logsumexp(dim=1) - logits[:, 0]).mean().to(dtype)  # cross entropy, label 0; F.cross_entropy adds 65,536 terms with 5e-6 of error


@in_float32
def byol_regression(p: Float[Tensor, "B d"], z: Float[Tensor, "B d"]) -> Float[Tensor, ""]:
    """BYOL's loss, Eqn. 2, one direction: |p/|p| - z/|z||² = 2 - 2 cos(p, z), summed over features, mean over the batch; 0 to 4.

    Rows are normalised here. z is the target: whoever wants no gradient there passes z.detach(), as the method does.
    Raises: InputError (a ValueError) for unequal shapes. A NaN spreads to the loss.
    """
    shapes = f"got {tuple(p.shape)} and {tuple(z.shape)}"
    require(p.shape == z.shape and p.ndim == 2, f"every prediction p needs its target z, (B, d) each; {shapes}")
    return (F.normalize(p, dim=1) - F.normalize(z, dim=1)).square().sum(dim=1).mean()
