"""The check of uniform sampling: any draw in which clusters come equally often passes, and each usual mistake is called by its name.

The mistakes are written cluster by cluster, on lists.
"""

import random

import pytest
import torch

from ssl_lab.checks import check_uniform_sampling
from ssl_lab.methods import deepcluster

SEEDS = range(5)


def rows_of(assignment):
    """The rows of each cluster that has images."""
    y = assignment.tolist()
    return [[n for n, label in enumerate(y) if label == j] for j in sorted(set(y))]


def mixed(rows):
    return [rows[i] for i in torch.randperm(len(rows)).tolist()]


def again(rows, n):
    """n of the rows, each once before any comes again."""
    found = []
    while len(found) < n:
        found += mixed(rows)
    return found[:n]


def parts(N, C):
    """N in C parts, nearly equal."""
    return [N // C + (j < N % C) for j in range(C)]


def cluster_by_cluster(assignment, *, size=parts, draw=again, order=mixed, cut=True, rows=rows_of):
    """N rows of all clusters; every option is one way to get it wrong."""
    owned = rows(assignment)
    found = [row for own, n in zip(owned, size(len(assignment), len(owned))) for row in draw(own, n)]
    return torch.tensor(order(found)[: len(assignment) if cut else None])


def wrong(**options):
    return lambda assignment: cluster_by_cluster(assignment, **options)


def weighted(weight):
    """Rows drawn by weights, made of the size of their cluster."""
    return lambda assignment: torch.multinomial(weight(assignment.bincount()[assignment].double()), len(assignment), replacement=True)


def clusters_drawn(weight):
    """A cluster drawn for each row by weights, made of its size, and then one of its rows."""

    def draw(assignment):
        owned = rows_of(assignment)
        which = torch.multinomial(weight(torch.tensor([float(len(own)) for own in owned])), len(assignment), replacement=True)
        return torch.tensor([owned[j][int(torch.randint(len(owned[j]), ()))] for j in which.tolist()])

    return draw


def same_numbers(assignment):
    torch.manual_seed(0)
    return cluster_by_cluster(assignment)


def smallest(N, C):
    return [2 if N == 31 else 1] * C


def range_of_all(assignment):
    """Of every number up to the largest, whether it has images or not."""
    return [(assignment == j).nonzero().flatten().tolist() for j in range(int(assignment.max()) + 1)]


def with_replacement(rows, n):
    return [rows[i] for i in torch.randint(len(rows), (n,)).tolist()]


def as_the_authors(assignment):
    """Right rows, looked up where the images lie cluster by cluster."""
    return assignment.argsort(stable=True)[cluster_by_cluster(assignment)]


def of_the_sorted(assignment):
    """Places in the list that is sorted by cluster."""
    return cluster_by_cluster(assignment.sort().values)


def rest_at_the_end(N, C):
    return [*[N // C] * (C - 1), N // C + N % C]


SAMPLING = {
    "a table": ("no list of row numbers", lambda assignment: cluster_by_cluster(assignment)[:, None]),
    "one row": ("no list of row numbers", lambda assignment: cluster_by_cluster(assignment)[0]),
    "as many as the smallest has": ("size of the smallest", wrong(size=smallest)),
    "once each": ("a small cluster gives too few", wrong(draw=lambda rows, n: mixed(rows)[:n])),
    "once each, one more": ("a small cluster gives too few", wrong(draw=lambda rows, n: mixed(rows)[:n], size=lambda N, C: [N // C + 1] * C)),
    "no rest": ("rest is missing", wrong(size=lambda N, C: [N // C] * C)),
    "not cut": ("more than N rows", wrong(size=lambda N, C: [N // C + 1] * C, cut=False)),
    "half": ("are not N rows", lambda assignment: cluster_by_cluster(assignment)[::2]),
    "one row of each": ("are not N rows", wrong(size=lambda N, C: [1] * C)),
    "from 1 on": ("out of range", lambda assignment: cluster_by_cluster(assignment) + 1),
    "all of N": ("out of range", lambda assignment: torch.full_like(assignment, len(assignment))),
    "below 0": ("out of range", lambda assignment: -1 - cluster_by_cluster(assignment)),
    "clusters": ("numbers of clusters", lambda assignment: assignment[cluster_by_cluster(assignment)]),
    "places within": ("places within a cluster", wrong(draw=lambda rows, n: again(range(len(rows)), n))),
    "randperm": ("every row comes once", lambda assignment: torch.randperm(len(assignment))),
    "as it is": ("every row comes once", lambda assignment: torch.arange(len(assignment))),
    "the authors' trap": ("sorted by cluster", as_the_authors),
    "places in the sorted list": ("sorted by cluster", of_the_sorted),
    "a seed inside": ("same rows: draw anew", same_numbers),
    "nothing random": ("same rows: draw anew", wrong(draw=lambda rows, n: (rows * n)[:n], order=list)),
    "without the last cluster": ("never drawn", wrong(rows=lambda y: rows_of(y)[:-1])),
    "without the first cluster": ("never drawn", wrong(rows=lambda y: rows_of(y)[1:])),
    "rest to the last": ("rest goes to one", wrong(size=rest_at_the_end)),
    "rest to the first": ("rest goes to one", wrong(size=lambda N, C: rest_at_the_end(N, C)[::-1])),
    "randint": ("often as it is large", lambda assignment: torch.randint(len(assignment), (len(assignment),))),
    "clusters by size": ("often as it is large", clusters_drawn(lambda n: n)),
    "images by size": ("even more often", weighted(lambda n: n)),
    "clusters by 1 / size": ("small clusters come more", clusters_drawn(lambda n: 1 / n)),
    "images by 1 / size squared": ("small clusters come more", weighted(lambda n: n**-2)),
    "images by 1 / size": ("in the mean only", weighted(lambda n: 1 / n)),
    "a cluster for each row": ("in the mean only", clusters_drawn(torch.ones_like)),
    "images by 1 / root of size": ("do not come equally often", weighted(lambda n: n**-0.5)),
    "one row, again and again": ("one row of a cluster", wrong(draw=lambda rows, n: mixed(rows)[:1] * n)),
    "the first row": ("one row of a cluster", wrong(draw=lambda rows, n: rows[:1] * n)),
    "the first rows": ("same rows in every call: draw them", wrong(draw=lambda rows, n: (rows * n)[:n])),
    "not shuffled": ("come cluster by cluster", wrong(order=list)),
    "backwards": ("come cluster by cluster", wrong(order=lambda rows: rows[::-1])),
    "stops at a gap": ("where a cluster has no images", wrong(rows=range_of_all, draw=with_replacement)),
    "empty clusters counted": ("where a cluster has no images", wrong(rows=range_of_all, draw=lambda rows, n: again(rows, n) if rows else [])),
}


@pytest.mark.parametrize("words, mistake", SAMPLING.values(), ids=SAMPLING)
def test_each_usual_mistake_with_the_sampling_gets_its_own_hint(called, words, mistake):
    called(check_uniform_sampling, mistake, words, SAMPLING, SEEDS)


def with_tensors(assignment, generator=None):
    names, counts = assignment.unique(return_counts=True)
    each = -(-len(assignment) // len(names))
    rows = [(assignment == j).nonzero().flatten() for j in names]
    rows = torch.cat([own[torch.randint(len(own), (each,), generator=generator)] for own in rows])
    return rows[torch.randperm(len(rows), generator=generator)[: len(assignment)]]


def as_the_authors_draw(assignment):
    """Floor of N / C, and one; with replacement only where a cluster is too small; cut to N."""
    owned = rows_of(assignment)
    each = len(assignment) // len(owned) + 1
    found = [row for own in owned for row in (mixed(own)[:each] if len(own) > each else with_replacement(own, each))]
    return torch.tensor(mixed(found)[: len(assignment)])


def in_turn(assignment):
    """One row of each cluster after the other."""
    owned = [again(own, len(assignment)) for own in mixed(rows_of(assignment))]
    return torch.tensor([owned[n % len(owned)][n // len(owned)] for n in range(len(assignment))])


def with_pythons_own_numbers(assignment):
    owned = rows_of(assignment)
    found = [row for own, n in zip(owned, parts(len(assignment), len(owned))) for row in random.choices(own, k=n)]
    random.shuffle(found)
    return torch.tensor(found, dtype=torch.int32)


@pytest.mark.parametrize(
    "right", [deepcluster.uniform_sampling, cluster_by_cluster, with_tensors, as_the_authors_draw, in_turn, with_pythons_own_numbers]
)
def test_any_draw_with_clusters_equally_often_passes(passes, right):
    passes(check_uniform_sampling, right)


def test_row_numbers_are_whole():
    assert "make them whole with .long()" in check_uniform_sampling(lambda assignment: cluster_by_cluster(assignment).float()).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in SAMPLING.values()}) == len(check_uniform_sampling.mistakes) + len(check_uniform_sampling.only)


def test_only_the_last_case_has_clusters_without_images():
    for seed in SEEDS:
        gaps = [bool((y.bincount() == 0).any()) for (y,) in check_uniform_sampling.inputs(seed)]
        assert gaps == [False] * (len(gaps) - 1) + [True]
