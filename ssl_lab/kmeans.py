"""k-means (Lloyd 1982), without empty clusters, and PCA whitening: what DeepCluster does to features.

    min over C, y of   1/N Σ_n |x_n - C y_n|²        y_n: one 1 among k, the rest 0

Each iteration assigns every point to its nearest centroid, moves every centroid to the mean of its points, and repairs empty clusters.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import whole
from ssl_lab.errors import one_of, require
from ssl_lab.stream import generator
from ssl_lab.surroundings import lift, uncast, usual

TILE = 256  # points at a time: 1 MB of scores for 1,000 centroids, which a CPU's cache holds; other devices take 64 times as many
WIDE = 32  # centroids are filled up to a multiple: the last few of a product are rounded otherwise, and equal ones must have equal scores
SHIFT = 1 / 1024  # how far a repair moves a centroid, as a share of the centroids' standard deviation; faiss takes this share of each coordinate


@dataclass(frozen=True)
class Clusters:
    """What belongs together: centroids (k, d), and the assignment (N,) to the nearest of them.

    counts: (k,), points of each cluster.   inertia: sum over all points of the squared distance to their centroid.
    """

    assignment: Int64[Tensor, " N"]
    centroids: Float[Tensor, "k d"]
    counts: Int64[Tensor, " k"]
    inertia: Float[Tensor, ""]


@torch.no_grad()
@usual()
@uncast
def kmeans(
    x: Float[Tensor, "N d"], k: int, iterations: int = 20, init: str | Float[Tensor, "k d"] = "random", seed: int = 0, repaired: bool = True
) -> Clusters:
    """k clusters of the rows of x, by Lloyd's iterations, in float32 or more; the same seed gives the same clusters on one device.

    init: "random" (k of the points), "k-means++" (Arthur and Vassilvitskii 2007: points far from those that are chosen), or centroids (k, d).
    repaired=False: empty clusters stay empty.
    A cluster may be empty at the end where there are few distinct points, as the last assignment is not repaired.
    Raises: InputError for k < 1 or more than there are points, iterations < 0, points or centroids that are no numbers, or too large to be squared.
    """
    x = lift(x)
    check_points(x)
    require(whole(k) and k >= 1, f"k={k!r} must be a whole number from 1")
    require(k <= len(x), f"k={k} clusters of {len(x)} points: some would always be empty; use k={len(x)} or fewer, or more points")
    require(whole(iterations) and iterations >= 0, f"iterations={iterations!r} must be a whole number from 0; 20 is the default")
    draw, mean = generator(seed), x.mean(0)
    x, centroids = x - mean, start(x, int(k), init, draw) - mean  # squared distances are differences of products, which are exact only near 0
    for _ in range(iterations):
        centroids, assignment = kmeans_step(x, centroids)
        if repaired:
            centroids = repair(centroids, assignment.bincount(minlength=k), draw)
    moved = centroids + mean
    centroids = moved - mean  # rounded as those that are returned
    assignment = assign(x, centroids)
    total = inertia(x, centroids, assignment)
    far = 0.0 if bool(total.isfinite()) else float(x.abs().max())
    require(far == 0.0, f"squares of points as far from their mean as {far:.0e} overflow; divide the points by that")
    return Clusters(assignment, moved, assignment.bincount(minlength=k), total)


@torch.no_grad()
@uncast
def kmeans_step(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"]) -> tuple[Float[Tensor, "k d"], Int64[Tensor, " N"]]:
    """One of Lloyd's iterations: assign every point to its nearest centroid, then move every centroid to the mean of its points.

    Returns the new centroids and the assignment, which is that to the old ones. A cluster without a point keeps its centroid.
    Points should lie near 0 (kmeans moves their mean there): far away, float32 does not tell small distances.
    """
    x, centroids = lift(x), centroids.to(lift(x))
    assignment = assign(x, centroids)
    counts = assignment.bincount(minlength=len(centroids))[:, None]
    return torch.where(counts > 0, sums(x, assignment, len(centroids)) / counts.clamp(min=1), centroids), assignment


@usual()
def repair(centroids: Float[Tensor, "k d"], counts: Int64[Tensor, " k"], draw: torch.Generator | None = None) -> Float[Tensor, "k d"]:
    """Give every empty cluster a random non-empty one's centroid with a small random perturbation: the next assignment divides the points.

    A cluster of n points is drawn with a probability in proportion to n - 1, since one point cannot be divided. Centroids of the others stay.
    draw: where the random numbers come from; torch's own, unless one is given.
    """
    centroids, empty, donors = lift(centroids), counts == 0, (counts - 1).clamp(min=0)
    if not bool(empty.any()) or not bool(donors.any()):
        return centroids
    where = "cpu" if draw is None else draw.device
    donor = donors.to(where, torch.float32).multinomial(len(counts), replacement=True, generator=draw).to(centroids.device)
    least = 16 * torch.finfo(centroids.dtype).eps * centroids.abs().mean()  # where all centroids are one: a step that rounding leaves
    shift = torch.maximum(SHIFT * centroids.std(0, correction=0).mean(), least).clamp(min=1e-12)
    noise = torch.randn(centroids.shape, generator=draw, device=where).to(centroids)
    return torch.where(empty[:, None], centroids[donor] + shift * noise, centroids)


@torch.no_grad()
@uncast
def assign(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"]) -> Int64[Tensor, " N"]:
    """The nearest centroid of every point, the first of several: of |x|² - 2 xc + |c|² only the last two differ between centroids."""
    x, centroids = lift(x), centroids.to(lift(x))
    fill = -len(centroids) % WIDE  # with centroids that are never nearest
    columns, half = F.pad(centroids, (0, 0, 0, fill)).T, F.pad(-centroids.square().sum(1) / 2, (0, fill), value=-torch.inf)
    scores = x.new_empty(len(tiles(x)[0]), len(half))  # of one tile after another, since new memory takes time
    return torch.cat([largest(torch.addmm(half, part, columns, out=scores[: len(part)])) for part in tiles(x)])


def tiles(rows: Tensor) -> tuple[Tensor, ...]:
    """The rows, so many at a time: what is computed for all of them at once would not fit."""
    return rows.split(TILE if rows.device.type == "cpu" else 64 * TILE)


def largest(scores: Float[Tensor, "N k"]) -> Int64[Tensor, " N"]:
    """argmax(1): on a CPU numpy's, which compares many numbers at a time, in a tenth of the time of torch's."""
    return torch.from_numpy(scores.numpy().argmax(1)) if scores.device.type == "cpu" else scores.argmax(1)


def inertia(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"], assignment: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """Sum of the squared distances to the own centroid."""
    parts = zip(tiles(x), tiles(assignment))
    return torch.stack([(part - centroids[own]).square().sum() for part, own in parts]).sum()


def sums(x: Float[Tensor, "N d"], assignment: Int64[Tensor, " N"], k: int) -> Float[Tensor, "k d"]:
    """The sum of each cluster's points, always added in the same order."""
    total = x.new_zeros(k, x.shape[1])
    if x.is_cuda:  # where index_add_ adds in any order
        return total.index_put_((assignment,), x, accumulate=True)
    return total.index_add_(0, assignment, x)


def start(x: Float[Tensor, "N d"], k: int, init: str | Float[Tensor, "m e"], draw: torch.Generator) -> Float[Tensor, "k d"]:
    """The first centroids."""
    if isinstance(init, Tensor):
        require(init.shape == (k, x.shape[1]), f"init has the shape {tuple(init.shape)}; {k} centroids of {x.shape[1]} numbers are needed")
        require(bool(init.isfinite().all()), "init holds NaN or infinity; give centroids that are numbers")
        return init.to(x)
    one_of(init, ("random", "k-means++", "a tensor of centroids"), "init")
    return x[torch.randperm(len(x), generator=draw)[:k].to(x.device)] if init == "random" else spread(x, k, draw)


def spread(x: Float[Tensor, "N d"], k: int, draw: torch.Generator) -> Float[Tensor, "k d"]:
    """k-means++: each next point is drawn in proportion to its squared distance from the nearest one that is chosen already."""
    chosen, far = [int(torch.randint(len(x), (), generator=draw))], torch.inf
    while len(chosen) < k:
        distance = torch.cdist(x, x[chosen[-1:]], compute_mode="donot_use_mm_for_euclid_dist")[:, 0]  # 0 where it is 0: no products are subtracted
        far = distance.clamp(max=far)
        at = far.cpu().double().square().cumsum(0)
        drawn = torch.searchsorted(at, at[-1] * torch.rand((), generator=draw, dtype=torch.float64), right=True)
        chosen.append(min(int(drawn), len(x) - 1))  # the last point where every place is chosen, and all weigh 0
    return x[chosen]


@dataclass(frozen=True)
class Whitening:
    """A map of rows (N, D) to rows (N, dim) that have mean 0 and unit covariance over the rows it was made from.

    mean: (D,).   matrix: (D, dim), principal directions, each divided by its standard deviation.
    """

    mean: Float[Tensor, " D"]
    matrix: Float[Tensor, "D dim"]

    @uncast
    def __call__(self, x: Float[Tensor, "M E"]) -> Float[Tensor, "M dim"]:
        require(x.shape[-1] == len(self.mean), f"the rows have {x.shape[-1]} features; this map was made from rows of {len(self.mean)}")
        return (x.to(self.mean) - self.mean) @ self.matrix


@torch.no_grad()
@uncast
def pca_whiten(x: Float[Tensor, "N D"], dim: int) -> Whitening:
    """The map to the `dim` directions of greatest variance, with variance 1 in each; computed in float64.

    The largest entry of each direction is positive, so that the map of one x is always the same.
    Raises: InputError for rows that are no numbers, or a dim above the rank: no division makes a variance of 0 a variance of 1.
    """
    x = lift(x)
    check_points(x)
    require(whole(dim) and dim >= 1, f"dim={dim!r} must be a whole number from 1")
    parts = [part.cpu() if x.device.type == "mps" else part for part in tiles(x)]  # MPS has no float64
    mean = sum(part.double().sum(0) for part in parts) / len(x)
    covariance = sum((part - mean).T @ (part - mean) for part in parts) / len(x)
    variances, directions = torch.linalg.eigh(covariance)
    rounding = directions.square().T @ (4 * torch.finfo(x.dtype).eps * mean).square()  # how rows vary that were meant to be equal
    real = variances > rounding + 1e-9 * variances[-1]
    rank, variances, directions = int(real.sum()), variances[real], directions[:, real]
    what = f"{len(x)} rows of {x.shape[1]} features vary in {rank} directions"
    fix = f"use {rank} or fewer; if a training made them so, its features collapse" if rank else "all rows are equal: has the network collapsed?"
    require(dim <= rank, f"whitening to {dim} dimensions: {what}; {fix}")
    top, scale = directions[:, -dim:].flip(1), variances[-dim:].flip(0).sqrt()
    top = top * top.gather(0, top.abs().argmax(0, keepdim=True)).sign()
    return Whitening(mean.to(x), (top / scale).to(x))


@uncast
def whitened_rows(h: Float[Tensor, "N D"], dim: int) -> Float[Tensor, "N dim"]:
    """What DeepCluster clusters: the rows, whitened to `dim` directions, then each divided by its length.

    Raises: InputError, as `pca_whiten`.
    """
    return F.normalize(pca_whiten(h, dim)(h), dim=1)


def check_points(x: Float[Tensor, "N d"]) -> None:
    """Refuse what has no clusters."""
    given = f"a tensor of the shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
    require(isinstance(x, Tensor) and x.ndim == 2 and x.numel() > 0, f"points are rows of a tensor (N, d), at least one row and column; got {given}")
    broken = 0 if bool(x.sum().isfinite()) else int((~x.isfinite()).any(1).sum())
    require(broken == 0, f"{broken} of {len(x)} rows hold NaN or infinity; did the training diverge?")
