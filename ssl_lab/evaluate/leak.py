"""The leak of batch norm: does a query find its key by who else was in the batch, rather than by what the picture shows?

Batch norm subtracts the batch's own mean, so every embedding carries a trace of its company. Where queries and keys are made in the same company,
the trace gives the positive away, and nothing about pictures is learned by it (He et al. 2020, section 3.3, "Shuffling BN").
"""

import copy

import torch

from ssl_lab.arguments import Range
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.losses import unit
from ssl_lab.methods.moco import MoCo
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import check_precision


@torch.no_grad()
def leak(method: MoCo, images: Images, batch: int = 128, seed: int = 0) -> tuple[float, float]:
    """(same, other): share of queries that rank their own key first, where it was made in the query's own company, and where in another one.

    Queries and keys are made in batches, in training mode, as a step makes them; the rivals are the keys that all other images got in other company,
    so that only the positive changes. Without a leak the two shares are equal. Of n batches every company meets again in n parts, so that with few of
    them the leak seems smaller than it is. The method and the caller's random numbers are left alone.
    Raises: InputError for what is no MoCo, a batch below 2, or fewer than two batches of images.
    """
    name = type(method).__name__
    require(isinstance(method, MoCo), f"leak asks the keys of MoCo and got {name}; give a MoCo, such as recorded('moco').method()")
    check_precision(method)
    check_images(images, "leak")
    Range(2, whole=True, hint="batch norm needs two images or more; take 128, as in training").check("batch", batch)
    require(len(images) >= 2 * batch, f"{len(images)} images are no two batches of {batch}; give {2 * batch} or more, or a smaller batch")
    method = copy.deepcopy(method).train()
    x = images[: len(images) // batch * batch].x.to(method.queue.device)
    with RandomStream(seed, x.device):
        x1, x2 = method.views(x)
        q = torch.cat([unit(method.embed(part)) for part in x1.split(batch)])
        same = torch.cat([method.keys(part) for part in x2.split(batch)])
        order = torch.randperm(len(x), device=x.device)
        other = torch.cat([method.keys(part) for part in x2[order].split(batch)])[order.argsort()]
    rivals = (q @ other.T).fill_diagonal_(-torch.inf).amax(1)
    return tuple(float(((q * k).sum(1) > rivals).float().mean()) for k in (same, other))
