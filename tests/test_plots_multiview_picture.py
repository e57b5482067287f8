"""What the picture of CMC's views promises: its numbers are those of the losses, every word can be read, every place says what is true."""

import dataclasses
import itertools
from functools import cache

import numpy as np
import pytest

from dummies.drawings import answer, every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Areas, Image, Marks, Strokes, Words
from ssl_lab.plots.look import NEGATIVE, POSITIVE, number, percent
from ssl_lab.plots.multiview import graph, matrix
from ssl_lab.plots.multiview.numbers import across, agreement, pairs_of, read, spelled, toggled
from ssl_lab.plots.multiview.scene import Painting, Scenes
from ssl_lab.plots.multiview.seen import chroma, distance

FIVE, B = ("L", "ab", "depth", "normals", "mask"), 40
CLASSES = ("ring", "star", "hourglass and more")


@cache
def embeddings(names=FIVE, n=B):
    draw = np.random.default_rng(3)
    thing = draw.normal(size=(n, 6))
    return {name: thing + (0.4 + 0.3 * place) * draw.normal(size=(n, 6)) for place, name in enumerate(names)}


@cache
def scenes(names=FIVE, n=8, size=(32, 32), labels=True):
    draw = np.random.default_rng(4)
    views = {name: draw.integers(0, 256, (n, *size, 3), dtype=np.uint8) for name in names}
    return Scenes(views, np.arange(n) % 3 if labels else np.full(n, -1), CLASSES, draw.integers(0, 256, (n, *size, 3), dtype=np.uint8))


@cache
def painting(n=8, mask=True):
    draw = np.random.default_rng(5)
    true, painted = draw.uniform(-0.5, 0.5, (2, n, 2, 32, 32))
    return Painting(true, painted, draw.integers(0, 3, (n, 32, 32)) if mask else None)


def table(names=FIVE, count=9):
    draw = np.random.default_rng(6)
    return {name: {f"cause_{k}": float(value) for k, value in enumerate(draw.uniform(0, 1, count))} for name in names}


def draw(names=FIVE, n=8, tau=0.1, first=None, second=None, pairs="core", scene=2, shown="share", size=(32, 32), batch=B, **options):
    z = {name: rows[:batch] for name, rows in embeddings(names).items()}
    first, second, labels = first or names[0], second or names[1], options.pop("labels", True)
    sizes = (8, 16, batch) if first != second else ()
    growth = {size: agreement({name: z[name][:size] for name in (first, second)}, tau).bound((0, 1)) for size in sizes}
    numbers = agreement(z, tau), across(z, first, second, tau), read(pairs, names)
    return plots.multiview(scenes(names, n, size, labels), *numbers, scene, first, second, shown, growth=growth, **options)


LONG = ("a_view_with_a_long_name", "another_view_with_one", "and_a_third_such_view")
DRAWN = {
    "two": lambda: draw(("L", "ab")),
    "two, painted": lambda: draw(("L", "ab"), painting=painting(), shown="cosine"),
    "two, cut": lambda: draw(("L", "ab"), pairs="none"),
    "three": lambda: draw(("rgb", "later", "flow"), pairs="rgb-flow"),
    "four": lambda: draw(FIVE[:4], pairs="full", n=2, scene=0),
    "five": lambda: draw(pairs="full", painting=painting()),
    "five, cut": lambda: draw(pairs="none", first="depth", second="normals", tau=2.0),
    "six": lambda: draw((*FIVE, "later"), pairs="full", shown="cosine"),
    "seven": lambda: draw((*FIVE, "later", "flow"), pairs="full"),
    "sixteen scenes": lambda: draw(n=16, scene=15, pairs="L-ab + L-depth", first="mask", second="L"),
    "the batch is what is drawn": lambda: draw(batch=8),
    "kept": lambda: draw(shown="kept", tables=table(), measured=1000),
    "much is known": lambda: draw(shown="kept", tables=table(count=16), measured=40),
    "sharp": lambda: draw(tau=0.001, pairs="full"),
    "wide images without labels": lambda: draw(size=(20, 32), labels=False),
    "large images": lambda: draw(("L", "ab"), n=2, scene=0, size=(224, 224)),
    "long names": lambda: draw(LONG, pairs="none"),
}  # fmt: skip


picture = every(DRAWN)


@pytest.mark.parametrize("judged", ["readable", "one sentence"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_the_title_and_the_sentence_say_who_finds_whom_and_what_is_paid(holds):
    z, tau = embeddings(), 0.1
    found, rows = agreement(z, tau), across(z, "depth", "mask", tau)
    figure, summary = draw(first="depth", second="mask", scene=5)
    hits = sum(rows.cosine[i].argmax() == i for i in range(B))
    assert written(figure)[0] == f"depth finds its own mask in {hits} of {B} scenes"
    both, bound = found.loss[2, 4] + found.loss[4, 2], np.log(B - 1) - (found.loss[2, 4] + found.loss[4, 2]) / 2
    paid = f"loss {both:.2f}: depth → mask {found.loss[2, 4]:.2f}, mask → depth {found.loss[4, 2]:.2f}"
    own = f"scene 5 (hourglass …) pays {rows.loss[5]:.2f} and gives its own {percent(rows.share[5, 5])} of its weight, rank {rows.rank[5]} of {B}"
    assert holds(summary, f"k = {B - 1} negatives", paid, f"log k − loss / 2 = {number(bound)} nats", own)
    assert paid in written(figure)[1]


@pytest.mark.parametrize("shown", ["share", "cosine"])
def test_a_cell_says_both_things_and_their_numbers_and_a_click_takes_its_row(shown):
    figure, _ = draw(first="ab", second="L", shown=shown)
    rows, spots = across(embeddings(), "ab", "L", 0.1), answer(figure, "cells of the matrix")
    names = [f"scene {i} ({('ring', 'star', 'hourglass …')[i % 3]})" for i in range(8)]
    for place, (i, j) in enumerate(itertools.product(range(8), repeat=2)):
        what = f"i: ab of {names[i]}, j: L of {names[j]}{', congruent' * (i == j)}: "
        numbers = f"cosine {number(rows.cosine[i, j], sign='+')}, share {percent(rows.share[i, j])}, −log p {-np.log(rows.share[i, j]):.2f}"
        assert spots.said(place) == what + numbers
        assert spots.sets["scene"][place] == i
    cells = {round(item.x, 3): item.text for item in items(figure, Words) if abs(item.y - matrix.Grid(8, True).y(3.5)) < 1e-6}
    value = rows.share[3, 3] if shown == "share" else rows.cosine[3, 3]
    assert cells[round(matrix.Grid(8, True).x(3.5), 3)] == (percent(value) if shown == "share" else number(value).replace("0.", "."))


def test_the_scenes_that_are_not_drawn_are_one_column_and_a_row_of_shares_is_whole():
    figure, _ = draw()
    rows, spots = across(embeddings(), "L", "ab", 0.1), answer(figure, "all others")
    for i in range(8):
        nearest = max(range(8, B), key=lambda j: rows.cosine[i, j])
        assert f"{B - 8} other ab have {percent(1 - rows.share[i, :8].sum())} together; the nearest is scene {nearest}, " in spots.said(i)
    assert f"{B - 8}\nothers" in written(figure)
    whole, _ = draw(batch=8)
    assert not any("others" in text for text in written(whole)) and len(whole.spots) == len(figure.spots) - 1


def test_a_row_is_marked_where_its_own_is_the_first_of_all():
    figure, _ = draw(n=16)
    rows, grid = across(embeddings(), "L", "ab", 0.1), matrix.Grid(16, True)
    beside = [mark for mark in items(figure, Marks) if mark.x[0] > grid.end]
    right = {kind: {round(float(y), 6) for mark in beside if mark.kind == kind for y in mark.y} for kind in "ox"}
    first = [rows.cosine[i].argmax() == i for i in range(16)]
    assert right["o"] - {matrix.HEAD} == {round(grid.y(i + 0.5), 6) for i in range(16) if first[i]}
    assert right["x"] == {round(grid.y(i + 0.5), 6) for i in range(16) if not first[i]}


@pytest.mark.parametrize("pairs", ["core", "full", "none", "L-ab + ab-depth"])
def test_every_edge_says_its_losses_and_a_click_cuts_it_or_puts_it_back(pairs):
    figure, summary = draw(pairs=pairs)
    found, own = agreement(embeddings(), 0.1), read(pairs, FIVE)
    spots = answer(figure, "edges of the graph")
    for place, (i, j) in enumerate(pairs_of(5, "full")):
        a, b, both = FIVE[i], FIVE[j], found.loss[i, j] + found.loss[j, i]
        words = spots.said(place)
        assert words.startswith(f"{a}–{b}{', cut' * ((i, j) not in own)}: loss {both:.2f}, {a} → {b} {found.loss[i, j]:.2f}, ")
        assert f"log k − loss / 2 = {number(np.log(B - 1) - both / 2)} nats" in words and f"log(k + 1) = {np.log(B):.2f}" in words
        assert words.endswith("a click cuts it" if (i, j) in own else "a click puts it back")
        assert spots.sets["graph"][place] == spelled(toggled(own, (i, j)), FIVE)
    total = sum(found.loss[i, j] + found.loss[j, i] for i, j in own)
    assert f"has {len(own)} pair{'s' * (len(own) != 1)}, sum of the losses {total:.2f}" in summary
    assert f"{len(own)} of 10" in written(figure) and f"{total:.2f}" in written(figure)


def test_edges_are_as_wide_as_their_bound_and_dotted_where_they_are_cut():
    figure, _ = draw(pairs="full")
    found = agreement(embeddings(), 0.1)
    (solid,) = [item for item in items(figure, Strokes) if item.colours == POSITIVE]
    widths = [1.2 + graph.WIDEST * max(0, found.bound(pair)) / found.cap for pair in pairs_of(5, "full")]
    np.testing.assert_allclose(solid.widths, widths)
    assert not [item for item in items(figure, Strokes) if item.dash == "dotted"]
    (dotted,) = [item for item in items(draw()[0], Strokes) if item.dash == "dotted"]
    assert len(dotted.paths) == 6


@pytest.mark.parametrize("M", range(2, 8))
def test_every_edge_has_a_handle_of_its_own(M):
    at = graph.places(M, 3.0)
    handles = [graph.handle(pair, at) for pair in pairs_of(M, "full")]
    assert min(np.hypot(a - c, b - d) for (a, b), (c, d) in itertools.combinations(handles, 2)) > 0.19 if M > 2 else len(handles) == 1


def test_a_view_without_a_pair_learns_nothing_and_is_named():
    figure, summary = draw(pairs="L-ab + L-mask")
    words = "depth and normals have no pair: they learn nothing"
    assert words in written(figure) and words in summary
    framed = next(item for item in items(figure, Areas) if not isinstance(item.edges, str) and len(item.edges) == 5)
    assert [edge == NEGATIVE for edge in framed.edges] == [False, False, True, True, False]
    assert "nothing" not in draw(pairs="full")[1]


def test_a_line_of_the_table_shows_its_pair_and_a_view_is_taken_by_a_click():
    figure, _ = draw(pairs="ab-mask")
    spots = answer(figure, "pairs of views")
    assert (spots.sets["first"][0], spots.sets["second"][0]) == ("ab", "mask") and spots.said(0).startswith("ab–mask: ")
    assert {(a, b) for a, b in zip(spots.sets["first"], spots.sets["second"])} == {(FIVE[i], FIVE[j]) for i, j in pairs_of(5, "full")}
    view = answer(figure, "view depth")
    assert view.sets == {"second": ["depth"]} and view.said(0).startswith("scene 2 (hourglass …), depth")


def test_the_bound_at_every_size_of_batch_is_drawn_where_there_is_room_and_a_click_takes_one():
    figure, _ = draw(("L", "ab"), tau=0.3)
    spots, z = answer(figure, "sizes of a batch"), embeddings(("L", "ab"))
    for place, size in enumerate((8, 16, B)):
        bound = agreement({name: rows[:size] for name, rows in z.items()}, 0.3).bound((0, 1))
        assert spots.said(place) == f"batch {size}, k = {size - 1}: log k − loss / 2 = {number(bound)} nats, at most {np.log(size):.2f}"
    assert [*spots.sets["batch"]] == [8, 16, B]
    with pytest.raises(StopIteration):
        answer(draw()[0], "sizes of a batch")


@pytest.mark.parametrize("mask", [True, False])
def test_what_a_painting_misses_is_said_in_numbers(mask, holds):
    one, (figure, summary) = painting(mask=mask), draw(("L", "ab"), painting=painting(mask=mask), scene=4)
    apart, plain = distance(one.painted[4:5], one.true[4:5])[0], chroma(one.true[4:5])[0]
    inside = one.mask[4] == 1 if mask else None
    parts = {"object": inside, "ground": ~inside} if mask else {"image": np.ones((32, 32), bool)}
    off = ", ".join(f"{np.mean([apart[p] for p in zip(*np.nonzero(part))]):.0f} on the {name}" for name, part in parts.items())
    assert holds(summary, f"painted ab: off by {off} (grey: by {', '.join(f'{plain[part].mean():.0f}' for part in parts.values())})")
    assert {"painted", "error", "image"} <= {*written(figure)} and answer(figure, "what is painted").said(0).startswith(f"painted ab: off by {off}")


def test_a_perfect_painting_misses_nothing():
    one = painting()
    assert {miss for miss, _ in dataclasses.replace(one, painted=one.true).missed(3).values()} == {0.0}


def test_a_scene_without_an_object_has_only_ground():
    one = painting()
    assert [*dataclasses.replace(one, mask=np.zeros_like(one.mask)).missed(0)] == ["ground"]


def test_true_colours_are_shown_beside_painted_ones_also_where_ab_is_no_view():
    assert {"ab", "painted"} <= {*written(draw(("rgb", "later"), painting=painting())[0])}


def test_the_image_stands_beside_its_views_where_there_is_room():
    assert "image" in written(draw()[0]) and "image" not in written(draw(painting=painting(), pairs="full")[0])
    assert "image" not in written(draw(("rgb", "later"))[0])


def test_what_each_encoder_keeps_is_a_table_that_says_its_numbers():
    tables = table()
    figure, summary = draw(shown="kept", tables=tables, measured=1000, first="mask", second="ab")
    spots = answer(figure, "what each encoder keeps")
    for place, (cause, view) in enumerate(itertools.product(tables["L"], FIVE)):
        assert spots.said(place).startswith(f"{view} keeps {tables[view][cause]:.3f} of {cause.replace('_', ' ')}")
    change = {cause: abs(tables["mask"][cause] - tables["ab"][cause]) for cause in tables["L"]}
    cause = max(change, key=change.get)
    more, less = sorted(("mask", "ab"), key=lambda view: -tables[view][cause])
    assert f"of the {cause.replace('_', ' ')} {more} keeps {tables[more][cause]:.2f} and {less} {tables[less][cause]:.2f}" in summary
    assert any("1,000 scenes" in text for text in written(figure))


def test_large_images_are_sent_small():
    assert max(max(item.pixels.shape[:2]) for item in items(DRAWN["large images"]()[0], Image) if item.pixels.shape[2] == 3) <= 112


@pytest.mark.parametrize(
    "options, words",
    [
        ({"scene": 8}, "scene=8 is none of the 8 that are drawn"),
        ({"first": "L", "second": "L"}, "first and second are both 'L'"),
        ({"shown": "logits"}, "matrix 'logits' is unknown"),
        ({"shown": "kept"}, 'shown="kept" needs tables'),
        ({"n": 1, "scene": 0}, "1 scenes are drawn"),
        ({"n": 16, "batch": 10}, "16 scenes are drawn, 10 have losses"),
    ],
)
def test_what_there_is_not_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        draw(**options)


def test_pictures_of_other_views_are_refused():
    z = embeddings()
    with pytest.raises(InputError, match="the pictures show L, ab and the losses are of L, ab, depth"):
        plots.multiview(scenes(("L", "ab")), agreement(z, 0.1), across(z, "L", "ab", 0.1), [(0, 1)], 0, "L", "ab")
