"""Slow copies: a frozen network that follows the trained one by a moving average (Tarvainen and Valpola 2017, arXiv 1703.01780)."""

import copy
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.errors import require


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy in the same state, buffers included, whose parameters take no gradient, so that no optimizer changes it."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def ema_(target: nn.Module, online: nn.Module, m: float) -> None:
    """theta_target <- m theta_target + (1 - m) theta_online, in place; m = 1 keeps the target, m = 0 copies the online network.

    Parameters only: the statistics of batch norm come from the target's own passes in training mode.
    Raises: InputError for m outside [0, 1] or networks that are not built alike.
    """
    check_share(m)
    targets, onlines = list(target.parameters()), list(online.parameters())
    check_alike(targets, onlines, "parameters")
    if targets:
        torch._foreach_lerp_(targets, onlines, 1 - m)  # one kernel for all of them


@torch.no_grad()
def average_(target: nn.Module, online: nn.Module, m: float | Float[Tensor, ""]) -> None:
    """The same with the running statistics of batch norm, for a target that is only evaluated: it never passes a batch in training mode.

    All that is not whole numbers is averaged, parameters and buffers; whole numbers, such as batch norm's count of batches, are copied.
    m: a number; or a tensor without dimensions on the networks' device, which is not waited for, so its range is not checked.
    Raises: InputError for m outside [0, 1] or networks that are not built alike.
    """
    if not isinstance(m, Tensor):
        check_share(m)
    targets, onlines = ([*network.parameters(), *network.buffers()] for network in (target, online))
    check_alike(targets, onlines, "parameters or buffers")
    pairs = list(zip(targets, onlines))
    for a, b in pairs:
        if not a.is_floating_point():
            a.copy_(b)
    averaged = [(a, b) for a, b in pairs if a.is_floating_point()]
    if averaged:
        targets, onlines = map(list, zip(*averaged))
        weight = {kind: (1 - m).to(kind) for kind in {a.dtype for a in targets}} if isinstance(m, Tensor) else None
        torch._foreach_lerp_(targets, onlines, [weight[a.dtype] for a in targets] if weight else 1 - m)


def check_share(m: float) -> None:
    """Refuse what is no share of the target's own weights."""
    require(0 <= m <= 1, f"m={m} must be from 0 to 1, the share of its own weights that the target keeps; the papers use 0.99 to 1")


def check_alike(targets: Iterable[Tensor], onlines: Iterable[Tensor], what: str) -> None:
    """Refuse networks that are not built alike."""
    alike = [p.shape for p in targets] == [p.shape for p in onlines]
    require(alike, f"the target and the online network have {what} of different shapes; make the target with frozen_copy(online)")
