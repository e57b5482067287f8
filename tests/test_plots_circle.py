"""What the picture of the circle promises: every mark is what was measured, every word true, legible and not cut off."""

import numpy as np
import pytest

from dummies.drawings import every, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.circle import ARROW, CENTRE, FAR, HEAD, RADIUS, RIM, SHAFT, THICK, THIN, ends, finding, neighbours, on_page, shares, unit
from ssl_lab.plots.drawing import Areas, Marks, Strokes, Words

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


picture = every(PICTURES)


@pytest.mark.parametrize("judged", ["legible", "answers", "one sentence"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_no_words_lie_on_other_words(picture, apart):
    """But for the numbers of points that have met."""
    _, _, texts, renderer = picture
    apart([(text.get_text(), text.get_window_extent(renderer)) for text in texts if not text.get_text().isdigit() or text.get_fontsize() > 12])


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
    assert words in written(draw(pairs, angles=np.tile(angles, (T, 1)), weights=weights)[0])


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


def outlines(figure):
    """Of the arrows."""
    (arrows,) = [item for item in figure.items if isinstance(item, Areas)]
    return np.array(arrows.outlines)


def on_plane(inches):
    """Where what is drawn lies on the plane."""
    return (inches - CENTRE) * (1, -1) / RADIUS


def test_arrows_begin_beside_the_points_and_go_four_steps_along_the_circle():
    far, angles = np.array([0.2, -0.1, 0.0, 0.05, -0.001, 0.1, 0.1, 0.1]), path()[5]
    drawn = [i for i in range(8) if abs(far[i]) > 0.003]
    found = outlines(draw(step=5, moves=far)[0])
    assert len(found) == len(drawn) == 6
    for outline, i in zip(found, drawn):
        along = np.array([-np.sin(angles[i]), np.cos(angles[i])])
        tail, tip = on_plane((outline[0] + outline[6]) / 2), on_plane(outline[3])
        np.testing.assert_allclose(tail, unit(angles)[i] + np.sign(far[i]) * RIM * along, atol=1e-12)
        np.testing.assert_allclose(tip - tail, ARROW * far[i] * along, atol=1e-12)


def test_an_arrow_has_a_head_and_a_short_one_is_a_small_head():
    long, short = outlines(draw(moves=np.array([0.2, 0.004, 0, 0, 0, 0, 0, 0]))[0])
    sides = {"shaft": (0, 6), "head": (2, 4)}
    width = {part: [np.linalg.norm(outline[one] - outline[other]) for outline in (long, short)] for part, (one, other) in sides.items()}
    assert width["shaft"][0] == pytest.approx(2 * SHAFT)
    assert width["head"][0] == pytest.approx(3 * width["shaft"][0])
    small = RADIUS * ARROW * 0.004 / HEAD
    assert width["head"][1] == pytest.approx(small * width["head"][0])
    assert width["shaft"][1] == pytest.approx(small * width["shaft"][0])


def test_an_arrow_that_would_leave_the_picture_ends_at_its_edge(answers):
    figure, _ = draw(moves=np.array([0.4, -0.4] * 4))
    for outline in outlines(figure):
        assert np.linalg.norm(outline[3] - (outline[0] + outline[6]) / 2) == pytest.approx(RADIUS * FAR)
        assert (outline >= figure.panels[1][:2]).all()
        assert (outline <= np.add(figure.panels[1][:2], figure.panels[1][2:])).all()


def lines(figure, colour):
    """The lines of this colour inside the circle, or the trails."""
    (found,) = [item for item in figure.items if isinstance(item, Strokes) and item.colours == colour and abs(on_plane(item.paths[0])).max() < 1.4]
    return found


def test_those_who_push_are_joined_as_thick_as_their_share():
    weights, angles = forces(3), path(3)[2]
    found = lines(draw(3, step=2, weights=weights)[0], plots.NEGATIVE)
    place, share = unit(angles), shares(weights)
    expected = {(i, j): THICK * (share[i, j] + share[j, i]) / 2 for i in range(6) for j in range(i + 1, 6) if j != i + 3}
    assert len(found.paths) == len(found.widths) == len(expected) == 12
    for segment, width, (i, j) in zip(found.paths, found.widths, expected):
        np.testing.assert_allclose(on_plane(segment), [place[i], place[j]], atol=1e-12)
        assert width == pytest.approx(expected[i, j])


def test_a_line_that_nobody_would_see_is_not_drawn():
    angles, weights = evenly(16, 5)
    found = lines(draw(16, angles=np.tile(angles, (T, 1)), weights=weights)[0], plots.NEGATIVE)
    share = shares(weights)
    seen = [(i, j) for i in range(32) for j in range(i + 1, 32) if THICK * (share[i, j] + share[j, i]) / 2 > THIN]
    assert 0 < len(found.paths) == len(seen) < 32 * 30 / 2
    assert min(found.widths) > THIN


def test_where_pushing_goes_one_way_a_line_is_as_thick_as_the_share_of_the_one_that_is_pushed():
    weights, angles = one_way(3), path(3)[2]
    found = lines(draw(3, step=2, weights=weights)[0], plots.NEGATIVE)
    expected = {(i, j): THICK * shares(weights)[i, j] for i in range(3) for j in range(3, 6) if j != i + 3}
    assert len(found.paths) == len(found.widths) == len(expected) == 6
    for segment, width, (i, j) in zip(found.paths, found.widths, expected):
        np.testing.assert_allclose(on_plane(segment), unit(angles)[[i, j]], atol=1e-12)
        assert width == pytest.approx(expected[i, j])


def test_points_that_nobody_pushes_do_not_count_among_the_pushed():
    weights = one_way(5)
    both = weights.copy()
    both[5:, :5] = weights[:5, 5:]  # second views pushed as their first ones are, by first views
    angles = np.tile(path(5)[0][:5], 2)
    assert neighbours(angles, weights) == pytest.approx(neighbours(angles, both)) != 0


def test_the_views_go_by_their_names():
    assert {"● query", "○ key, follows"} < set(written(draw(views=("query", "key, follows"))[0]))
    assert {"● one view", "○ the other"} < set(written(draw()[0]))


def test_partners_are_joined_and_carry_the_same_number():
    figure, _ = draw(3, step=2)
    place = unit(path(3)[2])
    joined = [on_plane(segment) for segment in lines(figure, plots.POSITIVE).paths]
    np.testing.assert_allclose(joined, [[place[i], place[i + 3]] for i in range(3)], atol=1e-12)
    numbers = [word for word in figure.items if isinstance(word, Words) and word.va == "center_baseline"]
    assert {tuple(on_plane((word.x, word.y)).round(9)): word.text for word in numbers} == {tuple(np.round(place[i], 9)): str(i % 3) for i in range(6)}


def test_first_views_are_filled_and_second_ones_are_rings_that_can_be_seen_around_them():
    figure, _ = draw(3)
    rings, discs = [item for item in figure.items if isinstance(item, Marks) and len(item.x) == 3]  # in the order in which they are drawn
    for marks, own in ((discs, path(3)[0][:3]), (rings, path(3)[0][3:])):
        np.testing.assert_allclose(on_plane(np.stack([marks.x, marks.y], axis=1)), unit(own), atol=1e-12)
    assert discs.fills == plots.POSITIVE == rings.edge != rings.fills
    assert rings.sizes > discs.sizes


def test_trails_lead_from_outside_to_where_a_point_is():
    angles = path(3)
    (trails,) = [item.paths for item in draw(3, step=6)[0].items if isinstance(item, Strokes) and len(item.paths) == 6 and len(item.paths[0]) == 7]
    for i, trail in enumerate(map(on_plane, trails)):
        np.testing.assert_allclose(trail[-1], unit(angles[6])[i])
        np.testing.assert_allclose(np.arctan2(trail[:, 1], trail[:, 0]), np.arctan2(*unit(angles[:7, i]).T[::-1]))
        assert (np.diff(np.linalg.norm(trail, axis=1)) < 0).all()


def test_each_curve_is_drawn_whole_with_the_present_step_marked_and_its_aim():
    """Its points lie evenly from left to right, and as high as their values, on one scale with the mark and the aim."""
    figure, _ = draw(step=4)
    for place, ((name, values), aim) in enumerate(zip(curves().items(), (None, 0.0, -2.4), strict=True)):
        left, top, width, height = figure.spots[1 + place].box
        strokes = [item for item in figure.items if isinstance(item, Strokes)]
        own = [item for item in strokes if left <= item.paths[0][0][0] and top <= item.paths[0][0][1] <= top + height]
        (whole, until, *aims), now = own[1:], [item for item in figure.items if isinstance(item, Marks)][2 + place]  # own[0] is the frame
        assert (len(whole.paths[0]), len(until.paths[0]), until.widths > whole.widths) == (T, 5, True)
        np.testing.assert_allclose(whole.paths[0][:, 0], left + width * np.arange(T) / (T - 1))
        slope, level = np.polyfit(values, whole.paths[0][:, 1], 1)
        assert slope < 0
        np.testing.assert_allclose(whole.paths[0][:, 1], slope * values + level)
        np.testing.assert_allclose(until.paths[0], whole.paths[0][:5])
        np.testing.assert_allclose([now.x[0], now.y[0]], whole.paths[0][4])
        assert [line.dash for line in aims] == [] if aim is None else ["dashed"]
        assert [line.paths[0][0, 1] for line in aims] == ([] if aim is None else [pytest.approx(slope * aim + level)])
        assert f"{name} {ends(values, 4)}" in written(figure)
        assert all(top < slope * value + level < top + height for value in (*values, *([aim] if aims else [])))


def test_a_point_says_what_pulls_and_pushes_it_and_where_it_goes():
    """By a loop over all points, in words."""
    angles, weights, moves = path(3)[2], forces(3), np.array([0.1, -0.2, 0.0, 0.01, 0.0001, -0.3])
    spots = draw(3, step=2, weights=weights, moves=moves, views=("query", "key"))[0].spots[0]()
    np.testing.assert_allclose(spots.at, on_page(unit(angles)))
    for i in range(6):
        pull, push = sum(-w for w in weights[i] if w < 0), sum(w for w in weights[i] if w > 0)
        by = {picture: sum(max(weights[i, j], 0) for j in (picture, picture + 3)) for picture in range(3)}
        most = max(by, key=by.get)
        turn = np.degrees(moves[i])
        way = "none" if abs(turn) < 0.05 else f"{abs(turn):.1f}° {'counter-' if turn > 0 else ''}clockwise"
        where = f"picture {i % 3} ({'query' if i < 3 else 'key'}) at {round(np.degrees(angles[i])) % 360}°"
        assert spots.said(i) == f"{where}: pull {pull:.3f}, push {push:.3f}, {100 * by[most] / push:.0f}% of it from picture {most}; next turn: {way}"


@pytest.mark.parametrize(
    "weights, words",
    [(forces(push=0), ": pull 1.000; next"), (forces(pull=0), ": push "), (0 * forces(), ": nothing pulls or pushes it; next")],
    ids=["pull", "push", "nothing"],
)
def test_a_point_says_only_what_there_is(weights, words):
    spots = draw(weights=weights)[0].spots[0]()
    assert all(words in spots.said(i) for i in range(8))
    assert not any("pull 0.000" in spots.said(i) or "push 0.000" in spots.said(i) for i in range(8))


def test_a_curve_says_its_value_and_a_click_sets_the_step():
    for spots, (name, values) in zip(draw(step=4)[0].spots[1:], curves().items(), strict=True):
        assert spots.name == name
        assert spots.along == "x"
        assert [spots.said(step) for step in range(T)] == [f"step {step}: {name} {value:.3f}".replace("-", "−") for step, value in enumerate(values)]
        assert spots.sent()["sets"] == {"step": list(range(T))}


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
    assert written(draw(6, step=10)[0])[0] == now
