"""MoCo's loss: one query after another in float64 is the oracle, and every usual mistake is told from it."""

import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import as_the_oracle, computed_in, needs_no_device, same_under_autocast, value_and_gradients
from dummies.promises import noticed, valued
from ssl_lab.losses import info_nce

# Logits 3 for the key, then 0, -5 and 4 for the queue, at tau = 0.2 (the last negative beats the positive).
HAND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]])


def oracle(q, k, queue, tau):
    """Eqn. 1 in float64, one query after another, and its gradient by autograd."""
    q, k, queue = (rows.double() for rows in (q, k, queue))
    total = 0.0
    for i in range(len(q)):
        candidates = [q[i] @ key / tau for key in (k[i], *queue)]
        total = total + torch.logsumexp(torch.stack(candidates), dim=0) - candidates[0]
    return total / len(q)


def rows(B, K, noise=math.inf, d=8, seed=0):
    """Queries, their keys (noise = 0.1: near them, inf: anywhere) and a queue, all unit rows."""
    g = torch.Generator().manual_seed(seed)
    q, k, queue = (F.normalize(torch.randn(n, d, generator=g), dim=1) for n in (B, B, K))
    return q, k if noise == math.inf else F.normalize(q + noise * k, dim=1), queue


@pytest.mark.parametrize("tau", [0.01, 0.0699, 0.07, 0.1, 0.2, 1.0, 10.0])
@pytest.mark.parametrize("B, K, noise", [(1, 1, math.inf), (5, 7, 0.1), (16, 90, math.inf), (16, 90, 0.5)])
def test_value_and_gradient_equal_the_double_loop_to_a_millionth(B, K, noise, tau):
    given = rows(B, K, noise)
    value, gradients = value_and_gradients(info_nce, *given, tau=tau)
    right, right_gradients = value_and_gradients(oracle, *given, tau=tau)
    assert abs(value - right) <= 1e-6 * max(1, right)
    for gradient, right_gradient in zip(gradients, right_gradients):
        largest = right_gradient.abs().max().item()  # a single query's is up to 2 / tau
        assert (gradient - right_gradient).abs().max() <= 1e-6 * max(1, right, largest)


@pytest.mark.parametrize("tau", [0.07, 0.2])
def test_a_queue_of_full_size_loses_no_more_than_a_millionth(tau):
    """In float64 matrices, for a size at which the loop takes minutes; another test holds it to the loop."""
    q, k, queue = rows(64, 4096, 0.5, d=64)
    value, (gradient, *_) = value_and_gradients(info_nce, q, k, queue, tau=tau)
    right, (right_gradient, *_) = value_and_gradients(fast_oracle, q, k, queue, tau=tau)
    assert abs(value - right) <= 1e-6 * max(1, right)
    assert (gradient - right_gradient).abs().max() <= 1e-6 * max(1, right)


def fast_oracle(q, k, queue, tau):
    q, k, queue = (x.double() for x in (q, k, queue))
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / tau
    return (logits.logsumexp(1) - logits[:, 0]).mean()


def test_the_fast_oracle_is_the_double_loop():
    given = rows(5, 7, 0.5)
    assert fast_oracle(*given, 0.1).item() == pytest.approx(oracle(*given, 0.1).item(), abs=1e-12)


def test_gradcheck():
    given = [x.double().requires_grad_() for x in rows(4, 6, d=3)]
    assert torch.autograd.gradcheck(lambda *x: info_nce(*x, tau=0.3), given)


# ---- values known by hand


def test_the_hand_example():
    assert info_nce(*HAND, tau=0.2).item() == pytest.approx(1.326652, abs=1e-6)
    assert math.log(sum(map(math.exp, (3, 0, -5, 4)))) - 3 == pytest.approx(1.326652, abs=1e-6)


@pytest.mark.parametrize("K, value", [(1, 0.693147), (4, 1.609438), (4096, 8.318010), (65536, 11.090370)])
def test_scores_that_are_all_equal_cost_log_of_K_plus_1(K, value):
    q = torch.tensor([[1.0, 0.0]])
    assert info_nce(q, q, q.expand(K, 2), tau=0.07).item() == pytest.approx(value, abs=1e-6) == pytest.approx(math.log(K + 1), abs=1e-6)


@pytest.mark.parametrize("K, tau, value", [(4, 1.0, 0.904832), (4096, 0.07, 0.00255622), (65536, 0.07, 0.0401355), (65536, 0.2, 6.092617)])
def test_a_perfect_key_among_orthogonal_negatives(K, tau, value):
    one, other = torch.eye(2).split(1)
    assert info_nce(one, one, other.expand(K, 2), tau=tau).item() == pytest.approx(value, abs=1e-6)
    assert value == pytest.approx(math.log(1 + K * math.exp(-1 / tau)), rel=1e-5)


def test_a_positive_among_its_negatives_costs_log_2_at_least():
    q, k, queue = rows(1, 5)
    assert info_nce(q, q, torch.cat([q, queue]), tau=0.01).item() >= math.log(2)
    assert info_nce(q, q, queue, tau=0.01).item() < 1e-6


# ---- the usual mistakes: each has its value on the hand example, and none passes for the loss


def enqueued_first(q, k, queue, tau):
    return info_nce(q, k, torch.cat([k, queue[len(k) :]]), tau)


def no_temperature(q, k, queue, tau):
    return info_nce(q, k, queue, 1.0)


def multiplied_by_tau(q, k, queue, tau):
    return info_nce(q, k, queue, 1 / tau)


def query_as_its_own_positive(q, k, queue, tau):
    return info_nce(q, q, queue, tau)


def key_as_the_query(q, k, queue, tau):
    return info_nce(k, k, queue, tau)


def positive_in_the_last_column(q, k, queue, tau):
    logits = torch.cat([q @ queue.T, (q * k).sum(1, keepdim=True)], 1) / tau
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


def label_of_the_row(q, k, queue, tau):
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / tau
    return F.cross_entropy(logits, 1 + torch.arange(len(q)) % len(queue))


def positive_excluded(q, k, queue, tau):
    return ((q @ queue.T / tau).logsumexp(1) - (q * k).sum(1) / tau).mean()


def summed(q, k, queue, tau):
    return len(q) * info_nce(q, k, queue, tau)


def keys_of_the_batch_as_negatives(q, k, queue, tau):
    return info_nce(q, k, torch.cat([queue, k]), tau)


def sign_turned(q, k, queue, tau):
    return info_nce(-q, k, queue, tau)


MUTANTS = {  # the value on the hand example at tau = 0.2, where it differs there
    enqueued_first: 1.551516,
    no_temperature: 1.089272,
    multiplied_by_tau: math.log(sum(map(math.exp, (0.12, 0, -0.2, 0.16)))) - 0.12,
    query_as_its_own_positive: math.log(math.exp(5) + 1 + math.exp(-5) + math.exp(4)) - 5,
    key_as_the_query: math.log(math.exp(5) + math.exp(4) + math.exp(-3) + 1) - 5,
    positive_in_the_last_column: 1.326652 + 3,
    label_of_the_row: 1.326652 + 3,
    positive_excluded: math.log(1 + math.exp(-5) + math.exp(4)) - 3,
    summed: None,
    keys_of_the_batch_as_negatives: math.log(2 * math.exp(3) + 1 + math.exp(-5) + math.exp(4)) - 3,
    sign_turned: math.log(math.exp(-3) + 1 + math.exp(5) + math.exp(-4)) + 3,
}


def promises_kept(loss) -> bool:
    """The double loop's value and gradient at a few sizes."""
    return all(as_the_oracle(loss, oracle, *rows(B, K, 0.5), tau=tau) for B, K, tau in ((3, 4, 0.5), (6, 9, 0.2)))


def test_the_loss_keeps_the_promises():
    assert promises_kept(info_nce)


test_every_usual_mistake_is_noticed = noticed(MUTANTS, promises_kept)
test_every_usual_mistake_has_its_value_on_the_hand_example = valued(MUTANTS, lambda loss: loss(*HAND, 0.2), 2e-6, right=1.326652)


# ---- invariances


def test_the_order_of_the_queue_does_not_matter():
    q, k, queue = rows(20, 60)
    assert info_nce(q, k, queue.flip(0)).item() == pytest.approx(info_nce(q, k, queue).item(), abs=1e-6)


def test_a_common_rotation_does_not_matter():
    given = rows(20, 60)
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))
    assert info_nce(*(x @ turn for x in given)).item() == pytest.approx(info_nce(*given).item(), abs=1e-5)


# ---- precision, NaN, devices, bad input


def test_rows_given_by_name_are_lifted_too():
    q, k, queue = (x.bfloat16() for x in rows(4, 16))
    by_name = info_nce(q=q, k=k, queue=queue, tau=0.2)
    assert by_name.dtype == torch.float32 and by_name == info_nce(q, k, queue, 0.2) == info_nce(q.float(), k, queue=queue, tau=0.2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("tau", [0.07, 0.2])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype, tau):
    computed_in(dtype, info_nce, oracle, *rows(20, 60, 0.5), tau=tau)


def test_float64_stays_float64():
    computed_in(torch.float64, info_nce, oracle, *rows(20, 60, 0.5), tau=0.5, within=1e-14)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_autocast_has_no_effect(tau):
    same_under_autocast(info_nce, *rows(20, 60, 0.5), tau=tau)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_broken_number_spreads_to_the_loss(broken, which):
    given = rows(20, 60)
    given[which][3, 3] = broken
    assert not info_nce(*given).isfinite()


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_it_needs_nothing_of_the_device(tau):
    needs_no_device(info_nce, (5, 8), (5, 8), (60, 8), tau=tau)


def test_it_compiles_as_one_graph_and_its_errors_say_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import info_nce
        compiled = torch.compile(info_nce, fullgraph=True, backend="eager")
        for tau in (0.5, 0.07):
            q, k, queue = torch.randn(8, 4, requires_grad=True), torch.randn(8, 4), torch.randn(30, 4)
            losses = [f(q, k, queue, tau=tau) for f in (compiled, info_nce)]
            slopes = [torch.autograd.grad(loss, q)[0] for loss in losses]
            print(torch.equal(*losses) and torch.allclose(*slopes, atol=1e-7))
        good = (4, 5), (4, 5), (9, 5)
        for q, k, queue, tau in ((4, 5), (3, 5), (9, 5), 0.5), ((5,), (5,), (9, 5), 0.5), ((4, 5), (4, 5), (9, 6), 0.5), (*good, 0.0):
            try:
                info_nce(torch.ones(q), torch.ones(k), torch.ones(queue), tau=tau)
            except ValueError as error:
                print(error)
    """
    one, two, unequal, flat, wide, zero = without_shape_checks(script).splitlines()
    assert one == two == "True"
    assert "every query needs its own key" in unequal and "(4, 5)" in unequal and "(3, 5)" in unequal
    assert "(5,)" in flat
    assert "the queue is (9, 6), the queries have width 5" in wide
    assert "tau=0.0 must be positive" in zero
