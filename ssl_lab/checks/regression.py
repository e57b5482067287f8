"""The first exercise of notebook 07: BYOL's regression of targets by predictions, and the ways in which it usually goes wrong."""

import torch.nn.functional as F

from ssl_lab.checks.check import Check
from ssl_lab.checks.simclr import distances, embeddings, steps
from ssl_lab.losses import byol_regression, unit

REGRESSION = {
    "the rows are not normalised, those of p and those of z: divide each by its length, so that only directions are compared": (
        lambda p, z: (p - z).square().sum(dim=1).mean(),
        lambda p, z: (unit(p) - z).square().sum(dim=1).mean(),
        lambda p, z: (p - unit(z)).square().sum(dim=1).mean(),
        lambda p, z: (2 - 2 * (p * z).sum(dim=1)).mean(),
        lambda p, z: (2 - 2 * (unit(p) * z).sum(dim=1)).mean(),
        lambda p, z: (2 - 2 * (p * unit(z)).sum(dim=1)).mean(),
        lambda p, z: (p - z).square().mean(),
    ),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (
        lambda p, z: steps(p, z, dim=0).square().sum(dim=1).mean(),
        lambda p, z: (p / p.norm() - z / z.norm()).square().sum(dim=1).mean(),
    ),
    "it averages over the features (as mse_loss does): the squares of one image are summed, and only the images averaged": (
        lambda p, z: steps(p, z).square().mean(),
    ),
    "it sums over the batch: take the mean over the images": (
        lambda p, z: steps(p, z).square().sum(),
        lambda p, z: steps(p, z).square().sum(dim=0).mean(),
    ),
    "the distance is not squared: |p − z|² has no root": (lambda p, z: steps(p, z).norm(dim=1).mean(), lambda p, z: byol_regression(p, z).sqrt()),
    "the cosine is there, but not both of the 2's: the loss is 2 − 2 cos, 0 for equal directions": (
        lambda p, z: -F.cosine_similarity(p, z).mean(),
        lambda p, z: -2 * F.cosine_similarity(p, z).mean(),
        lambda p, z: 2 - F.cosine_similarity(p, z).mean(),
    ),
    "the sign is wrong: the closer the directions, the smaller the loss, from 4 for opposite ones down to 0 for equal ones": (
        lambda p, z: F.cosine_similarity(p, z).mean(),
        lambda p, z: 2 * F.cosine_similarity(p, z).mean(),
        lambda p, z: -byol_regression(p, z),
        lambda p, z: byol_regression(p, -z),
    ),
    "a factor of 2 is wrong: |p − z|² = 2 − 2 cos for rows of length 1": (
        lambda p, z: byol_regression(p, z) / 2,
        lambda p, z: byol_regression(p, z) * 2,
    ),
    "each prediction is compared with all targets: row i of p belongs to row i of z": (lambda p, z: distances(unit(p), unit(z)).mean(),),
}

check_byol_regression = Check(
    "byol_regression", byol_regression, embeddings, REGRESSION, needs="the mean over the batch", prepare=lambda p, z: (p, z.detach())
)
