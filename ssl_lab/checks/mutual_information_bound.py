"""The second exercise of notebook 05: what a contrastive loss says of mutual information, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.losses import mutual_information_bound


def contests(seed: int) -> Iterator[tuple[float, int]]:
    """A loss of one direction and its number of negatives; the first always the same. In the last the bound is negative."""
    for number, (low, high, least, most) in enumerate([(0.5, 0.5, 15, 16), (0.8, 1.2, 40, 60), (0.2, 0.6, 6, 12), (3.2, 3.9, 4, 9)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        share = torch.rand((), generator=draw, dtype=torch.float64).item()
        yield low + (high - low) * share, int(torch.randint(least, most, (), generator=draw))


def by(value: Callable[[float, float, int], float]) -> Callable:
    """What is made of log k, the loss and k."""
    return lambda loss, k: value(math.log(k), loss, k)


BOUND = {
    "log(k + 1) is taken, of all candidates, which is the batch: the lecture's bound has log k, of the negatives alone": (
        by(lambda log, loss, k: math.log(k + 1) - loss),
        by(lambda log, loss, k: math.log(k + 1) + loss),
        by(lambda log, loss, k: loss - math.log(k + 1)),
    ),
    "k is changed before the logarithm is taken: k is the number of negatives already, so take log k": (
        by(lambda log, loss, k: math.log(k - 1) - loss),
        by(lambda log, loss, k: math.log(k + 2) - loss),
        by(lambda log, loss, k: math.log(2 * k) - loss),
        by(lambda log, loss, k: math.log(2 * k + 1) - loss),
        by(lambda log, loss, k: math.log(k / 2) - loss),
    ),
    "the logarithm has another base: use math.log, the natural logarithm, as in the loss, not log2 or log10": (
        by(lambda log, loss, k: math.log2(k) - loss),
        by(lambda log, loss, k: math.log10(k) - loss),
    ),
    "the result is in bits, or in powers of ten: leave it in nats, in which the loss is measured": (
        by(lambda log, loss, k: (log - loss) / math.log(2)),
        by(lambda log, loss, k: (log - loss) / math.log(10)),
    ),
    "the sign is wrong: the bound is log k less the loss, so that a smaller loss promises more": (
        by(lambda log, loss, k: loss - log),
        by(lambda log, loss, k: loss + log),
        by(lambda log, loss, k: -loss - log),
    ),
    "a factor of 2 is wrong: the loss is that of one direction, so take log k − loss as it is": (
        by(lambda log, loss, k: log - 2 * loss),
        by(lambda log, loss, k: log - loss / 2),
        by(lambda log, loss, k: 2 * log - loss),
        by(lambda log, loss, k: 2 * (log - loss)),
        by(lambda log, loss, k: (log - loss) / 2),
    ),
    "the logarithm is missing: take log k, not k": (by(lambda log, loss, k: k - loss), by(lambda log, loss, k: loss - k)),
    "a logarithm is taken of the loss, too: it is a mean of −log p already": (
        by(lambda log, loss, k: log - math.log(loss)),
        by(lambda log, loss, k: math.log(k - loss)),
    ),
    "an exponential is taken of the result: leave it a logarithm": (by(lambda log, loss, k: math.exp(log - loss)),),
    "the loss divides or multiplies log k: subtract it": (by(lambda log, loss, k: log / loss), by(lambda log, loss, k: log * loss)),
    "the loss is not used: subtract it from log k": (by(lambda log, loss, k: log),),
    "k is not used: the bound grows with the number of negatives, log k − loss": (
        by(lambda log, loss, k: loss),
        by(lambda log, loss, k: -loss),
        by(lambda log, loss, k: 1 - loss),
    ),
    "what is below 0 is cut to 0, or its sign is taken away: leave it; a bound below 0 says nothing, and so it shall be seen": (
        by(lambda log, loss, k: max(0.0, log - loss)),
        by(lambda log, loss, k: abs(log - loss)),
    ),
    "the fraction is cut off by int(), round() or `//`: leave the number as it is": (
        by(lambda log, loss, k: math.floor(log - loss)),
        by(lambda log, loss, k: int(log - loss)),
        by(lambda log, loss, k: round(log - loss)),
    ),
}

check_mutual_information_bound = Check("mutual_information_bound", mutual_information_bound, contests, BOUND, Kind.NUMBER, "the bound in nats")
