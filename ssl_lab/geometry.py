"""The shape of an embedding in three numbers, what a Log reports beside the loss; and how far two labellings agree.

Alignment and uniformity: Wang & Isola 2020, arXiv 2005.10242. Effective rank: Roy & Vetterli 2007, as RankMe uses it (Garrido et al. 2023,
arXiv 2210.02885). Each function returns a scalar tensor on the device of z, without a gradient, in the precision of z.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.errors import require
from ssl_lab.surroundings import uncast

PANEL = 512  # rows at a time, so that 10,000 embeddings need 20 MB rather than 400


@torch.no_grad()
def alignment(z1: Float[Tensor, "B d"], z2: Float[Tensor, "B d"]) -> Float[Tensor, ""]:
    """Mean squared distance of the two views on the unit sphere: 0 if they are equal, 2 if they are orthogonal, 4 if they are opposite."""
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().sum(dim=1).mean()


@torch.no_grad()
@uncast
def uniformity(z: Float[Tensor, "B d"], t: float = 2.0) -> Float[Tensor, ""]:
    """log of the mean of exp(-t |z_i - z_j|²) over distinct pairs of unit rows: 0 if all are equal, about -2t if they are spread, never below -4t.

    Raises: InputError for fewer than two rows.
    """
    require(len(z) > 1, f"uniformity compares pairs of rows; got {len(z)} row(s)")
    z = F.normalize(z, dim=1)
    total = sum(kernel(z[i : i + PANEL], z[i:], t).triu(diagonal=1).sum() for i in range(0, len(z), PANEL))
    return torch.log(total / (len(z) * (len(z) - 1) / 2))


def kernel(a: Float[Tensor, "A d"], b: Float[Tensor, "B d"], t: float) -> Float[Tensor, "A B"]:
    """exp(-t |a - b|²) for unit rows, whose squared distance is 2 - 2ab."""
    return torch.exp(2 * t * (a @ b.T - 1))


@torch.no_grad()
def effective_rank(z: Float[Tensor, "B d"]) -> Float[Tensor, ""]:
    """How many directions the rows fill: exp of the entropy of the normalised singular values, from 1 to min(B, d).

    Rows are not centred, as in RankMe: if they have collapsed to one point, the rank is 1. Centred rows would measure the noise around that point.
    A NaN spreads to the result.
    """
    s = torch.linalg.svdvals(z.nan_to_num()) + 0 * z.sum()  # svdvals raises an error at a NaN
    p = s / s.sum().clamp_min(torch.finfo(s.dtype).tiny)
    return torch.special.entr(p).sum().exp()


@torch.no_grad()
def nmi(a: Int64[Tensor, " N"], b: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """Normalised mutual information of two labellings of the same N images: I(a; b) / mean of H(a) and H(b), in [0, 1].

    1 where they are equal but for the names of the groups; 0 where neither says anything of the other. The arithmetic mean is scikit-learn's
    normaliser; with one group in both it is 1.   a, b: whole numbers from 0, image by image.   Float32.
    Raises: InputError for different lengths, no images, or negative labels.
    """
    require(len(a) == len(b) > 0, f"nmi compares two labels of every image: got {len(a)} and {len(b)}, in the same order, at least one")
    require(int(min(a.min(), b.min())) >= 0, "nmi: a label is negative, which stands for none; keep the images that have one")
    _, a = a.unique(return_inverse=True)
    _, b = b.to(a.device).unique(return_inverse=True)  # clusters are found on a GPU, labels lie on the CPU
    pairs = a * (int(b.max()) + 1) + b
    joint, left, right = (entropy(labels) for labels in (pairs, a, b))
    both = left + right
    return torch.where(both > 0, 2 * (both - joint) / both.clamp(min=1e-30), 1.0).clamp(0, 1).float()


def entropy(labels: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """-Σ p log p over the groups, p being their shares, in float64 (on MPS, which has none, float32)."""
    kind = torch.float32 if labels.device.type == "mps" else torch.float64
    return torch.special.entr(labels.unique(return_counts=True)[1].to(kind) / len(labels)).sum()
