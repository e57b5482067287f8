"""What watches a training: losses and weights that stop being numbers, without waiting for the device at every step."""

import torch
from torch import Tensor, nn

from ssl_lab.distributed import mean


class Diverged(RuntimeError):
    """The loss or the weights stopped being numbers; the last good weights are back in the method."""


class Guard:
    """Collects losses without waiting for the device, and looks at them, on all ranks, every 50 steps.

    done: how many steps came before.
    """

    EVERY = 50

    def __init__(self, method: nn.Module, done: int):
        self.method, self.done, self.losses = method, done, []
        self.keep()

    def watch(self, loss: Tensor) -> None:
        self.losses.append(loss)
        if len(self.losses) == self.EVERY:
            self.check()

    def check(self) -> None:
        """Name the first step that is not finite and put the last good weights back; else remember these weights as good."""
        if not self.losses:
            return
        losses = mean(torch.stack(self.losses).float())
        fine, weights = losses.isfinite().tolist(), all(bool(p.isfinite().all()) for p in self.method.parameters())
        if not (all(fine) and weights):
            at = fine.index(False) + 1 if False in fine else len(fine)
            self.method.load_state_dict(self.good)
            step, value = self.done + at, losses[at - 1]
            what = f"the loss of step {step} is {value:.3g}" if False in fine else f"the weights after step {step} are not finite"
            cures = ["A smaller lr", "a longer warmup", *(["a larger tau"] if hasattr(self.method, "tau") else [])]
            cure = f"{', '.join(cures[:-1])} or {cures[-1]} may help"
            raise Diverged(f"{what}; the weights of step {self.done} are back. {cure}.")
        self.done, self.losses = self.done + len(fine), []
        self.keep()

    def keep(self) -> None:
        self.good = {name: tensor.clone() for name, tensor in self.method.state_dict().items()}
