"""The exercises of notebook 03: the colour shortcut, alignment, NT-Xent as a loop and as a matrix, and the ways in which they usually go wrong."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.shares import share_mistakes
from ssl_lab.geometry import alignment


def mean_colour_match(x1: Float[Tensor, "B 3 H W"], x2: Float[Tensor, "B 3 H W"]) -> float:
    """Share of the first views whose partner (same row) is the second view with the nearest average colour, in [0, 1]."""
    return nearest_is_partner(average(x1), average(x2))


def average(x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3"]:
    """The average colour of each image."""
    return x.mean(dim=(2, 3))


def nearest_is_partner(a: Float[Tensor, "A d"], b: Float[Tensor, "A d"]) -> float:
    """Share of the rows of a whose nearest row of b has the same number."""
    return share_of_partners(distances(a, b).argmin(dim=1))


def distances(a: Float[Tensor, "A d"], b: Float[Tensor, "B d"]) -> Float[Tensor, "A B"]:
    return (a[:, None] - b).square().sum(dim=2)


def share_of_partners(chosen: Tensor) -> float:
    return (chosen == torch.arange(len(chosen), device=chosen.device)).double().mean().item()


def colour_views(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Views with a colour of few, clearly apart, so that every measure of distance finds the same nearest one, and textures that mislead.

    About half of the first views have the colour of their partner, the others that of any second view; each has the (grey) texture of any.
    """
    palette = torch.cartesian_prod(*[torch.tensor([0.35, 0.5, 0.65])] * 3)
    for number, (B, H, W) in enumerate([(6, 4, 5), (9, 5, 3), (12, 3, 4), (8, 6, 4), (10, 4, 3), (11, 3, 5)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        colour = palette[torch.randperm(len(palette), generator=draw)[:B]] + 0.01 * torch.rand(B, 3, generator=draw)  # no two are equally grey
        like = torch.where(torch.rand(B, generator=draw) < 0.5, torch.arange(B), torch.randint(B, (B,), generator=draw))
        near = colour[like] + 0.02 * torch.rand(B, 3, generator=draw) - 0.01
        texture = 0.5 * torch.rand(B, 1, H, W, generator=draw) - 0.25
        texture = 0.6 * (texture - texture.mean(dim=(2, 3), keepdim=True))
        other = texture[torch.randint(B, (B,), generator=draw)]
        yield near[:, :, None, None] + other, colour[:, :, None, None] + texture


COLOUR = {
    "it averages the colours away: take the mean over height and width only, three numbers an image": (
        lambda x1, x2: nearest_is_partner(x1.mean(dim=(1, 2, 3))[:, None], x2.mean(dim=(1, 2, 3))[:, None]),
    ),
    "it takes the farthest: the nearest colour has the smallest distance (argmin)": (
        lambda x1, x2: share_of_partners(distances(average(x1), average(x2)).argmax(dim=1)),
    ),
    "it compares views with themselves, which match always: the colours of x1 look for the nearest among those of x2": (
        lambda x1, x2: mean_colour_match(x1, x1),
    ),
    "it asks from the wrong side: each first view (row) looks for its nearest second view (column), the argmin along dim=1": (
        lambda x1, x2: mean_colour_match(x2, x1),
    ),
    "it averages over the batch, so that images are mixed: each image has an average colour of its own, the mean over height and width": (
        lambda x1, x2: nearest_is_partner(x1.mean(dim=0).flatten(1), x2.mean(dim=0).flatten(1)),
        lambda x1, x2: nearest_is_partner(x1.mean(dim=(0, 2, 3))[:, None], x2.mean(dim=(0, 2, 3))[:, None]),
    ),
    "it compares pixel by pixel: average each image's pixels first, so that only its colour is left": (
        lambda x1, x2: nearest_is_partner(x1.flatten(1), x2.flatten(1)),
    ),
    **share_mistakes(mean_colour_match, "first views", 0),
}

check_mean_colour_match = Check(
    "mean_colour_match", mean_colour_match, colour_views, COLOUR, Kind.NUMBER, "the share of first views that find their partner"
)


def embeddings(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Partners somewhat alike, rows of any length; the first always the same."""
    for number, (B, d) in enumerate([(4, 3), (6, 5), (5, 8)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        z1, noise = (torch.randn(B, d, generator=draw) for _ in range(2))
        yield z1, z1 + noise


def steps(z1: Tensor, z2: Tensor, dim: int = 1) -> Tensor:
    """From the first views to the second ones, on the unit sphere."""
    return F.normalize(z1, dim=dim) - F.normalize(z2, dim=dim)


ALIGNMENT = {
    "the rows are not normalised, those of both views: divide each by its length, so that only directions are compared": (
        lambda z1, z2: (z1 - z2).square().sum(dim=1).mean(),
        lambda z1, z2: (F.normalize(z1, dim=1) - z2).square().sum(dim=1).mean(),
        lambda z1, z2: (z1 - F.normalize(z2, dim=1)).square().sum(dim=1).mean(),
    ),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (
        lambda z1, z2: steps(z1, z2, dim=0).square().sum(dim=1).mean(),
        lambda z1, z2: (z1 / z1.norm() - z2 / z2.norm()).square().sum(dim=1).mean(),
    ),
    "the distance is not squared: ‖u − v‖² has no root": (
        lambda z1, z2: steps(z1, z2).norm(dim=1).mean(),
        lambda z1, z2: alignment(z1, z2).sqrt(),
    ),
    "it averages over the dimensions: the squares of one pair are summed, and only the pairs averaged": (
        lambda z1, z2: steps(z1, z2).square().mean(),
    ),
    "it sums over the batch: take the mean over the pairs": (
        lambda z1, z2: steps(z1, z2).square().sum(),
        lambda z1, z2: steps(z1, z2).square().sum(dim=0).mean(),
    ),
    "it gives the cosine, which is 1 for equal views: the squared distance is 0 for them": (
        lambda z1, z2: F.cosine_similarity(z1, z2).mean(),
        lambda z1, z2: -F.cosine_similarity(z1, z2).mean(),
    ),
    "a factor of 2 is wrong: ‖u − v‖² = 2 − 2 uᵀv for rows of length 1": (
        lambda z1, z2: alignment(z1, z2) / 2,
        lambda z1, z2: alignment(z1, z2) * 2,
    ),
    "it compares views with themselves, whose distance is 0: subtract the rows of z2 from those of z1": (lambda z1, z2: alignment(z1, z1),),
    "it compares every first view with every second one: only row i of z1 and row i of z2 are partners": (
        lambda z1, z2: distances(F.normalize(z1, dim=1), F.normalize(z2, dim=1)).mean(),
    ),
    "the signs are wrong: the views are added, or the distance is negative; it is the square of a difference": (
        lambda z1, z2: alignment(z1, -z2),
        lambda z1, z2: -alignment(z1, z2),
    ),
}

check_alignment = Check("alignment", alignment, embeddings, ALIGNMENT, Kind.NUMBER, "the mean over the pairs")
