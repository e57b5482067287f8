"""What a representation keeps: for every known factor of the images, how much of it a linear map reads from h."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.knn import check_ids
from ssl_lab.evaluate.linear import at_double, deviation

PENALTIES = torch.logspace(-4, 4, 17, dtype=torch.float64)  # of |W|², beside the squared error's mean over rows


@torch.no_grad()
def factor_table(h: Float[Tensor, "N D"], images: Images) -> dict[str, float]:
    """R² of a ridge regression from h to each factor, on images that it was not fitted to: with 1 the factor can be read exactly, with 0 not at all.

    "class" is the label, one column a class; the others are images.factors. An angle (images.periods) is given by its cosine and sine, so that both
    ends of its period are equal. Images where the angle is undefined (period 0) are left out; for "class", images without a label (-1) are.
    The fit uses half of the images, drawn with seed 0, h scaled to mean 0 and deviation 1, and the penalty with the least leave-one-out error. The
    score is of the other half: 1 - squared error / squared distance from the mean, both summed over columns; a negative score becomes 0.
    Raises: InputError unless h has one finite row for each image, and every factor is known of at least four images.
    """
    check_images(images, "factor_table")
    images = images[:]
    require(len(h) == len(images), f"every image needs one row of h: got {len(h)} rows and {len(images)} images")
    require(bool(h.isfinite().all()), "the features hold NaN or infinity; did the training diverge?")
    h, order = at_double(h), torch.randperm(len(h), generator=torch.Generator().manual_seed(0), device="cpu")
    table = {}
    for name, (target, known) in targets(images).items():
        rows = order[known.cpu()[order]].to(h.device)
        require(len(rows) >= 4, f"{name} is known of only {len(rows)} images; at least 4 are needed")
        table[name] = held_out_r2(h[rows], target.to(h)[rows])
    return table


def targets(images: Images) -> dict[str, tuple[Float[Tensor, "N k"], Bool[Tensor, " N"]]]:
    """For each factor: the columns that a regression must predict, and the images of which it is known."""
    labels, everywhere = images.labels, torch.ones(len(images), dtype=torch.bool, device="cpu")
    check_ids(labels)
    found = {"class": (F.one_hot(labels.clamp_min(0)).float(), labels >= 0)} if (labels >= 0).any() else {}
    for name, value in images.factors.items():
        if name in images.periods:
            period = torch.as_tensor(images.periods[name], dtype=value.dtype, device=value.device).expand_as(value)
            turn = 2 * math.pi * value / torch.where(period > 0, period, 1.0)
            found[name] = torch.stack([turn.cos(), turn.sin()], dim=1), period > 0
        else:
            found[name] = value.float()[:, None], everywhere
    return found


def held_out_r2(h: Float[Tensor, "N D"], target: Float[Tensor, "N k"]) -> float:
    """Fit on the first half of the rows, score on the second."""
    half = len(h) // 2
    mean, scale, middle = h[:half].mean(dim=0), deviation(h[:half]), target[:half].mean(dim=0)
    h, target = (h - mean) / scale, target - middle
    error = h[half:] @ ridge(h[:half], target[:half]) - target[half:]
    spread = (target[half:] - target[half:].mean(dim=0)).square().sum()
    return (1 - error.square().sum() / spread.clamp_min(1e-12)).clamp_min(0).item()


def ridge(x: Float[Tensor, "N D"], y: Float[Tensor, "N k"]) -> Float[Tensor, "D k"]:
    """The W that minimises |xW - y|² + N penalty |W|², at the penalty with the least leave-one-out error; x and y are centred.

    In the basis V of eigenvectors of xᵀx every penalty is a division by (eigenvalue + N penalty).
    A row's leave-one-out error is its error / (1 - its leverage), so nothing is fitted twice.
    """
    eigenvalues, V = torch.linalg.eigh(x.T @ x)
    divisors = eigenvalues.clamp_min(0)[:, None] + len(x) * PENALTIES.to(x.device)  # (D, penalties)
    turned = x @ V
    slack = 1 - 1 / len(x) - turned.square() @ (1 / divisors)  # 1 - leverage; 1 / N of the leverage comes from the mean
    weights = (turned.T @ y)[:, None] / divisors[:, :, None]  # (D, penalties, k)
    left_out = (torch.einsum("nd,dpk->npk", turned, weights) - y[:, None]) / slack[:, :, None]
    best = left_out.square().sum(dim=(0, 2)).argmin()
    return V @ weights[:, best]
