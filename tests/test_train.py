"""The loop: what it promises to the caller, to the weights, and to a run that was stopped."""

import itertools
import json
import os
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from ssl_lab.checkpoint import read_tensors
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.guard import Diverged
from ssl_lab.method import Method
from ssl_lab.methods import MoCo, SimCLR, Supervised
from ssl_lab.models import small_resnet
from ssl_lab.optim import LARS, make_optimizer, warmup_cosine
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.train import steps, train
from ssl_lab.widgets import QueueExplorer, ViewsExplorer

QUICK = Recipe(epochs=3, batch=32, optimizer="lars", lr=1.0, eta=0.02)


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=100).unlabelled()


def method(seed: int = 0) -> SimCLR:
    torch.manual_seed(seed)
    return SimCLR(small_resnet(width=4), dim=8)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def run(recipe=QUICK, images=None, body=lambda log: None, **options):
    trained = method()
    logs = []
    for log in train(trained, images, recipe, **options):
        logs.append(log)
        body(log)
    return weights(trained), logs


def test_one_log_an_epoch(images):
    _, logs = run(images=images)
    assert [(log.epoch, log.epochs, log.step, log.images) for log in logs] == [(1, 3, 3, 96), (2, 3, 6, 96), (3, 3, 9, 96)]
    assert all(log.loss > 0 and log.seconds > 0 and log.stats["rank"] >= 1 for log in logs)
    assert logs[-1].lr == pytest.approx(warmup_cosine(8.5 / 9, QUICK.warmup))


def test_same_recipe_same_weights_to_the_bit(images):
    assert same(run(images=images)[0], run(images=images)[0])
    assert not same(run(images=images)[0], run(replace(QUICK, seed=1), images)[0])


def test_body_of_the_loop_never_changes_the_training(images):
    """It draws random numbers, switches the network to evaluation and computes features."""
    trained = method()

    def meddle(log):
        torch.manual_seed(99)
        torch.rand(1000)
        trained.eval()
        features(trained.encoder, images)

    for log in train(trained, images, QUICK):
        meddle(log)
    assert same(weights(trained), run(images=images)[0])


def test_training_never_changes_the_callers_random_numbers(images):
    torch.manual_seed(5)
    expected = torch.rand(6)
    torch.manual_seed(5)
    first = method_free = torch.rand(2)
    logs = train(method_without_draw(), images, QUICK)
    drawn = [first, *(torch.rand(1) for _ in logs), torch.rand(1)]
    assert torch.equal(torch.cat(drawn), expected) and method_free is first


def method_without_draw() -> SimCLR:
    state = torch.get_rng_state()
    made = method()
    torch.set_rng_state(state)
    return made


def test_stopping_early_keeps_what_was_learned(images):
    trained = method()
    start = weights(trained)
    for _ in train(trained, images, QUICK):
        break
    one_epoch = weights(trained)
    assert not same(start, one_epoch)

    class Interrupted(SimCLR):
        def after_step(self, progress):
            if progress > 0.5:
                raise KeyboardInterrupt

    torch.manual_seed(0)
    stopped = Interrupted(small_resnet(width=4), dim=8)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with pytest.raises(KeyboardInterrupt):
        list(train(stopped, images, QUICK))
    assert torch.equal(torch.rand(3), expected), "the caller's random numbers survive an interrupt"
    assert not same(weights(stopped), start)


@pytest.mark.parametrize("optimizer", ["lars", "sgd", "adamw"])
def test_resume_goes_on_to_the_bit(images, tmp_path, optimizer):
    recipe = replace(QUICK, optimizer=optimizer, lr=0.01)
    whole, logs = run(recipe, images, out=tmp_path / "whole")
    trained = method()
    for log in train(trained, images, recipe, out=tmp_path / "parts"):
        if log.epoch == 2:
            break
    resumed = method(seed=3)  # other weights: everything comes from the folder
    rest = list(train(resumed, images, recipe, out=tmp_path / "parts", resume=True))
    assert [log.epoch for log in rest] == [3] and rest[0].loss == logs[2].loss
    assert same(weights(resumed), whole)
    lines = [json.loads(line) for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3] and lines[2]["loss"] == logs[2].loss


def test_resuming_a_finished_run_changes_nothing(images, tmp_path):
    whole, _ = run(images=images, out=tmp_path)
    other = method(seed=4)
    assert list(train(other, images, QUICK, out=tmp_path, resume=True)) == []
    assert same(weights(other), whole)


class Poisoned(Method):
    """A loss that turns NaN in one step, by itself or through its weights."""

    def __init__(self, at: int, where: str):
        super().__init__()
        self.encoder, self.projector = nn.Flatten(), nn.Linear(3, 1)
        self.encoder.dim = 3 * 32 * 32
        self.at, self.where, self.steps, self.before = at, where, 0, None

    def views(self, x):
        return (x.float().mean((2, 3)) / 255,)

    def forward(self, x):
        self.steps += 1
        bad = self.steps == self.at
        loss = self.embed(x).square().mean()
        return loss * torch.nan if bad and self.where == "loss" else (loss + (self.embed(x) * 0).sqrt().sum() if bad else loss)


@pytest.mark.parametrize("where, words", [("loss", "loss of step 5 is nan"), ("gradient", "not finite|step")])
def test_first_step_that_is_not_finite_is_named_and_good_weights_are_back(images, where, words):
    broken = Poisoned(5, where)
    logs = train(broken, images, QUICK)
    assert next(logs).step == 3
    kept = weights(broken)
    with pytest.raises(Diverged, match=words):
        next(logs)
    assert same(weights(broken), kept) and all(t.isfinite().all() for t in kept.values())


def test_losses_are_looked_at_every_fifty_steps(images):
    broken = Poisoned(30, "loss")
    many = replace(load("scenes", limit=400).unlabelled(), index=torch.arange(400 * 10) % 400)
    with pytest.raises(Diverged, match="step 30"):
        list(train(broken, many, Recipe(epochs=1, batch=4, optimizer="sgd", lr=1e-3)))
    assert broken.steps == 50, "not after a thousand steps, nor at each"


def test_biases_and_normalisation_do_not_decay():
    optimizer = make_optimizer(method(), replace(QUICK, weight_decay=0.1))
    assert isinstance(optimizer, LARS)
    for group in optimizer.param_groups:
        assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] > 0}
    assert type(make_optimizer(method(), replace(QUICK, optimizer="sgd"))).__name__ == "SGD"
    assert type(make_optimizer(method(), replace(QUICK, optimizer="adamw"))).__name__ == "AdamW"


def test_a_method_that_learns_without_labels_never_sees_them(images):
    """Whatever the caller hands over."""
    class Peeking(SimCLR):
        def relabel(self, data):
            assert (data.labels == -1).all() and data.fields == ("x",)
            return data

        def views(self, *batch):
            assert len(batch) == 1
            return super().views(*batch)

    labelled = load("scenes", limit=64)
    assert (labelled.labels >= 0).all()
    assert len(list(train(Peeking(small_resnet(width=4), dim=8), labelled, QUICK))) == 3


def test_the_modes_of_layers_are_asked_for_once_an_epoch(images):
    """Walking through a network takes 0.5 to 1 ms, so a step only compares; relabel may have changed the network."""

    class Counting(SimCLR):
        calls = 0

        def train(self, mode=True):
            type(self).calls += mode
            return super().train(mode)

        def relabel(self, data):
            self.projector.append(nn.Dropout(0.0))
            return data

    torch.manual_seed(0)
    counting = Counting(small_resnet(width=4), dim=8)
    for _ in steps(counting, images, QUICK):
        assert counting.projector[-1].training
        counting.projector[-1].eval()
    assert Counting.calls == 3


def test_every_step_is_yielded_and_train_is_the_loop_over_them(images):
    stepped = method()
    seen = []
    for step in steps(stepped, images, QUICK):
        seen.append(step)
        torch.rand(5)
        (stepped if step.i == 1 else stepped.encoder).eval()  # the body of this loop does not change the training either
    places = [(e + 1, i, 3, 3 * e + i, i == 3) for e in range(3) for i in (1, 2, 3)]
    assert [(step.epoch, step.i, step.of, step.number, step.last) for step in seen] == places
    assert [step.progress for step in seen] == pytest.approx([n / 9 for n in range(1, 10)])
    assert [step.lr for step in seen] == pytest.approx([QUICK.lr * warmup_cosine((n + 0.5) / 9, QUICK.warmup) for n in range(9)])
    assert all(step.embeddings["z1"].shape == (32, 8) and not step.loss.requires_grad for step in seen)
    whole, logs = run(images=images)
    assert same(weights(stepped), whole)
    assert [log.loss for log in logs] == pytest.approx([float(sum(step.loss for step in seen[3 * e : 3 * e + 3])) / 3 for e in range(3)])


def test_what_other_threads_draw_in_streams_never_changes_a_training(images):
    """Two threads move sliders, as it were: each draws from streams of its own while the training runs."""
    stop, drawn = threading.Event(), []

    def meddle(seed):
        while not stop.is_set():
            with RandomStream(seed, torch.device("cpu")):
                drawn.append(float(torch.rand(50).sum()))

    others, trained = [threading.Thread(target=meddle, args=(seed,)) for seed in (1, 2)], method()
    for other in others:
        other.start()
    list(train(trained, images, QUICK))
    stop.set()
    for other in others:
        other.join()
    assert len(set(drawn)) == 2, "nor does the training change what they draw"
    assert same(weights(trained), run(images=images)[0])


def test_controls_that_are_moved_from_a_thread_during_a_training_change_nothing(images):
    """Views are drawn, and steps of a queue taken, on the explorers' own random numbers and their own number of threads."""
    some, stop, moved = load("scenes", "test", limit=32), threading.Event(), []
    torch.manual_seed(1)
    views, queue = ViewsExplorer(some, shown=2), QueueExplorer(MoCo(small_resnet(width=4), K=16, split=2), some, steps=4, batch=8)

    def move():
        for turn in itertools.count():
            if stop.is_set():
                return
            views.set(jitter=turn % 5 / 4, seed=turn % 7)
            queue.set(K=(8, 16, 32)[turn % 3], step=1 + turn % 4)
            moved.append(turn)

    recipe, other, trained = replace(QUICK, epochs=6), threading.Thread(target=move), method()
    other.start()
    list(train(trained, images, recipe, threads=2))
    stop.set()
    other.join()
    assert len(moved) >= 1
    assert same(weights(trained), run(recipe, images, threads=2)[0])


def test_overflowing_steps_are_left_out_in_float16_and_the_scale_is_kept_with_the_run(images, tmp_path, monkeypatch):
    """A GPU without bfloat16, played on the CPU: its losses are scaled, steps that overflow are skipped, and a run resumes to the bit."""
    monkeypatch.setattr("ssl_lab.precision.half", lambda device: torch.float16)
    recipe = replace(QUICK, epochs=2)
    whole, logs = run(recipe, images, out=tmp_path / "whole")
    next(train(trained := method(), images, recipe, out=tmp_path / "parts"))
    assert not same(weights(trained), weights(method()))
    resumed = method(seed=3)
    list(train(resumed, images, recipe, out=tmp_path / "parts", resume=True))
    assert same(weights(resumed), whole) and all(tensor.isfinite().all() for tensor in whole.values())


def test_the_number_of_threads_is_measured_once_kept_and_changes_no_weight(images, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = []
    monkeypatch.setattr("ssl_lab.train.fastest", lambda step: asked.append(step()) or 1)
    measured, _ = run(images=images, out=tmp_path)
    assert len(asked) == 1 and json.loads((tmp_path / "config.json").read_text())["threads"] == 1
    assert same(measured, run(images=images, threads=1)[0])
    assert list(train(method(), images, QUICK, out=tmp_path, resume=True)) == [] and len(asked) == 1


def test_relabel_sees_the_data_before_every_epoch_and_after_step_the_progress(images):
    class Watching(SimCLR):
        def relabel(self, data):
            self.seen = [*getattr(self, "seen", []), len(data)]
            return data[:64]

        def after_step(self, progress):
            self.progress = [*getattr(self, "progress", []), progress]

    watching = Watching(small_resnet(width=4), dim=8)
    logs = list(train(watching, load("scenes", limit=64).unlabelled(), QUICK))
    assert watching.seen == [64, 64, 64] and watching.progress == pytest.approx([k / 6 for k in range(1, 7)]) and len(logs) == 3


def test_it_learns(images):
    """Three epochs of 1,500 scenes lift kNN well above the random network."""
    some, test = load("scenes", limit=1500), load("scenes", "test", limit=500)
    torch.manual_seed(0)
    learner = SimCLR(small_resnet(width=8))

    def knn():
        return knn_accuracy(features(learner.encoder, some), some.labels, features(learner.encoder, test), test.labels, k=20)

    before = knn()
    losses = [log.loss for log in train(learner, some.unlabelled(), Recipe(epochs=4, batch=128, optimizer="lars", lr=2.0, eta=0.02))]
    assert losses[-1] < losses[0] - 0.3 and knn() > before + 0.1


@pytest.mark.parametrize("make, words", [
    (lambda x: (Supervised(small_resnet()), x), "have none; take others, or a method that needs no labels"),
    (lambda x: (SimCLR(small_resnet()), replace(x, index=torch.arange(0))), "batch=32 is more than the 0 images"),
    (lambda x: (SimCLR(small_resnet()), x[:20]), "batch=32 is more than the 20 images; take more images, or a batch of 20 at most"),
])
def test_wrong_calls_are_refused_at_once_not_at_the_first_epoch(images, make, words):
    with pytest.raises(InputError, match=words):
        train(*make(images), QUICK)


def test_folder_of_another_run_is_refused(images, tmp_path):
    run(images=images, out=tmp_path)
    with pytest.raises(InputError, match="holds a run already"):
        train(method(), images, QUICK, out=tmp_path)
    with pytest.raises(InputError, match=r"begun with recipe\.lr = 1\.0, not 0\.5;"):
        train(method(), images, replace(QUICK, lr=0.5), out=tmp_path, resume=True)


# a stop at any moment, and another set


def test_a_run_is_not_resumed_on_other_images_or_with_a_layer_frozen_since(images, tmp_path):
    half = itertools.islice(train(method(), images, QUICK, out=tmp_path), 1)
    assert len(list(half)) == 1
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"was begun on 100 images of 3 x 32 x 32 \(digest \w+\), and these are 50 images"):
        train(method(), images[:50], QUICK, out=tmp_path, resume=True)
    frozen = method()
    frozen.encoder.stem.requires_grad_(False)
    with pytest.raises(InputError, match=r"was begun with encoder.stem.\S+ trained, and now it is not"):
        train(frozen, images, QUICK, out=tmp_path, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(list(train(method(), images, QUICK, out=tmp_path, resume=True))) == QUICK.epochs - 1


class Killed(BaseException):
    """The end of the process, at once."""


def files(folder):
    """All that a run's folder says, but for the seconds."""
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    tensors, note = read_tensors(folder / "state.safetensors")
    everything = {**tensors, **{f"weights/{name}": x for name, x in read_tensors(folder / "weights.safetensors")[0].items()}}
    return [{**row, "seconds": 0} for row in rows], note, {name: x.numpy().tobytes() for name, x in everything.items()}


@pytest.fixture(scope="module")
def unbroken(images, tmp_path_factory):
    """The files of a run that nobody stopped, and how many file operations it took."""
    folder, count = tmp_path_factory.mktemp("unbroken"), itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", counted(count, None, after=False))
        list(train(method(), images, QUICK, out=folder))
    return files(folder), next(count)


def counted(count, fatal, after):
    """os.replace that ends the process at one of its calls, before or after it has done its work."""
    replace_file = os.replace

    def one(source, target):
        number = next(count)
        if number == fatal and not after:
            raise Killed
        replace_file(source, target)
        if number == fatal:
            raise Killed

    return one


@pytest.mark.parametrize("after", [False, True])
def test_a_stop_between_any_two_file_operations_loses_nothing(images, tmp_path, unbroken, after):
    """First, middle and last epoch: what is there then resumes to the weights, state and metrics of the unbroken run."""
    whole, operations = unbroken
    assert operations >= 4 * QUICK.epochs
    for fatal in range(operations):
        folder = tmp_path / str(fatal)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", counted(itertools.count(), fatal, after))
            with pytest.raises(Killed):
                list(train(method(), images, QUICK, out=folder))
        list(train(method(seed=0), images, QUICK, out=folder, resume=True))
        assert files(folder) == whole, f"stopped at file operation {fatal} of {operations}"
