"""Deep Clustering for Unsupervised Learning of Visual Features.

Caron, Bojanowski, Joulin and Douze, ECCV 2018, arXiv 1807.05520.

    h      = f(x) of all images            before each epoch, without augmentation
    y, C   = k-means(whiten(h))            Eqn. 2: clusters, without empty ones; C is
                                           not used again
    W      = N(0, 0.01²)                   drawn anew: the clusters have new numbers
    loss   = cross entropy(W f(T(x)), y)   Eqn. 1, images drawn so that clusters are
                                           equally frequent; keep f, drop W

Two solutions are trivial: one cluster for all images, which the repair of empty
clusters prevents; and large clusters only, which uniform sampling prevents.
differs: one optimizer for f and W, which loses its state of W when W is drawn anew (the
authors have a second one without momentum); clusters of the encoder's own features,
which have been through a ReLU; a cluster that ends empty keeps its number.
"""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_lab.arguments import Choice, Range, Width, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.distributed import first
from ssl_lab.errors import require
from ssl_lab.features import features
from ssl_lab.geometry import nmi
from ssl_lab.kmeans import kmeans, whitened_rows
from ssl_lab.method import Method
from ssl_lab.models import FILTERS, filtered
from ssl_lab.recipe import Log, Recipe
from ssl_lab.surroundings import usual

# the authors' code: lr is constant there, in a cosine here
RECIPE = Recipe(
    epochs=200, batch=256, optimizer="sgd", lr=0.05, weight_decay=1e-5, warmup=0.0
)
SCENES = Recipe(epochs=20, batch=128, optimizer="adamw", lr=4e-3, weight_decay=1e-2)

PLAIN = Augmentation(jitter=0.0)
PAPER = {"clusters": 10_000, "pca": 256, "augmentation": PLAIN}


class DeepCluster(Method):
    """Cluster the features, then learn to tell the clusters apart, in turn.

    encoder: f, with `.dim`.   clusters: k, more than there are classes.
    pca: dimensions that are left after whitening.   iterations: of k-means.
    balance: "sample" draws clusters equally often; "weight" draws images, and weighs
    each by 1 / size of its cluster; "none" does neither.
    repair=False: empty clusters stay empty.   input: what f sees of a view, "rgb",
    "grey" or its edges, "sobel"; `.encoder` takes RGB all the same.
    sizes: images of each cluster.
    Raises: InputError for values outside the ranges below, or a `pca` above the width
    of f; `train` for more clusters than images, and for features that vary in fewer
    directions than `pca`.
    """

    columns: ClassVar = ("x", "labels")
    labels: ClassVar = "own"
    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {"paper": PAPER}

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        clusters: Annotated[int, Range(2, whole=True)] = 50,
        pca: Width = 32,
        iterations: Annotated[int, Range(0, whole=True)] = 20,
        balance: Annotated[str, Choice(("sample", "weight", "none"))] = "sample",
        repair: bool = True,
        input: Annotated[str, Choice(FILTERS)] = "sobel",
        augmentation: Augmentation = SMALL,
    ):
        super().__init__()
        require(pca <= encoder.dim, f"pca={pca} of {encoder.dim} features; use fewer")
        self.pca, self.iterations, self.balance = pca, iterations, balance
        self.repair, self.augmentation = repair, augmentation
        self.encoder = filtered(encoder, input)
        self.classifier = nn.Linear(encoder.dim, clusters)
        self.register_buffer("sizes", torch.zeros(clusters, dtype=torch.long))
        self.register_buffer("weight", torch.ones(clusters))

    @usual()
    @torch.no_grad()
    def relabel(self, data: Images) -> Images:
        """Clusters of the features as labels, and W drawn anew.

        Rows that are drawn several times are clustered once; rows that are not drawn
        have no label.
        """
        every = torch.arange(len(data.x), device=data.x.device)
        rows = every if data.index is None else data.index
        once = rows.unique()
        h = features(self.encoder, Images(data.x, data.labels, index=once))
        labels = torch.full_like(data.labels, -1)
        labels[once] = self.cluster(h)  # in the data's own order
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)
        if self.balance == "sample":
            rows = rows[uniform_sampling(labels[rows])]
        if self.balance == "weight":
            n = labels[rows].bincount(minlength=len(self.weight))
            self.weight.copy_(len(rows) / (n.count_nonzero() * n.clamp(min=1)))
        return replace(data, labels=labels, classes=(), index=rows)

    def cluster(self, h: Float[Tensor, "N D"]) -> Int64[Tensor, " N"]:
        """Whiten, normalise, cluster; sizes, and NMI with the clusters before."""
        z = whitened_rows(h, self.pca)
        seed, k = int(torch.randint(2**31, ())), len(self.sizes)
        found = kmeans(z, k, self.iterations, seed=seed, repaired=self.repair)
        y, before = first(found.assignment), self.kept.get("assignment")
        self.kept = {"assignment": y}
        if before is not None and len(before) == len(y):
            self.kept["nmi"] = nmi(before, y)
        self.sizes.copy_(y.bincount(minlength=k))
        return y

    def views(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.augmentation(x), labels

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.encoder(x)
        self.note(h=h)
        losses = F.cross_entropy(self.classifier(h), labels, reduction="none")
        return (self.weight[labels] * losses).mean()

    def embed(self, x: Tensor) -> Tensor:
        """h, which is clustered (B, dim)."""
        return self.encoder(x)

    def check_data(self, data: Images) -> None:
        N = len(data.x if data.index is None else data.index.unique())
        for name, top in (("clusters", N), ("pca", N - 1)):
            given, fix = self.settings[name], f"use {top} or fewer, or more images"
            require(given <= top, f"{name}={given} of {N} images; {fix}")

    def stats(self) -> dict[str, Tensor]:
        """Shape of h; shares of clusters, how many are empty; NMI with before."""
        shares = self.sizes / self.sizes.sum().clamp(min=1)
        found = {"smallest": shares.min(), "median": shares.median()}
        found |= {"largest": shares.max(), "empty": (self.sizes == 0).sum()}
        nmi = {"nmi": self.kept["nmi"]} if "nmi" in self.kept else {}
        return super().stats() | found | nmi

    def remark(self, log: Log) -> str:
        k, collapse = len(self.sizes), super().remark(log)
        largest, empty = (log.stats.get(name, 0) for name in ("largest", "empty"))
        if collapse or (largest <= (1 + 1 / k) / 2 and empty <= k / 2):
            return collapse  # of 2 clusters, one may hold three quarters
        return (
            f"one of {k} clusters holds {largest:.0%} of the images, {empty:.0f} are "
            "empty, so the labels separate few images; keep repair=True and "
            "balance='sample', or try fewer clusters"
        )


def uniform_sampling(
    assignment: Int64[Tensor, " N"], generator: torch.Generator | None = None
) -> Int64[Tensor, " N"]:
    """N rows in a random order, equally many of every cluster that is not empty.

    Counts differ by one at most. A cluster gives each row once before any row again.
    Raises: InputError for no rows.
    """
    N, device = len(assignment), assignment.device
    require(N > 0, "uniform_sampling draws rows of clusters, and got no row")
    _, y, counts = assignment.unique(return_inverse=True, return_counts=True)
    order, clusters, mixed = (
        torch.randperm(n, generator=generator, device="cpu").to(device)
        for n in (N, len(counts), N)
    )
    order = order[y[order].argsort(stable=True)]  # cluster by cluster
    turn = torch.arange(-(-N // len(counts)), device=device)[:, None] % counts
    rows = order[counts.cumsum(0) - counts + turn]  # at each turn, one row of each
    return rows[:, clusters].flatten()[:N][mixed]
