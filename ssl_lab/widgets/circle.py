"""A loss on the unit circle, one step of gradient descent after another: who pulls, who pushes, and where it ends."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.geometry import uniformity
from ssl_lab.widgets.controls import Choice, Slider
from ssl_lab.widgets.explorer import Explorer

STEPS = 60
PACE = 0.4  # radians that the first step would carry a point, if all that pulls and pushes it went one way; this fixes the step size
FLAT = 1e-4  # a force that counts as none, so that a start where all is still stays still
SPREAD = 0.35  # radians: standard deviation of a view around its picture
TINY = 1e-6  # length by which `by_autograd` tells points apart
M = 0.9  # what second views that follow keep of their place at every step: they lag by about ten steps of sixty

Angles, Weights = Float[np.ndarray, " points"], Float[np.ndarray, "points points"]
Loss = Callable[[Angles, float], tuple[float, Weights]]
# (angles of first views and then of second ones, tau) → its value, and its weights: w_ij in dL/dz_i = sum over j of w_ij z_j, how much point j weighs
# in what pulls (< 0) or pushes (> 0) point i. Those below are differentiated by hand, which takes a tenth of the time of autograd.


@functools.cache
def partners(n: int) -> Weights:
    """[i, j]: 1 where j is the partner of i, else 0."""
    return np.roll(np.eye(n), n // 2, axis=1)


def shared(scores, own, tau: float):
    """-log of the positive's share in the softmax, mean over rows, and the softmax, which is its gradient."""
    odds = np.exp((scores - own[:, None]) / tau)
    total = odds.sum(axis=1, keepdims=True)
    return np.log(total).mean(), odds / total


def nt_xent_by_hand(angles: Angles, tau: float) -> tuple[float, Weights]:
    """`losses.nt_xent`."""
    c, n = np.cos(angles - angles[:, None]), len(angles)
    np.fill_diagonal(c, -np.inf)  # a view is not its own negative
    value, p = shared(c, np.tile(c.diagonal(n // 2), 2), tau)
    return value, (p + p.T - 2 * partners(n)) / (n * tau)


def info_nce_by_hand(angles: Angles, tau: float) -> tuple[float, Weights]:
    """`losses.info_nce`: first views are the queries, second ones their keys, without a gradient; the keys of the other pictures are the queue."""
    B = len(angles) // 2
    c, weights = np.cos(angles[B:] - angles[:B, None]), np.zeros((2 * B, 2 * B))
    value, p = shared(c, c.diagonal(), tau)
    weights[:B, B:] = (p - np.eye(B)) / (B * tau)
    return value, weights


def attract(angles: Angles, tau: float) -> tuple[float, Weights]:
    """Alignment as a loss: the mean squared distance of partners; tau does nothing."""
    B = len(angles) // 2
    return 2 - 2 * np.cos(angles[:B] - angles[B:]).mean(), -2 / B * partners(2 * B)


def byol_by_hand(angles: Angles, tau: float) -> tuple[float, Weights]:
    """`losses.byol_regression`, one direction and no predictor: second views are the targets, without a gradient; tau does nothing."""
    value, weights = attract(angles, tau)
    return value, np.triu(weights)


def repel(angles: Angles, tau: float) -> tuple[float, Weights]:
    """Uniformity as a loss: log of the mean of exp(-2 |z_i - z_j|²) over pairs of first views, and of second ones, halved; tau does nothing."""
    (value, near), weights, B = crowding(angles), np.zeros((len(angles), len(angles))), len(angles) // 2
    weights[:B, :B], weights[B:, B:] = 4 * near / near.sum(axis=(1, 2), keepdims=True)
    return value, weights


def crowding(angles: Float[np.ndarray, "*T points"]) -> tuple[float | Float[np.ndarray, " T"], Float[np.ndarray, "*T 2 B B"]]:
    """The mean uniformity of first views and of second ones, and exp(-2 |z_i - z_j|²) of all pairs of each."""
    views, B = angles.reshape(*angles.shape[:-1], 2, -1), angles.shape[-1] // 2
    near = np.exp(4 * np.cos(views[..., None] - views[..., None, :]) - 4) - np.eye(B)
    return np.log(near.sum(axis=(-2, -1)) / (B * (B - 1))).mean(axis=-1), near


def by_autograd(loss: Callable[[Tensor, Tensor, float], Tensor]) -> Loss:
    """Any loss of (z1, z2, tau) that depends on their cosines.

    Every point gets a direction of its own, TINY long: what of it arrives in the gradient of another one is that weight. The diagonal is 0.
    """

    @torch.enable_grad()
    def forces(angles: Angles, tau: float) -> tuple[float, Weights]:
        z = torch.from_numpy(np.hstack([plots.unit(angles), TINY * np.eye(len(angles))])).requires_grad_()
        value = loss(*z.chunk(2), tau)
        (slope,) = torch.autograd.grad(value, z)
        return value.item(), (slope[:, 2:] / TINY).fill_diagonal_(0).numpy()

    return forces


LOSSES: dict[str, Loss] = {  # a new method adds its loss here, a line: its name, and by_autograd(loss)
    "NT-Xent (SimCLR)": nt_xent_by_hand,
    "alignment alone": attract,
    "uniformity alone": repel,
    "alignment + uniformity": lambda angles, tau: tuple(map(sum, zip(attract(angles, tau), repel(angles, tau)))),
    "InfoNCE (MoCo)": info_nce_by_hand,
    "BYOL": byol_by_hand,
}
FOLLOWS = {"InfoNCE (MoCo)": ("query", "key"), "BYOL": ("online", "target")}  # where second views have no gradient and follow first ones: their names


class CircleExplorer(Explorer):
    """What a loss does to points that are free to move on a circle: two views of each picture, step by step of gradient descent.

    No network stands behind the points, so all that is seen is the loss; they begin on an arc, crowded as an untrained network's embeddings are.
    Blue lines join partners. Vermilion ones join those who push each other, as thick as their share of the pushing: cold, only neighbours push;
    hot, all alike. Arrows point along minus the gradient and are four steps long, as far as the picture has room. Trails lead from where the points
    began, outermost.
    InfoNCE and BYOL take second views for keys and targets, which have no gradient and no arrow: after each step they follow their first views by a
    moving average with m = 0.9, as if each network were a table of one angle a picture. A query's queue are the other pictures' present keys, no old
    ones; BYOL goes one way and has no predictor.
    Without a network attraction alone stops when partners have met; that nothing spreads the pictures is what lets a network collapse.
    pairs: 2 to 16; every point has 2 · pairs - 2 negatives, a query pairs - 1.   seed: of the start, 0 to 99.   The step size: see `descent`.
    Controls: loss (a name in LOSSES, which takes a line for every loss to come), tau (0.01 to 10), pairs, step (0 to 60), arc (in degrees), seed.
    Raises: InputError for a control out of its range, or a loss that is not finite.
    """

    def __init__(self, pairs: int = 8, seed: int = 0, **start):
        controls = {
            "loss": Choice("loss", list(LOSSES)),
            "tau": Slider("temperature", 0.01, 10.0, 0.2, log=True),
            "pairs": Slider("pairs", 2, 16, 8),
            "step": Slider("step", 0, STEPS, 5),
            "arc": Slider("arc", 0, 360, 180, step=10, unit="°"),
            "seed": Slider("start", 0, 99),
        }
        super().__init__(controls, pairs=pairs, seed=seed, **start)

    def draw(self, loss: str, tau: float, pairs: int, step: int, arc: int, seed: int):
        first, second = FOLLOWS.get(loss, ("one view", "the other"))
        path = descent(LOSSES[loss], tau, pairs, seed, arc, M if loss in FOLLOWS else 1.0)
        following = f"{second}s following with m = {M:g}, " * (loss in FOLLOWS)
        what = f"{loss} at temperature {tau:.3g}, {following}{pairs} pairs from an arc of {arc} degrees (start {seed})"
        (_, weights), views = LOSSES[loss](path.angles[step], tau), (first, second + ", follows" * (loss in FOLLOWS))
        return plots.circle(path.angles, path.moves[step], weights, path.curves, even(pairs), step, what, views)


@dataclass(frozen=True)
class Path:
    """Gradient descent on the circle, at T = STEPS + 1 moments.

    angles, moves: (T, 2B), of all points, first views first, and what the gradient adds to them at the next step, in radians.
    curves: "loss", "alignment", "uniformity" → (T,); the last is the mean of that of first and of second views.
    """

    angles: np.ndarray
    moves: np.ndarray
    curves: dict[str, np.ndarray]


@functools.lru_cache(maxsize=64)
def descent(loss: Loss, tau: float, pairs: int, seed: int, arc: float, m: float = 1.0) -> Path:
    """STEPS steps θ ← θ - rate · dL/dθ of all points: plain gradient descent at rate = PACE / (the largest force on a point at the start).

    The force is the sum of |weights|, which grows as 1 / tau, so that cold and hot losses move equally fast and can be compared.
    m in [0, 1]: what second views keep of their place when, after each step, they follow the first ones; 1 = all of it.
    """
    angles, rows = begin(pairs, seed, arc), []
    rate = PACE / max(np.abs(loss(angles, tau)[1]).sum(axis=1).max(), FLAT)
    for _ in range(STEPS + 1):
        value, weights = loss(angles, tau)
        move = -rate * slope(weights, angles)
        rows.append((angles, move, value))
        angles = follow(angles + move, m)
    angles, moves, values = map(np.array, zip(*rows))
    alignment = (2 - 2 * np.cos(angles[:, :pairs] - angles[:, pairs:])).mean(axis=1)
    return Path(angles, moves, {"loss": values, "alignment": alignment, "uniformity": crowding(angles)[0]})


def slope(weights: Weights, angles: Angles) -> Angles:
    """dL/dθ along the circle: the weight of every other point times how far along the circle that lies, sin(θ_j - θ_i)."""
    return (weights * np.sin(angles - angles[:, None])).sum(axis=1)


def follow(angles: Angles, m: float) -> Angles:
    """The moving average θ2 ← m θ2 + (1 - m) θ1 of second views, the shorter way around the circle."""
    first, second = angles.reshape(2, -1)
    return np.concatenate([first, second + (1 - m) * ((first - second + np.pi) % (2 * np.pi) - np.pi)])


def begin(pairs: int, seed: int, arc: float) -> Angles:
    """Angles to start from: pictures side by side on an arc around the top, in degrees, and two views scattered around each."""
    middle = np.pi * (0.5 + arc / 180 * (0.5 - (np.arange(pairs) + 0.5) / pairs))
    scatter = torch.randn(2 * pairs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return np.tile(middle, 2) + SPREAD * scatter.numpy()


@functools.cache
def even(pairs: int) -> float:
    """The uniformity of as many points, evenly spread."""
    return uniformity(torch.from_numpy(plots.unit(2 * np.pi * np.arange(pairs) / pairs))).item()
