"""The main exercise of notebook 03: NT-Xent, as a loop over anchors and as one matrix, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.checks.lengths import AXIS, SQUARED, WHOLE
from ssl_lab.checks.minus_log import minus_log_mistakes
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


def logits(z1: Tensor, z2: Tensor, tau: float) -> Tensor:
    """Similarities of all rows with all others, divided by tau."""
    return masked(similarities(z1, z2) / tau)


def paid(z1: Tensor, z2: Tensor, tau: float) -> Tensor:
    """What each of the 2B anchors pays, rightly."""
    return anchors(F.normalize(torch.cat([z1, z2]), dim=1), tau)


def own(scores: Tensor) -> Tensor:
    """What each row has for its partner."""
    return scores[torch.arange(len(scores)), partners(scores)]


def of_rows(rows: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The loss of other rows, made of z1 and z2, which are not normalised here."""
    return lambda z1, z2, tau: anchors(rows(z1, z2), tau).mean()


def of_each(rows: Callable[[Tensor], Tensor]) -> tuple[Callable, Callable]:
    """The loss of rows that are made of both views together, and of each view alone."""
    return of_rows(lambda z1, z2: rows(torch.cat([z1, z2]))), of_rows(lambda z1, z2: torch.cat([rows(z1), rows(z2)]))


def paired_by(partner: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with other partners.   partner: of the numbers of all rows."""
    return lambda z1, z2, tau: F.cross_entropy(logits(z1, z2, tau), partner(torch.arange(2 * len(z1))))


def labelled(label: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with other labels, and the diagonal kept (without it such a loss is infinite).   label: of the numbers of all rows."""
    return lambda z1, z2, tau: F.cross_entropy(similarities(z1, z2) / tau, label(torch.arange(2 * len(z1))))


def interleaved(z1, z2, tau):
    return anchors(F.normalize(torch.stack([z1, z2], dim=1).flatten(0, 1)), tau).mean()


def diagonal_at(value: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with other similarities on the diagonal."""
    return lambda z1, z2, tau: F.cross_entropy(value(similarities(z1, z2)) / tau, partners(similarities(z1, z2)))


def across_once(z1, z2, tau):
    scores = similarities(z1, z2)[: len(z1), len(z1) :] / tau
    return F.cross_entropy(scores, torch.arange(len(z1)))


def across(z1, z2, tau):
    return (across_once(z1, z2, tau) + across_once(z2, z1, tau)) / 2


def below(denominator: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with another logarithm of the denominator, made of the logits."""
    return lambda *given: (denominator(logits(*given)) - own(logits(*given))).mean()


def others(scores: Tensor) -> Tensor:
    """The logits without the partner's."""
    return scores.masked_fill(F.one_hot(partners(scores)).bool(), -torch.inf)


def softmax_twice(*given):
    return F.cross_entropy(logits(*given).softmax(dim=1), partners(logits(*given)))


def half_divided(above: Callable[[float], float], under: Callable[[float], float]) -> Callable:
    """The loss with one temperature for the partner's similarity, and another for the denominator."""
    return lambda z1, z2, tau: (logits(z1, z2, under(tau)).logsumexp(1) - own(logits(z1, z2, above(tau)))).mean()


MISTAKES = {
    "the rows of z1 and z2 are not normalised: the similarity is the cosine, so divide every row by its length": (of_rows(lambda *z: torch.cat(z)),),
    "only one of z1 and z2 is normalised: divide the rows of both by their lengths": (
        of_rows(lambda z1, z2: torch.cat([F.normalize(z1), z2])),
        of_rows(lambda z1, z2: torch.cat([z1, F.normalize(z2)])),
    ),
    AXIS: of_each(lambda z: F.normalize(z, dim=0)),
    WHOLE: of_each(lambda z: z / z.norm()),
    SQUARED: of_each(lambda z: z / z.square().sum(dim=1, keepdim=True))[:1],
    "the diagonal is kept: leave the similarity of each row with itself out of the denominator (k ≠ i)": (diagonal_at(lambda scores: scores),),
    "the diagonal is set to 0 or −1, which still counts since exp(0) = 1: set the similarity to −∞, or its exponential to 0": (
        diagonal_at(lambda scores: scores.clone().fill_diagonal_(0)),
        diagonal_at(lambda scores: scores.clone().fill_diagonal_(-1)),
        diagonal_at(lambda scores: scores - torch.eye(len(scores))),
        lambda z1, z2, tau: F.cross_entropy((similarities(z1, z2) / tau).fill_diagonal_(-1), partners(similarities(z1, z2))),
    ),
    "the label of a row is the row itself, or the same for many rows: the label of row i is the number of its partner": (
        labelled(lambda i: i),
        labelled(lambda i: i % (len(i) // 2)),
        labelled(lambda i: 0 * i),
    ),
    "one view is compared with itself: use z1 and z2": (lambda z1, z2, tau: nt_xent(z1, z1, tau), lambda z1, z2, tau: nt_xent(z2, z2, tau)),
    "only some of the similarities are divided by tau: divide the partner's and all those in the denominator": (
        half_divided(lambda tau: tau, lambda tau: 1.0),
        half_divided(lambda tau: 1.0, lambda tau: tau),
    ),
    "neighbouring rows are paired (0 with 1, 2 with 3): with z1 above z2, the partner of row i is row i + B": (
        paired_by(lambda i: i ^ 1),
        interleaved,
    ),
    "the partners are shifted by one row: with z1 above z2, the partner of row i is row i + B, counted modulo 2B": (
        paired_by(lambda i: i.roll(-1)),
        paired_by(lambda i: i.roll(1)),
        paired_by(lambda i: i.roll(len(i) // 2 - 1)),
        paired_by(lambda i: i.roll(len(i) // 2 + 1)),
    ),
    "the sum over the anchors is not divided by their number: take the mean over all 2B": (
        lambda *given: paid(*given).sum(),
        lambda *given: 2 * paid(*given).mean(),
    ),
    "only one of the two views is used as anchor: all 2B rows are anchors": (
        lambda *given: paid(*given).chunk(2)[0].mean(),
        lambda *given: paid(*given).chunk(2)[1].mean(),
        lambda *given: paid(*given).chunk(2)[0].mean() / 2,
        lambda *given: paid(*given).chunk(2)[1].mean() / 2,
    ),
    "only the rows of the other view are candidates: each anchor has 2B − 1 candidates, all rows but itself": (
        across,
        across_once,
        lambda *given: 2 * across(*given),
    ),
    "the partner is missing from the denominator: the sum runs over all k ≠ i, the partner included": (below(lambda s: others(s).logsumexp(1)),),
    "the partner is counted twice in the denominator: each k ≠ i is counted once": (below(lambda s: torch.logaddexp(s.logsumexp(1), own(s))),),
    "one denominator is used for all anchors: each row of the matrix has its own sum, along dim=1": (below(lambda s: s.flatten().logsumexp(0)),),
    "the denominator is missing: p is the share of the partner among all k ≠ i": (below(lambda s: torch.zeros(len(s))),),
    "the denominator is a mean: it is the sum over all k ≠ i": (
        below(lambda s: s.logsumexp(1) - math.log(len(s))),
        below(lambda s: s.logsumexp(1) - math.log(len(s) - 1)),
    ),
    "the logarithm of the denominator is missing: −log(a / b) is log b − log a": (below(lambda s: s.exp().sum(1)),),
    "the softmax or the exponential is taken twice: `cross_entropy` takes them itself, so give it the masked similarities, divided by tau": (
        softmax_twice,
        lambda *given: F.cross_entropy(logits(*given).exp(), partners(logits(*given))),
    ),
    **minus_log_mistakes(paid, "anchors", "take the mean over all 2B"),
}


def nt_xent_loop(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"], tau: float = 0.5) -> Float[Tensor, ""]:
    """The library's loss, for those whose loop is not right yet."""
    return nt_xent(z1, z2, tau)


ANCHORS = "the mean over all 2B anchors"
check_nt_xent = Check("nt_xent", nt_xent, inputs, MISTAKES, needs=ANCHORS)
check_nt_xent_loop = Check("nt_xent_loop", nt_xent_loop, inputs, MISTAKES, needs=ANCHORS)
