"""The second exercise of notebook 03: alignment, and the ways in which it usually goes wrong."""

import torch.nn.functional as F

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.pairs import embeddings, pair_mistakes
from ssl_lab.geometry import alignment

ALIGNMENT = {
    **pair_mistakes("z1", "z2", alignment),
    "the cosine is returned, which is 1 for equal views: the squared distance is 0 for them": (
        lambda z1, z2: F.cosine_similarity(z1, z2).mean(),
        lambda z1, z2: -F.cosine_similarity(z1, z2).mean(),
        lambda z1, z2: 2 * F.cosine_similarity(z1, z2).mean(),
        lambda z1, z2: -2 * F.cosine_similarity(z1, z2).mean(),
        lambda z1, z2: 2 - F.cosine_similarity(z1, z2).mean(),
    ),
    "the distance is always 0: if the views are compared with themselves, subtract the rows of z2 from the rows of z1": (
        lambda z1, z2: alignment(z1, z1),
    ),
    "a sign is wrong, the views are added or the distance is negative: it is the square of a difference": (
        lambda z1, z2: alignment(z1, -z2),
        lambda z1, z2: -alignment(z1, z2),
    ),
}

check_alignment = Check("alignment", alignment, embeddings, ALIGNMENT, Kind.NUMBER, "the mean over the pairs")
