"""What a representation kept: for every known cause of the pixels, how much of it one linear map reads from h."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.knn import check_ids
from ssl_lab.evaluate.linear import at_double, deviation

PENALTIES = torch.logspace(-4, 4, 17, dtype=torch.float64)  # of |W|², against the mean over rows of the squared error


@torch.no_grad()
def factor_table(h: Float[Tensor, "N D"], images: Images) -> dict[str, float]:
    """R² of the best ridge regression from h to each factor, on images it was not fitted to: 1 = all of it can be read, 0 = nothing.

    "class" is the label as one column a class; then come images.factors. An angle (images.periods) is its cosine and sine, so that the ends of its
    period meet; images where it is undefined (period 0) are left out, and so are images without a label (-1) for "class".
    Half of the images, drawn once with seed 0, are fitted, with h scaled to mean 0 and deviation 1 and the penalty of least leave-one-out error;
    the other half is scored: 1 - squared error / squared distance from the mean, summed over columns, and 0 where that is negative.
    Raises: InputError unless there is one row of h for each image, finite, and at least four images for every factor.
    """
    check_images(images, "factor_table")
    images = images[:]
    require(len(h) == len(images), f"every image needs its row: got {len(h)} rows and {len(images)} images")
    require(bool(h.isfinite().all()), "the features hold NaN or infinity; did the training diverge?")
    h, order = at_double(h), torch.randperm(len(h), generator=torch.Generator().manual_seed(0), device="cpu")
    table = {}
    for name, (target, known) in targets(images).items():
        rows = order[known.cpu()[order]].to(h.device)
        require(len(rows) >= 4, f"{name} is known of {len(rows)} images only; at least 4 are needed")
        table[name] = held_out_r2(h[rows], target.to(h)[rows])
    return table


def targets(images: Images) -> dict[str, tuple[Float[Tensor, "N k"], Bool[Tensor, " N"]]]:
    """What each factor asks of a regression, as columns, and of which images it is known."""
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
    """The W of least |xW - y|² + N penalty |W|², at the penalty whose leave-one-out error is least; x and y are centred.

    In the eigenvectors V of xᵀx every penalty is a division by (eigenvalue + N penalty).
    A row's leave-one-out error is its error over 1 - its leverage, so that nothing is fitted twice.
    """
    eigenvalues, V = torch.linalg.eigh(x.T @ x)
    divisors = eigenvalues.clamp_min(0)[:, None] + len(x) * PENALTIES.to(x.device)  # (D, penalties)
    turned = x @ V
    slack = 1 - 1 / len(x) - turned.square() @ (1 / divisors)  # 1 - leverage, of which 1 / N is the mean's
    weights = (turned.T @ y)[:, None] / divisors[:, :, None]  # (D, penalties, k)
    left_out = (torch.einsum("nd,dpk->npk", turned, weights) - y[:, None]) / slack[:, :, None]
    best = left_out.square().sum(dim=(0, 2)).argmin()
    return V @ weights[:, best]
