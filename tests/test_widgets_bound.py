"""What BoundExplorer promises: one draw of Gaussians behind every point, their truth, and a bound that never says more than it may."""

import math

import pytest
import torch

from ssl_lab import gaussians
from ssl_lab.errors import InputError
from ssl_lab.gaussians import anchor_losses, cosine_critic, optimal_critic, partner, rho_for
from ssl_lab.plots.bound import CMCS, TIGHT
from ssl_lab.widgets import BoundExplorer
from ssl_lab.widgets.bound import ANCHORS, CRITICS, DIM, KS, measure, normals


@pytest.fixture(scope="module")
def explorer():
    return BoundExplorer()


def test_starts_with_three_nats_and_256_candidates(explorer, holds):
    assert explorer.values == {"information": 3.0, "k": 255, "kept": DIM, "critic": "optimal", "again": 0}
    assert holds(explorer.summary, "255 negatives", "optimal critic", "8 of 8", f"{ANCHORS} anchors, draw 1: I(v1; v2) = 3.00", TIGHT, CMCS)


def test_negatives_are_powers_of_two_less_one(explorer):
    assert explorer.controls["k"].stops() == KS == [1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095]
    with pytest.raises(InputError, match="k=100 is not offered"):
        explorer.set(k=100)


@pytest.mark.parametrize("critic, by_hand", [("optimal", optimal_critic), ("cosine", cosine_critic)])
@pytest.mark.parametrize("k, kept", [(1, 8), (63, 3), (1023, 5)])
def test_a_point_is_the_loss_of_the_first_coordinates_of_one_draw(k, kept, critic, by_hand):
    """In float64 and all at once."""
    x, e, pool = (part[:, :kept].double() for part in normals(0))
    rho, groups = rho_for(3.0, DIM), min(ANCHORS, len(pool) // (k + 1))
    x, y, others = (part.view(groups, -1, kept) for part in (x, partner(x, e, rho), pool[: groups * k]))
    losses = anchor_losses(x, y, [gaussians.pairs(x, others)], rho, by_hand)
    found = measure(3.0, k, kept, critic, 0)
    assert found.anchors == ANCHORS == losses.numel()
    assert found.loss == pytest.approx(losses.mean().item(), abs=1e-5)
    assert found.error == pytest.approx(losses.mean(dim=1).std().item() / math.sqrt(groups), abs=1e-5)


@pytest.mark.parametrize("k", [1, 255])
def test_up_to_255_negatives_every_anchor_has_its_own(k):
    assert min(ANCHORS, len(normals(0)[2]) // (k + 1)) == ANCHORS


def test_the_normal_numbers_are_independent_of_each_other():
    x, e, pool = normals(0)
    assert all(len(part.double().unique()) > 0.9 * part.numel() for part in (x, e))  # float32 has few numbers, so some come twice
    moments = torch.corrcoef(torch.cat([x, e, pool[:ANCHORS]], dim=1).double().T)
    assert (moments - torch.eye(3 * DIM)).abs().max() < 5 / math.sqrt(ANCHORS)


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("kept", [2, 8])
@pytest.mark.parametrize("k", [1, 31, 1023])
def test_no_critic_says_more_than_there_is_or_than_the_best_one_says(critic, kept, k):
    for nats in (0.0, 1.0, 4.0, 10.0):
        found, best = (measure(nats, k, kept, name, 0) for name in (critic, "optimal"))
        left = gaussians.information(rho_for(nats, DIM), kept)
        assert left == pytest.approx(nats * kept / DIM)
        assert found.tight < left + 3 * found.error + 1e-6
        assert found.tight <= found.ceiling + 1e-6
        assert found.tight < best.tight + 3 * math.hypot(found.error, best.error) + 1e-6


def test_more_negatives_show_more_and_so_does_more_information():
    row = [measure(6.0, k, DIM, "optimal", 0).tight for k in KS]
    assert row == sorted(row)
    for k in (1, 255):
        column = [measure(nats, k, DIM, "optimal", 0).tight for nats in range(11)]
        assert column == sorted(column)


def test_another_draw_has_other_numbers_and_the_same_draw_the_same(explorer):
    first = explorer.set(again=0).summary
    assert explorer.set(again=1).summary != first
    measure.cache_clear()
    normals.cache_clear()
    assert explorer.set(again=0).summary == first


def test_the_negatives_of_a_draw_are_multiplied_once_whatever_the_information_and_the_critic(explorer, monkeypatch):
    made = []
    monkeypatch.setattr(gaussians, "pairs", lambda x, y, pairs=gaussians.pairs: made.append(y.ndim) or pairs(x, y))
    for values in {"again": 7}, {"information": 4.5}, {"critic": "cosine"}:
        explorer.set(**values)
        assert made.count(3) == len(KS)  # a positive has one dimension more
    explorer.set(again=0, critic="optimal")


def test_a_click_takes_the_k_or_the_information_of_a_point(explorer):
    explorer.set(information=2.5, k=15)
    sets = {name: values for spots in explorer.panel.frame["spots"] for name, values in spots["sets"].items()}
    assert sets == {"information": [float(nats) for nats in range(11)], "k": KS}
    assert "k = 1" not in explorer.set(k=sets["k"][3]).summary and "15 negatives" in explorer.summary


def test_any_information_may_be_typed(explorer, holds):
    assert holds(explorer.set(information=3.3, kept=4).summary, "I(v1; v2) = 3.30 nats", "I(z1; z2) = 1.65")


@pytest.mark.parametrize("values", [{"information": 10.5}, {"information": -1}, {"kept": 0}, {"kept": 9}, {"critic": "best"}, {"again": -1}])
def test_what_is_not_offered_is_refused(explorer, values):
    with pytest.raises(InputError, match="is not offered"):
        explorer.set(**values)
