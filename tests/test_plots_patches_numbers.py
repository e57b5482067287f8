"""Every prediction of CPC against slow loops: which patch it is for, what it scores, where its target ranks, and what that costs."""

import itertools
import math

import numpy as np
import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.losses import cpc_nce
from ssl_lab.plots.patches.numbers import Field, found, nearest, places, shared, shares

B, D, G, J = 3, 5, 4, 3
STEPS = [(turn, k) for turn, k in itertools.product(range(4), (1, 2, 3)) if k < (G, J)[turn % 2]]
FAR = ((1, 0), (0, -1), (-1, 0), (0, 1))  # down, left, up, right: rows and columns


def grids(seed=0):
    """What the contexts of every place of the grid as it is predict, and the targets."""
    prediction, target = np.random.default_rng(seed).normal(size=(2, B, D, G, J))
    return 2 * prediction, target


def hits(turn, k, seed=0):
    prediction, target = grids(seed)
    return found(np.rot90(prediction, turn, (2, 3)), target, turn, k)


def pairs(turn, k):
    """Context and target of every prediction, by rows and columns."""
    down, right = (k * step for step in FAR[turn])
    inside = [(i, j) for i in range(G) for j in range(J) if 0 <= i + down < G and 0 <= j + right < J]
    return {(i + down, j + right): (i, j) for i, j in inside}


@pytest.mark.parametrize("turn, k", STEPS)
def test_a_context_predicts_the_patch_k_rows_further_in_its_direction(turn, k):
    contexts, targets = places(G, J, turn, k)
    assert {divmod(int(b), J): divmod(int(a), J) for a, b in zip(contexts, targets, strict=True)} == pairs(turn, k)
    assert hits(turn, k).context(int(targets[1])) == contexts[1]


@pytest.mark.parametrize("k", [0, 3])
def test_a_step_that_leaves_no_row_is_refused(k):
    with pytest.raises(InputError, match=f"k={k}: a grid of 3 rows has targets for k from 1 to 2"):
        places(G, J, 1, k)


@pytest.mark.parametrize("turn, k", STEPS)
def test_scores_losses_and_ranks_are_those_of_loops(turn, k):
    (prediction, target), hit = grids(), hits(turn, k)
    for image, ((i, j), (a, b)) in itertools.product(range(B), pairs(turn, k).items()):
        scores = [sum(prediction[image, c, a, b] * target[b2, c, i2, j2] for c in range(D)) for b2, i2, j2 in np.ndindex(B, G, J)]
        own = scores[image * G * J + i * J + j]
        place = hit.place(i * J + j)
        np.testing.assert_allclose(hit.scores(image, i * J + j), scores, atol=1e-12)
        assert hit.loss[image, place] == pytest.approx(math.log(sum(math.exp(score - own) for score in scores)))
        assert hit.ranks(image)[place] == 1 + sum(score > own for score in scores)
        assert scores[hit.number(image, i * J + j)] == own
        assert [scores[one] for one in hit.order(image, i * J + j)] == sorted(scores, reverse=True)
    assert hit.chance == pytest.approx(math.log(B * G * J))


@pytest.mark.parametrize("turn, k", STEPS)
def test_the_mean_of_the_map_is_cpc_nce(turn, k):
    (prediction, target), hit = (torch.from_numpy(np.stack(one)) for one in grids()), hits(turn, k)
    loss = cpc_nce(prediction.rot90(turn, (2, 3)), target.rot90(turn, (2, 3)), k)
    assert hit.mean == pytest.approx(float(loss), rel=1e-9)
    whole = np.stack([hit.whole(row) for row in hit.loss])
    assert np.nanmean(whole) == pytest.approx(hit.mean)
    assert {divmod(int(one), J) for one in np.flatnonzero(~np.isnan(whole[0]))} == {*pairs(turn, k)}


def test_a_tie_counts_against_the_target_and_it_is_the_last_of_them():
    prediction, target = grids()
    target[1, :, 2, 1] = target[0, :, 3, 2] = target[0, :, 2, 1]  # three patches that look alike
    prediction[0, :, 1, 1] = 9 * target[0, :, 2, 1]
    hit = found(prediction, target, 0, 1)
    assert hit.ranks(0)[hit.place(2 * J + 1)] == 3
    assert hit.order(0, 2 * J + 1)[:3].tolist() == [3 * J + 2, G * J + 2 * J + 1, 2 * J + 1]


def test_scores_that_are_all_alike_pay_chance_and_rank_last():
    hit = found(np.zeros((B, D, G, J)), grids()[1], 0, 1)
    np.testing.assert_allclose(hit.loss, hit.chance)
    assert (hit.ranks(1) == B * G * J).all()


def test_shares_are_the_softmax_also_of_large_scores():
    scores = np.array([1000.0, 999.0, -1000.0])
    np.testing.assert_allclose(shares(scores), [1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0])


def test_what_is_no_target_gives_way_to_the_next_one_or_the_last():
    targets = places(G, J, 2, 2)[1]  # up: the two upper rows
    assert [nearest(patch, targets) for patch in range(G * J)] == [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5]
    targets = places(G, J, 1, 1)[1]  # left: all columns but the last
    assert [nearest(patch, targets) for patch in range(G * J)] == [0, 1, 3, 3, 4, 6, 6, 7, 9, 9, 10, 10]
    assert [nearest(patch, targets, back=True) for patch in range(G * J)] == [0, 1, 1, 3, 4, 4, 6, 7, 7, 9, 10, 10]
    assert nearest(2, places(G, J, 0, 2)[1], back=True) == nearest(2, places(G, J, 0, 2)[1])


def test_a_field_tells_who_sees_and_who_is_seen():
    field = Field(np.array([[0.5, 0.0], [0.1, 0.7]]))
    assert field.seen(0).tolist() == [True, True] and field.seen(1).tolist() == [False, True]
    assert field.told(0).tolist() == [True, False] and field.told(1).tolist() == [True, True]


def test_the_part_of_a_target_that_other_patches_hold_is_counted_in_pixels():
    for seen, target in itertools.product([(), (0,), (0, 1, 2), (4, 6), (0, 11)], range(G * J)):
        size, stride, (i, j) = 5, 2, divmod(target, J)
        inside = [
            any(0 <= y - stride * (one // J) < size and 0 <= x - stride * (one % J) < size for one in seen)
            for y in range(stride * i, stride * i + size)
            for x in range(stride * j, stride * j + size)
        ]
        mask = np.isin(np.arange(G * J), seen)
        assert shared(mask, target, (G, J), size, stride) == pytest.approx(sum(inside) / size**2)
