"""The one InfoNCE behind all of them: its value by hand, its precision, and that it carries every way of choosing candidates in two lines."""

import math

import pytest
import torch

from ssl_lab.losses import anchors, info_nce, minus_log_share, nt_xent, queue_scores, unit

SCORES = torch.tensor([[3.0, 0.0, -5.0, 4.0], [0.0, 0.0, 0.0, 0.0]])


def rows(*sizes, d=8, seed=0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return [unit(torch.randn(n, d, generator=draw, dtype=dtype)) for n in sizes]


def oracle(scores, positive, tau):
    """One row after another, the positive by its number."""
    return [math.log(sum(math.exp(s / tau) for s in row)) - row[j] / tau for row, j in zip(scores.tolist(), positive)]


def test_the_hand_example():
    assert minus_log_share(SCORES, SCORES[:, 0]).tolist() == pytest.approx([1.326652, math.log(4)], abs=1e-6)
    assert minus_log_share(SCORES, SCORES[:, 3], 2.0).tolist() == pytest.approx(oracle(SCORES, (3, 3), 2.0), abs=1e-6)


@pytest.mark.parametrize("K", [1, 4096, 65536])
@pytest.mark.parametrize("tau", [0.05, 0.07])
def test_equal_scores_cost_log_of_their_number_whatever_they_are(K, tau):
    scores = torch.full((2, K + 1), 0.9137)
    assert minus_log_share(scores, scores[:, 0], tau).tolist() == pytest.approx([math.log(K + 1)] * 2, rel=1e-6)


@pytest.mark.parametrize("tau", [1e-4, 0.07])
def test_a_score_of_minus_infinity_is_no_candidate(tau):
    scores = SCORES.clone()
    scores[0, 3] = -torch.inf
    scores.requires_grad_()
    paid = minus_log_share(scores, scores[:, 0], tau)
    assert paid[0].item() == pytest.approx(minus_log_share(SCORES[:1, :3], SCORES[:1, 0], tau).item(), abs=1e-6)
    (slope,) = torch.autograd.grad(paid.sum(), scores)
    assert slope.isfinite().all() and slope[0, 3] == 0


def test_no_score_is_too_large_for_it():
    scores = torch.tensor([[1e4, -1e4]])
    assert minus_log_share(scores, scores[:, 0], 0.01).item() == 0
    assert minus_log_share(scores, scores[:, 1], 0.01).item() == pytest.approx(2e6)


def test_its_slope_is_the_softmax_minus_the_positive_and_tau_learns():
    scores, tau = SCORES.double().requires_grad_(), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(minus_log_share(scores, scores[:, 1], tau).sum(), scores)
    chosen = torch.tensor([0.0, 1.0, 0.0, 0.0])
    torch.testing.assert_close(slope, ((scores / tau).softmax(dim=1) - chosen) / tau)
    assert torch.autograd.gradcheck(lambda s, t: minus_log_share(s, s[:, 1], t), (scores, tau))


# ---- every way of choosing candidates


def test_queue_the_own_key_and_the_keys_of_earlier_batches():
    q, k, queue = rows(5, 5, 9)
    scores = queue_scores(q, k, queue)
    loss = minus_log_share(scores, scores[:, 0], 0.2).mean()
    assert loss.item() == pytest.approx(info_nce(q, k, queue, 0.2).item(), abs=1e-12)


def test_batch_all_other_rows_of_both_views():
    z1, z2 = rows(5, 5)
    assert anchors(torch.cat([z1, z2]), 0.2).mean().item() == pytest.approx(nt_xent(z1, z2, 0.2).item(), abs=1e-12)


def test_cross_view_the_rows_of_the_other_view():
    """What CMC takes, both ways."""
    z1, z2 = rows(6, 6)
    scores = z1 @ z2.T
    loss = sum(minus_log_share(s, s.diagonal(), 0.07).mean() for s in (scores, scores.T))
    right = sum(sum(oracle(s, range(6), 0.07)) / 6 for s in (scores, scores.T))
    assert loss.item() == pytest.approx(right, abs=1e-12)


def test_patches_predictions_and_what_all_patches_of_the_batch_are():
    """What CPC takes: predictions and targets are neither normalised nor divided by a temperature."""
    predictions, targets = (3 * part for part in rows(12, 12))
    scores = predictions @ targets.T
    loss = minus_log_share(scores, scores.diagonal()).mean()
    assert loss.item() == pytest.approx(sum(oracle(scores, range(12), 1.0)) / 12, abs=1e-12)
