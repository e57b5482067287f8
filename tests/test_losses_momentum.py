"""The losses of the momentum family, against loops in float64, hand values, closed forms, and the usual mistakes (each a mutant of the loop)."""

import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.errors import InputError
from ssl_lab.losses import byol_regression, info_nce

HAND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]])


def unit(rows, d, seed):
    return F.normalize(torch.randn(rows, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1)


def by_loop(q, k, queue, tau, *, power=-1, among=False, positive=True, mean=True):
    """One query at a time; every option is one way to get it wrong."""
    paid = []
    for i in range(len(q)):
        own = torch.exp((q[i] @ k[i]) * tau**power)
        others = [torch.exp((q[i] @ key) * tau**power) for key in (*queue, *(k if among else ()))]
        paid.append(-torch.log(own / (sum(others) + (own if positive else 0))))
    return sum(paid) / (len(paid) if mean else 1)


@pytest.mark.parametrize("tau", [0.01, 0.07, 0.2, 1.0])
@pytest.mark.parametrize("B, K, d", [(1, 1, 2), (3, 7, 4), (6, 5, 8)])
def test_info_nce_is_the_loop_in_value_and_gradient(B, K, d, tau):
    rows = [unit(B, d, 1), unit(B, d, 2), unit(K, d, 3)]
    ours, theirs = ([x.clone().requires_grad_() for x in rows] for _ in range(2))
    value, wanted = info_nce(*(x.float() for x in ours), tau), by_loop(*theirs, tau)
    assert abs(value.item() - wanted.item()) <= 1e-5 * max(1, wanted.item())
    exact = info_nce(*ours, tau)
    assert abs(exact.item() - wanted.item()) <= 1e-6 * max(1, wanted.item())
    for a, b in zip(torch.autograd.grad(exact, ours), torch.autograd.grad(wanted, theirs)):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_info_nce_by_hand():
    assert info_nce(*HAND, tau=0.2).item() == pytest.approx(1.326652, abs=1e-6)


@pytest.mark.parametrize("mistake", [{"power": 1}, {"power": 0}, {"among": True}, {"positive": False}])
def test_no_usual_mistake_gives_the_same(mistake):
    assert by_loop(*HAND, 0.2, **mistake).item() != pytest.approx(1.326652, abs=1e-3)


def test_a_key_that_is_enqueued_before_the_logits_costs_at_least_log_2():
    q, k, queue = unit(4, 8, 1), unit(4, 8, 1), unit(16, 8, 3)
    assert info_nce(q, k, queue, 0.01).item() < 1e-3
    assert info_nce(q, k, torch.cat([queue, k]), 0.01).item() >= math.log(2)


@pytest.mark.parametrize("K", [1, 4, 4096])
def test_equal_scores_cost_the_logarithm_of_their_number(K):
    q, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert info_nce(q, other, other.expand(K, 2)).item() == pytest.approx(math.log(K + 1), rel=1e-6)


def test_the_order_of_the_queue_does_not_matter():
    q, k, queue = unit(4, 8, 1), unit(4, 8, 2), unit(16, 8, 3)
    torch.testing.assert_close(info_nce(q, k, queue), info_nce(q, k, queue.flip(0)))


@pytest.mark.parametrize(
    "q, k, queue, tau, words",
    [
        ((2, 3), (4, 3), (5, 3), 0.1, "every query needs its own key"),
        ((2, 3), (2, 3), (5, 4), 0.1, "the queue is .5, 4., the queries have width 3"),
        ((2, 3), (2, 3), (5, 3), 0, "tau=0 must be positive"),
    ],
)
def test_info_nce_says_what_it_needs(q, k, queue, tau, words):
    with pytest.raises((InputError, TypeError), match=words if q == k and queue[1] == q[1] else None):
        info_nce(torch.ones(q), torch.ones(k), torch.ones(queue), tau)


@pytest.mark.parametrize("B, d", [(1, 2), (5, 3), (8, 16)])
def test_byol_regression_is_the_loop_in_value_and_gradient(B, d):
    p, z = 3 * unit(B, d, 1), 0.2 * unit(B, d, 2)
    ours, theirs = ([x.clone().requires_grad_() for x in (p, z)] for _ in range(2))
    wanted = sum(2 - 2 * (a @ b) / (a.norm() * b.norm()) for a, b in zip(*theirs)) / B
    value = byol_regression(*ours)
    assert abs(value.item() - wanted.item()) <= 1e-6
    for a, b in zip(torch.autograd.grad(value, ours), torch.autograd.grad(wanted, theirs)):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_byol_regression_by_hand():
    """p = (3, 4), z = (1, 0): cosine 0.6, so 0.8; mean over features would be 0.4, the raw squared distance 20."""
    p = torch.tensor([[3.0, 4.0]], requires_grad=True)
    value = byol_regression(p, torch.tensor([[1.0, 0.0]]))
    value.backward()
    assert value.item() == pytest.approx(0.8, abs=1e-6)
    torch.testing.assert_close(p.grad, torch.tensor([[-0.256, 0.192]]), rtol=1e-5, atol=1e-6)


def test_byol_regression_runs_from_0_to_4():
    p = unit(6, 4, 1)
    assert byol_regression(p, 7 * p).item() == pytest.approx(0, abs=1e-9)
    assert byol_regression(p, -p).item() == pytest.approx(4)


@pytest.mark.parametrize("loss", [lambda x: info_nce(x, x, x), lambda x: byol_regression(x, x)])
def test_half_precision_is_lifted_and_a_nan_spreads(loss):
    x = unit(4, 8, 1).bfloat16()
    assert loss(x).dtype == torch.float32
    assert loss(torch.full((4, 8), torch.nan)).isnan()


def test_byol_regression_says_what_it_needs():
    with pytest.raises((InputError, TypeError)):
        byol_regression(torch.ones(2, 3), torch.ones(3, 3))
