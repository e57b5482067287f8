"""What is recorded of efficient classification: four learners with the same labels, for every number of labels that there are images for."""

from types import SimpleNamespace

import pytest
import torch

from ssl_lab import evaluate
from ssl_lab.data import load
from ssl_lab.methods import CPC
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.studies import STUDIES
from ssl_lab.studies.efficiency import Efficiency

RECIPE = Recipe(epochs=1, batch=8, seed=3)


class Short(Efficiency):
    counts, steps = (10, 30, 40), 7


@pytest.fixture
def watched(monkeypatch):
    """A watch at its end, with 30 scenes to learn from, so that the last number of labels is left out; and what the two trainings were given."""
    asked = []

    def noted(name, found):
        def training(encoder, images, unseen, steps, *recipes, threads, **more):
            asked.append((name, encoder, images, unseen, steps, threads))
            return found

        return training

    monkeypatch.setattr(evaluate, "efficient", noted("efficient", SimpleNamespace(frozen=0.25, tuned=0.5)))
    monkeypatch.setattr(evaluate, "from_scratch", noted("from_scratch", 0.75))
    torch.manual_seed(0)
    method = CPC(small_resnet(width=4, norm="layer"), size=16, stride=16, steps=1, skip=0).eval()
    watch = Short(method, load("scenes", limit=30), load("scenes", split="test", limit=20), RECIPE)
    watch.end()
    return watch, asked


def test_there_is_a_row_for_each_number_of_labels_and_each_learner_stands_under_its_name(watched):
    watch, _ = watched
    assert [row["labels"] for row in watch.seen] == [10, 30]
    assert all(list(row) == ["labels", "linear", "frozen", "tuned", "scratch"] for row in watch.seen)
    assert all((row["frozen"], row["tuned"], row["scratch"]) == (0.25, 0.5, 0.75) for row in watch.seen)


def test_every_learner_has_the_same_labels_and_from_scratch_as_many_steps_as_both_stages(watched):
    watch, asked = watched
    assert [(name, len(images), steps) for name, _, images, _, steps, _ in asked] == [
        ("efficient", 10, 7), ("from_scratch", 10, 14), ("efficient", 30, 7), ("from_scratch", 30, 14)
    ]  # fmt: skip
    some = watch.images.label_fraction(10 / 30, RECIPE.seed).labelled()
    for _, encoder, images, unseen, _, threads in asked[:2]:
        assert encoder is watch.method.encoder and unseen is watch.unseen and threads == 1
        assert torch.equal(images.x, some.x) and torch.equal(images.labels, some.labels)
    h, ht = evaluate.features(watch.method.encoder, some), evaluate.features(watch.method.encoder, watch.unseen)
    assert watch.seen[0]["linear"] == evaluate.linear_probe(h, some.labels, ht, watch.unseen.labels).accuracy


def test_cpc_is_watched_as_it_is_and_no_switch_is():
    watched = [name for name, study in STUDIES.items() if study.watch is Efficiency]
    assert watched == ["cpc"]
    assert Efficiency.counts == (100, 1_000, 10_000), "a hundredth, a tenth and all of the scenes that a study learns from"
