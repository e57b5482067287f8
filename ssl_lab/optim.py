"""AdamW, LARS (You et al. 2017, arXiv 1708.03888, in SimCLR's form), the schedule, and which parameters decay."""

import inspect
import math

import torch
from torch import Tensor, nn

from ssl_lab.errors import require
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe


def plain(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same optimizer, which does not import torch.compile.

    torch decorates these methods to tell torch.compile that it should leave them alone. The first call of one of them imports torch.compile, which
    takes longer than `import torch` does.
    """
    methods = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    bare = {name: inspect.unwrap(getattr(kind, name)) for name in methods} | {"step": torch.no_grad()(inspect.unwrap(kind.step))}
    return type(kind.__name__, (kind,), bare | {"__doc__": f"torch.optim.{kind.__name__}, which does not import torch.compile."})


AdamW, LBFGS, SGD = plain(torch.optim.AdamW), plain(torch.optim.LBFGS), plain(torch.optim.SGD)


def adamw(groups, lr: float) -> AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), every group of parameters in one kernel: 3.1 → 1.5 CPU ms a step (AVX2, torch 2.15)."""
    optimizer = AdamW(groups, lr, fused=True)
    optimizer.register_load_state_dict_post_hook(lay_out)
    return optimizer


@torch.no_grad()
def lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Put the moments in memory as their parameters lie: the fused kernel pairs them by address, and a file knows nothing of channels last."""
    for w, state in optimizer.state.items():
        state.update({name: torch.empty_like(w).copy_(moment) for name, moment in state.items() if moment.shape == w.shape})


class LARS(plain(torch.optim.Optimizer)):
    """Every matrix moves in proportion to its own norm, so that one lr suits all layers at a batch of thousands.

    u = g + weight_decay · w;   ratio = eta |w| / |u|, or 1 where a norm is 0;   v ← momentum · v + ratio · lr · u;   w ← w - v
    Parameters with at most one dimension (biases, normalisation) move by plain momentum: ratio 1 and no decay.
    As SimCLR's lars_optimizer.py does; BYOL's multiplies by lr after the momentum, which is the same while lr is constant.
    Raises: InputError for lr < 0, momentum outside [0, 1), weight_decay < 0 or eta <= 0.
    """

    def __init__(self, params, lr: float, momentum: float = 0.9, weight_decay: float = 0.0, eta: float = 1e-3):
        require(lr >= 0, f"lr={lr} must not be negative")
        require(0 <= momentum < 1, f"momentum={momentum} must be in [0, 1); the paper uses 0.9")
        require(weight_decay >= 0, f"weight_decay={weight_decay} must not be negative")
        require(eta > 0, f"eta={eta} must be positive; the paper uses 0.001")
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "eta": eta})

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every parameter that has a gradient; returns the closure's loss, if there is one."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            learning = [w for w in group["params"] if w.grad is not None]
            for scaled in (True, False):
                if some := [w for w in learning if (w.ndim > 1) == scaled]:
                    self.move(some, group, scaled)
        return loss

    def move(self, ws: list[Tensor], group: dict, scaled: bool) -> None:
        """The equation above, for all of these parameters at once; nothing waits for the device."""
        us = [w.grad for w in ws]
        if scaled:
            us = list(torch._foreach_add(us, ws, alpha=group["weight_decay"]))
            torch._foreach_mul_(us, trust(ws, us, group["eta"]))
        for w in ws:
            if w not in self.state:
                self.state[w]["momentum"] = torch.zeros_like(w)
        vs = [self.state[w]["momentum"] for w in ws]
        torch._foreach_mul_(vs, group["momentum"])
        torch._foreach_add_(vs, us, alpha=group["lr"])
        torch._foreach_sub_(ws, vs)


def trust(ws: list[Tensor], us: list[Tensor], eta: float) -> list[Tensor]:
    """eta |w| / |u|: by how much each layer may move; 1 where either norm is 0."""
    norm_w, norm_u = (torch.stack(torch._foreach_norm(some)) for some in (ws, us))
    return list(torch.where((norm_w > 0) & (norm_u > 0), eta * norm_w / norm_u, 1.0).unbind())


def warmup_cosine(progress: float, warmup: float = 0.1) -> float:
    """The share of the peak learning rate at this progress: from 0 in a straight line to 1 at `warmup`, then half a cosine down to 0 at 1.

    >>> [round(warmup_cosine(p, warmup=0.2), 3) for p in (0, 0.1, 0.2, 0.6, 1)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    require(0 <= progress <= 1, f"progress={progress} is the share of the steps already taken, in [0, 1]")
    require(0 <= warmup < 1, f"warmup={warmup} is the share of the steps that warm up, in [0, 1)")
    if progress < warmup:
        return progress / warmup
    return (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


def parameter_groups(module: nn.Module, weight_decay: float, rates: dict[str, float] | None = None) -> list[dict]:
    """Two groups for any optimizer: matrices and kernels with decay; biases and normalisation, with at most one dimension, without.

    rates: parts of the module that learn at a rate of their own → its multiple of the lr. Each has two groups more, and every group has its
    multiple as "rate". A trainable parameter is in exactly one group, also where a module is used twice; frozen ones are in none.
    Raises: InputError for a rate of a part that the module does not have.
    """
    rates, groups, parts = rates or {}, [], {name: getattr(module, name, None) for name in rates or {}}
    for name, found in parts.items():
        own = ", ".join(child for child, _ in module.named_children())
        require(isinstance(found, nn.Module), f"rates has {name!r}, and {type(module).__name__} has no such part; it has: {own}")
    part = {p: name for name, found in parts.items() for p in found.parameters()}
    for name, rate in {None: 1.0, **rates}.items():
        own = [p for p in module.parameters() if p.requires_grad and part.get(p) == name]
        groups.append({"params": [p for p in own if p.ndim > 1], "weight_decay": weight_decay, "rate": rate})
        groups.append({"params": [p for p in own if p.ndim <= 1], "weight_decay": 0.0, "rate": rate})
    return groups

def make_optimizer(method: Method, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; biases and normalisation have no weight decay, and parts may have a learning rate of their own."""
    groups = parameter_groups(method, recipe.weight_decay, method.rates)
    if recipe.optimizer == "lars":
        return LARS(groups, recipe.lr, recipe.momentum, eta=recipe.eta)
    if recipe.optimizer == "sgd":
        return SGD(groups, recipe.lr, recipe.momentum)
    return adamw(groups, recipe.lr)


def set_lr(optimizer: torch.optim.Optimizer, recipe: Recipe, progress: float) -> float:
    """Set the learning rate of this progress, times the rate of each group; returns it."""
    lr = recipe.lr * warmup_cosine(progress, recipe.warmup)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["rate"]
    return lr
