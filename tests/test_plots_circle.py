"""What the picture of the circle promises: every mark is what was measured, every word true, legible and not cut off."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.quiver import Quiver

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.circle import ARROW, RIM, THICK, ends, finding, neighbours, shares, unit

T = 11


def path(pairs=4, seed=0, length=T):
    """Angles of a few points that drift apart."""
    draw = np.random.default_rng(seed)
    return draw.uniform(0, 2, 2 * pairs) + np.linspace(0, 1, length)[:, None] * draw.normal(size=2 * pairs)


def forces(pairs=4, seed=0, pull=1.0, push=1.0):
    """Symmetric weights: partners pull, all others push, unequally."""
    raw = push * np.random.default_rng(seed).uniform(0.1, 1, (2 * pairs, 2 * pairs))
    raw = raw + raw.T
    for i in range(2 * pairs):
        raw[i, i], raw[i, (i + pairs) % (2 * pairs)] = 0, -pull
    return raw


def moves(pairs=4):
    return np.linspace(-0.2, 0.2, 2 * pairs)


def curves(length=T):
    return {name: start / np.arange(1, length + 1) for name, start in (("loss", 3.0), ("alignment", 1.0), ("uniformity", -2.0))}


def draw(pairs=4, step=0, **changed):
    given = {"angles": path(pairs), "moves": moves(pairs), "weights": forces(pairs), "curves": curves(), "even": -2.4, "step": step, **changed}
    return plots.circle(**given)


LONG = "alignment + uniformity at temperature 0.0123, 16 pairs from an arc of 360 degrees (start 99)"
PICTURES = {
    "begin": lambda: draw(),
    "end": lambda: draw(step=T - 1, what=LONG),
    "many": lambda: draw(16, step=3),
    "two": lambda: draw(2, step=3),
    "three": lambda: draw(3, step=3),
    "one way": lambda: draw(step=3, weights=one_way(), views=("query", "key, follows")),
    "no push": lambda: draw(weights=forces(push=0)),
    "no pull": lambda: draw(weights=forces(pull=0)),
    "nothing": lambda: draw(weights=0 * forces(), moves=0 * moves()),
    "longest title": lambda: draw(16, angles=np.tile(evenly(16, 99)[0], (T, 1)), weights=evenly(16, 99)[1]),
    "flat curves": lambda: draw(curves={name: np.zeros(T) for name in curves()}),
}


def one_way(pairs=4):
    """First views are pushed and pulled by second ones, which feel nothing."""
    raw = forces(pairs)
    raw[:, :pairs] = raw[pairs:] = 0
    return raw


def evenly(pairs, sharpness):
    """Pairs that have met, evenly spread, pushing each other by exp(sharpness · cosine)."""
    angles = np.tile(np.arange(pairs) * 2 * np.pi / pairs, 2)
    weights = np.exp(sharpness * np.cos(angles[:, None] - angles))
    for i in range(2 * pairs):
        weights[i, i], weights[i, (i + pairs) % (2 * pairs)] = 0, -1
    return angles, weights


@pytest.fixture(params=PICTURES, scope="module")
def drawn(request, shown):
    return shown(*PICTURES[request.param]())


def test_everything_is_large_enough_and_nothing_is_cut_off(drawn, legible):
    legible(drawn[0])


def test_no_words_lie_on_other_words(drawn, apart):
    """But for the numbers of points that have met."""
    boxes = [(text.get_text(), text.get_window_extent(drawn[3])) for text in drawn[2] if text.axes is None or text.axes is not drawn[0].axes[0]]
    apart(boxes)


def test_summary_is_one_sentence(drawn, one_sentence):
    one_sentence(drawn[1])


def test_the_summary_says_what_was_minimised_where_it_stands_and_what_has_changed():
    summary = draw(step=4, what="NT-Xent", weights=forces(push=0))[1]
    said = "NT-Xent, step 4 of 10: loss 3.00 → 0.60, alignment 1.00 → 0.20, uniformity −2.00 → −0.40; "
    assert summary == said + "nobody pushes: partners meet, and nothing spreads the pictures."


@pytest.mark.parametrize("values, step, words", [([1.0, 2.0], 0, "1.00"), ([1.0, 2.0], 1, "1.00 → 2.00"), ([-0.001, -0.5], 1, "0.00 → −0.50")])
def test_a_value_is_told_with_its_beginning(values, step, words):
    assert ends(np.array(values), step) == words


def test_shares_are_parts_of_the_pushing_alone():
    weights = forces(3)
    share = shares(weights)
    for i in range(6):
        total = sum(max(w, 0) for w in weights[i])
        for j in range(6):
            assert share[i, j] == pytest.approx(max(weights[i, j], 0) / total)
    assert not shares(forces(push=0)).any()


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_are_the_two_pictures_whose_nearer_view_is_nearest(seed):
    angles, weights, B = path(5, seed)[0], forces(5, seed), 5
    found = []
    for i in range(2 * B):
        push = {p: sum(max(weights[i, j], 0) for j in (p, p + B)) for p in range(B) if p != i % B}
        distance = {p: min(abs((angles[i] - angles[j] + np.pi) % (2 * np.pi) - np.pi) for j in (p, p + B)) for p in push}
        found.append(sum(push[p] for p in sorted(push, key=distance.get)[:2]) / sum(push.values()))
    assert neighbours(angles, weights) == pytest.approx(np.mean(found))


@pytest.mark.parametrize(
    "pairs, sharpness, words",
    [
        (16, 99, "the 2 nearest of 15 other pictures do 100% of the pushing: only neighbours push"),
        (8, 20, "the 2 nearest of 7 other pictures do 100% of the pushing: only neighbours push"),
        (8, 2, "the 2 nearest of 7 other pictures do 76% of the pushing"),
        (8, 0, "the 2 nearest of 7 other pictures do 29% of the pushing: all push alike"),
        (3, 0, "the 2 other pictures do all of the pushing"),
        (2, 5, "the one other picture does all of the pushing"),
    ],
)
def test_the_title_says_who_pushes(pairs, sharpness, words):
    """At sharpness 2, by hand: cosines 0.71, 0, -0.71 twice and -1 once; 2 exp(1.41) of 2 exp(1.41) + 2 + 2 exp(-1.41) + exp(-2), 8.23 of 10.85."""
    angles, weights = evenly(pairs, sharpness)
    assert finding(angles, weights) == words
    assert words in [text.get_text() for text in draw(pairs, angles=np.tile(angles, (T, 1)), weights=weights)[0].texts]


@pytest.mark.parametrize(
    "weights, words",
    [
        (forces(push=0), "nobody pushes: partners meet, and nothing spreads the pictures"),
        (forces(pull=0), "nobody pulls: pictures spread, and partners part"),
        (1e-12 * forces(), "every partner is found: nobody pulls or pushes any more"),
    ],
)
def test_the_title_says_what_is_missing(weights, words):
    assert finding(path()[0], weights) == words


def marks(figure, kind):
    return [artist for artist in figure.axes[0].collections if isinstance(artist, kind)]


def test_arrows_begin_beside_the_points_and_go_four_steps_along_the_circle():
    far, angles = np.array([0.2, -0.1, 0.0, 0.05, -0.001, 0.1, 0.1, 0.1]), path()[5]
    (quiver,) = marks(draw(step=5, moves=far)[0], Quiver)
    drawn = [i for i in range(8) if abs(far[i]) > 0.003]
    assert len(quiver.U) == len(drawn) == 6
    for k, i in enumerate(drawn):
        along = np.array([-np.sin(angles[i]), np.cos(angles[i])])
        np.testing.assert_allclose([quiver.U[k], quiver.V[k]], ARROW * far[i] * along, atol=1e-12)
        np.testing.assert_allclose(quiver.XY[k], unit(angles)[i] + np.sign(far[i]) * RIM * along, atol=1e-12)


def lines(figure, colour):
    (found,) = [lines for lines in marks(figure, LineCollection) if to_hex(lines.get_colors()[0]) == colour]
    return found


def test_those_who_push_are_joined_as_thick_as_their_share():
    weights, angles = forces(3), path(3)[2]
    found = lines(draw(3, step=2, weights=weights)[0], plots.NEGATIVE)
    place, share = unit(angles), shares(weights)
    expected = {(i, j): THICK * (share[i, j] + share[j, i]) / 2 for i in range(6) for j in range(i + 1, 6) if j != i + 3}
    assert len(found.get_segments()) == len(expected) == 12
    for segment, width, (i, j) in zip(found.get_segments(), found.get_linewidths(), expected):
        np.testing.assert_allclose(segment, [place[i], place[j]])
        assert width == pytest.approx(expected[i, j])


def test_where_pushing_goes_one_way_a_line_is_as_thick_as_the_share_of_the_one_that_is_pushed():
    weights, angles = one_way(3), path(3)[2]
    found = lines(draw(3, step=2, weights=weights)[0], plots.NEGATIVE)
    expected = {(i, j): THICK * shares(weights)[i, j] for i in range(3) for j in range(3, 6) if j != i + 3}
    assert len(found.get_segments()) == len(expected) == 6
    for segment, width, (i, j) in zip(found.get_segments(), found.get_linewidths(), expected):
        np.testing.assert_allclose(segment, unit(angles)[[i, j]])
        assert width == pytest.approx(expected[i, j])


def test_points_that_nobody_pushes_do_not_count_among_the_pushed():
    weights = one_way(5)
    both = weights.copy()
    both[5:, :5] = weights[:5, 5:]  # second views pushed as their first ones are, by first views
    angles = np.tile(path(5)[0][:5], 2)
    assert neighbours(angles, weights) == pytest.approx(neighbours(angles, both)) != 0


def test_the_views_go_by_their_names():
    assert "● query   ○ key, follows   ━ partners" in [text.get_text() for text in draw(views=("query", "key, follows"))[0].texts]
    assert "● one view   ○ the other   ━ partners" in [text.get_text() for text in draw()[0].texts]


def test_partners_are_joined_and_carry_the_same_number():
    figure, _ = draw(3, step=2)
    place = unit(path(3)[2])
    np.testing.assert_allclose(lines(figure, plots.POSITIVE).get_segments(), [[place[i], place[i + 3]] for i in range(3)])
    numbers = {tuple(np.round(text.get_position(), 9)): text.get_text() for text in figure.axes[0].texts}
    assert numbers == {tuple(np.round(place[i], 9)): str(i % 3) for i in range(6)}


def test_first_views_are_filled_and_second_ones_are_rings_that_can_be_seen_around_them():
    rings, discs = [artist for artist in draw(3)[0].axes[0].collections if artist.get_offsets().shape == (3, 2) and artist.get_sizes().size]
    np.testing.assert_allclose(discs.get_offsets(), unit(path(3)[0][:3]))
    np.testing.assert_allclose(rings.get_offsets(), unit(path(3)[0][3:]))
    assert to_hex(discs.get_facecolor()[0]) == plots.POSITIVE != to_hex(rings.get_facecolor()[0])
    assert rings.get_sizes()[0] > discs.get_sizes()[0]
    assert rings.zorder < discs.zorder


def test_trails_lead_from_outside_to_where_a_point_is():
    angles = path(3)
    (trails,) = [found for found in marks(draw(3, step=6)[0], LineCollection) if len(found.get_segments()) == 6]
    for i, trail in enumerate(trails.get_segments()):
        assert len(trail) == 7
        np.testing.assert_allclose(trail[-1], unit(angles[6])[i])
        np.testing.assert_allclose(np.arctan2(trail[:, 1], trail[:, 0]), np.arctan2(*unit(angles[:7, i]).T[::-1]))
        assert (np.diff(np.linalg.norm(trail, axis=1)) < 0).all()


def test_each_curve_is_drawn_whole_with_the_present_step_marked_and_its_aim():
    figure, _ = draw(step=4)
    for axes, (name, values), aim in zip(figure.axes[1:], curves().items(), (None, 0.0, -2.4), strict=True):
        whole, until, now, *aims = axes.lines
        np.testing.assert_array_equal(whole.get_ydata(), values)
        np.testing.assert_array_equal(until.get_ydata(), values[:5])
        assert (now.get_xdata()[0], now.get_ydata()[0]) == (4, values[4])
        assert [line.get_ydata()[0] for line in aims] == ([] if aim is None else [aim])
        assert axes.texts[-1].get_text() == f"{name} {ends(values, 4)}"
        low, high = axes.get_ylim()
        assert low < min([*values, *([aim] if aims else [])])
        assert high > values.max()


def test_its_arguments_are_left_alone():
    given = {"angles": path(), "moves": moves(), "weights": forces(), "curves": curves(), "even": -2.4, "step": 3}
    plots.circle(**given)
    for name, value in (("angles", path()), ("moves", moves()), ("weights", forces())):
        np.testing.assert_array_equal(given[name], value)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"step": T}, "step=11 is not among the steps, 0 to 10"),
        ({"step": -1}, "step=-1 is not among"),
        ({"pairs": 1}, "got 2 points; at least two pairs"),
        ({"angles": path()[:, :7], "moves": moves()[:7], "weights": forces()[:7, :7]}, "got 7 points"),
        ({"angles": np.where(path() > 1, np.nan, path()), "what": "of mine"}, "the loss of mine or its gradient is not finite"),
        ({"moves": np.full(8, np.inf)}, "not finite"),
        ({"weights": np.full((8, 8), np.nan)}, "not finite"),
        ({"curves": {**curves(), "loss": np.full(T, np.nan)}}, "not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(changed, words):
    with pytest.raises(InputError, match=words):
        draw(**changed)


def test_the_title_is_about_the_present_step():
    now, first = (finding(path(6)[step], forces(6)) for step in (10, 0))
    assert now != first
    assert draw(6, step=10)[0].texts[0].get_text() == now
