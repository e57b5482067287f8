"""Nearest neighbours in a representation, and the images worth a look: the most confused one, and a typical one of every class."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import whole
from ssl_lab.errors import require
from ssl_lab.surroundings import uncast


@torch.no_grad()
def nearest(x: Float[Tensor, "N D"], of: Int64[Tensor, " M"], k: int) -> Int64[Tensor, "M k"]:
    """The k rows of x nearest to each row `of`, nearest first, without that row. Distance is Euclidean; for unit rows, cosine gives the same order.

    Raises: InputError unless 1 <= k < N.
    """
    require(whole(k) and 1 <= k < len(x), f"k={k} neighbours were asked for; choose k from 1 to {len(x) - 1}, as there are {len(x)} images")
    found = []
    for rows in of.split(1000):
        distance = torch.cdist(x[rows], x)
        distance[torch.arange(len(rows), device=x.device), rows] = torch.inf
        found.append(distance.topk(k, largest=False).indices)
    return torch.cat(found)


@uncast
def most_confused(z: Float[Tensor, "N D"], labels: Int64[Tensor, " N"], near: Int64[Tensor, "N k"]) -> int:
    """The labelled row with the fewest neighbours of its own label; of several, the one with the greatest mean similarity (cosine) to its neighbours.

    z: rows of length 1.   labels: -1 = none.   near: the neighbours of every row.   Raises: InputError for no labels at all.
    """
    require(bool((labels >= 0).any()), "no row has a label, so no row can be confused with another class; give images with labels")
    shared = (labels[near] == labels[:, None]).float().mean(dim=1)
    sure = torch.einsum("nd,nkd->nk", z, z[near]).mean(dim=1)
    return min((labels >= 0).nonzero()[:, 0].tolist(), key=lambda i: (shared[i].item(), -sure[i].item()))


@uncast
def typical(z: Float[Tensor, "N D"], labels: Int64[Tensor, " N"]) -> dict[int, int]:
    """Label → of its rows, the one with the greatest similarity (cosine) to their mean.   z: rows of length 1.   labels: -1 = none."""
    found = {}
    for label in labels[labels >= 0].unique().tolist():
        rows = (labels == label).nonzero()[:, 0]
        found[label] = int(rows[(z[rows] @ z[rows].mean(dim=0)).argmax()])
    return found
