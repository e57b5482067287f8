"""The lecture's losses, one function each.

Rows are images, tau is the temperature, bf16 and fp16 become float32.
InfoNCE is written once, as `minus_log_share`. The losses differ in their candidates:
    batch       `nt_xent`: all other rows of both views
    queue       `info_nce`: the own key, and the keys of earlier batches
    cross-view  the rows of the other view, `scores = z1 @ z2.T`, own: the diagonal
    patches     the same, with predictions and their targets
"""

import functools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.errors import require

Tau = float | Float[Tensor, ""]  # a number, or a learned parameter

LARGE = 512  # from so many rows on, panels are not slower (EPYC, one core, torch 2.15)
PANEL = 128  # rows of a panel: it fits a CPU's cache; on a GPU 8 times as many
SHARP = 0.07  # float32 from here on: 1e-6 of max(1, loss) (benchmarks/precision.py)


def in_float32(loss):
    """Compute a loss outside autocast, in float32 or more.

    With bf16 logits at tau = 0.07 the gradient has an error of 2 %.
    """

    @functools.wraps(loss)
    def lifted(*rows: Tensor | float, **options) -> Tensor:
        options = {name: lift(x) for name, x in options.items()}
        cuda, cpu = (torch.autocast(kind, enabled=False) for kind in ("cuda", "cpu"))
        with cuda, cpu:
            return loss(*map(lift, rows), **options)

    return lifted


def lift(x):
    """At least float32; float64 and numbers stay as they are."""
    tensor = isinstance(x, Tensor)
    return x.to(torch.promote_types(x.dtype, torch.float32)) if tensor else x


def sharp(z: Float[Tensor, "M d"], tau: Tau) -> Float[Tensor, "M d"]:
    """z in float64 where float32 is too coarse: its last digit / tau exceeds 1e-6.

    Not on MPS, which has no float64.
    """
    return z.double() if tau < SHARP and z.device.type != "mps" else z


def unit(z: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
    """Rows of length 1, in float32 or more: half precision is wrong by 0.4 %."""
    return F.normalize(lift(z), dim=1)


def minus_log_share(
    scores: Float[Tensor, "M C"], own: Float[Tensor, " M"], tau: Tau = 1.0
) -> Float[Tensor, " M"]:
    """InfoNCE of every row: -log of its partner's share in the softmax.

    scores: of all candidates, the partner too; -inf excludes a candidate.
    own: the partner's score. It is subtracted first, since that difference is exact.
    F.cross_entropy is not used: over 65,536 terms its error is 3e-5.
    """
    return ((scores - own[:, None]) / tau).logsumexp(dim=1)


@in_float32
def nt_xent(
    z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: Tau = 0.5
) -> Float[Tensor, ""]:
    """SimCLR's loss, Eqn. 1: find the partner among 2B - 1 rows; mean over 2B anchors.

    Rows are normalised here, so their length does not matter.
    The loss is 0 for one pair, and log(2B - 1) for identical rows.
    Raises: InputError (a ValueError) for unequal shapes or tau <= 0.
    A NaN spreads to the loss, and `train` stops there.
    """
    shapes = f"got {tuple(z1.shape)} and {tuple(z2.shape)}"
    two_views = f"z1 and z2 are the two views of one batch, (B, d) each; {shapes}"
    require(z1.shape == z2.shape and z1.ndim == 2, two_views)
    require(bool(tau > 0), f"tau={tau} must be positive; the paper uses 0.1 to 1")
    z = F.normalize(sharp(torch.cat([z1, z2]), tau), dim=1)
    in_panels = len(z) >= LARGE
    loss = NTXentInPanels.apply(z / tau**0.5) if in_panels else anchors(z, tau).mean()
    return loss.to(z1.dtype)


def anchors(z: Float[Tensor, "M d"], tau: Tau) -> Float[Tensor, " M"]:
    """The loss of each row: find the partner, M / 2 rows away, among all other rows."""
    s = z @ z.T / tau
    s.fill_diagonal_(-torch.inf)  # an image is not its own negative
    B = len(z) // 2
    return minus_log_share(s, torch.cat([s.diagonal(B), s.diagonal(-B)]))


class NTXentInPanels(torch.autograd.Function):
    """The mean of `anchors` without the M x M matrix, in memory O(M d).

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


@in_float32
def info_nce(
    q: Float[Tensor, "B d"],
    k: Float[Tensor, "B d"],
    queue: Float[Tensor, "K d"],
    tau: Tau = 0.07,
) -> Float[Tensor, ""]:
    """MoCo's loss, Eqn. 1: find the own key among K earlier keys; mean over queries.

    All rows are unit vectors and are not normalised again. A gradient flows into k,
    too, if k requires one; MoCo's keys require none.
    The loss is log(K + 1) when all scores are equal.
    Raises: InputError (a ValueError) for unequal shapes, a queue of another width, or
    tau <= 0. A NaN spreads to the loss.
    """
    shapes = f"q is {tuple(q.shape)}, k is {tuple(k.shape)}"
    own_keys = f"every query needs its own key, (B, d) each; {shapes}"
    require(q.shape == k.shape and q.ndim == 2, own_keys)
    widths = f"the queue is {tuple(queue.shape)}, the queries have width {q.shape[1]}"
    same_width = queue.ndim == 2 and queue.shape[1] == q.shape[1]
    require(same_width, f"{widths}; both come from heads of one width")
    require(bool(tau > 0), f"tau={tau} must be positive; the paper uses 0.07")
    scores = queue_scores(*(sharp(rows, tau) for rows in (q, k, queue)))
    return minus_log_share(scores, scores[:, 0], tau).mean().to(q.dtype)


def queue_scores(
    q: Float[Tensor, "B d"], k: Float[Tensor, "B d"], queue: Float[Tensor, "K d"]
) -> Float[Tensor, "B _"]:
    """Each query with its own key, in column 0, and with all K keys of the queue."""
    return torch.cat([(q * k).sum(dim=1, keepdim=True), q @ queue.T], dim=1)


@in_float32
def byol_regression(
    p: Float[Tensor, "B d"], z: Float[Tensor, "B d"]
) -> Float[Tensor, ""]:
    """BYOL's loss, Eqn. 2, one direction: |p/|p| - z/|z||² = 2 - 2 cos(p, z), 0 to 4.

    Summed over features, mean over the batch. Rows are normalised here.
    z is the target. Pass z.detach() to stop its gradient; BYOL computes z without one.
    Raises: InputError (a ValueError) for unequal shapes. A NaN spreads to the loss.
    """
    shapes = f"got {tuple(p.shape)} and {tuple(z.shape)}"
    targets = f"every prediction p needs its target z, (B, d) each; {shapes}"
    require(p.shape == z.shape and p.ndim == 2, targets)
    return (F.normalize(p, dim=1) - F.normalize(z, dim=1)).square().sum(dim=1).mean()


@in_float32
def soft_cross_entropy(
    logits: Float[Tensor, "B C"], target: Float[Tensor, "B C"]
) -> Float[Tensor, ""]:
    """Noisy Student's loss: -sum over classes of target · log softmax(logits).

    The mean over the batch. It is least where softmax(logits) = target, and then it is
    the target's entropy, which is 0 only for a target that is sure.
    target: rows that sum to 1, a teacher's probabilities, which are not smoothed. Its
    gradient is not stopped here; the method's teacher has none.
    Raises: InputError (a ValueError) for unequal shapes. A NaN spreads to the loss.
    """
    shapes = f"got {tuple(logits.shape)} and {tuple(target.shape)}"
    rows = f"every row of logits needs its own probabilities, (B, C) each; {shapes}"
    require(logits.shape == target.shape and logits.ndim == 2, rows)
    return -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()
