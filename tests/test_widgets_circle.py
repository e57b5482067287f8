"""What the circle promises: its arrows are the gradient of the loss that is trained, and its numbers those of geometry.py."""

import numpy as np
import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.geometry import alignment, uniformity
from ssl_lab.losses import byol_regression, info_nce, nt_xent
from ssl_lab.plots import unit
from ssl_lab.plots.circle import ARROW, RADIUS
from ssl_lab.plots.drawing import Areas
from ssl_lab.widgets import CircleExplorer
from ssl_lab.widgets import circle as explorers
from ssl_lab.widgets.circle import FOLLOWS, LOSSES, PACE, STEPS, M, attract, begin, by_autograd, descent, even, follow, slope

TAUS = (0.05, 0.5)


def attract_of_views(z1, z2, tau):
    return (z1 / z1.norm(dim=1, keepdim=True) - z2 / z2.norm(dim=1, keepdim=True)).square().sum(dim=1).mean()


def repel_of_views(z1, z2, tau):
    return sum(torch.pdist(z / z.norm(dim=1, keepdim=True)).square().mul(-2).exp().mean().log() for z in (z1, z2)) / 2


def info_nce_of_views(z1, z2, tau):
    """The library's own, one query after another; the keys of the other pictures are the queue."""
    others = [[j for j in range(len(z1)) if j != i] for i in range(len(z1))]
    return sum(info_nce(z1[[i]], z2[[i]].detach(), z2[own].detach(), tau) for i, own in enumerate(others)) / len(z1)


OF_VIEWS = {  # of (z1, z2, tau), for autograd
    "NT-Xent (SimCLR)": nt_xent,
    "alignment alone": attract_of_views,
    "uniformity alone": repel_of_views,
    "alignment + uniformity": lambda z1, z2, tau: attract_of_views(z1, z2, tau) + repel_of_views(z1, z2, tau),
    "InfoNCE (MoCo)": info_nce_of_views,
    "BYOL": lambda z1, z2, tau: byol_regression(z1, z2.detach()),
}


def points(pairs=4, seed=0):
    return begin(pairs, seed, 180)


def views(angles):
    """z1 and z2 of points at these angles."""
    return torch.tensor([[np.cos(a), np.sin(a)] for a in angles], dtype=torch.float64).chunk(2)


def value(name, angles, tau):
    """The loss of points at these angles, as a number."""
    return OF_VIEWS[name](*views(angles), tau).item()


def weights(loss, angles, tau):
    return loss(angles, tau)[1]


def moved(name, pairs=4):
    """How many points feel a gradient: all, or the first views alone."""
    return pairs if name in FOLLOWS else 2 * pairs


def keeping(name):
    """m: 1 where no view follows another."""
    return M if name in FOLLOWS else 1.0


def finite_differences(name, angles, tau, count, step=1e-5):
    """dL/dθ, one point after another; 0 from `count` on."""
    slopes = [0.0] * len(angles)
    for i in range(count):
        there, back = angles.copy(), angles.copy()
        there[i] += step
        back[i] -= step
        slopes[i] = (value(name, there, tau) - value(name, back, tau)) / (2 * step)
    return np.array(slopes)


@pytest.mark.parametrize("tau", [0.01, 0.05, 0.5, 10.0])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("pairs, seed, arc", [(2, 0, 180), (5, 1, 0), (16, 2, 360)])
def test_what_is_written_by_hand_equals_autograd_of_the_librarys_own_loss(name, tau, pairs, seed, arc):
    angles = begin(pairs, seed, arc)
    (found, by_hand), (expected, by_torch) = LOSSES[name](angles, tau), by_autograd(OF_VIEWS[name])(angles, tau)
    assert found == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(by_hand, by_torch, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_equals_finite_differences(name, tau):
    found, weights = LOSSES[name](points(), tau)
    assert found == pytest.approx(value(name, points(), tau), abs=1e-9)
    np.testing.assert_allclose(slope(weights, points()), finite_differences(name, points(), tau, moved(name)), atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_arrows_point_along_minus_the_gradient_where_the_points_are_now(name, monkeypatch):
    kept = {}
    draw = explorers.plots.circle
    monkeypatch.setattr(explorers.plots, "circle", lambda *given: kept.update(even=given[4]) or draw(*given))
    figure = CircleExplorer(pairs=4, seed=2, loss=name, tau=0.3, step=1).figure
    assert kept["even"] == even(4) != even(8)
    path = descent(LOSSES[name], 0.3, 4, 2, 180, keeping(name))
    angles = path.angles[1]
    slopes = finite_differences(name, angles, 0.3, moved(name))
    along = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    drawn = abs(path.moves[1]) > 0.003
    assert drawn.sum() >= moved(name) / 2
    (outlines,) = [np.array(item.outlines) for item in figure.items if isinstance(item, Areas)]
    arrows = (outlines[:, 3] - (outlines[:, 0] + outlines[:, 6]) / 2) * (1, -1) / RADIUS
    rate = path.moves[1][drawn] / -slopes[drawn]
    np.testing.assert_allclose(rate, rate[0], rtol=1e-4)
    assert rate[0] > 0
    np.testing.assert_allclose(arrows, -ARROW * rate[0] * slopes[drawn, None] * along[drawn], atol=1e-5)


def gradient(name, angles, tau):
    """dL/dθ by autograd, through the angles."""
    angles = torch.tensor(angles, requires_grad=True)
    z1, z2 = torch.stack([angles.cos(), angles.sin()], dim=1).chunk(2)
    return torch.autograd.grad(OF_VIEWS[name](z1, z2, tau), angles)[0].numpy()


@pytest.mark.parametrize("name", LOSSES)
def test_the_path_is_plain_gradient_descent_at_one_rate(name):
    tau, m, path = 0.2, keeping(name), descent(LOSSES[name], 0.2, 4, 1, 120, keeping(name))
    force = np.abs(weights(LOSSES[name], begin(4, 1, 120), tau)).sum(axis=1).max()
    angles = begin(4, 1, 120)
    assert [*path.curves] == ["loss", "alignment", "uniformity"]
    assert all(len(values) == STEPS + 1 for values in (path.angles, path.moves, *path.curves.values()))
    for step in range(STEPS + 1):
        np.testing.assert_allclose(path.angles[step], angles, atol=1e-7)
        slopes = gradient(name, angles, tau)
        np.testing.assert_allclose(path.moves[step], -PACE / force * slopes, atol=1e-7)
        angles = angles - PACE / force * slopes
        angles[4:] = m * angles[4:] + (1 - m) * angles[:4]


def test_second_views_follow_the_shorter_way_around():
    angles = np.array([3.0, 0.5, 1.0, -3.0, 0.1, 1.0 + 4 * np.pi])
    expected = [3.0, 0.5, 1.0, -3.0 - 0.25 * (2 * np.pi - 6), 0.1 + 0.25 * 0.4, 1.0 + 4 * np.pi]
    np.testing.assert_allclose(follow(angles, 0.75), expected)
    np.testing.assert_allclose(np.cos(follow(angles, 0.0)[3:] - angles[:3]), 1)
    np.testing.assert_array_equal(follow(angles, 1.0), angles)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("tau", [0.01, 0.2, 10.0])
@pytest.mark.parametrize("pairs, arc", [(2, 0), (3, 180), (16, 360)])
def test_no_step_is_a_leap(name, tau, pairs, arc):
    assert abs(descent(LOSSES[name], tau, pairs, 0, arc, keeping(name)).moves).max() < 1.5 * PACE


def test_a_start_where_all_is_still_stays_still():
    path = descent(by_autograd(lambda z1, z2, tau: (0 * z1 * z2).sum()), 1.0, 3, 0, 180)
    assert not path.moves.any()
    path = descent(by_autograd(lambda z1, z2, tau: 1e-9 * attract_of_views(z1, z2, tau)), 1.0, 3, 0, 180)
    assert 0 < abs(path.moves).max() < 1e-4


def test_curves_equal_geometry():
    path = descent(LOSSES["NT-Xent (SimCLR)"], 0.5, 5, 3, 180)
    for step in (0, 7, STEPS):
        z1, z2 = views(path.angles[step])
        assert path.curves["alignment"][step] == pytest.approx(alignment(z1, z2).item(), abs=1e-12)
        assert path.curves["uniformity"][step] == pytest.approx((uniformity(z1).item() + uniformity(z2).item()) / 2, abs=1e-12)
        assert path.curves["loss"][step] == pytest.approx(nt_xent(z1, z2, 0.5).item(), abs=1e-12)


def test_attraction_and_repulsion_are_alignment_and_uniformity():
    z1, z2 = views(points(6))
    found = {name: LOSSES[name](points(6), 9.0)[0] for name in LOSSES}
    assert found["alignment alone"] == pytest.approx(alignment(z1, z2).item(), abs=1e-12)
    assert found["uniformity alone"] == pytest.approx((uniformity(z1).item() + uniformity(z2).item()) / 2, abs=1e-12)
    assert found["alignment + uniformity"] == pytest.approx(found["alignment alone"] + found["uniformity alone"], abs=1e-12)


@pytest.mark.parametrize("name", ["BYOL", "alignment alone", "uniformity alone", "alignment + uniformity"])
def test_only_what_has_a_temperature_knows_it(name):
    cold, hot = (LOSSES[name](points(), tau) for tau in TAUS)
    assert cold[0] == hot[0]
    np.testing.assert_array_equal(cold[1], hot[1])


@pytest.mark.parametrize("tau", TAUS)
def test_weights_of_info_nce_are_what_keys_give_queries_and_nothing_comes_back(tau):
    """(p_ij - [i = j]) / (B tau) from key j to query i: the softmax of each row, by a double loop."""
    z, B = unit(points()), 4
    expected = np.zeros((2 * B, 2 * B))
    for i in range(B):
        scores = np.array([np.exp(z[i] @ z[B + j] / tau) for j in range(B)])
        expected[i, B:] = (scores / scores.sum() - (np.arange(B) == i)) / (B * tau)
    np.testing.assert_allclose(weights(LOSSES["InfoNCE (MoCo)"], points(), tau), expected, atol=1e-12)


def test_weights_of_byol_are_one_pull_a_picture():
    """2 - 2 cos, mean over B: minus 2 / B from each target to its prediction."""
    expected = np.zeros((8, 8))
    for i in range(4):
        expected[i, i + 4] = -2 / 4
    np.testing.assert_allclose(weights(LOSSES["BYOL"], points(), 0.3), expected, atol=1e-12)


@pytest.mark.parametrize("tau", TAUS)
def test_weights_of_ntxent_are_what_both_anchors_give_each_other(tau):
    """(p_ij + p_ji) / (2B tau), and for partners 2 / (2B tau) less: the softmax of each row, by a double loop."""
    z, B = unit(points()), 4
    n = 2 * B
    p = np.zeros((n, n))
    for i in range(n):
        scores = [np.exp(z[i] @ z[j] / tau) if j != i else 0 for j in range(n)]
        p[i] = np.array(scores) / sum(scores)
    expected = p + p.T
    for i in range(n):
        expected[i, (i + B) % n] -= 2
    np.testing.assert_allclose(weights(LOSSES["NT-Xent (SimCLR)"], points(), tau), expected / (n * tau), atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_add_up_to_the_gradient(name):
    """The slope at a point is the sum of its weights times how far each other one lies along the circle: sin(θ_j - θ_i)."""
    angles, w = points().tolist(), weights(LOSSES[name], points(), 0.3)
    pulled = [sum(w[i, j] * np.sin(angles[j] - angles[i]) for j in range(8)) for i in range(8)]
    np.testing.assert_allclose(slope(w, points()), pulled, atol=1e-12)
    if name in FOLLOWS:
        assert not w[:, :4].any() and not w[4:].any(), "what has no gradient is pulled by nobody, and first views know nothing of each other"
    else:
        np.testing.assert_allclose(w, w.T, atol=1e-9)
    assert not w.diagonal().any()


def signs(name, pairs=4):
    w = weights(LOSSES[name], points(pairs), 0.3)
    partner = [w[i, (i + pairs) % (2 * pairs)] for i in range(moved(name, pairs))]
    others = [w[i, j] for i in range(moved(name, pairs)) for j in range(pairs if name in FOLLOWS else 0, 2 * pairs) if (i - j) % pairs]
    return np.array(partner), np.array(others)


def test_who_pulls_and_who_pushes():
    partner, others = signs("NT-Xent (SimCLR)")
    assert (partner < 0).all()
    assert (others > 0).all()
    partner, others = signs("alignment alone")
    assert (partner < 0).all()
    assert not others.any()
    partner, others = signs("InfoNCE (MoCo)")
    assert (partner < 0).all()
    assert (others > 0).all()
    partner, others = signs("BYOL")
    assert (partner < 0).all()
    assert not others.any()
    partner, others = signs("uniformity alone")
    assert not partner.any()
    assert (others >= 0).all()
    assert others.any()


def pushing(explorer):
    """The share that the title gives to the two nearest, in percent."""
    return int(explorer.summary.split(" do ")[1].split("%")[0])


def test_cold_only_neighbours_push_and_hot_all_alike():
    explorer = CircleExplorer(step=30)
    shares = [pushing(explorer.set(tau=tau)) for tau in (0.05, 0.2, 1, 10)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 95
    assert shares[-1] < 35
    assert "only neighbours push" in explorer.set(tau=0.05).summary
    assert "all push alike" in explorer.set(tau=10).summary


def last(name, tau=0.2, **given):
    path = descent(LOSSES[name], tau, 8, given.get("seed", 0), given.get("arc", 180), keeping(name))
    (start, end), (_, apart), (before, after) = (values[[0, -1]] for values in path.curves.values())
    return end - start, apart, after - before, after


@pytest.mark.parametrize("seed", range(3))
def test_each_loss_ends_where_it_is_said_to_end(seed):
    fell, apart, spread, end = last("NT-Xent (SimCLR)", seed=seed)
    assert fell < 0
    assert apart < 0.01
    assert end < even(8) + 0.1
    fell, apart, spread, end = last("alignment alone", seed=seed)
    assert fell < 0
    assert apart < 1e-6
    assert abs(spread) < 0.1
    fell, apart, spread, end = last("uniformity alone", seed=seed)
    assert end < even(8) + 0.01
    assert apart > 0.01
    fell, apart, spread, end = last("InfoNCE (MoCo)", seed=seed)
    assert fell < 0
    assert apart < 0.01
    assert spread < -0.5
    fell, apart, spread, end = last("BYOL", seed=seed)
    assert fell < 0
    assert apart < 1e-6
    assert abs(spread) < 0.1


def test_without_negatives_a_crowd_stays_a_crowd():
    for attraction, repulsion, spread in (("alignment alone", "NT-Xent (SimCLR)", -1.8), ("BYOL", "InfoNCE (MoCo)", -1.5)):
        assert last(attraction, arc=0)[3] > -0.5
        assert last(repulsion, arc=0)[3] < spread


def test_byol_collapses_no_further_than_that_partners_meet():
    """The middle of a picture's two points is where it ends: nothing draws the pictures together either."""
    start = begin(8, 0, 180)
    path = descent(LOSSES["BYOL"], 0.2, 8, 0, 180, M)
    low, high = np.minimum(start[:8], start[8:]), np.maximum(start[:8], start[8:])
    assert ((path.angles[-1][:8] >= low) & (path.angles[-1][:8] <= high)).all()
    np.testing.assert_allclose(path.angles[-1][:8], path.angles[-1][8:], atol=1e-3)


def test_keys_and_targets_go_where_no_arrow_shows():
    for name in FOLLOWS:
        path = descent(LOSSES[name], 0.2, 8, 0, 180, M)
        assert not path.moves[:, 8:].any()
        assert abs(path.angles[5, 8:] - path.angles[0, 8:]).max() > 0.05
        second = FOLLOWS[name][1]
        explorer = CircleExplorer(loss=name)
        assert f", {second}s following with m = 0.9, " in explorer.summary
    assert "following" not in CircleExplorer().summary


def test_evenly_spread_points_are_the_most_uniform():
    angles = [2 * np.pi * i / 5 for i in range(5)]
    kernel = [np.exp(-2 * (2 - 2 * np.cos(a - b))) for i, a in enumerate(angles) for b in angles[:i]]
    assert even(5) == pytest.approx(np.log(np.mean(kernel)))
    drawn = np.random.default_rng(0).uniform(0, 6.3, (50, 5))
    assert min(uniformity(torch.from_numpy(unit(angles))).item() for angles in drawn) > even(5)


def test_the_start_is_an_arc_around_the_top_and_partners_begin_near_each_other():
    angles = begin(16, 0, 90)
    middles = np.tile(np.pi / 4 + np.pi / 2 * (15.5 - np.arange(16)) / 16, 2)
    assert (angles - middles).std() == pytest.approx(explorers.SPREAD, rel=0.3)
    np.testing.assert_allclose(angles - begin(16, 0, 0), middles - np.pi / 2, atol=1e-12)  # the same scatter around a point
    assert abs(begin(16, 0, 0).mean() - np.pi / 2) < 0.2
    np.testing.assert_array_equal(begin(16, 0, 90), angles)
    assert (begin(16, 1, 90) != angles).any()


MOVES = {"loss": "alignment alone", "tau": 1.0, "pairs": 5, "step": 3, "arc": 90, "seed": 7}


@pytest.mark.parametrize("name, moved", MOVES.items())
def test_every_control_changes_summary_and_picture(name, moved):
    explorer = CircleExplorer(step=10)
    before = explorer.summary, explorer.picture
    assert set(explorer.controls) == set(MOVES)
    explorer.controls[name].value = moved
    assert not explorer.trouble
    assert explorer.summary != before[0]
    assert explorer.picture != before[1]


def test_the_summary_says_all_of_it():
    summary = CircleExplorer(pairs=8, seed=0, step=60).summary
    said = "NT-Xent (SimCLR) at temperature 0.2, 8 pairs from an arc of 180 degrees (start 0), step 60 of 60: loss "
    assert summary.startswith(said)
    path = descent(LOSSES["NT-Xent (SimCLR)"], 0.2, 8, 0, 180)
    assert f"loss {path.curves['loss'][0]:.2f} → {path.curves['loss'][-1]:.2f}, " in summary
    assert f"uniformity {path.curves['uniformity'][0]:.2f} → {path.curves['uniformity'][-1]:.2f}".replace("-", "−") in summary


def test_a_new_method_adds_its_loss_in_one_line(monkeypatch):
    monkeypatch.setitem(LOSSES, "mine", by_autograd(lambda z1, z2, tau: -(z1 * z2).sum(dim=1).mean() / tau))
    explorer = CircleExplorer(loss="mine", step=30)
    assert explorer.summary.startswith("mine at temperature 0.2")
    assert "nobody pushes" in explorer.summary
    same = descent(LOSSES["alignment alone"], 1.0, 8, 0, 180)  # -cos / tau is the squared distance but for a constant and a factor
    np.testing.assert_allclose(descent(LOSSES["mine"], 0.5, 8, 0, 180).angles, same.angles, atol=1e-9)


def test_a_loss_that_is_not_finite_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setitem(LOSSES, "broken", by_autograd(lambda z1, z2, tau: ((z1 - z2).sum() * float("nan"))))
    explorer = CircleExplorer(pairs=3)
    picture = explorer.picture
    explorer.controls["loss"].value = "broken"
    assert explorer.trouble.startswith("the loss broken at temperature 0.2, 3 pairs")
    assert explorer.picture == picture


def test_a_path_is_computed_once(monkeypatch):
    counted = []

    def loss(angles, tau):
        counted.append(tau)
        return attract(angles, tau)

    monkeypatch.setitem(LOSSES, "counted", loss)
    explorer = CircleExplorer(pairs=3, loss="counted")
    before = len(counted)
    for step in (1, 2, 3):
        explorer.set(step=step)
    assert len(counted) - before == 3  # one for the weights of each


def test_random_numbers_are_left_alone_and_a_lack_of_gradients_does_not_matter():
    state = torch.get_rng_state()
    with torch.no_grad():
        first = CircleExplorer(pairs=4, seed=11)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.summary == CircleExplorer(pairs=4, seed=11).summary


def test_a_click_on_a_curve_goes_to_that_step_and_play_takes_every_step():
    explorer = CircleExplorer(pairs=3, step=10)
    for spots in explorer.figure.spots[1:]:
        assert list(spots.sets["step"]) == explorer.controls["step"].stops() == list(range(STEPS + 1))
        assert ", step 7 of 60: " in explorer.set(step=spots.sent()["sets"]["step"][7]).summary


def test_a_point_says_what_its_loss_does_to_it():
    """Keys and targets have no gradient, so that nothing pulls or pushes them."""
    spots = CircleExplorer(loss="InfoNCE (MoCo)", pairs=3, step=2).figure.spots[0]()
    path = descent(LOSSES["InfoNCE (MoCo)"], 0.2, 3, 0, 180, M)
    for i in range(6):
        assert spots.said(i).startswith(f"picture {i % 3} ({'query' if i < 3 else 'key, follows'}) at {np.degrees(path.angles[2, i]) % 360:.0f}°: ")
        turn = np.degrees(path.moves[2, i])
        way = f"; next turn: {abs(turn):.1f}° {'counter-' * bool(turn > 0)}clockwise"
        assert spots.said(i).endswith(way if i < 3 else ": nothing pulls or pushes it; next turn: none")


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"pairs": 1}, "pairs=1 is not offered; pairs is a whole number from 2 to 16"),
        ({"pairs": 17}, "pairs is a whole number from 2 to 16"),
        ({"tau": 0}, "tau=0 is not offered; tau is from 0.01 to 10"),
        ({"step": 61}, "step is a whole number from 0 to 60"),
        ({"seed": -1}, "seed is a whole number from 0 to 99"),
        ({"arc": 361}, "arc is a whole number from 0 to 360"),
        ({"loss": "triplet"}, r"loss is one of 'NT-Xent \(SimCLR\)', 'alignment alone', 'uniformity alone'"),
        ({"anchor": 1}, "control 'anchor' is unknown; there are: loss, tau, pairs, step, arc, seed"),
    ],
)
def test_what_is_not_offered_is_refused_in_one_sentence(wrong, words):
    with pytest.raises(InputError, match=words):
        CircleExplorer(**wrong)
