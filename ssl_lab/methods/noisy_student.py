"""Stand-in for the functions of Noisy Student (Xie et al. 2020) that the explorer needs; the method's own file replaces it."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.stream import generator


def filter(probs: Float[Tensor, "N C"], threshold: float = 0.3) -> Int64[Tensor, " M"]:
    """Rows whose highest probability is at least the threshold, rising."""
    return (probs.amax(1) >= threshold).nonzero().flatten()


def balance(
    confidence: Float[Tensor, " M"], labels: Int64[Tensor, " M"], per_class: int, seed: int = 0
) -> Int64[Tensor, " K"]:
    """The most confident per_class rows of a class; of a shorter class each row as often as another, or once more."""
    draw, chosen = generator(seed), []
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero().flatten()
        if len(rows) >= per_class:
            chosen.append(rows[confidence[rows].argsort(descending=True, stable=True)[:per_class]])
        else:
            times, rest = divmod(per_class, len(rows))
            chosen += [rows.repeat(times), rows[torch.randperm(len(rows), generator=draw)[:rest]]]
    return torch.cat(chosen) if chosen else torch.empty(0, dtype=torch.long)


def filter_and_balance(
    probs: Float[Tensor, "N C"], threshold: float = 0.3, per_class: int | None = None, seed: int = 0
) -> Int64[Tensor, " K"]:
    """Images, as often as the student is given them; per_class=None: as many of each class as there are on average."""
    kept = filter(probs, threshold)
    confidence, labels = probs[kept].max(1)
    if per_class is None:
        per_class = max(1, len(kept) // max(1, len(labels.unique())))
    return kept[balance(confidence, labels, per_class, seed)]
