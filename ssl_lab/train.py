"""One visible loop. `train` yields a Log an epoch; what stands in the body of the caller's `for` never changes the training."""

import contextlib
import inspect
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_lab.checkpoint import Run
from ssl_lab.data import Images
from ssl_lab.distributed import world_size
from ssl_lab.errors import InputError, require
from ssl_lab.method import Method
from ssl_lab.optim import LARS, parameter_groups, warmup_cosine
from ssl_lab.recipe import Log, Recipe


class Diverged(RuntimeError):
    """The loss or the weights stopped being numbers; the last good weights are back in the method."""


def train(method: Method, data: Images, recipe: Recipe, out: str | Path | None = None, resume: bool = False) -> Iterator[Log]:
    """Train a method on images, where its parameters lie (CPU, CUDA or MPS), yielding a Log after every epoch.

    out: a folder for config.json, metrics.jsonl, weights.safetensors and state.safetensors, written at every epoch's end.
    resume: go on from there, to the bit on one machine. Stopping early, by `break` or by an interrupt, keeps what the method has learned.
    Raises: InputError, at once, for images or a batch that the method cannot use, a folder that holds another run, or more than one process;
    Diverged when a step is not finite.
    """
    steps, ranks = len(data) // recipe.batch, world_size()
    require(ranks == 1, f"this is one of {ranks} processes, which would all draw the same batches; use one, or a loop of your own around DDP")
    require(steps > 0, f"batch={recipe.batch} is more than the {len(data)} images; take more images, or a batch of {len(data)} at most")
    check_fields(method, data)
    method.check_batch(recipe.batch)
    run = Run.open(out, method, recipe, resume) if out else None
    return epochs(method, data, recipe, steps, run)


def epochs(method: Method, data: Images, recipe: Recipe, steps: int, run: Run | None) -> Iterator[Log]:
    """The loop over epochs: relabel, then one step a batch."""
    device = next(method.parameters()).device
    method.to(memory_format=torch.channels_last)  # convolutions twice as fast on CPUs, and on tensor cores
    data, optimizer, stream = data.to(device), make_optimizer(method, recipe), RandomStream(recipe.seed, device)
    first, total = run.restore(method, optimizer, stream) if run else 0, recipe.epochs * steps
    for epoch in range(first, recipe.epochs):
        start, guard = time.perf_counter(), Guard(method, epoch * steps)
        with stream:
            method.train()
            for i, batch in enumerate(method.relabel(data).batches(recipe.batch), start=epoch * steps):
                lr = set_lr(optimizer, recipe, (i + 0.5) / total)
                loss = step(method, batch, optimizer)
                method.after_step((i + 1) / total)
                guard.watch(loss)
        loss, stats = guard.mean(), {name: float(value) for name, value in method.stats().items()}
        log = Log(epoch + 1, recipe.epochs, i + 1, loss, lr, time.perf_counter() - start, steps * recipe.batch, stats)
        log = replace(log, remark=method.remark(log))
        if run:
            run.save(method, optimizer, stream, log)
        yield log


def step(method: Method, batch: tuple[Tensor, ...], optimizer: torch.optim.Optimizer) -> Tensor:
    """Views, loss, gradient, update."""
    views = method.views(*batch)
    with half_precision(views[0].device):
        loss = method(*views)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def half_precision(device: torch.device):
    """Autocast to bfloat16 where the hardware computes in it: CUDA since Ampere, CPUs with AVX512-BF16 or AMX. Losses leave it again."""
    if device.type == "cuda":
        on = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        on = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, dtype=torch.bfloat16) if on else contextlib.nullcontext()


def make_optimizer(method: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; biases and normalisation do not decay."""
    groups = parameter_groups(method, recipe.weight_decay)
    if recipe.optimizer == "lars":
        return LARS(groups, recipe.lr, recipe.momentum, eta=recipe.eta)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.lr, recipe.momentum)
    return torch.optim.AdamW(groups, recipe.lr)


def set_lr(optimizer: torch.optim.Optimizer, recipe: Recipe, progress: float) -> float:
    lr = recipe.lr * warmup_cosine(progress, recipe.warmup)
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr


def check_fields(method: Method, data: Images) -> None:
    """Refuse images whose batches do not fit the arguments of `method.views`."""
    signature, name = inspect.signature(method.views), type(method).__name__
    try:
        signature.bind(*data.fields)
    except TypeError:
        fix = "images.unlabelled()" if "labels" in data.fields else 'images.select("x", "labels")'
        raise InputError(f"{name} learns from {signature}, a batch of these images holds ({', '.join(data.fields)}); try {fix}") from None


class Guard:
    """Collects the losses of an epoch without waiting for the device, and looks at them every 50 steps."""

    EVERY = 50

    def __init__(self, method: nn.Module, first: int):
        self.method, self.first, self.losses, self.checked = method, first, [], 0
        self.keep()

    def watch(self, loss: Tensor) -> None:
        self.losses.append(loss)
        if len(self.losses) - self.checked == self.EVERY:
            self.check()

    def check(self) -> None:
        """Name the first step that is not finite and put the last good weights back; else remember these weights as good."""
        fine = torch.stack(self.losses[self.checked :]).isfinite().tolist()
        weights = all(bool(p.isfinite().all()) for p in self.method.parameters())
        if not (all(fine) and weights):
            good = self.first + self.checked
            step = good + (fine.index(False) + 1 if False in fine else len(fine))
            self.method.load_state_dict(self.good)
            value = self.losses[step - self.first - 1]
            what = f"the loss of step {step} is {value:.3g}" if False in fine else f"the weights after step {step} are not finite"
            raise Diverged(f"{what}; the weights of step {good} are back. A smaller lr, a longer warmup or a larger tau may help.")
        self.checked = len(self.losses)
        self.keep()

    def keep(self) -> None:
        self.good = {name: tensor.clone() for name, tensor in self.method.state_dict().items()}

    def mean(self) -> float:
        """Of the whole epoch, after a last look."""
        if self.checked < len(self.losses):
            self.check()
        return torch.stack(self.losses).mean().item()


class RandomStream:
    """Random numbers of one's own, on the CPU and one device: inside `with`, torch draws from them; outside, from the caller's, as if nothing had
    happened. Entered again, it goes on where it was left.
    """

    def __init__(self, seed: int, device: torch.device):
        self.device, self.which = device, (device,) if device.type == "cuda" else ()  # which of them; MPS and others are one
        self.state = {one.type: torch.Generator(one).manual_seed(seed).get_state() for one in (torch.device("cpu"), device)}

    def __enter__(self) -> None:
        self.outer = self.read()
        self.write(self.state)

    def __exit__(self, *_) -> None:
        try:
            self.state = self.read()
        finally:  # also when Stop or Ctrl-C comes just now
            self.write(self.outer)

    def read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            states[self.device.type] = getattr(torch, self.device.type).get_rng_state(*self.which)
        return states

    def write(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self.device.type != "cpu":
            getattr(torch, self.device.type).set_rng_state(states[self.device.type], *self.which)
