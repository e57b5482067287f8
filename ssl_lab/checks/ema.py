"""The second exercise of notebook 04: the moving average of weights, and the ways in which it usually goes wrong."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check

MOMENTA = 0.9, 0.99, 0.996, 0.999  # usual values of m

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
    "the two shares are swapped: the key network keeps m of itself, and takes 1 − m of the query network": (
        lambda key, query, m: ema(query, key, m),
    ),
    "the result is the query network: the key network keeps m of itself": (lambda key, query, m: query * 1,),
    "the key network does not change: it takes 1 − m of the query network": (lambda key, query, m: key * 1,),
    "the query's weights are not multiplied by 1 − m: the two shares, m and 1 − m, add up to 1": (
        lambda key, query, m: m * key + query,
        lambda key, query, m: m * key + m * query,
    ),
    "the key's weights are not multiplied by m: the two shares, m and 1 − m, add up to 1": (
        lambda key, query, m: key + (1 - m) * query,
        lambda key, query, m: key + m * query,
        lambda key, query, m: (1 - m) * (key + query),
    ),
    "brackets are missing: without them Python computes (m * key + 1) − (m * query)": (lambda key, query, m: m * key + 1 - m * query,),
    "the result is the plain mean: m says how much is kept, and it is near 1": (lambda key, query, m: (key + query) / 2,),
    "the sum is divided by 2: the two shares, m and 1 − m, already add up to 1": (lambda key, query, m: ema(key, query, m) / 2,),
    "m is a fixed number in the code: use the argument m": tuple(lambda key, query, m, fixed=fixed: ema(key, query, fixed) for fixed in MOMENTA),
    "one of the two terms is missing: add m of the key's weights and 1 − m of the query's": (
        lambda key, query, m: m * key,
        lambda key, query, m: (1 - m) * query,
    ),
    "a sign is wrong: the key's weights move towards the query's, by 1 − m of the way": (
        lambda key, query, m: m * key - (1 - m) * query,
        lambda key, query, m: key + (1 - m) * (key - query),
    ),
}

check_ema = Check("ema", ema, weights, EMA, Kind.MATRIX)
