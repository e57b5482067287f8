"""BYOL's loss of one direction: a loop in float64 is the oracle, and every usual mistake is told from it."""

import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import as_the_oracle, computed_in, needs_no_device, same_under_autocast, value_and_gradients
from dummies.promises import noticed, valued
from ssl_lab.losses import byol_regression

HAND = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])


def oracle(p, z):
    """2 - 2 cos in float64, one row after another, and its gradient by autograd."""
    total = 0.0
    for a, b in zip(p.double(), z.double()):
        total = total + 2 - 2 * sum(x * y for x, y in zip(a, b)) / (a.norm() * b.norm())
    return total / len(p)


def pairs(B=12, d=16, noise=math.inf, seed=0):
    g = torch.Generator().manual_seed(seed)
    p, z = (torch.randn(B, d, generator=g) for _ in range(2))
    return p, z if noise == math.inf else p + noise * z


@pytest.mark.parametrize("noise", [0.01, 0.5, math.inf])
@pytest.mark.parametrize("B, d", [(1, 2), (12, 16), (7, 64)])
def test_value_and_gradient_equal_the_loop_to_a_millionth(B, d, noise):
    value, gradients = value_and_gradients(byol_regression, *pairs(B, d, noise))
    right, right_gradients = value_and_gradients(oracle, *pairs(B, d, noise))
    assert value == pytest.approx(right, abs=1e-6)
    for gradient, right_gradient in zip(gradients, right_gradients):
        assert (gradient - right_gradient).abs().max() <= 1e-6


def test_gradcheck():
    assert torch.autograd.gradcheck(byol_regression, [x.double().requires_grad_() for x in pairs(3, 4)])


# ---- values known by hand


def test_the_hand_example_in_value_and_gradient():
    value, (gradient, _) = value_and_gradients(byol_regression, *HAND)
    assert value == pytest.approx(0.8, abs=1e-6)
    torch.testing.assert_close(gradient, torch.tensor([[-0.256, 0.192]]).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("degrees, value", [(0, 0.0), (60, 1.0), (90, 2.0), (180, 4.0)])
def test_from_0_for_one_direction_over_2_for_orthogonal_rows_to_4_for_opposite_ones(degrees, value):
    angle = math.radians(degrees)
    p, z = torch.tensor([[5.0, 0.0]]), 0.1 * torch.tensor([[math.cos(angle), math.sin(angle)]])
    assert byol_regression(p, z).item() == pytest.approx(value, abs=1e-6)


def test_it_is_never_negative_and_nothing_for_equal_rows():
    p, _ = pairs(500, 64)
    assert byol_regression(p, p).item() == 0.0
    assert byol_regression(p, 3 * p).item() >= 0.0


# ---- the usual mistakes


def averaged_over_features(p, z):
    return byol_regression(p, z) / p.shape[1]


def minus_cosine(p, z):
    return -F.cosine_similarity(p, z).mean()


def not_normalised(p, z):
    return (p - z).square().sum(1).mean()


def target_not_normalised(p, z):
    return (F.normalize(p, dim=1) - z).square().sum(1).mean()


def normalised_over_the_batch(p, z):
    return (F.normalize(p, dim=0) - F.normalize(z, dim=0)).square().sum(1).mean()


def summed_over_the_batch(p, z):
    return len(p) * byol_regression(p, z)


def both_directions(p, z):
    return byol_regression(p, z) + byol_regression(z, p)


def gradient_stopped_at_the_prediction(p, z):
    return byol_regression(p.detach(), z)


def gradient_stopped_at_the_target(p, z):
    """No mistake in the method, which does it; the loss itself says nothing of it."""
    return byol_regression(p, z.detach())


MUTANTS = {  # the value on the hand example, where it differs there
    averaged_over_features: 0.4,
    minus_cosine: -0.6,
    not_normalised: 20.0,
    target_not_normalised: None,
    normalised_over_the_batch: 1.0,
    summed_over_the_batch: None,
    both_directions: 1.6,
    gradient_stopped_at_the_prediction: None,
    gradient_stopped_at_the_target: None,
}


def promises_kept(loss) -> bool:
    return as_the_oracle(loss, oracle, *pairs())


def test_the_loss_keeps_the_promises():
    assert promises_kept(byol_regression)


test_every_usual_mistake_is_noticed = noticed(MUTANTS, promises_kept)
test_every_usual_mistake_has_its_value_on_the_hand_example = valued(MUTANTS, lambda loss: loss(*HAND))


# ---- invariances, precision, devices, bad input


def test_length_and_a_common_rotation_do_not_matter_and_the_gradient_is_orthogonal_to_the_prediction():
    p, z = pairs()
    turn, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))
    value, (gradient, _) = value_and_gradients(byol_regression, p, z)
    assert byol_regression(100 * p @ turn, 0.01 * z @ turn).item() == pytest.approx(value, abs=1e-6)
    assert (gradient * p).sum(1).abs().max() < 1e-7 < gradient.abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype):
    computed_in(dtype, byol_regression, oracle, *pairs())


def test_float64_stays_float64_and_autocast_has_no_effect():
    computed_in(torch.float64, byol_regression, oracle, *pairs(), within=1e-14)
    same_under_autocast(byol_regression, *pairs())


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_one_broken_number_spreads_to_the_loss(broken):
    p, z = pairs()
    z[3, 3] = broken
    assert byol_regression(p, z).isnan()


def test_it_needs_nothing_of_the_device():
    needs_no_device(byol_regression, (5, 8), (5, 8))


def test_it_compiles_as_one_graph_and_its_errors_say_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import byol_regression
        p, z = torch.randn(8, 4), torch.randn(8, 4)
        print(torch.equal(torch.compile(byol_regression, fullgraph=True, backend="eager")(p, z), byol_regression(p, z)))
        for p, z in ((4, 5), (3, 5)), ((4,), (4,)):
            try:
                byol_regression(torch.ones(p), torch.ones(z))
            except ValueError as error:
                print(error)
    """
    same, unequal, flat = without_shape_checks(script).splitlines()
    assert same == "True"
    assert "every prediction p needs its target z" in unequal and "(4, 5)" in unequal and "(3, 5)" in unequal
    assert "(4,)" in flat
