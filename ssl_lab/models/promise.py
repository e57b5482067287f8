"""Before a training, two images show whether an encoder does what it promises."""

import copy

import torch
from jaxtyping import Num
from torch import Tensor, nn

from ssl_lab.arguments import check_network
from ssl_lab.errors import InputError, require
from ssl_lab.stream import RandomStream


def check_encoder(encoder: nn.Module, x: Num[Tensor, "2 C H W"]) -> None:
    """Raise InputError, which says why, if the encoder does not map (B, 3, H, W) to (B, encoder.dim).

    A twin in evaluation mode takes the images, so the encoder does not change; the caller's random numbers do not change, either.
    """
    check_network("encoder", encoder, nn.Module)
    name, (C, H, W) = f"the encoder, this {type(encoder).__name__},", x.shape[1:]
    with torch.no_grad(), RandomStream(0, x.device):
        try:
            h = twin(encoder)(x)
        except InputError:
            raise
        except Exception as error:  # whatever error a user's network raises
            fix = f"load images of the size that it takes (--size, load(size=...), Images.of(size=...)); their channels are always {C}"
            if takes(encoder, x[:, :1]):
                fix = f"it takes one channel, and images always have {C}, equal ones in grey images: build it with channels={C}"
            raise InputError(f"{name} cannot take images of {C} x {H} x {W} pixels ({said(error)}); {fix}") from error
    check_rows(h, name, len(x))
    fix = f"set encoder.dim = {h.shape[1]}, or wrap it, models.Encoder(network)"
    require(h.shape[1] == encoder.dim, f"{name} says dim={encoder.dim} and returns {h.shape[1]} features an image; {fix}")


def check_rows(h: object, name: str, count: int) -> None:
    """Raise InputError unless h has one row of features for each image."""
    given = tuple(h.shape) if isinstance(h, Tensor) else f"a {type(h).__name__}"
    fix = "models.Encoder(network) takes the mean over positions" if isinstance(h, Tensor) else "wrap the part of it that returns one tensor"
    fine = isinstance(h, Tensor) and h.ndim == 2 and len(h) == count and h.is_floating_point()
    require(fine, f"{name} returns {given} for {count} images, and floats ({count}, dim), one row an image, are needed; {fix}")


def takes(encoder: nn.Module, x: Tensor) -> bool:
    """Whether the encoder accepts such images."""
    try:
        return twin(encoder)(x) is not None
    except Exception:  # noqa: BLE001 (whatever error it raises)
        return False


def twin(encoder: nn.Module) -> nn.Module:
    """A copy in evaluation mode, with the same parameters and buffers of its own."""
    held = [tensor for part in encoder.modules() for tensor in (*vars(part).values(), *part.parameters(recurse=False)) if isinstance(tensor, Tensor)]
    return copy.deepcopy(encoder, {id(tensor): tensor for tensor in held}).eval()


def said(error: Exception) -> str:
    """The kind of an error, and the first line of its message."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
