"""MoCo's queue that one can look into: real steps of a copy of the network, and at each of them every key, its age, and what a query makes of it."""

import copy

import numpy as np
import torch
from torch import Tensor

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.losses import unit
from ssl_lab.methods import MoCo
from ssl_lab.models import frozen_copy
from ssl_lab.plots.queue.numbers import Moment
from ssl_lab.plots.queue.slots import LINES
from ssl_lab.precision import autocast
from ssl_lab.recipe import Recipe
from ssl_lab.stream import generator
from ssl_lab.surroundings import check_precision, gradients
from ssl_lab.train import Training
from ssl_lab.widgets.controls import Choice, Slider
from ssl_lab.widgets.explorer import Explorer
from ssl_lab.widgets.recording import views

BATCHES = (1, 2, 4, LINES)  # lengths of the queue, in batches
MOMENTA = (0.0, 0.9, 0.99, 0.999)
WHEN = (("after the logits, as in the paper", "after"), ("before the logits, the usual mistake", "before"))


class QueueExplorer(Explorer):
    """Some steps of MoCo, the queue at each of them, and the what-ifs: another K, another m, and keys that are enqueued too early.

    The steps are real ones, of a copy: its two networks begin as the method's encoder and head are now, its queue as random rows, as every queue
    does. Step t takes pictures (t - 1) · batch and those that follow, no picture twice; SGD with momentum 0.9, as in the paper.
    differs: f_k's batch norm sees the few images as one group, whatever the method's `split`.
    images: at least steps · batch, of the method's size; their labels only mark false negatives.   steps: 1 or more.   batch: 2 to 16 images a step.
    seed: of the views and the random rows.   lr: of SGD, all the time; 0.1 is three times the paper's, so that a few steps are seen.
    Controls: K (1, 2, 4 or 8 batches), m (0, 0.9, 0.99, 0.999; the method's own where it is another), step, query (which of the batch), when: the
        keys are enqueued "after" the logits, or "before" them, what the loss would be. K and m train again, the first time that they are chosen.
    Raises: InputError for what is no MoCo, too few images, numbers outside these ranges, a control out of its range.
    """

    def __init__(self, method, images: Images, steps: int = 12, batch: int = 16, seed: int = 0, lr: float = 0.1, **start):
        name = type(method).__name__
        require(isinstance(method, MoCo), f"QueueExplorer looks into MoCo's queue and got {name}; give QueueExplorer(MoCo(encoder), images)")
        check_precision(method)
        check_images(images, "QueueExplorer")
        require(whole(steps) and steps >= 1, f"steps={steps}: a whole number, at least one, is needed")
        require(batch in range(2, 17), f"batch={batch}: 2 to 16 images a step can be shown in one line")
        fix = "give more images, or fewer steps"
        require(len(images) >= steps * batch, f"steps={steps} of batch={batch} take {steps * batch} images and there are {len(images)}; {fix}")
        chosen = images[: steps * batch]
        self.recipe = Recipe(1, batch, "sgd", lr, weight_decay=0, seed=seed)
        self.method, self.chosen = copy.deepcopy(method), chosen
        self.views = views(method, chosen, seed)
        self.images, self.labels, self.classes = tuple(map(plots.hwc, self.views)), chosen.labels.cpu().numpy(), images.classes
        self.runs: dict[tuple[int, float], Run] = {}
        controls = {
            "K": Slider("K", stops=[n * batch for n in BATCHES], value=4 * batch, only=True),
            "m": Slider("m", stops=sorted({*MOMENTA, method.m}), value=method.m, only=True),
            "step": Slider("step", 1, steps, min(7, steps)) if steps > 1 else None,
            "query": Slider("query", 0, batch - 1),
            "when": Choice("enqueue", WHEN),
        }
        super().__init__(controls, **start)

    def draw(self, K: int, m: float, query: int, when: str, step: int = 1):
        if (K, m) not in self.runs:
            self.runs[K, m] = Run(started(self.method, K, m, self.recipe.seed), self.chosen, self.views, self.recipe)
        moments, early, setting = self.runs[K, m].until(step), when == "before", f"m = {m:g} · lr = {self.recipe.lr:g}"
        said = {"classes": self.classes, "last": len(self.labels) // self.recipe.batch, "setting": setting}
        return plots.queue(moments, self.images, self.labels, self.method.tau, query, early=early, **said)


class Run:
    """Steps of one MoCo on views of these images, taken when they are asked for; the learning rate stays.

    moments: of the steps so far.
    """

    def __init__(self, method: MoCo, images: Images, views: tuple[Tensor, Tensor], recipe: Recipe):
        self.method, self.views, self.batch, self.lr, self.moments = method, views, recipe.batch, recipe.lr, []
        self.training = Training(method, images, recipe)
        self.age, self.shows = np.full(len(method.queue), -1), np.full(len(method.queue), -1)

    def until(self, step: int) -> list[Moment]:
        """The moments from the first step to this one; those that nobody has asked for yet are taken now."""
        while len(self.moments) < step:
            self.moments.append(self.take(len(self.moments) + 1))
        return self.moments[:step]

    def take(self, step: int) -> Moment:
        """One step of the training, and what is seen before its momentum and its enqueue."""
        method, pictures = self.method, np.arange((step - 1) * self.batch, step * self.batch)
        with self.training.stream, gradients(self.training.device):
            self.training.learn(tuple(x[pictures[0] : pictures[-1] + 1] for x in self.views))
        q, k, rows, pointer = *method.embeddings.values(), method.queue.clone(), int(method.pointer)
        fine = all(bool(x.isfinite().all()) for x in (q, k))
        require(fine, f"step {step} gives embeddings that are not finite; take a smaller lr than {self.lr:g}, or other weights")
        moment = Moment(*map(numpy, (q, k, rows)), self.age.copy(), self.shows.copy(), self.agreement(rows), pointer, step)
        method.after_step(0.0)
        self.age[self.age >= 0] += 1
        self.age[moment.slots], self.shows[moment.slots] = 1, pictures
        return moment

    @torch.no_grad()
    def agreement(self, rows: Tensor) -> np.ndarray:
        """Cosine of every row and the key that the present network would make of the same view in the same batch; NaN for random rows."""
        found = np.full(len(rows), np.nan)
        for slots in np.flatnonzero(self.shows >= 0).reshape(-1, self.batch):
            shown, old = self.views[1][self.shows[slots]], rows[slots]
            with autocast(rows.device):
                k = unit(self.method.key_projector(self.method.key_encoder(shown)))
            found[slots] = numpy((k * old).sum(dim=1))
        return found


def started(method: MoCo, K: int, m: float, seed: int) -> MoCo:
    """A copy of the method as training begins from its weights: both networks alike, random rows in the queue; f_k's batch norm in one group."""
    run = copy.deepcopy(method).train()
    run.m, run.split, width, device = m, 1, run.queue.shape[1], run.queue.device
    run.encoder.requires_grad_(True)
    run.projector.requires_grad_(True)
    run.key_encoder, run.key_projector = frozen_copy(run.encoder), frozen_copy(run.projector)
    run.queue = unit(torch.randn(K, width, generator=generator(seed), device="cpu", dtype=torch.float32)).to(device)
    run.pointer.zero_()
    run.filled.zero_()
    return run


def numpy(x: Tensor) -> np.ndarray:
    return x.detach().float().cpu().numpy()
