"""What is frozen rests: a normalisation layer that nobody trains keeps its statistics, too."""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def rest(module: nn.Module, besides: Iterable[nn.Module] = (), frozen: bool = False) -> None:
    """Put every normalisation layer in it that has statistics, and that nobody trains, into evaluation mode.

    Nobody trains it: it has parameters, and none takes a gradient; one without parameters is as the module that holds it, or else as `frozen`.
    besides: networks that are left as they are, with all in them: slow copies take no gradient, and their statistics come from their own batches.
    """
    needs = [p.requires_grad for p in module.parameters()]
    frozen = not any(needs) if needs else frozen
    if frozen and isinstance(module, _NormBase):
        module.eval()
    for child in module.children():
        if not any(child is other for other in besides):
            rest(child, besides, frozen)
