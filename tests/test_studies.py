"""What is recorded is what one command makes again, and the notebooks may rely on it."""

import dataclasses
import json

import pytest
import torch

from ssl_lab import studies
from ssl_lab.__main__ import main
from ssl_lab.augment import SMALL
from ssl_lab.checkpoint import settings
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.methods import MoCo, SimCLR
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import small_resnet
from ssl_lab.studies import BYOLS, FOLDER, MOMENTA, STUDIES, begin, labels, record, recorded
from ssl_lab.studies.ages import MOMENTS, OLDEST
from ssl_lab.studies.labels import COUNTS
from ssl_lab.train import train

WEIGHTS = [name for name, study in STUDIES.items() if study.weights]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_recorded_with_the_recipe_that_it_has_now(name):
    again = f"run: ssl-lab study {name} --out ssl_lab/recorded"
    assert (FOLDER / f"{name}.json").exists(), again
    found, (method, recipe) = recorded(name), begin(name)
    assert found.recipe == dataclasses.asdict(recipe), again
    assert found.settings in ({}, settings(method.settings)), again
    assert found.settings or not name.startswith("noisy-student"), again
    assert [row["epoch"] for row in found.curve] == list(range(recipe.epochs * method.generations + 1)), again
    assert all({"loss", "knn"} <= set(row) for row in found.curve[1:])


@pytest.mark.parametrize("name", WEIGHTS)
def test_recorded_weights_are_those_that_were_measured(name):
    """On the first 2,000 images instead of all 10,000, so about as good; rounding the weights to 16 bits costs next to nothing."""
    found = recorded(name)
    method = found.method()
    known, unseen = load("scenes", limit=2_000), load("scenes", split="test", limit=500)
    accuracy = knn_accuracy(features(method.encoder, known), known.labels, features(method.encoder, unseen), unseen.labels)
    assert accuracy == pytest.approx(found.curve[-1]["knn"], abs=0.02)


def test_recorded_weights_are_small():
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


def test_what_the_notebooks_say_of_the_studies_is_so():
    knn = {name: recorded(name).knn for name in STUDIES}
    assert knn["simclr"] > 0.95
    assert knn["supervised"] > 0.95
    assert knn["simclr-no-colour"] < recorded("simclr").untrained["knn"] + 0.05
    head, none = recorded("simclr").factors, recorded("simclr-no-head").factors
    assert all(head[name] > none[name] + 0.1 for name in ("x", "y", "size", "light")), "the head keeps in h what the views change"


def test_without_recorded_weights_it_says_so():
    name = next(name for name in STUDIES if name not in WEIGHTS)
    with pytest.raises(InputError, match=f"take begin\\('{name}'\\), and train it"):
        recorded(name).method()


def test_every_file_belongs_to_a_study():
    there = {path.stem for path in FOLDER.iterdir()}
    assert there <= set(STUDIES)
    assert there == set(STUDIES), f"run: ssl-lab study {' '.join(sorted(set(STUDIES) - there))} --out ssl_lab/recorded"


@pytest.mark.parametrize("m, name", MOMENTA.items())
def test_the_momenta_are_those_of_the_runs_and_their_keys_were_recorded_whole(m, name):
    """At every moment ages 0 to 64, or as many as there are steps; the runs' queue is MoCo's own, as the picture says."""
    (method, recipe), rows = begin(name), recorded(name).seen
    assert method.m == m and len(method.queue) == MoCo.suits["scenes"]["K"] == recorded(name).settings["K"]
    assert [row["epoch"] for row in rows] == [*MOMENTS, recipe.epochs]
    steps = 10_000 // recipe.batch
    assert all(len(row["agreement"]) == 1 + min(OLDEST, steps * row["epoch"]) for row in rows)
    assert all(-1 <= value <= 1 for row in rows for value in (*row["agreement"], row["strangers"]))


def test_what_the_notebook_says_of_the_momentum_is_so():
    """Fast key networks leave their own keys behind and learn little; a slow one keeps them."""
    fast, slow = ({row["epoch"]: row for row in recorded(name).seen} for name in ("moco-no-average", "moco"))
    assert recorded("moco-no-average").knn < 0.3 < 0.9 < recorded("moco").knn
    for epoch in (2, 5):
        assert fast[epoch]["agreement"][16] < fast[epoch]["strangers"], "keys of m = 0 are worse than strangers"
        assert slow[epoch]["agreement"][16] > slow[epoch]["strangers"] + 0.2


@pytest.mark.parametrize("switches, name", BYOLS.items())
def test_the_switches_are_those_of_the_runs(switches, name):
    method, recipe = begin(name)
    predictor, average, stop = switches
    assert (isinstance(method.predictor, torch.nn.Sequential), method.m > 0, method.stop_gradient) == (predictor, average, stop)
    assert recorded(name).seen[-1]["step"] == recipe.epochs * (10_000 // recipe.batch)


def test_studies_begin_with_the_same_weights_and_leave_the_random_numbers_alone():
    state = torch.get_rng_state()
    (one, _), (other, _) = begin("simclr"), begin("simclr")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values()))


def test_a_study_changes_what_its_title_says():
    assert begin("simclr-no-colour")[0].augmentation.jitter == 0
    assert begin("simclr-cold")[0].tau < begin("simclr")[0].tau
    x = torch.rand(4, 3, 32, 32)
    method, _ = begin("simclr-no-head")
    assert torch.equal(method.eval().embed(x), method.encoder(x))
    small, usual = begin("simclr-tiny-batch")[1], begin("simclr")[1]
    assert (small.batch, small.lr / small.batch) == (8, usual.lr / usual.batch)


def test_a_study_is_recorded_again_by_one_command(tmp_path, capsys):
    assert main(["study", "simclr-no-head", "--limit", "512", "--epochs", "1", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "no head" in said
    assert f"into {tmp_path}" in said
    found = recorded("simclr-no-head", tmp_path)
    assert (found.recipe["epochs"], len(found.curve)) == (1, 2)
    assert found.settings == settings(begin("simclr-no-head")[0].settings) and found.settings["dim"] is None
    assert 0 <= found.knn <= 1 and 0 <= found.linear <= 1
    assert set(found.untrained) == {"knn", "linear", "factors"}
    assert found.method().projector(torch.ones(2, 3)).shape == (2, 3)
    assert json.loads((tmp_path / "simclr-no-head.json").read_text())["cpu_seconds"] > 0


def test_the_same_study_gives_the_same_figures(tmp_path):
    def run(folder):
        for _ in record("simclr-tiny-batch", folder, limit=64, epochs=1):
            pass
        kept = json.loads((folder / "simclr-tiny-batch.json").read_text())
        return {name: value for name, value in kept.items() if name != "cpu_seconds"}

    assert run(tmp_path / "a") == run(tmp_path / "b")


def test_watching_changes_no_training(tmp_path):
    """What is looked at between the steps of MoCo and BYOL, and between the epochs of DeepCluster, leaves the weights as they are."""
    for name in ("moco", "byol", "deepcluster"):
        method, recipe = begin(name)
        recipe = dataclasses.replace(recipe, epochs=1)
        for _ in record(name, tmp_path, limit=512, epochs=1):
            pass
        for _ in train(method, load("scenes", limit=512), recipe, threads=1):
            pass
        assert all(torch.equal(tensor.bfloat16(), recorded(name, tmp_path).method().state_dict()[key].bfloat16())
                   for key, tensor in method.encoder.state_dict(prefix="encoder.").items() if tensor.is_floating_point())  # fmt: skip


def test_the_command_lists_the_studies(capsys):
    assert main(["study"]) == 0
    said = capsys.readouterr().out
    for name, study in STUDIES.items():
        assert f"{name} " in said and study.title in said


def test_an_unknown_study_is_one_sentence(capsys, tmp_path):
    assert main(["study", "simclr-blue"]) == 2
    assert "study 'simclr-blue' is unknown; there are: supervised, simclr" in capsys.readouterr().err
    assert main(["study", "simclr-no-head", "simclr-blue", "--limit", "64", "--epochs", "1", "--out", str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists(), "nothing is trained before all names are known"
    for ask in (begin, recorded):
        with pytest.raises(InputError, match="is unknown"):
            ask("simclr-blue")


def test_what_labels_are_worth_is_measured_with_the_views_of_the_method_itself(monkeypatch):
    given, images, views = [], load("scenes", limit=40), dataclasses.replace(SMALL, hue=0.1)
    monkeypatch.setattr(labels, "finetune", lambda *_, augmentation, **__: given.append(augmentation) or 0.0)
    labels.Labels(SimCLR(small_resnet(width=4), augmentation=views), images, images, begin("simclr")[1]).row(images)
    assert given == [PLAIN, views, views]


def test_label_efficiency_has_a_point_for_every_count():
    counts, curves = studies.label_efficiency()
    assert counts == sorted(counts) == list(COUNTS)
    assert list(curves) == ["pixels", "supervised", "augmented", "probe", "fine-tuned"]
    assert all(len(curve) == len(counts) and all(0 <= value <= 1 for value in curve) for curve in curves.values())
