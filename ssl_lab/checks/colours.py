"""The first exercise of notebook 03: the shortcut by average colours, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.pairs import distances
from ssl_lab.checks.shares import share_mistakes


def mean_colour_match(x1: Float[Tensor, "B 3 H W"], x2: Float[Tensor, "B 3 H W"]) -> float:
    """Share of the first views whose partner (same row) is the second view with the nearest average colour, in [0, 1]."""
    return nearest_is_partner(average(x1), average(x2))


def found(x1: Float[Tensor, "B 3 H W"], x2: Float[Tensor, "B 3 H W"]) -> Bool[Tensor, " B"]:
    """Which first views find their partner, rightly."""
    return distances(average(x1), average(x2)).argmin(dim=1) == torch.arange(len(x1))


def average(x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3"]:
    """The average colour of each image."""
    return x.mean(dim=(2, 3))


def nearest_is_partner(a: Float[Tensor, "A d"], b: Float[Tensor, "A d"]) -> float:
    """Share of the rows of a whose nearest row of b has the same number."""
    return share_of_partners(distances(a, b).argmin(dim=1))


def share_of_partners(chosen: Tensor) -> float:
    return (chosen == torch.arange(len(chosen), device=chosen.device)).double().mean().item()


LEVELS = torch.tensor([0.35, 0.5, 0.65])
GREYS = LEVELS[:, None].expand(3, 3)  # their cosines are 1, whatever their distances
CORNERS = torch.tensor([[0.35, 0.35, 0.65], [0.65, 0.35, 0.35]])
FIRST = torch.tensor([1, 1, 2, 3, 4, 6, 5, 8, 7, 10, 9, 11, 11])  # the second view that each first view of the first input is like


def colour_views(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Views with a colour of few, clearly apart, so that every measure of distance finds the same nearest one, and textures that mislead.

    Two greys, the last and about half of the other first views have the colour of their partner, the rest that of any second view. The first input
    is made so that every usual mistake has hits of its own there: 3 are right, 2 corners face their opposites, 3 pairs are exchanged, and two
    times 2 are like the same.
    Each view has the (grey) texture of any: a brightness for each row and one for each column, of mean 0, which a mean over rows or over columns
    alone leaves as it is.
    """
    palette = torch.cartesian_prod(*[LEVELS] * 3)
    palette = palette[(palette[:, None] != torch.cat([GREYS, CORNERS])).any(dim=2).all(dim=1)]
    for number, (B, H, W) in enumerate([(13, 4, 5), (9, 5, 3), (12, 3, 4), (8, 6, 4), (10, 4, 3), (11, 3, 5)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        some = torch.cat([GREYS, CORNERS, palette[torch.randperm(len(palette), generator=draw)]])[:B]
        colour = some + 0.02 * torch.rand(B, 3, generator=draw)  # no two are equally grey
        like = torch.where(torch.rand(B, generator=draw) < 0.5, torch.arange(B), torch.randint(B, (B,), generator=draw))
        like[:3], like[-1] = FIRST[:3], B - 1
        near = colour[like if number else FIRST] + 0.02 * torch.rand(B, 3, generator=draw) - 0.01
        near[0] = colour[1] + 0.001  # the smallest distance of all
        near[1] = colour[2] * colour[1].norm() / colour[2].norm()  # of one grey's brightness, in another one's direction
        if not number:
            near[3:5] = 1 - near[3:5]
            near[12] = colour[11] + 0.002
        texture = bands(B, H, draw)[:, None, :, None] + bands(B, W, draw)[:, None, None, :]
        other = texture[torch.randint(B, (B,), generator=draw)]
        yield near[:, :, None, None] + other, colour[:, :, None, None] + texture


def bands(B: int, n: int, draw: torch.Generator) -> Float[Tensor, "B n"]:
    """n levels for each image, of mean 0, none beyond 0.15."""
    levels = torch.rand(B, n, generator=draw)
    levels = levels - levels.mean(dim=1, keepdim=True)
    return 0.15 * levels / levels.abs().amax(dim=1, keepdim=True)


def matched_by(number: Callable[[Tensor], Tensor]) -> Callable:
    """The share with something else than the average colour of an image, flattened."""
    return lambda x1, x2: nearest_is_partner(number(x1).flatten(1), number(x2).flatten(1))


def averaged(*dims: int) -> Callable:
    """The share with the mean over other dimensions."""
    return matched_by(lambda x: x.mean(dim=dims, keepdim=True))


def most_similar(x1, x2, of=lambda colours: colours):
    return share_of_partners((of(average(x1)) @ of(average(x2)).T).argmax(dim=1))


COLOUR = {
    "the mean runs over the colours, too: take it over height and width only, which gives three numbers for each image": (
        averaged(1, 2, 3),
        averaged(1, 2),
        averaged(1, 3),
    ),
    "the mean runs over the colours (dim=1) instead of the pixels: take it over height and width": (averaged(1),),
    "the mean runs over height only, or over width only: take it over both, which gives three numbers for each image": (
        averaged(2),
        averaged(3),
    ),
    "the farthest colour is taken: the nearest one has the smallest distance (argmin)": (
        lambda x1, x2: share_of_partners(distances(average(x1), average(x2)).argmax(dim=1)),
    ),
    "the share is always 1: if views are compared with themselves, compare the colours of x1 with the colours of x2": (
        lambda x1, x2: mean_colour_match(x1, x1),
    ),
    "the two sides are swapped: find the nearest second view (column) for each first view (row), so take the argmin along dim=1": (
        lambda x1, x2: mean_colour_match(x2, x1),
    ),
    "the mean runs over the batch, so images are mixed: each image has its own average colour, the mean over height and width": (
        lambda x1, x2: nearest_is_partner(x1.mean(dim=0).flatten(1), x2.mean(dim=0).flatten(1)),
        lambda x1, x2: nearest_is_partner(x1.mean(dim=(0, 2, 3))[:, None], x2.mean(dim=(0, 2, 3))[:, None]),
    ),
    "the pixels are compared one by one: take the mean over the pixels of each image first, so that only its colour is left": (
        matched_by(lambda x: x),
    ),
    "exactly one first view is a hit: look for argmin without dim, for differences that are not squared, and for products": (
        lambda x1, x2: share_of_partners(distances(average(x1), average(x2)).argmin().expand(len(x1))),
        lambda x1, x2: share_of_partners((average(x1)[:, None] - average(x2)).sum(dim=2).argmin(dim=1)),
        most_similar,
    ),
    "cosines are compared, and they ignore how bright a colour is: the nearest colour is the one with the smallest distance": (
        lambda x1, x2: most_similar(x1, x2, F.normalize),
    ),
    "the numbers of the rows are shifted by one: they start at 0, as in torch.arange(len(x1))": (
        lambda x1, x2: share_of_partners(distances(average(x1), average(x2)).argmin(dim=1) - 1),
        lambda x1, x2: share_of_partners(distances(average(x1), average(x2)).argmin(dim=1) + 1),
    ),
    **share_mistakes(found, "first views"),
}

check_mean_colour_match = Check(
    "mean_colour_match", mean_colour_match, colour_views, COLOUR, Kind.NUMBER, "the share of first views that find their partner"
)
