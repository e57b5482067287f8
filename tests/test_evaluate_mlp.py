"""The MLP probe learns what no linear map does, from the training rows alone, and the same again gives the same."""

import math

import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.evaluate import linear_probe, mlp_probe
from ssl_lab.evaluate.mlp import standardised


def corners(N=600, seed=0, d=2):
    """XOR: the class says whether the first two coordinates have one sign; the others say nothing."""
    h = 2 * torch.rand(N, d, generator=torch.Generator().manual_seed(seed)) - 1
    h[:, :2] += 0.2 * h[:, :2].sign()
    return h, (h[:, 0] * h[:, 1] > 0).long()


@pytest.fixture(scope="module")
def xor():
    return *corners(), *corners(400, seed=1)


@pytest.mark.parametrize("hidden", [(64,), (32, 32)])
def test_it_solves_xor_which_no_linear_map_does(xor, hidden):
    assert linear_probe(*xor).accuracy < 0.65
    assert mlp_probe(*xor, hidden=hidden, epochs=80) > 0.97


def test_the_same_seed_gives_the_same_and_another_one_another_network(xor):
    first, again, *others = (mlp_probe(*xor, epochs=3, seed=seed) for seed in (0, 0, 1, 2, 3))
    assert first == again and len({first, *others}) > 1


def test_features_that_have_a_gradient_are_taken_as_numbers(xor):
    h, *rest = xor
    assert mlp_probe(h.clone().requires_grad_() * 1.0, *rest, epochs=3) == mlp_probe(*xor, epochs=3)


def test_nothing_of_the_callers_is_changed(xor):
    before, state = [tensor.clone() for tensor in xor], torch.get_rng_state()
    mlp_probe(*xor, epochs=1)
    assert all(torch.equal(a, b) for a, b in zip(before, xor)) and torch.equal(torch.get_rng_state(), state)


def test_what_the_test_rows_are_changes_nothing_of_what_is_learned(xor):
    """Asked about some rows beside others that are far away, or about them alone, it answers the same."""
    h, y, ht, yt = xor
    alone = mlp_probe(h, y, ht, yt, epochs=5)
    beside = mlp_probe(h, y, torch.cat([ht, 1e6 * ht]), torch.cat([yt, torch.full_like(yt, 0)]), epochs=5)
    missed = mlp_probe(h, y, 1e6 * ht, torch.full_like(yt, 0), epochs=5)
    assert alone > 0.5 and beside == pytest.approx((alone + missed) / 2, abs=1e-9)


def test_scale_and_offset_of_a_feature_do_not_matter(xor):
    h, y, ht, yt = xor
    scale, offset = torch.tensor([1e-3, 1e4], dtype=torch.float64), torch.tensor([5.0, -3e4], dtype=torch.float64)
    assert mlp_probe(h.double() * scale + offset, y, ht.double() * scale + offset, yt) == pytest.approx(mlp_probe(*xor), abs=0.01)


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1])
def test_features_that_never_change_are_zero_and_change_little(xor, value):
    h, y, ht, yt = xor
    constant, other = torch.full((len(h), 3), value), torch.full((len(ht), 3), value)
    x, xt = standardised(torch.cat([h, constant], 1), torch.cat([ht, other], 1))
    assert float(x[:, 2:].abs().max()) == float(xt[:, 2:].abs().max()) == 0
    assert mlp_probe(torch.cat([h, constant], 1), y, torch.cat([ht, other], 1), yt, epochs=80) > 0.97


def test_features_that_say_nothing_leave_the_most_frequent_class():
    y = torch.tensor([0] * 60 + [1] * 40)
    assert mlp_probe(torch.ones(100, 5), y, torch.ones(100, 5), y, epochs=50) == 0.6


def test_a_class_that_only_the_test_knows_counts_as_a_miss(xor):
    h, y, ht, yt = xor
    assert mlp_probe(h, y, ht, torch.full_like(yt, 7), epochs=3) == 0.0


@pytest.mark.parametrize("N", [1, 2, 129])
def test_any_number_of_rows_is_learned_from(xor, N):
    h, y, ht, yt = xor
    assert 0 <= mlp_probe(h[:N], y[:N], ht[:1], yt[:1], epochs=1) <= 1


@pytest.mark.parametrize("change, complaint", [
    (lambda h, y: (h, y - 1, h, y), "training rows have no label"),
    (lambda h, y: (h * math.nan, y, h, y), "training features hold NaN"),
    (lambda h, y: (h, y, h[:0], y[:0]), "every test row needs its label: got 0"),
    (lambda h, y: (h, y + 10**6, h, y), "a label is"),
])
def test_what_has_no_answer_is_refused(change, complaint):
    with pytest.raises(InputError, match=complaint):
        mlp_probe(*change(*corners(20)))


@pytest.mark.parametrize("wrong, words", [
    ({"hidden": ()}, r"hidden=\(\): widths of hidden layers are needed, .* such as \(256,\)"), ({"hidden": (0,)}, r"hidden=\(0,\)"),
    ({"epochs": 0}, "epochs=0 must be a whole number from 1; 20 is the default"),
])
def test_settings_out_of_range_are_refused_by_name(xor, wrong, words):
    with pytest.raises(InputError, match=words):
        mlp_probe(*xor, **wrong)
