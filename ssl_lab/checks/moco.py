"""Two exercises of notebook 04: InfoNCE with a queue and the moving average, and the ways in which they usually go wrong."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab import losses
from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.losses import minus_log_share, queue_scores, unit


def info_nce(q: Float[Tensor, "B d"], k: Float[Tensor, "B d"], queue: Float[Tensor, "K d"], tau: float = 0.07) -> Float[Tensor, ""]:
    """MoCo's loss of unit rows, Eqn. 1, mean over the batch; the key is a constant: no gradient flows into k."""
    return losses.info_nce(q, k.detach(), queue, tau)


def queries(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
    """Queries, keys somewhat like them, a queue that is longer than the batch, a temperature; the first always the same."""
    for number, (B, K, d, tau) in enumerate([(3, 5, 3, 0.2), (4, 9, 6, 0.5), (5, 8, 4, 0.07)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        q, noise, queue = (torch.randn(rows, d, generator=draw) for rows in (B, B, K))
        yield q, q + noise, queue, tau


def unit_rows(q: Tensor, k: Tensor, queue: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor, float]:
    """What is given to a function: rows of length 1, and a queue that is a constant."""
    return unit(q), unit(k), unit(queue).detach(), tau


def own(q: Float[Tensor, "B d"], k: Float[Tensor, "B d"]) -> Float[Tensor, "B 1"]:
    """The score of each query with its key."""
    return (q * k).sum(dim=1, keepdim=True)


def cost(positive: Float[Tensor, "B 1"], others: Float[Tensor, "B n"]) -> Float[Tensor, " B"]:
    """What each query pays, given its logits: for its own key, and for the others."""
    return minus_log_share(torch.cat([positive, others], dim=1), positive[:, 0])


def paid(q: Tensor, k: Tensor, queue: Tensor, tau: float) -> Float[Tensor, " B"]:
    """What each query pays, rightly."""
    return minus_log_share(queue_scores(q, k, queue), own(q, k)[:, 0], tau)


def share(*given):
    """The share of the softmax, of which the loss takes the logarithm."""
    return paid(*given).neg().exp().mean()


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


def without_positive(q, k, queue, tau):
    return ((q @ queue.T / tau).logsumexp(dim=1) - own(q, k)[:, 0] / tau).mean()


def softmax_twice(q, k, queue, tau):
    return F.cross_entropy((queue_scores(q, k, queue) / tau).softmax(dim=1), zeros(len(q), len(queue)))


INFO_NCE = {
    "a gradient flows into the key: it is a constant, so use k.detach(), as Algorithm 1 does": (losses.info_nce,),
    "the query is detached in place of the key: q learns by the gradient, so detach k, and leave q as it is": (
        lambda q, k, queue, tau: losses.info_nce(q.detach(), k, queue, tau),
    ),
    "scores are multiplied by the temperature: divide them by it": (lambda q, k, queue, tau: info_nce(q, k, queue, 1 / tau),),
    "the temperature is not used: divide the logits by tau": (lambda q, k, queue, tau: info_nce(q, k, queue, 1.0),),
    "only some of the logits are divided by tau: l_pos and l_neg are joined first, and then divided": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, q @ queue.T).mean(),
        lambda q, k, queue, tau: cost(own(q, k), q @ queue.T / tau).mean(),
    ),
    "the label is not where the positive stands: l_pos is column 0 of the logits, so that every label is 0": (
        labelled(zeros, behind=True),
        labelled(numbered),
        labelled(numbered, behind=True),
        labelled(lambda B, K: torch.ones(B, dtype=torch.long)),
        labelled(lambda B, K: torch.full((B,), K)),
    ),
    "the batch's own keys are among the negatives, and with them the positive: the negatives come from the queue alone, so enqueue after the loss": (
        against(lambda k, queue: torch.cat([queue, k])),
        against(lambda k, queue: torch.cat([k, queue[len(k) :]])),
        against(lambda k, queue: torch.cat([k, queue[: -len(k)]])),
        with_batch(numbered),
        with_batch(zeros),
    ),
    "the queue is not used: the negatives are its K keys, not those of the other images of the batch": (batch_alone,),
    "the positive is missing from the denominator: the sum has K + 1 terms, the key's own among them": (without_positive,),
    "the positive is a row with itself, which is always 1: l_pos is the query with its key, q · k": (
        lambda q, k, queue, tau: cost(own(q, q) / tau, q @ queue.T / tau).mean(),
    ),
    "the key takes the place of the query: l_neg is q with the queue, not k": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, k @ queue.T / tau).mean(),
    ),
    "it normalises along the wrong axis: the rows have length 1 already, so leave them as they are": (
        lambda q, k, queue, tau: info_nce(q, k, F.normalize(queue, dim=0), tau),
        lambda q, k, queue, tau: info_nce(F.normalize(q, dim=0), F.normalize(k, dim=0), queue, tau),
        lambda q, k, queue, tau: info_nce(F.normalize(q, dim=0), F.normalize(k, dim=0), F.normalize(queue, dim=0), tau),
    ),
    "the scores are averaged over the d features: a score is a sum of products, q · k": (
        lambda q, k, queue, tau: cost(own(q, k) / q.shape[1] / tau, q @ queue.T / tau).mean(),
        lambda q, k, queue, tau: info_nce(q, k, queue, tau * q.shape[1]),
    ),
    "the negatives of one query serve for all: each query has a row of its own in q @ queue.T": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, q[:1] @ queue.T / tau + 0 * own(q, k)).mean(),
        lambda q, k, queue, tau: cost(own(q, k) / tau, q[-1:] @ queue.T / tau + 0 * own(q, k)).mean(),
    ),
    "each query meets a single key of the queue: all K keys are its negatives (a matrix product)": (
        lambda q, k, queue, tau: cost(own(q, k) / tau, own(q, queue[: len(q)]) / tau).mean(),
    ),
    "it sums over the batch: take the mean over the queries": (lambda *given: paid(*given).sum(),),
    "only one query is counted: take the mean over all of them (is the `return` inside the loop, or = where += is meant?)": (
        lambda *given: paid(*given)[0],
        lambda *given: paid(*given)[-1],
        lambda *given: paid(*given)[0] / len(paid(*given)),
        lambda *given: paid(*given)[-1] / len(paid(*given)),
    ),
    "the logarithm is missing: a query pays −log p": (share, lambda *given: -share(*given), lambda *given: 1 - share(*given)),
    "the softmax is taken twice: `cross_entropy` takes it itself, so give it the logits": (softmax_twice,),
    "the sign is wrong: the loss is minus the logarithm": (lambda *given: -info_nce(*given),),
}

check_info_nce = Check("info_nce", info_nce, queries, INFO_NCE, needs="the mean over the batch", prepare=unit_rows)


def ema(key: Float[Tensor, "*shape"], query: Float[Tensor, "*shape"], m: float) -> Float[Tensor, "*shape"]:
    """The key network's weights after a step, Eqn. 2: m of what they were, 1 - m of the query network's. A new tensor."""
    return m * key + (1 - m) * query


def weights(seed: int) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Weights of two networks in one, two and four dimensions, and what is kept of the first; the first always the same."""
    for number, shape in enumerate([(5,), (3, 4), (2, 3, 3, 2)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        key, query = (torch.randn(shape, generator=draw) for _ in range(2))
        yield key, query, 0.6 + 0.35 * torch.rand((), generator=draw).item() if number else 0.9


EMA = {
    "it is the wrong way round: the key network keeps m of itself, and takes 1 − m of the query network": (lambda key, query, m: ema(query, key, m),),
    "the key network becomes a copy of the query network: it keeps m of itself": (lambda key, query, m: query * 1,),
    "the key network stays as it is: it takes 1 − m of the query network": (lambda key, query, m: key * 1,),
    "the query's weights are not scaled by 1 − m: the two shares, m and 1 − m, add up to 1": (
        lambda key, query, m: m * key + query,
        lambda key, query, m: m * key + m * query,
    ),
    "the key's weights are not scaled by m: the two shares, m and 1 − m, add up to 1": (
        lambda key, query, m: key + (1 - m) * query,
        lambda key, query, m: key + m * query,
        lambda key, query, m: (1 - m) * (key + query),
    ),
    "it is the plain mean: m says how much is kept, and it is near to 1": (lambda key, query, m: (key + query) / 2,),
    "one of the two terms is missing: m of the key's weights plus 1 − m of the query's": (
        lambda key, query, m: m * key,
        lambda key, query, m: (1 - m) * query,
    ),
    "a sign is wrong: the key's weights move towards the query's, by 1 − m of the way": (
        lambda key, query, m: m * key - (1 - m) * query,
        lambda key, query, m: key + (1 - m) * (key - query),
    ),
}

check_ema = Check("ema", ema, weights, EMA, Kind.MATRIX)
