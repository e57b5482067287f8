"""What there is to say of clusters: how large each is, and how pure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from ssl_lab.errors import one_of
from ssl_lab.plots.look import class_name, percent

ORDERS = ("largest", "smallest", "purest", "least pure")


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of N images.   labels: -1 = none.   sizes: (k,), of all images that were clustered, of which these N may be a part."""

    assignment: Int[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"]
    classes: tuple[str, ...]
    sizes: Int[np.ndarray, " k"]

    def __len__(self) -> int:
        """How many clusters there are, empty ones among them."""
        return len(self.sizes)

    @cached_property
    def table(self) -> Int[np.ndarray, "k C"]:
        """Images of every cluster and class, without those that have no label."""
        known, C = self.labels >= 0, max(int(self.labels.max(initial=0)) + 1, 1)
        return np.bincount(self.assignment[known] * C + self.labels[known], minlength=len(self) * C).reshape(-1, C)

    @cached_property
    def purity(self) -> Float[np.ndarray, " k"]:
        """The share of each cluster's most frequent class; NaN where no label is known."""
        known = self.table.sum(1)
        return np.where(known > 0, self.table.max(1) / np.maximum(known, 1), np.nan)

    @property
    def empty(self) -> int:
        """Clusters without an image."""
        return int((self.sizes == 0).sum())

    def pure(self, cluster: int) -> str:
        """Its most frequent class, in words."""
        if not np.isfinite(self.purity[cluster]):
            return "no labels"
        return f"{percent(float(self.purity[cluster]))} {class_name(int(self.table[cluster].argmax()), self.classes)}"

    def said(self, cluster: int) -> str:
        """A cluster in words."""
        size = int(self.sizes[cluster])
        if not size:
            return f"cluster {cluster}: empty"
        return f"cluster {cluster}: {counted(size)}, {self.pure(cluster)}"

    def ordered(self, by: str, count: int) -> list[int]:
        """So many clusters, the first of this order; those whose purity nobody knows are the last of it."""
        one_of(by, ORDERS, "order")
        values = self.purity if "pure" in by else self.sizes.astype(float)
        return np.argsort(-values if by in ("largest", "purest") else values, kind="stable")[:count].tolist()


def counted(images: int) -> str:
    """1 image, 2,000 images."""
    return f"{images:,} image{'s' * (images != 1)}"
