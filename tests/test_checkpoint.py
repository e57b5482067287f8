"""A run folder: whole files or none, no pickles, and a sentence for everything that can be wrong with it."""

import json
import os
import runpy
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings, strategies
from safetensors import safe_open
from torch import nn

from ssl_lab.checkpoint import CONFIG, METRICS, STATE, WEIGHTS, Run
from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.stream import RandomStream

DAMAGED = runpy.run_path(str(Path(__file__).parent / "dummies" / "damaged.py"))
RECIPE = Recipe(epochs=2)
LOG = Log(1, 2, 5, 0.5, 0.1, 1.0, 100)


def begin(module: nn.Module, seed: int = 1) -> SimpleNamespace:
    """As much of a `train.Training` as a run saves."""
    module.settings, module.kept, module.columns = {}, {}, ("x",)
    lesson = Images(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.full((4,), -1))
    optimizer, stream = torch.optim.AdamW(module.parameters(), 1e-3), RandomStream(seed, torch.device("cpu"))
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    return SimpleNamespace(
        method=module, optimizer=optimizer, scaler=scaler, stream=stream, device=torch.device("cpu"), threads=2, epoch=0, number=0,
        recipe=RECIPE, lesson=lesson,
    )  # fmt: skip


@pytest.fixture
def training():
    torch.manual_seed(0)
    begun = begin(nn.Sequential(nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), nn.BatchNorm2d(4)))
    begun.method(torch.rand(2, 3, 8, 8)).sum().backward()
    begun.optimizer.step()
    begun.method.kept = {"assignment": torch.arange(7)}
    return begun


def test_everything_comes_back(training, tmp_path):
    Run.open(tmp_path, training, resume=False).save(training, LOG)
    other = begin(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), seed=2)
    other.threads = None
    Run.open(tmp_path, other, resume=True).restore(other)
    assert (other.epoch, other.number, other.threads) == (1, 5, 2)
    for a, b in zip(training.method.state_dict().values(), other.method.state_dict().values()):
        assert torch.equal(a, b)
    for a, b in zip(training.optimizer.state_dict()["state"].values(), other.optimizer.state_dict()["state"].values()):
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    assert torch.equal(training.stream.state["cpu"], other.stream.state["cpu"])
    assert other.method.kept["assignment"].tolist() == [*range(7)]


def test_threads_that_were_asked_for_go_before_those_of_the_run(training, tmp_path):
    Run.open(tmp_path, training, resume=False).save(training, LOG)
    training.threads = 1
    Run.open(tmp_path, training, resume=True).restore(training)
    assert training.threads == 1


def test_the_scale_of_float16_comes_back(training, tmp_path):
    training.scaler = torch.amp.GradScaler("cpu")
    training.scaler.load_state_dict({**training.scaler.state_dict(), "scale": 32.0, "_growth_tracker": 7})
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    training.scaler = torch.amp.GradScaler("cpu")
    run.restore(training)
    state = training.scaler.state_dict()
    assert (state["scale"], state["_growth_tracker"]) == (32.0, 7)


def test_files_are_text_and_safetensors(training, tmp_path):
    Run.open(tmp_path, training, resume=False).save(training, LOG)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CONFIG, METRICS, STATE, WEIGHTS])
    config = json.loads((tmp_path / CONFIG).read_text())
    assert config["method"] == "Sequential" and config["recipe"]["epochs"] == 2 and config["versions"]["torch"] == torch.__version__
    with safe_open(tmp_path / WEIGHTS, "pt") as file:
        assert set(file.keys()) == set(training.method.state_dict())


def test_what_is_added_to_the_config_stays(training, tmp_path):
    run = Run.open(tmp_path, training, resume=False)
    run.add(data={"name": "scenes"})
    run.save(training, LOG)
    assert Run.open(tmp_path, training, resume=True).config()["data"] == {"name": "scenes"}


@pytest.mark.parametrize("name", [CONFIG, METRICS, WEIGHTS, STATE])
def test_a_folder_with_any_file_of_a_run_is_not_overwritten(training, tmp_path, name):
    """A run that was killed before its first epoch had ended, or somebody else's config."""
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=rf"holds a run already \({name}\); resume it"):
        Run.open(tmp_path, training, resume=False)
    with pytest.raises(InputError, match=r"config\.json: method is missing; the file is damaged"):
        Run.open(tmp_path, training, resume=True)
    assert (tmp_path / name).read_text() == "{}" and [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [CONFIG, METRICS, WEIGHTS, STATE])
def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_trained(training, tmp_path, name):
    Run.open(tmp_path, training, resume=False).save(training, LOG)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"{name} is no regular file, and the run's {name} belongs there; remove it"):
        Run.open(tmp_path, training, resume=True)


def test_what_another_config_was_written_under_is_not_taken(training, tmp_path):
    """A rate that somebody changed in config.json by hand is no way to change it in the middle of a run."""
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    config = run.config()
    (tmp_path / CONFIG).write_text(json.dumps({**config, "recipe": {**config["recipe"], "lr": 0.5}}))
    training.recipe = replace(RECIPE, lr=0.5)
    with pytest.raises(InputError, match=r"state.safetensors was not written under what .*config.json says; put back the config.json"):
        Run.open(tmp_path, training, resume=True).restore(training)
    with pytest.raises(InputError, match=r"weights.safetensors was not written under what .*config.json says"):
        run.load(training.method)
    (tmp_path / CONFIG).unlink()
    run.load(training.method)  # weights alone are weights


def test_an_empty_name_is_no_folder(training):
    with pytest.raises(InputError, match="a run needs a folder, and its name is empty; give one"):
        Run.open("", training, resume=False)


def test_an_epoch_that_is_run_again_replaces_its_line(training, tmp_path):
    """A crash between metrics and state leaves a line too many; the resumed epoch writes it anew."""
    run = Run.open(tmp_path, training, resume=False)
    for log in (LOG, LOG.__class__(2, 2, 10, 0.4, 0.1, 1.0, 100), LOG.__class__(2, 2, 10, 0.3, 0.1, 1.0, 100)):
        run.save(training, log)
    assert [(row["epoch"], row["loss"]) for row in run.metrics()] == [(1, 0.5), (2, 0.3)]


def test_a_new_run_starts_at_the_beginning_even_with_resume(training, tmp_path):
    Run.open(tmp_path / "new", training, resume=True).restore(training)
    assert (training.epoch, training.number) == (0, 0)


def test_weights_go_into_the_same_architecture_only(training, tmp_path):
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    fresh = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    run.load(fresh)
    assert torch.equal(fresh[0].weight, training.method[0].weight)
    with pytest.raises(InputError, match=r"does not fit this Linear: weight is missing there and \(3, 3\) here; build it"):
        run.load(nn.Linear(3, 3))


def test_a_state_of_another_shape_is_refused_by_name_before_anything_is_put_back(training, tmp_path):
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    wider = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5))
    before = {name: tensor.clone() for name, tensor in wider.state_dict().items()}
    words, config = r"state\.safetensors does not fit this Sequential: 1\.weight is \(4,\) there and \(5,\) here; build it", run.config()
    with pytest.raises(InputError, match=words):
        run.restore(begin(wider))
    with pytest.raises(InputError, match=words):
        Run.open(tmp_path, begin(wider), resume=True)
    assert all(torch.equal(before[name], tensor) for name, tensor in wider.state_dict().items()) and run.config() == config


@pytest.mark.parametrize("lost", ["method", "recipe", "settings", "images", "trained"])
def test_a_run_of_which_nobody_knows_what_it_was_is_not_resumed(training, tmp_path, lost):
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    (tmp_path / CONFIG).write_text(json.dumps({key: value for key, value in run.config().items() if key != lost}))
    with pytest.raises(InputError, match=rf"config\.json: {lost} is missing; the file is damaged, or this version of ssl-lab did not write it"):
        Run.open(tmp_path, training, resume=True)


def test_a_run_goes_on_where_its_random_numbers_are(training, tmp_path):
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    training.stream = SimpleNamespace(state={"cpu": training.stream.state["cpu"], "cuda": torch.zeros(1)})
    with pytest.raises(InputError, match="random numbers of cpu, and here are those of cpu and cuda; resume it on its own device"):
        run.restore(training)


def test_settings_are_the_arguments_that_a_method_was_built_with(tmp_path):
    method = SimCLR(small_resnet(width=4), tau=0.3)
    lesson = Images(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.full((4,), -1))
    kept = Run.open(tmp_path, SimpleNamespace(method=method, recipe=RECIPE, lesson=lesson), resume=False).config()["settings"]
    assert (kept["tau"], kept["dim"], kept["augmentation"]["area"]) == (0.3, 128, [0.5, 1.0]) and "encoder" not in kept


@pytest.mark.parametrize("spoil, words", [
    (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-7]), "cannot be read"),
    (lambda folder: (folder / WEIGHTS).write_text("no tensors"), "cannot be read"),
    (lambda folder: (folder / WEIGHTS).unlink(), "is not there"),
    (lambda folder: (folder / CONFIG).write_text("{"), "is no JSON"),
    (lambda folder: (folder / METRICS).write_text('{"epoch"\n'), "is no JSON"),
    (lambda folder: (folder / METRICS).write_text("[1]\n"), r"metrics.jsonl is \[1\], and a dictionary is needed"),
    (lambda folder: (folder / METRICS).write_text('{"epoch": 1, "rank": "x"}\n'), 'metrics.jsonl: rank is "x", and a number is needed'),
    (lambda folder: (folder / METRICS).write_text('{"epoch": 1.5}\n'), "metrics.jsonl: epoch is 1.5, and a whole number is needed"),
    (lambda folder: (folder / METRICS).write_text('{"loss": 1}\n'), "metrics.jsonl: epoch is null, and a whole number is needed"),
])
def test_damaged_files_are_named(training, tmp_path, spoil, words):
    run = Run.open(tmp_path, training, resume=False)
    run.save(training, LOG)
    spoil(tmp_path)

    def use():
        return run.config(), run.metrics(), run.load(training.method)

    with pytest.raises(InputError, match=words):
        use()


def test_a_file_is_no_folder(training, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Run.open(tmp_path / "taken", training, resume=False)


@pytest.mark.skipif(os.name == "nt", reason="makes pipes")
@settings(max_examples=50, derandomize=True, deadline=None, database=None)
@given(strategies.randoms(use_true_random=False))
def test_a_damaged_run_goes_on_as_if_nothing_had_been_or_is_refused_in_one_sentence(random):
    """As `python tests/benchmarks/odd.py --runs 1000`, which looks at the memory too."""
    with tempfile.TemporaryDirectory() as folder:
        assert DAMAGED["damaged"](random, Path(folder))[0] in ("read", "refused")
