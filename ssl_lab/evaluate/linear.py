"""The linear probe: how well one linear layer on frozen features tells the classes apart (logistic regression, as in BYOL's appendix D.2)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.evaluate.knn import check
from ssl_lab.surroundings import gradients


@dataclass(frozen=True)
class Probe:
    """A trained linear classifier, and its accuracy on the test rows.

    accuracy, top5: share of the test rows whose label has the largest logit, or one of the min(5, C) largest.   weight (C, D), bias (C,): for
    features that are not scaled, logits = h @ weight.T + bias.   loss: the minimum that was found.
    """

    accuracy: float
    top5: float
    weight: Tensor
    bias: Tensor
    loss: float

    def __call__(self, h: Float[Tensor, "N D"]) -> Float[Tensor, "N C"]:
        """Logits of features from the encoder that the training features came from."""
        return h.to(self.weight) @ self.weight.T + self.bias


def linear_probe(h: Float[Tensor, "N D"], y: Int64[Tensor, " N"], ht: Float[Tensor, "M D"], yt: Int64[Tensor, " M"], l2: float = 1.0) -> Probe:
    """Fit softmax(h W + b) to the labels by full-batch L-BFGS from zeros, and test it. It needs no learning rate and no seed.

    Minimises (sum over rows of the cross-entropy + l2/2 |W|²) / N on features scaled to mean 0 and deviation 1 over the training rows; b is free.
    The penalty is added to the sum, not to the mean, so l2 is scikit-learn's 1/C, and l2 = 1 suits 10 labels as well as 10,000.
    Raises: InputError for lengths or widths that differ, no rows, unlabelled (-1) rows, NaN or l2 < 0.
    """
    check(h, y, ht, yt)
    Range(0, hint="1 is the default").check("l2", l2)
    h, ht, y, yt = (at_double(rows) for rows in (h, ht, y, yt))
    mean, scale = h.mean(dim=0), deviation(h)
    weight, bias, loss = fit((h - mean) / scale, y, int(torch.cat([y, yt]).max()) + 1, l2)
    weight, bias = weight / scale, bias - weight @ (mean / scale)
    ranked = F.linear(ht, weight, bias).topk(min(5, len(bias)), dim=1).indices == yt[:, None]
    return Probe(ranked[:, 0].double().mean().item(), ranked.any(dim=1).double().mean().item(), weight, bias, loss)


def at_double(rows: Tensor) -> Tensor:
    """Floats in float64, so that L-BFGS finds the same minimum on every machine. Rows on MPS, which has no float64, move to the CPU."""
    rows = rows.cpu() if rows.device.type == "mps" else rows
    return rows.double() if rows.is_floating_point() else rows


def deviation(h: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """Standard deviation of every feature; 1 for a constant feature."""
    scale = h.std(dim=0, correction=0)
    return torch.where(scale > 1e-12 * h.abs().amax(dim=0), scale, 1.0)


def fit(x: Float[Tensor, "N D"], y: Int64[Tensor, " N"], classes: int, l2: float) -> tuple[Float[Tensor, "C D"], Float[Tensor, " C"], float]:
    """The minimum of the regularised cross-entropy: weights, bias and the loss there."""
    parameters = torch.zeros(classes, x.shape[1] + 1, dtype=x.dtype, device=x.device, requires_grad=True)
    until = {"max_iter": 500, "tolerance_grad": 1e-6, "tolerance_change": 1e-9}
    optimizer = torch.optim.LBFGS([parameters], history_size=20, line_search_fn="strong_wolfe", **until)

    def loss() -> Tensor:
        optimizer.zero_grad()
        weight, bias = parameters[:, :-1], parameters[:, -1]
        value = F.cross_entropy(F.linear(x, weight, bias), y) + l2 / (2 * len(x)) * weight.square().sum()
        value.backward()
        return value

    with gradients(x.device):
        optimizer.step(loss)
        final = loss().item()
    return parameters[:, :-1].detach(), parameters[:, -1].detach(), final
