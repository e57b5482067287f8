"""The third exercise of notebook 05: CMC's full graph of several views, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, permutations, product

import torch
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.checks.minus_log import TAUS
from ssl_lab.losses import core_view, cross_view_nce, full_graph


def several(seed: int) -> Iterator[tuple[Tensor, float]]:
    """M views (M, B, d) of the same things, more or less alike; a temperature that is nobody's default; the first always the same."""
    for number, (M, B, d, tau) in enumerate([(4, 3, 3, 0.4), (3, 4, 5, 0.3), (5, 3, 4, 1.5)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        z, noise = torch.randn(B, d, generator=draw), torch.randn(M, B, d, generator=draw)
        yield z + (0.4 + torch.rand(M, 1, 1, generator=draw)) * noise, tau


def listed(zs: Tensor, tau: float) -> tuple[list[Tensor], float]:
    """What is given to a function: a list with one tensor (B, d) a view."""
    return [z * 1 for z in zs], tau


def over(pairs: Callable[[int], Iterable[tuple[int, int]]]) -> Callable:
    """The sum over other pairs of M views."""
    return lambda zs, tau: sum(cross_view_nce(zs[i], zs[j], tau) for i, j in pairs(len(zs)))


def after(change: Callable[[Tensor, int], Tensor]) -> Callable:
    """The right sum, changed; the second argument is M."""
    return lambda zs, tau: change(full_graph(zs, tau), len(zs))


FULL = {
    "only the pairs with one view are added, which is the core view: the full graph has a pair for any two views": (
        core_view,
        lambda zs, tau: core_view(zs[::-1], tau),
    ),
    "only neighbours are paired, 0 with 1, 1 with 2: any two views are a pair, so use two loops, or itertools.combinations": (
        over(lambda M: ((i, i + 1) for i in range(M - 1))),
        over(lambda M: ((i, (i + 1) % M) for i in range(M))),
    ),
    "every pair is counted twice: (i, j) and (j, i) are the same pair, so let j begin at i + 1": (over(lambda M: permutations(range(M), 2)),),
    "a view is paired with itself: leave out i = j, so let j begin at i + 1": (
        over(lambda M: ((i, j) for i in range(M) for j in range(i, M))),
        over(lambda M: product(range(M), repeat=2)),
        over(lambda M: ((i, i) for i in range(M))),
    ),
    "the mean over the pairs, or over the M views, is taken: add the pairs up, and do not divide": (
        after(lambda loss, M: 2 * loss / (M * (M - 1))),
        after(lambda loss, M: loss / M),
        after(lambda loss, M: loss / (M - 1)),
        lambda zs, tau: core_view(zs, tau) / (len(zs) - 1),
    ),
    "the sum is halved: cross_view_nce is the loss of a pair, so add it as it is": (after(lambda loss, M: loss / 2),),
    "the first view is left out, or the last: the two loops go over all M views": (
        over(lambda M: combinations(range(1, M), 2)),
        over(lambda M: combinations(range(M - 1), 2)),
    ),
    "only one pair is counted: add up all of them (is `return` inside the loop, or = where += is meant?)": (
        lambda zs, tau: cross_view_nce(zs[0], zs[1], tau),
        lambda zs, tau: cross_view_nce(zs[-2], zs[-1], tau),
        lambda zs, tau: cross_view_nce(zs[0], zs[-1], tau),
    ),
    "the temperature is not handed on, or it is a fixed number in the code: call cross_view_nce with the argument tau": (
        lambda zs, tau: full_graph(zs),
        *(lambda zs, tau, fixed=fixed: full_graph(zs, fixed) for fixed in (*TAUS[:1], *TAUS[2:], 1.0)),
    ),
    "a minus sign is too much: every pair pays, so add the losses up": (after(lambda loss, M: -loss),),
    "the fraction is cut off by `//`, or the sum by int(): leave the sum as it is": (after(lambda loss, M: loss.floor()),),
}

check_full_graph = Check("full_graph", full_graph, several, FULL, needs="the sum over all pairs", prepare=listed)
