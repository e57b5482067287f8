"""What goes wrong with any mean of -log p, where p is what one of several candidates gets of a softmax: NT-Xent and InfoNCE."""

import math
from collections.abc import Callable

TAUS = 0.05, 0.07, 0.1, 0.2, 0.5  # usual temperatures, those of papers and of defaults


def minus_log_mistakes(paid: Callable, rows: str, mean: str) -> dict[str, tuple[Callable, ...]]:
    """Hint → the mistakes.   paid: what each row pays, rightly, of (*rows of numbers, tau).   rows: what they are called.   mean: over what."""

    def loss(*given):
        return paid(*given).mean()

    def at(tau: Callable[[float, int], float]) -> Callable:
        """The loss at another temperature, made of tau and d."""
        return lambda *given: loss(*given[:-1], tau(given[-1], given[0].shape[1]))

    def share(*given):
        return paid(*given).neg().exp().mean()

    return {
        "the similarities are multiplied by the temperature: divide them by tau": (at(lambda tau, d: 1 / tau),),
        "the temperature is not used: divide the similarities by tau": (at(lambda tau, d: 1.0),),
        "the temperature is a fixed number in the code: use the argument tau": tuple(at(lambda tau, d, fixed=fixed: fixed) for fixed in TAUS),
        "the temperature is used twice, or only its square root: divide the similarities by tau once": (
            at(lambda tau, d: tau * tau),
            at(lambda tau, d: tau**0.5),
        ),
        "squared distances are used, which are 2 − 2 times the cosine: use the cosines themselves": (at(lambda tau, d: tau / 2),),
        f"the mean is divided once more: divide the sum over the {rows} by their number, once": (
            lambda *given: loss(*given) / 2,
            lambda *given: loss(*given) / len(paid(*given)),
            lambda *given: loss(*given) / (len(paid(*given)) // 2),
        ),
        "the similarities are averaged over the d features, or divided by sqrt(d): a similarity is a sum of products, divided by tau only": (
            at(lambda tau, d: tau * d),
            at(lambda tau, d: tau * d**0.5),
        ),
        f"only one of the {rows} is counted: {mean} (is `return` inside the loop, or = where += is meant?)": (
            lambda *given: paid(*given)[0],
            lambda *given: paid(*given)[-1],
            lambda *given: paid(*given)[0] / len(paid(*given)),
            lambda *given: paid(*given)[-1] / len(paid(*given)),
        ),
        "the logarithm is missing: the loss is the mean of −log p, not of p": (
            share,
            lambda *given: -share(*given),
            lambda *given: 1 - share(*given),
        ),
        "the logarithm has another base: use torch.log, the natural logarithm, not log2 or log10": (
            lambda *given: loss(*given) / math.log(2),
            lambda *given: loss(*given) / math.log(10),
        ),
        f"the mean is taken before the logarithm: take −log p for each of the {rows} first, and then the mean": (
            lambda *given: -share(*given).log(),
        ),
        "the minus sign is missing: the loss is the mean of −log p, which is positive": (lambda *given: -loss(*given),),
        "the fraction is cut off by `//`: divide with `/`": (lambda *given: loss(*given).floor(),),
    }
