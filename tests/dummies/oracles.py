"""What tests of losses share: a loss beside its oracle, in value, gradient and precision, and the file of the losses with one change."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ssl_lab import losses

SOURCE = Path(losses.__file__).read_text()


def value_and_gradients(loss: Callable, *given: Tensor, **options) -> tuple[float, list[Tensor]]:
    """The loss, and its gradient in float64 by everything that is given: 0 where there is none."""
    given = [x.clone().requires_grad_() for x in given]
    value = loss(*given, **options)
    value.backward()
    return value.item(), [torch.zeros_like(x).double() if x.grad is None else x.grad.double() for x in given]


def as_the_oracle(loss: Callable, oracle: Callable, *given: Tensor, **options) -> bool:
    """Whether value and gradients are the oracle's, within a hundred-thousandth."""
    value, gradients = value_and_gradients(loss, *given, **options)
    right, right_gradients = value_and_gradients(oracle, *given, **options)
    return abs(value - right) <= 1e-5 and all(torch.allclose(a, b, atol=1e-5) for a, b in zip(gradients, right_gradients))


def computed_in(dtype: torch.dtype, loss: Callable, oracle: Callable, *given: Tensor, within: float = 1e-6, **options) -> None:
    """Rows of this precision give the oracle's value of these rows: in float32, and in float64 where they are in float64."""
    given = [x.to(dtype) for x in given]
    found = loss(*given, **options)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert found.item() == pytest.approx(oracle(*given, **options).item(), abs=within)


def same_under_autocast(loss: Callable, *given, **options) -> None:
    outside = loss(*given, **options)
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(*given, **options)
    assert torch.equal(inside, outside)


def needs_no_device(loss: Callable, *shapes: tuple[int, ...], **options) -> None:
    """Value and gradients of tensors that have shapes alone: it fails for whatever waits for the device, or is left on the CPU."""
    given = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    loss(*given, **options).backward()
    assert all(x.grad.shape == x.shape for x in given)


def edited(old: str = "", new: str = "") -> SimpleNamespace:
    """The file of the losses with one change."""
    assert SOURCE.count(old) == 1 or not old, f"stands {SOURCE.count(old)} times in the source: {old}"
    names = {"__name__": "edited"}
    exec(compile(SOURCE.replace(old, new) if old else SOURCE, "edited", "exec"), names)
    return SimpleNamespace(**names)
