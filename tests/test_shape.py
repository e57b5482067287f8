"""The shape carries what is to come: a dummy of each coming kind trains, resumes, logs and is found by the command line, with its name added
in one place and nothing else changed.
"""

import importlib.util
import itertools
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssl_lab import methods
from ssl_lab.__main__ import main
from ssl_lab.checkpoint import read_tensors
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.method import Method
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import Training, follow, train

DUMMIES = {"Clusters": "clusters", "Pseudo": "pseudo", "Senses": "senses", "Places": "places"}
TINY = ["--limit", "48", "--size", "32"]


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The name is added to `methods.HOME`, the file lies beside the others."""
    for name, file in DUMMIES.items():
        monkeypatch.setitem(methods.HOME, name, file)
        spec = importlib.util.spec_from_file_location(f"ssl_lab.methods.{file}", Path(__file__).parent / "dummies" / f"{file}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"ssl_lab.methods.{file}", module)
        spec.loader.exec_module(module)
    monkeypatch.setattr(methods, "__all__", list(methods.HOME))


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=48)


def build(name: str, seed: int = 0, **options) -> Method:
    torch.manual_seed(seed)
    kind = getattr(methods, name)
    return kind(**options) if name == "Senses" else kind(small_resnet(width=4), **options)


def lesson(name: str, images):
    return images.label_fraction(0.25) if name == "Pseudo" else images


def weights(method: Method) -> dict[str, torch.Tensor]:
    return {key: tensor.clone() for key, tensor in method.state_dict().items()}


@pytest.mark.parametrize("name", DUMMIES)
def test_it_trains_logs_and_resumes_to_the_bit(name, images, tmp_path):
    data = lesson(name, images)
    whole, stopped, resumed = build(name), build(name), build(name, seed=7)
    recipe = whole.recipes["scenes"]
    logs = list(train(whole, data, recipe, out=tmp_path / "whole"))
    assert [log.epoch for log in logs] == list(range(1, recipe.epochs * whole.generations + 1))
    for log in train(stopped, data, recipe, out=tmp_path / "parts"):
        if log.epoch == len(logs) - 1:
            break
    rest = list(train(resumed, data, recipe, out=tmp_path / "parts", resume=True))
    assert [log.epoch for log in rest] == [len(logs)] and (rest[0].step, rest[0].loss) == (logs[-1].step, logs[-1].loss)
    a, b = weights(whole), weights(resumed)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert whole.kept.keys() == resumed.kept.keys() and all(torch.equal(whole.kept[key], resumed.kept[key]) for key in whole.kept)


@pytest.mark.parametrize("name", DUMMIES)
def test_the_command_line_trains_it_by_name_with_its_own_options_and_measures_it(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labels = ["--labels", "0.25"] if name == "Pseudo" else []
    assert main(["train", name.lower(), *TINY, *labels, "--batch", "8", "--jitter", "0.5", "--out", "run"]) == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["recipe"]["batch"] == 8 and config["settings"]["augmentation"]["jitter"] == 0.5
    assert main(["train", name, "--out", "run", "--resume"]) == 0  # nothing is left to do
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    assert "trained" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"] if name == "" else ["train", "--help"])
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("name", DUMMIES)
def test_a_whole_step_runs_on_the_meta_device(name, images):
    with torch.device("meta"):
        method = build(name)
    batch = {"x": images.x[:8], "labels": images.labels[:8], "depth": images.depth[:8]}
    given = [batch[column].to("meta") for column in method.columns]
    more = [given[0], torch.empty(8, 10, device="meta")] if name == "Pseudo" else []
    loss = method(*method.views(*given, *more))
    loss.backward()
    assert loss.device.type == "meta"


def test_an_epoch_is_as_long_as_relabel_makes_it_and_progress_ends_at_one(images):
    """48 images: 32, 96, 32 in batches of 16."""
    method, seen = build("Clusters"), []
    logs = []
    for event in follow(method, images, method.recipes["scenes"]):
        (seen if hasattr(event, "progress") else logs).append(event)
    assert [(log.step, log.images) for log in logs] == [(2, 32), (8, 96), (10, 32)]
    thirds = [(i + 1) / 2 / 3 for i in range(2)], [1 / 3 + (i + 1) / 6 / 3 for i in range(6)], [2 / 3 + (i + 1) / 2 / 3 for i in range(2)]
    assert [step.progress for step in seen] == pytest.approx(list(itertools.chain(*thirds)))
    assert [step.last for step in seen] == [step.number in (2, 8, 10) for step in seen]


def test_parameters_that_relabel_draws_anew_lose_their_optimizer_state_and_no_others(images):
    method = build("Clusters")
    training = Training(method, images, method.recipes["scenes"])
    steps = training.steps()
    for step in steps:
        if step.last:
            break
    next(steps)  # the first step of the second epoch
    taken = {name: int(training.optimizer.state[p]["step"]) for name, p in method.named_parameters()}
    assert {taken[name] for name in taken if name.startswith("classifier")} == {1}
    assert {taken[name] for name in taken if name.startswith("encoder")} == {3}


def test_generations_run_in_one_folder_each_with_the_last_as_its_teacher(images, tmp_path, monkeypatch):
    """From one command; killed in the second generation, resumed there."""
    monkeypatch.chdir(tmp_path)
    command = ["train", "Pseudo", *TINY, "--labels", "0.25", "--generations", "3"]
    assert main([*command, "--out", "whole"]) == 0

    class Killed(Exception):
        pass

    def kill(self, event):
        if getattr(event, "step", None) is not None and event.epoch == 3:  # a Log: the first epoch of the second generation
            shutil.copytree("broken", "kept")
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("ssl_lab.terminal.Progress.__call__", kill)
        with pytest.raises(Killed):
            main([*command, "--out", "broken"])
    assert read_tensors(Path("kept/weights.safetensors"))[0]["taught"] == 1
    assert main(["train", "Pseudo", "--out", "kept", "--resume"]) == 0
    whole, resumed = (read_tensors(Path(name, "weights.safetensors"))[0] for name in ("whole", "kept"))
    assert whole["taught"] == 2 and all(torch.equal(whole[key], resumed[key]) for key in whole)
    lines = [json.loads(line) for line in Path("kept/metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_the_learning_rate_begins_anew_with_every_generation(images):
    method = build("Pseudo", generations=2)
    lr = [step.lr for step in follow(method, lesson("Pseudo", images), method.recipes["scenes"]) if hasattr(step, "progress")]
    half = len(lr) // 2
    assert lr[:half] == lr[half:] and lr[half] != lr[half - 1]


def test_a_batch_of_two_groups_is_never_without_labels(images):
    """12 labelled images and 36 others, 4 and 12 of them a step: three steps an epoch."""
    seen = []

    class Watching(methods.Pseudo):
        def forward(self, x, labels, u, targets):
            assert (labels >= 0).all()
            seen.append((len(x), len(u), targets.shape[1]))
            return super().forward(x, labels, u, targets)

    logs = list(train(Watching(small_resnet(width=4), generations=1), lesson("Pseudo", images), Recipe(epochs=1, batch=16)))
    assert seen == [(4, 12, 10)] * 3 and logs[0].images == 48


def test_state_that_is_as_long_as_the_data_is_no_part_of_the_weights(images, tmp_path):
    list(train(build("Clusters"), images, replace(methods.Clusters.recipes["scenes"], epochs=1), out=tmp_path))
    assert "kept/assignment" in read_tensors(tmp_path / "state.safetensors")[0]
    assert not [name for name in read_tensors(tmp_path / "weights.safetensors")[0] if "assignment" in name]


def test_a_share_of_labels_is_refused_by_whoever_learns_without(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "Places", *TINY, "--labels", "0.5"]) == 2
    assert "--labels 0.5" in capsys.readouterr().err


def test_a_column_that_is_missing_is_named(images):
    with pytest.raises(InputError, match="Senses learns from x, depth, and depth is missing"):
        train(build("Senses"), replace(images, depth=None), Recipe(epochs=1, batch=16))


def test_positions_are_rows_of_the_log(images):
    method = build("Places")
    log = next(train(method, images, method.recipes["scenes"]))
    assert method.embeddings["z"].shape == (16, 8, 2, 2) and {"std", "rank", "uniformity"} <= set(log.stats)
