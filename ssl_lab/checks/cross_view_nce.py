"""The first exercise of notebook 05: CMC's loss of two views, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.checks.lengths import AXIS, SQUARED, WHOLE
from ssl_lab.checks.minus_log import TAUS
from ssl_lab.checks.nt_xent import inputs
from ssl_lab.losses import cross_view_nce, minus_log_share, nt_xent, unit


def cosines(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"]) -> Float[Tensor, "B B"]:
    """Of every row of one view with every row of the other."""
    return unit(z1) @ unit(z2).T


def paid(logits: Float[Tensor, "B C"]) -> Float[Tensor, " B"]:
    """What each anchor pays, rightly; its partner stands on the diagonal."""
    return minus_log_share(logits, logits.diagonal())


def of(value: Callable[[Tensor], Tensor]) -> Callable:
    """What is made of the logits of one direction, added up over both."""

    def wrong(z1, z2, tau):
        s = cosines(z1, z2) / tau
        return value(s) + value(s.T)

    return wrong


def after(change: Callable[[Tensor, int], Tensor]) -> Callable:
    """The right loss, changed; the second argument is B."""
    return lambda z1, z2, tau: change(cross_view_nce(z1, z2, tau), len(z1))


def at(tau: Callable[[float, int], float]) -> Callable:
    """The loss at another temperature, made of tau and d."""
    return lambda z1, z2, given: cross_view_nce(z1, z2, tau(given, z1.shape[1]))


def of_rows(first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]) -> Callable:
    """The loss of other rows, which are not normalised here."""

    def wrong(z1, z2, tau):
        s = first(z1) @ second(z2).T / tau
        return paid(s).mean() + paid(s.T).mean()

    return wrong


def as_it_is(z: Tensor) -> Tensor:
    return z


def there(z1, z2, tau):
    """L(V1, V2): the anchors are the rows of the first view."""
    return paid(cosines(z1, z2) / tau).mean()


def below(denominator: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with another logarithm of the denominator, made of the logits."""
    return of(lambda s: (denominator(s) - s.diagonal()).mean())


def others(s: Tensor) -> Tensor:
    """The logits without the partner's."""
    return s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)


def with_own(kept: bool) -> Callable:
    """The rows of the own view among the candidates.   kept: the anchor itself, too."""

    def direction(z, other, tau):
        own = cosines(z, z)
        own = own if kept else others(own)
        return paid(torch.cat([cosines(z, other), own], 1) / tau).mean()

    return lambda z1, z2, tau: direction(z1, z2, tau) + direction(z2, z1, tau)


def halves(above: Callable[[float], float], under: Callable[[float], float]) -> Callable:
    """The loss with one temperature for the partner's cosine, and another for the denominator."""

    def wrong(z1, z2, tau):
        s = cosines(z1, z2)
        return sum(((x / under(tau)).logsumexp(1) - x.diagonal() / above(tau)).mean() for x in (s, s.T))

    return wrong


def labelled(label: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with other partners.   label: of the numbers of the rows."""
    return of(lambda s: F.cross_entropy(s, label(torch.arange(len(s)))))


CROSS_VIEW = {
    "the rows of z1 and z2 are not normalised: the score is the cosine, so divide every row by its length": (of_rows(as_it_is, as_it_is),),
    "only one of z1 and z2 is normalised: divide the rows of both by their lengths": (of_rows(unit, as_it_is), of_rows(as_it_is, unit)),
    AXIS: (of_rows(*[lambda z: F.normalize(z, dim=0)] * 2),),
    WHOLE: (of_rows(*[lambda z: z / z.norm()] * 2),),
    SQUARED: (of_rows(*[lambda z: z / z.square().sum(1, keepdim=True)] * 2),),
    "a view is scored against itself: the anchors are rows of one view, and their candidates are the rows of the other": (
        lambda z1, z2, tau: there(z1, z1, tau) + there(z2, z2, tau),
        lambda z1, z2, tau: cross_view_nce(z1, z1, tau),
        lambda z1, z2, tau: cross_view_nce(z2, z2, tau),
        lambda z1, z2, tau: there(z1, z1, tau),
        lambda z1, z2, tau: there(z2, z2, tau),
    ),
    "only one direction is counted: add L(V1, V2), where the rows of z1 are the anchors, and L(V2, V1), where those of z2 are": (
        there,
        lambda z1, z2, tau: there(z2, z1, tau),
        lambda z1, z2, tau: 2 * there(z1, z2, tau),
        lambda z1, z2, tau: 2 * there(z2, z1, tau),
    ),
    "rows of the own view are among the candidates, as in NT-Xent: only the B rows of the other view are": (
        with_own(False),
        with_own(True),
        nt_xent,
    ),
    "the mean of the two directions is taken: CMC adds them, so do not divide their sum by 2": (after(lambda loss, B: loss / 2),),
    "the result is a sum over the batch: take the mean over the anchors in each direction, and add the two means": (
        after(lambda loss, B: B * loss),
        after(lambda loss, B: B * loss / 2),
    ),
    "the mean is divided once more: divide the sum over the anchors of a direction by B, once": (
        after(lambda loss, B: loss / B),
        after(lambda loss, B: loss / (2 * B)),
    ),
    "the partners are shifted by one row: row i of z1 belongs to row i of z2, which is column i of the matrix": (
        lambda z1, z2, tau: cross_view_nce(z1, z2.roll(1, 0), tau),
        lambda z1, z2, tau: cross_view_nce(z1, z2.roll(-1, 0), tau),
        labelled(lambda i: i.roll(1)),
        labelled(lambda i: i.roll(-1)),
    ),
    "one label is used for all rows: the label of row i is i, torch.arange(B)": (labelled(lambda i: 0 * i), labelled(lambda i: 0 * i + 1)),
    "only some of the cosines are divided by tau: divide the partner's and all those in the denominator": (
        halves(lambda tau: tau, lambda tau: 1.0),
        halves(lambda tau: 1.0, lambda tau: tau),
    ),
    "the cosines are multiplied by the temperature: divide them by tau": (at(lambda tau, d: 1 / tau),),
    "the temperature is not used: divide the cosines by tau": (at(lambda tau, d: 1.0),),
    "the temperature is a fixed number in the code: use the argument tau": tuple(at(lambda tau, d, fixed=fixed: fixed) for fixed in TAUS),
    "the temperature is used twice, or only its square root: divide the cosines by tau once": (
        at(lambda tau, d: tau * tau),
        at(lambda tau, d: tau**0.5),
    ),
    "squared distances are used, which are 2 − 2 times the cosine: use the cosines themselves": (at(lambda tau, d: tau / 2),),
    "the products are averaged over the d features, or divided by sqrt(d): a cosine is a sum of products, divided by tau only": (
        at(lambda tau, d: tau * d),
        at(lambda tau, d: tau * d**0.5),
    ),
    "the partner is missing from the denominator: the sum runs over all B rows of the other view": (below(lambda s: others(s).logsumexp(1)),),
    "the partner is counted twice in the denominator: each of the B rows is counted once": (
        below(lambda s: torch.logaddexp(s.logsumexp(1), s.diagonal())),
    ),
    "one denominator is used for all anchors: each row of the matrix has its own sum, along dim=1": (below(lambda s: s.flatten().logsumexp(0)),),
    "the denominator is missing: p is the share of the partner among the B rows of the other view": (below(lambda s: torch.zeros(len(s))),),
    "the denominator is a mean: it is the sum over the B rows of the other view": (below(lambda s: s.logsumexp(1) - math.log(len(s))),),
    "the logarithm of the denominator is missing: −log(a / b) is log b − log a": (below(lambda s: s.exp().sum(1)),),
    "the softmax or the exponential is taken twice: `cross_entropy` takes them itself, so give it the cosines, divided by tau": (
        of(lambda s: paid(s.softmax(1)).mean()),
        of(lambda s: paid(s.exp()).mean()),
    ),
    "only one of the rows is counted: take the mean over all of them (is `return` inside the loop, or = where += is meant?)": (
        of(lambda s: paid(s)[0]),
        of(lambda s: paid(s)[-1]),
        of(lambda s: paid(s)[0] / len(s)),
        of(lambda s: paid(s)[-1] / len(s)),
    ),
    "the logarithm is missing: the loss is the mean of −log p, not of p": (
        of(lambda s: paid(s).neg().exp().mean()),
        of(lambda s: -paid(s).neg().exp().mean()),
        of(lambda s: 1 - paid(s).neg().exp().mean()),
    ),
    "the logarithm has another base: use torch.log, the natural logarithm, not log2 or log10": (
        after(lambda loss, B: loss / math.log(2)),
        after(lambda loss, B: loss / math.log(10)),
    ),
    "the mean is taken before the logarithm: take −log p for each of the anchors first, and then the mean": (
        of(lambda s: -paid(s).neg().exp().mean().log()),
    ),
    "one direction is subtracted from the other: add them": (
        lambda z1, z2, tau: there(z1, z2, tau) - there(z2, z1, tau),
        lambda z1, z2, tau: there(z2, z1, tau) - there(z1, z2, tau),
    ),
    "the minus sign is missing: the loss is the mean of −log p, which is positive": (after(lambda loss, B: -loss),),
    "the fraction is cut off by `//`: divide with `/`": (after(lambda loss, B: loss.floor()), of(lambda s: paid(s).mean().floor())),
}

check_cross_view_nce = Check("cross_view_nce", cross_view_nce, inputs, CROSS_VIEW, needs="the sum of the means of both directions")
