"""The checks of notebook 00: right answers pass in any style, each usual mistake is called by its name.

The mistakes are written here once more, as loops over rows that share nothing with what the checks compare with.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab.checks import check_cosine, check_nearest_accuracy
from ssl_lab.evaluate.knn import knn_accuracy


def dot(u, v):
    return sum(float(p) * float(q) for p, q in zip(u, v))


def size(u):
    return math.sqrt(dot(u, u))


def gap(u, v):
    return math.sqrt(sum((float(p) - float(q)) ** 2 for p, q in zip(u, v)))


def unit(u):
    return [float(p) / size(u) for p in u]


def by_column(x):
    return [list(row) for row in zip(*[unit(column) for column in zip(*x.tolist())])]


def by_the_whole(x):
    return [[float(p) / size(x.flatten()) for p in row] for row in x]


def table(a, b, entry):
    return torch.tensor([[entry(u, v) for v in b] for u in a])


def cos(u, v):
    return dot(u, v) / (size(u) * size(v))


def row_with_row(a, b, entry):
    """As a loop with one index does it: it stops where b has fewer rows than a."""
    return torch.tensor([entry(a[i], b[i]) for i in range(len(a))])


COSINES = {
    "not normalised": ("rows are not normalised", lambda a, b: table(a, b, dot)),
    "norm without keepdim": ("lengths do not stand", lambda a, b: a @ b.T / a.norm(dim=1) / b.norm(dim=1)),
    "lengths exchanged": ("lengths do not stand", lambda a, b: a @ b.T / a.norm(dim=1) / b.norm(dim=1, keepdim=True)),
    "both lengths as columns": ("lengths do not stand", lambda a, b: a @ b.T / a.norm(dim=1, keepdim=True) / b.norm(dim=1, keepdim=True)),
    "divided by the sum": ("by their sum", lambda a, b: table(a, b, lambda u, v: dot(u, v) / sum(u) / sum(v))),
    "absolute values": ("by their sum", lambda a, b: table(a, b, lambda u, v: dot(u, v) / sum(map(abs, u)) / sum(map(abs, v)))),
    "mean of products": ("averaged over the d features", lambda a, b: table(a, b, lambda u, v: cos(u, v) / len(u))),
    "over sqrt(d)": ("averaged over the d features", lambda a, b: table(a, b, lambda u, v: cos(u, v) / math.sqrt(len(u)))),
    "mean of products of raw rows": ("averaged over the d features", lambda a, b: table(a, b, lambda u, v: dot(u, v) / len(u))),
    "raw rows over sqrt(d)": ("averaged over the d features", lambda a, b: table(a, b, lambda u, v: dot(u, v) / math.sqrt(len(u)))),
    "divided and multiplied": ("brackets are missing", lambda a, b: table(a, b, lambda u, v: dot(u, v) / size(u) * size(v))),
    "multiplied and divided": ("brackets are missing", lambda a, b: table(a, b, lambda u, v: dot(u, v) / size(v) * size(u))),
    "sum of lengths": ("lengths are added", lambda a, b: table(a, b, lambda u, v: dot(u, v) / (size(u) + size(v)))),
    "absolute": ("negative cosines are lost", lambda a, b: table(a, b, lambda u, v: abs(cos(u, v)))),
    "at least 0": ("negative cosines are lost", lambda a, b: table(a, b, lambda u, v: max(0.0, cos(u, v)))),
    "angle": ("angles are returned", lambda a, b: table(a, b, lambda u, v: math.acos(cos(u, v)))),
    "angle in degrees": ("angles are returned", lambda a, b: table(a, b, lambda u, v: math.degrees(math.acos(cos(u, v))))),
    "columns of a": ("wrong axis", lambda a, b: table(by_column(a), [unit(v) for v in b], dot)),
    "columns of b": ("wrong axis", lambda a, b: table([unit(u) for u in a], by_column(b), dot)),
    "the whole of a": ("whole matrix", lambda a, b: table(by_the_whole(a), [unit(v) for v in b], dot)),
    "the whole of b": ("whole matrix", lambda a, b: table([unit(u) for u in a], by_the_whole(b), dot)),
    "int": ("cut off", lambda a, b: table(a, b, lambda u, v: float(int(cos(u, v))))),
    "broadcast, dim=0": ("compares columns", lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=0)),
    "broadcast, dim=1": ("compares columns", lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=1)),
    "dim=0": ("compares columns", lambda a, b: F.cosine_similarity(a, b, dim=0)),
    "columns with columns": ("compares columns", lambda a, b: table(a.T, b.T, cos)),
    "//": ("cut off", lambda a, b: table(a, b, lambda u, v: dot(u, v) // (size(u) * size(v)))),
    "root of the lengths": ("squared lengths", lambda a, b: table(a, b, lambda u, v: dot(u, v) / math.sqrt(size(u) * size(v)))),
    "only a": ("only one of a and b", lambda a, b: table(a, b, lambda u, v: dot(unit(u), v))),
    "only b": ("only one of a and b", lambda a, b: table(a, b, lambda u, v: dot(u, unit(v)))),
    "no root": ("squared lengths", lambda a, b: table(a, b, lambda u, v: dot(u, v) / dot(u, u) / dot(v, v))),
    "columns": ("wrong axis", lambda a, b: table(by_column(a), by_column(b), dot)),
    "the whole": ("whole matrix", lambda a, b: table(by_the_whole(a), by_the_whole(b), dot)),
    "distance": ("distances are returned", lambda a, b: table(a, b, gap)),
    "squared distance": ("distances are returned", lambda a, b: table(a, b, lambda u, v: gap(u, v) ** 2)),
    "distance of unit rows": ("distances are returned", lambda a, b: table(a, b, lambda u, v: gap(unit(u), unit(v)))),
    "squared distance of unit rows": ("distances are returned", lambda a, b: table(a, b, lambda u, v: gap(unit(u), unit(v)) ** 2)),
    "cosine distance": ("distances are returned", lambda a, b: table(a, b, lambda u, v: 1 - cos(u, v))),
    "transposed": ("transposed", lambda a, b: table(b, a, cos)),
    "row with row": ("row i of b only", lambda a, b: row_with_row(a, b, cos)),
    "row with row, torch": ("row i of b only", lambda a, b: F.cosine_similarity(a, b, dim=1)),
    "row with row, not summed": ("row i of b only", lambda a, b: F.normalize(a) * F.normalize(b)),
    "row with row, not normalised": ("row i of b only", lambda a, b: row_with_row(a, b, dot)),
    "entry by entry": ("row i of b only", lambda a, b: a * b),
    "a with a": ("with itself", lambda a, b: table(a, a, cos)),
    "b with b": ("with itself", lambda a, b: table(b, b, cos)),
    "sign": ("sign", lambda a, b: table(a, b, lambda u, v: -cos(u, v))),
}


@pytest.mark.parametrize("words, wrong", COSINES.values(), ids=COSINES)
def test_each_usual_mistake_with_cosines_gets_its_own_hint(called, words, wrong):
    called(check_cosine, wrong, words, COSINES)


def by_loops(a, b):
    s = torch.zeros(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)):
            s[i, j] = a[i] @ b[j] / (a[i].norm() * b[j].norm())
    return s


def by_broadcasting(a, b):
    return F.cosine_similarity(a[:, None], b[None], dim=2)


def by_einsum(a, b):
    return torch.einsum("id,jd->ij", a, b) / torch.outer(a.norm(dim=1), b.norm(dim=1))


def in_double_precision(a, b):
    a, b = a.double(), b.double()
    return (a / a.pow(2).sum(1, keepdim=True).sqrt()) @ (b / b.pow(2).sum(1, keepdim=True).sqrt()).T


def through_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    return torch.from_numpy((a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1))


@pytest.mark.parametrize("right", [by_loops, by_broadcasting, by_einsum, in_double_precision, through_numpy, lambda a, b: table(a, b, cos)])
def test_right_cosines_pass_in_any_style(passes, right):
    passes(check_cosine, right)


def test_the_reference_of_cosine_is_right():
    a, b = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, -5.0], [30.0, 40.0]])
    assert torch.allclose(check_cosine.reference(a, b), torch.tensor([[0.6, -0.8, 1.0], [0.0, -1.0, 0.8]]))


def asked(h, y, ht, yt, *, near=cos, best=max, askers=None, among=None, told=None, truth=None, skip_self=False, equal=True, scale=None):
    """The nearest row, one test row at a time; every option is one way to get it wrong."""
    askers, among = ht if askers is None else askers, h if among is None else among
    told, truth = y if told is None else told, yt if truth is None else truth
    right = 0
    for i, row in enumerate(askers):
        k = best((k for k in range(len(among)) if not (skip_self and k == i)), key=lambda k: near(row, among[k]))
        right += (int(told[k]) == int(truth[i])) == equal
    return right * (scale or 1) / (1 if scale == 1 else len(askers))


def best(h, ht):
    """The number of the row of h that is most similar to each row of ht."""
    return cosines(ht, h).argmax(1)


def cosines(a, b):
    return F.normalize(a) @ F.normalize(b).T


def wrong_axis(h, y, ht, yt):
    return asked(by_column(h), y, by_column(ht), yt, near=dot)


NEAREST = {
    "not normalised": ("do not have length 1", lambda *g: asked(*g, near=dot)),
    "test rows normalised": ("do not have length 1", lambda h, y, ht, yt: asked(h, y, F.normalize(ht), yt, near=dot)),
    "the whole": ("do not have length 1", lambda h, y, ht, yt: asked(h / h.norm(), y, ht / ht.norm(), yt, near=dot)),
    "training columns": ("wrong axis", lambda h, y, ht, yt: asked(by_column(h), y, ht, yt, near=dot)),
    "index for label": ("position is compared", lambda h, y, ht, yt: asked(h, range(len(h)), ht, yt)),
    "index and row": ("labels are not used", lambda h, y, ht, yt: asked(h, range(len(h)), ht, range(len(ht)))),
    "argmax of the matrix": ("one position in the whole matrix", lambda h, y, ht, yt: (y[cosines(ht, h).argmax()] == yt).float().mean()),
    "largest distance of raw rows": ("least similar", lambda *g: asked(*g, near=gap)),
    "second": ("second nearest", lambda h, y, ht, yt: (y[cosines(ht, h).topk(2).indices[:, 1]] == yt).float().mean()),
    "broadcast, dim=0": (
        "compares columns",
        lambda h, y, ht, yt: (y[F.cosine_similarity(ht[:, None], h[None], dim=0).argmax(1)] == yt).float().mean(),
    ),
    "broadcast, dim=1": (
        "compares columns",
        lambda h, y, ht, yt: (y[F.cosine_similarity(ht[:, None], h[None], dim=1).argmax(1)] == yt).float().mean(),
    ),
    "first": ("only the first", lambda h, y, ht, yt: asked(h, y, ht[:1], yt[:1])),
    "first, divided by M": ("only the first", lambda h, y, ht, yt: asked(h, y, ht[:1], yt[:1]) / len(yt)),
    "last": ("only the last", lambda h, y, ht, yt: asked(h, y, ht[-1:], yt[-1:])),
    "last, divided by M": ("only the last", lambda h, y, ht, yt: asked(h, y, ht[-1:], yt[-1:]) / len(yt)),
    "argmax(0)": ("sides are swapped", lambda h, y, ht, yt: (y[best(ht, h)] == yt).float().mean()),
    "len(h)": ("training rows: divide", lambda h, y, ht, yt: asked(h, y, ht, yt, scale=1) / len(h)),
    "//": ("result is 0", lambda h, y, ht, yt: asked(h, y, ht, yt, scale=1) // len(ht)),
    "= for +=": ("result is 0", lambda h, y, ht, yt: 0.0),
    "distance": ("smallest distance is taken between", lambda *g: asked(*g, near=gap, best=min)),
    "columns": ("wrong axis", wrong_axis),
    "least similar": ("least similar", lambda *g: asked(*g, best=min)),
    "largest distance": ("least similar", lambda *g: asked(*g, near=lambda u, v: gap(unit(u), unit(v)))),
    "test rows": ("from the same set", lambda h, y, ht, yt: asked(h, y, ht, yt, among=ht, told=yt)),
    "other test rows": ("from the same set", lambda h, y, ht, yt: asked(h, y, ht, yt, among=ht, told=yt, skip_self=True)),
    "test rows, training labels": ("from the same set", lambda h, y, ht, yt: asked(h, y, ht, yt, among=ht)),
    "training rows": ("from the same set", lambda h, y, ht, yt: asked(h, y, ht, yt, askers=h, truth=y)),
    "other training rows": ("from the same set", lambda h, y, ht, yt: asked(h, y, ht, yt, askers=h, truth=y, skip_self=True)),
    "training rows ask": ("sides are swapped", lambda h, y, ht, yt: asked(h, y, ht, yt, askers=h, among=ht, told=yt, truth=y)),
    "test label told": ("wrong set", lambda h, y, ht, yt: asked(h, y, ht, yt, told=yt)),
    "compared with training labels": ("wrong set", lambda h, y, ht, yt: (y[best(h, ht)] == y).float().mean()),
    "count": ("a count", lambda *g: asked(*g, scale=1)),
    "percent": ("percent", lambda *g: asked(*g, scale=100)),
    "errors": ("failures", lambda *g: asked(*g, equal=False)),
}


@pytest.mark.parametrize("words, wrong", NEAREST.values(), ids=NEAREST)
def test_each_usual_mistake_with_the_nearest_neighbour_gets_its_own_hint(called, words, wrong):
    called(check_nearest_accuracy, wrong, words, NEAREST)


def by_matrix(h, y, ht, yt):
    return (y[(F.normalize(ht) @ F.normalize(h).T).argmax(dim=1)] == yt).float().mean()


def by_distance_of_unit_rows(h, y, ht, yt):
    nearest = torch.cdist(ht / ht.norm(dim=1, keepdim=True), h / h.norm(dim=1, keepdim=True)).argmin(1)
    return sum(int(y[k]) == int(truth) for k, truth in zip(nearest, yt)) / len(yt)


def in_numpy(h, y, ht, yt):
    h, y, ht, yt = (x.numpy() for x in (h, y, ht, yt))
    s = ht @ h.T / np.linalg.norm(h, axis=1)  # the length of ht changes no order
    return np.mean(y[s.argmax(1)] == yt)


def by_top_one_in_double_precision(h, y, ht, yt):
    nearest = (F.normalize(ht.double()) @ F.normalize(h.double()).T).topk(1).indices[:, 0]
    return torch.eq(y[nearest], yt).sum() / len(yt)


def by_the_library(h, y, ht, yt):
    return knn_accuracy(h, y, ht, yt, k=1)


@pytest.mark.parametrize("right", [asked, by_matrix, by_distance_of_unit_rows, in_numpy, by_top_one_in_double_precision, by_the_library])
def test_a_right_accuracy_passes_in_any_style(passes, right):
    passes(check_nearest_accuracy, right)


@pytest.mark.parametrize("words, tables", [("cosine", (COSINES, check_cosine)), ("nearest", (NEAREST, check_nearest_accuracy))])
def test_every_hint_of_the_checks_is_tested(words, tables):
    mutants, check = tables
    assert len({key for key, _ in mutants.values()}) == len(check.mistakes)


def test_an_answer_for_every_row_is_not_yet_a_share():
    hint = check_nearest_accuracy(lambda h, y, ht, yt: y[(F.normalize(ht) @ F.normalize(h).T).argmax(1)] == yt).hint
    assert hint == "it returns a result of shape (21,); one number is needed, the share of test rows that are right"
