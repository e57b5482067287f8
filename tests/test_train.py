"""The loop: what it promises to the caller, to the weights, and to a run that was stopped."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.method import Method
from ssl_lab.methods import SimCLR, Supervised
from ssl_lab.models import small_resnet
from ssl_lab.optim import LARS, warmup_cosine
from ssl_lab.recipe import Recipe
from ssl_lab.train import Diverged, RandomStream, make_optimizer, train

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
        self.encoder, self.head = nn.Flatten(), nn.Linear(3, 1)
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
    (lambda x: (SimCLR(small_resnet()), load("scenes", limit=40)), r"SimCLR learns from \(x.*labelled"),
    (lambda x: (Supervised(small_resnet()), x), r"Supervised learns from \(x.*select"),
    (lambda x: (SimCLR(small_resnet()), x[:20]), "batch=32 is more than the 20 images; take more images, or a batch of 20 at most"),
])
def test_wrong_calls_are_refused_at_once_not_at_the_first_epoch(images, make, words):
    with pytest.raises(InputError, match=words):
        train(*make(images), QUICK)


def test_random_stream_is_the_seeds_own():
    stream, again = RandomStream(3, torch.device("cpu")), RandomStream(3, torch.device("cpu"))
    with stream:
        a = torch.rand(2)
    with again:
        b = torch.rand(2)
    with stream:
        c = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(torch.cat([a, c]), torch.rand(4)) and torch.equal(a, b)


def test_random_stream_leaves_every_other_device_alone(monkeypatch):
    """torch.manual_seed would seed all of them, and nobody would give their numbers back."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("another device was seeded"))
    with RandomStream(3, torch.device("cpu")):
        torch.rand(1)


def test_random_stream_asks_and_answers_its_own_device(monkeypatch):
    """The second GPU of two, where there is none: its state is read and written there, and the caller's comes back."""
    second, cpu, theirs, seen = torch.device("cuda:1"), torch.Generator(), torch.ones(3), []
    monkeypatch.setattr(torch, "Generator", lambda device: cpu)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: seen.append(device) or theirs)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: seen.append((device, state)))
    stream = RandomStream(3, second)
    own = stream.state["cuda"]
    with stream:
        pass
    assert seen[0] == seen[2] == second and seen[1] == (second, own) and seen[3] == (second, theirs) and len(seen) == 4


def test_one_of_several_processes_is_refused(images, monkeypatch):
    monkeypatch.setattr("ssl_lab.train.world_size", lambda: 4)
    with pytest.raises(InputError, match="one of 4 processes, which would all draw the same batches"):
        train(method(), images, QUICK)


def test_folder_of_another_run_is_refused(images, tmp_path):
    run(images=images, out=tmp_path)
    with pytest.raises(InputError, match="holds a run already"):
        train(method(), images, QUICK, out=tmp_path)
    with pytest.raises(InputError, match="begun with recipe"):
        train(method(), images, replace(QUICK, lr=0.5), out=tmp_path, resume=True)
