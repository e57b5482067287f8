"""What is recorded of efficient classification: four learners with the same labels, for every number of labels that there are images for."""

import pytest
import torch

from ssl_lab import evaluate
from ssl_lab.data import load
from ssl_lab.methods import CPC
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.studies import STUDIES
from ssl_lab.studies.efficiency import Efficiency

STEPS, RECIPE = 1, Recipe(epochs=1, batch=8, seed=3)


class Short(Efficiency):
    counts, steps = (10, 30, 40), STEPS


@pytest.fixture(scope="module")
def watched():
    """A watch at its end, and the scenes: 30 to learn from, so the last number of labels is left out."""
    torch.manual_seed(0)
    method = CPC(small_resnet(width=4, norm="layer"), size=16, stride=16, steps=1, skip=0).eval()
    images, unseen = load("scenes", limit=30), load("scenes", split="test", limit=20)
    watch = Short(method, images, unseen, RECIPE)
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    watch.end()
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.state_dict().items()), "the method does not change"
    return watch, images, unseen


def test_there_is_a_row_for_each_number_of_labels_and_a_share_for_each_learner(watched):
    watch, _, _ = watched
    assert [row["labels"] for row in watch.seen] == [10, 30]
    for row in watch.seen:
        assert list(row) == ["labels", "linear", "frozen", "tuned", "scratch"]
        assert all(0 <= share <= 1 for name, share in row.items() if name != "labels")


def test_every_learner_has_the_labels_of_the_recipes_seed_and_the_frozen_grid_of_the_method(watched):
    watch, images, unseen = watched
    some = images.label_fraction(10 / 30, RECIPE.seed).labelled()
    assert len(some) == 10
    f, row = watch.method.encoder, watch.seen[0]
    h, ht = evaluate.features(f, some), evaluate.features(f, unseen)
    assert row["linear"] == evaluate.linear_probe(h, some.labels, ht, unseen.labels).accuracy
    found = evaluate.efficient(f, some, unseen, steps=STEPS, threads=1)
    assert (row["frozen"], row["tuned"]) == (found.frozen, found.tuned)
    assert row["scratch"] == evaluate.from_scratch(f, some, unseen, steps=2 * STEPS, threads=1)


def test_cpc_is_watched_as_it_is_and_no_switch_is():
    watched = [name for name, study in STUDIES.items() if study.watch is Efficiency]
    assert watched == ["cpc"]
    assert Efficiency.counts == (100, 1_000, 10_000), "a hundredth, a tenth and all of the scenes that a study learns from"
