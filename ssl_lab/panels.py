"""NT-Xent of many rows without the matrix of all their scores, in memory O(M d)."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

PANEL = 128  # rows of a panel: it fits a CPU's cache; on a GPU 8 times as many


class NTXentInPanels(torch.autograd.Function):
    """The mean of `losses.anchors` without the M x M matrix, in memory O(M d).

    z: unit rows / sqrt(tau), so that s = z zᵀ are the logits.
    A panel is some rows of s, from the diagonal to the right. Since s_ij = s_ji, its
    columns serve the rows below it: only half of the exponentials are computed.
    Gradient: dz_i = (sum_j (p_ij + p_ji) z_j - 2 z_partner(i)) / M. The panels are
    computed again, not kept. First derivatives only.
    """

    @staticmethod
    def forward(ctx, z: Float[Tensor, "M d"]) -> Float[Tensor, ""]:
        lse, own = z.new_full((len(z),), -torch.inf), []
        for here, below, s in panels(z):
            lse[here] = torch.logaddexp(lse[here], s.logsumexp(dim=1))
            lse[below] = torch.logaddexp(lse[below], s[:, len(s) :].logsumexp(dim=0))
            own.append(s.diagonal(len(z) // 2))  # i with i + B
        ctx.save_for_backward(z, lse)
        return (lse - torch.cat(own).repeat(2)).mean()

    @staticmethod
    def backward(ctx, slope: Float[Tensor, ""]) -> Float[Tensor, "M d"]:
        z, lse = ctx.saved_tensors
        dz = -2 * z.roll(len(z) // 2, dims=0)
        for here, below, s in panels(z):
            p = (s - lse[here, None]).exp_().add_(s.sub_(lse[here.start :]).exp_())
            dz[here] += p @ z[here.start :]
            dz[below] += p[:, len(s) :].T @ z[here]
        return dz * (slope / len(z))


def panels(z: Float[Tensor, "M d"]) -> Iterator[tuple[slice, slice, Tensor]]:
    """The upper triangle of z zᵀ, some rows at a time.

    (these rows, the rows below, the logits of these rows from column `start` on)
    """
    rows = PANEL if z.device.type == "cpu" else 8 * PANEL
    for start in range(0, len(z), rows):
        here, below = slice(start, start + rows), slice(start + rows, None)
        s = z[here] @ z[start:].T
        yield here, below, s.fill_diagonal_(-torch.inf)  # not its own negative
