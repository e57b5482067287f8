"""CMC's losses: double loops in float64 are the oracle, and every usual mistake, also one made in their own source, is told from them."""

import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import computed_in, edited, needs_no_device, same_under_autocast, value_and_gradients
from dummies.promises import noticed, valued
from ssl_lab.losses import core_view, cross_view_nce, full_graph, mutual_information_bound

TAUS = (0.01, 0.0699, 0.07, 0.2, 0.5, 10.0)  # float64 below 0.07, float32 from there
HAND = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.6, 0.8], [-0.8, 0.6]])  # cosines 0.6, -0.8 and 0.8, 0.6
LOSS = 2 * (math.log(math.exp(1.2) + math.exp(-1.6)) + math.log(math.exp(1.6) + math.exp(1.2)) - 2 * 1.2) / 2  # 0.972048 at tau = 0.5


def direction(z, other, tau):
    """L(V1, V2) in float64, one row after another."""
    total = 0.0
    for i in range(len(z)):
        candidates = [z[i] @ row / tau for row in other]
        total = total + torch.logsumexp(torch.stack(candidates), dim=0) - candidates[i]
    return total / len(z)


def oracle(z1, z2, tau):
    """L(V1, V2) + L(V2, V1); its gradient is autograd's."""
    z1, z2 = ([row / row.norm() for row in z.double()] for z in (z1, z2))
    return direction(z1, z2, tau) + direction(z2, z1, tau)


def core_oracle(zs, tau):
    return sum(oracle(zs[0], zs[j], tau) for j in range(1, len(zs)))


def full_oracle(zs, tau):
    total = 0.0
    for i in range(len(zs)):
        for j in range(i + 1, len(zs)):
            total = total + oracle(zs[i], zs[j], tau)
    return total


def rows(B=6, noise=math.inf, d=8, seed=0, views=2, length=1.0):
    """Views of B things; noise = 0.1: nearly alike, inf: unrelated."""
    g = torch.Generator().manual_seed(seed)
    thing, *others = (F.normalize(torch.randn(B, d, generator=g), dim=1) for _ in range(1 + views))
    return [length * (z if noise == math.inf else F.normalize(thing + noise * z, dim=1)) for z in others]


def of_two(loss):
    """The loss of two views with the arguments that the losses of several have."""
    return lambda zs, tau: loss(*zs, tau)


def close(loss, right, zs, tau, within=1e-6):
    """Whether value and gradients are those of the oracle, within a millionth of max(1, loss)."""
    value, gradients = value_and_gradients(lambda *zs: loss(zs, tau), *zs)
    expected, slopes = value_and_gradients(lambda *zs: right(zs, tau), *zs)
    largest = max(1.0, expected, *(slope.abs().max().item() for slope in slopes))  # a single row's slope is up to 2 / tau
    same = abs(value - expected) <= within * max(1.0, expected)
    return same and all((a - b).abs().max() <= within * largest for a, b in zip(gradients, slopes))


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("B, noise, length", [(1, math.inf, 1.0), (2, math.inf, 3.0), (5, 0.1, 1.0), (12, math.inf, 0.2), (6, 0.5, 40.0)])
def test_value_and_gradient_equal_the_double_loop_to_a_millionth(B, noise, length, tau):
    assert close(of_two(cross_view_nce), of_two(oracle), rows(B, noise, length=length), tau)


@pytest.mark.parametrize("views", [2, 3, 4])
@pytest.mark.parametrize("tau", [0.05, 0.07, 0.5])
@pytest.mark.parametrize("loss, right", [(core_view, core_oracle), (full_graph, full_oracle)])
def test_several_views_equal_the_loop_over_pairs(loss, right, tau, views):
    assert close(loss, right, rows(5, 0.7, views=views), tau)


@pytest.mark.parametrize("tau", [0.05, 0.07, 0.2])
@pytest.mark.parametrize("noise", [0.1, 0.5, math.inf])
def test_float32_rows_lose_no_more_than_a_millionth_at_full_size(noise, tau):
    """In float64 matrices, for a size at which the loop takes minutes; another test holds it to the loop."""
    assert close(of_two(cross_view_nce), of_two(fast_oracle), rows(256, noise, d=64), tau)


def fast_oracle(z1, z2, tau):
    s = F.normalize(z1.double(), dim=1) @ F.normalize(z2.double(), dim=1).T / tau
    return partner(s) + partner(s.T)


def test_the_fast_oracle_is_the_double_loop():
    zs = rows(7, 0.5)
    assert fast_oracle(*zs, 0.1).item() == pytest.approx(oracle(*zs, 0.1).item(), abs=1e-12)


def test_gradcheck():
    two, three = ([z.double().requires_grad_() for z in rows(4, d=3, views=views)] for views in (2, 3))
    assert torch.autograd.gradcheck(lambda a, b: cross_view_nce(a, b, 0.3), two)
    assert torch.autograd.gradcheck(lambda *views: full_graph(views, 0.3), three)


@pytest.mark.parametrize("tau", [0.07, 0.2, 2.0])
def test_a_temperature_that_learns_gets_its_gradient(tau):
    zs = rows(12, 0.5)
    learned, right = (torch.tensor(tau, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64))
    cross_view_nce(*zs, learned).backward()
    fast_oracle(*zs, right).backward()
    assert learned.grad.item() == pytest.approx(right.grad.item(), rel=1e-5, abs=1e-6) and right.grad.abs() > 1e-3


# ---- values known by hand, and how many terms there are


def test_the_hand_example():
    assert cross_view_nce(*HAND, 0.5).item() == pytest.approx(LOSS, abs=1e-6) == pytest.approx(0.972048, abs=1e-6)


def test_cosines_of_a_pair_and_two_others_cost_the_toys_value():
    """0.8 with the partner, 0.1 and -0.2 with the others, in either direction, at tau = 0.5: the softmax loss of the toy is 0.323483."""
    s = torch.tensor([[0.8, 0.1, -0.2], [-0.2, 0.8, 0.1], [0.1, -0.2, 0.8]])
    rest = (1 - s.square().sum(1)).sqrt()
    z1 = torch.eye(3, 6)
    z2 = torch.cat([s.T, torch.diag(rest)], 1)  # unit rows whose products with z1 are s
    assert cross_view_nce(z1, z2, 0.5).item() == pytest.approx(2 * 0.323483, abs=2e-6)


@pytest.mark.parametrize("tau", [0.01, 0.07, 10.0])
@pytest.mark.parametrize("B", [1, 2, 4, 512])
def test_scores_that_are_all_equal_cost_twice_the_log_of_the_candidates(B, tau):
    z = torch.ones(B, 4)
    assert cross_view_nce(z, 2 * z, tau).item() == pytest.approx(2 * math.log(B), abs=2e-6)


@pytest.mark.parametrize("tau", [0.01, 0.5])
def test_one_thing_costs_exactly_nothing(tau):
    value, gradients = value_and_gradients(cross_view_nce, *rows(1), tau=tau)
    assert value == 0.0 and max(slope.abs().max() for slope in gradients) <= 1e-6


@pytest.mark.parametrize("M, core, full", [(2, 1, 1), (3, 2, 3), (4, 3, 6), (5, 4, 10)])
def test_a_core_has_a_pair_for_every_other_view_and_a_graph_all_pairs(M, core, full):
    zs = [torch.ones(3, 4)] * M
    assert core_view(zs).item() == pytest.approx(core * 2 * math.log(3), abs=1e-5)
    assert full_graph(zs).item() == pytest.approx(full * 2 * math.log(3), abs=1e-5)


def test_any_loss_of_a_pair_is_added_up_each_pair_once_the_earlier_view_first():
    """As the method with a queue does, whose views are no tensors."""
    for graph, pairs in ((core_view, ["ab", "ac", "ad"]), (full_graph, ["ab", "ac", "ad", "bc", "bd", "cd"])):
        seen = []
        assert graph(list("abcd"), 0.3, lambda one, other, tau, seen=seen: seen.append((one + other, tau)) or torch.tensor(2.0)) == 2 * len(pairs)
        assert seen == [(pair, 0.3) for pair in pairs]


def test_core_and_graph_of_two_views_are_the_pairs_loss():
    zs = rows(6, 0.5)
    assert torch.equal(core_view(zs, 0.1), cross_view_nce(*zs, 0.1)) and torch.equal(full_graph(zs, 0.1), cross_view_nce(*zs, 0.1))


def test_the_first_view_is_the_core_and_no_other_pair_is_in_it():
    """The slope of the core in a view is that of its pair with the first alone; that of the graph is not."""
    zs = rows(5, 0.5, views=3)
    a, b = (z.clone().requires_grad_() for z in zs[1:])
    (slope,) = torch.autograd.grad(core_view([zs[0], a, b], 0.2), a)
    (pair,) = torch.autograd.grad(cross_view_nce(zs[0], a, 0.2), a)
    torch.testing.assert_close(slope, pair, atol=1e-7, rtol=0)
    assert (torch.autograd.grad(full_graph([zs[0], a, b], 0.2), a)[0] - pair).abs().max() > 1e-3


def test_the_default_temperature_is_the_papers():
    zs = rows(6, views=3)
    assert torch.equal(cross_view_nce(*zs[:2]), cross_view_nce(*zs[:2], 0.07))
    assert torch.equal(core_view(zs), core_view(zs, 0.07)) and torch.equal(full_graph(zs), full_graph(zs, 0.07))


@pytest.mark.parametrize("loss, k, bound", [
    (0.0, 1, 0.0), (0.5, 127, 4.344187), (math.log(128), 127, -0.007843), (1.0, 4096, 7.317766), (0, 16384, 9.704061),
])
def test_the_bound_is_log_k_less_the_loss(loss, k, bound):
    assert mutual_information_bound(float(loss), k) == pytest.approx(bound, abs=1e-6) == pytest.approx(math.log(k) - loss, abs=1e-6)


def test_the_bound_of_a_tensor_is_a_tensor_with_its_gradient():
    loss = torch.tensor(0.5, requires_grad=True)
    bound = mutual_information_bound(loss, 127)
    bound.backward()
    assert bound.item() == pytest.approx(4.344187, abs=1e-6) and loss.grad == -1


def test_identical_views_reach_the_bound_and_one_loss_of_a_pair_is_half_the_sum():
    """Orthogonal things that are the same in both views: either direction costs log(1 + k e^(-1 / tau)), nearly nothing."""
    z = torch.eye(16)
    half = cross_view_nce(z, z, 0.07) / 2
    assert mutual_information_bound(half, 15).item() == pytest.approx(math.log(15) - math.log(1 + 15 * math.exp(-1 / 0.07)), abs=1e-5)


# ---- the usual mistakes: each has its value on the hand example, and none passes for the loss


def scores(z1, z2, tau, unit=lambda z: F.normalize(z, dim=1)):
    return unit(z1) @ unit(z2).T / tau


def partner(s):
    return F.cross_entropy(s, torch.arange(len(s)))


def scored_against_itself(z1, z2, tau):
    return partner(scores(z1, z1, tau)) + partner(scores(z2, z2, tau))


def one_direction(z1, z2, tau):
    return partner(scores(z1, z2, tau))


def other_direction(z1, z2, tau):
    return partner(scores(z2, z1, tau))


def one_direction_twice(z1, z2, tau):
    return 2 * one_direction(z1, z2, tau)


def not_normalised(z1, z2, tau):
    s = scores(z1, z2, tau, lambda z: z)
    return partner(s) + partner(s.T)


def first_view_not_normalised(z1, z2, tau):
    return not_normalised(z1, F.normalize(z2, dim=1), tau)


def columns_normalised(z1, z2, tau):
    return not_normalised(F.normalize(z1, dim=0), F.normalize(z2, dim=0), tau)


def multiplied_by_tau(z1, z2, tau):
    return cross_view_nce(z1, z2, 1 / tau)


def no_temperature(z1, z2, tau):
    return cross_view_nce(z1, z2, 1.0)


def own_view_among_the_candidates(z1, z2, tau):
    """NT-Xent: the rows of the own view are negatives, too."""
    own = [scores(z, z, tau).fill_diagonal_(-torch.inf) for z in (z1, z2)]
    return partner(torch.cat([scores(z1, z2, tau), own[0]], 1)) + partner(torch.cat([scores(z2, z1, tau), own[1]], 1))


def mean_of_both_directions(z1, z2, tau):
    return cross_view_nce(z1, z2, tau) / 2


def summed_over_the_batch(z1, z2, tau):
    return len(z1) * cross_view_nce(z1, z2, tau)


def partner_not_among_the_candidates(z1, z2, tau):
    s = scores(z1, z2, tau)
    return sum((x.clone().fill_diagonal_(-torch.inf).logsumexp(1) - x.diagonal()).mean() for x in (s, s.T))


def one_softmax_for_all(z1, z2, tau):
    s = scores(z1, z2, tau)
    return 2 * (s.flatten().logsumexp(0) - s.diagonal()).mean()


def partners_shifted(z1, z2, tau):
    return cross_view_nce(z1, z2.roll(1, 0), tau)


def second_view_detached(z1, z2, tau):
    return cross_view_nce(z1, z2.detach(), tau)


def stopped_at_the_candidates(z1, z2, tau):
    return partner(scores(z1, z2.detach(), tau)) + partner(scores(z2, z1.detach(), tau))


TWO = {  # the value on the hand example at tau = 0.5, where it differs there
    scored_against_itself: 2 * math.log(1 + math.exp(-2)),
    one_direction: 0.486024,  # both directions cost the same there
    other_direction: 0.486024,
    one_direction_twice: None,
    not_normalised: None,
    first_view_not_normalised: None,
    columns_normalised: None,
    multiplied_by_tau: 1.147583,
    no_temperature: 1.018556,
    own_view_among_the_candidates: 2 * 0.668040,
    mean_of_both_directions: 0.486024,
    summed_over_the_batch: 2 * 0.972048,
    partner_not_among_the_candidates: -2.4,
    one_softmax_for_all: None,
    partners_shifted: None,
    second_view_detached: None,
    stopped_at_the_candidates: None,
}


def two_kept(loss) -> bool:
    """The double loop's value and gradient, also where rows are long and tau is small."""
    cases = [(rows(3, 0.5, length=1.5), 0.5), (rows(6, 0.5), 0.2), (rows(4, length=0.5), 0.3)]
    return all(close(of_two(loss), of_two(oracle), zs, tau, 1e-5) for zs, tau in cases)


def test_the_loss_of_two_views_keeps_its_promises():
    assert two_kept(cross_view_nce)


test_every_usual_mistake_with_two_views_is_noticed = noticed(TWO, two_kept)
test_every_usual_mistake_has_its_value_on_the_hand_example = valued(TWO, lambda loss: loss(*HAND, 0.5), 2e-6, right=LOSS)


def pairs_of(choose):
    """The sum over other pairs of M views."""
    return lambda zs, tau: sum(cross_view_nce(zs[i], zs[j], tau) for i, j in choose(len(zs)))


CORES = {
    "mean over pairs": lambda zs, tau: core_view(zs, tau) / (len(zs) - 1),
    "pairs twice": lambda zs, tau: 2 * core_view(zs, tau),
    "a chain": pairs_of(lambda M: [(j, j + 1) for j in range(M - 1)]),
    "a ring": pairs_of(lambda M: [(j, (j + 1) % M) for j in range(M)]),
    "the last view is the core": pairs_of(lambda M: [(M - 1, j) for j in range(M - 1)]),
    "the core with itself, too": pairs_of(lambda M: [(0, j) for j in range(M)]),
    "one pair is missing": pairs_of(lambda M: [(0, j) for j in range(1, M - 1)]),
    "the graph": full_graph,
    "another temperature": lambda zs, tau: core_view(zs),
    "a mean of both directions": lambda zs, tau: core_view(zs, tau, mean_of_both_directions),
}
GRAPHS = {
    "mean over pairs": lambda zs, tau: full_graph(zs, tau) / math.comb(len(zs), 2),
    "mean over views": lambda zs, tau: full_graph(zs, tau) / len(zs),
    "pairs twice": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(M) if i != j]),
    "views with themselves, too": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(i, M)]),
    "all ordered pairs": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(M)]),
    "a ring": pairs_of(lambda M: [(j, (j + 1) % M) for j in range(M)]),
    "a chain": pairs_of(lambda M: [(j, j + 1) for j in range(M - 1)]),
    "the core": core_view,
    "another temperature": lambda zs, tau: full_graph(zs),
    "one direction of each pair": lambda zs, tau: full_graph(zs, tau, one_direction),
}


def several_kept(loss, right) -> bool:
    return all(close(loss, right, zs, 0.3, 1e-5) for zs in (rows(4, 0.5, views=4), rows(3, views=4)))


def test_core_and_graph_keep_their_promises():
    assert several_kept(core_view, core_oracle) and several_kept(full_graph, full_oracle)


test_every_usual_mistake_with_the_core_is_noticed = noticed(CORES, lambda loss: several_kept(loss, core_oracle))
test_every_usual_mistake_with_the_graph_is_noticed = noticed(GRAPHS, lambda loss: several_kept(loss, full_oracle))


BOUNDS = {
    "log(k + 1)": lambda loss, k: math.log(k + 1) - loss,
    "base 2": lambda loss, k: math.log2(k) - loss,
    "base 10": lambda loss, k: math.log10(k) - loss,
    "sign": lambda loss, k: loss - math.log(k),
    "added": lambda loss, k: math.log(k) + loss,
    "the sum of both directions": lambda loss, k: math.log(k) - 2 * loss,
    "half": lambda loss, k: math.log(k) - loss / 2,
    "never below 0": lambda loss, k: max(0.0, math.log(k) - loss),
    "k": lambda loss, k: k - loss,
}


def bound_kept(bound) -> bool:
    return all(bound(loss, k) == pytest.approx(math.log(k) - loss, abs=1e-4) for loss, k in ((0.5, 127), (3.0, 7), (6.0, 127)))


@pytest.mark.parametrize("mutant", BOUNDS.values(), ids=BOUNDS)
def test_every_usual_mistake_with_the_bound_is_noticed(mutant):
    assert bound_kept(mutual_information_bound) and not bound_kept(mutant)


# ---- a change of any line of the losses themselves


MATRIX = "s = unit(sharp(z1, tau)) @ unit(sharp(z2, tau)).T"
SHARES = "forth, back = (minus_log_share(x, s.diagonal(), tau).mean() for x in (s, s.T))"
EDITS = [(old, old.replace(part, new)) for old, part, new in (
    (MATRIX, "unit(sharp(z1, tau))", "sharp(z1, tau)"), (MATRIX, "unit(sharp(z2, tau))", "sharp(z2, tau)"),
    (MATRIX, "unit(sharp(z1, tau)) @ unit(sharp(z2, tau)).T", "unit(z1) @ unit(z2).T"), (MATRIX, "sharp(z2", "sharp(z1"),
    (MATRIX, "sharp(z2, tau)", "sharp(z2, tau).detach()"), (MATRIX, "sharp(z1, tau)", "sharp(z1, tau).detach()"),
    (SHARES, "(s, s.T)", "(s, s)"), (SHARES, "(s, s.T)", "(s.T, s.T)"), (SHARES, ", tau)", ")"), (SHARES, "mean()", "sum()"),
    (SHARES, "s.diagonal()", "s[:, 0]"), (SHARES, "(s, s.T)", "(s, s.flip(0))"), (SHARES, "x, s.diag", "x - x.max(), s.diag"),
    ("(forth + back).to(z1.dtype)", "forth + back", "forth"), ("(forth + back).to(z1.dtype)", "forth + back", "back"),
    ("(forth + back).to(z1.dtype)", "forth + back", "forth - back"), ("(forth + back).to(z1.dtype)", "forth + back", "(forth + back) / 2"),
    ("sum(pair(zs[0], z, tau) for z in zs[1:])", "zs[1:]", "zs"), ("sum(pair(zs[0], z, tau) for z in zs[1:])", "zs[1:]", "zs[2:]"),
    ("sum(pair(zs[0], z, tau) for z in zs[1:])", "zs[0]", "zs[-1]"), ("sum(pair(zs[0], z, tau) for z in zs[1:])", ", tau)", ")"),
    ("sum(pair(a, b, tau) for a, b in combinations(zs, 2))", "combinations(zs, 2)", "zip(zs, zs[1:])"),
    ("sum(pair(a, b, tau) for a, b in combinations(zs, 2))", "combinations(zs, 2)", "combinations(zs[1:], 2)"),
    ("sum(pair(a, b, tau) for a, b in combinations(zs, 2))", "pair(a, b, tau)", "pair(a, a, tau)"),
    ("sum(pair(a, b, tau) for a, b in combinations(zs, 2))", ", tau)", ")"),
    ("math.log(k) - loss", "k", "k + 1"), ("math.log(k) - loss", "-", "+"), ("math.log(k) - loss", "log", "log2"),
    ("math.log(k) - loss", "loss", "2 * loss"),
)]  # fmt: skip


def all_kept(of) -> bool:
    """What the tests above ask of all four functions, as one question."""
    return (
        two_kept(of.cross_view_nce)
        and close(of_two(of.cross_view_nce), of_two(oracle), rows(8, 0.05, d=2), 0.001)
        and several_kept(of.core_view, core_oracle)
        and several_kept(of.full_graph, full_oracle)
        and bound_kept(of.mutual_information_bound)
    )


def test_the_source_as_it_is_keeps_the_promises():
    assert all_kept(edited())


@pytest.mark.parametrize("old, new", EDITS, ids=range(len(EDITS)))
def test_a_change_of_any_line_is_noticed(old, new):
    assert old != new and not all_kept(edited(old, new))


# ---- invariances


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_the_length_of_any_row_does_not_matter(tau):
    zs, lengths = rows(20, 0.5), torch.logspace(-3, 3, 20)[:, None]
    assert cross_view_nce(zs[0] * lengths, zs[1] / lengths, tau).item() == pytest.approx(cross_view_nce(*zs, tau).item(), abs=2e-6)


def test_which_view_is_first_and_the_order_of_things_do_not_matter():
    z1, z2 = rows(20, 0.5)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    for given in ((z2, z1), (z1[order], z2[order])):
        assert cross_view_nce(*given, 0.1).item() == pytest.approx(cross_view_nce(z1, z2, 0.1).item(), abs=2e-6)


def test_the_order_of_views_matters_to_the_core_alone():
    zs = rows(6, 0.5, views=3)
    turned = zs[1:] + zs[:1]
    assert full_graph(turned, 0.1).item() == pytest.approx(full_graph(zs, 0.1).item(), abs=5e-6)
    assert abs(core_view(turned, 0.1) - core_view(zs, 0.1)) > 0.01


def test_a_common_rotation_does_not_matter():
    zs = rows(20, 0.5)
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))
    assert cross_view_nce(*(z @ turn for z in zs), 0.1).item() == pytest.approx(cross_view_nce(*zs, 0.1).item(), abs=2e-6)


# ---- precision, NaN, devices, bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("tau", [0.05, 0.07, 0.5])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype, tau):
    computed_in(dtype, cross_view_nce, oracle, *rows(12, 0.5), tau=tau, within=2e-6)
    zs = [z.to(dtype) for z in rows(12, 0.5)]
    assert cross_view_nce(z1=zs[0], z2=zs[1], tau=tau) == core_view(zs, tau) == full_graph(zs, tau) == cross_view_nce(*zs, tau)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_float64_stays_float64(tau):
    for loss in (cross_view_nce, lambda *zs, tau: full_graph(zs, tau)):
        computed_in(torch.float64, loss, oracle, *rows(8, 0.5), tau=tau, within=1e-13)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_autocast_has_no_effect(tau):
    same_under_autocast(full_graph, rows(12, 0.5, views=3), tau=tau)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("which", range(3))
def test_one_broken_number_spreads_to_the_loss(broken, which):
    zs = rows(12, views=3)
    zs[which][3, 3] = broken
    assert full_graph(zs, 0.2).isnan() and core_view(zs, 0.2).isnan() and cross_view_nce(zs[which], zs[which - 1], 0.2).isnan()


@pytest.mark.parametrize("tau", [1e-4, 1e-3])
def test_no_temperature_is_too_low(tau):
    zs = rows(12)
    value, gradients = value_and_gradients(cross_view_nce, *zs, tau=tau)
    assert value == pytest.approx(oracle(*zs, tau).item(), rel=1e-6) and all(slope.isfinite().all() for slope in gradients)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_it_needs_nothing_of_the_device(tau):
    needs_no_device(lambda *zs: full_graph(zs, tau), *[(5, 8)] * 3)


def test_they_compile_as_one_graph_and_their_errors_say_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import core_view, cross_view_nce, full_graph, mutual_information_bound
        zs = [torch.randn(8, 4, requires_grad=True) for _ in range(3)]
        for tau in (0.5, 0.05):
            for loss in (core_view, full_graph):
                values = [f(zs, tau) for f in (torch.compile(loss, fullgraph=True, backend="eager"), loss)]
                slopes = [torch.autograd.grad(value, zs[0])[0] for value in values]
                print(torch.allclose(*values) and torch.allclose(*slopes, atol=1e-6))
        a, b = torch.ones(4, 5), torch.ones(3, 5)
        for wrong in (
            lambda: cross_view_nce(a, b), lambda: cross_view_nce(a, torch.ones(4, 6)), lambda: cross_view_nce(a[0], a[0]),
            lambda: cross_view_nce(a, a, 0.0), lambda: full_graph([a, a], -1.0), lambda: core_view([a]), lambda: full_graph([]),
            lambda: core_view([a, a, b]), lambda: mutual_information_bound(0.5, 0), lambda: mutual_information_bound(0.5, -3),
        ):
            try:
                print("taken", wrong())
            except ValueError as error:
                print(error)
    """
    needles = [
        ("two views of the same B things", "(4, 5) and (3, 5)"), ("(4, 5) and (4, 6)",), ("(5,) and (5,)",), ("tau=0.0 must be positive",),
        ("tau=-1.0",), ("1 view has no other view", "two views or more"), ("0 view",), ("(4, 5) and (3, 5)",),
        ("k=0 negatives: at least 1", "a batch of B has B - 1"), ("k=-3",),
    ]  # fmt: skip
    lines = without_shape_checks(script).splitlines()
    same, said = lines[:4], lines[4:]
    assert same == ["True"] * 4 and len(said) == len(needles)
    for sentence, parts in zip(said, needles):
        assert all(part in sentence for part in parts), sentence
