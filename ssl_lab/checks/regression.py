"""The first exercise of notebook 07: BYOL's regression of targets by predictions, and the ways in which it usually goes wrong."""

import torch.nn.functional as F

from ssl_lab.checks.check import Check
from ssl_lab.checks.pairs import embeddings, pair_mistakes
from ssl_lab.losses import byol_regression

REGRESSION = {
    **pair_mistakes("p", "z", byol_regression),
    "the cosine is there, but a 2 is missing: the loss is 2 − 2 cos, which is 0 for equal directions": (
        lambda p, z: -F.cosine_similarity(p, z).mean(),
        lambda p, z: -2 * F.cosine_similarity(p, z).mean(),
        lambda p, z: 2 - F.cosine_similarity(p, z).mean(),
    ),
    "the sign is wrong: the loss is 0 for equal directions and 4 for opposite ones": (
        lambda p, z: F.cosine_similarity(p, z).mean(),
        lambda p, z: 2 * F.cosine_similarity(p, z).mean(),
        lambda p, z: -byol_regression(p, z),
        lambda p, z: byol_regression(p, -z),
    ),
}

check_byol_regression = Check(
    "byol_regression", byol_regression, embeddings, REGRESSION, needs="the mean over the batch", prepare=lambda p, z: (p, z.detach())
)
