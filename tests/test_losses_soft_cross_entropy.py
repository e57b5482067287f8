"""Noisy Student's loss of soft labels: a loop in float64 is the oracle, and every usual mistake is told from it."""

import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import as_the_oracle, computed_in, needs_no_device, same_under_autocast, value_and_gradients
from dummies.promises import noticed, valued
from ssl_lab.losses import soft_cross_entropy

P = torch.tensor([[0.7, 0.2, 0.1]])  # its entropy is 0.801819


def oracle(logits, target):
    """-sum of t log p in float64, one number after another, and its gradient by autograd."""
    total = 0.0
    for row, shares in zip(logits.double(), target.double()):
        whole = sum(torch.exp(logit - row.max()) for logit in row)
        for logit, share in zip(row, shares):
            total = total - share * (logit - row.max() - torch.log(whole))
    return total / len(logits)


def rows(B=12, C=5, scale=2.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    logits, teacher = (scale * torch.randn(B, C, generator=g) for _ in range(2))
    return logits, teacher.softmax(1)


@pytest.mark.parametrize("scale", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("B, C", [(1, 2), (12, 5), (7, 64)])
def test_value_and_gradient_equal_the_loop_to_a_millionth(B, C, scale):
    value, gradients = value_and_gradients(soft_cross_entropy, *rows(B, C, scale))
    right, right_gradients = value_and_gradients(oracle, *rows(B, C, scale))
    assert value == pytest.approx(right, abs=1e-6, rel=1e-6)
    for gradient, right_gradient in zip(gradients, right_gradients):
        torch.testing.assert_close(gradient, right_gradient, atol=1e-6, rtol=1e-6)


def test_gradcheck():
    assert torch.autograd.gradcheck(soft_cross_entropy, [x.double().requires_grad_() for x in rows(3, 4)])


# ---- values known by hand


def test_where_the_prediction_is_the_target_the_loss_is_its_entropy():
    assert soft_cross_entropy(P.log(), P).item() == pytest.approx(0.801819, abs=1e-6)
    assert soft_cross_entropy(P.log() + 100, P).item() == pytest.approx(0.801819, abs=1e-5)  # a constant changes no softmax
    assert soft_cross_entropy(torch.zeros(1, 10), torch.full((1, 10), 0.1)).item() == pytest.approx(math.log(10), abs=1e-6)


def test_there_the_gradient_is_nothing_exactly_for_two_equal_logits():
    value, (gradient, _) = value_and_gradients(soft_cross_entropy, torch.full((1, 2), 3.0), torch.full((1, 2), 0.5))
    assert value == pytest.approx(math.log(2), abs=1e-6) and torch.equal(gradient, torch.zeros(1, 2).double())
    logits, _ = rows(scale=1.0)
    assert value_and_gradients(soft_cross_entropy, logits, logits.softmax(1))[1][0].abs().max() < 1e-7


def test_elsewhere_it_is_the_difference_of_prediction_and_target_divided_by_the_batch():
    logits, target = rows()
    _, (gradient, _) = value_and_gradients(soft_cross_entropy, logits, target)
    torch.testing.assert_close(gradient.float(), (logits.softmax(1) - target) / 12, atol=1e-7, rtol=1e-5)


def test_a_sure_target_gives_the_cross_entropy_of_its_class():
    logits, labels = rows()[0], torch.arange(12) % 5
    assert soft_cross_entropy(logits, F.one_hot(labels, 5).float()).item() == pytest.approx(F.cross_entropy(logits, labels).item(), abs=1e-6)


def test_logits_of_a_thousand_are_no_trouble():
    logits, target = torch.tensor([[1000.0, -1000.0]]), torch.tensor([[0.25, 0.75]])
    value, (gradient, _) = value_and_gradients(soft_cross_entropy, logits, target)
    assert value == 1500.0
    torch.testing.assert_close(gradient, torch.tensor([[0.75, -0.75]]).double())


# ---- the usual mistakes


def hard(logits, target):
    return F.cross_entropy(logits, target.argmax(1))


def smoothed(logits, target):
    return F.cross_entropy(logits, target, label_smoothing=0.1)


def softmax_twice(logits, target):
    return soft_cross_entropy(logits.softmax(1), target)


def softmax_of_the_target(logits, target):
    return soft_cross_entropy(logits, target.softmax(1))


def softmax_over_the_batch(logits, target):
    return -(target * logits.log_softmax(0)).sum(1).mean()


def summed_over_the_batch(logits, target):
    return len(logits) * soft_cross_entropy(logits, target)


def averaged_over_classes(logits, target):
    return -(target * logits.log_softmax(1)).mean()


def exchanged(logits, target):
    return -(logits.softmax(1) * target.log()).sum(1).mean()


def divergence(logits, target):
    """The same gradient by the logits, but it is 0 where they match: the target's entropy is missing."""
    return F.kl_div(logits.log_softmax(1), target, reduction="batchmean")


def without_minus(logits, target):
    return -soft_cross_entropy(logits, target)


def without_logarithm(logits, target):
    return -(target * logits.softmax(1)).sum(1).mean()


def squared(logits, target):
    return (logits.softmax(1) - target).square().sum(1).mean()


def nothing_is_learned(logits, target):
    return soft_cross_entropy(logits.detach(), target)


def the_target_is_detached(logits, target):
    """No mistake in the method, whose teacher has no gradient; the loss itself says nothing of it."""
    return soft_cross_entropy(logits, target.detach())


MUTANTS = {  # the value on the hand example, where it differs there
    hard: 0.356675,
    smoothed: 0.863927,
    softmax_twice: None,
    softmax_of_the_target: None,
    softmax_over_the_batch: 0.0,
    summed_over_the_batch: None,
    averaged_over_classes: 0.267273,
    exchanged: None,
    divergence: 0.0,
    without_minus: -0.801819,
    without_logarithm: -0.54,
    squared: 0.0,
    nothing_is_learned: None,
    the_target_is_detached: None,
}


def promises_kept(loss) -> bool:
    return as_the_oracle(loss, oracle, *rows())


def test_the_loss_keeps_the_promises():
    assert promises_kept(soft_cross_entropy)


test_every_usual_mistake_is_noticed = noticed(MUTANTS, promises_kept)
test_every_usual_mistake_has_its_value_on_the_hand_example = valued(MUTANTS, lambda loss: loss(P.log(), P))


# ---- precision, devices, bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype):
    computed_in(dtype, soft_cross_entropy, oracle, *rows())
    logits, target = (x.to(dtype) for x in rows())
    assert soft_cross_entropy(logits, target.float()) == soft_cross_entropy(logits, target)  # a teacher's float32 beside a student's half


def test_float64_stays_float64_and_autocast_has_no_effect():
    computed_in(torch.float64, soft_cross_entropy, oracle, *rows(), within=1e-14)
    same_under_autocast(soft_cross_entropy, *rows())


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_one_broken_number_spreads_to_the_loss(broken):
    logits, target = rows()
    logits[3, 3] = broken
    assert soft_cross_entropy(logits, target).isnan()


def test_it_needs_nothing_of_the_device():
    needs_no_device(soft_cross_entropy, (5, 8), (5, 8))


def test_it_compiles_as_one_graph_and_its_errors_say_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import soft_cross_entropy
        logits, target = torch.randn(8, 4), torch.randn(8, 4).softmax(1)
        compiled = torch.compile(soft_cross_entropy, fullgraph=True, backend="eager")
        print(torch.equal(compiled(logits, target), soft_cross_entropy(logits, target)))
        for p, z in ((4, 5), (4, 3)), ((4, 5), (4,)), ((4,), (4,)):
            try:
                soft_cross_entropy(torch.ones(p), torch.ones(z))
            except ValueError as error:
                print(error)
    """
    same, unequal, labels, flat = without_shape_checks(script).splitlines()
    assert same == "True"
    assert "needs its own probabilities" in unequal and "(4, 5)" in unequal and "(4, 3)" in unequal
    assert "(4, 5) and (4,)" in labels and "(4,) and (4,)" in flat
