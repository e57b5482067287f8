"""The numbers behind the contrastive matrix: what NT-Xent makes of a batch, anchor by anchor, and in which order its rows are shown."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

ORDERS = ("view", "image", "class")  # how rows can be arranged
DIGITS = 9  # of a cosine; what differs only beyond them is a tie


@dataclass(frozen=True, eq=False)
class Contrast:
    """A batch of M = 2N rows under the loss at temperature tau. Row i is the anchor of its own line in every matrix."""

    cosine: Float[np.ndarray, "M M"]
    share: Float[np.ndarray, "M M"]  # p: each row's softmax over its candidates
    loss: Float[np.ndarray, " M"]  # -log of what the partner gets
    rank: Int[np.ndarray, " M"]  # of the partner among the candidates: 1 = ahead of all others; a tie counts against it
    partner: Int[np.ndarray, " M"]
    tau: float
    kept: bool  # whether a row is a candidate of its own

    @property
    def candidates(self) -> int:
        """How many compete for the weight of one anchor."""
        return len(self.loss) - (not self.kept)

    def weight(self, anchor: int) -> Float[np.ndarray, " M"]:
        """dl_i / ds_ij = (p_ij - [j is the partner]) / tau, the gradient of the anchor's loss by its cosines: below zero pulls, above zero pushes."""
        pull = np.arange(len(self.loss)) == self.partner[anchor]
        return (self.share[anchor] - pull) / self.tau

    def listed(self, anchor: int, top: int) -> list[int]:
        """The candidates with the largest shares in their order, the partner among them whatever its rank."""
        own = int(self.partner[anchor])
        order = np.lexsort((np.arange(len(self.loss)) == own, -self.cosine[anchor].round(DIGITS)))
        order = [int(j) for j in order if self.kept or j != anchor]
        return order[:top] if own in order[:top] else [*order[: top - 1], own]


def contrast(z: Float[np.ndarray, "M d"], tau: float, kept: bool = False) -> Contrast:
    """NT-Xent of a batch whose partners stand M / 2 apart, in float64; rows are normalised here.

    kept: leave the diagonal in the softmax, so that each row competes for its own weight: the usual mistake.
    """
    z = z.astype(np.float64) / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    rows = np.arange(len(z))
    partner = np.roll(rows, len(z) // 2)
    cosine = z @ z.T
    logits = cosine / tau
    if not kept:
        np.fill_diagonal(logits, -np.inf)  # an image is not its own negative
    logits -= logits.max(1, keepdims=True)
    log_share = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    near = cosine.round(DIGITS)
    ahead = near >= near[rows, partner][:, None]  # the partner itself is one of these, and so is the anchor
    rank = ahead.sum(1) - (not kept)
    return Contrast(cosine, np.exp(log_share), -log_share[rows, partner], rank, partner, tau, kept)


def arranged(order: str, labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
    """Which row comes where: first views above second ones, the two views of a picture together, or pictures by class, those without one last."""
    N = len(labels)
    if order == "view":
        return np.arange(2 * N)
    pictures = np.arange(N) if order == "image" else np.argsort(np.where(labels < 0, labels.max() + 1, labels), kind="stable")
    return np.stack([pictures, pictures + N], axis=1).ravel()


def groups(order: str, labels: Int[np.ndarray, " N"], classes: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """The stretches of rows that have a name in this order: (first, one past the last, name)."""
    N = len(labels)
    if order == "view":
        return [(0, N, "first views"), (N, 2 * N, "second views")]
    if order == "image":
        return []
    sorted_ = labels[arranged(order, labels)[::2] % N]
    edges = [0, *(np.flatnonzero(np.diff(sorted_)) + 1), N]
    return [(2 * int(a), 2 * int(b), class_name(int(sorted_[a]), classes)) for a, b in pairwise(edges)]


def class_name(label: int, classes: tuple[str, ...]) -> str:
    """In words, short enough for a column: a number where there are no names."""
    if label < 0:
        return "no class"
    name = classes[label] if label < len(classes) else f"class {label}"
    return name if len(name) <= 11 else name[:10] + "…"
