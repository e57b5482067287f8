"""CMC's losses: double loops in float64 are the oracle, and every usual mistake, also one made in their own source, is told from them."""

import math
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.losses import core_view, cross_view_nce, full_graph, mutual_information_bound

TAUS = (0.01, 0.0699, 0.07, 0.2, 0.5, 10.0)  # float64 below 0.07, float32 from there
HAND = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.6, 0.8], [-0.8, 0.6]])  # cosines 0.6, -0.8 and 0.8, 0.6
LOSS = 2 * (math.log(math.exp(1.2) + math.exp(-1.6)) + math.log(math.exp(1.6) + math.exp(1.2)) - 2 * 1.2) / 2  # 0.972048 at tau = 0.5


def direction(z, other, queue, tau):
    """L(V1, V2) in float64, one row after another."""
    total = 0.0
    for i in range(len(z)):
        candidates = [z[i] @ row / tau for row in (*other, *queue)]
        total = total + torch.logsumexp(torch.stack(candidates), dim=0) - candidates[i]
    return total / len(z)


def oracle(z1, z2, tau, queue1=None, queue2=None):
    """Eqns. 3 and 4; its gradient is autograd's."""
    (z1, z2), (q1, q2) = ([row / row.norm() for row in z.double()] for z in (z1, z2)), ([] if q is None else q.double() for q in (queue1, queue2))
    return direction(z1, z2, q2, tau) + direction(z2, z1, q1, tau)


def core_oracle(zs, tau, queues=None):
    queues = queues or [None] * len(zs)
    return sum(oracle(zs[0], zs[j], tau, queues[0], queues[j]) for j in range(1, len(zs)))


def full_oracle(zs, tau, queues=None):
    queues, total = queues or [None] * len(zs), 0.0
    for i in range(len(zs)):
        for j in range(i + 1, len(zs)):
            total = total + oracle(zs[i], zs[j], tau, queues[i], queues[j])
    return total


def rows(B=6, K=0, noise=math.inf, d=8, seed=0, views=2, length=1.0):
    """Views of B things (noise = 0.1: nearly alike, inf: unrelated) and a queue of unit rows for each; K = 0: none."""
    g = torch.Generator().manual_seed(seed)
    thing = F.normalize(torch.randn(B, d, generator=g), dim=1)
    others = [F.normalize(torch.randn(B, d, generator=g), dim=1) for _ in range(views)]
    zs = [length * (z if noise == math.inf else F.normalize(thing + noise * z, dim=1)) for z in others]
    return zs, [F.normalize(torch.randn(K, d, generator=g), dim=1) if K else None for _ in range(views)]


def value_and_gradients(loss, zs, *rest):
    zs = [z.clone().requires_grad_() for z in zs]
    value = loss(zs, *rest)
    value.backward()
    return value.item(), [torch.zeros_like(z).double() if z.grad is None else z.grad.double() for z in zs]


def of_two(loss):
    """The loss of two views with the arguments that the losses of several have."""
    return lambda zs, tau, queues: loss(*zs, tau, *queues)


def close(loss, right, given, within=1e-6):
    """Whether value and gradients are those of the oracle, within a millionth of max(1, loss)."""
    value, gradients = value_and_gradients(loss, *given)
    expected, slopes = value_and_gradients(right, *given)
    largest = max(1.0, expected, *(slope.abs().max().item() for slope in slopes))  # a single row's slope is up to 2 / tau
    same = abs(value - expected) <= within * max(1.0, expected)
    return same and all((a - b).abs().max() <= within * largest for a, b in zip(gradients, slopes))


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("B, K, noise", [(1, 3, math.inf), (2, 0, math.inf), (5, 0, 0.1), (12, 0, math.inf), (5, 9, 0.5), (4, 30, math.inf)])
def test_value_and_gradient_equal_the_double_loop_to_a_millionth(B, K, noise, tau):
    zs, queues = rows(B, K, noise)
    assert close(of_two(cross_view_nce), of_two(oracle), (zs, tau, queues))


@pytest.mark.parametrize("K", [0, 7])
@pytest.mark.parametrize("views", [2, 3, 4])
@pytest.mark.parametrize("tau", [0.05, 0.07, 0.5])
@pytest.mark.parametrize("loss, right", [(core_view, core_oracle), (full_graph, full_oracle)])
def test_several_views_equal_the_loop_over_pairs(loss, right, tau, views, K):
    zs, queues = rows(5, K, 0.7, views=views)
    assert close(loss, right, (zs, tau, queues if K else None))


@pytest.mark.parametrize("tau", [0.05, 0.07, 0.2])
@pytest.mark.parametrize("K", [0, 4096])
def test_float32_rows_lose_no_more_than_a_millionth_at_full_size(K, tau):
    """In float64 matrices, for a size at which the loop takes minutes; another test holds it to the loop."""
    zs, queues = rows(128, K, 0.5, d=64)
    assert close(of_two(cross_view_nce), of_two(fast_oracle), (zs, tau, queues))


def fast_oracle(z1, z2, tau, queue1=None, queue2=None):
    z1, z2 = (F.normalize(z.double(), dim=1) for z in (z1, z2))
    return fast_direction(z1, z2, queue2, tau) + fast_direction(z2, z1, queue1, tau)


def fast_direction(z, other, queue, tau):
    candidates = other if queue is None else torch.cat([other, queue.double()])
    return F.cross_entropy(z @ candidates.T / tau, torch.arange(len(z)))


@pytest.mark.parametrize("K", [0, 5])
def test_the_fast_oracle_is_the_double_loop(K):
    zs, queues = rows(7, K, 0.5)
    assert fast_oracle(*zs, 0.1, *queues).item() == pytest.approx(oracle(*zs, 0.1, *queues).item(), abs=1e-12)


def test_gradcheck():
    zs, (q1, q2) = rows(4, 3, d=3)
    given = [z.double().requires_grad_() for z in zs]
    assert torch.autograd.gradcheck(lambda a, b: cross_view_nce(a, b, 0.3, q1.double(), q2.double()), given)
    assert torch.autograd.gradcheck(lambda *views: full_graph(views, 0.3), [z.double().requires_grad_() for z in rows(4, d=3, views=3)[0]])


@pytest.mark.parametrize("tau", [0.07, 0.2, 2.0])
def test_a_temperature_that_learns_gets_its_gradient(tau):
    zs, queues = rows(12, 5, 0.5)
    learned, right = (torch.tensor(tau, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64))
    cross_view_nce(*zs, learned, *queues).backward()
    fast_oracle(*zs, right, *queues).backward()
    assert learned.grad.item() == pytest.approx(right.grad.item(), rel=1e-5, abs=1e-6) and right.grad.abs() > 1e-3


# ---- values known by hand, and how many terms there are


def test_the_hand_example():
    assert cross_view_nce(*HAND, 0.5).item() == pytest.approx(LOSS, abs=1e-6) == pytest.approx(0.972048, abs=1e-6)


def test_one_thing_among_two_of_a_queue():
    """Cosines of 0.8 with the partner, 0.1 and -0.2 with the others: the toy of the softmax loss. One row without others costs 0."""
    z1, z2 = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.8, 0.6]])
    queue = torch.tensor([[0.1, math.sqrt(0.99)], [-0.2, math.sqrt(0.96)]])
    assert cross_view_nce(z1, z2, 0.5, None, queue).item() == pytest.approx(0.323483, abs=1e-6)
    assert cross_view_nce(z2, z1, 0.5, queue, None).item() == pytest.approx(0.323483, abs=1e-6)
    assert cross_view_nce(z1, z2, 0.5).item() == 0.0


@pytest.mark.parametrize("tau", [0.01, 0.07, 10.0])
@pytest.mark.parametrize("B, K", [(1, 0), (1, 1), (4, 0), (4, 5), (64, 4096)])
def test_scores_that_are_all_equal_cost_twice_the_log_of_the_candidates(B, K, tau):
    z, queue = torch.ones(B, 4), torch.full((K, 4), 0.5)
    assert cross_view_nce(z, z, tau, queue, queue).item() == pytest.approx(2 * math.log(B + K), abs=2e-6)


@pytest.mark.parametrize("M, core, full", [(2, 1, 1), (3, 2, 3), (4, 3, 6), (5, 4, 10)])
def test_a_core_has_a_pair_for_every_other_view_and_a_graph_all_pairs(M, core, full):
    zs = [torch.ones(3, 4)] * M
    assert core_view(zs).item() == pytest.approx(core * 2 * math.log(3), abs=1e-5)
    assert full_graph(zs).item() == pytest.approx(full * 2 * math.log(3), abs=1e-5)
    queues = torch.full((M, 2, 4), 0.5)
    assert full_graph(zs, queues=queues).item() == pytest.approx(full * 2 * math.log(5), abs=1e-5)


def test_core_and_graph_of_two_views_are_the_pairs_loss():
    zs, queues = rows(6, 4, 0.5)
    assert torch.equal(core_view(zs, 0.1, queues), cross_view_nce(*zs, 0.1, *queues))
    assert torch.equal(full_graph(zs, 0.1, queues), cross_view_nce(*zs, 0.1, *queues))


def test_the_first_view_is_the_core_and_no_other_pair_is_in_it():
    """The slope of a pair without the core is 0; that of the graph is not."""
    zs, _ = rows(5, noise=0.5, views=3)
    a, b = (z.clone().requires_grad_() for z in zs[1:])
    (slope,) = torch.autograd.grad(core_view([zs[0], a, b], 0.2), a)
    pair = torch.autograd.grad(cross_view_nce(zs[0], a, 0.2), a)[0]
    torch.testing.assert_close(slope, pair, atol=1e-7, rtol=0)
    assert (torch.autograd.grad(full_graph([zs[0], a, b], 0.2), a)[0] - pair).abs().max() > 1e-3


def test_the_default_temperature_is_the_papers():
    zs, _ = rows(6, views=3)
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


def scores(z1, z2, tau, queue=None, unit=lambda z: F.normalize(z, dim=1)):
    z1, z2 = unit(z1), unit(z2)
    return z1 @ (z2 if queue is None else torch.cat([z2, queue])).T / tau


def partner(s):
    return F.cross_entropy(s, torch.arange(len(s)))


def scored_against_itself(z1, z2, tau, q1=None, q2=None):
    return partner(scores(z1, z1, tau, q1)) + partner(scores(z2, z2, tau, q2))


def one_direction(z1, z2, tau, q1=None, q2=None):
    return partner(scores(z1, z2, tau, q2))


def other_direction(z1, z2, tau, q1=None, q2=None):
    return partner(scores(z2, z1, tau, q1))


def one_direction_twice(z1, z2, tau, q1=None, q2=None):
    return 2 * one_direction(z1, z2, tau, q1, q2)


def not_normalised(z1, z2, tau, q1=None, q2=None):
    return partner(scores(z1, z2, tau, q2, lambda z: z)) + partner(scores(z2, z1, tau, q1, lambda z: z))


def columns_normalised(z1, z2, tau, q1=None, q2=None):
    return not_normalised(F.normalize(z1, dim=0), F.normalize(z2, dim=0), tau, q1, q2)


def multiplied_by_tau(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2, 1 / tau, q1, q2)


def no_temperature(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2, 1.0, q1, q2)


def own_view_among_the_candidates(z1, z2, tau, q1=None, q2=None):
    """NT-Xent: the rows of the own view are negatives, too."""
    own = [scores(z, z, tau).fill_diagonal_(-torch.inf) for z in (z1, z2)]
    return partner(torch.cat([scores(z1, z2, tau, q2), own[0]], 1)) + partner(torch.cat([scores(z2, z1, tau, q1), own[1]], 1))


def mean_of_both_directions(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2, tau, q1, q2) / 2


def summed_over_the_batch(z1, z2, tau, q1=None, q2=None):
    return len(z1) * cross_view_nce(z1, z2, tau, q1, q2)


def partner_not_among_the_candidates(z1, z2, tau, q1=None, q2=None):
    two = scores(z1, z2, tau, q2), scores(z2, z1, tau, q1)
    return sum((s.clone().fill_diagonal_(-torch.inf).logsumexp(1) - s.diagonal()).mean() for s in two)


def queue_of_the_wrong_view(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2, tau, q2, q1)


def both_queues_for_both(z1, z2, tau, q1=None, q2=None):
    both = None if q1 is None else torch.cat([q1, q2])
    return cross_view_nce(z1, z2, tau, both, both)


def queue_not_used(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2, tau)


def queue_alone(z1, z2, tau, q1=None, q2=None):
    """The other rows of the batch are left out, as in MoCo."""
    q1, q2 = (z1[:0] if q is None else q for q in (q1, q2))
    z1, z2 = (F.normalize(z, dim=1) for z in (z1, z2))
    own = (z1 * z2).sum(1, keepdim=True)
    return sum(F.cross_entropy(torch.cat([own, a @ q.T], 1) / tau, torch.zeros(len(a)).long()) for a, q in ((z1, q2), (z2, q1)))


def softmax_over_the_anchors(z1, z2, tau, q1=None, q2=None):
    return sum((s.logsumexp(0)[: len(s)] - s.diagonal()).mean() for s in (scores(z1, z2, tau, q2), scores(z2, z1, tau, q1)))


def second_view_detached(z1, z2, tau, q1=None, q2=None):
    return cross_view_nce(z1, z2.detach(), tau, q1, q2)


TWO = {  # the value on the hand example at tau = 0.5, where it differs there
    scored_against_itself: 2 * math.log(1 + math.exp(-2)),
    one_direction: 0.486024,  # on the hand example both directions cost the same
    other_direction: 0.486024,
    one_direction_twice: None,
    not_normalised: None,
    columns_normalised: None,
    multiplied_by_tau: 1.147583,
    no_temperature: 1.018556,
    own_view_among_the_candidates: 2 * 0.668040,
    mean_of_both_directions: 0.486024,
    summed_over_the_batch: 2 * 0.972048,
    partner_not_among_the_candidates: -2.4,
    queue_of_the_wrong_view: None,
    both_queues_for_both: None,
    queue_not_used: None,
    queue_alone: 0.0,
    softmax_over_the_anchors: None,
    second_view_detached: None,
}


def two_kept(loss) -> bool:
    """The double loop's value and gradient, where rows are long, tau is small, and with queues."""
    cases = [(3, 0, 0.5), (6, 0, 0.2), (4, 5, 0.3)]
    return all(close(of_two(loss), of_two(oracle), (zs, tau, queues), 1e-5) for B, K, tau in cases for zs, queues in [rows(B, K, 0.5, length=1.5)])


def test_the_loss_of_two_views_keeps_its_promises():
    assert two_kept(cross_view_nce)


@pytest.mark.parametrize("mutant", TWO, ids=lambda mutant: mutant.__name__)
def test_every_usual_mistake_with_two_views_is_noticed(mutant):
    assert not two_kept(mutant)


@pytest.mark.parametrize("mutant, value", [pair for pair in TWO.items() if pair[1] is not None], ids=lambda x: getattr(x, "__name__", str(x)))
def test_every_usual_mistake_has_its_value_on_the_hand_example(mutant, value):
    assert mutant(*HAND, 0.5).item() == pytest.approx(value, abs=2e-6)
    assert value != pytest.approx(LOSS, abs=1e-2)


def pairs_of(choose):
    """The sum over other pairs of M views."""

    def loss(zs, tau, queues):
        q = queues or [None] * len(zs)
        return sum(cross_view_nce(zs[i], zs[j], tau, q[i], q[j]) for i, j in choose(len(zs)))

    return loss


def core_pairs(M):
    return [(0, j) for j in range(1, M)]


def all_pairs(M):
    return list(combinations(range(M), 2))


CORES = {
    "mean over pairs": lambda zs, tau, queues: core_view(zs, tau, queues) / (len(zs) - 1),
    "pairs twice": lambda zs, tau, queues: 2 * core_view(zs, tau, queues),
    "a chain": pairs_of(lambda M: [(j, j + 1) for j in range(M - 1)]),
    "a ring": pairs_of(lambda M: [(j, (j + 1) % M) for j in range(M)]),
    "the last view is the core": pairs_of(lambda M: [(M - 1, j) for j in range(M - 1)]),
    "the core with itself, too": pairs_of(lambda M: [(0, j) for j in range(M)]),
    "one pair is missing": pairs_of(lambda M: core_pairs(M)[:-1]),
    "the graph": full_graph,
}
GRAPHS = {
    "mean over pairs": lambda zs, tau, queues: full_graph(zs, tau, queues) / len(all_pairs(len(zs))),
    "mean over views": lambda zs, tau, queues: full_graph(zs, tau, queues) / len(zs),
    "pairs twice": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(M) if i != j]),
    "views with themselves, too": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(i, M)]),
    "all ordered pairs": pairs_of(lambda M: [(i, j) for i in range(M) for j in range(M)]),
    "a ring": pairs_of(lambda M: [(j, (j + 1) % M) for j in range(M)]),
    "a chain": pairs_of(lambda M: [(j, j + 1) for j in range(M - 1)]),
    "the core": core_view,
    "queues are left out": lambda zs, tau, queues: full_graph(zs, tau),
    "queues are turned": lambda zs, tau, queues: full_graph(zs, tau, queues and queues[1:] + queues[:1]),
}


def several_kept(loss, right) -> bool:
    cases = [(rows(B, K, 0.5, views=4), K) for B, K in ((4, 0), (3, 5))]
    return all(close(loss, right, (zs, 0.3, queues if K else None), 1e-5) for (zs, queues), K in cases)


def test_core_and_graph_keep_their_promises():
    assert several_kept(core_view, core_oracle) and several_kept(full_graph, full_oracle)


@pytest.mark.parametrize("mutant", CORES.values(), ids=CORES)
def test_every_usual_mistake_with_the_core_is_noticed(mutant):
    assert not several_kept(mutant, core_oracle)


@pytest.mark.parametrize("mutant", GRAPHS.values(), ids=GRAPHS)
def test_every_usual_mistake_with_the_graph_is_noticed(mutant):
    assert not several_kept(mutant, full_oracle)


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


SOURCE = Path(losses.__file__).read_text()
EDITS = [  # of cross_view_nce
    ("(sharp(rows, tau) for rows in (z1, z2, q1, q2))", "(rows for rows in (z1, z2, q1, q2))"),
    ("for rows in (z1, z2, q1, q2))", "for rows in (z1, z2, q2, q1))"), ("for rows in (z1, z2, q1, q2))", "for rows in (z1, z1, q1, q2))"),
    ("for rows in (z1, z2, q1, q2))", "for rows in (z1, z2.detach(), q1, q2))"),
    ("found(v1, v2, q2, tau) + found(v2, v1, q1, tau)", "found(v1, v2, q2, tau) + found(v1, v2, q1, tau)"),
    ("found(v1, v2, q2, tau) + found(v2, v1, q1, tau)", "found(v1, v2, q2, tau) - found(v2, v1, q1, tau)"),
    ("found(v1, v2, q2, tau) + found(v2, v1, q1, tau)", "found(v1, v2, q1, tau) + found(v2, v1, q1, tau)"),
    ("found(v1, v2, q2, tau) + found(v2, v1, q1, tau)", "found(v1, v2, q2, tau)"),
    ("found(v1, v2, q2, tau) + found(v2, v1, q1, tau)", "found(v1, v2, q2, 1.0) + found(v2, v1, q1, tau)"),
    ("(z1[:0] if queue is None else queue for queue in", "(z1[:0] for queue in"),
    ("for queue in (queue1, queue2))", "for queue in (queue2, queue1))"),
    # of found
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = z @ torch.cat([unit(other), queue]).T"),
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = unit(z) @ torch.cat([other, queue]).T"),
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = unit(z) @ unit(other).T"),
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = unit(z) @ torch.cat([unit(z), queue]).T"),
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = unit(z) @ torch.cat([queue, unit(other)]).T"),
    ("s = unit(z) @ torch.cat([unit(other), queue]).T", "s = unit(z) @ torch.cat([unit(other), unit(z), queue]).T"),
    ("minus_log_share(s, s.diagonal(), tau).mean()", "minus_log_share(s, s.diagonal()).mean()"),
    ("minus_log_share(s, s.diagonal(), tau).mean()", "minus_log_share(s, s.diagonal(), tau).sum()"),
    ("minus_log_share(s, s.diagonal(), tau).mean()", "minus_log_share(s, s[:, 0], tau).mean()"),
    ("minus_log_share(s, s.diagonal(), tau).mean()", "minus_log_share(s.T[:len(s)], s.diagonal(), tau).mean()"),
    # of core, graph and `over`
    ("over([(0, j) for j in range(1, len(zs))], zs, tau, queues)", "over([(0, j) for j in range(len(zs))], zs, tau, queues)"),
    ("over([(0, j) for j in range(1, len(zs))], zs, tau, queues)", "over([(0, j) for j in range(2, len(zs))], zs, tau, queues)"),
    ("over([(0, j) for j in range(1, len(zs))], zs, tau, queues)", "over([(j - 1, j) for j in range(1, len(zs))], zs, tau, queues)"),
    ("over([(0, j) for j in range(1, len(zs))], zs, tau, queues)", "over([(0, j) for j in range(1, len(zs))], zs, tau, None)"),
    ("over([(0, j) for j in range(1, len(zs))], zs, tau, queues)", "over([(0, j) for j in range(1, len(zs))], zs, 0.07, queues)"),
    ("over(combinations(range(len(zs)), 2), zs, tau, queues)", "over(combinations(range(1, len(zs)), 2), zs, tau, queues)"),
    ("over(combinations(range(len(zs)), 2), zs, tau, queues)", "over([(0, j) for j in range(1, len(zs))], zs, tau, queues)"),
    ("over(combinations(range(len(zs)), 2), zs, tau, queues)", "over(combinations(range(len(zs)), 2), zs, tau, None)"),
    ("q = [None] * len(zs) if queues is None else queues", "q = [None] * len(zs)"),
    ("cross_view_nce(zs[i], zs[j], tau, q[i], q[j])", "cross_view_nce(zs[i], zs[j], tau, q[j], q[i])"),
    ("cross_view_nce(zs[i], zs[j], tau, q[i], q[j])", "cross_view_nce(zs[i], zs[j], tau, q[i])"),
    ("cross_view_nce(zs[i], zs[j], tau, q[i], q[j])", "cross_view_nce(zs[i], zs[j], 0.07, q[i], q[j])"),
    # of the bound
    ("math.log(k) - loss", "math.log(k + 1) - loss"), ("math.log(k) - loss", "math.log(k) + loss"), ("math.log(k) - loss", "math.log2(k) - loss"),
]  # fmt: skip


def edited(old: str = "", new: str = "") -> SimpleNamespace:
    """The file of the losses with one change."""
    assert SOURCE.count(old) == 1 or not old, f"stands {SOURCE.count(old)} times in the source: {old}"
    names = {"__name__": "edited"}
    exec(compile(SOURCE.replace(old, new) if old else SOURCE, "edited", "exec"), names)
    return SimpleNamespace(**names)


def all_kept(of) -> bool:
    """What the tests above ask of all four functions, as one question."""
    sharp = rows(8, 4, 0.05, d=2)
    return (
        two_kept(of.cross_view_nce)
        and close(of_two(of.cross_view_nce), of_two(oracle), (sharp[0], 0.001, sharp[1]))
        and several_kept(of.core_view, core_oracle)
        and several_kept(of.full_graph, full_oracle)
        and bound_kept(of.mutual_information_bound)
    )


def test_the_source_as_it_is_keeps_the_promises():
    assert all_kept(edited())


@pytest.mark.parametrize("old, new", EDITS, ids=range(len(EDITS)))
def test_a_change_of_any_line_is_noticed(old, new):
    assert not all_kept(edited(old, new))


# ---- invariances


def test_only_the_loss_of_the_first_view_hears_of_the_second_views_queue():
    """L(V1, V2) changes by as much as the sum; L(V2, V1), which the sum with the views exchanged begins with, stays."""
    (z1, z2), (q1, q2) = rows(6, 5, 0.5)
    other = F.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(9)), dim=1)
    before, after = (cross_view_nce(z1, z2, 0.2, q1, q).double() for q in (q2, other))
    z1, z2 = (list(F.normalize(z.double(), dim=1)) for z in (z1, z2))
    moved = direction(z1, z2, other.double(), 0.2) - direction(z1, z2, q2.double(), 0.2)
    assert moved.abs() > 0.01 and (after - before).item() == pytest.approx(moved.item(), abs=1e-6)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_the_length_of_any_row_does_not_matter(tau):
    zs, _ = rows(20, 0, 0.5)
    lengths = torch.logspace(-3, 3, 20)[:, None]
    assert cross_view_nce(zs[0] * lengths, zs[1] / lengths, tau).item() == pytest.approx(cross_view_nce(*zs, tau).item(), abs=2e-6)


def test_which_view_is_first_and_the_order_of_things_and_of_queues_do_not_matter():
    (z1, z2), (q1, q2) = rows(20, 9, 0.5)
    expected = cross_view_nce(z1, z2, 0.1, q1, q2).item()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    for given in ((z2, z1, 0.1, q2, q1), (z1[order], z2[order], 0.1, q1, q2), (z1, z2, 0.1, q1.flip(0), q2.roll(3, 0))):
        assert cross_view_nce(*given).item() == pytest.approx(expected, abs=2e-6)


def test_a_common_rotation_does_not_matter():
    (z1, z2), (q1, q2) = rows(20, 9, 0.5)
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))
    turned = cross_view_nce(z1 @ turn, z2 @ turn, 0.1, q1 @ turn, q2 @ turn)
    assert turned.item() == pytest.approx(cross_view_nce(z1, z2, 0.1, q1, q2).item(), abs=2e-6)


# ---- precision, NaN, devices, bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("tau", [0.05, 0.07, 0.5])
def test_half_precision_rows_are_lifted_before_anything_is_computed(dtype, tau):
    zs, queues = rows(12, 7, 0.5)
    zs, queues = ([x.to(dtype) for x in given] for given in (zs, queues))
    for given in ((*zs, tau), (*zs, tau, *queues)):
        loss = cross_view_nce(*given)
        assert loss.dtype == torch.float32 and loss.item() == pytest.approx(oracle(*given).item(), abs=2e-6)
    by_name = cross_view_nce(z1=zs[0], z2=zs[1], tau=tau, queue2=queues[1], queue1=queues[0])
    assert by_name == loss and core_view(zs, tau, queues) == full_graph(zs, tau, queues) == loss


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_float64_stays_float64(tau):
    zs, queues = rows(8, 7, 0.5)
    zs, queues = ([x.double() for x in given] for given in (zs, queues))
    for loss in (cross_view_nce(*zs, tau, *queues), full_graph(zs, tau, torch.stack(queues))):
        assert loss.dtype == torch.float64 and loss.item() == pytest.approx(oracle(*zs, tau, *queues).item(), abs=1e-13)


@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_autocast_has_no_effect(tau):
    zs, queues = rows(12, 7, 0.5, views=3)
    outside = full_graph(zs, tau, queues)
    with torch.autocast("cpu", torch.bfloat16):
        inside = full_graph(zs, tau, queues)
    assert torch.equal(inside, outside)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("which", range(4))
def test_one_broken_number_spreads_to_the_loss(broken, which):
    zs, queues = rows(12, 7)
    given = [*zs, *queues]
    given[which][3, 3] = broken
    assert not cross_view_nce(*given[:2], 0.2, *given[2:]).isfinite()
    assert not full_graph([*zs, zs[0].flip(0)], 0.2, [*queues, queues[0].flip(0)]).isfinite()


@pytest.mark.parametrize("tau", [1e-4, 1e-3])
def test_no_temperature_is_too_low(tau):
    zs, queues = rows(12, 7)
    value, gradients = value_and_gradients(of_two(cross_view_nce), zs, tau, queues)
    assert value == pytest.approx(oracle(*zs, tau, *queues).item(), rel=1e-6) and all(slope.isfinite().all() for slope in gradients)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_it_needs_nothing_of_the_device(tau):
    zs = [torch.empty(5, 8, device="meta", requires_grad=True) for _ in range(3)]
    full_graph(zs, tau, torch.empty(3, 6, 8, device="meta")).backward()
    assert all(z.grad.shape == (5, 8) for z in zs)


def test_a_queue_is_left_as_it_is_and_may_learn():
    zs, queues = rows(4, 5)
    kept = [q.clone() for q in queues]
    learns = [q.clone().requires_grad_() for q in queues]
    cross_view_nce(*zs, 0.2, *learns).backward()
    assert all(map(torch.equal, kept, queues)) and all(q.grad.abs().max() > 0 for q in learns)


def test_they_compile_as_one_graph_and_their_errors_say_what_is_needed(without_shape_checks):
    script = """
        import torch
        from ssl_lab.losses import core_view, cross_view_nce, full_graph, mutual_information_bound
        zs, queues = [torch.randn(8, 4, requires_grad=True) for _ in range(3)], torch.randn(3, 5, 4)
        for tau in (0.5, 0.05):
            for loss in (core_view, full_graph):
                values = [f(zs, tau, queues) for f in (torch.compile(loss, fullgraph=True, backend="eager"), loss)]
                slopes = [torch.autograd.grad(value, zs[0])[0] for value in values]
                print(torch.allclose(*values) and torch.allclose(*slopes, atol=1e-6))
        a, b, q, wide = torch.ones(4, 5), torch.ones(3, 5), torch.ones(9, 5), torch.ones(9, 6)
        for wrong in (
            lambda: cross_view_nce(a, b), lambda: cross_view_nce(a[0], a[0]), lambda: cross_view_nce(a, a, 0.1, q, wide),
            lambda: cross_view_nce(a, a, 0.1, wide, q), lambda: cross_view_nce(a, a, 0.1, q[0], q), lambda: cross_view_nce(a, a, 0.0),
            lambda: full_graph([a, a], -1.0), lambda: core_view([a]), lambda: full_graph([]), lambda: core_view([a, a, b]),
            lambda: mutual_information_bound(0.5, 0), lambda: mutual_information_bound(0.5, -3),
        ):
            try:
                print("taken", wrong())
            except ValueError as error:
                print(error)
    """
    needles = [
        ("two views of the same B things", "(4, 5) and (3, 5)"), ("(5,) and (5,)",), ("have width 5", "(9, 5) and (9, 6)"), ("(9, 6) and (9, 5)",),
        ("(5,) and (9, 5)",), ("tau=0.0 must be positive",), ("tau=-1.0",), ("1 view has no other view", "two views or more"), ("0 view",),
        ("(4, 5) and (3, 5)",), ("k=0 negatives: at least 1", "a batch of B has B - 1"), ("k=-3",),
    ]  # fmt: skip
    lines = without_shape_checks(script).splitlines()
    same, said = lines[:4], lines[4:]
    assert same == ["True"] * 4 and len(said) == len(needles)
    for sentence, parts in zip(said, needles):
        assert all(part in sentence for part in parts), sentence
