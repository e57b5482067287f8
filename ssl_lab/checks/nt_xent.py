"""The main exercise of notebook 03: NT-Xent, as a loop over anchors and as one matrix, and the ways in which it usually goes wrong."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.losses import anchors, nt_xent


def inputs(seed: int) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Two views of 4 images in 3 dimensions, always the same; then larger random ones. Partners are somewhat alike.

    Rows are between 0.5 and 2.5 long: enough to see who does not normalise, and no exponential overflows.
    """
    for number, (B, d, tau) in enumerate([(4, 3, 0.5), (5, 8, 0.3), (7, 4, 2.0)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        z1, noise = (torch.randn(B, d, generator=draw) for _ in range(2))
        lengths = 0.5 + 2 * torch.rand(2, B, 1, generator=draw)
        yield F.normalize(z1) * lengths[0], F.normalize(z1 + noise) * lengths[1], tau


def similarities(z1: Tensor, z2: Tensor) -> Tensor:
    """Cosines of all 2B rows with each other."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return z @ z.T


def partners(scores: Tensor) -> Tensor:
    """The row that is the other view of each row."""
    return torch.arange(len(scores)).roll(len(scores) // 2)


def masked(scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)


def paid(z1: Tensor, z2: Tensor, tau: float) -> Tensor:
    """What each of the 2B anchors pays, rightly."""
    return anchors(F.normalize(torch.cat([z1, z2]), dim=1), tau)


def as_it_is(z: Tensor, tau: float) -> Tensor:
    """The loss of rows that are not normalised here."""
    return anchors(z, tau).mean()


def not_normalised(z1, z2, tau):
    return as_it_is(torch.cat([z1, z2]), tau)


def first_normalised(z1, z2, tau):
    return as_it_is(torch.cat([F.normalize(z1), z2]), tau)


def second_normalised(z1, z2, tau):
    return as_it_is(torch.cat([z1, F.normalize(z2)]), tau)


def over_the_batch(z1, z2, tau):
    return as_it_is(F.normalize(torch.cat([z1, z2]), dim=0), tau)


def views_over_the_batch(z1, z2, tau):
    return as_it_is(torch.cat([F.normalize(z1, dim=0), F.normalize(z2, dim=0)]), tau)


def diagonal_kept(z1, z2, tau):
    scores = similarities(z1, z2) / tau
    return F.cross_entropy(scores, partners(scores))


def diagonal_zero(z1, z2, tau):
    scores = similarities(z1, z2).fill_diagonal_(0) / tau
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


def across_once(z1, z2, tau):
    scores = similarities(z1, z2)[: len(z1), len(z1) :] / tau
    return F.cross_entropy(scores, torch.arange(len(z1)))


def across(z1, z2, tau):
    return (across_once(z1, z2, tau) + across_once(z2, z1, tau)) / 2


def without_positive(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    own = F.one_hot(partners(scores)).bool()
    return (scores.masked_fill(own, -torch.inf).logsumexp(1) - scores[own]).mean()


def share(z1, z2, tau):
    return paid(z1, z2, tau).neg().exp().mean()


def softmax_twice(z1, z2, tau):
    scores = masked(similarities(z1, z2) / tau)
    return F.cross_entropy(scores.softmax(dim=1), partners(scores))


MISTAKES = {
    "the rows of z are not normalised, those of both views: sim(u, v) is the cosine, uᵀv divided by both lengths": (
        not_normalised,
        first_normalised,
        second_normalised,
    ),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (over_the_batch, views_over_the_batch),
    "the diagonal is kept: an image is its own best match, and must not stand in its own denominator (k ≠ i)": (diagonal_kept,),
    "a similarity of 0 still counts, since exp(0) = 1: to leave an image out of its own denominator, set it to −∞, or its exponential to 0": (
        diagonal_zero,
    ),
    "similarities are multiplied by the temperature: divide them by it": (multiplied,),
    "the temperature is not used: divide the similarities by tau": (no_temperature,),
    "the wrong rows are partners: with z1 above z2, rows i and i + B belong together, not neighbouring rows": (neighbours, next_row),
    "the sum over anchors is not divided by their number: take the mean over all 2B": (
        lambda *given: paid(*given).sum(),
        lambda *given: 2 * paid(*given).mean(),
    ),
    "only one of the two views serves as anchor: each of the 2B rows is one": (
        lambda *given: paid(*given).chunk(2)[0].mean(),
        lambda *given: paid(*given).chunk(2)[1].mean(),
        lambda *given: paid(*given).chunk(2)[0].mean() / 2,
        lambda *given: paid(*given).chunk(2)[1].mean() / 2,
    ),
    "only one anchor is counted: add up what all 2B pay (is the `return` inside the loop, or = where += is meant?)": (
        lambda *given: paid(*given)[0],
        lambda *given: paid(*given)[-1],
        lambda *given: paid(*given)[0] / len(paid(*given)),
        lambda *given: paid(*given)[-1] / len(paid(*given)),
    ),
    "only the other view's images are candidates: there are 2B − 1 of them for each anchor, its own view's included": (across, across_once),
    "the positive is missing from the denominator: the sum runs over all k ≠ i, the partner included": (without_positive,),
    "the logarithm is missing: an anchor pays −log p": (share, lambda *given: -share(*given), lambda *given: 1 - share(*given)),
    "the softmax is taken twice: `cross_entropy` takes it itself, so give it the similarities, divided by tau and masked": (softmax_twice,),
    "the sign is wrong: the loss is minus the logarithm": (lambda *given: -nt_xent(*given),),
}

ANCHORS = "the mean over all 2B anchors"
check_nt_xent = Check("nt_xent", nt_xent, inputs, MISTAKES, needs=ANCHORS)
check_nt_xent_loop = Check("nt_xent_loop", nt_xent, inputs, MISTAKES, needs=ANCHORS)  # whoever is stuck goes on with the library's
