"""What the picture of the queue promises: the loss is InfoNCE of the rows that are shown, every mark, word and answer is true, nothing is cut off."""

import numpy as np
import pytest
import torch

from dummies.drawings import every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce
from ssl_lab.plots.drawing import Areas, Image, Marks, Strokes, Words
from ssl_lab.plots.look import ANCHOR, FAINT, INK, NEGATIVE, POSITIVE, percent
from ssl_lab.plots.queue.numbers import Moment, Seen
from ssl_lab.plots.queue.slots import CLASH, LARGE, LEFT, OWN, PITCH, TILE, TOP, TWIN, X, pitch

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


picture = every(PICTURES)


@pytest.mark.parametrize("judged", ["readable"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def tensors(*arrays):
    return [torch.from_numpy(array).double() for array in arrays]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("tau", TAUS)
def test_the_loss_is_info_nce_of_the_rows_that_the_logits_see(tau, early):
    for moment in moments():
        now = moment.enqueued if early else moment
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
        early = moment.enqueued
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
    assert moment.enqueued.shows.tolist() == [34, 35, -1, -1, 32, 33]
    assert moment.enqueued.rows.any(axis=1).tolist() == [True, True, False, False, True, True]
    assert (rows == 0).all()


@pytest.mark.parametrize("tau", TAUS)
def test_enqueued_early_no_loss_is_below_log_2_and_in_the_papers_order_it_can_be(tau):
    for moment in moments(near=0.0):
        assert (moment.enqueued.losses(tau) >= np.log(2)).all()
    easy = Moment(np.eye(2, 8), np.eye(2, 8), np.eye(4, 8, 4), *(np.array([1, 1, 1, 1]),) * 2, np.ones(4), 0, 2)
    assert easy.losses(0.05).max() < 1e-6
    assert easy.enqueued.losses(0.05) == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize("early", [False, True])
def test_false_negatives_are_other_pictures_of_the_same_class_and_of_no_unlabelled_picture(early):
    labels = np.array([0, 1, 0, -1, -1, 0, 1, 1, 0, 0, 0, 1, -1, 2, 2, 2, 1, 0, -1, 0])
    for moment in moments():
        now = moment.enqueued if early else moment
        for query in range(B):
            own = (now.step - 1) * B + query
            expected = [j >= 0 and j != own and labels[j] == labels[own] != -1 for j in now.shows]
            assert Seen(now, query, labels, (), 0.2, early).clash.tolist() == expected



def places(marks):
    """Where marks stand, in inches."""
    return np.concatenate([np.zeros((0, 2)), *(np.stack([item.x, item.y], axis=1) for item in marks)])


def marked(figure, style):
    """Where marks of one kind stand."""
    return places(item for item in items(figure, Marks) if (item.kind, item.fills) == (style["kind"], style["fills"]))


def slots_of(points, B, count):
    """Which slots marks stand on."""
    column, line = ((points[:, 0] - LEFT) / pitch(B)).astype(int), ((points[:, 1] - TOP) / PITCH).astype(int)
    inside = (points[:, 0] < LEFT + B * pitch(B)) & (line < count // B)
    return sorted((line * B + column)[inside].tolist())


@pytest.mark.parametrize("early", [False, True])
def test_marks_stand_on_the_false_negatives_and_on_the_querys_own_key(early):
    labels = np.arange(20) % 3
    figure, _ = draw(early=early, labels=labels)
    now = moments()[-1].enqueued if early else moments()[-1]
    seen = Seen(now, 1, labels, (), 0.2, early)
    K = len(now.rows)
    assert slots_of(marked(figure, CLASH), B, K) == np.flatnonzero(seen.clash).tolist() != []
    assert slots_of(marked(figure, TWIN), B, K) == ([now.pointer + 1] if early else [])
    below = TOP + PITCH * K / B
    own = [point for point in marked(figure, OWN) if below < point[1] < below + 1 and point[0] < LEFT + B * pitch(B)]
    assert [int((x - LEFT) / pitch(B)) for x, _ in own] == [1]


@pytest.mark.parametrize("query", range(B))
def test_in_the_chart_the_own_key_as_a_negative_is_a_larger_star_around_the_own_key(query):
    stars = [item for item in items(draw(query=query, early=True)[0], Marks) if item.kind == "*" and item.x[0] > 8 and item.y[0] > 4]
    around, own = stars
    assert (around.fills, own.fills) == (NEGATIVE, POSITIVE)
    assert around.sizes > 1.5 * own.sizes
    np.testing.assert_allclose(places([around]), places([own]), atol=1e-6)


@pytest.mark.parametrize("early", [False, True])
def test_beside_the_query_stands_what_its_own_key_takes_of_the_softmax_as_a_negative_too_where_it_is_one(early):
    words = written(draw(early=early)[0])
    now = moments()[-1].enqueued if early else moments()[-1]
    share = percent(now.shares(0.2)[1, 0])
    assert f"own key: {share}" in words
    assert [text for text in words if text.startswith("as a negative")] == ([f"as a negative: {share}"] if early else [])


@pytest.mark.parametrize("early", [False, True])
def test_each_mark_stands_beside_the_words_that_say_what_it_means(early):
    figure, _ = draw(early=early)
    meanings = {("*", POSITIVE): "own key", ("*", NEGATIVE): "as a negative", ("X", NEGATIVE): "of its class"}
    keys = [item for item in items(figure, Marks) if len(item.x) == 1 and item.x[0] > X + 2 * LARGE and item.y[0] < 3]
    assert len(keys) == 2 + early
    for mark in keys:
        (words,) = [item.text for item in items(figure, Words) if item.y == mark.y[0] and 0 < item.x - mark.x[0] < 0.3]
        assert meanings[mark.kind, mark.fills] in words


def test_without_labels_nothing_is_marked_and_it_says_so():
    figure, sentence = draw(labels=np.full(20, -1))
    assert len(marked(figure, CLASH)) == 0
    assert "without labels, false negatives cannot be marked" in sentence
    assert "false negatives" in written(figure)


def lines(figure):
    """The sheets of keys."""
    return [image for image in items(figure, Image) if image.box[0] == LEFT]


def tiled(sheet):
    """The pixels of its keys, and of what is between them."""
    return sheet.pixels.reshape(len(sheet.pixels), B, -1, 4).transpose(1, 0, 2, 3)


def test_each_line_shows_its_keys_and_its_age_and_random_rows_show_no_picture():
    figure, _ = draw(2, 4)
    keys, now = pictures(8)[1], moments(2, 4)[-1]
    *queue, step = lines(figure)
    for line, sheet in enumerate(queue):
        assert sheet.box == pytest.approx((LEFT, TOP + line * PITCH, B * pitch(B), pitch(B) * TILE))
    for tile, shown in zip(np.concatenate([*map(tiled, queue)]), now.shows, strict=True):
        assert tile[:, 32:].size > 0 and not tile[:, 32:].any()  # nothing between two keys, on a dark page as on a light one
        assert (tile[:, :32, 3] == 255).all()
        assert np.ptp(tile[:, :32, :3], axis=2).max() == 0 if shown < 0 else np.array_equal(tile[:, :32, :3], keys[shown])
    np.testing.assert_array_equal(tiled(step)[2, :, :32, :3], keys[now.own[2]])
    words = {round(item.y, 2): item.text for item in items(figure, Words) if item.ha == "right"}
    assert [words[round(TOP + PITCH * line + pitch(B) * TILE / 2, 2)] for line in range(4)] == ["1 step old", "random", "random", "random"]


@pytest.mark.parametrize("H, W", [(12, 20), (20, 12)])
def test_beside_a_picture_that_is_no_square_there_is_nothing_and_no_white(H, W):
    views = tuple(np.full((20, H, W, 3), level, np.uint8) for level in (80, 90))
    figure, _ = plots.queue(moments(), views, np.arange(20) % 3, 0.2)
    top, left = (20 - H) // 2, (20 - W) // 2
    for tiles in map(tiled, lines(figure)):
        assert (tiles[:, top : top + H, left : left + W, 3] == 255).all()
        assert (tiles[..., 3] == 255).sum() == B * H * W
    large = [image for image in items(figure, Image) if image.box[0] >= X]
    for image, left in zip(large, (X, X + LARGE + 0.2), strict=True):
        x, y, width, height = image.box
        assert (x + width / 2, y + height / 2, max(width, height)) == pytest.approx((left + LARGE / 2, 1.5 + LARGE / 2, LARGE))
        assert width / height == pytest.approx(W / H)


def test_the_sheet_of_a_batch_is_the_same_one_from_step_to_step():
    drawn = [plots.queue(moments(9, 4)[:count], pictures(36), np.arange(36) % 3, 0.2)[0] for count in (8, 9)]
    sheets = [{sheet.pixels.tobytes() for sheet in lines(figure)} for figure in drawn]
    assert len(sheets[0]) == 5 and len(sheets[0] & sheets[1]) == 4


def test_the_large_pictures_are_the_query_and_its_key():
    figure, _ = draw(query=2)
    now, views = moments()[-1], pictures(20)
    large = [image.pixels for image in items(figure, Image) if image.box[2] == pytest.approx(LARGE)]
    for image, view in zip(large, views, strict=True):
        np.testing.assert_array_equal(image, view[now.own[2]])
    (frames,) = [area for area in items(figure, Areas) if area.edges == [ANCHOR, POSITIVE]]
    assert [box[0] for box in frames.outlines] == [X, X + LARGE + 0.2]


def test_bars_are_the_roots_of_the_shares():
    figure, _ = draw()
    share = moments()[-1].shares(0.2)[1]
    bars = next(area for area in items(figure, Areas) if len(area.outlines) == 2 * B + 1)  # the last one stands beside its meaning
    widths = np.array([width for _, _, width, _ in bars.outlines[:-1]])
    np.testing.assert_allclose(widths / (pitch(B) * TILE), np.sqrt(share[1:] / share.max()), atol=1e-6)


def test_the_dots_are_the_cosines_and_the_squares_the_agreement():
    figure, sentence = draw(5, 2)
    now = moments()[-1]
    tick = {item.text: item.y for item in items(figure, Words)}
    zero, one = tick["0"], tick["1"]  # the last words of these names belong to the right chart's upright axis
    dots = places(item for item in items(figure, Marks) if item.kind in "oX" and item.x[0] > 8.5 and item.y[0] > 3.9)
    np.testing.assert_allclose(sorted((dots[:, 1] - zero) / (one - zero)), sorted(now.rows @ now.q[1]), atol=1e-5)
    squares = next(item for item in items(figure, Marks) if item.kind == "s")
    np.testing.assert_allclose((squares.y - zero) / (one - zero), [1, 0.9, 0.8])
    assert "keys 2 steps old agree to 0.800 with what the present key network makes of their views" in sentence


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_line_that_the_step_overwrites_is_framed_and_the_arrow_ends_there(count):
    figure, _ = draw(count, 4)
    line = (count - 1) % 4
    (frame,) = next(area for area in items(figure, Areas) if area.edges == INK and area.fills == "").outlines
    (way,) = next(item for item in items(figure, Strokes) if item.widths == 2.5).paths
    top, low = frame[1], frame[1] + frame[3]
    assert TOP + PITCH * (line - 1) < top < TOP + PITCH * line < TOP + PITCH * line + pitch(B) * TILE < low < TOP + PITCH * (line + 1)
    assert top < way[-1][1] < low
    assert way[0][1] > TOP + PITCH * 4


def losses(figure, count):
    """The dots of the curve at the left."""
    return next(item for item in items(figure, Marks) if item.kind == "o" and len(item.x) == count and item.x[0] < X)


@pytest.mark.parametrize("early", [False, True])
def test_the_steps_that_see_random_rows_are_shaded(early):
    figure, _ = draw(5, 2, early=early, last=9)
    ((left, _, width, _),) = next(area for area in items(figure, Areas) if area.fills == FAINT).outlines
    inside = [left < x < left + width for x in losses(figure, 5).x]
    assert inside == [((m.enqueued if early else m).age < 0).any() for m in moments(5, 2)]
    assert sum(inside) == 2 - early


@pytest.mark.parametrize("early", [False, True])
def test_the_curve_is_the_mean_loss_of_every_step_so_far(early):
    figure, sentence = draw(4, 2, early=early, last=9)
    mean = [(m.enqueued if early else m).losses(0.2).mean() for m in moments(4, 2)]
    level = {item.text: item.y for item in reversed(items(figure, Words))}  # the first "0" is the left chart's
    low, bottom = (level["log 2"], np.log(2)) if early else (level["0"], 0)
    scale = (level["log (K + 1)"] - low) / (np.log(9) - bottom)
    np.testing.assert_allclose((losses(figure, 4).y - low) / scale + bottom, mean, atol=1e-9)
    assert f"mean loss {mean[-1]:.2f}" in sentence and f"{mean[0]:.2f} at step 1" in sentence
    assert (f"in place of {moments(4, 2)[-1].losses(0.2).mean():.2f}" in sentence) == early


def spots(figure):
    """What answers a pointer: the slots, this step's keys, the losses, the keys by their age."""
    return [spot() if callable(spot) else spot for spot in figure.spots]


def signed(cosine):
    return f"{cosine:z.2f}".replace("-", "−")


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("count", [2, 5])
def test_every_slot_says_its_key_its_cosine_and_its_share(count, early, holds):
    labels, classes = np.array([0, 1, 2, -1, 2] * 4)[: count * B], ("ring", "star", "heart")
    figure, _ = draw(count, 3, labels=labels, classes=classes, early=early)
    now = moments(count, 3)[-1].enqueued if early else moments(count, 3)[-1]
    slots, *_, chart = spots(figure)
    assert slots.box == pytest.approx((LEFT, TOP, B * pitch(B), 3 * PITCH))
    assert (len(slots.rows), len(slots.columns)) == (3, B)
    own, exps = now.own[1], np.exp(np.array([now.q[1] @ k for k in (now.k[1], *now.rows)], dtype=np.float64) / 0.2)
    for slot, (j, age) in enumerate(zip(now.shows.tolist(), now.age.tolist())):
        sentence = slots.said(slot)
        assert holds(sentence, f"slot {slot}:", f"query 1: {signed(now.q[1] @ now.rows[slot])};", f"share {percent(exps[1 + slot] / exps.sum())}")
        assert ("random row;" in sentence) == (j < 0)
        if j >= 0:
            name = f" ({classes[labels[j]]})" if labels[j] >= 0 else ""
            when = f"{age} step{'s' * (age > 1)} old" if age else "this step"
            assert f"key of picture {j}{name}, {when};" in sentence
        assert sentence.endswith("; a false negative") == (j >= 0 and j != own and labels[j] == labels[own] != -1)
        assert sentence.endswith("; the query's own key") == (j == own)
        assert chart.said(slot) == sentence
    assert not slots.sets


def test_a_click_on_one_of_this_steps_keys_makes_it_the_query(holds):
    figure, now = draw(5, 3, query=2)[0], moments(5, 3)[-1]
    keys = spots(figure)[1]
    assert keys.box == pytest.approx(lines(figure)[-1].box)
    assert {name: list(values) for name, values in keys.sets.items()} == {"query": [*range(B)]}
    for i in range(B):
        assert holds(keys.said(i), f"key {i}, picture {16 + i} (", f"slot {4 + i};", f"query 2: {signed(now.k[i] @ now.q[2])};")
        assert (f"own key, share {percent(now.shares(0.2)[2, 0])}" in keys.said(i)) == (i == 2)
        assert (f"a click takes query {i}" in keys.said(i)) == (i != 2)


@pytest.mark.parametrize("early", [False, True])
def test_every_step_says_its_loss_and_a_click_goes_there(early):
    figure, _ = draw(4, 2, early=early, last=9)
    curve, drawn = spots(figure)[2], losses(figure, 4)
    mean = [(m.enqueued if early else m).losses(0.2).mean() for m in moments(4, 2)]
    assert [curve.said(place) for place in range(len(curve))] == [f"step {step}: mean loss {loss:.2f}" for step, loss in enumerate(mean, 1)]
    assert [*curve.sets["step"]] == [1, 2, 3, 4] and curve.along == "x"
    np.testing.assert_allclose(curve.at, places([drawn]))


def test_of_a_single_step_there_is_no_other_to_go_to():
    assert spots(draw(1)[0])[2].sets == {}


def test_in_the_chart_of_ages_every_mark_answers(holds):
    figure, now = draw(5, 2)[0], moments()[-1]
    chart = spots(figure)[3]
    marks = [item for item in items(figure, Marks) if len(item.x) and item.x[0] > 8.2 and item.y[0] > 3.9 and item.kind != "s"]
    squares = next(item for item in items(figure, Marks) if item.kind == "s")
    expected = [*places(marks), *places([squares])[1:]]  # at age 0 a key agrees with itself
    assert sorted(map(tuple, np.round(chart.at, 6))) == sorted(map(tuple, np.round(expected, 6)))
    assert holds(chart.said(2 * B), "own key:", signed(now.k[1] @ now.q[1]), percent(now.shares(0.2)[1, 0]))
    for place, agree in ((2 * B + 1, "1 step old agree to 0.900"), (2 * B + 2, "2 steps old agree to 0.800")):
        assert chart.said(place) == f"keys {agree} with what the present key network makes of their views"
    np.testing.assert_allclose(chart.at[-1], places([squares])[-1])


def test_the_sentence_says_what_is_seen(holds):
    now, labels = moments()[-1], np.arange(20) % 3
    share, clash = now.shares(0.2)[1], Seen(now, 1, labels, (), 0.2, False).clash
    sentence = draw(classes=("ring", "star", "heart"), setting="m = 0.9 · lr = 0.1")[1]
    assert holds(sentence, "Step 5", "8 keys", "m = 0.9", "lr = 0.1", "8 of them real (100%)", "1 to 2 steps old", "4 keys", "slots 0 to 3")
    clashing = f"{percent(share[1:][clash].sum())} go to the {clash.sum()} of 8 negatives"
    assert holds(sentence, "Query 1 (heart)", f"{-np.log(share[0]):.2f}", f"{share[0]:.0%}", "its own key", clashing)
    assert holds(sentence, f"mean loss {now.losses(0.2).mean():.2f}, {moments()[0].losses(0.2).mean():.2f} at step 1", "2 steps old", "0.800")


def title(figure):
    return written(figure)[0]


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
