"""A loss on the unit circle, one step of gradient descent after another: who pulls, who pushes, and where it ends."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.geometry import alignment, uniformity
from ssl_lab.losses import byol_regression, minus_log_share, nt_xent
from ssl_lab.widgets.explorer import Explorer

STEPS = 60
PACE = 0.4  # radians that the first step would carry a point, if all that pulls and pushes it went one way; this fixes the step size
FLAT = 1e-4  # a force that counts as none, so that a start where all is still stays still
SPREAD = 0.35  # radians: standard deviation of a view around its picture
TINY = 1e-4  # length by which `weights` tells points apart
M = 0.9  # what second views that follow keep of their place at every step: they lag by about ten steps of sixty

Loss = Callable[[Tensor, Tensor, float], Tensor]


def attract(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float) -> Float[Tensor, ""]:
    """Alignment as a loss: the mean squared distance of partners; tau does nothing."""
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(dim=1).mean()


def repel(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float) -> Float[Tensor, ""]:
    """Uniformity as a loss: log of the mean of exp(-2 |z_i - z_j|²) over pairs of first views, and of second ones, halved; tau does nothing."""
    return sum(torch.pdist(F.normalize(z, dim=1)).square().mul(-2).exp().mean().log() for z in (z1, z2)) / 2


def info_nce_of_pairs(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float) -> Float[Tensor, ""]:
    """MoCo's loss: first views are the queries, second ones their keys, without a gradient; the keys of the other pictures are the queue."""
    q, k = F.normalize(z1, dim=1), F.normalize(z2.detach(), dim=1)
    scores = q @ k.T
    return minus_log_share(scores, scores.diagonal(), tau).mean()


def byol_of_pairs(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float) -> Float[Tensor, ""]:
    """BYOL's loss, one direction and no predictor: first views are the predictions, second ones the targets, without a gradient; tau does nothing."""
    return byol_regression(z1, z2.detach())


LOSSES: dict[str, Loss] = {  # a new method adds its loss here: its name, and a function of (z1, z2, tau) that depends on their cosines
    "NT-Xent (SimCLR)": nt_xent,
    "alignment alone": attract,
    "uniformity alone": repel,
    "alignment + uniformity": lambda z1, z2, tau: attract(z1, z2, tau) + repel(z1, z2, tau),
    "InfoNCE (MoCo)": info_nce_of_pairs,
    "BYOL": byol_of_pairs,
}
FOLLOWS = {"InfoNCE (MoCo)": ("query", "key"), "BYOL": ("online", "target")}  # where second views have no gradient and follow first ones: their names


class CircleExplorer(Explorer):
    """What a loss does to points that are free to move on a circle: two views of each picture, step by step of gradient descent.

    No network stands behind the points, so all that is seen is the loss; they begin on an arc, crowded as an untrained network's embeddings are.
    Blue lines join partners. Vermilion ones join those who push each other, as thick as their share of the pushing: cold, only neighbours push;
    hot, all alike. Arrows point along minus the gradient and are four steps long. Trails lead from where the points began, outermost.
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
            "loss": widgets.Dropdown(description="loss", options=list(LOSSES)),
            "tau": widgets.FloatLogSlider(0.2, description="temperature", min=-2, max=1, step=0.05),
            "pairs": widgets.IntSlider(8, description="pairs", min=2, max=16),
            "step": widgets.IntSlider(5, description="step", max=STEPS),
            "arc": widgets.IntSlider(180, description="arc", min=0, max=360, step=10),
            "seed": widgets.IntSlider(description="start", max=99),
        }
        super().__init__(controls, pairs=pairs, seed=seed, **start)

    def draw(self, loss: str, tau: float, pairs: int, step: int, arc: int, seed: int):
        first, second = FOLLOWS.get(loss, ("one view", "the other"))
        path = descent(LOSSES[loss], tau, pairs, seed, arc, M if loss in FOLLOWS else 1.0)
        following = f"{second}s following with m = {M:g}, " * (loss in FOLLOWS)
        what = f"{loss} at temperature {tau:.3g}, {following}{pairs} pairs from an arc of {arc} degrees (start {seed})"
        curves = {"loss": path.loss, "alignment": path.alignment, "uniformity": path.uniformity}
        forces, views = weights(LOSSES[loss], path.angles[step], tau), (first, second + ", follows" * (loss in FOLLOWS))
        return plots.circle(path.angles, path.moves[step], forces, curves, even(pairs), step, what, views)


@dataclass(frozen=True)
class Path:
    """Gradient descent on the circle, at T = STEPS + 1 moments.

    angles, moves: (T, 2B), of all points, first views first, and what the gradient adds to them at the next step, in radians.
    loss, alignment, uniformity: (T,); `uniformity` is the mean of that of first and of second views.
    """

    angles: np.ndarray
    moves: np.ndarray
    loss: np.ndarray
    alignment: np.ndarray
    uniformity: np.ndarray


@functools.lru_cache(maxsize=64)
def descent(loss: Loss, tau: float, pairs: int, seed: int, arc: float, m: float = 1.0) -> Path:
    """STEPS steps θ ← θ - rate · dL/dθ of all points: plain gradient descent at rate = PACE / (the largest force on a point at the start).

    The force is the sum of |weights|, which grows as 1 / tau, so that cold and hot losses move equally fast and can be compared.
    m in [0, 1]: what second views keep of their place when, after each step, they follow the first ones; 1 = all of it.
    """
    angles, rows = begin(pairs, seed, arc), []
    rate = PACE / max(np.abs(weights(loss, angles.numpy(), tau)).sum(axis=1).max(), FLAT)
    for _ in range(STEPS + 1):
        value, slope = gradient(loss, angles, tau)
        z1, z2 = unit(angles).chunk(2)
        rows.append((angles, -rate * slope, value, alignment(z1, z2), (uniformity(z1) + uniformity(z2)) / 2))
        angles = follow(angles - rate * slope, m)
    return Path(*(torch.stack(column).numpy() for column in zip(*rows)))


def follow(angles: Float[Tensor, " points"], m: float) -> Float[Tensor, " points"]:
    """The moving average θ2 ← m θ2 + (1 - m) θ1 of second views, the shorter way around the circle."""
    first, second = angles.chunk(2)
    gap = (first - second + torch.pi).remainder(2 * torch.pi) - torch.pi
    return torch.cat([first, second + (1 - m) * gap])


def begin(pairs: int, seed: int, arc: float) -> Float[Tensor, " points"]:
    """Angles to start from: pictures side by side on an arc around the top, in degrees, and two views scattered around each."""
    middle = torch.pi * (0.5 + arc / 180 * (0.5 - (torch.arange(pairs, dtype=torch.float64) + 0.5) / pairs))
    return middle.repeat(2) + SPREAD * torch.randn(2 * pairs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(angles: Float[Tensor, " points"]) -> Float[Tensor, "points 2"]:
    return torch.stack([angles.cos(), angles.sin()], dim=1)


@torch.enable_grad()
def gradient(loss: Loss, angles: Float[Tensor, " points"], tau: float) -> tuple[Float[Tensor, ""], Float[Tensor, " points"]]:
    """The loss, and its slope along the circle at every point: dL/dθ."""
    angles = angles.detach().requires_grad_()
    value = loss(*unit(angles).chunk(2), tau)
    (slope,) = torch.autograd.grad(value, angles)
    return value.detach(), slope


@torch.enable_grad()
def weights(loss: Loss, angles: np.ndarray, tau: float) -> np.ndarray:
    """How much point j weighs in what pulls (< 0) or pushes (> 0) point i: w_ij in dL/dz_i = sum over j of w_ij z_j, for a loss of cosines.

    Every point gets a direction of its own, TINY long: what of it arrives in the gradient of another one is that weight. The diagonal is 0.
    """
    n = len(angles)
    z = torch.cat([unit(torch.from_numpy(angles)), TINY * torch.eye(n, dtype=torch.float64)], dim=1).requires_grad_()
    (slope,) = torch.autograd.grad(loss(*z.chunk(2), tau), z)
    return (slope[:, 2:] / TINY).fill_diagonal_(0).numpy()


@functools.cache
def even(pairs: int) -> float:
    """The uniformity of as many points, evenly spread."""
    return uniformity(unit(2 * torch.pi * torch.arange(pairs, dtype=torch.float64) / pairs)).item()
