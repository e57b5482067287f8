"""The lecture's losses, one function each.

Rows are images, tau is the temperature, bf16 and fp16 become float32.
InfoNCE is written once, as `minus_log_share`. The losses differ in their candidates:
    batch       `nt_xent`: all other rows of both views
    queue       `info_nce`: the own key, and the keys of earlier batches
    cross-view  `cross_view_nce`: all rows of the other view
    patches     `cpc_nce`: all positions of all images
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.errors import require
from ssl_lab.panels import NTXentInPanels
from ssl_lab.softmax import MinusLogShare
from ssl_lab.surroundings import in_float32, lift

Tau = float | Float[Tensor, ""]  # a number, or a learned parameter

LARGE = 512  # from so many rows on, panels are not slower (EPYC, one core, torch 2.15)
SHARP = 0.07  # float32 from here on: 1e-6 of max(1, loss) (benchmarks/precision.py)


def sharp(z: Float[Tensor, "M d"], tau: Tau) -> Float[Tensor, "M d"]:
    """z in float64 where float32 is too coarse: its last digit / tau exceeds 1e-6.

    Not on MPS, which has no float64.
    """
    return z.double() if tau < SHARP and z.device.type != "mps" else z


def unit(z: Float[Tensor, "B d"]) -> Float[Tensor, "B d"]:
    """Rows of length 1, in float32 or more: half precision is wrong by 0.4 %."""
    return F.normalize(lift(z), dim=1)


def minus_log_share(
    scores: Float[Tensor, "M C"], own: Float[Tensor, " M"], tau: Tau | None = None
) -> Float[Tensor, " M"]:
    """InfoNCE of every row: -log of its partner's share in the softmax.

    scores: of all candidates, the partner too; -inf excludes a candidate.
    own: the partner's score. It is subtracted first, since that difference is exact.
    tau=None: the scores are not divided.
    F.cross_entropy is not used: over 65,536 terms its error is 3e-5.
    """
    if isinstance(tau, Tensor):  # it may be learned
        return ((scores - own[:, None]) / tau).logsumexp(dim=1)
    return MinusLogShare.apply(scores, own, 1.0 if tau is None else tau)


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


@in_float32
def cross_view_nce(
    z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: Tau = 0.07
) -> Float[Tensor, ""]:
    """CMC's loss of two views: L(V1, V2) + L(V2, V1), a sum of two means.

    A row of one view finds its partner among the B rows of the other view: one
    congruent pair, B - 1 incongruent ones. Its own view is no candidate.
    Rows are normalised here: h(v1, v2) = exp(cos(z1, z2) / tau).
    The loss is 2 log B when all scores are equal, and 0 for one row.
    Raises: InputError (a ValueError) for unequal shapes or tau <= 0.
    A NaN spreads to the loss.
    """
    shapes = f"got {tuple(z1.shape)} and {tuple(z2.shape)}"
    two_views = f"z1 and z2 are two views of the same B things, (B, d) each; {shapes}"
    require(z1.shape == z2.shape and z1.ndim == 2, two_views)
    require(bool(tau > 0), f"tau={tau} must be positive; the paper uses 0.07")
    s = unit(sharp(z1, tau)) @ unit(sharp(z2, tau)).T
    forth, back = (minus_log_share(x, s.diagonal(), tau).mean() for x in (s, s.T))
    return (forth + back).to(z1.dtype)


@in_float32
def cpc_nce(
    prediction: Float[Tensor, "B d H W"], target: Float[Tensor, "B d H W"], k: int
) -> Float[Tensor, ""]:
    """CPC's loss of one step k: find the patch k rows below among all of the batch.

    prediction[b, :, r, c] is for target[b, :, r + k, c]; the last k rows have no target
    and are left out. Candidates are all B·H·W positions of target; the scores are dot
    products, neither normalised nor divided by a temperature. Mean over B·(H - k)·W.
    It is log(B·H·W) when all scores are equal. Hénaff et al. 2020, section 2.1.
    Raises: InputError (a ValueError) for unequal shapes, or k outside 1 to H - 1.
    A NaN spreads to the loss.
    """
    shapes = f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
    grids = f"a prediction and a target for every position, (B, d, H, W) each; {shapes}"
    require(prediction.shape == target.shape and prediction.ndim == 4, grids)
    B, _, H, W = target.shape
    below = f"k={k}: a grid of {H} rows has targets for k from 1 to {H - 1}"
    require(0 < k < H, below)
    z = target.permute(0, 2, 3, 1).flatten(0, 2)
    own = torch.arange(B * H * W, device=z.device).view(B, H, W)[:, k:].flatten()
    scores = prediction[:, :, :-k].permute(0, 2, 3, 1).flatten(0, 2) @ z.T
    return minus_log_share(scores, scores.gather(1, own[:, None])[:, 0]).mean()


def core_view(
    zs: Sequence, tau: Tau = 0.07, pair: Callable = cross_view_nce
) -> Float[Tensor, ""]:
    """CMC's core view, Figure 3a: the sum over M - 1 pairs, the first view in each.

    zs: M embeddings (B, d), one a view.   pair: the loss of two of them, and of tau.
    Raises: InputError (a ValueError) for fewer than two views, or as `pair`.
    """
    check_views(zs)
    return sum(pair(zs[0], z, tau) for z in zs[1:])


def full_graph(
    zs: Sequence, tau: Tau = 0.07, pair: Callable = cross_view_nce
) -> Float[Tensor, ""]:
    """CMC's full graph, Figure 3b: the sum over all M (M - 1) / 2 pairs of views.

    zs: M embeddings (B, d), one a view.   pair: the loss of two of them, and of tau.
    Raises: InputError (a ValueError) for fewer than two views, or as `pair`.
    """
    check_views(zs)
    return sum(pair(a, b, tau) for a, b in combinations(zs, 2))


def check_views(zs: Sequence) -> None:
    """Refuse fewer than two views."""
    fix = "give the embeddings of two views or more, one tensor (B, d) each"
    require(len(zs) > 1, f"{len(zs)} view has no other view to agree with; {fix}")


def mutual_information_bound(
    loss: float | Float[Tensor, ""], k: int
) -> float | Float[Tensor, ""]:
    """CMC's bound of what two views share: I(z1; z2) >= log k - L, in nats.

    loss: InfoNCE of one direction, with one positive and k negatives; halve the sum of
    two directions, of which k = B - 1 for a batch of B.
    log(k + 1) - L is a bound, too, the tight one (van den Oord et al. 2018): it is 0
    when all scores are equal, and never more than log(k + 1).
    Raises: InputError (a ValueError) for k below 1.
    """
    require(k >= 1, f"k={k} negatives: at least 1 is needed; a batch of B has B - 1")
    return math.log(k) - loss
