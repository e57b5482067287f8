"""The check of alignment: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, as loops over rows that share nothing with what the check compares with.
"""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab import geometry
from ssl_lab.checks import check_alignment


def gap(u, v):
    return sum((p - q) ** 2 for p, q in zip(u, v))


def unit(u):
    return [p / math.sqrt(sum(q * q for q in u)) for p in u]


def by_row(z):
    return [unit(row) for row in z.tolist()]


def by_column(z):
    return list(zip(*[unit(column) for column in zip(*z.tolist())]))


def by_the_whole(z):
    return [[p / float(z.flatten().norm()) for p in row] for row in z.tolist()]


def by_squares(z):
    return [[p / sum(q * q for q in row) for p in row] for row in z.tolist()]


def as_they_are(z):
    return z.tolist()


def same_row(B):
    return [(i, i) for i in range(B)]


def aligned(z1, z2, *, rows=(by_row, by_row), pair=gap, over=lambda B, d: B, pairs=same_row):
    """One pair at a time; every option is one way to get it wrong.   rows: what is done to z1, and to z2."""
    u, v = (one(z) for one, z in zip(rows, (z1, z2)))
    return sum(pair(u[i], v[j]) for i, j in pairs(len(u))) / over(*z1.shape)


def product(u, v):
    return sum(p * q for p, q in zip(u, v))


def two_minus(u, v):
    return 2 - 2 * product(u, v)


def all_entries(B, d):
    return B * d


def of_columns(z1, z2):
    """cosine_similarity(z1, z2, dim=0).mean()."""
    return aligned(z1.T, z2.T, pair=product)


def middle(z):
    return [sum(column) / len(column) for column in zip(*by_row(z))]


RAW, WHOLE = [as_they_are] * 2, [by_the_whole] * 2
HALVES = ([by_row, as_they_are], [as_they_are, by_row])
ALIGNMENTS = {
    "not normalised": ("are not normalised", {"rows": RAW}),
    "not normalised, 2 - 2 products": ("are not normalised", {"rows": RAW, "pair": two_minus}),
    "not normalised, mse_loss": ("are not normalised", {"rows": RAW, "over": all_entries}),
    "z1 normalised": ("only one of z1 and z2", {"rows": HALVES[0]}),
    "z2 normalised": ("only one of z1 and z2", {"rows": HALVES[1]}),
    "z1 normalised, 2 - 2 products": ("only one of z1 and z2", {"rows": HALVES[0], "pair": two_minus}),
    "z2 normalised, 2 - 2 products": ("only one of z1 and z2", {"rows": HALVES[1], "pair": two_minus}),
    "not normalised, not squared": ("are not normalised", {"rows": RAW, "pair": lambda u, v: math.sqrt(gap(u, v))}),
    "not normalised, sum": ("are not normalised", {"rows": RAW, "over": lambda B, d: 1}),
    "return in the loop": ("only one row", {"pairs": lambda B: [(0, 0)], "over": lambda B, d: 1}),
    "return in the loop, divided by B": ("only one row", {"pairs": lambda B: [(0, 0)]}),
    "= for +=": ("only one row", {"pairs": lambda B: [(B - 1, B - 1)], "over": lambda B, d: 1}),
    "= for +=, divided by B": ("only one row", {"pairs": lambda B: [(B - 1, B - 1)]}),
    "2 - 2 products, mean of all": ("over the features, too", {"pair": lambda u, v: 2 - 2 * product(u, v) / len(u)}),
    "all pairs, not squared": (
        "is compared with every row",
        {"pairs": lambda B: itertools.product(range(B), range(B)), "over": lambda B, d: B * B, "pair": lambda u, v: math.sqrt(gap(u, v))},
    ),
    "z1 normalised, mse_loss": ("only one of z1 and z2", {"rows": HALVES[0], "over": all_entries}),
    "z2 normalised, mse_loss": ("only one of z1 and z2", {"rows": HALVES[1], "over": all_entries}),
    "columns": ("wrong axis", {"rows": [by_column] * 2}),
    "columns, mse_loss": ("wrong axis", {"rows": [by_column] * 2, "over": all_entries}),
    "the whole": ("whole matrix", {"rows": WHOLE}),
    "the whole, 2 - 2 products": ("whole matrix", {"rows": WHOLE, "pair": two_minus}),
    "the whole, mse_loss": ("whole matrix", {"rows": WHOLE, "over": all_entries}),
    "no root": ("squared lengths", {"rows": [by_squares] * 2}),
    "distance": ("not squared: leave out", {"pair": lambda u, v: math.sqrt(gap(u, v))}),
    "absolute": ("absolute differences", {"pair": lambda u, v: sum(abs(p - q) for p, q in zip(u, v))}),
    "absolute, mean of all": ("absolute differences", {"pair": lambda u, v: sum(abs(p - q) for p, q in zip(u, v)), "over": all_entries}),
    "difference": ("positive and negative ones cancel", {"pair": lambda u, v: sum(u) - sum(v)}),
    "difference, mean of all": ("positive and negative ones cancel", {"pair": lambda u, v: sum(u) - sum(v), "over": all_entries}),
    "sum squared": ("sum is squared", {"pair": lambda u, v: (sum(u) - sum(v)) ** 2}),
    "mean of all entries": ("over the features, too", {"over": all_entries}),
    "sum": ("sum over the batch", {"over": lambda B, d: 1}),
    "sum over the batch, mean over dimensions": ("sum over the batch", {"over": lambda B, d: d}),
    "cosine": ("cosine is returned", {"pair": product}),
    "minus cosine": ("cosine is returned", {"pair": lambda u, v: -product(u, v)}),
    "2 cosines": ("cosine is returned", {"pair": lambda u, v: 2 * product(u, v)}),
    "minus 2 cosines": ("cosine is returned", {"pair": lambda u, v: -2 * product(u, v)}),
    "2 - cosine": ("cosine is returned", {"pair": lambda u, v: 2 - product(u, v)}),
    "1 - cosine": ("factor of 2", {"pair": lambda u, v: 1 - product(u, v)}),
    "twice": ("factor of 2", {"pair": lambda u, v: 2 * gap(u, v)}),
    "all pairs": ("is compared with every row", {"pairs": lambda B: itertools.product(range(B), range(B)), "over": lambda B, d: B * B}),
    "row after": ("partners are shifted", {"pairs": lambda B: [(i, (i + 1) % B) for i in range(B)]}),
    "row before": ("partners are shifted", {"pairs": lambda B: [(i, i - 1) for i in range(B)]}),
    "sum of the views": ("sign is wrong", {"pair": lambda u, v: gap(u, [-p for p in v])}),
    "negative": ("sign is wrong", {"pair": lambda u, v: -gap(u, v)}),
}
OTHERS = {
    "norm of the difference": ("one norm", lambda z1, z2: (F.normalize(z1) - F.normalize(z2)).norm()),
    "norm of the difference, divided by B": ("one norm", lambda z1, z2: (F.normalize(z1) - F.normalize(z2)).norm() / len(z1)),
    "mean distance squared": ("before the square", lambda z1, z2: aligned(z1, z2, pair=lambda u, v: math.sqrt(gap(u, v))) ** 2),
    "2 - 2 times the sum": ("sum over the batch", lambda z1, z2: 2 - 2 * aligned(z1, z2, pair=product, over=lambda B, d: 1)),
    "root of the mean": ("not squared: leave out", lambda z1, z2: math.sqrt(aligned(z1, z2))),
    "first with first": ("distance is always 0", lambda z1, z2: aligned(z1, z1)),
    "second with second": ("distance is always 0", lambda z1, z2: aligned(z2, z2)),
    "2 - 2 cosines of columns": ("compares columns", lambda z1, z2: 2 - 2 * of_columns(z1, z2)),
    "2 - cosines of columns": ("compares columns", lambda z1, z2: 2 - of_columns(z1, z2)),
    "1 - cosines of columns": ("compares columns", lambda z1, z2: 1 - F.cosine_similarity(z1, z2, dim=0).mean()),
    "minus cosines of columns": ("compares columns", lambda z1, z2: -F.cosine_similarity(z1, z2, dim=0).mean()),
    "cosines of columns": ("compares columns", lambda z1, z2: F.cosine_similarity(z1, z2, 0).mean()),
    "distance of the means": ("before the square", lambda z1, z2: gap(middle(z1), middle(z2))),
    "difference normalised": ("difference is normalised", lambda z1, z2: sum(product(u, u) for u in by_row(z1 - z2)) / len(z1)),
    "//": ("cut off", lambda z1, z2: aligned(z1, z2, over=lambda B, d: 1) // len(z1)),
}
ALIGNED = {name: (words, lambda z1, z2, wrong=wrong: aligned(z1, z2, **wrong)) for name, (words, wrong) in ALIGNMENTS.items()} | OTHERS


@pytest.mark.parametrize("words, wrong", ALIGNED.values(), ids=ALIGNED)
def test_each_usual_mistake_with_alignment_gets_its_own_hint(called, words, wrong):
    called(check_alignment, wrong, words, ALIGNED)


def from_cosines(z1, z2):
    return 2 - 2 * F.cosine_similarity(z1, z2).mean().item()


def by_norms(z1, z2):
    u, v = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    return torch.linalg.vector_norm(u - v, dim=1).pow(2).mean()


def by_einsum_of_rows(z1, z2):
    difference = F.normalize(z1.double()) - F.normalize(z2.double())
    return torch.einsum("bd,bd->", difference, difference) / len(z1)


def in_numpy(z1, z2):
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z1.numpy(), z2.numpy()))
    return ((u - v) ** 2).sum(1).mean()


@pytest.mark.parametrize("right", [aligned, geometry.alignment, from_cosines, by_norms, by_einsum_of_rows, in_numpy])
def test_a_right_alignment_passes_in_any_style(passes, right):
    passes(check_alignment, right)


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in ALIGNED.values()}) == len(check_alignment.mistakes)
