"""All that knows about ranks: the processes of `torchrun`, each with its share of every batch.

DistributedDataParallel averages the gradients of W ranks. A loss that is a mean over a rank's own rows needs nothing more. One that compares
rows with each other needs those of all ranks: taken over the gathered batch it is the same number on every rank, `gather` hands each row back the
sum of their W equal gradients, and the mean divides by W again. So both give the gradient of one process with the whole batch, without a factor.
"""

import inspect

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


def several() -> bool:
    """Whether this is one of several processes that have met."""
    return dist.is_available() and dist.is_initialized()


def world_size() -> int:
    """How many processes take part; 1 without `torchrun`."""
    return dist.get_world_size() if several() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if several() else 0


def parallel(method: nn.Module) -> nn.Module:
    """The method as the loop calls it: on several ranks all begin with rank 0's state, and gradients are averaged."""
    if not several():
        return method
    device = next(method.parameters()).device
    agree(method)  # the older of the two switches below leaves the buffers as they are
    kind = nn.parallel.DistributedDataParallel
    switch = "forward_sync_buffers" if "forward_sync_buffers" in inspect.signature(kind).parameters else "broadcast_buffers"
    return kind(method, [device] if device.type == "cuda" else None, **{switch: False})


@torch.no_grad()
def agree(method: nn.Module) -> None:
    """Give every rank the buffers of rank 0: each rank's batch norm has seen only its own images."""
    for buffer in method.buffers():
        first(buffer)


def first(x: Tensor) -> Tensor:
    """Write rank 0's x into the x of every rank and return it: devices may round differently, and all ranks need the same numbers."""
    if several():
        dist.broadcast(x, 0)
    return x


def mean(x: Tensor) -> Tensor:
    """Over the ranks, without a gradient; x itself on one process."""
    if several():
        x = x.clone()
        dist.all_reduce(x)
    return x / world_size() if several() else x


def barrier() -> None:
    """Wait for all ranks."""
    if several():
        dist.barrier()


def gather(z: Float[Tensor, "B ..."]) -> Float[Tensor, "M ..."]:
    """The rows, or grids, of all ranks in the order of the ranks, with their gradient; z itself on one process.

    Every rank brings as many rows. Without the gradient of the other ranks' losses the direction would be wrong, not only the length.
    """
    return Gather.apply(z) if several() else z


class Gather(torch.autograd.Function):
    """Forward, everyone gets everyone's rows; backward, everyone's gradients of one's own rows add up."""

    @staticmethod
    def forward(ctx, z: Float[Tensor, "B ..."]) -> Float[Tensor, "M ..."]:
        ctx.rows = len(z)
        parts = [torch.empty_like(z, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, slope: Float[Tensor, "M ..."]) -> Float[Tensor, "B ..."]:
        slope = slope.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(slope)
        return slope[dist.get_rank() * ctx.rows :][: ctx.rows]
