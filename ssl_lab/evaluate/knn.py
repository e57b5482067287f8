"""Weighted nearest neighbours: they measure a representation without any training (Wu et al. 2018, arXiv 1805.01978, section 3.4)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.errors import require
from ssl_lab.surroundings import uncast

MOST = 100_000  # classes; each takes a column of the votes, or of the weights
CHUNK = 1000  # test images at a time: 40 MB of similarities to 10,000 training images


@torch.no_grad()
@uncast
def knn_accuracy(
    h: Float[Tensor, "N D"], y: Int64[Tensor, " N"], ht: Float[Tensor, "M D"], yt: Int64[Tensor, " M"], k: int = 200, tau: float = 0.07
) -> float:
    """Share, in [0, 1], of the test rows ht whose label yt wins the vote of their k nearest training rows.

    The nearest rows have the largest cosine similarity s. A neighbour's vote has the weight exp(s / tau). With fewer than k training rows all vote.
    Raises: InputError for lengths or widths that differ, no rows, unlabelled (-1) rows, NaN, k < 1 or tau <= 0.
    """
    check(h, y, ht, yt)
    Range(1, whole=True, hint="neighbours that vote; the papers use 200").check("k", k)
    Range(above=0, hint="the papers use 0.07").check("tau", tau)
    h, ht, classes = F.normalize(h, dim=1), F.normalize(ht, dim=1), int(torch.cat([y, yt]).max()) + 1
    hits = [vote(chunk @ h.T, y, min(k, len(h)), tau, classes) == truth for chunk, truth in zip(ht.split(CHUNK), yt.split(CHUNK))]
    return torch.cat(hits).sum().item() / len(yt)


def vote(s: Float[Tensor, "M N"], y: Int64[Tensor, " N"], k: int, tau: float, classes: int) -> Int64[Tensor, " M"]:
    """The class with the largest sum of exp(s / tau) over the k largest similarities of each row."""
    s, nearest = s.topk(k, dim=1)
    weights = torch.exp((s - s[:, :1]) / tau)  # relative to the nearest one, so that no tau overflows
    return torch.zeros(len(s), classes, dtype=s.dtype, device=s.device).scatter_add_(1, y[nearest], weights).argmax(dim=1)


def check(h: Tensor, y: Tensor, ht: Tensor, yt: Tensor) -> None:
    """Refuse rows without a label, widths that differ, and features that are not finite."""
    for rows, labels, name in ((h, y, "training"), (ht, yt, "test")):
        require(len(rows) == len(labels) and len(labels) > 0, f"every {name} row needs its label: got {len(rows)} rows and {len(labels)} labels")
        require(int(labels.min()) >= 0, f"{int((labels < 0).sum())} of {len(labels)} {name} rows have no label (-1); keep images.labelled()")
        check_ids(labels)
        require(bool(rows.isfinite().all()), f"the {name} features hold NaN or infinity; did the training diverge?")
    require(h.shape[1] == ht.shape[1], f"training rows have {h.shape[1]} features and test rows {ht.shape[1]}; both must come from one encoder")


def check_ids(labels: Tensor) -> None:
    """Refuse labels that are too large to be numbers of classes, such as identifiers."""
    top = int(labels.max()) if len(labels) else -1
    fix = "count the classes from 0, as labels.unique(return_inverse=True)[1] does"
    require(top < MOST, f"a label is {top}, which would make {top + 1} classes, and at most {MOST} are allowed; {fix}")
