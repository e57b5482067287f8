"""What the losses promise; the oracle is the slowest code that is obviously right, and every usual mistake is told from it."""

import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import computed_in, needs_no_device, same_under_autocast
from dummies.promises import noticed, valued
from ssl_lab import losses, panels
from ssl_lab.losses import nt_xent

TAUS = (0.01, 0.0699, 0.07, 0.5, 10.0)  # float64 below 0.07, float32 from there
HAND = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.6, 0.8], [-0.8, 0.6]])


@pytest.fixture(params=["whole", "panels"])
def path(request, monkeypatch):
    """Both ways to the same number: the whole matrix, and panels of it (small ones, the last incomplete)."""
    monkeypatch.setattr(losses, "LARGE", {"whole": 10**9, "panels": 0}[request.param])
    monkeypatch.setattr(panels, "PANEL", 48)
    return request.param


def oracle(z1, z2, tau):
    """Eqn. 1 in float64, one pair after another, and its gradient by autograd."""
    z = [row / row.norm() for row in torch.cat([z1, z2]).double()]
    M = len(z)
    total = 0.0
    for i in range(M):
        s = [z[i] @ z[j] / tau for j in range(M) if j != i]
        positive = z[i] @ z[(i + M // 2) % M] / tau
        total = total + torch.logsumexp(torch.stack(s), dim=0) - positive
    return total / M


def fast_oracle(z1, z2, tau):
    """The same in float64 matrices, for sizes at which the loop takes minutes; a test holds it to the loop."""
    z = F.normalize(torch.cat([z1, z2]).double(), dim=1)
    B = len(z1)
    s = z @ z.T / tau
    rows = torch.arange(2 * B)
    positive = s[rows, rows.roll(B)]
    return (s.masked_fill(torch.eye(2 * B, dtype=torch.bool), -torch.inf).logsumexp(dim=1) - positive).mean()


def pairs(N, noise, d=16, seed=0, length=1.0):
    """Two views of N images: noise = 0.1 is well aligned, math.inf is unrelated."""
    g = torch.Generator().manual_seed(seed)
    z1, z2 = (F.normalize(torch.randn(N, d, generator=g), dim=1) for _ in range(2))
    z2 = z2 if noise == math.inf else F.normalize(z1 + noise * z2, dim=1)
    return length * z1, length * z2


def value_and_gradient(loss, z1, z2, tau):
    z1, z2 = (z.clone().requires_grad_() for z in (z1, z2))
    value = loss(z1, z2, tau=tau)
    value.backward()
    return value.item(), torch.cat([z1.grad, z2.grad]).double()


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("N, noise", [(2, math.inf), (3, 0.1), (12, math.inf)])
def test_nt_xent_equals_the_double_loop(N, noise, tau, path):
    z1, z2 = pairs(N, noise)
    value, gradient = value_and_gradient(nt_xent, z1, z2, tau)
    right, right_gradient = value_and_gradient(oracle, z1, z2, tau)
    assert abs(value - right) <= 1e-6 * max(1, right)
    assert (gradient - right_gradient).abs().max() <= 1e-6 * max(1, right)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("noise", [0.1, 0.5, math.inf])
@pytest.mark.parametrize("N, seeds", [(2, 5), (25, 2), (300, 1)])
def test_float32_rows_lose_no_more_than_a_millionth(N, seeds, noise, tau, path):
    for seed in range(seeds):
        z1, z2 = pairs(N, noise, d=128, seed=seed)
        value, gradient = value_and_gradient(nt_xent, z1, z2, tau)
        right, right_gradient = value_and_gradient(fast_oracle, z1, z2, tau)
        assert abs(value - right) <= 1e-6 * max(1, right)
        assert (gradient - right_gradient).abs().max() <= 1e-6 * max(1, right)


def test_the_fast_oracle_is_the_double_loop():
    z1, z2 = pairs(7, math.inf)
    assert fast_oracle(z1, z2, 0.1).item() == pytest.approx(oracle(z1, z2, 0.1).item(), abs=1e-12)


@pytest.mark.parametrize("N", [255, 256, 300])
def test_the_size_at_which_panels_begin_cannot_be_seen(N):
    z1, z2 = pairs(N, 0.5)
    value, gradient = value_and_gradient(nt_xent, z1, z2, 0.2)
    right, right_gradient = value_and_gradient(fast_oracle, z1, z2, 0.2)
    assert value == pytest.approx(right, abs=1e-6)
    torch.testing.assert_close(gradient, right_gradient, atol=1e-7, rtol=0)


def test_gradcheck(path, monkeypatch):
    monkeypatch.setattr(panels, "PANEL", 4)
    z1, z2 = (z.double().requires_grad_() for z in pairs(5, math.inf, d=3))
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, tau=0.3), (z1, z2))


@pytest.mark.parametrize("tau", [0.07, 0.2, 2.0])
def test_a_temperature_that_learns_gets_its_gradient(tau, path):
    z1, z2 = pairs(60, 0.5)
    learned, right = (torch.tensor(tau, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64))
    nt_xent(z1, z2, learned).backward()
    fast_oracle(z1, z2, right).backward()
    assert right.grad.abs() > 1e-3
    assert learned.grad.item() == pytest.approx(right.grad.item(), rel=1e-5)


def test_rows_and_their_temperature_learn_together_as_with_a_number(path):
    z1, z2 = pairs(60, 0.5)
    value, gradient = value_and_gradient(nt_xent, z1, z2, 0.2)
    learned, learned_gradient = value_and_gradient(nt_xent, z1, z2, torch.tensor(0.2, requires_grad=True))
    assert learned == pytest.approx(value, abs=1e-6)
    torch.testing.assert_close(learned_gradient, gradient, atol=1e-6, rtol=0)


# ---- values known by hand


@pytest.mark.parametrize("N", [2, 4, 8])
@pytest.mark.parametrize("tau", [0.01, 0.5, 10.0])
def test_identical_rows_cost_log_of_the_number_of_others(N, tau, path):
    z = torch.ones(N, 3)
    assert nt_xent(z, z, tau=tau).item() == pytest.approx(math.log(2 * N - 1), abs=1e-6)


@pytest.mark.parametrize("tau", [0.01, 0.07, 0.5, 10.0])
def test_one_pair_costs_exactly_nothing(tau, path):
    value, gradient = value_and_gradient(nt_xent, *pairs(1, math.inf), tau)
    assert value == 0.0
    assert gradient.abs().max() <= 1e-6


@pytest.mark.parametrize("N, tau, value", [(2, 1, 0.551445), (2, 0.5, 0.239545), (2, 0.1, 9.0796e-5), (4, 0.5, 0.594438), (8, 0.1, 6.35397e-4)])
def test_equal_pairs_that_are_orthogonal_to_each_other(N, tau, value, path):
    z = torch.eye(N)
    assert nt_xent(z, z, tau=tau).item() == pytest.approx(value, abs=1e-6)
    assert value == pytest.approx(math.log(1 + (2 * N - 2) * math.exp(-1 / tau)), rel=1e-5)


def test_opposite_views_cost_most(path):
    z = torch.eye(2)
    assert nt_xent(z, -z, tau=0.5).item() == pytest.approx(math.log(1 + 2 * math.e**2), abs=1e-6) == pytest.approx(2.758624, abs=1e-6)


def test_a_regular_triangle(path):
    angle = torch.arange(3) * 2 * math.pi / 3
    z = torch.stack([angle.cos(), angle.sin()], dim=1)
    assert nt_xent(z, z, tau=0.5).item() == pytest.approx(0.181612, abs=1e-6)


def test_the_hand_example(path):
    assert nt_xent(*HAND, tau=0.5).item() == pytest.approx(0.668040, abs=1e-6)
    anchors = (0.308957, 1.027123, 1.027123, 0.308957)
    assert sum(anchors) / 4 == pytest.approx(0.668040, abs=1e-6)


@pytest.mark.parametrize("N, tau", [(2, 0.5), (16, 0.1), (64, 0.07), (300, 0.5)])
def test_it_agrees_with_lightly(N, tau, path):
    z1, z2 = pairs(N, 0.5, d=32)
    value, gradient = value_and_gradient(nt_xent, z1, z2, tau)
    lightly = pytest.importorskip("lightly.loss", reason="the peer lightly is not installed: `uv sync` brings it")
    peer, peer_gradient = value_and_gradient(lambda a, b, tau: lightly.NTXentLoss(temperature=tau)(a, b), z1, z2, tau)
    assert value == pytest.approx(peer, abs=2e-5)  # lightly's own error at tau = 0.07
    torch.testing.assert_close(gradient, peer_gradient, atol=2e-5, rtol=0)


# ---- the usual mistakes: each has its value on the hand example, and none passes for the loss


def parts(z1, z2, tau, layout="views"):
    """Logits with -inf on the diagonal, and the partner of every row."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    B, rows = len(z1), torch.arange(2 * len(z1))
    s = (z @ z.T / tau).masked_fill(torch.eye(2 * B, dtype=torch.bool), -torch.inf)
    return s, rows.roll(B) if layout == "views" else rows ^ 1


def self_pair_kept(z1, z2, tau):
    s, partner = parts(z1, z2, tau)
    return F.cross_entropy(s.diagonal_scatter(torch.full((len(s),), 1 / tau)), partner)


def no_temperature(z1, z2, tau):
    return nt_xent(z1, z2, tau=1.0)


def multiplied_by_tau(z1, z2, tau):
    return nt_xent(z1, z2, tau=1 / tau)


def cross_view_only(z1, z2, tau):
    s = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / tau
    rows = torch.arange(len(s))
    return (F.cross_entropy(s, rows) + F.cross_entropy(s.T, rows)) / 2


def positive_excluded(z1, z2, tau):
    s, partner = parts(z1, z2, tau)
    positive = s[torch.arange(len(s)), partner]
    return (s.scatter(1, partner[:, None], -torch.inf).logsumexp(dim=1) - positive).mean()


def interleaved(z1, z2, tau):
    return F.cross_entropy(*parts(z1, z2, tau, layout="interleaved"))


def not_normalised(z1, z2, tau):
    z = torch.cat([z1, z2])
    return F.cross_entropy((z @ z.T / tau).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf), parts(z1, z2, tau)[1])


def one_direction(z1, z2, tau):
    s, partner = parts(z1, z2, tau)
    return F.cross_entropy(s[: len(z1)], partner[: len(z1)])


def summed(z1, z2, tau):
    return F.cross_entropy(*parts(z1, z2, tau), reduction="sum")


def mean_over_pairs(z1, z2, tau):
    return 2 * F.cross_entropy(*parts(z1, z2, tau))  # Google's code: the sum of the two directions' means


def self_pair_subtracted(z1, z2, tau):
    """e^(1/tau) taken from the row sum in half precision, as in lightning-bolts under AMP."""
    z = F.normalize(torch.cat([z1, z2]), dim=1).half()
    e = torch.exp((z @ z.T / tau).half()).sum(dim=1) - math.exp(1 / tau)
    positive = (z * z.roll(len(z1), 0)).sum(dim=1) / tau
    return (e.float().log() - positive.float()).mean()


def sign_turned(z1, z2, tau):
    s, partner = parts(z1, z2, tau)
    return F.cross_entropy(-s.nan_to_num(neginf=torch.inf), partner)


def gradient_stopped_at_the_second_view(z1, z2, tau):
    return nt_xent(z1, z2.detach(), tau=tau) + 0 * z2.sum()


MUTANTS = {  # the value on the hand example at tau = 0.5, where it differs there
    self_pair_kept: 1.445306,
    no_temperature: 0.802079,
    multiplied_by_tau: 0.925613,
    cross_view_only: 0.486024,
    positive_excluded: -0.216099,
    interleaved: 1.868040,
    not_normalised: None,
    one_direction: None,
    summed: 4 * 0.668040,
    mean_over_pairs: 1.336080,
    self_pair_subtracted: None,
    sign_turned: None,
    gradient_stopped_at_the_second_view: None,
}


def promises_kept(loss) -> bool:
    """What the tests above ask, as one question: is this the loss, in value and in gradient, also where rows are long and tau is small?"""
    for N, noise, tau, length in ((2, math.inf, 0.5, 1.0), (5, 0.5, 0.1, 1.05), (9, math.inf, 0.2, 3.0)):
        z1, z2 = pairs(N, noise, length=length)
        value, gradient = value_and_gradient(loss, z1, z2, tau)
        right, right_gradient = value_and_gradient(oracle, z1, z2, tau)
        same = abs(value - right) <= 1e-5 * max(1, right) and torch.allclose(gradient, right_gradient, atol=1e-5)
        if not same:
            return False
    return True


def test_the_loss_keeps_the_promises(path):
    assert promises_kept(nt_xent)


test_every_usual_mistake_is_noticed = noticed(MUTANTS, promises_kept)
test_every_usual_mistake_has_its_own_value_on_the_hand_example = valued(MUTANTS, lambda loss: loss(*HAND, 0.5), 2e-6)


def test_rows_twice_as_long_show_a_forgotten_normalisation():
    z1, z2 = HAND
    assert not_normalised(2 * z1, 2 * z2, 0.5).item() == pytest.approx(0.896746, abs=1e-6)
    assert nt_xent(2 * z1, 2 * z2, tau=0.5).item() == pytest.approx(0.668040, abs=1e-6)


def test_four_pairs_tell_cross_view_negatives_from_a_positive_left_out():
    """At N = 2 both cost log 2 on identical rows."""
    z = torch.ones(4, 3)
    assert [round(mutant(z, z, 0.5).item(), 4) for mutant in (cross_view_only, positive_excluded, nt_xent)] == [1.3863, 1.7918, 1.9459]


# ---- invariances


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_the_length_of_any_row_does_not_matter(tau, path):
    z1, z2 = pairs(20, 0.5)
    lengths = torch.logspace(-3, 3, 20)[:, None]
    assert nt_xent(z1 * lengths, z2 / lengths, tau=tau).item() == pytest.approx(nt_xent(z1, z2, tau=tau).item(), abs=1e-6)


def test_the_order_of_the_pairs_does_not_matter(path):
    z1, z2 = pairs(60, 0.5)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    assert nt_xent(z1[order], z2[order]).item() == pytest.approx(nt_xent(z1, z2).item(), abs=1e-6)


def test_which_view_is_first_does_not_matter(path):
    z1, z2 = pairs(60, 0.5)
    assert nt_xent(z2, z1).item() == pytest.approx(nt_xent(z1, z2).item(), abs=1e-6)


def test_a_common_rotation_does_not_matter(path):
    z1, z2 = pairs(60, 0.5)
    turn, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))
    assert nt_xent(z1 @ turn, z2 @ turn).item() == pytest.approx(nt_xent(z1, z2).item(), abs=1e-6)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_the_gradient_is_orthogonal_to_the_embedding(tau, path):
    z1, z2 = pairs(30, 0.5, length=2.0)
    _, gradient = value_and_gradient(nt_xent, z1, z2, tau)
    assert gradient.abs().max() > 1e-3
    assert ((gradient * torch.cat([z1, z2])).sum(dim=1)).abs().max() < 1e-7


# ---- precision, NaN, devices, bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype, path):
    computed_in(dtype, nt_xent, fast_oracle, *pairs(40, 0.5), tau=0.07)


def test_float64_stays_float64(path):
    computed_in(torch.float64, nt_xent, fast_oracle, *pairs(40, 0.5), tau=0.5, within=1e-14)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_autocast_has_no_effect(tau, path):
    same_under_autocast(nt_xent, *pairs(40, 0.5), tau=tau)


@pytest.mark.parametrize("tau", [0.07, 0.5])
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_one_broken_number_spreads_to_the_loss(broken, tau, path):
    z1, z2 = pairs(60, 0.5)
    z2[58, 3] = broken
    assert nt_xent(z1, z2, tau=tau).isnan()


@pytest.mark.parametrize("tau", [1e-4, 1e-3])
def test_no_temperature_is_too_low(tau, path):
    z1, z2 = pairs(60, math.inf)
    value, gradient = value_and_gradient(nt_xent, z1, z2, tau)
    assert value == pytest.approx(fast_oracle(z1, z2, tau).item(), rel=1e-6)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_it_needs_nothing_of_the_device(tau, path):
    needs_no_device(nt_xent, (60, 8), (60, 8), tau=tau)


def test_it_compiles_as_one_graph(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import nt_xent
        compiled = torch.compile(nt_xent, fullgraph=True, backend="eager")
        for N, tau in ((8, 0.5), (8, 0.07), (300, 0.5)):
            z1, z2 = torch.randn(N, 16, requires_grad=True), torch.randn(N, 16)
            losses = [f(z1, z2, tau=tau) for f in (compiled, nt_xent)]
            slopes = [torch.autograd.grad(loss, z1)[0] for loss in losses]
            print(torch.equal(*losses), torch.allclose(*slopes, atol=1e-7))
    """
    assert without_shape_checks(script).split() == ["True"] * 6


def test_errors_say_what_was_given_and_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import nt_xent
        for z1, z2, tau in ((4, 5), (3, 5), 0.5), ((4,), (4,), 0.5), ((4, 5), (4, 5), 0.0), ((4, 5), (4, 5), -1.0):
            try:
                nt_xent(torch.ones(z1), torch.ones(z2), tau=tau)
            except ValueError as error:
                print(error)
    """
    unequal, flat, zero, negative = without_shape_checks(script).splitlines()
    assert "two views of one batch" in unequal
    assert "(4, 5)" in unequal
    assert "(3, 5)" in unequal
    assert "(4,)" in flat
    assert "tau=0.0 must be positive" in zero
    assert "tau=-1.0" in negative
