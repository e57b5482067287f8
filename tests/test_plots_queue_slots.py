"""What the picture of the queue promises: the loss is InfoNCE of the rows that are shown, every mark and word true, legible and not cut off."""

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce
from ssl_lab.plots.look import FAINT
from ssl_lab.plots.moment import Moment, Seen
from ssl_lab.plots.queue import CLASH, LARGE, LEFT, OWN, PITCH, TILE, TOP, TWIN, pitch

B, d = 4, 6
TAUS = (0.07, 0.2, 1.0)


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def moments(count=5, batches=2, B=B, d=d, near=0.5, seed=0):
    """Steps of a queue whose keys lie near their queries, kept as a plain list of (key, when, picture) a slot."""
    draw = np.random.default_rng(seed)
    K, made = batches * B, []
    slots = [(row, None, -1) for row in unit(draw.normal(size=(K, d)))]
    for step in range(1, count + 1):
        q = unit(draw.normal(size=(B, d)))
        k = unit(q + near * unit(draw.normal(size=(B, d))))
        age = np.array([-1 if when is None else step - when for _, when, _ in slots])
        again = np.where(age < 0, np.nan, 1 - age / 10)
        pointer = (step - 1) * B % K
        made.append(Moment(q, k, np.stack([row for row, *_ in slots]), age, np.array([shown for *_, shown in slots]), again, pointer, step))
        for i in range(B):
            slots[(pointer + i) % K] = (k[i], step, (step - 1) * B + i)
    return made


def pictures(count, side=32, seed=0):
    draw = np.random.default_rng(seed)
    return tuple(draw.integers(0, 256, (count, side, side, 3), dtype=np.uint8) for _ in range(2))


def draw(count=5, batches=2, B=B, query=1, *, tau=0.2, labels=None, shown=None, **options):
    shown = shown or moments(count, batches, B)
    N = len(shown) * B
    labels = np.arange(N) % 3 if labels is None else labels
    return plots.queue(shown, pictures(N), labels, tau, query, **options)


LONG = {"setting": "m = 0.999 · lr = 0.123", "classes": ("crescent moon and more", "triangle", "hourglass"), "last": 12}
PICTURES = {
    "first step": lambda: draw(1),
    "partly filled": lambda: draw(2, 4),
    "filled": lambda: draw(6, 2, last=12),
    "largest": lambda: draw(12, 8, B=16, **LONG),
    "largest, early": lambda: draw(12, 8, B=16, early=True, **LONG),
    "smallest": lambda: draw(4, 1, B=2),
    "first step, early": lambda: draw(1, 1, early=True),
    "no labels": lambda: draw(labels=np.full(20, -1), early=True),
    "one class": lambda: draw(12, 8, B=16, labels=np.zeros(192, int), **LONG),
    "opposite keys": lambda: draw(3, shown=[Moment(-m.k, m.k, m.rows, m.age, m.shows, m.again, m.pointer, m.step) for m in moments(3)]),
}


@pytest.fixture(params=PICTURES, scope="module")
def picture(request):
    return PICTURES[request.param]()


def test_every_picture_is_legible_and_nothing_is_cut_off(picture, legible):
    legible(picture[0])


def test_no_two_words_overlap(picture, shown, apart):
    figure, _, _, renderer = shown(*picture)
    apart(((text.get_text(), text.get_window_extent(renderer)) for text in figure.axes[0].texts), across=4, down=4)


def tensors(*arrays):
    return [torch.from_numpy(array).double() for array in arrays]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("tau", TAUS)
def test_the_loss_is_info_nce_of_the_rows_that_the_logits_see(tau, early):
    for moment in moments():
        now = moment.enqueued() if early else moment
        assert now.losses(tau).mean() == pytest.approx(info_nce(*tensors(now.q, now.k, now.rows), tau).item(), abs=1e-9)
        for i in range(B):
            one = info_nce(*tensors(now.q[i : i + 1], now.k[i : i + 1], now.rows), tau).item()
            assert now.losses(tau)[i] == pytest.approx(one, abs=1e-9)


def test_shares_are_the_softmax_by_hand():
    q, rows = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
    moment = Moment(q, q, rows, np.array([1, 1]), np.array([0, 1]), np.ones(2), 0, 3)
    weights = np.exp([1 / 0.5, 0, -1 / 0.5])
    np.testing.assert_allclose(moment.shares(0.5), [weights / weights.sum()])


def test_enqueued_early_every_key_is_in_the_queue_once_and_nothing_else_has_moved():
    for moment in moments(6, 3):
        early = moment.enqueued()
        slots = [(moment.pointer + i) % len(moment.rows) for i in range(B)]
        others = np.setdiff1d(np.arange(len(moment.rows)), slots)
        np.testing.assert_array_equal(early.rows[slots], moment.k)
        assert early.shows[slots].tolist() == [(moment.step - 1) * B + i for i in range(B)]
        assert early.age[slots].tolist() == [0] * B
        for column in ("rows", "age", "shows", "again"):
            np.testing.assert_array_equal(getattr(early, column)[others], getattr(moment, column)[others])


def test_enqueueing_goes_around_the_end():
    rows = np.zeros((6, 2))
    moment = Moment(unit(np.ones((4, 2))), unit(np.ones((4, 2))), rows, np.full(6, -1), np.full(6, -1), np.full(6, np.nan), 4, 9)
    assert moment.slots.tolist() == [4, 5, 0, 1]
    assert moment.enqueued().shows.tolist() == [34, 35, -1, -1, 32, 33]
    assert moment.enqueued().rows.any(axis=1).tolist() == [True, True, False, False, True, True]
    assert (rows == 0).all()


@pytest.mark.parametrize("tau", TAUS)
def test_enqueued_early_no_loss_is_below_log_2_and_in_the_papers_order_it_can_be(tau):
    for moment in moments(near=0.0):
        assert (moment.enqueued().losses(tau) >= np.log(2)).all()
    easy = Moment(np.eye(2, 8), np.eye(2, 8), np.eye(4, 8, 4), *(np.array([1, 1, 1, 1]),) * 2, np.ones(4), 0, 2)
    assert easy.losses(0.05).max() < 1e-6
    assert easy.enqueued().losses(0.05) == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize("early", [False, True])
def test_false_negatives_are_other_pictures_of_the_same_class_and_of_no_unlabelled_picture(early):
    labels = np.array([0, 1, 0, -1, -1, 0, 1, 1, 0, 0, 0, 1, -1, 2, 2, 2, 1, 0, -1, 0])
    for moment in moments():
        now = moment.enqueued() if early else moment
        for query in range(B):
            own = (now.step - 1) * B + query
            expected = [j >= 0 and j != own and labels[j] == labels[own] != -1 for j in now.shows]
            assert Seen(now, query, labels, (), 0.2, early).clash.tolist() == expected


def marked(figure, style):
    """Where marks of one kind stand, in inches."""
    from matplotlib.markers import MarkerStyle

    shape = MarkerStyle(style["marker"])
    vertices = shape.get_path().transformed(shape.get_transform()).vertices
    found = [c for c in figure.axes[0].collections if len(c.get_offsets()) and c.get_paths()[0].vertices.shape == vertices.shape]
    found = [c for c in found if np.allclose(c.get_paths()[0].vertices, vertices) and to_hex(c.get_facecolor()[0]) == style["c"]]
    return np.concatenate([np.zeros((0, 2)), *(c.get_offsets() for c in found)])


def slots_of(points, B, count):
    """Which slots marks stand on."""
    column, line = ((points[:, 0] - LEFT) / pitch(B)).astype(int), ((points[:, 1] - TOP) / PITCH).astype(int)
    inside = (points[:, 0] < LEFT + B * pitch(B)) & (line < count // B)
    return sorted((line * B + column)[inside].tolist())


@pytest.mark.parametrize("early", [False, True])
def test_marks_stand_on_the_false_negatives_and_on_the_querys_own_key(early):
    labels = np.arange(20) % 3
    figure, _ = draw(early=early, labels=labels)
    now = moments()[-1].enqueued() if early else moments()[-1]
    seen = Seen(now, 1, labels, (), 0.2, early)
    K = len(now.rows)
    assert slots_of(marked(figure, CLASH), B, K) == np.flatnonzero(seen.clash).tolist() != []
    assert slots_of(marked(figure, TWIN), B, K) == ([now.pointer + 1] if early else [])
    below = TOP + PITCH * K / B
    own = [point for point in marked(figure, OWN) if below < point[1] < below + 1 and point[0] < LEFT + B * pitch(B)]
    assert [int((x - LEFT) / pitch(B)) for x, _ in own] == [1]


@pytest.mark.parametrize("query", range(B))
def test_in_the_chart_the_own_key_as_a_negative_is_a_larger_star_around_the_own_key(query):
    sizes = {}
    for collection in draw(query=query, early=True)[0].axes[0].collections:
        for x, y in collection.get_offsets():
            if y > 4 and to_hex(collection.get_facecolor()[0]) in (OWN["c"], TWIN["c"]) and collection.get_sizes().max() > CLASH["s"]:
                sizes.setdefault((round(x, 3), round(y, 3)), {})[to_hex(collection.get_facecolor()[0])] = collection.get_sizes()[0]
    ((x, _), size), = ((place, both) for place, both in sizes.items() if place[0] > 8 and len(both) == 2)
    assert size[TWIN["c"]] > 2 * size[OWN["c"]]
    assert not [place for place in sizes if place[0] > 8 and place[0] != x]


@pytest.mark.parametrize("early", [False, True])
def test_beside_the_query_stands_what_its_own_key_takes_of_the_softmax_as_a_negative_too_where_it_is_one(early):
    said = [text.get_text() for text in draw(early=early)[0].axes[0].texts]
    now = moments()[-1].enqueued() if early else moments()[-1]
    share = plots.look.percent(now.shares(0.2)[1, 0])
    assert f"own key: {share}" in said
    assert [text for text in said if text.startswith("as a negative")] == ([f"as a negative: {share}"] if early else [])


def test_without_labels_nothing_is_marked_and_it_says_so():
    figure, said = draw(labels=np.full(20, -1))
    assert len(marked(figure, CLASH)) == 0
    assert "without labels, false negatives cannot be marked" in said
    assert "false negatives" in [text.get_text() for text in figure.axes[0].texts]


def test_each_line_shows_its_keys_and_its_age_and_random_rows_show_no_picture():
    figure, _ = draw(2, 4)
    keys, now = pictures(8)[1], moments(2, 4)[-1]
    sheets = [image for image in figure.axes[0].images if image.get_extent()[0] == LEFT]
    for line, (sheet, top) in enumerate(zip(sheets[:4], TOP + PITCH * np.arange(4), strict=True)):
        assert sheet.get_extent()[3] == pytest.approx(top)
        tiles = sheet.get_array().reshape(32, B, -1, 3).transpose(1, 0, 2, 3)[:, :, :32]
        for tile, shown in zip(tiles, now.shows[line * B : (line + 1) * B], strict=True):
            assert np.ptp(tile, axis=2).max() == 0 if shown < 0 else np.array_equal(tile, keys[shown])
    np.testing.assert_array_equal(sheets[4].get_array().reshape(32, B, -1, 3)[:, 2, :32], keys[now.own[2]])
    words = {round(text.get_position()[1], 2): text.get_text() for text in figure.axes[0].texts if text.get_ha() == "right"}
    assert [words[round(TOP + PITCH * line + pitch(B) * TILE / 2, 2)] for line in range(4)] == ["1 step old", "random", "random", "random"]


def test_the_large_pictures_are_the_query_and_its_key():
    figure, _ = draw(query=2)
    now, views = moments()[-1], pictures(20)
    large = [image.get_array() for image in figure.axes[0].images if image.get_extent()[1] - image.get_extent()[0] == pytest.approx(LARGE)]
    for image, view in zip(large, views, strict=True):
        np.testing.assert_array_equal(image, view[now.own[2]])


def test_bars_are_the_roots_of_the_shares():
    figure, _ = draw()
    share = moments()[-1].shares(0.2)[1]
    bars = next(c for c in figure.axes[0].collections if isinstance(c, PolyCollection) and len(c.get_paths()) == 2 * B)
    widths = np.array([np.ptp(path.vertices[:, 0]) for path in bars.get_paths()])
    np.testing.assert_allclose(widths / (pitch(B) * TILE), np.sqrt(share[1:] / share.max()), atol=1e-6)


def test_the_dots_are_the_cosines_and_the_squares_the_agreement():
    figure, said = draw(5, 2)
    now, axes = moments()[-1], figure.axes[0]
    tick = {text.get_text(): text.get_position() for text in axes.texts}
    zero, one = tick["0"][1], tick["1"][1]  # the last texts of these names belong to the right chart's upright axis
    scatters = [c for c in axes.collections if isinstance(c, PathCollection) and c.get_sizes()[0] in (34, CLASH["s"])]
    dots = np.concatenate([c.get_offsets() for c in scatters])
    heights = (dots[(dots[:, 0] > 8.5) & (dots[:, 1] > 3.9)][:, 1] - zero) / (one - zero)
    np.testing.assert_allclose(sorted(heights), sorted(now.rows @ now.q[1]), atol=1e-5)
    squares = next(line for line in axes.lines if line.get_marker() == "s")
    np.testing.assert_allclose((squares.get_ydata() - zero) / (one - zero), [1, 0.9, 0.8])
    assert "keys 2 steps old agree to 0.800 with what the present key network makes of their views" in said


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_line_that_the_step_overwrites_is_framed_and_the_arrow_ends_there(count):
    figure, _ = draw(count, 4)
    line = (count - 1) % 4
    frame, way = next(c for c in figure.axes[0].collections if isinstance(c, LineCollection) and len(c.get_paths()[0].vertices) == 5).get_paths()
    top, low = frame.vertices[:, 1].min(), frame.vertices[:, 1].max()
    assert TOP + PITCH * (line - 1) < top < TOP + PITCH * line < TOP + PITCH * line + pitch(B) * TILE < low < TOP + PITCH * (line + 1)
    assert top < way.vertices[-1, 1] < low
    assert way.vertices[0, 1] > TOP + PITCH * 4


@pytest.mark.parametrize("early", [False, True])
def test_the_steps_that_see_random_rows_are_shaded(early):
    figure, _ = draw(5, 2, early=early, last=9)
    (shade,) = next(c for c in figure.axes[0].collections if isinstance(c, PolyCollection) and to_hex(c.get_facecolor()[0]) == FAINT).get_paths()
    curve = next(line for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 5)
    inside = [shade.vertices[:, 0].min() < x < shade.vertices[:, 0].max() for x in curve.get_xdata()]
    assert inside == [((m.enqueued() if early else m).age < 0).any() for m in moments(5, 2)]
    assert sum(inside) == 2 - early


@pytest.mark.parametrize("early", [False, True])
def test_the_curve_is_the_mean_loss_of_every_step_so_far(early):
    figure, said = draw(4, 2, early=early, last=9)
    mean = [(m.enqueued() if early else m).losses(0.2).mean() for m in moments(4, 2)]
    line = next(line for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 4)
    level = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    low, bottom = (level["log 2"], np.log(2)) if early else (next(t.get_position()[1] for t in figure.axes[0].texts if t.get_text() == "0"), 0)
    scale = (level["log (K + 1)"] - low) / (np.log(9) - bottom)
    np.testing.assert_allclose((line.get_ydata() - low) / scale + bottom, mean, atol=1e-9)
    assert f"mean loss {mean[-1]:.2f}" in said and f"{mean[0]:.2f} at step 1" in said
    assert (f"in place of {moments(4, 2)[-1].losses(0.2).mean():.2f}" in said) == early


def test_the_sentence_says_what_is_seen(holds):
    now, labels = moments()[-1], np.arange(20) % 3
    share, clash = now.shares(0.2)[1], Seen(now, 1, labels, (), 0.2, False).clash
    said = draw(classes=("ring", "star", "heart"), setting="m = 0.9 · lr = 0.1")[1]
    assert holds(said, "Step 5", "8 keys", "m = 0.9", "lr = 0.1", "8 of them real (100%)", "1 to 2 steps old", "4 keys", "slots 0 to 3")
    clashing = f"{plots.look.percent(share[1:][clash].sum())} go to the {clash.sum()} of 8 negatives"
    assert holds(said, "Query 1 (heart)", f"{-np.log(share[0]):.2f}", f"{share[0]:.0%}", "its own key", clashing)
    assert holds(said, f"mean loss {now.losses(0.2).mean():.2f}, {moments()[0].losses(0.2).mean():.2f} at step 1", "2 steps old", "0.800")


def title(figure):
    return figure.axes[0].texts[0].get_text()


def test_the_title_is_the_finding():
    assert title(draw(1)[0]).startswith("all 8 negatives are still random rows, and take ")
    assert title(draw(2)[0]).startswith("4 of 8 negatives are still random rows")
    assert title(draw(5)[0]).endswith("of the softmax") and "show the query's own class, and get" in title(draw(5)[0])
    assert title(draw(5, labels=np.arange(20))[0]) == "all 8 negatives are real keys, the oldest 2 steps old"
    assert title(draw(1, early=True)[0]) == "enqueued too early: each query meets its own key twice, no loss below log 2 = 0.69"


def test_only_the_mistake_is_called_one():
    assert "mistake" not in draw()[1]
    assert "by mistake before the logits" in draw(early=True)[1]


def test_its_arguments_are_left_alone():
    shown, views, labels = moments(), pictures(20), np.arange(20) % 3
    plots.queue(shown, views, labels, 0.2, early=True)
    for now, then in zip(shown, moments()):
        for column in ("q", "k", "rows", "age", "shows", "again"):
            np.testing.assert_array_equal(getattr(now, column), getattr(then, column))
    assert all(np.array_equal(a, b) for a, b in zip(views, pictures(20)))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"query": 4}, "query=4 is none of this batch; there are 0 to 3"),
        ({"query": -1}, "query=-1 is none of this batch"),
        ({"tau": 0.0}, "tau=0.0 must be positive"),
        ({"batches": 9}, "a queue of 36 keys is not 1 to 8 whole batches of 4; take K=4 to 32 in steps of 4"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(options, said):
    with pytest.raises(InputError, match=said):
        draw(**options)


def test_no_step_is_no_picture():
    with pytest.raises(InputError, match="there is no step to show"):
        plots.queue([], pictures(4), np.zeros(4, int), 0.2)
