"""What slow copies promise, for every method that has some: they start equal, follow, rest, and see their own batches."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dummies.trainings import equal, numbers
from ssl_lab.method import Method
from ssl_lab.optim import parameter_groups


class Pixel(nn.Module):
    """An encoder that hands on what it is given: h is the first `dim` channels of the first pixel, times one weight."""

    def __init__(self, dim: int = 2):
        super().__init__()
        self.dim, self.weight = dim, nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * x[:, : self.dim, 0, 0]


def pixels(*rows: list[float]) -> Tensor:
    """Images of which Pixel says these rows."""
    return torch.tensor(rows)[:, :, None, None]


def copies_are_equal(method: Method, slow: Mapping[str, str]) -> None:
    for copied, original in slow.items():
        assert equal(numbers(getattr(method, copied)), numbers(getattr(method, original)))


def copies_follow(method: Method, slow: Mapping[str, str], before: dict[str, Tensor], m: float, exactly: bool = False) -> None:
    """Every parameter is m of itself before the step, and the rest of the new one that it follows; exactly: to the bit."""
    for copied, original in slow.items():
        for name, p in getattr(method, original).named_parameters():
            old, now = before[f"{copied}.{name}"], method.state_dict()[f"{copied}.{name}"]
            if exactly:
                assert torch.equal(now, torch.lerp(old, p.detach(), 1 - m))
            else:
                expected = m * old.double() + (1 - m) * p.detach().double()
                torch.testing.assert_close(now.double(), expected, atol=1e-7, rtol=1e-6)


def copies_rest(method: Method, slow: Mapping[str, str]) -> None:
    """After a backward pass they have no gradient, and no optimizer has them."""
    copied = [p for name in slow for p in getattr(method, name).parameters()]
    given = {id(p) for group in parameter_groups(method, 0.1) for p in group["params"]}
    assert copied and all(p.grad is None for p in copied) and not {id(p) for p in copied} & given


def batch_norm_is_its_own(method: Method, copied: str, views: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """All statistics of a copy come from its own passes, and what moves its parameters leaves them alone; returns them."""
    before = numbers(getattr(method, copied))
    method(*views)
    seen = {name: buffer.clone() for name, buffer in getattr(method, copied).named_buffers()}
    assert seen and not [name for name, buffer in seen.items() if torch.equal(buffer, before[name])]
    method.after_step(0.5)
    assert equal(seen, dict(getattr(method, copied).named_buffers()))
    return seen


class TurnedRound:
    """A mistake, before a method of momentum m: the copy is 1 − m of itself."""

    def after_step(self, progress):
        self.m = 1 - self.m
        super().after_step(progress)
        self.m = 1 - self.m
