"""Gradients where something is learned, whatever the caller has switched off around it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ssl_lab.errors import require

FIX = "leave inference_mode, whose tensors never take a gradient; torch.no_grad() around it does no harm"


@contextmanager
def gradients(device: torch.device) -> Iterator[None]:
    """Gradients are recorded and nothing is cast inside, also within no_grad, set_grad_enabled(False) or autocast.

    Raises: InputError within torch.inference_mode.
    """
    require(not torch.is_inference_mode_enabled(), f"this is within torch.inference_mode(), and gradients are needed; {FIX}")
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield


def check_parameters(method: nn.Module) -> None:
    """Raise InputError for a method whose parameters cannot learn: none that takes a gradient, or of another type than float32."""
    name, parameters = type(method).__name__, list(method.parameters())
    require(any(p.requires_grad for p in parameters), f"no parameter of this {name} takes a gradient; unfreeze some, method.requires_grad_(True)")
    made = torch.is_inference_mode_enabled() or any(p.is_inference() for p in parameters)
    require(not made, f"this {name} was made, or is trained, within torch.inference_mode(), and gradients are needed; {FIX}")
    other = next((p.dtype for p in parameters if p.dtype != torch.float32), torch.float32)
    default = torch.get_default_dtype()
    fix = "method.float() makes them; half precision is used by itself where the hardware has it"
    fix += f"; torch.set_default_dtype({default}) made them, so set torch.float32 before you build networks" if default == other else ""
    require(other == torch.float32, f"{name} has parameters of {other}, and a training needs float32; {fix}")
