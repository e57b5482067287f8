"""The check of rows for k-means: right answers pass however their directions are turned, and each usual mistake is called by its name.

The mistakes are written once more in numpy, from the singular values of the rows.
"""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA

from ssl_lab import kmeans
from ssl_lab.checks import check_whitened_rows

SEEDS = range(8)


def mean(h):
    return h.mean(0)


def lengths(z, h):
    return np.linalg.norm(z, axis=1, keepdims=True)


def identity(h):
    return h


def first(v, dim):
    return v[:dim]


def by_numpy(
    h, dim, *, before=identity, middle=mean, moved=True, seen=True, keep=first, scale=lambda s: s, of=first, length=lengths, after=lambda z, v: z
):
    """Rows for k-means; every option is one way to get it wrong.   moved, seen: whether the rows, and the covariance, lose the mean."""
    h = before(h.double().numpy())
    x = h - middle(h)
    _, s, v = np.linalg.svd(x if seen else h, full_matrices=False)
    s, v = s[: min(len(h) - 1, len(s))], v[: min(len(h) - 1, len(s))]  # N rows without their mean vary in N − 1 directions
    s = s / len(h) ** 0.5
    z = (x if moved else h) @ keep(v, dim).T / of(scale(s), dim)
    return torch.from_numpy(after(z / length(z, h), keep(v, dim)))


def wrong(**options):
    return functools.partial(by_numpy, **options)


def one(z, h):
    return 1


def last(v, dim):
    return v[-dim:]


def every(v, dim):
    return v


def unit(h):
    return h / np.linalg.norm(h, axis=1, keepdims=True)


def own_mean(h):
    return h.mean(1, keepdims=True)


def standard(h):
    return (h - h.mean(0)) / h.std(0, ddof=1)


def cut(h, dim):
    return by_numpy(h[:, :dim], dim)


def standard_rows(h, dim):
    return torch.from_numpy(unit(standard(h.double().numpy())[:, :dim]))


def with_torch(h, dim, *, covariance=lambda h: torch.cov(h.T), which=lambda directions, dim: directions[:, -dim:]):
    variances, directions = torch.linalg.eigh(covariance(h))
    return F.normalize((h - h.mean(0)) @ which(directions, dim) / variances[-dim:].sqrt(), dim=1)


def rows_of_directions(covariance):
    return functools.partial(with_torch, covariance=covariance, which=lambda directions, dim: directions[-dim:].T)


WHITENED = {
    "no mean": ("the mean is not subtracted", wrong(moved=False, seen=False)),
    "mean in the rows": ("the mean is not subtracted", wrong(moved=False)),
    "mean in the covariance": ("the mean is not subtracted", wrong(seen=False)),
    "no mean, and lengths as they are": ("the mean is not subtracted", wrong(moved=False, seen=False, length=one)),
    "no mean, and lengths first": ("the mean is not subtracted", wrong(before=unit, moved=False, seen=False)),
    "means of the rows": ("mean is taken along the wrong axis", wrong(middle=own_mean)),
    "one mean": ("mean is taken along the wrong axis", wrong(middle=np.mean)),
    "length first": ("by their lengths before the whitening", wrong(before=unit, length=one)),
    "length first and last": ("by their lengths before the whitening", wrong(before=unit)),
    "length after the mean": ("by their lengths before the whitening", wrong(before=lambda h: unit(h - h.mean(0)), length=one)),
    "no length": ("rows do not have length 1", wrong(length=one)),
    "no length, N − 1": ("rows do not have length 1", lambda h, dim: by_numpy(h, dim, length=one) * ((len(h) - 1) / len(h)) ** 0.5),
    "columns of length 1": ("the wrong axis is normalised", wrong(length=lambda z, h: np.linalg.norm(z, axis=0))),
    "one length": ("one length is used for the whole", wrong(length=lambda z, h: np.linalg.norm(z))),
    "squared lengths": ("by their squared lengths", wrong(length=lambda z, h: lengths(z, h) ** 2)),
    "sum of entries": ("entries are divided by their sum", wrong(length=lambda z, h: np.abs(z).sum(1, keepdims=True))),
    "lengths of h": ("lengths that they had before", wrong(length=lambda z, h: lengths(h, h))),
    "lengths of h without its mean": ("lengths that they had before", wrong(length=lambda z, h: lengths(h - h.mean(0), h))),
    "PCA": ("directions keep their variances", wrong(scale=lambda s: s**0)),
    "PCA alone": ("directions keep their variances", wrong(scale=lambda s: s**0, length=one)),
    "variances": ("divided by their variances", wrong(scale=lambda s: s**2)),
    "root of singular values": ("a square root too many", wrong(scale=lambda s: s**0.5)),
    "multiplied": ("are multiplied by their standard", wrong(scale=lambda s: 1 / s)),
    "smallest": ("the smallest variances are kept", wrong(keep=last, of=last)),
    "order": ("standard deviation of another one", wrong(scale=lambda s: s[::-1], of=last)),
    "other end": ("standard deviation of another one", wrong(of=last)),
    "rows of directions": ("rows of the matrix of eigenvectors", rows_of_directions(lambda h: h.T.cov())),
    "rows of directions, N": ("rows of the matrix of eigenvectors", rows_of_directions(lambda h: (h - h.mean(0)).T @ (h - h.mean(0)) / len(h))),
    "all directions": ("all D directions stay", wrong(keep=every, of=every)),
    "all directions, and lengths as they are": ("all D directions stay", wrong(keep=every, of=every, length=one)),
    "ZCA": ("all D directions stay", wrong(after=lambda z, v: z @ v)),
    "first features": ("first dim features are kept", cut),
    "first features, standardised": ("first dim features are kept", standard_rows),
    "standardised": ("by their own standard deviations", lambda h, dim: standard_rows(h, None)),
    "standardised before": ("by their own standard deviations", wrong(before=standard)),
    "standardised in place of whitening": ("by their own standard deviations", wrong(before=standard, scale=lambda s: s**0)),
    "torch.cov(h)": ("covariance is that of the pictures", functools.partial(with_torch, covariance=torch.cov)),
    "transposed": ("the result is transposed", lambda h, dim: by_numpy(h, dim).T),
}


@pytest.mark.parametrize("words, mistake", WHITENED.values(), ids=WHITENED)
def test_each_usual_mistake_with_the_rows_gets_its_own_hint(called, words, mistake):
    called(check_whitened_rows, mistake, words, WHITENED, SEEDS)


def from_left_singular_vectors(h, dim):
    return F.normalize(torch.linalg.svd(h - h.mean(dim=0), full_matrices=False).U[:, :dim], dim=1)


def row_by_row(h, dim):
    centre = sum(h) / len(h)
    cov = sum(torch.outer(row - centre, row - centre) for row in h) / len(h)
    variances, directions = torch.linalg.eigh(cov)
    rows = [torch.stack([(row - centre) @ directions[:, -j - 1] / variances[-j - 1].sqrt() for j in range(dim)]) for row in h]
    return torch.stack([row / row.norm() for row in rows])


def turned(h, dim):
    """Directions are free up to a rotation."""
    return by_numpy(h, dim) @ torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(0)).double())[0]


RIGHT = {
    "the library's": kmeans.whitened_rows,
    "singular values": by_numpy,
    "N − 1": wrong(scale=lambda s: s * 1.1),  # whatever all directions share, no row of length 1 shows
    "eigenvalues": with_torch,
    "a small number added": functools.partial(with_torch, covariance=lambda h: torch.cov(h.T) + 1e-6 * torch.eye(h.shape[1])),
    "left singular vectors": from_left_singular_vectors,
    "row by row": row_by_row,
    "turned": turned,
    "mirrored, and in another order": wrong(after=lambda z, v: -z[:, ::-1].copy()),
    "scikit-learn": lambda h, dim: F.normalize(torch.from_numpy(PCA(dim, whiten=True, svd_solver="full").fit_transform(h.numpy())), dim=1),
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_right_rows_pass_however_their_directions_are_turned(passes, right):
    passes(check_whitened_rows, right)


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("for inputs of shape (9, 4), dim = 3 it gives a result of shape (9, 2), expected is (9, 3)", lambda h, dim: by_numpy(h, dim - 1)),
        ("it gives a result of shape (9,), expected is (9, 3)", lambda h, dim: by_numpy(h, dim)[:, 0]),
        ("row 0 has the length 3, expected is 1; no usual mistake gives this", lambda h, dim: 3 * by_numpy(h, dim)),
        ("row 8 has the length 2, expected is 1;", lambda h, dim: by_numpy(h, dim) * (1 + (torch.arange(len(h)) == len(h) - 1))[:, None]),
    ],
)
def test_any_other_wrong_shape_and_length_is_shown(words, wrong):
    assert words in check_whitened_rows(wrong).hint


def test_any_other_wrong_rows_are_shown_by_a_product_of_two(holds):
    (h, dim), *_ = check_whitened_rows.inputs(0)
    z = by_numpy(h, dim)
    hint = check_whitened_rows(lambda h, dim: by_numpy(h, dim).roll(1, 0)).hint
    assert holds(hint, "product of rows 0 and 1", f"{z[-1] @ z[0]:.4g}", f"{z[0] @ z[1]:.4g}", "no usual mistake")


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in WHITENED.values()}) == len(check_whitened_rows.mistakes)


def test_one_input_has_as_many_features_as_rows_and_all_are_far_from_0():
    for seed in SEEDS:
        inputs = [h for h, _ in check_whitened_rows.inputs(seed)]
        assert {len(h) == h.shape[1] for h in inputs} == {False, True}
        assert all(h.mean(0).norm() > h.std(0).max() for h in inputs)
