"""Frozen normalisation layers: a layer that is not trained keeps its statistics, too."""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def rest(module: nn.Module, besides: Iterable[nn.Module] = (), frozen: bool = False) -> None:
    """Put every frozen normalisation layer of the module that has statistics into evaluation mode.

    A layer is frozen if it has parameters and none takes a gradient. A layer without parameters counts as the module around it, or as `frozen`.
    besides: networks that do not change: slow copies take no gradient, but their statistics come from their own batches.
    """
    needs = [p.requires_grad for p in module.parameters()]
    frozen = not any(needs) if needs else frozen
    if frozen and isinstance(module, _NormBase):
        module.eval()
    for child in module.children():
        if not any(child is other for other in besides):
            rest(child, besides, frozen)
