"""The second exercise of notebook 02: a new place for empty clusters, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.drawn import Drawn
from ssl_lab.kmeans import repair

COUNTS = [  # points of each cluster
    ((6, 0, 9, 1, 0, 7), 3),
    ((0, 5, 0, 1, 8, 6, 0, 4), 4),
    ((8, 7, 9, 0, 1), 2),
    ((3, 5, 1, 4), 3),
]
FAR = 0.2  # how far a copy may be from its donor, as a share of the donor's distance to the nearest other one


def emptied(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Centroids far from 0 and from each other, and the counts: two, three or one of them 0, at last none; the first always the same."""
    for number, (counts, d) in enumerate(COUNTS):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        centroids = torch.zeros(2, d)
        while torch.pdist(centroids).min() < 2:
            centroids = 3 * torch.randn(len(counts), d, generator=draw) + 20 / d**0.5
        yield centroids, torch.tensor(counts)


class Found:
    """What the answers did, in the words of the exercise.

    moved: (times, k), which centroids changed.   copies: (times, e, d), those of the empty clusters.   far: (times, e, k), their distance to each
    old centroid, divided by how far that one's nearest neighbour is.   donor: (times, e), the nearest cluster that has points.
    """

    def __init__(self, answers: list[Tensor], centroids: Tensor, counts: Tensor):
        new, self.old = torch.stack(answers), centroids.double()
        self.empty, self.counts = counts == 0, counts
        self.moved = (new - self.old).abs().amax(2) > 1e-6
        self.copies = new[:, self.empty]
        between = torch.cdist(self.old, self.old).fill_diagonal_(torch.inf)
        self.far = torch.cdist(self.copies, self.old.expand(len(new), -1, -1), compute_mode="donot_use_mm_for_euclid_dist") / between.amin(1)
        self.donor = self.far.masked_fill(self.empty, torch.inf).argmin(2)

    @property
    def strays(self) -> Tensor:
        """Which copies are near no cluster that has points."""
        return self.far.gather(2, self.donor[..., None])[..., 0] > FAR

    @property
    def centre(self) -> Tensor:
        """The mean of the clusters with points."""
        return self.old[~self.empty].mean(0)


def sign(holds: Callable[[Found], Tensor | bool]) -> tuple[Callable[..., bool]]:
    """A sign that is read of what was found."""
    return (lambda answers, centroids, counts: bool(holds(Found(answers, centroids, counts))),)


def stays(found: Found) -> Tensor:
    """Which of the empty clusters are never moved."""
    return ~found.moved[:, found.empty].any(0)


def single(found: Found) -> Tensor:
    """Whether of the clusters with points only those of one point move."""
    return found.moved[:, found.counts == 1].any() & ~found.moved[:, found.counts > 1].any()


def one_mean(found: Found) -> Tensor:
    """Whether a copy is always near the same mean of centroids."""
    means = torch.stack([found.old.mean(0), found.centre, (found.old * found.counts[:, None]).sum(0) / found.counts.sum()])
    near = torch.cdist(found.copies, means.expand(len(found.copies), -1, -1)) < 0.1
    return (near.all(0).any(1) & found.strays.all(0)).any()


def around_0(found: Found) -> Tensor:
    """Whether the copies that stray are, in the mean, nearer to 0 than to the clusters."""
    middle = found.copies.mean(0)
    return (found.strays.any(0) & (middle.norm(dim=1) < (middle - found.centre).norm(dim=1))).any()


def equal(found: Found) -> Tensor:
    """Whether two empty clusters get the same centroid."""
    pairs = torch.cdist(found.copies, found.copies, compute_mode="donot_use_mm_for_euclid_dist")
    return (pairs + torch.eye(pairs.shape[1]) == 0).any()


def same_donor(found: Found) -> Tensor:
    """Which of the empty clusters have one donor, always."""
    return (found.donor == found.donor[0]).all(0)


REPAIR = {
    "rows are missing: an empty cluster gets a new centroid, and all k rows are returned": (
        lambda answers, centroids, counts: any(new.shape[1:] == centroids.shape[1:] and len(new) < len(counts) for new in answers),
    ),
    "the result does not have the shape of centroids: return all k of them, (k, d)": (
        lambda answers, centroids, counts: any(new.shape != centroids.shape for new in answers),
    ),
    "a cluster with points moves, and an empty one stays: the condition is the wrong way round, or the donor is moved in place of its copy": sign(
        lambda found: found.moved[:, ~found.empty].any() and stays(found).all()
    ),
    "a cluster of one point is repaired, too: a cluster is empty where its count is 0": sign(single),
    "all centroids change: only those of empty clusters do, where counts == 0": sign(lambda found: found.moved.all(1).any()),
    "a cluster with points moves: the donor and all others stay where they are, and only the copy gets a perturbation": sign(
        lambda found: found.moved[:, ~found.empty].any()
    ),
    "the empty clusters stay where they are: give each the centroid of a cluster with points, with a small perturbation": sign(
        lambda found: found.empty.any() and stays(found).all()
    ),
    "only one of the empty clusters is repaired: all of them need a new centroid (is `return` or `break` inside the loop?)": sign(
        lambda found: stays(found).any()
    ),
    "the copied centroid is that of an empty cluster: draw the donor among the clusters with points, where counts > 0": sign(
        lambda found: (found.far.amin(2) < FAR).all() & (found.far[:, :, found.empty] < FAR).any()
    ),
    "the copy lies exactly on its donor: every point has the same distance to both, so add a small random perturbation": sign(
        lambda found: (found.far == 0).any()
    ),
    "the new centroid is the mean of other centroids, where no cluster is: copy one that has points": sign(one_mean),
    "noise, or 0, takes the place of a centroid: copy the donor's centroid, and add the noise to it": sign(around_0),
    "the new centroid is far from all clusters with points: copy one of theirs, and make the perturbation much smaller than their distances": sign(
        lambda found: found.strays.any()
    ),
    "two empty clusters get the same centroid: each needs a random perturbation of its own, since they may have the same donor": sign(equal),
    "the donor is always the largest cluster: draw it at random among those with points": sign(
        lambda found: found.empty.any() and (found.donor == found.counts.argmax()).all()
    ),
    "the donor is the same in every call: draw it at random among the clusters with points, and set no seed inside": sign(
        lambda found: same_donor(found).any()
    ),
}

NONE_EMPTY = "it goes wrong where no cluster is empty: nothing is to be repaired there, and all centroids are returned as they are"

check_repair = Drawn("repair", repair, emptied, REPAIR, Kind.MATRIX, only={len(COUNTS) - 1: NONE_EMPTY})
