"""The first exercise of notebook 02: one iteration of k-means, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.kmeans import assign, kmeans_step, sums

SIZES = [  # N, k, d, the clusters that get no point
    (9, 3, 2, ()),
    (16, 4, 3, ()),
    (14, 3, 3, ()),
    (12, 5, 3, (4,)),
    (11, 5, 2, (1, 3)),
    (7, 7, 3, (0, 2, 6)),  # N = k: an axis that is the wrong one fits here
]


def points(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Points and centroids far from 0, some of them too far away for any point; the first always the same. A second iteration assigns anew."""
    for number, (N, k, d, empty) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        owners = [j for j in range(k) if j not in empty]
        x = centroids = torch.zeros(0)
        while not len(x) or not suits(x, centroids, owners):
            near, noise, moved = (torch.randn(rows, d, generator=draw) for rows in (k, N, k))
            near[list(empty)] += 9 * near[list(empty)].sign()
            x = near[torch.tensor(owners)[torch.randint(len(owners), (N,), generator=draw)]] + 0.6 * noise + 2
            centroids = near + 0.7 * moved + 2
        yield x, centroids


def suits(x: Tensor, centroids: Tensor, owners: list[int]) -> bool:
    """Whether these clusters have points, one at least three, and no other has any; and whether the next iteration changes the assignment."""
    new, assignment = kmeans_step(x, centroids)
    counts = assignment.bincount(minlength=len(centroids))
    return (counts > 0).nonzero().flatten().tolist() == owners and int(counts.max()) > 2 and not assign(x, new).equal(assignment)


def squares(x: Tensor, centroids: Tensor) -> Tensor:
    """Squared distances, (N, k)."""
    return (x[:, None] - centroids).square().sum(2)


def full(assignment: Tensor, centroids: Tensor) -> Tensor:
    """Which clusters have points, a column."""
    return assignment.bincount(minlength=len(centroids))[:, None] > 0


def means(x: Tensor, assignment: Tensor, centroids: Tensor) -> Tensor:
    """The mean of each cluster's points; 0 / 0 is nan."""
    k = len(centroids)
    return sums(x, assignment, k) / assignment.bincount(minlength=k)[:, None]


def kept(x: Tensor, assignment: Tensor, centroids: Tensor) -> Tensor:
    """The means, and the old centroid where there is none."""
    return means(x, assignment, centroids).where(full(assignment, centroids), centroids)


def zero(x: Tensor, assignment: Tensor, centroids: Tensor) -> Tensor:
    return means(x, assignment, centroids).nan_to_num()


def assigned(nearest: Callable[[Tensor, Tensor], Tensor]) -> tuple[Callable, ...]:
    """The iteration with another assignment, made of x and the centroids; an empty cluster stays or moves to 0."""
    return tuple(lambda x, c, update=update: (update(x, nearest(x, c), c), nearest(x, c)) for update in (kept, zero))


def moved(new: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable:
    """New centroids, made of x, the right assignment and the old ones; with any assignment beside them."""
    return lambda x, c: new(x, assign(x, c), c)


def each(centre: Callable[[Tensor, Tensor], Tensor]) -> tuple[Callable, ...]:
    """New centroids, each made of its points and its old place; where there are no points, it stays, or whatever comes of none."""

    def new(x, a, c, always=False):
        return torch.stack([centre(x[a == j], c[j]) if always or (a == j).any() else c[j] for j in range(len(c))])

    return moved(new), moved(lambda x, a, c: new(x, a, c, always=True))


def rows_of(rows: Callable[[Tensor, Tensor], Tensor]) -> tuple[Callable, ...]:
    """Only some rows of the new centroids, by the assignment."""
    return tuple(moved(lambda x, a, c, update=update: update(x, a, c)[rows(a, c)]) for update in (kept, zero, means))


def twice(x, c):
    return kmeans_step(x, kmeans_step(x, c)[0])


STEP = {
    "products alone do not tell the nearest centroid: |x − c|² = |x|² − 2 x · c + |c|², with the 2, and with |c|², which centroids do not share": (
        *assigned(lambda x, c: (x @ c.T).argmax(1)),
        *assigned(lambda x, c: F.cosine_similarity(x[:, None], c, dim=2).argmax(1)),
        *assigned(lambda x, c: (c.square().sum(1) - x @ c.T).argmin(1)),
        *assigned(lambda x, c: (c.norm(dim=1) - 2 * x @ c.T).argmin(1)),
        *assigned(lambda x, c: (c.square().sum(1) + 2 * x @ c.T).argmin(1)),
    ),
    "the wrong axis is added up: of x[:, None] - centroids, of shape (N, k, d), add the squares of the d features, along dim=2": (
        *assigned(lambda x, c: (x[:, None] - c).square().sum(1).argmin(1)),
        *assigned(lambda x, c: (x[:, None] - c).square().sum(0).argmin(1)),
        *assigned(lambda x, c: (x[:, None] - c).norm(dim=1).argmin(1)),
    ),
    "argmin runs along the wrong axis: it must give each of the N points its nearest centroid, along dim=1 of the distances (N, k)": (
        *assigned(lambda x, c: squares(x, c).argmin(0)),
    ),
    "the farthest centroid is taken: the nearest one has the smallest distance (argmin)": assigned(lambda x, c: squares(x, c).argmax(1)),
    "distances are not Euclidean: square the differences, and add up the squares": (
        *assigned(lambda x, c: torch.cdist(x, c, p=1).argmin(1)),
        *assigned(lambda x, c: (x[:, None] - c).sum(2).argmin(1)),
        *assigned(lambda x, c: (x[:, None] - c).sum(2).square().argmin(1)),
        *assigned(lambda x, c: (x[:, None] - c).abs().amax(2).argmin(1)),
    ),
    "the assignment is one-hot: return the number of each point's cluster, N whole numbers": (
        lambda x, c: (kept(x, assign(x, c), c), F.one_hot(assign(x, c), len(c))),
    ),
    "the assignment is that to the new centroids: return the one that the means were taken of": (
        lambda x, c: (kmeans_step(x, c)[0], assign(x, kmeans_step(x, c)[0])),
    ),
    "this is more than one iteration: assign once, and move the centroids once": (
        twice,
        lambda x, c: (twice(x, c)[0], assign(x, c)),
    ),
    "the old centroids are returned: return the means of the points": (moved(lambda x, a, c: c * 1),),
    "an empty cluster moves to 0: a cluster without points keeps its old centroid": (moved(zero),),
    "an empty cluster moves to the mean of all points: a cluster without points keeps its old centroid": (
        moved(lambda x, a, c: kept(x, a, x.mean(0).expand_as(c))),
    ),
    "the sum is divided by N: divide by the number of points in the cluster, or take the mean of x[assignment == j]": (
        moved(lambda x, a, c: sums(x, a, len(c)) / len(x)),
        moved(lambda x, a, c: (sums(x, a, len(c)) / len(x)).where(full(a, c), c)),
    ),
    "the sum of the points is not divided by their number: a centroid is their mean": (
        *each(lambda own, old: own.sum(0)),
    ),
    "the number of points is off by one: divide by the points of the cluster alone, and leave an empty cluster where it is": (
        moved(lambda x, a, c: sums(x, a, len(c)) / (a.bincount(minlength=len(c))[:, None] + 1)),
        *each(lambda own, old: own.sum(0) / (len(own) + 1)),
    ),
    "the old centroid is part of the mean: the new one is the mean of the points alone": (
        *each(lambda own, old: (own.sum(0) + old) / (len(own) + 1)),
        *each(lambda own, old: (own.mean(0) + old) / 2),
    ),
    "the median is taken: a centroid of k-means is the mean of its points": (
        *each(lambda own, old: own.median(0).values),
        *each(lambda own, old: own.quantile(0.5, dim=0)),
    ),
    "a centroid is one number, the mean of all entries: take the mean of the points feature by feature, along dim=0": (
        *each(lambda own, old: own.mean().expand_as(old)),
    ),
    "a point stands in for the mean: the centroid is the mean of the cluster's points": (
        *each(lambda own, old: own[0]),
        *each(lambda own, old: own[-1]),
        *each(lambda own, old: own[(own - own.mean(0)).square().sum(1).argmin()]),
        *each(lambda own, old: own[(own - old).square().sum(1).argmin()]),
    ),
    "rows are missing: return k centroids; `assignment.max() + 1` and `unique()` do not count clusters without points (bincount: minlength=k)": (
        *rows_of(lambda a, c: slice(int(a.max()) + 1)),
        *rows_of(lambda a, c: a.unique()),
    ),
    "only one cluster moves: each of the k centroids moves to the mean of its points (is `return` inside the loop?)": (
        moved(lambda x, a, c: torch.cat([kept(x, a, c)[:1], c[1:]])),
        moved(lambda x, a, c: torch.cat([c[:-1], kept(x, a, c)[-1:]])),
    ),
    "the points of each cluster are right, but a cluster without points goes wrong: 0 / 0 is nan, so such a cluster keeps its old centroid": (
        lambda x, c: (means(x, assign(x, c), c), assign(x, c)),
    ),
}

check_kmeans_step = Check("kmeans_step", kmeans_step, points, STEP, Kind.LABELLED, "the assignment")
