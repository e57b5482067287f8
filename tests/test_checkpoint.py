"""A run folder: whole files or none, no pickles, and a sentence for everything that can be wrong with it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from torch import nn

from ssl_lab.checkpoint import CONFIG, METRICS, STATE, WEIGHTS, Run
from ssl_lab.errors import InputError
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import RandomStream

RECIPE = Recipe(epochs=2)
LOG = Log(1, 2, 5, 0.5, 0.1, 1.0, 100)


@pytest.fixture
def parts():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), nn.BatchNorm2d(4))
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    module(torch.rand(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    return module, optimizer, RandomStream(1, torch.device("cpu"))


def test_everything_comes_back(parts, tmp_path):
    module, optimizer, stream = parts
    Run.open(tmp_path, module, RECIPE, resume=False).save(module, optimizer, stream, LOG)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    moments, random = torch.optim.AdamW(other.parameters(), 1e-3), RandomStream(2, torch.device("cpu"))
    assert Run.open(tmp_path, other, RECIPE, resume=True).restore(other, moments, random) == 1
    for a, b in zip(module.state_dict().values(), other.state_dict().values()):
        assert torch.equal(a, b)
    for a, b in zip(optimizer.state_dict()["state"].values(), moments.state_dict()["state"].values()):
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    assert torch.equal(stream.state["cpu"], random.state["cpu"])


def test_files_are_text_and_safetensors(parts, tmp_path):
    Run.open(tmp_path, parts[0], RECIPE, resume=False).save(*parts, LOG)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CONFIG, METRICS, STATE, WEIGHTS])
    config = json.loads((tmp_path / CONFIG).read_text())
    assert config["method"] == "Sequential" and config["recipe"]["epochs"] == 2 and config["versions"]["torch"] == torch.__version__
    with safe_open(tmp_path / WEIGHTS, "pt") as file:
        assert set(file.keys()) == set(parts[0].state_dict())


def test_what_the_caller_wrote_in_the_config_stays(parts, tmp_path):
    (tmp_path / CONFIG).write_text(json.dumps({"data": {"name": "scenes"}}))
    assert Run.open(tmp_path, parts[0], RECIPE, resume=False).config()["data"] == {"name": "scenes"}


def test_an_epoch_that_is_run_again_replaces_its_line(parts, tmp_path):
    """A crash between metrics and state leaves a line too many; the resumed epoch writes it anew."""
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    for log in (LOG, LOG.__class__(2, 2, 10, 0.4, 0.1, 1.0, 100), LOG.__class__(2, 2, 10, 0.3, 0.1, 1.0, 100)):
        run.save(*parts, log)
    assert [(row["epoch"], row["loss"]) for row in run.metrics()] == [(1, 0.5), (2, 0.3)]


def test_a_new_run_starts_at_the_beginning_even_with_resume(parts, tmp_path):
    assert Run.open(tmp_path / "new", parts[0], RECIPE, resume=True).restore(*parts) == 0


def test_weights_go_into_the_same_architecture_only(parts, tmp_path):
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    run.save(*parts, LOG)
    fresh = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    run.load(fresh)
    assert torch.equal(fresh[0].weight, parts[0][0].weight)
    with pytest.raises(InputError, match=r"does not fit this Linear: weight is missing there and \(3, 3\) here; build it"):
        run.load(nn.Linear(3, 3))


def test_a_state_of_another_shape_is_refused_by_name_before_anything_is_put_back(parts, tmp_path):
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    run.save(*parts, LOG)
    wider = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5))
    before = {name: tensor.clone() for name, tensor in wider.state_dict().items()}
    words, config = r"state\.safetensors does not fit this Sequential: 1\.weight is \(4,\) there and \(5,\) here; build it", run.config()
    with pytest.raises(InputError, match=words):
        run.restore(wider, *parts[1:])
    with pytest.raises(InputError, match=words):
        Run.open(tmp_path, wider, replace(RECIPE), resume=True)
    assert all(torch.equal(before[name], tensor) for name, tensor in wider.state_dict().items()) and run.config() == config


@pytest.mark.parametrize("lost", ["method", "recipe", "settings"])
def test_a_run_of_which_nobody_knows_what_it_was_is_not_resumed(parts, tmp_path, lost):
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    run.save(*parts, LOG)
    (tmp_path / CONFIG).write_text(json.dumps({key: value for key, value in run.config().items() if key != lost}))
    with pytest.raises(InputError, match=f"was begun with {lost} = None"):
        Run.open(tmp_path, parts[0], RECIPE, resume=True)


def test_a_run_goes_on_where_its_random_numbers_are(parts, tmp_path):
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    run.save(*parts, LOG)
    elsewhere = SimpleNamespace(state={"cpu": parts[2].state["cpu"], "cuda": torch.zeros(1)})
    with pytest.raises(InputError, match="random numbers of cpu, and here are those of cpu and cuda; resume it on its own device"):
        run.restore(*parts[:2], elsewhere)


def test_settings_are_the_plain_values_that_a_method_keeps(parts, tmp_path):
    module = parts[0]
    module.tau, module.distortion, module.queue = 0.2, {"area": (0.5, 1.0), "jitter": 1.0, "draw": torch.rand}, torch.rand(2)
    kept = Run.open(tmp_path, module, RECIPE, resume=False).config()["settings"]
    assert kept == {"tau": 0.2, "distortion": {"area": [0.5, 1.0], "jitter": 1.0, "draw": "builtin_function_or_method"}}


@pytest.mark.parametrize("spoil, words", [
    (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-7]), "cannot be read"),
    (lambda folder: (folder / WEIGHTS).write_text("no tensors"), "cannot be read"),
    (lambda folder: (folder / WEIGHTS).unlink(), "is not there"),
    (lambda folder: (folder / CONFIG).write_text("{"), "is damaged"),
    (lambda folder: (folder / METRICS).write_text('{"epoch"\n'), "is damaged"),
])
def test_damaged_files_are_named(parts, tmp_path, spoil, words):
    run = Run.open(tmp_path, parts[0], RECIPE, resume=False)
    run.save(*parts, LOG)
    spoil(tmp_path)

    def use():
        return run.config(), run.metrics(), run.load(parts[0])

    with pytest.raises(InputError, match=words):
        use()


def test_a_file_is_no_folder(parts, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Run.open(tmp_path / "taken", parts[0], RECIPE, resume=False)
