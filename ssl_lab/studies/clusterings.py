"""How DeepCluster's clusters change from epoch to epoch, and how they come to agree with labels that the method has never seen."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.evaluate.tsne import tsne
from ssl_lab.geometry import nmi
from ssl_lab.kmeans import whitened_rows
from ssl_lab.recipe import Log
from ssl_lab.studies.watch import Watch

KNOWN, SHOWN = 2_000, 400  # scenes whose clusters are kept; those of them that have a place on the map


class Clusterings(Watch):
    """seen: "epoch", and of the clusters that were its labels "nmi", with those of the epoch before (None at first); "truth", NMI with the shapes;
    "sizes", images of each. A cluster has the number of the one before that it shares most images with, so that numbers may be compared.
    tensors: of the first images "assignment" (epochs, 2,000); of fewer "xy" (epochs, 400, 2), a map of the features that were clustered, each begun
    at the one before; "next", the nearest cluster but their own, and "distances" (epochs, 400, 2), to the mean of their own and of that one.
    """

    def __init__(self, *study):
        super().__init__(*study)
        self.xy, self.y, self.kept = None, None, []
        self.clustered, self.method.cluster = self.method.cluster, self.cluster

    def cluster(self, h: Float[Tensor, "N D"]) -> Int64[Tensor, " N"]:
        """The method's own, whose features and clusters are remembered."""
        self.h, self.found = h, self.clustered(h)
        return self.found

    def epoch(self, log: Log) -> None:
        k, before = len(self.method.sizes), self.y
        z = whitened_rows(self.h, self.method.pca)
        self.y = self.found if before is None else followed(before, self.found, k)
        agreed = None if before is None else nmi(before, self.y).item()
        sizes = self.y.bincount(minlength=k)
        self.seen.append({"epoch": log.epoch, "nmi": agreed, "truth": nmi(self.y, self.images.labels).item(), "sizes": sizes.tolist()})
        self.xy = tsne(z[:SHOWN], self.xy)
        self.kept.append({"assignment": self.y[:KNOWN].to(torch.uint8), "xy": self.xy.half(), **self.nearest(z, sizes)})

    def end(self) -> None:
        self.tensors = {name: torch.stack([kept[name] for kept in self.kept]) for name in self.kept[0]}

    def nearest(self, z: Float[Tensor, "N d"], sizes: Int64[Tensor, " k"]) -> dict[str, Tensor]:
        """Of the scenes on the map: the nearest other cluster, and how far the means are."""
        means = torch.zeros(len(sizes), z.shape[1]).index_add_(0, self.y, z) / sizes[:, None]  # NaN where a cluster is empty
        far, own = torch.cdist(z[:SHOWN], means).nan_to_num(torch.inf), self.y[:SHOWN, None]
        other = far.scatter(1, own, torch.inf).min(1)
        return {"next": other.indices.to(torch.uint8), "distances": torch.cat([far.gather(1, own), other.values[:, None]], dim=1).half()}


def followed(before: Int64[Tensor, " N"], now: Int64[Tensor, " N"], k: int) -> Int64[Tensor, " N"]:
    """The clusters of now, renumbered one to one so that as many images as possible keep the number that they had before."""
    from scipy.optimize import linear_sum_assignment

    shared = (now * k + before).bincount(minlength=k * k).reshape(k, k)
    _, numbers = linear_sum_assignment(shared.numpy(), maximize=True)
    return torch.from_numpy(np.asarray(numbers, dtype=np.int64))[now]
