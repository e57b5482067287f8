"""The linear probe: how well one linear layer on frozen features tells the classes apart (logistic regression, as in BYOL's appendix D.2)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.evaluate.knn import check
from ssl_lab.optim import LBFGS

TOLERANCE, ROUNDS = 1e-5, 20  # of the gradient in scaled weights (loss within 2e-7 of its minimum, RESULTS.md); of 80 steps each


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
    """Floats in float64, so that L-BFGS finds the same minimum on every machine; without their gradient. On MPS, which has no float64, they move to
    the CPU.
    """
    rows = rows.detach().cpu() if rows.device.type == "mps" else rows.detach()
    return rows.double() if rows.is_floating_point() else rows


def deviation(h: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """Standard deviation of every feature; 1 for a constant feature."""
    scale = h.std(dim=0, correction=0)
    return torch.where(scale > 1e-12 * h.abs().amax(dim=0), scale, 1.0)


def fit(x: Float[Tensor, "N D"], y: Int64[Tensor, " N"], classes: int, l2: float) -> tuple[Float[Tensor, "C D"], Float[Tensor, " C"], float]:
    """The minimum of the regularised cross-entropy: weights, bias and the loss there.

    L-BFGS begins again every 80 steps, each time with weights scaled by the curvature at the place it has reached.
    """
    x = F.pad(x, (0, 1), value=1.0)  # the last weight is the bias, which has no penalty
    penalty = F.pad(x.new_full((x.shape[1] - 1,), l2), (0, 1))
    theta, target = x.new_zeros(classes, x.shape[1]), F.one_hot(y, classes).T.to(x)
    until = {"max_iter": 80, "history_size": 80, "tolerance_grad": TOLERANCE, "tolerance_change": 0.0, "line_search_fn": "strong_wolfe"}
    for _ in range(ROUNDS):
        loss = ScaledLoss(x, target, penalty, theta)
        loss()
        if loss.u.grad.abs().max() <= TOLERANCE:
            break
        LBFGS([loss.u], **until).step(loss)
        theta = loss.theta()
    return theta[:, :-1], theta[:, -1], loss().item()


class ScaledLoss:
    """The loss as a function of u, (C, D + 1), whose second derivative is close to 1 near a given theta.

    u = theta R, where R Rᵀ is the second derivative in the weights of one class at that theta, as a mean over the classes.
    """

    def __init__(self, x: Float[Tensor, "N E"], target: Float[Tensor, "C N"], penalty: Float[Tensor, " E"], theta: Float[Tensor, "C E"]):
        self.target, self.penalty, p = target, penalty / len(x), (theta @ x.T).softmax(dim=0)
        curvature = (x * (p * (1 - p)).mean(dim=0)[:, None]).T @ x / len(x) + self.penalty.diag()
        least = 1e-12 * curvature.diagonal().max() + 1e-20  # without a penalty, a copy of a feature has no curvature, nor has a single class
        self.root = torch.linalg.cholesky(curvature + least * torch.ones_like(penalty).diag())
        self.columns = torch.linalg.solve_triangular(self.root, x.T, upper=False).contiguous()
        self.rows = self.columns.T.contiguous()  # the same numbers twice, since a CPU multiplies long rows two to three times as fast
        self.u = theta @ self.root

    def theta(self) -> Float[Tensor, "C E"]:
        """The weights, and in the last column the bias, of x as it is."""
        return torch.linalg.solve_triangular(self.root, self.u, upper=False, left=False)

    def __call__(self) -> Float[Tensor, ""]:
        """The loss at u. Its gradient is put into u.grad, where L-BFGS looks for it."""
        theta, log_p, N = self.theta(), (self.rows @ self.u.T).T.contiguous().log_softmax(dim=0), len(self.rows)
        pull = torch.linalg.solve_triangular(self.root, (theta * self.penalty).T, upper=False).T
        self.u.grad = (log_p.exp() - self.target) @ self.columns.T / N + pull
        return -(log_p * self.target).sum() / N + (self.penalty * theta.square()).sum() / 2
