"""What tests of methods share: a network's numbers, one step, a training in two parts, and one that is refused before it begins."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.method import Method
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import train


def numbers(module: nn.Module) -> dict[str, Tensor]:
    """A copy of its state."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    """Whether two states have the same tensors by the same names."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def slopes(method: Method, loss: Tensor) -> dict[str, Tensor]:
    """The gradient of every parameter that has one."""
    method.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


def a_step(method: Method, views: Iterable[Tensor], progress: float = 0.5) -> None:
    """One step of plain gradient descent, and what the method does after it."""
    found = slopes(method, method(*views))
    with torch.no_grad():
        for name, p in method.named_parameters():
            if name in found:
                p.sub_(0.5 * found[name])
    method.after_step(progress)


def until(stop: int, method: Method, images: Images, recipe: Recipe, folder) -> list[Log]:
    """A training that ends too early, after so many epochs: their Logs."""
    events = train(method, images, recipe, out=folder, threads=1)
    logs = [next(events) for _ in range(stop)]
    events.close()
    return logs


def in_parts(first: Method, last: Method, images: Images, recipe: Recipe, folder, stop: int = 1) -> list[Log]:
    """Train the first one up to an epoch, and the last one, of other weights, from there on: the Logs of both."""
    return until(stop, first, images, recipe, folder) + list(train(last, images, recipe, out=folder, resume=True))


def is_refused(method: Method, images: Images, recipe: Recipe, words: str, folder) -> None:
    """A training of these images is refused in these words, at once: nothing has moved and no run has begun."""
    before = numbers(method)
    with pytest.raises(InputError, match=words):
        train(method, images, recipe, out=folder / "run", threads=1)
    assert equal(before, numbers(method)) and not (folder / "run").exists()
