"""The map of an embedding: what it says is counted, who is marked is a neighbour, and every name stands free."""

import itertools

import numpy as np
import pytest

from dummies.drawings import every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Image, Marks, Strokes, Words
from ssl_lab.plots.embedding import KINDS, LEFT, SIDE, TOP, UNKNOWN, apart, centre, placed, steps
from ssl_lab.plots.look import ANCHOR

CLASSES = ("ring", "hourglass", "automobile", "crescent")


def world(n=60, classes=4, seed=0):
    """A map, images and labels."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, 2)), draw.integers(0, 255, (n, 8, 8, 3), dtype=np.uint8), draw.integers(0, classes, n)


def drawn(n=60, k=8, picked=3, way="category", classes=CLASSES, busy="", labels=None, spread=1.0, values=None, name="class", **near):
    xy, images, chance = world(n, len(classes))
    labels = chance if labels is None else labels
    values = labels.astype(float) if values is None else values
    others = np.delete(np.arange(n), picked)
    colouring, words = plots.Colouring(name, values, way, classes), "PCA\nkeeps 27% of the variance"
    return plots.embedding(spread * xy, colouring, images, labels, classes, picked, others[:k], others[-k:], words, busy, **near)


TURNS = np.linspace(0, 1, 60, endpoint=False)
PICTURES = {
    "classes": drawn,
    "one point above another": lambda: drawn(spread=0.0),
    "busy": lambda: drawn(busy="UMAP with 100 neighbours is on its way"),
    "angles": lambda: drawn(way="angle", values=TURNS, name="background_hue"),
    "numbers": lambda: drawn(way="number", values=np.linspace(-0.35, 0.35, 60), name="background_hue"),
    "numbers, none known": lambda: drawn(way="number", values=np.full(60, np.nan), name="rotation"),
    "no label": lambda: drawn(labels=np.full(60, -1), values=np.full(60, np.nan)),
    "three images": lambda: drawn(n=3, k=2, picked=2),
    "sixteen neighbours": lambda: drawn(k=16),
    "a hundred classes": lambda: drawn(n=400, classes=tuple(f"a class called {i}" for i in range(100))),
    "many points": lambda: drawn(n=3000, picked=2999),
}  # fmt: skip


picture = every(PICTURES)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


@pytest.mark.parametrize("picked, k", [(0, 5), (3, 8), (59, 2)])
def test_the_title_counts_as_a_loop_does(holds, picked, k):
    xy, images, labels = world()
    near = [np.array([j for j in order if j != picked][:k]) for order in (range(60), range(59, -1, -1))]
    colouring = plots.Colouring("class", labels.astype(float), "category", CLASSES)
    figure, summary = plots.embedding(xy, colouring, images, labels, CLASSES, picked, *near, "PCA\nof a test")
    pixels, ours = (sum(labels[j] == labels[picked] for j in rows) for rows in near)
    assert f"{ours} of {k} neighbours share its class ({CLASSES[labels[picked]]}); in pixels {pixels} of {k}" in written(figure)
    assert f"nearest in pixels: {pixels} of {k} share its class" in written(figure)
    assert f"nearest in the embedding: {ours} of {k} share its class" in written(figure)
    name = f"image {picked} ({CLASSES[labels[picked]]})"
    assert holds(summary, "PCA of 60 images", "class", name, f"{ours} of its {k}", "embedding", f"{pixels} of {k}", "pixels")


def test_the_neighbours_of_an_image_without_label_share_nothing():
    labels = np.full(60, -1)
    labels[40:] = 1
    figure, summary = drawn(labels=labels)
    assert "This image has no label that neighbours could share" in written(figure)
    assert "nearest in pixels: 0 of 8 share its class" in written(figure)  # -1 is not -1
    assert "of image 3 (no class), 0 of its 8 nearest neighbours in the embedding and 0 of 8 in pixels" in summary


def test_the_map_marks_the_picked_point_and_its_neighbours_in_the_embedding_by_class():
    xy, _, labels = world()
    near, at, figure = np.delete(np.arange(60), 3)[-8:], placed(xy), drawn()[0]
    same = labels[near] == labels[3]
    found = {mark.fills: np.stack([mark.x, mark.y], 1) for mark in items(figure, Marks, width=1.5) if mark.x[0] < LEFT + SIDE}
    np.testing.assert_array_equal(found[ANCHOR], at[[3]])
    np.testing.assert_array_equal(found[plots.POSITIVE], at[near[same]])
    np.testing.assert_array_equal(found[plots.NEGATIVE], at[near[~same]])
    assert {mark.kind for mark in items(figure, Marks, width=1.5)} == {"*", "o", "s"}  # not by colour alone


def test_points_lie_in_the_map_as_they_do_in_the_embedding():
    xy, *_ = world()
    at = placed(xy)
    assert (at > [LEFT, TOP]).all() and (at < [LEFT + SIDE, TOP + SIDE]).all()
    scale = (at[1:] - at[0]) / (xy[1:] - xy[0])
    np.testing.assert_allclose(scale, np.broadcast_to([1, -1] * scale[0, :1], scale.shape))  # y goes up, and both axes have one scale
    assert scale[0, 0] > 0


def test_lines_go_from_the_picked_point_to_each_neighbour():
    at = placed(world()[0])
    lines = items(drawn()[0], Strokes, widths=1)[-1].paths
    near = np.delete(np.arange(60), 3)[-8:]
    np.testing.assert_allclose(lines, [[at[3], at[j]] for j in near])


def test_the_strips_show_the_neighbours_in_order_with_a_mark_each():
    _, images, labels = world()
    figure, near = drawn()[0], np.delete(np.arange(60), 3)
    rows = np.concatenate([[3], near[:8], near[-8:]])
    shown = items(figure, Image)
    for image, row in zip(shown, rows, strict=True):
        np.testing.assert_array_equal(image.pixels, images[row])
    boxes = np.array([image.box for image in shown])
    assert (np.diff(boxes[1:9, 0]) > boxes[1, 2]).all() and (boxes[1:9, 1] == boxes[1, 1]).all() and (boxes[9:, 1] > boxes[1, 1] + boxes[1, 3]).all()
    same = labels[rows[1:]] == labels[3]
    for start in (0, 8):
        own, below = same[start : start + 8], boxes[1 + start : 9 + start]
        ticks, crosses = (items(figure, Marks, kind=kind, fills=colour) for kind, colour in (("tick", plots.POSITIVE), ("x", plots.NEGATIVE)))
        for marks, hits in (ticks, own), (crosses, ~own):
            mark = marks[1 + start // 8]  # the first explains
            np.testing.assert_allclose(mark.x, (below[:, 0] + below[:, 2] / 2)[hits])
            assert (mark.y > below[0, 1] + below[0, 3]).all()
        for colour, dash, hits in (plots.POSITIVE, "", own), (plots.NEGATIVE, "dashed", ~own):  # not by colour alone
            frames = items(figure, Strokes, colours=colour, dash=dash)[start // 8]
            np.testing.assert_allclose(np.reshape([path[0] for path in frames.paths], (-1, 2)), below[hits, :2])


def names(figure):
    """The names that stand on the map: words → colour of the rim."""
    return {words.text: words.rim for words in items(figure, Words) if words.rim and words.rim != ANCHOR}


def test_every_class_has_its_colour_and_its_name():
    xy, _, labels = world()
    figure = drawn()[0]
    points = items(figure, Marks)[0]
    assert points.fills == [KINDS[label] for label in labels]
    np.testing.assert_array_equal(np.stack([points.x, points.y], 1), placed(xy))
    assert names(figure) == dict(zip(CLASSES, KINDS))


def test_points_of_unknown_colour_are_grey_and_nameless_and_lie_below():
    labels = np.zeros(60, int)
    labels[10:] = -1
    figure = drawn(labels=labels, values=np.where(labels < 0, np.nan, labels))[0]
    points = items(figure, Marks)[0]
    assert points.fills == [UNKNOWN] * 50 + [KINDS[0]] * 10
    np.testing.assert_array_equal(points.x[50:], placed(world()[0])[:10, 0])
    assert [*names(figure)] == ["ring"]


def test_of_a_hundred_classes_only_those_in_question_are_named():
    classes = tuple(f"c{i}" for i in range(100))
    _, _, labels = world(400, 100)
    near = np.delete(np.arange(400), 3)[-8:]
    assert {*names(drawn(n=400, classes=classes)[0])} == {f"c{label}" for label in labels[[3, *near]]}


def test_the_scale_says_where_values_begin_and_end():
    numbers = written(PICTURES["numbers"]()[0])
    assert {"-0.35", "0.35", "background hue"} <= set(numbers)
    assert {"0", "½", "1 turn"} <= set(written(PICTURES["angles"]()[0]))


def test_the_ends_of_an_angle_have_one_colour_and_numbers_go_from_end_to_end():
    first, quarter, last = plots.Colouring("hue", np.array([0.0, 0.25, 0.999]), "angle").colours
    levels = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in (first, quarter, last)]
    assert np.abs(levels[0] - levels[2]).max() <= 12
    assert np.abs(levels[0] - levels[1]).max() > 60
    assert plots.Colouring("x", np.array([-3.0, np.nan, 5.0])).colours == [steps("number")[0], UNKNOWN, steps("number")[-1]]
    assert len(set(plots.Colouring("x", np.array([2.0, 2.0])).colours)) == 1


def test_a_name_stands_at_the_median_of_a_wide_group_and_above_a_tight_one():
    draw = np.random.default_rng(0)
    wide, tight = draw.uniform(0, SIDE, (501, 2)), draw.uniform(1, 1.3, (501, 2))
    np.testing.assert_array_equal(centre(wide), np.median(wide, axis=0))
    assert centre(tight)[0] == np.median(tight[:, 0])
    assert centre(tight)[1] < tight[:, 1].min()


@pytest.mark.parametrize("seed", range(5))
def test_names_are_pushed_apart_and_stay_on_the_map(seed):
    places = np.random.default_rng(seed).normal(SIDE / 2, 0.4 + seed, (10, 2))
    moved = apart(places, np.full(10, 1.1))
    for a, b in itertools.combinations(moved, 2):
        assert abs(a[0] - b[0]) >= 1.1 - 1e-6 or abs(a[1] - b[1]) >= 0.27
    assert (moved >= 0).all()
    assert (moved <= SIDE).all()
    assert (places != moved).any()


def test_names_that_stand_free_are_left_where_they_are():
    places = np.array([[1.0, 1.0], [3.0, 1.1], [1.0, 2.0]])
    np.testing.assert_array_equal(apart(places, np.full(3, 1.0)), places)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"way": "rainbow"}, "way of colouring 'rainbow' is unknown; there are: category, angle, number"),
        ({"values": np.zeros(59)}, "every image needs its place, label and colour"),
        ({"labels": np.zeros(59, int)}, "every image needs its place, label and colour"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        drawn(**change)


@pytest.mark.parametrize("picked", [-1, 60])
def test_an_image_that_is_not_there_is_refused(picked):
    xy, images, labels = world()
    colouring = plots.Colouring("class", labels.astype(float), "category", CLASSES)
    with pytest.raises(InputError, match=f"picked={picked} is none of the 60 images; from 0 to 59 there are"):
        plots.embedding(xy, colouring, images, labels, CLASSES, picked, np.array([1]), np.array([2]), "PCA")


def test_a_point_says_its_image_its_class_and_its_value_and_a_click_picks_it():
    xy, _, labels = world()
    turns = np.where(np.arange(60) == 5, np.nan, TURNS)
    for way, name, values, tail in ("category", "class", labels.astype(float), ""), ("angle", "object_hue", turns, ", object hue {} turns"):
        points = drawn(way=way, name=name, values=values)[0].spots[-1]()
        np.testing.assert_array_equal(points.at, placed(xy))
        for i in range(60):
            value = tail.format(f"{TURNS[i]:.2f}") if i != 5 else tail.replace("{} turns", "unknown")
            assert points.said(i) == f"image {i}: {CLASSES[labels[i]]}{value}"
        assert points.sent()["sets"] == {"picked": [*range(60)]}


def test_a_neighbour_says_its_image_its_class_and_how_near_it_is_and_a_click_picks_it():
    _, _, labels = world()
    others, far = np.delete(np.arange(60), 3), np.linspace(1, 9, 8)
    figure = drawn(distances=far, cosines=1 - far / 5)[0]
    for strip, where, near, ends in zip(figure.spots, ("in pixels", "in the embedding"), (others[:8], others[-8:]), ("distance", "cosine")):
        for rank, j in enumerate(near):
            value = f"distance {far[rank]:.3f}" if ends == "distance" else f"cosine {1 - far[rank] / 5:.3f}".replace("-", "−")
            assert strip.said(rank) == f"number {rank + 1} {where}: image {j}, {CLASSES[labels[j]]}, {value}"
        assert strip.sent()["sets"] == {"picked": near.tolist()}
    for images, strip in zip((items(figure, Image)[1:9], items(figure, Image)[9:]), figure.spots):
        left, top, width, _ = strip.box
        for rank, image in enumerate(images):  # the cell over an image is its own
            x, y, side, _ = image.box
            assert left + rank * width / 8 <= x and x + side <= left + (rank + 1) * width / 8 + 1e-9 and y == pytest.approx(top)
    assert drawn()[0].spots[0].said(0) == f"number 1 in pixels: image 0, {CLASSES[labels[0]]}"


def test_a_factor_whose_name_has_braces_can_be_pointed_at():
    assert drawn(way="number", values=TURNS, name="{a}_b")[0].spots[-1]().said(0).endswith(", (a) b 0.00")
