"""The mutual information bound of InfoNCE where the truth is known: Gaussians, k, what the encoder keeps, and a critic that is wrong."""

import functools

import torch
from torch import Tensor

from ssl_lab import gaussians, plots
from ssl_lab.gaussians import Contrast, Critic, Pairs
from ssl_lab.widgets.controls import Button, Choice, Slider
from ssl_lab.widgets.explorer import Explorer

DIM = 8  # coordinates of a view, each with as much information
KS = [2**bits - 1 for bits in range(1, 13)]
CURVE = range(11)  # nats: where the curve against the information is measured
ANCHORS, POOL = 512, 2**17  # of one draw: anchors, and negatives
CRITICS: dict[str, tuple[str, Critic]] = {  # name → what it is, and the critic
    "optimal": ("optimal", gaussians.optimal_critic),
    "cold": ("too cold (× 3)", gaussians.scaled_critic(3.0)),
    "warm": ("too warm (/ 3)", gaussians.scaled_critic(1 / 3)),
    "cosine": ("cosine (/ 0.2)", gaussians.cosine_critic),
}


class BoundExplorer(Explorer):
    """How much of the mutual information of two views InfoNCE shows: I(v1; v2) >= I(z1; z2) >= log(k + 1) - L >= log k - L.

    The views are Gaussian: 8 coordinates each, every one with an eighth of the information, so that the truth is known. The encoder keeps the first
    of them. The loss is measured on pairs that are drawn, with a critic that is given rather than learned: nothing is trained. The optimal critic is
    the log of the density ratio; the cold one is three times that, the warm one a third; cosine is that of the raw vectors, at temperature 0.2.
    Left: for this k, whatever information there is. Middle: for this information, whatever k. Right: what is lost, step by step. Bars on a curve
    are two standard errors to each side. A click on a curve takes that information, or that k.
    All points are measured on the same 512 anchors, in float32, whose rounding is far below the standard errors. Above k = 255 several anchors have
    the same negatives, so that a frame is soon drawn; the standard errors are those of groups that are independent.
    Controls: information (nats in the views, 0 to 10), k (1, 3, 7, ..., 4,095), kept (1 to 8 coordinates), critic (a name in CRITICS),
        again (another draw).
    Raises: InputError for a control out of its range.
    """

    def __init__(self, **start):
        controls = {
            "information": Slider("information", 0.0, 10.0, 3.0, step=0.5, unit=" nats"),
            "k": Slider("negatives k", value=255, stops=KS, only=True),
            "kept": Slider("coordinates kept", 1, DIM, DIM),
            "critic": Choice("critic", [(words, name) for name, (words, _) in CRITICS.items()]),
            "again": Button("draw again"),
        }
        super().__init__(controls, **start)

    def draw(self, information: float, k: int, kept: int, critic: str, again: int):
        by_nats = {nats: measure(nats, k, kept, critic, again) for nats in CURVE}
        by_k = {one: measure(information, one, kept, critic, again) for one in KS}
        best = measure(information, k, kept, "optimal", again)
        return plots.bound(information, k, (kept, DIM), by_nats, by_k, best, f"{critic} critic", again + 1)


@functools.lru_cache(maxsize=20_000)
def measure(nats: float, k: int, kept: int, critic: str, seed: int) -> Contrast:
    """InfoNCE of the first coordinates of views that share so many nats."""
    (x, new, others), rho = drawn(k, kept, seed), gaussians.rho_for(nats, DIM)
    losses = gaussians.anchor_losses(x, gaussians.partner(x, new, rho), others, rho, CRITICS[critic][1])
    return gaussians.measured(k, losses.double())


@functools.lru_cache(maxsize=2 * len(KS))
def drawn(k: int, kept: int, seed: int) -> tuple[Tensor, Tensor, list[Pairs]]:
    """Anchors in groups, what is new in their partners, and the anchors with their negatives: 17 MB for all k, whatever information and critic."""
    groups = min(ANCHORS, POOL // (k + 1))
    rows = ANCHORS, ANCHORS, groups * k
    x, new, pool = (part[:count, :kept].reshape(groups, -1, kept) for part, count in zip(normals(seed), rows))
    seen, few = gaussians.pairs(x, pool), gaussians.tile(k, 1, ANCHORS // groups)
    return x, new, [Pairs(*some, kept) for some in zip(*(part.split(few) for part in (seen.products, seen.left, seen.right)))]


@functools.lru_cache(maxsize=2)
def normals(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Standard normal numbers of one draw: anchors, what is new in their partners, and negatives, row by row."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(rows, DIM, generator=generator) for rows in (ANCHORS, ANCHORS, POOL))
