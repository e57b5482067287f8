"""k-means (Lloyd 1982), without empty clusters, and PCA whitening: what DeepCluster does to features.

    min over C, y of   1/N Σ_n |x_n - C y_n|²        y_n: one 1 among k, the rest 0

Each iteration assigns every point to its nearest centroid, moves every centroid to the mean of its points, and repairs empty clusters.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import plain, whole
from ssl_lab.errors import one_of, require
from ssl_lab.stream import generator
from ssl_lab.surroundings import uncast

TILE = 1024  # points at a time, so that their distances to 1,000 centroids fit a CPU's cache
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
@uncast
def kmeans(
    x: Float[Tensor, "N d"], k: int, iterations: int = 20, init: str | Float[Tensor, "k d"] = "random", seed: int = 0, repaired: bool = True
) -> Clusters:
    """k clusters of the rows of x, by Lloyd's iterations; the same seed gives the same clusters on one device.

    init: "random" (k of the points), "k-means++" (Arthur and Vassilvitskii 2007: points far from those that are chosen), or centroids (k, d).
    repaired=False: empty clusters stay empty.
    A cluster may be empty at the end where there are fewer distinct points than clusters.
    Raises: InputError for k < 1 or more than there are points, iterations < 0, points or centroids that are no numbers.
    """
    check_points(x)
    check_count(k, len(x))
    require(whole(iterations) and iterations >= 0, f"iterations={iterations!r} must be a whole number from 0; 20 is the default")
    draw, mean = generator(seed), x.mean(0)
    x = x - mean  # squared distances are differences of products, which are exact only near 0
    centroids = start(x, k, init if isinstance(init, str) else init.to(x) - mean, draw)
    for _ in range(iterations):
        centroids, assignment = kmeans_step(x, centroids)
        if repaired:
            centroids = repair(centroids, assignment.bincount(minlength=k), draw)
    assignment = assign(x, centroids)
    return Clusters(assignment, centroids + mean, assignment.bincount(minlength=k), inertia(x, centroids, assignment))


def kmeans_step(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"]) -> tuple[Float[Tensor, "k d"], Int64[Tensor, " N"]]:
    """One of Lloyd's iterations: assign every point to its nearest centroid, then move every centroid to the mean of its points.

    Returns the new centroids and the assignment, which is that to the old ones. A cluster without a point keeps its centroid.
    """
    assignment = assign(x, centroids)
    counts = assignment.bincount(minlength=len(centroids))[:, None]
    return torch.where(counts > 0, sums(x, assignment, len(centroids)) / counts.clamp(min=1), centroids), assignment


def repair(centroids: Float[Tensor, "k d"], counts: Int64[Tensor, " k"], draw: torch.Generator | None = None) -> Float[Tensor, "k d"]:
    """Give every empty cluster a random non-empty one's centroid with a small random perturbation: the next assignment divides the points.

    A cluster of n points is drawn with a probability in proportion to n - 1, since one point cannot be divided. Centroids of the others stay.
    """
    empty = counts == 0
    donors = (counts.cpu() - 1).clamp(min=0).double()
    if not bool(empty.any()) or not bool(donors.any()):
        return centroids
    donor = donors.multinomial(len(counts), replacement=True, generator=draw).to(centroids.device)
    noise = torch.randn(centroids.shape, generator=draw).to(centroids)
    copies = centroids[donor] + SHIFT * centroids.std(0, correction=0).mean() * noise
    return torch.where(empty[:, None], copies, centroids)


def assign(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"]) -> Int64[Tensor, " N"]:
    """The nearest centroid of every point: of |x|² - 2 xc + |c|² only the last two differ between centroids."""
    half = -centroids.square().sum(1) / 2
    return torch.cat([(part @ centroids.T).add_(half).argmax(1) for part in x.split(TILE)])


def inertia(x: Float[Tensor, "N d"], centroids: Float[Tensor, "k d"], assignment: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """Sum of the squared distances to the own centroid."""
    parts = zip(x.split(TILE), assignment.split(TILE))
    return torch.stack([(part - centroids[own]).square().sum() for part, own in parts]).sum()


def sums(x: Float[Tensor, "N d"], assignment: Int64[Tensor, " N"], k: int) -> Float[Tensor, "k d"]:
    """The sum of each cluster's points, always added in the same order."""
    total = x.new_zeros(k, x.shape[1])
    if x.is_cuda:  # where index_add_ adds in any order
        return total.index_put_((assignment,), x, accumulate=True)
    return total.index_add_(0, assignment, x)


def start(x: Float[Tensor, "N d"], k: int, init: str | Float[Tensor, "k d"], draw: torch.Generator) -> Float[Tensor, "k d"]:
    """The first centroids."""
    if isinstance(init, Tensor):
        require(init.shape == (k, x.shape[1]), f"init has the shape {tuple(init.shape)}; {k} centroids of {x.shape[1]} numbers are needed")
        require(bool(init.isfinite().all()), "init holds NaN or infinity; give centroids that are numbers")
        return init
    one_of(init, ("random", "k-means++", "a tensor of centroids"), "init")
    return x[torch.randperm(len(x), generator=draw)[:k].to(x.device)] if init == "random" else spread(x, k, draw)


def spread(x: Float[Tensor, "N d"], k: int, draw: torch.Generator) -> Float[Tensor, "k d"]:
    """k-means++: each next point is drawn in proportion to its squared distance from the nearest one that is chosen already."""
    chosen, far = [int(torch.randint(len(x), (), generator=draw))], x.new_full((len(x),), torch.inf)
    while len(chosen) < k:
        far = torch.minimum(far, (x - x[chosen[-1]]).square().sum(1))
        weights = far.double().cpu()
        weights = weights if bool(weights.any()) else torch.ones_like(weights)  # no point is left that is not chosen
        at = weights.cumsum(0)
        chosen.append(min(int(torch.searchsorted(at, at[-1] * torch.rand((), generator=draw, dtype=torch.float64), right=True)), len(x) - 1))
    return x[chosen]


@dataclass(frozen=True)
class Whitening:
    """A map of rows (N, D) to rows (N, dim) that have mean 0 and unit covariance over the rows it was made from.

    mean: (D,).   matrix: (D, dim), principal directions, each divided by its standard deviation.
    """

    mean: Float[Tensor, " D"]
    matrix: Float[Tensor, "D dim"]

    def __call__(self, x: Float[Tensor, "M D"]) -> Float[Tensor, "M dim"]:
        return (x - self.mean) @ self.matrix


@torch.no_grad()
@uncast
def pca_whiten(x: Float[Tensor, "N D"], dim: int) -> Whitening:
    """The map to the `dim` directions of greatest variance, with variance 1 in each; computed in float64.

    The largest entry of each direction is positive, so that the map of one x is always the same.
    Raises: InputError for rows that are no numbers, or a dim above the rank: no division makes a variance of 0 a variance of 1.
    """
    check_points(x)
    require(whole(dim) and dim >= 1, f"dim={dim!r} must be a whole number from 1")
    wide = x.cpu().double() if x.device.type == "mps" else x.double()
    mean = wide.mean(0)
    variances, directions = torch.linalg.eigh((wide - mean).T @ (wide - mean) / len(x))
    rank = int((variances > variances[-1].clamp(min=0) * 1e-9).sum()) if bool(variances[-1] > 0) else 0
    what = f"{len(x)} rows of {x.shape[1]} features vary in {rank} directions"
    fix = f"use {rank} or fewer" if rank else "all rows are equal: has the network collapsed?"
    require(dim <= rank, f"whitening to {dim} dimensions: {what}; {fix}")
    top, scale = directions[:, -dim:].flip(1), variances[-dim:].flip(0).sqrt()
    top = top * top.gather(0, top.abs().argmax(0, keepdim=True)).sign()
    return Whitening(mean.to(x), (top / scale).to(x))


def check_points(x: Float[Tensor, "N d"]) -> None:
    """Refuse what has no clusters."""
    require(len(x) > 0, "there are no points to cluster; give at least one row")
    broken = 0 if bool(x.sum().isfinite()) else int((~x.isfinite()).any(1).sum())
    require(broken == 0, f"{broken} of {len(x)} rows hold NaN or infinity; did the training diverge?")


def check_count(k: int, N: int) -> None:
    """Refuse a number of clusters that there cannot be."""
    require(whole(k) and plain(k) >= 1, f"k={k!r} must be a whole number from 1")
    require(k <= N, f"k={k} clusters of {N} points: some would always be empty; use k={N} or fewer, or more points")
