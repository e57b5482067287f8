"""How BYOL's embedding spreads, step by step: whether it collapses, and when."""

import copy

import numpy as np
import torch

from ssl_lab.augment import to_float
from ssl_lab.geometry import effective_rank
from ssl_lab.losses import unit
from ssl_lab.studies.watch import Watch
from ssl_lab.train import Step

SHOWN = 100  # scenes
MOMENTS, BETWEEN = 18, 5  # steps at which the embedding is kept, evenly on a logarithmic scale, and rows of `seen` for each of them


def moments(last: int, count: int) -> list[int]:
    """Steps from 1 to the last one, evenly on a logarithmic scale, since a collapse takes 50 steps, and learning takes thousands."""
    return sorted({round(step) for step in np.geomspace(1, last, count)})


class Spread(Watch):
    """seen: "step" from 1; "loss", its mean since the row before; and, of the unit rows z of unseen scenes, "std" (1 = equal in all directions),
    "rank", their effective rank, and "centred", that of the rows minus their mean. Batch norm is in training mode, as in the loss,
    since its running statistics lag behind in the first steps.
    tensors: "z/STEP", these unit rows (N, d), and "labels", the shapes in the scenes.
    """

    def __init__(self, *study):
        super().__init__(*study)
        last = self.recipe.epochs * (len(self.images) // self.recipe.batch)
        self.points, self.kept = (set(moments(last, count)) for count in ((MOMENTS - 1) * BETWEEN + 1, MOMENTS))
        self.scenes, self.losses = to_float(self.unseen.x[:SHOWN]), []
        self.tensors = {"labels": self.unseen.labels[:SHOWN].to(torch.uint8)}

    @torch.no_grad()
    def step(self, step: Step) -> None:
        self.losses.append(step.loss)
        if step.number not in self.points:
            return
        u = unit(copy.deepcopy(self.method).train().embed(self.scenes))
        self.seen.append({
            "step": step.number,
            "loss": torch.stack(self.losses).mean().item(),
            "std": u.std(0).mean().item() * u.shape[1] ** 0.5,
            "rank": effective_rank(u).item(),
            "centred": effective_rank(u - u.mean(0)).item(),
        })  # fmt: skip
        self.losses = []
        if step.number in self.kept:
            self.tensors[f"z/{step.number}"] = u.half()  # numbers below 1 keep three digits in float16, two in bfloat16
