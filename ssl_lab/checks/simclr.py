"""The exercise of notebook 03: NT-Xent, and the ways in which it usually goes wrong."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.losses import nt_xent


def inputs(seed: int) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Two views of 4 images in 3 dimensions, always the same; then larger random ones. Partners are somewhat alike, rows of any length."""
    for number, (B, d, tau) in enumerate([(4, 3, 0.5), (5, 8, 0.3), (7, 4, 2.0)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        z1, noise, length = (torch.randn(B, size, generator=draw, dtype=torch.float64) for size in (d, d, 1))
        yield z1, (z1 + noise) * length.exp(), tau


def similarities(z1: Tensor, z2: Tensor) -> Tensor:
    """Cosines of all 2B rows with each other."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return z @ z.T


def partners(scores: Tensor) -> Tensor:
    """The row that is the other view of each row."""
    return torch.arange(len(scores)).roll(len(scores) // 2)


def masked(scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)


def not_normalised(z1, z2, tau):
    z = torch.cat([z1, z2])
    scores = masked(z @ z.T / tau)
    return F.cross_entropy(scores, partners(scores))


def diagonal_kept(z1, z2, tau):
    scores = similarities(z1, z2) / tau
    return F.cross_entropy(scores, partners(scores))


def multiplied(z1, z2, tau):
    return nt_xent(z1, z2, 1 / tau)


def no_temperature(z1, z2, tau):
    return nt_xent(z1, z2, 1.0)


def neighbours(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    return F.cross_entropy(scores, torch.arange(len(scores)) ^ 1)


def next_row(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    return F.cross_entropy(scores, torch.arange(len(scores)).roll(-1))


def summed(z1, z2, tau):
    return 2 * len(z1) * nt_xent(z1, z2, tau)


def halved(z1, z2, tau):
    return 2 * nt_xent(z1, z2, tau)


def first_views(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    return F.cross_entropy(scores[: len(z1)], partners(scores)[: len(z1)])


def second_views(z1, z2, tau):
    return first_views(z2, z1, tau)


def across_once(z1, z2, tau):
    scores = similarities(z1, z2)[: len(z1), len(z1) :] / tau
    return F.cross_entropy(scores, torch.arange(len(z1)))


def across(z1, z2, tau):
    return (across_once(z1, z2, tau) + across_once(z2, z1, tau)) / 2


def without_positive(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    own = F.one_hot(partners(scores)).bool()
    return (scores.masked_fill(own, -torch.inf).logsumexp(1) - scores[own]).mean()


def negated(z1, z2, tau):
    return -nt_xent(z1, z2, tau)


MISTAKES = {
    "the rows of z are not normalised: sim(u, v) is the cosine, uᵀv divided by both lengths": (not_normalised,),
    "the diagonal is kept: an image is its own best match, and must not stand in its own denominator (k ≠ i)": (diagonal_kept,),
    "similarities are multiplied by the temperature: divide them by it": (multiplied,),
    "the temperature is not used: divide the similarities by tau": (no_temperature,),
    "the wrong rows are partners: with z1 above z2, rows i and i + B belong together, not neighbouring rows": (neighbours, next_row),
    "the sum over anchors is not divided by their number: take the mean over all 2B": (summed, halved),
    "only one of the two views serves as anchor: each of the 2B rows is one": (first_views, second_views),
    "only the other view's images are candidates: there are 2B − 1 of them for each anchor, its own view's included": (across, across_once),
    "the positive is missing from the denominator: the sum runs over all k ≠ i, the partner included": (without_positive,),
    "the sign is wrong: the loss is minus the logarithm": (negated,),
}

check_nt_xent = Check(nt_xent, inputs, MISTAKES)
