"""Stochastic depth: in training, the residual branches of a network are dropped at random (Huang et al. 2016, arXiv 1603.09382).

    y = shortcut(x) + kept / keep · branch(x)     kept: 1 with probability keep, else 0; drawn for each image
    keep = 1 - rate · i / L                       of block i = 0, ..., L - 1: the first is always kept

differs: Huang et al. count blocks from 1, draw once for a batch, and multiply by keep in evaluation. This is how Noisy Student trains.
"""

from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Range
from ssl_lab.errors import require
from ssl_lab.models.small import Block

RATE = Range(0, below=1, hint="block i of L is dropped with probability rate · i / L; Noisy Student uses 0.2")
LAST = {"BasicBlock": "bn2", "Bottleneck": "bn3"}  # torchvision's residual blocks, and the layer that ends the branch


class Drop(nn.Module):
    """In training, each image's branch is dropped with probability `rate`, else divided by 1 - rate, so that its expectation stays what it is."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, y: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        if not self.training or self.rate == 0:
            return y
        keep = 1 - self.rate
        kept = y.new_empty(len(y), *[1] * (y.ndim - 1)).bernoulli_(keep)
        return y * kept / keep

    def extra_repr(self) -> str:
        return f"rate={self.rate:g}"


def stochastic_depth(network: nn.Module, rate: float) -> nn.Module:
    """The network, whose residual branches are dropped in training from now on: block i of L with probability rate · i / L, i from 0.

    rate: from 0 to below 1; 0 drops nothing. A second call replaces the first one's rate. In evaluation mode nothing changes, and names of
    parameters and buffers never do. Random numbers are torch's, as those of dropout. Call it after `split_batch_norm`, which replaces layers.
    Raises: InputError for another rate, or, where rate > 0, a network without residual blocks of small_resnet's or torchvision's ResNets' kind.
    """
    RATE.check("rate", rate)
    ends = branch_ends(network)
    fix = "small_resnet has them, and the ResNets, ResNeXts and Wide ResNets of torchvision (resnet18, resnet50); or leave stochastic depth out, 0"
    require(len(ends) > 0 or rate == 0, f"rate={rate}: this {type(network).__name__} has no residual blocks that could be dropped; {fix}")
    for i, end in enumerate(ends):
        if hasattr(end, "drop"):
            end.drop.rate = rate * i / len(ends)
        elif rate * i > 0:
            end.drop = Drop(rate * i / len(ends)).train(end.training)
            end.register_forward_hook(dropped)
    return network


def dropped(end: nn.Module, _, y: Tensor) -> Tensor:
    """A hook: what the layer returns, dropped at random."""
    return end.drop(y)


def branch_ends(network: nn.Module) -> list[nn.Module]:
    """The last layer of every residual branch, in the order of the blocks."""
    named = ((block, end_of(block)) for block in network.modules())
    return [getattr(block, end) for block, end in named if end]


def end_of(block: nn.Module) -> str:
    """The name of the layer that ends a residual block's branch; empty for another module. torchvision need not be imported for this."""
    if isinstance(block, Block):
        return "norm2"
    kinds = [kind.__name__ for kind in type(block).__mro__ if kind.__module__ == "torchvision.models.resnet"]
    return next((LAST[kind] for kind in kinds if kind in LAST), "")
