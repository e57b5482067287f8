"""What the nearest neighbours promise; the oracle asks one test row after another."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import factor_table, finetune, knn, knn_accuracy, linear_probe, mlp_probe
from ssl_lab.models import small_resnet

HAND = torch.tensor([0.9, 0.8, 0.79])  # similarities to (1, 0) of one A and two B


def data(N=60, M=40, C=4, d=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(C, d, generator=g)
    y, yt = (torch.randint(0, C, (n,), generator=g) for n in (N, M))
    h, ht = (centres[labels] + 0.9 * torch.randn(len(labels), d, generator=g) for labels in (y, yt))
    return h, y, ht, yt


def one_by_one(h, y, ht, yt, k, tau):
    """Section 3.4 of the paper for one test row after another, in Python floats."""
    hits = 0
    for row, truth in zip(ht, yt):
        s = sorted(((torch.dot(row, other) / row.norm() / other.norm()).item(), int(label)) for other, label in zip(h, y))
        votes = {}
        for similarity, label in s[-k:]:
            votes[label] = votes.get(label, 0) + math.exp(similarity / tau)
        hits += max(votes, key=votes.get) == int(truth)
    return hits / len(yt)


@pytest.mark.parametrize("k", [1, 7, 60])
@pytest.mark.parametrize("tau", [0.01, 0.07, 1.0])
def test_it_equals_the_votes_counted_one_by_one(k, tau):
    assert knn_accuracy(*data(), k=k, tau=tau) == pytest.approx(one_by_one(*data(), k, tau), abs=1e-9)


@pytest.mark.parametrize("tau, winner", [(0.07, 0), (0.1, 0), (0.5, 1)])
def test_one_near_neighbour_outvotes_two_farther_ones_only_at_low_temperature(tau, winner):
    """exp(s / tau): 383518 against 171586 at 0.07, 8103 against 5678 at 0.1, 6.05 against 9.81 at 0.5."""
    h = torch.stack([HAND, (1 - HAND**2).sqrt()], dim=1)
    assert knn_accuracy(h, torch.tensor([0, 1, 1]), torch.tensor([[1.0, 0.0]]), torch.tensor([winner]), tau=tau) == 1.0


def test_it_agrees_with_scikit_learn():
    h, y, ht, yt = data(N=300, M=100)
    peer = KNeighborsClassifier(20, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / 0.07))
    assert knn_accuracy(h, y, ht, yt, k=20, tau=0.07) == pytest.approx(peer.fit(h.numpy(), y.numpy()).score(ht.numpy(), yt.numpy()), abs=1e-9)


def test_k_is_at_most_the_number_of_training_rows():
    assert knn_accuracy(*data(), k=10**6) == knn_accuracy(*data(), k=60)


@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_the_size_of_a_chunk_cannot_be_seen(chunk, monkeypatch):
    whole = knn_accuracy(*data())
    monkeypatch.setattr(knn, "CHUNK", chunk)
    assert knn_accuracy(*data()) == whole


def test_the_length_of_rows_does_not_matter():
    h, y, ht, yt = data()
    assert knn_accuracy(h * torch.logspace(-2, 2, 60)[:, None], y, 1000 * ht, yt) == knn_accuracy(h, y, ht, yt)


def test_no_temperature_overflows():
    h, y, ht, yt = data()
    assert knn_accuracy(h, y, ht, yt, tau=1e-4) == knn_accuracy(h, y, ht, yt, k=1)


def test_a_class_that_was_never_trained_is_never_found():
    h, y, ht, yt = data()
    assert knn_accuracy(h, y, ht, torch.full_like(yt, 9)) == 0.0


def test_the_accuracy_is_a_plain_number():
    assert type(knn_accuracy(*data())) is float


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda h, y, ht, yt: (h, y.clone().index_fill_(0, torch.tensor([3, 4]), -1), ht, yt), "2 of 60 training rows have no label"),
        (lambda h, y, ht, yt: (h, y, ht, yt.clone().fill_(-1)), "40 of 40 test rows have no label"),
        (lambda h, y, ht, yt: (h[:0], y[:0], ht, yt), "got 0 rows"),
        (lambda h, y, ht, yt: (h * math.nan, y, ht, yt), "training features hold NaN"),
    ],
)
def test_what_has_no_answer_is_refused(change, complaint):
    with pytest.raises(InputError, match=complaint):
        knn_accuracy(*change(*data()))


def test_features_of_two_encoders_are_refused():
    """Asked of `check` itself: the shapes that tests enforce would stop the call before it."""
    h, y, ht, yt = data()
    with pytest.raises(InputError, match="training rows have 5 features and test rows 3"):
        knn.check(h, y, ht[:, :3], yt)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"tau": 0.0}])
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        knn_accuracy(*data(), **wrong)


@pytest.mark.parametrize("top", [10**5, 10**9, 2**62])
def test_labels_that_number_something_else_than_classes_are_told(top):
    """A column for each of 10⁹ classes would be 4 TB."""
    h, y, x = torch.randn(20, 3), torch.arange(20) % 2 + top, load("scenes", limit=20, size=16)
    numbered = replace(x, labels=y, classes=())
    probes = (knn_accuracy, linear_probe, mlp_probe)
    for ask in (*probes, lambda h, y, *_: factor_table(h, numbered), lambda *_: finetune(small_resnet(width=4), numbered, x)):
        with pytest.raises(InputError, match=rf"a label is {top + 1}, .* count the classes from 0, as labels.unique\(return_inverse=True\)"):
            ask(h, y, h, y)
    assert knn_accuracy(h, y.unique(return_inverse=True)[1], h, y - top, k=1) == 1
