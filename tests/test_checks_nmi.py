"""The check of normalised mutual information: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, on lists of labels, in shares of images that are counted one by one.
"""

import functools
import math
from collections import Counter

import pytest
import torch

from ssl_lab import geometry
from ssl_lab.checks import check_nmi

SEEDS = range(8)


def entropy(labels, log=math.log):
    return -sum(n / len(labels) * log(n / len(labels)) for n in Counter(labels).values())


def by_lists(a, b, *, value=lambda i, ha, hb, joint: i / ((ha + hb) / 2), entropy=entropy, alone=1.0):
    """NMI of three entropies; every option is one way to get it wrong.   alone: with one group in both."""
    a, b = a.tolist(), b.tolist()
    ha, hb, joint = (entropy(labels) for labels in (a, b, list(zip(a, b))))
    return alone if len(set(zip(a, b))) == 1 else value(ha + hb - joint, ha, hb, joint)


def wrong(**options):
    return functools.partial(by_lists, **options)


def counted(labels):
    """Numbers of images in place of shares."""
    return -sum(n * math.log(n) for n in Counter(labels).values())


def averaged(labels):
    return entropy(labels) / len(Counter(labels))


def with_all_pairs(a, b, log=torch.log, alone=None):
    """As it is written with a table of shares; a pair that never occurs gives 0 log 0."""
    p = torch.zeros(int(a.max()) + 1, int(b.max()) + 1)
    for i, j in zip(a.tolist(), b.tolist()):
        p[i, j] += 1 / len(a)
    ha, hb, joint = (-(q * log(q)).sum() for q in (p.sum(1), p.sum(0), p))
    return torch.tensor(alone) if alone is not None and ha + hb == 0 else 2 * (ha + hb - joint) / (ha + hb)


def equal_shares(a, b):
    return (a == b).float().mean()


def by_groups(a, b):
    return by_lists(a, b, value=lambda i, ha, hb, joint: i / math.log(int(a.max()) + 1), alone=0)


NMI = {
    "equal labels": ("compared for equality", equal_shares),
    "not normalised": ("is not normalised", wrong(value=lambda i, ha, hb, joint: i, alone=0)),
    "not normalised, in bits": ("is not normalised", wrong(value=lambda i, ha, hb, joint: i / math.log(2), alone=0)),
    "geometric mean": ("geometric mean", wrong(value=lambda i, ha, hb, joint: i / math.sqrt(ha * hb))),
    "geometric mean, nan": ("geometric mean", wrong(value=lambda i, ha, hb, joint: i / math.sqrt(ha * hb), alone=math.nan)),
    "product": ("by the product", wrong(value=lambda i, ha, hb, joint: i / (ha * hb))),
    "max": ("by one of the two", wrong(value=lambda i, ha, hb, joint: i / max(ha, hb))),
    "min": ("by one of the two", wrong(value=lambda i, ha, hb, joint: i / min(ha, hb))),
    "first": ("by one of the two", wrong(value=lambda i, ha, hb, joint: i / ha)),
    "second, 0": ("by one of the two", wrong(value=lambda i, ha, hb, joint: i / hb, alone=0)),
    "joint": ("divided by the joint", wrong(value=lambda i, ha, hb, joint: i / joint)),
    "sum": ("half of what", wrong(value=lambda i, ha, hb, joint: i / (ha + hb))),
    "sum, 0": ("half of what", wrong(value=lambda i, ha, hb, joint: i / (ha + hb), alone=0)),
    "half, everywhere": ("half of what", wrong(value=lambda i, ha, hb, joint: i / (ha + hb), alone=0.5)),
    "twice": ("a factor is wrong", wrong(value=lambda i, ha, hb, joint: 4 * i / (ha + hb))),
    "no brackets": ("a factor is wrong", wrong(value=lambda i, ha, hb, joint: i / (ha + hb / 2))),
    "minus": ("sign is wrong", wrong(value=lambda i, ha, hb, joint: -2 * i / (ha + hb))),
    "two logarithms": ("logarithms are mixed", wrong(value=lambda i, ha, hb, joint: 2 * i / (ha + hb) * math.log(2))),
    "two logarithms, otherwise": ("logarithms are mixed", wrong(value=lambda i, ha, hb, joint: 2 * i / (ha + hb) / math.log(2))),
    "1 - nmi": ("a distance is returned", wrong(value=lambda i, ha, hb, joint: 1 - 2 * i / (ha + hb), alone=0)),
    "variation of information": ("a distance is returned", wrong(value=lambda i, ha, hb, joint: joint - i, alone=0)),
    "conditional": ("conditional entropy", wrong(value=lambda i, ha, hb, joint: 2 * (joint - hb) / (ha + hb))),
    "joint above": ("joint entropy takes the place", wrong(value=lambda i, ha, hb, joint: 2 * joint / (ha + hb))),
    "root": ("root is taken of", wrong(value=lambda i, ha, hb, joint: math.sqrt(2 * i / (ha + hb)))),
    "counts": ("numbers of images stand", wrong(entropy=counted)),
    "counts, 0": ("numbers of images stand", wrong(entropy=counted, alone=0)),
    "mean over groups": ("entropy is a mean", wrong(entropy=averaged)),
    "log k": ("logarithm of the number", by_groups),
    "0 log 0": ("0 log 0", with_all_pairs),
    "0 log 0, 1": ("0 log 0", functools.partial(with_all_pairs, alone=1.0)),
    "0 / 0": ("one group in both", wrong(alone=math.nan)),
    "0": ("one group in both", wrong(alone=0.0)),
}


@pytest.mark.parametrize("words, mistake", NMI.values(), ids=NMI)
def test_each_usual_mistake_with_the_information_gets_its_own_hint(called, words, mistake):
    called(check_nmi, mistake, words, NMI, SEEDS)


def with_entr(a, b):
    def h(labels):
        return torch.special.entr(labels.unique(return_counts=True, dim=0)[1] / len(labels)).sum()

    ha, hb, joint = h(a), h(b), h(torch.stack([a, b], dim=1))
    return torch.ones(()) if ha + hb == 0 else 2 * (ha + hb - joint) / (ha + hb)


def by_pairs(a, b):
    """Σ p log2(p / (p_a p_b)), in bits, over the pairs that occur."""
    pairs = list(zip(a.tolist(), b.tolist()))
    N, both, left, right = len(pairs), Counter(pairs), Counter(a.tolist()), Counter(b.tolist())
    information = sum(n / N * math.log2(n * N / (left[i] * right[j])) for (i, j), n in both.items())
    mean = (entropy(a.tolist(), math.log2) + entropy(b.tolist(), math.log2)) / 2
    return information / mean if mean else 1


@pytest.mark.parametrize(
    "right", [geometry.nmi, by_lists, with_entr, by_pairs, functools.partial(with_all_pairs, log=lambda p: torch.log(p + 1e-12), alone=1.0)]
)
def test_right_information_passes_in_any_style_and_in_any_logarithm(passes, right):
    passes(check_nmi, right)


def test_scikit_learns_passes(passes):
    from sklearn.metrics import normalized_mutual_info_score

    passes(check_nmi, lambda a, b: normalized_mutual_info_score(a.numpy(), b.numpy()), SEEDS)


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in NMI.values()}) == len(check_nmi.mistakes)
