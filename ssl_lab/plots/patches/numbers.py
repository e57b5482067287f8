"""The numbers behind CPC's predictions: which patch of the batch each of them finds, and what it pays for its target."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ssl_lab.errors import require
from ssl_lab.losses import minus_log_share

TIE = 1e-6  # of the largest score: float32 tells no smaller difference


def places(G: int, J: int, turn: int, k: int) -> tuple[Int[np.ndarray, " T"], Int[np.ndarray, " T"]]:
    """Contexts, and the patches that they predict: patch t is predicted by context t of a grid that is turned by `turn` · 90°, k rows below it.

    Patches are numbered row by row in the grid as it is.   Raises: InputError for k that leaves no row.
    """
    turned = np.rot90(np.arange(G * J).reshape(G, J), turn)
    require(0 < k < len(turned), f"k={k}: a grid of {len(turned)} rows has targets for k from 1 to {len(turned) - 1}")
    return turned[:-k].ravel(), turned[k:].ravel()


def nearest(target: int, targets: Int[np.ndarray, " T"], back: bool = False) -> int:
    """The patch itself if it is a target, else the next one that is, or the last one.   back: else the one before it that is, or the first one."""
    there = targets[targets <= target] if back else targets[targets >= target]
    return int(there.max() if back else there.min()) if len(there) else int(targets.min() if back else targets.max())


@dataclass(frozen=True, eq=False)
class Found:
    """Where each prediction of one direction and one step finds its patch, among all N = B·G·J patches of B images.

    Candidate b·G·J + p is patch p of image b.   turn, k: the direction, and rows ahead.   grid: (G, J).   prediction: of T targets an image.
    z: of all candidates.   loss: -log of what the target gets.
    """

    turn: int
    k: int
    grid: tuple[int, int]
    contexts: Int[np.ndarray, " T"]
    targets: Int[np.ndarray, " T"]
    prediction: Float[np.ndarray, "B T d"]
    z: Float[np.ndarray, "N d"]
    loss: Float[np.ndarray, "B T"]

    @property
    def patches(self) -> int:
        """Of one image."""
        return self.grid[0] * self.grid[1]

    @property
    def chance(self) -> float:
        """What a prediction pays that finds all candidates alike."""
        return math.log(len(self.z))

    @cached_property
    def mean(self) -> float:
        """`losses.cpc_nce` of this direction and this step."""
        return float(self.loss.mean())

    def place(self, target: int) -> int:
        """Which of the T it is."""
        return int(np.flatnonzero(self.targets == target)[0])

    def context(self, target: int) -> int:
        """The position whose context predicts it."""
        return int(self.contexts[self.place(target)])

    def number(self, image: int, target: int) -> int:
        """Its number among the candidates."""
        return image * self.patches + target

    def scores(self, image: int, target: int) -> Float[np.ndarray, " N"]:
        """The prediction's dot products with all candidates."""
        return self.z @ self.prediction[image, self.place(target)]

    def ranks(self, image: int) -> Int[np.ndarray, " T"]:
        """The places of the targets; 1 = ahead of all others, a tie counts against it."""
        near = steps(self.prediction[image] @ self.z.T)
        own = near[np.arange(len(self.targets)), image * self.patches + self.targets]
        return (near >= own[:, None]).sum(1)  # the target is among these

    def order(self, image: int, target: int) -> Int[np.ndarray, " N"]:
        """The candidates from the best to the worst; of those that tie, the target last."""
        scores, own = self.scores(image, target), self.number(image, target)
        return np.lexsort((np.arange(len(scores)), np.arange(len(scores)) == own, -steps(scores)))

    def whole(self, values: Float[np.ndarray, " T"]) -> Float[np.ndarray, "G J"]:
        """One value a target, in its place in the grid; NaN where nothing is predicted."""
        out = np.full(self.patches, np.nan)
        out[self.targets] = values
        return out.reshape(self.grid)


def found(prediction: Float[np.ndarray, "B d H W"], target: Float[np.ndarray, "B d G J"], turn: int, k: int) -> Found:
    """Every prediction against all targets of the batch, in float64.   prediction: of the turned grid; target: of the grid as it is."""
    (B, d, G, J), flat = target.shape, prediction.transpose(0, 2, 3, 1).astype(float)
    contexts, targets = places(G, J, turn, k)
    z, rows = target.transpose(0, 2, 3, 1).reshape(-1, d).astype(float), flat[:, :-k].reshape(B, -1, d)
    loss = np.stack([paid(rows[image] @ z.T, image * G * J + targets) for image in range(B)])
    return Found(turn, k, (G, J), contexts, targets, rows, z, loss)


def paid(scores: Float[np.ndarray, "T N"], own: Int[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """-log of the share of each row's own candidate."""
    scores = torch.from_numpy(scores)
    return minus_log_share(scores, scores[range(len(own)), own]).numpy()


def steps(scores: Float[np.ndarray, "*rows N"]) -> Float[np.ndarray, "*rows N"]:
    """Scores so rounded that those which tie are equal."""
    largest = np.abs(scores).max(-1, keepdims=True)
    return (scores / (TIE * np.where(largest > 0, largest, 1))).round()


def shares(scores: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """The softmax."""
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


@dataclass(frozen=True, eq=False)
class Field:
    """What contexts see of one image, as it was measured: moved[q, p] is how far context p goes when patch q is covered, in parts of a context's
    mean length; 0 where p does not see q. Patches are numbered row by row.
    """

    moved: Float[np.ndarray, "P P"]

    def seen(self, context: int) -> Bool[np.ndarray, " P"]:
        """The patches that this context sees."""
        return self.moved[:, context] > 0

    def told(self, patch: int) -> Bool[np.ndarray, " P"]:
        """The contexts that see this patch."""
        return self.moved[patch] > 0


def shared(seen: Bool[np.ndarray, " P"], target: int, grid: tuple[int, int], size: int, stride: int) -> float:
    """The part of the target's pixels that also lie in patches which are seen."""
    (G, J), (row, column) = grid, divmod(target, grid[1])
    covered = np.zeros(((G - 1) * stride + size, (J - 1) * stride + size), bool)
    for i, j in zip(*np.nonzero(seen.reshape(G, J))):
        covered[i * stride : i * stride + size, j * stride : j * stride + size] = True
    return float(covered[row * stride : row * stride + size, column * stride : column * stride + size].mean())
