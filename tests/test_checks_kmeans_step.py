"""The check of one iteration of k-means: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one point and one cluster at a time, on lists of numbers.
"""

import functools
import math

import pytest
import torch

from ssl_lab import kmeans
from ssl_lab.checks import check_kmeans_step

SEEDS = range(8)


def distance(x, c):
    return math.dist(x, c)


def mean_of(own, old, x, j):
    return [sum(values) / len(own) for values in zip(*own)]


def by_points(x, centroids, *, far=distance, best=min, centre=mean_of, none=lambda old, x: old, rows=lambda a, k: range(k), shown=None, again=0):
    """One iteration, point by point; every option is one way to get it wrong.   none: what becomes of a cluster without points."""
    x, c, new = x.tolist(), centroids.tolist(), []
    for _ in range(again + 1):
        c = new or c
        a = [best(range(len(c)), key=lambda j, p=p: far(p, c[j])) for p in x]
        new = []
        for j in rows(a, len(c)):
            own = [p for p, label in zip(x, a) if label == j]
            new.append(centre(own, c[j], x, j) if own else none(c[j], x))
    a = shown(a, new, x) if shown else a
    return torch.tensor(new), torch.tensor(a)


def step(**options):
    return functools.partial(by_points, **options)


def product(x, c):
    return sum(p * q for p, q in zip(x, c))


def square(c):
    return product(c, c)


def nan(old, x):
    return [math.nan] * len(old)


def origin(old, x):
    return [0.0] * len(old)


def nearest_to_new(a, new, x):
    return [min(range(len(new)), key=lambda j: distance(p, new[j])) for p in x]


def scaled(by):
    """The mean, times a number made of how many points a cluster has, and of all."""
    return lambda own, old, x, j: [by(len(own), len(x)) * value for value in mean_of(own, old, x, j)]


def one_number(own, old, x, j):
    return [sum(map(sum, own)) / len(own) / len(old)] * len(old)


def median(own, old, x, j):
    return [sorted(values)[(len(values) - 1) // 2] for values in zip(*own)]


def with_old(own, old, x, j):
    return mean_of([*own, old], old, x, j)


def half_way(own, old, x, j):
    return mean_of([mean_of(own, old, x, j), old], old, x, j)


def along(dim, of=1):
    """The squares of the differences, added along a wrong axis; then argmin."""

    def wrong(x, c):
        a = (x[:, None] - c).square().sum(dim).argmin(of)
        return torch.stack([x[a == j].mean(0) if (a == j).any() else c[j] for j in range(len(c))]), a

    return wrong


def changes_one(at):
    def wrong(x, c):
        new, a = by_points(x, c)
        c = c.clone()
        c[at] = new[at]
        return c, a

    return wrong


def one_hot(a, new, x):
    return [[int(label == j) for j in range(len(new))] for label in a]


STEP = {
    "products": ("products alone", step(far=lambda x, c: -product(x, c))),
    "cosines": ("products alone", step(far=lambda x, c: -product(x, c) / square(c) ** 0.5)),
    "no factor 2": ("products alone", step(far=lambda x, c: square(c) - product(x, c))),
    "plus": ("products alone", step(far=lambda x, c: square(c) + 2 * product(x, c))),
    "products, and 0 where there is none": ("products alone", step(far=lambda x, c: -product(x, c), none=origin)),
    "added along the centroids": ("wrong axis is added up", along(1)),
    "argmin over the points": ("argmin runs along", along(2, of=0)),
    "argmax": ("farthest centroid", step(best=max)),
    "argmax, and 0 where there is none": ("farthest centroid", step(best=max, none=origin)),
    "absolute differences": ("not Euclidean", step(far=lambda x, c: sum(abs(p - q) for p, q in zip(x, c)))),
    "squared too late": ("not Euclidean", step(far=lambda x, c: sum(p - q for p, q in zip(x, c)) ** 2)),
    "one-hot": ("assignment is one-hot", step(shown=one_hot)),
    "assigned to the new": ("to the new centroids", step(shown=nearest_to_new)),
    "two iterations": ("more than one iteration", step(again=1)),
    "old centroids": ("old centroids are returned", lambda x, c: (c.clone(), by_points(x, c)[1])),
    "0 where there is none": ("moves to 0", step(none=origin)),
    "the mean of all": ("moves to the mean of all", step(none=lambda old, x: mean_of(x, old, x, 0))),
    "divided by N": ("divided by N", step(centre=scaled(lambda n, N: n / N))),
    "divided by N, and 0": ("divided by N", step(centre=scaled(lambda n, N: n / N), none=origin)),
    "a sum": ("not divided by their number", step(centre=scaled(lambda n, N: n))),
    "n + 1": ("off by one", step(centre=scaled(lambda n, N: n / (n + 1)))),
    "n + 1, and 0": ("off by one", step(centre=scaled(lambda n, N: n / (n + 1)), none=origin)),
    "the old centroid counts": ("old centroid is part", step(centre=with_old)),
    "half way": ("old centroid is part", step(centre=half_way)),
    "median": ("median is taken", step(centre=median)),
    "one number": ("a centroid is one number", step(centre=one_number)),
    "first point": ("stands in for the mean", step(centre=lambda own, old, x, j: own[0])),
    "last point": ("stands in for the mean", step(centre=lambda own, old, x, j: own[-1])),
    "up to the largest number": ("rows are missing", step(rows=lambda a, k: range(max(a) + 1))),
    "up to the largest number, and nan": ("rows are missing", step(rows=lambda a, k: range(max(a) + 1), none=nan)),
    "numbers that occur": ("rows are missing", step(rows=lambda a, k: sorted(set(a)))),
    "first cluster": ("only one cluster moves", changes_one(0)),
    "last cluster": ("only one cluster moves", changes_one(-1)),
    "nan where there is none": ("0 / 0 is nan", step(none=nan)),
    "stops where there is none": ("0 / 0 is nan", step(none=lambda old, x: 1 / 0)),
}


@pytest.mark.parametrize("words, mistake", STEP.values(), ids=STEP)
def test_each_usual_mistake_with_the_iteration_gets_its_own_hint(called, words, mistake):
    called(check_kmeans_step, mistake, words, STEP, SEEDS)


@pytest.mark.parametrize("name", ["a sum", "n + 1", "median", "old centroids", "divided by N"])
def test_wrong_centroids_are_named_whatever_the_assignment_is(called, name):
    words, mistake = STEP[name]
    called(check_kmeans_step, lambda x, c: (mistake(x, c)[0], by_points(x, c)[1] * 0), words, STEP, SEEDS)


def with_cdist(x, centroids):
    assignment = torch.cdist(x, centroids).argmin(dim=1)
    new = centroids.clone()
    for j in assignment.unique():
        new[j] = x[assignment == j].mean(dim=0)
    return new, assignment


def with_one_hot(x, centroids):
    a = ((x[:, None] - centroids) ** 2).sum(-1).argmin(1)
    y = torch.nn.functional.one_hot(a, len(centroids)).float()
    counts = y.sum(0)[:, None]
    return torch.where(counts > 0, y.T @ x / counts.clamp(min=1), centroids), a


def in_numpy(x, centroids):
    x, c = x.numpy(), centroids.numpy().copy()
    a = ((x * x).sum(1)[:, None] - 2 * x @ c.T + (c * c).sum(1)).argmin(1)
    for j in range(len(c)):
        if (a == j).sum():
            c[j] = x[a == j].mean(0)
    return [torch.from_numpy(c), torch.from_numpy(a).int()]


@pytest.mark.parametrize("right", [kmeans.kmeans_step, by_points, with_cdist, with_one_hot, in_numpy])
def test_a_right_iteration_passes_in_any_style(passes, right):
    passes(check_kmeans_step, right)


def test_centroids_that_are_not_cloned_are_refused_by_that_name():
    def in_place(x, centroids):
        new, assignment = by_points(x, centroids)
        for j in range(len(centroids)):
            centroids[j] = new[j]
        return centroids, assignment

    assert "changes its inputs in place" in check_kmeans_step(in_place).hint


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("in the second of its pair, it returns values of type float32; they number", lambda x, c: (by_points(x, c)[0], by_points(x, c)[1].float())),
        ("in the second of its pair, it returns values of type float32; they number", lambda x, c: by_points(x, c)[::-1]),
        ("a pair, a tensor and a tensor of whole numbers, is needed, and the second is the assignment", lambda x, c: by_points(x, c)[0]),
        ("in the second of its pair, it returns a list", lambda x, c: (by_points(x, c)[0], by_points(x, c)[1].tolist())),
    ],
)
def test_what_is_not_a_pair_of_centroids_and_whole_numbers_is_told_apart(words, wrong):
    assert words in check_kmeans_step(wrong).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in STEP.values()}) == len(check_kmeans_step.mistakes)


def test_some_cases_have_an_empty_cluster_and_once_the_last_one_is():
    for seed in SEEDS:
        counts = [assignment.bincount(minlength=len(c)) for x, c in check_kmeans_step.inputs(seed) for assignment in [by_points(x, c)[1]]]
        assert {bool((n == 0).any()) for n in counts} == {False, True} and any(n[-1] == 0 for n in counts)
