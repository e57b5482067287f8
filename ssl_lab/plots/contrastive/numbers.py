"""The numbers behind the contrastive matrices: what NT-Xent or InfoNCE makes of a batch, anchor by anchor, and in which order rows are shown."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ssl_lab.losses import minus_log_share, queue_scores, unit
from ssl_lab.plots.look import class_name

ORDERS = ("view", "image", "class")  # how rows can be arranged
DIGITS = 9  # of a cosine; what differs only beyond them is a tie


@dataclass(frozen=True, eq=False)
class Contrast:
    """Some anchors and their candidates under a loss at temperature tau. Row i is anchor i in every matrix.

    NT-Xent: a batch of M = 2N rows, each the anchor of its own line and a candidate of all others.   InfoNCE: N queries, each with 1 + K keys.
    """

    cosine: Float[np.ndarray, "A C"]
    share: Float[np.ndarray, "A C"]  # p: each row's softmax over its candidates
    cost: Float[np.ndarray, "A C"]  # -log p, also where p itself is too small for a float; infinite for what is left out
    loss: Float[np.ndarray, " A"]  # -log of what the partner gets
    rank: Int[np.ndarray, " A"]  # of the partner among the candidates: 1 = ahead of all others; a tie counts against it
    partner: Int[np.ndarray, " A"]
    tau: float
    square: bool  # whether the anchors are the candidates too, so that each meets itself on the diagonal
    kept: bool  # whether the diagonal takes part

    @property
    def candidates(self) -> int:
        """How many compete for the weight of one anchor."""
        return self.share.shape[1] - (self.square and not self.kept)

    @property
    def negatives(self) -> int:
        """Those among them that are neither the partner nor the anchor."""
        return self.share.shape[1] - 1 - self.square

    @property
    def first(self) -> int:
        """How many anchors find their partner before anything else."""
        return int((self.rank == 1).sum())

    def itself(self, anchor: int) -> int:
        """The column where the anchor meets itself; -1 where it never does."""
        return anchor if self.square else -1

    def weight(self, anchor: int) -> Float[np.ndarray, " C"]:
        """dl_i / ds_ij = (p_ij - [j is the partner]) / tau, the gradient of the anchor's loss by its cosines: below zero pulls, above zero pushes."""
        pull = np.arange(self.share.shape[1]) == self.partner[anchor]
        return (self.share[anchor] - pull) / self.tau

    def listed(self, anchor: int, top: int) -> list[int]:
        """The candidates with the largest shares in their order, the partner among them whatever its rank."""
        own = int(self.partner[anchor])
        order = np.lexsort((np.arange(self.share.shape[1]) == own, -self.cosine[anchor].round(DIGITS)))
        order = [int(j) for j in order if self.kept or j != self.itself(anchor)]
        return order[:top] if own in order[:top] else [*order[: top - 1], own]


def contrast(z: Float[np.ndarray, "M d"], tau: float, kept: bool = False) -> Contrast:
    """NT-Xent of a batch whose partners stand M / 2 apart, in float64; rows are normalised here.

    kept: leave the diagonal in the softmax, so that each row competes for its own weight: the usual mistake.
    """
    z = directions(z)
    return compete(z @ z.T, np.roll(np.arange(len(z)), len(z) // 2), tau, True, kept)


def lookup(q: Float[np.ndarray, "N d"], keys: Float[np.ndarray, "N_and_K d"], tau: float) -> Contrast:
    """InfoNCE of N queries in float64: column 0 is the query's own key, one of the first N; all further keys, the queue, are the other columns."""
    q, k, queue = map(directions, (q, keys[: len(q)], keys[len(q) :]))
    return compete(queue_scores(q, k, queue), np.zeros(len(q), int), tau, False, False)


def compete(scores: Float[Tensor, "A C"], partner: Int[np.ndarray, " A"], tau: float, square: bool, kept: bool) -> Contrast:
    """The softmax of every row, and where its partner stands."""
    cosine, rows = scores.numpy().copy(), np.arange(len(scores))
    if square and not kept:
        scores.fill_diagonal_(-torch.inf)  # an image is not its own negative
    own, share = scores[rows, partner], (scores / tau).softmax(1)
    loss, near = minus_log_share(scores, own, tau), cosine.round(DIGITS)
    cost = loss[:, None] + (own[:, None] - scores) / tau
    ahead = near >= near[rows, partner][:, None]  # the partner itself is one of these, and on a diagonal so is the anchor
    rank = ahead.sum(1) - (square and not kept)
    return Contrast(cosine, share.numpy(), cost.numpy(), loss.numpy(), rank, partner, tau, square, kept)


def same_class(labels: Int[np.ndarray, " A"], others: Int[np.ndarray, " C"]) -> Bool[np.ndarray, "A C"]:
    """Who shows the same class as whom; nothing is like a picture without a label."""
    return (labels[:, None] == others) & (labels[:, None] >= 0)


def directions(rows: Float[np.ndarray, "M d"]) -> Float[Tensor, "M d"]:
    """Rows of length 1, in float64."""
    return unit(torch.from_numpy(rows.astype(np.float64)))


def arranged(order: str, labels: Int[np.ndarray, " N"], each: int = 2) -> Int[np.ndarray, " M"]:
    """Which row comes where: first views above second ones, the two views of a picture together, or pictures by class, those without one last.

    each: rows that a picture has.
    """
    N = len(labels)
    if order == "view":
        return np.arange(2 * N)
    pictures = np.arange(N) if order == "image" else np.argsort(np.where(labels < 0, labels.max() + 1, labels), kind="stable")
    return (pictures[:, None] + N * np.arange(each)).ravel()


def groups(order: str, labels: Int[np.ndarray, " N"], classes: tuple[str, ...], each: int = 2) -> list[tuple[int, int, str]]:
    """The stretches of rows that have a name in this order: (first, one past the last, name)."""
    N = len(labels)
    if order == "view":
        return [(0, N, "first views"), (N, 2 * N, "second views")]
    if order == "image":
        return []
    sorted_ = labels[arranged(order, labels, 1)]
    edges = [0, *(np.flatnonzero(np.diff(sorted_)) + 1), N]
    return [(each * int(a), each * int(b), class_name(int(sorted_[a]), classes)) for a, b in pairwise(edges)]
