"""The check of CMC's full graph: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, on lists of pairs, with a loss of a pair that is written here, too.
"""

import itertools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_full_graph

SEEDS = range(8)


def pair(a, b, tau=0.07):
    s = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / tau
    return F.cross_entropy(s, torch.arange(len(s))) + F.cross_entropy(s.T, torch.arange(len(s)))


def once(M):
    return [(i, j) for i in range(M) for j in range(i + 1, M)]


def added(pairs=once, after=lambda loss, M: loss, tau=lambda tau: tau):
    """The sum over these pairs; every option is one way to get it wrong."""

    def graph(zs, given):
        total = 0
        for i, j in pairs(len(zs)):
            total = total + pair(zs[i], zs[j], tau(given))
        return after(total, len(zs))

    return graph


FULL = {
    "core": ("which is the core view", added(lambda M: [(0, j) for j in range(1, M)])),
    "the last as the core": ("which is the core view", added(lambda M: [(M - 1, j) for j in range(M - 1)])),
    "return after the inner loop": ("which is the core view", added(lambda M: [p for p in once(M) if p[0] == 0])),
    "neighbours": ("only neighbours", added(lambda M: [(i, i + 1) for i in range(M - 1)])),
    "a ring": ("only neighbours", added(lambda M: [(i, (i + 1) % M) for i in range(M)])),
    "twice": ("counted twice", added(lambda M: [(i, j) for i in range(M) for j in range(M) if i != j])),
    "the diagonal, too": ("paired with itself", added(lambda M: [(i, j) for i in range(M) for j in range(i, M)])),
    "two whole loops": ("paired with itself", added(lambda M: list(itertools.product(range(M), range(M))))),
    "the diagonal alone": ("paired with itself", added(lambda M: [(i, i) for i in range(M)])),
    "mean over pairs": ("mean over the pairs", added(after=lambda loss, M: loss / len(once(M)))),
    "mean over views": ("mean over the pairs", added(after=lambda loss, M: loss / M)),
    "halved": ("the sum is halved", added(after=lambda loss, M: loss / 2)),
    "without the first": ("first view is left out", added(lambda M: [p for p in once(M) if 0 not in p])),
    "without the last": ("first view is left out", added(lambda M: [p for p in once(M) if M - 1 not in p])),
    "return in the loop": ("only one pair", added(lambda M: once(M)[:1])),
    "= for +=": ("only one pair", added(lambda M: once(M)[-1:])),
    "no tau": ("not handed on", added(tau=lambda tau: 0.07)),
    "tau = 0.1": ("not handed on", added(tau=lambda tau: 0.1)),
    "tau = 1": ("not handed on", added(tau=lambda tau: 1.0)),
    "sign": ("minus sign", added(after=lambda loss, M: -loss)),
    "//": ("cut off", added(after=lambda loss, M: loss.floor())),
}


@pytest.mark.parametrize("words, wrong", FULL.values(), ids=FULL)
def test_each_usual_mistake_with_the_graph_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_full_graph, wrong, words, FULL, SEEDS)


def by_combinations(zs, tau):
    return sum(losses.cross_view_nce(a, b, tau) for a, b in itertools.combinations(zs, 2))


def by_slices(zs, tau=0.07):
    return torch.stack([pair(a, b, tau) for i, a in enumerate(zs) for b in zs[i + 1 :]]).sum()


def all_twice_and_halved(zs, tau):
    return sum(pair(a, b, tau) for a in zs for b in zs if a is not b) / 2


def the_last_view_first(views, temperature):
    return losses.full_graph(views[::-1], temperature)


@pytest.mark.parametrize("right", [losses.full_graph, added(), by_combinations, by_slices, all_twice_and_halved, the_last_view_first])
def test_a_right_graph_passes_in_any_style(passes, right):
    passes(check_full_graph, right, SEEDS)


def test_views_are_given_in_a_list_that_may_not_be_changed():
    given = check_full_graph.prepare(*next(iter(check_full_graph.inputs(0))))
    assert isinstance(given[0], list) and len(given[0]) == 4

    def in_place(zs, tau):
        zs[1] /= zs[1].norm(dim=1, keepdim=True)
        return losses.full_graph(zs, tau)

    assert "changes its inputs in place" in check_full_graph(in_place).hint


@pytest.mark.parametrize("wrong", [
    lambda zs, tau: losses.full_graph([zs[0].detach(), *zs[1:]], tau), lambda zs, tau: losses.full_graph([*zs[:-1], zs[-1].detach()], tau),
])
def test_every_view_must_learn(wrong):
    assert "its gradient is not: something is detached" in check_full_graph(wrong).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in FULL.values()}) == len(check_full_graph.mistakes)
