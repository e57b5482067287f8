"""t-SNE: a map that keeps neighbours (van der Maaten and Hinton 2008), and that follows the map before it."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.evaluate.project import check, pca

PERPLEXITY = 30  # neighbours that count, about
FIRST, NEXT = (12.0, 500), (1.0, 250)  # how strongly near points attract each other at first, and rounds: of a new map, and of one that follows


@torch.no_grad()
def tsne(z: Float[Tensor, "N d"], before: Float[Tensor, "N 2"] | None = None) -> Float[Tensor, "N 2"]:
    """Places of the rows in the plane. Near rows have near places; a large distance on the map has no meaning.

    before: a map of the same images, such as that of the epoch before: the new one begins there, and is turned and mirrored until it lies as near to
    it as it can (orthogonal Procrustes).   A second for 400 rows, on one thread.
    Raises: InputError for fewer than 3 rows, or NaN.
    """
    from sklearn.manifold import TSNE

    check(z)
    (strength, rounds), begin = (FIRST, pca(z)[0]) if before is None else (NEXT, before)
    begin = begin * (1e-4 / begin[:, 0].std().clamp(min=1e-12)) if before is None else begin
    options = {"early_exaggeration": strength, "max_iter": rounds, "perplexity": min(PERPLEXITY, (len(z) - 1) / 3), "n_jobs": 1, "random_state": 0}
    xy = torch.from_numpy(TSNE(init=begin.float().numpy().copy(), **options).fit_transform(z.detach().float().cpu().numpy().astype(np.float32)))
    xy = xy - xy.mean(0)
    if before is None:
        return xy
    left, _, right = torch.linalg.svd(xy.T @ (before - before.mean(0)).float())
    return xy @ left @ right
