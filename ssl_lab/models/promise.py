"""What an encoder promises is looked at on two images, before a training relies on it."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import check_network
from ssl_lab.errors import InputError, require
from ssl_lab.stream import RandomStream


def check_encoder(encoder: nn.Module, x: Float[Tensor, "2 3 H W"]) -> None:
    """Raise InputError, saying which, for a promise that an encoder breaks: it maps (B, 3, H, W) to (B, encoder.dim).

    A twin in evaluation mode is asked, so that nothing of it moves, and no random number of the caller's is spent.
    """
    check_network("encoder", encoder, nn.Module)
    name, (C, H, W) = f"the encoder, this {type(encoder).__name__},", x.shape[1:]
    with torch.no_grad(), RandomStream(0, x.device):
        try:
            h = twin(encoder)(x)
        except InputError:
            raise
        except Exception as error:  # whatever a network of somebody else's says
            fix = f"load images of the size that it takes (--size, load(size=...), Images.of(size=...)); their channels are always {C}"
            if takes(encoder, x[:, :1]):
                fix = f"it takes one channel, and images always have {C}: build it with channels={C}, and load grey ones, whose three are equal"
            raise InputError(f"{name} cannot take images of {C} x {H} x {W} pixels ({said(error)}); {fix}") from error
    check_rows(h, name, len(x))
    fix = f"set encoder.dim = {h.shape[1]}, or wrap it, models.Encoder(network)"
    require(h.shape[1] == encoder.dim, f"{name} says dim={encoder.dim} and returns {h.shape[1]} features an image; {fix}")


def check_rows(h: object, name: str, count: int) -> None:
    """Raise InputError unless this is one row of features an image."""
    given = tuple(h.shape) if isinstance(h, Tensor) else f"a {type(h).__name__}"
    fix = "models.Encoder(network) takes the mean over positions" if isinstance(h, Tensor) else "wrap the part of it that returns one tensor"
    fine = isinstance(h, Tensor) and h.ndim == 2 and len(h) == count and h.is_floating_point()
    require(fine, f"{name} returns {given} for {count} images, and floats ({count}, dim), one row an image, are needed; {fix}")


def takes(encoder: nn.Module, x: Tensor) -> bool:
    """Whether such images go through."""
    try:
        return twin(encoder)(x) is not None
    except Exception:  # noqa: BLE001 (whatever it says)
        return False


def twin(encoder: nn.Module) -> nn.Module:
    """A copy in evaluation mode, with the same parameters and buffers of its own."""
    held = [tensor for part in encoder.modules() for tensor in (*vars(part).values(), *part.parameters(recurse=False)) if isinstance(tensor, Tensor)]
    return copy.deepcopy(encoder, {id(tensor): tensor for tensor in held}).eval()


def said(error: Exception) -> str:
    """Which error it is, and the first line of what it says."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
