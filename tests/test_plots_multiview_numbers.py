"""The losses of all pairs of views against slow loops, the bound by hand, and graphs that can be spelled and read."""

import itertools
import math

import numpy as np
import pytest

from ssl_lab.errors import InputError
from ssl_lab.plots.multiview.numbers import across, agreement, alone, pairs_of, read, spelled, toggled

B, NAMES = 9, ("L", "ab", "depth", "a-view")


def embeddings(names=NAMES, n=B, d=5, seed=0):
    draw = np.random.default_rng(seed)
    thing = draw.normal(size=(n, d))
    return {name: 3 * thing + 2 * draw.normal(size=(n, d)) for name in names}


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def paid(one, other, i, tau):
    """-log of what row i gives its own row of the other view, term by term."""
    weights = [math.exp(cosine(one[i], row) / tau) for row in other]
    return -math.log(weights[i] / sum(weights))


@pytest.mark.parametrize("tau", [0.07, 0.5, 3.0])
def test_every_loss_is_that_of_a_double_loop(tau):
    z = embeddings()
    found = agreement(z, tau)
    for (i, a), (j, b) in itertools.permutations(enumerate(NAMES), 2):
        slow = sum(paid(z[a], z[b], row, tau) for row in range(B)) / B
        assert found.loss[i, j] == pytest.approx(slow, rel=1e-12)
    assert np.isnan(np.diagonal(found.loss)).all() and found.names == NAMES and found.B == B


def test_the_two_directions_differ_and_a_pair_is_their_sum():
    z = embeddings()
    found = agreement(z, 0.2)
    assert abs(found.loss[0, 1] - found.loss[1, 0]) > 1e-3
    assert found.both((0, 1)) == found.loss[0, 1] + found.loss[1, 0]
    other = z | {"ab": z["ab"][::-1].copy()}  # other partners
    assert agreement(other, 0.2).both((0, 2)) == pytest.approx(found.both((0, 2)), rel=1e-12) != agreement(other, 0.2).both((0, 1))


def test_the_bound_is_log_k_less_half_the_sum_and_never_above_the_cap():
    z = embeddings()
    found = agreement(z, 0.2)
    assert found.k == B - 1 and found.cap == pytest.approx(math.log(B))
    assert found.bound((1, 2)) == pytest.approx(math.log(B - 1) - (found.loss[1, 2] + found.loss[2, 1]) / 2)
    same = agreement({"L": np.eye(B), "ab": np.eye(B)}, 0.01)
    assert same.bound((0, 1)) == pytest.approx(math.log(B - 1)) and same.bound((0, 1)) < same.cap
    blind = agreement({"L": np.ones((B, 3)), "ab": np.ones((B, 3))}, 0.07)
    assert blind.both((0, 1)) == pytest.approx(2 * math.log(B)) and blind.bound((0, 1)) < 0


def test_a_graph_pays_the_sum_of_its_pairs():
    found = agreement(embeddings(), 0.2)
    assert found.total([]) == 0
    slow = sum(found.loss[0, j] + found.loss[j, 0] for j in (1, 2, 3))
    assert found.total(pairs_of(4, "core")) == pytest.approx(slow)
    assert found.total(pairs_of(4, "full")) == pytest.approx(np.nansum(found.loss))


def test_scores_of_two_views_have_the_first_in_rows_and_congruent_pairs_on_the_diagonal():
    z, tau = embeddings(), 0.3
    found = across(z, "ab", "depth", tau)
    for i, j in itertools.product(range(B), repeat=2):
        assert found.cosine[i, j] == pytest.approx(cosine(z["ab"][i], z["depth"][j]))
    assert found.loss == pytest.approx([paid(z["ab"], z["depth"], i, tau) for i in range(B)])
    assert found.share.sum(1) == pytest.approx(1) and found.candidates == B
    ahead = [sum(cosine(z["ab"][i], row) >= cosine(z["ab"][i], z["depth"][i]) - 1e-12 for row in z["depth"]) for i in range(B)]
    assert found.rank.tolist() == ahead


def test_the_graphs_of_the_paper_have_M_less_1_and_M_times_M_less_1_halves_pairs():
    for M in range(2, 7):
        assert pairs_of(M, "core") == [(0, j) for j in range(1, M)]
        assert len(pairs_of(M, "full")) == M * (M - 1) // 2 == len({frozenset(pair) for pair in pairs_of(M, "full")})


def test_every_graph_can_be_spelled_and_read_again():
    every = pairs_of(4, "full")
    for count in range(len(every) + 1):
        for pairs in itertools.combinations(every, count):
            assert read(spelled(pairs, NAMES), NAMES) == [*pairs]
    assert [spelled(pairs_of(4, graph), NAMES) for graph in ("core", "full", "none")] == ["core", "full", "none"]
    assert spelled([(0, 1), (1, 3)], NAMES) == "L-ab + ab-a-view"


def test_the_order_of_two_views_does_not_matter_and_what_is_no_graph_is_none():
    assert read("ab-L+depth-ab", NAMES) == [(0, 1), (1, 2)]
    assert read("L-ab + L-ab", NAMES) == [(0, 1)]
    for wrong in ("", "L", "L-L", "L-rgb", "L-ab +", "core + L-ab"):
        assert read(wrong, NAMES) is None


def test_a_pair_is_cut_and_put_back_and_a_view_without_one_is_alone():
    core = pairs_of(4, "core")
    assert toggled(core, (0, 2)) == [(0, 1), (0, 3)] and toggled(toggled(core, (0, 2)), (0, 2)) == core
    assert toggled(core, (1, 2)) == [(0, 1), (0, 2), (0, 3), (1, 2)]
    assert alone(core, NAMES) == [] and alone([(0, 1), (0, 3)], NAMES) == ["depth"] and alone([], NAMES) == [*NAMES]


@pytest.mark.parametrize(
    "z, tau, words",
    [
        (embeddings(), 0.0, "tau=0.0 must be positive"),
        (embeddings(("L",)), 0.1, "two views or more"),
        (embeddings(n=1), 0.1, "two things or more"),
        (embeddings() | {"ab": np.ones((B + 1, 5))}, 0.1, "of the same two things or more"),
    ],
)
def test_what_has_no_loss_is_refused(z, tau, words):
    with pytest.raises(InputError, match=words):
        agreement(z, tau)


def test_a_view_that_there_is_not_has_no_scores():
    with pytest.raises(InputError, match="view 'rgb' is unknown"):
        across(embeddings(), "L", "rgb", 0.1)
