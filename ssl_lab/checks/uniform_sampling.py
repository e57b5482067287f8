"""The fifth exercise of notebook 02: rows of all clusters equally often, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.drawn import Drawn
from ssl_lab.methods.deepcluster import uniform_sampling

SIZES = [  # images of each cluster
    (5, 15, 2, 9),
    (8, 1, 26, 4, 14),
    (0, 4, 17, 0, 9, 3),  # two clusters have none
]


def clusters(seed: int) -> Iterator[tuple[Tensor]]:
    """Cluster numbers of images in a random order, small and large clusters; at last some without images. The first is always the same."""
    for number, sizes in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        assignment = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
        yield (assignment[torch.randperm(len(assignment), generator=draw)],)


class Found:
    """What the answers did.   rows: (times, N).   counts: (times, C), how often each cluster that has images came.   sizes: (C,)."""

    def __init__(self, answers: list[Tensor], assignment: Tensor):
        _, self.y, self.sizes = assignment.unique(return_inverse=True, return_counts=True)
        self.N, self.C = len(assignment), len(self.sizes)
        self.rows = torch.stack(answers).long()
        self.largest = int(self.sizes.argmax())

    @property
    def counts(self) -> Tensor:
        return self.drawn(self.y)

    def drawn(self, y: Tensor) -> Tensor:
        """How often each cluster came, where y are the clusters of the rows."""
        return torch.stack([y[rows].bincount(minlength=self.C) for rows in self.rows])

    def equal(self, y: Tensor) -> bool:
        """Whether no cluster comes more often than N / C, rounded down, and one; what is cut off at N may be of any cluster."""
        return bool((self.drawn(y) <= self.N // self.C + 1).all())

    def in_proportion(self, weights: Tensor) -> bool:
        """Whether clusters come unequally often, and in proportion to these weights."""
        shares = self.counts.double().mean(0) / self.N
        return not self.equal(self.y) and bool((shares - weights / weights.sum()).abs().sum() < 0.12)

    def of_the_largest(self) -> list[set[int]]:
        """Which rows of the largest cluster came, call by call."""
        return [set(rows[self.y[rows] == self.largest].tolist()) for rows in self.rows]


def sign(holds: Callable[[Found], Tensor | bool]) -> tuple[Callable[..., bool]]:
    """A sign that is read of what was found."""
    return (lambda answers, assignment: bool(holds(Found(answers, assignment))),)


def long(lengths: Callable[[int, Tensor], set[int]]) -> tuple[Callable[..., bool]]:
    """A sign: as many rows are returned as one of these lengths, made of N and the sizes of the clusters; never N."""

    def seen(answers, assignment):
        N, sizes = len(assignment), assignment.unique(return_counts=True)[1]
        return {len(rows) for rows in answers} <= lengths(N, sizes) - {N}

    return (seen,)


def in_order(found: Found) -> Tensor:
    """Whether each cluster's rows stand together, in every call."""
    labels = found.y[found.rows]
    return ((labels[:, 1:] != labels[:, :-1]).sum(1) == found.C - 1).all()


def trapped(found: Found) -> bool:
    """Whether clusters come equally often once the rows are read as places in the list that is sorted by cluster, or the other way round."""
    order = found.y.argsort(stable=True)
    return not found.equal(found.y) and (found.equal(found.y[order]) or found.equal(found.y[order.argsort()]))


def rest_to_one(found: Found) -> bool:
    """Whether all clusters but one come N // C times."""
    return not found.equal(found.y) and bool(((found.counts == found.N // found.C).sum(1) == found.C - 1).all())


SAMPLING = {
    "the result is no list of row numbers: return N of them, of shape (N,)": (lambda answers, assignment: any(rows.dim() != 1 for rows in answers),),
    "all clusters are cut to the size of the smallest: N rows are needed, and a small cluster gives its rows more than once": long(
        lambda N, sizes: {len(sizes) * int(sizes.min())}
    ),
    "a small cluster gives too few rows: it gives as many as the others, so draw its rows more than once": long(
        lambda N, sizes: set(range(*(int(sizes.clamp(max=N // len(sizes) + more).sum()) + more for more in (0, 1))))
    ),
    "the rest is missing: N // C rows of each of the C clusters are fewer than N": long(lambda N, sizes: {len(sizes) * (N // len(sizes))}),
    "these are more than N rows: an epoch is as long as before, so shuffle them, and take the first N": long(lambda N, sizes: set(range(N, 9 * N))),
    "these are not N rows: return as many as there are images": (lambda answers, assignment: any(len(rows) != len(assignment) for rows in answers),),
    "a row number is out of range: the rows are numbered from 0 to N − 1": (
        lambda answers, assignment: any(not 0 <= int(row) < len(assignment) for rows in answers for row in rows),
    ),
    "numbers of clusters are returned: return numbers of images, which belong to them": sign(lambda found: (found.rows < found.C).all()),
    "places within a cluster are returned: look up which image stands there, among the rows (assignment == j).nonzero()": sign(
        lambda found: (found.rows < found.sizes.max()).all()
    ),
    "every row comes once, so a large cluster comes more often than a small one: draw N / C rows of each cluster": sign(
        lambda found: (found.rows.sort(1).values == torch.arange(found.N)).all()
    ),
    "the rows are places in the list that is sorted by cluster: order[place] is the row of the data, for order = assignment.argsort()": sign(trapped),
    "every call returns the same rows: draw anew in each, and set no seed inside": sign(lambda found: (found.rows == found.rows[0]).all()),
    "a cluster is never drawn: all that have images come equally often (does the range end too early?)": sign(
        lambda found: (found.counts == 0).all(0).any()
    ),
    "the rest goes to one cluster: no cluster comes more than once more often than another": sign(rest_to_one),
    "a cluster comes as often as it is large: draw N / C rows of each, whatever its size": sign(
        lambda found: found.in_proportion(found.sizes.double())
    ),
    "large clusters come even more often: an image is drawn with a weight of 1 / size of its cluster": sign(
        lambda found: found.in_proportion(found.sizes.double().square())
    ),
    "small clusters come more often: the weight 1 / size is one of images; clusters have equal weights": sign(
        lambda found: found.in_proportion(1 / found.sizes.double())
    ),
    "clusters come equally often in the mean only: draw N / C rows of each, rather than a cluster at random for each row": sign(
        lambda found: found.in_proportion(torch.ones(found.C))
    ),
    "clusters do not come equally often: each gives N / C rows, or one more": sign(lambda found: not found.equal(found.y)),
    "one row of a cluster is drawn again and again: draw different ones": sign(lambda found: all(len(rows) == 1 for rows in found.of_the_largest())),
    "a large cluster gives the same rows in every call: draw them at random among all of its rows": sign(
        lambda found: all(rows == found.of_the_largest()[0] for rows in found.of_the_largest())
    ),
    "the rows come cluster by cluster: shuffle them at the end, since a batch must hold many clusters": sign(in_order),
}

GAPS = "it goes wrong where a cluster has no images: numbers may be missing among the labels, so go through assignment.unique()"

check_uniform_sampling = Drawn("uniform_sampling", uniform_sampling, clusters, SAMPLING, Kind.WHOLE, only={len(SIZES) - 1: GAPS})
