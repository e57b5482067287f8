"""What the caller has switched around a call, no_grad, autocast, default types and devices, changes no result."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from ssl_lab.errors import require

FIX = "leave it, whose tensors never take a gradient; torch.no_grad() around it does no harm"


@contextmanager
def gradients(device: torch.device) -> Iterator[None]:
    """Gradients are recorded and nothing is cast inside, also within no_grad, set_grad_enabled(False) or autocast.

    Raises: InputError within torch.inference_mode.
    """
    require(not torch.is_inference_mode_enabled(), f"this is within torch.inference_mode(), and gradients are needed; {FIX}")
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield


def uncast(function: Callable) -> Callable:
    """The function in the precision of what it is given, also within autocast."""

    @functools.wraps(function)
    def exactly(*given, **options):
        cuda, cpu = (torch.autocast(kind, enabled=False) for kind in ("cuda", "cpu"))
        with cuda, cpu:
            return function(*given, **options)

    return exactly


def in_float32(loss):
    """Compute a loss outside autocast, in float32 or more.

    With bf16 logits at tau = 0.07 the gradient has an error of 2 %.
    """

    @functools.wraps(loss)
    @uncast
    def lifted(*rows: Tensor | float, **options) -> Tensor:
        return loss(*map(lift, rows), **{name: lift(x) for name, x in options.items()})

    return lifted


def lift(x):
    """At least float32; float64 and numbers stay as they are."""
    tensor = isinstance(x, Tensor)
    return x.to(torch.promote_types(x.dtype, torch.float32)) if tensor else x


@contextmanager
def usual() -> Iterator[None]:
    """New tensors are float32 and on the CPU inside, whatever torch.set_default_dtype and set_default_device say."""
    with ExitStack() as undo:
        if (dtype := torch.get_default_dtype()) != torch.float32:
            undo.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":
            undo.enter_context(torch.device("cpu"))
        yield


def check_parameters(method: nn.Module) -> None:
    """Raise InputError for a method whose parameters cannot learn: none that takes a gradient, or another precision than float32."""
    name, parameters = type(method).__name__, list(method.parameters())
    require(any(p.requires_grad for p in parameters), f"no parameter of this {name} takes a gradient; unfreeze some, method.requires_grad_(True)")
    made = torch.is_inference_mode_enabled() or any(p.is_inference() for p in parameters)
    require(not made, f"this {name} was made, or is trained, within torch.inference_mode(), and gradients are needed; {FIX}")
    check_precision(method)


def check_precision(method: nn.Module) -> None:
    """Raise InputError for parameters of another precision than float32."""
    other, default = next((p.dtype for p in method.parameters() if p.dtype != torch.float32), torch.float32), torch.get_default_dtype()
    fix = "method.float() makes them; half precision is used by itself where the hardware has it"
    fix = f"torch.set_default_dtype({default}) made them, set torch.float32 before networks are built; or {fix}" if default == other else fix
    require(other == torch.float32, f"this {type(method).__name__} has parameters of {other}, and float32 is needed; {fix}")
