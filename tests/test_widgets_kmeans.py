"""KMeansExplorer: its steps are those of `kmeans`."""

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.kmeans import kmeans, pca_whiten
from ssl_lab.models import small_resnet
from ssl_lab.widgets import KMeansExplorer
from ssl_lab.widgets.kmeans import ROUNDS, corner, run


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=60)


@pytest.fixture(scope="module")
def h(images):
    torch.manual_seed(0)
    return features(small_resnet(width=4), images)


@pytest.fixture(scope="module")
def explorer(h, images):
    return KMeansExplorer(h, images, pca=8)


@pytest.mark.parametrize("init", ["random", "k-means++"])
@pytest.mark.parametrize("repaired", [True, False])
def test_its_steps_are_those_of_kmeans(h, init, repaired):
    z = F.normalize(pca_whiten(h, 8)(h), dim=1)
    last = list(run(z, torch.zeros(len(z), 2), 5, init, repaired, seed=3))[-1]
    found = kmeans(z, 5, ROUNDS, init, seed=3, repaired=repaired)
    torch.testing.assert_close(torch.from_numpy(last.centroids) + z.mean(0), found.centroids)


def test_a_start_in_the_corner_leaves_all_clusters_empty_but_one(explorer):
    for name, x in explorer.spaces.items():
        x = x - x.mean(0)
        assert torch.cdist(x, corner(x, explorer.xy, 6)).argmin(1).unique().tolist() == [0], name


def test_an_empty_cluster_is_said_and_repaired_and_stays_empty_without_the_repair(explorer):
    explorer.set(init="corner", k=4, step=1, repaired=True)
    assert "3 of 4 clusters are empty" in explorer.summary
    explorer.set(step=36)
    assert "no cluster is empty" in explorer.summary
    explorer.set(repaired=False, step=3)
    assert "not repaired: 3 of 4 clusters stay empty" in explorer.summary


def test_steps_have_names_and_another_start_is_another_run(explorer):
    explorer.set(init="random", repaired=True, k=4, step=36)
    assert explorer.controls["step"].words(1) == "1 assign" and explorer.controls["step"].words(36) == "12 repair"
    before = explorer.moments[-1].centroids.copy()
    explorer.set(again=explorer.controls["again"].value + 1)
    assert (explorer.moments[-1].centroids != before).any()


def test_the_chosen_cluster_is_one_that_there_is(explorer):
    explorer.set(k=6, cluster=5)
    explorer.controls["k"].value = 3
    assert explorer.controls["cluster"].value == 2


def test_what_cannot_be_clustered_is_named(h, images):
    for given, options, word in (
        ((h[:10], images), {}, "10 rows and 60 images"),
        ((h, images), {"shown": 2}, "shown=2"),
        ((h, images), {"pca": 33}, "33"),
        ((torch.ones_like(h), images), {"pca": 8}, "equal"),
    ):
        with pytest.raises(InputError, match=word):
            KMeansExplorer(*given, **options)
