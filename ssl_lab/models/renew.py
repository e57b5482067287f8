"""Another network of the same kind: all parameters are drawn anew, in place."""

import torch
from torch import nn

from ssl_lab.errors import require


@torch.no_grad()
def renew_(network: nn.Module) -> nn.Module:
    """Draw every parameter anew, by `reset_parameters` of its module, and set running statistics back; returns the network.

    What contains others comes after them: a network may have a `reset_parameters` that draws otherwise than its layers do, as SmallAlexNet has.
    torchvision's ResNets have none and draw their convolutions as He et al. 2015 (normal, by fan-out); so they do here. Of its other networks,
    those whose layers all can be drawn get torch's defaults. The random numbers are torch's: renew inside a RandomStream, as `Method.renew` is.
    Raises: InputError, as `check_renewable`.
    """
    check_renewable(network)
    for part in reversed(list(network.modules())):
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
        elif any(kind.__module__ == "torchvision.models.resnet" and kind.__name__ == "ResNet" for kind in type(part).__mro__):
            as_he(part)
    return network


def check_renewable(network: nn.Module) -> None:
    """Raise InputError, which names the parameter, unless every parameter belongs to a module that has `reset_parameters`."""
    for place, part in network.named_modules():
        own = [name for name, _ in part.named_parameters(recurse=False)]
        kind = type(part).__name__
        needs = f"cannot be drawn anew: it belongs to a {kind}, which has no reset_parameters()"
        fix = "give it that method, which fills its parameters with new random numbers; or take small_resnet, small_alexnet or resnet18"
        require(not own or hasattr(part, "reset_parameters"), f"the parameter {'.'.join([place, *own[:1]]).lstrip('.')} {needs}; {fix}")


def as_he(resnet: nn.Module) -> None:
    """Convolutions as torchvision's ResNets draw them."""
    for part in resnet.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
