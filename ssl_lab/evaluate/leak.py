"""The leak of batch norm: does a query find its key by the other images of the batch, and not by what its own picture shows?

Batch norm subtracts the mean of the batch, so every embedding depends on the other images of its batch. If a query and its key come from the same
batch, a network can find the key by this alone, and learns nothing about pictures (He et al. 2020, section 3.3, "Shuffling BN").
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
    """(same, other): share of the queries whose own key is more similar than all negatives, if it was made in the query's batch, or in another one.

    Queries and keys are made in batches, in training mode, as in a step. Both shares have the same negatives: the keys of all other images, made in
    shuffled batches. Only the own key differs. Without a leak the shares are equal. One of n shuffled batches still holds about 1 / n of the query's
    batch, so with few batches the leak seems smaller than it is. The method and the caller's random numbers do not change.
    Raises: InputError for what is no MoCo, a batch below 2, or fewer than two batches of images.
    """
    name = type(method).__name__
    require(isinstance(method, MoCo), f"leak compares the keys of a MoCo, and got a {name}; give a MoCo, such as recorded('moco').method()")
    check_precision(method)
    check_images(images, "leak")
    Range(2, whole=True, hint="batch norm needs two images or more; take 128, as in training").check("batch", batch)
    require(len(images) >= 2 * batch, f"{len(images)} images are fewer than two batches of {batch}; give {2 * batch} or more, or a smaller batch")
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
