"""Correlated Gaussians, whose mutual information is known: how much of it InfoNCE shows.

x and y have `dim` coordinates each. Every coordinate of x and of y is a standard normal number, x_i and y_i have the correlation rho, and all other
pairs are independent. Then, in nats,

    I(x; y) = -dim / 2 · log(1 - rho²)  >=  log(k + 1) - L  >=  log k - L,

where L is InfoNCE with one positive and k negatives: CMC (Tian et al. 2020, arXiv 1906.05849) has log k - L, CPC (van den Oord et al. 2018,
arXiv 1807.03748) log(k + 1) - L. Both bounds hold for the mean of L with any critic; the critic that makes L least is the log of the density ratio.
An encoder can only lose: of views v, I(v1; v2) >= I(z1; z2). z = the first d coordinates of v keeps d / dim of it; z = v + noise has `blurred`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.errors import require
from ssl_lab.losses import mutual_information_bound

TILE = 2**17  # scores, or coordinates of negatives, that are held at a time: 1 MB, which a cache holds


def information(rho: float, dim: int) -> float:
    """I(x; y) = -dim / 2 · log(1 - rho²) in nats.

    Raises: InputError for a rho that is not between -1 and 1, or dim below 1.
    """
    check(rho, dim)
    return -dim / 2 * math.log1p(-(rho**2))


def rho_for(nats: float, dim: int) -> float:
    """The correlation, 0 or more, with which `dim` coordinates share so many nats: sqrt(1 - exp(-2 nats / dim)).

    Raises: InputError for fewer than 0 nats, dim below 1, or so many nats that the correlation would be 1.
    """
    require(nats >= 0, f"nats={nats!r}: mutual information is 0 or more")
    require(dim >= 1, f"dim={dim!r} coordinates: at least 1 is needed")
    rho = math.sqrt(-math.expm1(-2 * nats / dim))
    require(rho < 1, f"nats={nats!r} in {dim} coordinates: the correlation is 1 in float64; ask for fewer nats, or more coordinates")
    return rho


def blurred(rho: float, noise: float) -> float:
    """The correlation of x + noise · a and y + noise · b, where a and b are standard normal and independent: rho / (1 + noise²)."""
    return rho / (1 + noise**2)


def check(rho: float, dim: int) -> None:
    """Refuse what is no correlation or no number of coordinates."""
    require(-1 < rho < 1, f"rho={rho!r} is no correlation that can be drawn; it is above -1 and below 1")
    require(dim >= 1, f"dim={dim!r} coordinates: at least 1 is needed")


def draw(n: int, rho: float, dim: int, generator: torch.Generator) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
    """n pairs (x, y) in float64, on the device of the generator.

    Raises: InputError for a rho that is not between -1 and 1, or dim below 1.
    """
    check(rho, dim)
    x, e = (torch.randn(n, dim, dtype=torch.float64, device=generator.device, generator=generator) for _ in range(2))
    return x, partner(x, e, rho)


def partner(x: Float[Tensor, "*n d"], e: Float[Tensor, "*n d"], rho: float) -> Float[Tensor, "*n d"]:
    """y = rho x + sqrt(1 - rho²) e, for standard normal x and e."""
    return rho * x + math.sqrt(1 - rho**2) * e


@dataclass(frozen=True, eq=False)
class Pairs:
    """What critics see of all pairs of x and y, of `dim` coordinates: their products, the squares |x|² in a column, and |y|² in a row."""

    products: Float[Tensor, "*g n m"]
    left: Float[Tensor, "*g n 1"]
    right: Float[Tensor, "*g 1 m"]
    dim: int


Critic = Callable[[Pairs, float], Tensor]  # pairs, rho → their scores (..., n, m)


def pairs(x: Float[Tensor, "*g n d"], y: Float[Tensor, "*g m d"]) -> Pairs:
    """All pairs of x and y in each group."""
    return Pairs(x @ y.mT, x.square().sum(-1)[..., None], y.square().sum(-1)[..., None, :], x.shape[-1])


def optimal_critic(seen: Pairs, rho: float) -> Float[Tensor, "*g n m"]:
    """log p(x, y) / (p(x) p(y)): a xᵀy - b (|x|² + |y|²) + I, with a = rho / (1 - rho²) and b = rho a / 2.   I: `information`.

    Raises: InputError for a rho that is not between -1 and 1.
    """
    nats, a = information(rho, seen.dim), rho / (1 - rho**2)
    return (a * seen.products).add_(nats - rho * a / 2 * seen.left).sub_(rho * a / 2 * seen.right)


def cosine_critic(seen: Pairs, rho: float = 0.0, tau: float = 0.2) -> Float[Tensor, "*g n m"]:
    """cos(x, y) / tau: a critic that does not see how long x and y are. It needs no rho."""
    left, right = (square.sqrt().clamp(min=1e-12) for square in (seen.left, seen.right))
    return (seen.products / (tau * left)).div_(right)


def scaled_critic(factor: float, critic: Critic = optimal_critic) -> Critic:
    """The scores of another critic times a factor: above 1 the temperature is too low for them, below 1 too high."""
    return lambda seen, rho: factor * critic(seen, rho)


@dataclass(frozen=True)
class Contrast:
    """InfoNCE with one positive and k negatives.

    loss: the mean over `anchors` anchors, in nats.   error: its standard error.
    """

    k: int
    loss: float
    error: float
    anchors: int

    @property
    def bound(self) -> float:
        """log k - L, CMC's."""
        return mutual_information_bound(self.loss, self.k)

    @property
    def tight(self) -> float:
        """log(k + 1) - L, higher by log(1 + 1/k)."""
        return self.ceiling - self.loss

    @property
    def ceiling(self) -> float:
        """log(k + 1): no bound is higher, however much is shared, since a loss is never below 0."""
        return math.log(self.k + 1)


def contrast(
    k: int, rho: float, dim: int, n: int = 2048, seed: int = 0, critic: Critic = optimal_critic, *, share: int = 1, device: str = "cpu"
) -> Contrast:
    """InfoNCE of n anchors x, each with its y and k negatives: y of others, drawn independently of it. Deterministic in its seed; float64.

    share: so many anchors have the same negatives, which are costly to draw. 1: every anchor has its own, and all anchors are independent.
    Raises: InputError for k below 1, a rho that is not between -1 and 1, fewer than two groups of anchors, or no whole ones.
    """
    check(rho, dim)
    require(k >= 1, f"k={k} negatives: at least 1 is needed")
    require(share >= 1 and n % share == 0 and n >= 2 * share, f"n={n}, share={share}: n is a multiple of share, and at least two times share")
    generator = torch.Generator(device).manual_seed(seed)
    groups = [min(tile(k, dim, share), n // share - start) for start in range(0, n // share, tile(k, dim, share))]
    return measured(k, torch.cat([group_losses(k, rho, dim, some, share, critic, generator) for some in groups]))


def tile(k: int, dim: int, share: int) -> int:
    """How many groups of anchors are held at a time."""
    return max(1, TILE // (k * max(dim, share)))


def group_losses(k: int, rho: float, dim: int, groups: int, share: int, critic: Critic, generator: torch.Generator) -> Float[Tensor, "groups share"]:
    """The losses of newly drawn anchors."""
    x, y = (part.view(groups, share, dim) for part in draw(groups * share, rho, dim, generator))
    others = torch.randn(groups, k, dim, dtype=torch.float64, device=generator.device, generator=generator)
    return anchor_losses(x, y, [pairs(x, others)], rho, critic)


def anchor_losses(
    x: Float[Tensor, "g share d"], y: Float[Tensor, "g share d"], others: Iterable[Pairs], rho: float, critic: Critic = optimal_critic
) -> Float[Tensor, "g share"]:
    """-log of the positive's share in the softmax over it and the k others of its group, anchor by anchor.

    others: x with the others, all groups at once or some at a time.
    """
    own = critic(pairs(x[:, :, None], y[:, :, None]), rho)[..., 0, 0]
    return torch.logaddexp(own, torch.cat([critic(some, rho).logsumexp(dim=-1) for some in others])) - own


def measured(k: int, losses: Float[Tensor, "g share"]) -> Contrast:
    """The mean of the losses, and its standard error from the means of the groups, which are independent."""
    means = losses.mean(dim=1)
    return Contrast(k, means.mean().item(), means.std().item() / math.sqrt(len(means)), losses.numel())
