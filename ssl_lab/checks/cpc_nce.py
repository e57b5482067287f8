"""The third exercise of notebook 06: CPC's loss of one step, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.checks.minus_log import TAUS
from ssl_lab.checks.positions import CANDIDATES, WHICH, below, numbers, paid, pairs, rows, scores
from ssl_lab.losses import cpc_nce

SIZES = [(2, 3, 4, 3, 1), (3, 2, 4, 4, 2), (2, 4, 5, 4, 3), (3, 3, 3, 5, 1), (2, 4, 4, 3, 2)]  # B, d, H, W, k
EPSILONS = *(10.0**-n for n in range(5, 17)), *(torch.finfo(kind).eps for kind in (torch.float32, torch.float64))  # that people add to p


def grids(seed: int) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Predictions that are somewhat like their targets, on grids with as many rows as columns and others; the first always the same.

    In the last, predictions are large and unlike their targets, so that the softmax is 0 for some of them. There, all are multiples of 1/4:
    products are exact in any order.
    """
    for number, (B, d, H, W, k) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        target, noise = (torch.randn(B, d, H, W, generator=draw) for _ in range(2))
        if number == len(SIZES) - 1:
            target = (4 * target).round() / 4
            yield (20 * noise - 10 * target.roll(-k, 2)).round(), target, k
        else:
            yield 0.6 * target.roll(-k, 2) + noise, target, k


def after(change: Callable[[Tensor, tuple[int, ...], int], Tensor]) -> Callable:
    """The right loss, changed; the second argument is (B, H, W), the third k."""
    return lambda prediction, target, k: change(cpc_nce(prediction, target, k), target[:, 0].shape, k)


def of(value: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """What is made of the scores and the numbers of the targets."""
    return lambda prediction, target, k: value(*scores(prediction, target, k))


def made(first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]) -> Callable:
    """The loss of other predictions and targets."""
    return lambda prediction, target, k: cpc_nce(first(prediction), second(target), k)


def at(tau: Callable[[int], float]) -> Callable:
    """The loss at a temperature, made of d."""
    return lambda prediction, target, k: cpc_nce(prediction / tau(target.shape[1]), target, k)


def as_it_is(z: Tensor) -> Tensor:
    return z


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def cosine(tau: float) -> Callable:
    return made(lambda z: unit(z) / tau, unit)


def distant(prediction: Tensor, target: Tensor, k: int, factor: float) -> Tensor:
    """The score is minus a squared distance, times a factor."""
    _, own = scores(prediction, target, k)
    asked = rows(prediction)[below(numbers(target), k)[0]]
    return paid(-factor * (asked[:, None] - rows(target)).square().sum(2), own).mean()


def mixed(z: Tensor) -> Tensor:
    """The grid as it comes out where (B, d, H, W) is flattened as if the channels were last."""
    B, d, H, W = z.shape
    return z.reshape(B, H, W, d).permute(0, 3, 1, 2)


def mixed_after(prediction: Tensor, target: Tensor, k: int) -> Tensor:
    """The same, but the rows without a target are left out before."""
    d = target.shape[1]
    return paid(prediction[:, :, :-k].reshape(-1, d) @ target.reshape(-1, d).T, below(numbers(target), k)[1]).mean()


def across(z: Tensor) -> Tensor:
    """The grid as it comes out where the positions are flattened column by column."""
    return z.transpose(2, 3).reshape(z.shape)


def of_target(s: Float[Tensor, "P M"], own: Int[Tensor, " P"]) -> Float[Tensor, " P"]:
    """The score, or the share, of each prediction with its target."""
    return s.gather(1, own[:, None])[:, 0]


def less(denominator: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The loss with another logarithm of the denominator."""
    return of(lambda s, own: (denominator(s, own) - of_target(s, own)).mean())


def share(s: Tensor, own: Tensor) -> Tensor:
    return paid(s, own).neg().exp().mean()


def over_predictions(every: bool) -> Callable:
    """Each target finds its prediction among those that have a target, or among all positions."""

    def wrong(prediction, target, k):
        s = rows(prediction) @ rows(target).T
        asked, own = below(numbers(target), k)
        return ((s[:, own] if every else s[asked][:, own]).logsumexp(0) - s[asked, own]).mean()

    return wrong


def number_of(shape: tuple[int, ...], k: int) -> int:
    """How many predictions have a target."""
    return shape[0] * (shape[1] - k) * shape[2]


CPC_NCE = {
    **WHICH,
    **CANDIDATES,
    "predictions and targets are swapped: a prediction looks for its target, and the candidates are all positions of target": (
        lambda prediction, target, k: cpc_nce(target, prediction, k),
    ),
    "the softmax runs over the predictions: for each prediction (a row of the scores) it runs over the candidates, along dim=1": (
        over_predictions(every=False),
        over_predictions(every=True),
    ),
    "the target is missing from the denominator: the sum runs over all B·H·W candidates, and the target is one of them": (
        less(lambda s, own: s.scatter(1, own[:, None], -torch.inf).logsumexp(1)),
    ),
    "the target is counted twice in the denominator: it is one of the B·H·W candidates, and each is counted once": (
        less(lambda s, own: torch.logaddexp(s.logsumexp(1), of_target(s, own))),
    ),
    "one denominator is used for all predictions: each has its own sum, along dim=1": (less(lambda s, own: s.flatten().logsumexp(0)),),
    "the denominator is missing: p is the share of the target among all B·H·W candidates": (less(lambda s, own: torch.zeros(len(s))),),
    "the denominator is a mean: it is the sum over the B·H·W candidates": (less(lambda s, own: s.logsumexp(1) - math.log(s.shape[1])),),
    "predictions or targets are normalised: CPC's scores are dot products, and lengths count": (
        made(unit, unit),
        made(unit, as_it_is),
        made(as_it_is, unit),
        *map(cosine, TAUS),
    ),
    "the scores are divided by a temperature, or by a number made of d: CPC's scores are dot products as they are": (
        *(at(lambda d, tau=tau: tau) for tau in (*TAUS, 2.0, 10.0)),
        at(lambda d: d),
        at(lambda d: d**0.5),
    ),
    "distances are compared: the score is the dot product, the sum of products over the d channels": (
        *(lambda *given, factor=factor: distant(*given, factor) for factor in (1, 0.5)),
    ),
    "channels and positions are mixed: move the channels last, .permute(0, 2, 3, 1), before view or reshape makes a list of the positions": (
        made(mixed, mixed),
        made(mixed, as_it_is),
        made(as_it_is, mixed),
        mixed_after,
    ),
    "positions are numbered column by column: rows come first, b · H · W + r · W + c": (
        made(across, across),
        made(across, as_it_is),
        made(as_it_is, across),
    ),
    "the result is a sum over positions: take the mean over all B·(H − k)·W predictions that have a target": (
        after(lambda loss, shape, k: loss * number_of(shape, k)),
        after(lambda loss, shape, k: loss * number_of(shape, k) / shape[0]),
        after(lambda loss, shape, k: loss * (shape[1] - k)),
        after(lambda loss, shape, k: loss * shape[0]),
    ),
    "the sum is divided by B·H·W: divide it by the number of predictions that have a target, B·(H − k)·W": (
        after(lambda loss, shape, k: loss * (shape[1] - k) / shape[1]),
    ),
    "the mean is divided once more: divide the sum by B·(H − k)·W, once": (
        after(lambda loss, shape, k: loss / number_of(shape, k)),
        after(lambda loss, shape, k: loss / math.prod(shape)),
        after(lambda loss, shape, k: loss / shape[0]),
    ),
    "only one prediction is counted: take the mean over all that have a target (is `return` inside the loop, or = where += is meant?)": (
        of(lambda s, own: paid(s, own)[0]),
        of(lambda s, own: paid(s, own)[-1]),
        of(lambda s, own: paid(s, own)[0] / len(s)),
        of(lambda s, own: paid(s, own)[-1] / len(s)),
    ),
    "only one image is counted: take the mean over the predictions of all images": (
        pairs(lambda n, k: below(n[:1], k)),
        pairs(lambda n, k: below(n[-1:], k)),
    ),
    "the softmax or the exponential is taken twice: `cross_entropy` takes them itself, so give it the scores": (
        of(lambda s, own: paid(s.softmax(1), own).mean()),
        of(lambda s, own: paid(s.exp(), own).mean()),
    ),
    "the logarithm is missing: the loss is the mean of −log p, not of p": (
        of(lambda s, own: share(s, own)),
        of(lambda s, own: -share(s, own)),
        of(lambda s, own: 1 - share(s, own)),
    ),
    "the logarithm has another base: use the natural logarithm, not log2 or log10": (
        after(lambda loss, shape, k: loss / math.log(2)),
        after(lambda loss, shape, k: loss / math.log(10)),
    ),
    "the mean is taken before the logarithm: take −log p for each of the predictions first, and then the mean": (
        of(lambda s, own: -share(s, own).log()),
    ),
    "the minus sign is missing: the loss is the mean of −log p, which is positive": (after(lambda loss, shape, k: -loss),),
    "the fraction is cut off by `//`: divide with `/`": (after(lambda loss, shape, k: loss.floor()),),
    "large scores go wrong: a softmax is 0 there, an exponential infinite, whatever is added to it; use log_softmax, logsumexp or cross_entropy": (
        of(lambda s, own: -of_target(s.softmax(1), own).log().mean()),
        *(of(lambda s, own, eps=eps: -(of_target(s.softmax(1), own) + eps).log().mean()) for eps in EPSILONS),
        *(of(lambda s, own, eps=eps: -of_target(s.softmax(1), own).clamp(min=eps).log().mean()) for eps in EPSILONS),
    ),
}

check_cpc_nce = Check("cpc_nce", cpc_nce, grids, CPC_NCE, needs="the mean over all predictions that have a target")
