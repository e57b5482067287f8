"""The first exercise of notebook 04: InfoNCE with a queue, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.checks.minus_log import minus_log_mistakes
from ssl_lab.losses import info_nce, minus_log_share, queue_scores, unit


def queries(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
    """Queries, keys somewhat like them, a queue that is longer than the batch, a temperature; the first always the same."""
    for number, (B, K, d, tau) in enumerate([(3, 5, 3, 0.2), (4, 9, 6, 0.5), (5, 8, 4, 0.07)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        q, noise, queue = (torch.randn(rows, d, generator=draw) for rows in (B, B, K))
        yield q, q + noise, queue, tau


def unit_rows(q: Tensor, k: Tensor, queue: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor, float]:
    """What is given to a function: rows of length 1; keys and queue are constants, as in `MoCo.keys`, which computes them under no_grad."""
    return unit(q), unit(k).detach(), unit(queue).detach(), tau


def own(q: Float[Tensor, "B d"], k: Float[Tensor, "B d"]) -> Float[Tensor, "B 1"]:
    """The score of each query with its key."""
    return (q * k).sum(dim=1, keepdim=True)


def cost(positive: Float[Tensor, "B 1"], others: Float[Tensor, "B n"]) -> Float[Tensor, " B"]:
    """What each query pays, given its logits: for its own key, and for the others."""
    return minus_log_share(torch.cat([positive, others], dim=1), positive[:, 0])


def paid(q: Tensor, k: Tensor, queue: Tensor, tau: float) -> Float[Tensor, " B"]:
    """What each query pays, rightly."""
    return minus_log_share(queue_scores(q, k, queue), own(q, k)[:, 0], tau)


def labelled(column: Callable[[int, int], Tensor], behind: bool = False) -> Callable:
    """The loss with labels column(B, K), all 0 where it is right.   behind: the positive stands behind the negatives."""

    def wrong(q, k, queue, tau):
        scores = queue_scores(q, k, queue)
        return F.cross_entropy((scores.roll(-1, 1) if behind else scores) / tau, column(len(q), len(queue)))

    return wrong


def zeros(B: int, K: int) -> Tensor:
    return torch.zeros(B, dtype=torch.long)


def numbered(B: int, K: int) -> Tensor:
    return torch.arange(B)


def against(negatives: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The loss with other negatives, made of k and the queue."""
    return lambda q, k, queue, tau: cost(own(q, k) / tau, q @ negatives(k, queue).T / tau).mean()


def with_batch(column: Callable[[int, int], Tensor]) -> Callable:
    """The loss with the keys of the whole batch in front of the queue."""
    return lambda q, k, queue, tau: F.cross_entropy(q @ torch.cat([k, queue]).T / tau, column(len(q), len(queue)))


def batch_alone(q, k, queue, tau):
    return F.cross_entropy(q @ k.T / tau, torch.arange(len(q)))


def changed(change: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with other logits, made of the right ones."""
    return lambda q, k, queue, tau: F.cross_entropy(change(queue_scores(q, k, queue) / tau), zeros(len(q), len(queue)))


def below(denominator: Callable[[Tensor], Tensor]) -> Callable:
    """The loss with another logarithm of the denominator, made of the logits."""
    return lambda q, k, queue, tau: (denominator(queue_scores(q, k, queue) / tau) - own(q, k)[:, 0] / tau).mean()


def with_own(positive: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The loss with another positive, made of q and k; one number is the same for all."""
    return lambda q, k, queue, tau: cost(positive(q, k) / tau + 0 * own(q, k), q @ queue.T / tau).mean()


INFO_NCE = {
    "only some of the logits are divided by tau: join l_pos and l_neg first, and then divide": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, q @ queue.T).mean(),
        lambda q, k, queue, tau: cost(own(q, k), q @ queue.T / tau).mean(),
    ),
    "the label is not the column of the positive: l_pos is column 0 of the logits, so every label is 0": (
        labelled(zeros, behind=True),
        labelled(numbered),
        labelled(numbered, behind=True),
        labelled(lambda B, K: torch.ones(B, dtype=torch.long)),
        labelled(lambda B, K: torch.full((B,), K)),
    ),
    "the batch's own keys are among the negatives, and so is the positive: the negatives come from the queue alone, so enqueue after the loss": (
        against(lambda k, queue: torch.cat([queue, k])),
        against(lambda k, queue: torch.cat([k, queue[len(k) :]])),
        against(lambda k, queue: torch.cat([k, queue[: -len(k)]])),
        with_batch(numbered),
        with_batch(zeros),
    ),
    "the queue is not used: the negatives are its K keys, not the rows of the batch": (
        batch_alone,
        against(lambda k, queue: k),
        lambda q, k, queue, tau: cost(own(q, k) / tau, q @ q.T / tau).mean(),
    ),
    "the positive is missing from the denominator: the sum has K + 1 terms, and one of them is the positive": (
        below(lambda s: s[:, 1:].logsumexp(1)),
    ),
    "the positive is counted twice in the denominator: the sum has K + 1 terms": (below(lambda s: torch.cat([s[:, :1], s], dim=1).logsumexp(1)),),
    "one denominator is used for the whole batch: each query has its own sum, along dim=1": (below(lambda s: s.flatten().logsumexp(0)),),
    "the denominator is missing: p is the share of the positive among K + 1 terms": (below(lambda s: torch.zeros(len(s))),),
    "the denominator is a mean: it is the sum of K + 1 terms": (below(lambda s: s.logsumexp(1) - math.log(s.shape[1])),),
    "the softmax runs along dim=0, over the batch: each query has its own softmax, along dim=1": (below(lambda s: s[:, :1].logsumexp(0)),),
    "the logarithm of the denominator is missing: −log(a / b) is log b − log a": (below(lambda s: s.exp().sum(1)),),
    "the positive is a row with itself, which is always 1: l_pos is the query with its key, q · k": (with_own(lambda q, k: own(q, q)),),
    "l_pos runs along dim=0, over the batch: q · k of one image is a sum over its features, along dim=1": (
        lambda q, k, queue, tau: cost((q * k).sum(dim=0)[:, None] / tau, q @ queue.T / tau).mean(),
    ),
    "l_pos is one number for the whole batch: each query has its own, so sum along dim=1": (
        with_own(lambda q, k: (q * k).sum()),
        with_own(lambda q, k: (q * k).sum(dim=1).mean()),
    ),
    "the key takes the place of the query: l_neg is q with the queue, not k": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, k @ queue.T / tau).mean(),
    ),
    "the wrong axis is normalised: the rows already have length 1, so leave them as they are": (
        lambda q, k, queue, tau: info_nce(q, k, F.normalize(queue, dim=0), tau),
        lambda q, k, queue, tau: info_nce(F.normalize(q, dim=0), F.normalize(k, dim=0), queue, tau),
        lambda q, k, queue, tau: info_nce(F.normalize(q, dim=0), F.normalize(k, dim=0), F.normalize(queue, dim=0), tau),
    ),
    "one length is used for the whole matrix: norm() without dim is one number; the rows already have length 1, so leave them as they are": (
        lambda q, k, queue, tau: info_nce(q, k, queue / queue.norm(), tau),
        lambda q, k, queue, tau: info_nce(q / q.norm(), k / k.norm(), queue, tau),
        lambda q, k, queue, tau: info_nce(q / q.norm(), k / k.norm(), queue / queue.norm(), tau),
    ),
    "l_pos is averaged over the d features: it is a sum of products, q · k": (with_own(lambda q, k: (q * k).mean(dim=1, keepdim=True)),),
    "the negatives of one query are used for all: each query has its own row in q @ queue.T": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, q[:1] @ queue.T / tau + 0 * own(q, k)).mean(),
        lambda q, k, queue, tau: cost(own(q, k) / tau, q[-1:] @ queue.T / tau + 0 * own(q, k)).mean(),
    ),
    "each query is compared with one key of the queue: all K keys are its negatives (a matrix product)": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, own(q, queue[: len(q)]) / tau).mean(),
    ),
    "the result is a sum over the batch: take the mean over the queries": (lambda *given: paid(*given).sum(),),
    "the softmax or the exponential is taken twice: `cross_entropy` takes them itself, so give it the logits": (
        changed(lambda logits: logits.softmax(dim=1)),
        changed(torch.exp),
    ),
    "the keys are shifted: the positive of query i is key i, not the key before or after": (
        lambda q, k, queue, tau: info_nce(q, k.roll(1, 0), queue, tau),
        lambda q, k, queue, tau: info_nce(q, k.roll(-1, 0), queue, tau),
    ),
    **minus_log_mistakes(paid, "queries", "take the mean over all of them"),
}

check_info_nce = Check("info_nce", info_nce, queries, INFO_NCE, needs="the mean over the batch", prepare=unit_rows)
