"""k-means that one can step through, on the features of any network: assign, update, repair."""

import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.tsne import tsne
from ssl_lab.kmeans import inertia, kmeans_step, repair, start, whitened_rows
from ssl_lab.plots.clusters.numbers import ORDERS
from ssl_lab.plots.clusters.steps import Moment
from ssl_lab.stream import generator
from ssl_lab.widgets.controls import Button, Choice, Slider, Switch
from ssl_lab.widgets.explorer import Explorer

ROUNDS, MOST = 12, 20  # iterations; clusters
STEPS = ("assign", "update", "repair")
BEGINS = (("at random points", "random"), ("far apart, by k-means++", "k-means++"), ("badly, all in one corner", "corner"))


class KMeansExplorer(Explorer):
    """k-means of DeepCluster's features, whitened and of unit length, one step at a time.

    h: (N, D), one row an image, as `features` gives it.   images: N images; their labels only say how pure a cluster is.   pca: dimensions that are
    left after whitening.   shown: of so many images, the first ones, are the features clustered.   seed: of the first start.
    Controls: space ("plane": the map itself is clustered, so that one sees which centroid is nearest; "features": all dimensions), k, init
        ("random", "k-means++", "corner": all but one are empty at once), repaired (off: empty clusters stay empty), again (another start),
        step (0 = start, then assign, update and repair of each iteration), cluster (the chosen one; where there are fewer, the last), by (an
        order of the clusters that are shown below it).
    Raises: InputError for other than one finite row an image, fewer than 3 images, a pca above the rank, or a control out of its range.
    """

    def __init__(self, h: Float[Tensor, "N D"], images: Images, pca: int = 32, shown: int = 400, seed: int = 0, **start):
        check_images(images, "KMeansExplorer")
        require(len(h) == len(images), f"every image needs its row: got {len(h)} rows and {len(images)} images; embed these very images")
        require(whole(shown) and shown >= 3, f"shown={shown}: at least 3 images are needed for a map")
        h, images = h.detach().float().cpu()[:shown], images[:shown].to("cpu")
        z = whitened_rows(h, pca)
        xy = tsne(z)
        xy = xy / xy.abs().max()
        self.spaces, self.xy, self.seed, self.key = {"plane": xy, "features": z}, xy, seed, None
        self.shown, self.labels, self.classes = plots.hwc(images.x), images.labels.numpy(), images.classes
        most, names = min(MOST, len(z)), ["start", *(f"{round} {step}" for round in range(1, ROUNDS + 1) for step in STEPS)]
        controls = {
            "space": Choice("cluster", [("the map, 2 dimensions", "plane"), (f"the features, {z.shape[1]} dimensions", "features")]),
            "k": Slider("k", 2, most, min(8, most)),
            "init": Choice("centroids begin", BEGINS),
            "repaired": Switch("repair empty clusters", True),
            "again": Button("another start"),
            "step": Slider("step", stops=range(len(names)), only=True, names=names),
            "cluster": Slider("chosen cluster", 0, most - 1),
            "by": Choice("below it, the", ORDERS),
        }
        super().__init__(controls, **start)

    def follow(self, name: str) -> None:
        """The chosen cluster is one that there is."""
        if name in ("k", "cluster"):
            self.controls["cluster"].value = min(self.controls["cluster"].value, self.controls["k"].value - 1)

    def redraw(self) -> None:
        """Draw; before the first step there are no clusters to be put in order."""
        self.controls["by"].disabled = self.controls["step"].value == 0
        super().redraw()

    def draw(self, space: str, k: int, init: str, repaired: bool, again: int, step: int, cluster: int, by: str):
        key, plane = (space, k, init, repaired, again), space == "plane"
        if key != self.key:
            self.key, self.run, self.moments = key, run(self.spaces[space], self.xy, k, init, repaired, self.seed + again), []
        self.moments += itertools.islice(self.run, max(step + 1 - len(self.moments), 0))
        setting = f"begun {self.controls['init'].words(init)}" + " · no repair" * (not repaired)
        said = {"plane": plane, "setting": setting, "last": len(STEPS) * ROUNDS}
        return plots.kmeans_steps(self.moments[: step + 1], self.xy.numpy(), self.shown, self.labels, self.classes, min(cluster, k - 1), by, **said)


def run(x: Float[Tensor, "N d"], xy: Float[Tensor, "N 2"], k: int, init: str, repaired: bool, seed: int) -> Iterator[Moment]:
    """The steps of `kmeans(x, k, ROUNDS, init, seed, repaired)`; a centroid's place on the map is the mean of its points'."""
    draw, x = generator(seed), x - x.mean(0)
    centroids = start(x, k, corner(x, xy, k) if init == "corner" else init, draw)
    places = corner(xy, xy, k) if init == "corner" else xy[torch.cdist(centroids, x).argmin(1)]
    yield moment("start", 0, x, centroids, places, torch.full((len(x),), -1))
    for number in range(1, ROUNDS + 1):
        new, assignment = kmeans_step(x, centroids)
        yield moment("assign", number, x, centroids, places, assignment)
        counts = assignment.bincount(minlength=k)
        full = counts[:, None] > 0
        places = torch.where(full, torch.zeros(k, 2).index_add_(0, assignment, xy) / counts.clamp(min=1)[:, None], places)
        yield moment("update", number, x, new, places, assignment)
        centroids = repair(new, counts, draw) if repaired else new
        donors = torch.where(full[:, 0], torch.cdist(centroids, new), torch.inf).argmin(1)
        places = torch.where((centroids == new).all(1, keepdim=True), places, places[donors])
        yield moment("repair", number, x, centroids, places, assignment)


def moment(step: str, number: int, x, centroids, places, assignment) -> Moment:
    cost = float("nan") if step == "start" else (inertia(x, centroids, assignment) / len(x)).item()
    return Moment(step, number, assignment.numpy(), x.numpy(), centroids.numpy(), places.numpy(), cost)


def corner(x: Float[Tensor, "N d"], xy: Float[Tensor, "N 2"], k: int) -> Float[Tensor, "k d"]:
    """Centroids in a row, beyond all points on the way to the one at the upper right of the map: all but the first are empty.

    x: points, whose mean is 0.
    """
    way = F.normalize(x[xy.sum(1).argmax()], dim=0)
    return ((x @ way).max() * 1.02 + 0.15 * torch.arange(k)[:, None] / k) * way
