"""One visible loop: `steps` yields every step, `train` yields a Log every epoch. The body of the caller's `for` never changes the training."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_lab.checkpoint import Run
from ssl_lab.data import Images
from ssl_lab.distributed import agree, barrier, mean, parallel, rank, world_size
from ssl_lab.errors import require
from ssl_lab.features import shown
from ssl_lab.groups import Groups
from ssl_lab.guard import Guard
from ssl_lab.method import Method
from ssl_lab.models import check_encoder
from ssl_lab.optim import make_optimizer, set_lr
from ssl_lab.precision import autocast, scaler
from ssl_lab.recipe import Log, Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import check_parameters, gradients
from ssl_lab.threads import asked, fastest, using


@dataclass(frozen=True)
class Step:
    """One step of a training, after its update.

    epoch: from 1.   number: steps so far.   i: number of the step in its epoch, from 1.   of: steps of its epoch.   loss: detached, on the device.
    embeddings: name → what the method noted of its views.   lr: of this step; a part with a rate of its own has a multiple.
    progress: from 0 to 1 over the recipe.
    """

    epoch: int
    number: int
    i: int
    of: int
    loss: Tensor
    embeddings: dict[str, Tensor]
    lr: float
    progress: float

    @property
    def last(self) -> bool:
        """Whether it is the last step of its epoch."""
        return self.i == self.of


def train(
    method: Method, data: Images, recipe: Recipe, out: str | Path | None = None, resume: bool = False, threads: int | None = None
) -> Iterator[Log]:
    """Train a method on images, on the device of its parameters (CPU, CUDA or MPS), and yield a Log after every epoch.

    The method gets only the columns that it declares, so it gets no labels unless it learns from them.
    out: a folder for config.json, metrics.jsonl, weights.safetensors and state.safetensors, written at every epoch's end.
    resume: go on from there; on one machine the result is the same to the bit. After `break` or an interrupt the method keeps what it has learned.
    threads: of the CPU; None takes OMP_NUM_THREADS or measures which number is fastest. A resumed run keeps its number.
    Under `torchrun` every rank takes its part of each batch, and rank 0 writes.
    Raises: InputError, at once, for images or a batch that the method cannot use, or a folder that holds another run; Diverged when a step is
    not finite.
    """
    events = follow(method, data, recipe, out, resume, threads)
    return (event for event in events if isinstance(event, Log))


def follow(
    method: Method, data: Images, recipe: Recipe, out: str | Path | None = None, resume: bool = False, threads: int | None = None,
    words: dict | None = None,
) -> Iterator[Step | Log]:  # fmt: skip
    """The same training; yields every step and, after the last one of an epoch, a Log.   words: more for config.json. Raises: as `train`."""
    training = Training(method, data, recipe, threads)
    require(not resume or world_size() == 1, f"{world_size()} processes together cannot resume a run; begin another run")
    run = Run.open(out, training, resume, words) if out is not None and rank() == 0 else None
    return events(training, run)


def events(training: "Training", run: Run | None) -> Iterator[Step | Log]:
    """The loop over steps: at every epoch's end a save and a Log."""
    if run:
        run.restore(training)
    losses, spent, start = [], 0.0, time.perf_counter()
    for step in training.steps():
        losses.append(step.loss)
        spent += time.perf_counter() - start
        yield step
        start = time.perf_counter()
        if step.last:
            log = training.log(step, losses, spent)
            if run:
                run.save(training, log)
            barrier()
            yield log
            losses, spent, start = [], 0.0, time.perf_counter()


def steps(method: Method, data: Images, recipe: Recipe, threads: int | None = None) -> Iterator[Step]:
    """The same training; yields every step. Raises: as `train`."""
    return Training(method, data, recipe, threads).steps()


class Training:
    """What a training needs beside its method, and how far it is. A run saves it.

    epoch, number: whole epochs and steps so far.   stream: of this rank's random numbers.
    """

    def __init__(self, method: Method, data: Images, recipe: Recipe, threads: int | None = None):
        for given, kind, such in ((method, Method, "SimCLR(encoder)"), (recipe, Recipe, "Recipe(epochs=10)")):
            require(isinstance(given, kind), f"a training takes a {kind.__name__}, such as {such}, and got a {type(given).__name__}")
        self.method, self.recipe, self.lesson = method, recipe, method.lesson(data)
        check_parameters(method)
        self.device = next(method.parameters()).device
        self.check()
        method.to(memory_format=torch.channels_last)  # convolutions twice as fast on CPUs, and on tensor cores
        self.lesson, self.model = self.lesson.to(self.device), parallel(method)
        self.optimizer, self.scaler = make_optimizer(method, recipe), scaler(self.device)
        own = (recipe.seed, "rank", rank()) if rank() else recipe.seed
        self.stream, self.threads, self.epoch, self.number = RandomStream(own, self.device), asked(threads), 0, 0
        self.modes: list[tuple[nn.Module, bool]] = []  # the layers of the method, and whether each is in training mode

    def check(self) -> None:
        """Refuse at once a batch that is too large or does not suit the method, labels beyond its classes, and an encoder that breaks a promise."""
        B, N, ranks = self.recipe.batch, len(self.lesson), world_size()
        relabels = type(self.method).relabel is not Method.relabel  # a method that relabels may lengthen the epoch
        require(B <= N or (relabels and N > 0), f"batch={B} is more than the {N} images; take more images, or a batch of {N} at most")
        require(B % ranks == 0, f"batch={B} cannot be shared by {ranks} processes; take a multiple of {ranks}")
        self.method.check_batch(B, ranks)
        self.method.check_data(self.lesson)
        if classes := self.method.settings.get("classes"):
            top, name = int(self.lesson.labels.max()), type(self.method).__name__
            require(top < classes, f"a label is {top}, and {name} was made for {classes} classes; give classes={top + 1}, or correct the label")
        for encoder in self.method.checked():
            check_encoder(encoder, shown(encoder, self.lesson[:2], self.device))

    def steps(self) -> Iterator[Step]:
        """Every step from the present one to the end."""
        method, recipe, guard = self.method, self.recipe, Guard(self.method, self.number)
        for epoch in range(self.epoch, recipe.epochs * method.generations):
            batches, count = self.begin(epoch)
            for i, batch in enumerate(batches, start=1):
                with self.stream, using(self.threads):
                    done = epoch % recipe.epochs + (i - 0.5) / count
                    lr = set_lr(self.optimizer, recipe, done / recipe.epochs)
                    loss = self.step(batch)
                    progress = (epoch % recipe.epochs + i / count) / recipe.epochs
                    method.after_step(progress)
                self.number += 1
                guard.watch(loss)
                if i == count:
                    guard.check()
                    agree(method)
                    self.epoch = epoch + 1
                yield Step(epoch + 1, self.number, i, count, loss, method.embeddings, lr, progress)

    def log(self, step: Step, losses: list[Tensor], seconds: float) -> Log:
        """The Log of an epoch that has ended."""
        method, recipe = self.method, self.recipe
        loss, stats = mean(torch.stack(losses).mean()).item(), {name: float(value) for name, value in method.stats().items()}
        log = Log(step.epoch, recipe.epochs * method.generations, step.number, loss, step.lr, seconds, step.of * recipe.batch, stats)
        return replace(log, remark=method.remark(log))

    def begin(self, epoch: int) -> tuple[Iterator[tuple[Tensor, ...]], int]:
        """The batches of an epoch, and their number. Labels and order are the same on every rank.

        Parameters that `renew` or `relabel` write into lose their optimizer state.
        """
        method, B, before = self.method, self.recipe.batch, [(p, p._version) for p in self.method.parameters()]
        with RandomStream((self.recipe.seed, "epoch", epoch), self.device), gradients(self.device):
            if epoch and epoch % self.recipe.epochs == 0:
                method.renew()
            data, self.modes = method.relabel(self.lesson), []
            data = data if isinstance(data, Groups) else data.select(*method.columns)
            count = data.steps(B)
            require(count > 0, f"batch={B} is more than the {len(data)} images of epoch {epoch + 1}; take a smaller batch")
            batches = data.batches(B, rank(), world_size())
        for p, version in before:
            if p._version != version:
                self.optimizer.state.pop(p, None)
        return self.measured(batches), count

    def measured(self, batches: Iterator[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
        """The batches. On the CPU, if no number of threads is given, steps of a copy choose it before the first step."""
        if self.threads is None and self.device.type == "cpu" and world_size() == 1:
            first = next(batches)
            trial = copy.copy(self)
            trial.method = trial.model = copy.deepcopy(self.method)
            trial.optimizer = make_optimizer(trial.method, self.recipe)
            set_lr(trial.optimizer, self.recipe, 0.0)
            with RandomStream(self.recipe.seed, self.device):
                self.threads = fastest(lambda: trial.step(first))
            yield first
        yield from batches

    def step(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Draw the views of a batch and learn from them; returns the loss."""
        with gradients(self.device):
            return self.learn(self.method.views(*batch))

    def learn(self, views: tuple[Tensor, ...]) -> Tensor:
        """Loss, gradient, update."""
        self.set_modes()
        with autocast(self.device):
            loss = self.model(*views)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def set_modes(self) -> None:
        """Put every layer into the mode that `Method.train` gave it in the first step of the epoch, whatever the caller changed since.

        `Method.train` itself takes 0.5 to 1 ms, so not every step calls it.
        """
        if not self.modes:
            self.method.train()
            self.modes = [(module, module.training) for module in self.method.modules()]
        for module, mode in self.modes:
            if module.training != mode:
                module.training = mode
