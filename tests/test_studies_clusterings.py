"""What is recorded of DeepCluster's clusters: they are those that it learned from, and keep their numbers from epoch to epoch."""

import itertools
import runpy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.data import load
from ssl_lab.geometry import nmi
from ssl_lab.kmeans import pca_whiten
from ssl_lab.recipe import Log
from ssl_lab.studies import STUDIES, begin, record, recorded
from ssl_lab.studies.clusterings import KNOWN, SHOWN, Clusterings, followed

LIMIT, EPOCHS = 300, 3
DUMMY = runpy.run_path(str(Path(__file__).parent / "dummies" / "clusterings.py"))


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A short recording, and the features and clusters that the method made meanwhile."""
    from ssl_lab.methods import DeepCluster

    folder, made, cluster = tmp_path_factory.mktemp("trial"), [], DeepCluster.cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeepCluster, "cluster", lambda method, h: made.append((h.clone(), y := cluster(method, h))) or y)
        for _ in record("deepcluster", folder, limit=LIMIT, epochs=EPOCHS):
            pass
    return recorded("deepcluster", folder), made


def test_every_study_of_deepcluster_is_watched():
    names = [name for name in STUDIES if name.startswith("deepcluster")]
    assert len(names) > 1 and {STUDIES[name].watch for name in names} == {Clusterings}


def test_the_clusters_are_those_that_the_method_learned_from(trial):
    """Up to their numbers, which follow those of the epoch before."""
    found, made = trial
    kept = found.tensors()["assignment"].long()
    assert len(found.seen) == len(made) == len(kept) == EPOCHS
    for row, own, (_, y) in zip(found.seen, kept, made, strict=True):
        assert nmi(own, y[:KNOWN]).item() == 1
        assert sorted(row["sizes"]) == sorted(y.bincount(minlength=50).tolist())
        assert row["sizes"] == own.bincount(minlength=50).tolist()
        assert row["truth"] == pytest.approx(nmi(y, load("scenes", limit=LIMIT).labels).item(), abs=1e-4)


def test_the_agreement_with_the_epoch_before_is_the_logs(trial):
    found, made = trial
    assert found.seen[0]["nmi"] is None
    for row, logged, (_, before), (_, now) in zip(found.seen[1:], found.curve[2:], made, made[1:], strict=False):
        assert row["nmi"] == pytest.approx(nmi(before, now).item(), abs=1e-4) == pytest.approx(logged["nmi"], abs=1e-4)


def test_no_other_numbers_would_leave_more_images_with_their_own(trial):
    draw = torch.Generator().manual_seed(0)
    for _ in range(20):
        before, now = torch.randint(4, (2, 30), generator=draw)
        most = max((torch.tensor(numbers)[now] == before).sum() for numbers in itertools.permutations(range(4)))
        again = followed(before, now, 4)
        assert (again == before).sum() == most
        assert nmi(again, now) == 1


def test_a_cluster_that_is_empty_has_a_number_too():
    before, now = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([2, 2, 2, 2, 2])
    again = followed(before, now, 3)
    assert len(again.unique()) == 1 and int(again[0]) in (0, 1)


def test_distances_are_those_to_the_means_of_whitened_rows_of_unit_length(trial):
    found, made = trial
    for epoch, (h, _) in enumerate(made):
        kept = {name: tensor[epoch] for name, tensor in found.tensors().items()}
        z, y = F.normalize(pca_whiten(h, 32)(h), dim=1), kept["assignment"].long()
        for i in range(0, SHOWN, 37):
            if i < len(y):
                far = {cluster: (z[y == cluster].mean(0) - z[i]).norm().item() for cluster in y.unique().tolist()}
                own = int(y[i])
                other = min((cluster for cluster in far if cluster != own), key=far.get)
                assert int(kept["next"][i]) == other
                assert kept["distances"][i].tolist() == pytest.approx([far[own], far[other]], abs=2e-3)


def test_maps_of_successive_epochs_lie_alike(trial):
    found, _ = trial
    xy = found.tensors()["xy"].float()
    for one, other in itertools.pairwise(xy):
        turn = torch.linalg.svd(other.T @ one)
        assert torch.allclose(turn.U @ turn.Vh, torch.eye(2), atol=0.02), "a turn would bring it nearer"


def test_a_recording_of_forty_epochs_is_small(trial):
    """With the weights, at most 1 MB."""
    found, _ = trial
    bytes_each = {"assignment": KNOWN, "xy": 4 * SHOWN, "next": SHOWN, "distances": 4 * SHOWN}
    tensors = found.tensors()
    assert set(tensors) == set(bytes_each)
    assert [tensors[name].element_size() for name in ("assignment", "xy", "next", "distances")] == [1, 2, 1, 2]
    epochs = begin("deepcluster")[1].epochs
    weights = (found.folder / "deepcluster.safetensors").stat().st_size - sum(one.nbytes for one in tensors.values())
    assert weights + epochs * sum(bytes_each.values()) < 1_000_000


def test_a_cluster_alone_has_no_neighbour():
    method, recipe = begin("deepcluster-no-repair")
    images = load("scenes", limit=40)
    watch = Clusterings(method, images, images, recipe)
    method.pca = 8
    watch.h, watch.found = torch.randn(40, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(40, dtype=torch.long)
    watch.epoch(Log(1, 1, 1, 0.0, 0.0, 0.0, 40, {}))
    watch.end()
    assert watch.tensors["distances"][0, :, 1].isinf().all() and watch.tensors["distances"][0, :, 0].isfinite().all()
    assert watch.seen[0]["sizes"] == [40] + [0] * 49


def test_the_runs_that_other_tests_look_at_are_of_the_same_form(trial):
    found, dummy = trial[0], recorded("deepcluster", DUMMY["write"]())
    assert [set(row) for row in dummy.seen] == [set(found.seen[0])] * DUMMY["EPOCHS"]
    for name, tensor in found.tensors().items():
        other = dummy.tensors()[name]
        assert (other.dtype, other.ndim, other.shape[2:]) == (tensor.dtype, tensor.ndim, tensor.shape[2:])
