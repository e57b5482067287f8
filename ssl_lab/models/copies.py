"""Slow copies: a frozen network that follows the trained one by a moving average (Tarvainen and Valpola 2017, arXiv 1703.01780)."""

import copy

import torch
from torch import nn

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
    require(0 <= m <= 1, f"m={m} must be from 0 to 1, the share of its own weights that the target keeps; the papers use 0.99 to 1")
    targets, onlines = list(target.parameters()), list(online.parameters())
    alike = [p.shape for p in targets] == [p.shape for p in onlines]
    require(alike, "the target and the online network have parameters of different shapes; make the target with frozen_copy(online)")
    if targets:
        torch._foreach_lerp_(targets, onlines, 1 - m)  # one kernel for all of them
