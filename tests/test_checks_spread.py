"""The check of the std that shows a collapse: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, number by number, in code that shares nothing with what the check compares with.
"""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab.checks import check_embedding_std


def by_row(z):
    return [[v / math.hypot(*row) for v in row] for row in z]


def by_column(z):
    return list(zip(*by_row(zip(*z))))


def by_the_whole(z):
    return [[v / math.hypot(*[w for row in z for w in row]) for v in row] for row in z]


def by_squared_lengths(z):
    return [[v / sum(w * w for w in row) for v in row] for row in z]


def mean_of(values):
    return sum(values) / len(values)


def centred_by_row(z):
    means = [sum(column) / len(z) for column in zip(*z)]
    return by_row([[v - mean for v, mean in zip(row, means)] for row in z])


def variance(values, less=1):
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - less)


def std(values):
    return math.sqrt(variance(values))


def number_by_number(z, *, rows=by_row, groups=lambda z: zip(*z), of=std, over=len, root=False, factor=lambda B, d: math.sqrt(d)):
    """The std of an embedding; every option is one way to get it wrong.   groups: the numbers that are compared with each other."""
    measured = [of(group) for group in groups(rows(z.tolist()))]
    mean = sum(measured) / over(measured)
    return (math.sqrt(mean) if root else mean) * factor(*z.shape)


def one(B, d):
    return 1


STDS = {
    "not normalised": ("not normalised", {"rows": list}),
    "not normalised, no factor": ("not normalised", {"rows": list, "factor": one}),
    "the whole, no factor": ("whole matrix", {"rows": by_the_whole, "factor": one}),
    "no root": ("squared lengths", {"rows": by_squared_lengths}),
    "no root, no factor": ("squared lengths", {"rows": by_squared_lengths, "factor": one}),
    "columns": ("wrong axis", {"rows": by_column}),
    "columns, no factor": ("wrong axis", {"rows": by_column, "factor": one}),
    "the whole": ("whole matrix", {"rows": by_the_whole}),
    "centred": ("mean is subtracted", {"rows": centred_by_row}),
    "centred, no factor": ("mean is subtracted", {"rows": centred_by_row, "factor": one}),
    "of rows": ("along the features", {"groups": list}),
    "of rows, no factor": ("along the features", {"groups": list, "factor": one}),
    "of rows that are not normalised": ("along the features", {"rows": list, "groups": list}),
    "of rows that are not normalised, no factor": ("along the features", {"rows": list, "groups": list, "factor": one}),
    "mean": ("mean is taken", {"of": mean_of}),
    "mean, no factor": ("mean is taken", {"of": mean_of, "factor": one}),
    "root of the mean square": ("is not subtracted", {"of": lambda values: math.sqrt(sum(v * v for v in values) / len(values))}),
    "all entries, not normalised": ("all entries", {"rows": list, "groups": lambda z: [[v for row in z for v in row]]}),
    "all entries, not normalised, no factor": ("all entries", {"rows": list, "groups": lambda z: [[v for row in z for v in row]], "factor": one}),
    "sum of the variances": ("variances are averaged", {"of": variance, "factor": one, "over": lambda measured: 1}),
    "sum, no factor": ("factor is wrong", {"over": lambda measured: 1, "factor": one}),
    "no factor": ("sqrt(d) is missing", {"factor": one}),
    "d": ("factor is wrong", {"factor": lambda B, d: d}),
    "divided": ("factor is wrong", {"factor": lambda B, d: d**-0.5}),
    "sqrt(B)": ("factor is wrong", {"factor": lambda B, d: math.sqrt(B)}),
    "all entries": ("all entries", {"groups": lambda z: [[v for row in z for v in row]]}),
    "all entries, no factor": ("all entries", {"groups": lambda z: [[v for row in z for v in row]], "factor": one}),
    "sum": ("factor is wrong", {"over": lambda measured: 1}),
    "variance": ("variances are averaged", {"of": variance}),
    "root of the mean variance": ("variances are averaged", {"of": variance, "root": True}),
    "variance, no factor": ("variances are averaged", {"of": variance, "factor": one}),
    "divided by B": ("divided by B", {"of": lambda values: math.sqrt(variance(values, less=0))}),
}


@pytest.mark.parametrize("words, wrong", STDS.values(), ids=STDS)
def test_each_usual_mistake_with_the_std_gets_its_own_hint(called, words, wrong):
    called(check_embedding_std, functools.partial(number_by_number, **wrong), words, STDS)


def by_squares(z):
    u = F.normalize(z.double())
    var = ((u - u.mean(0)) ** 2).sum(0) / (len(u) - 1)
    return var.sqrt().mean() * math.sqrt(z.size(1))


def by_einsum(z):
    u = z / torch.einsum("bd,bd->b", z, z).sqrt()[:, None]
    return torch.std(u, dim=0).sum() / z.shape[1] ** 0.5


def in_numpy(z):
    u = z.numpy() / np.linalg.norm(z.numpy(), axis=1, keepdims=True)
    return u.std(axis=0, ddof=1).mean() * np.sqrt(u.shape[1])


def by_variances(z):
    return F.normalize(z).var(0).sqrt().mean() * z.shape[1] ** 0.5


@pytest.mark.parametrize("right", [number_by_number, by_squares, by_einsum, in_numpy, by_variances])
def test_a_right_std_passes_in_any_style(passes, right):
    passes(check_embedding_std, right)


def test_the_reference_of_embedding_std_is_right():
    draw = torch.Generator().manual_seed(0)
    assert check_embedding_std.reference(torch.randn(4096, 64, generator=draw)) == pytest.approx(1, abs=0.01)
    assert check_embedding_std.reference(torch.rand(5, 1, generator=draw) + 1) == 0
    assert check_embedding_std.reference(torch.tensor([[2.0, 0.0], [0.0, 3.0]])) == pytest.approx(1)  # each dimension has 0 and 1


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in STDS.values()}) == len(check_embedding_std.mistakes)
