"""The map of an embedding: what it says is counted, who is marked is a neighbour, and every name stands free."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.embedding import KINDS, SIDE, UNKNOWN, apart, centre
from ssl_lab.plots.look import ANCHOR

CLASSES = ("ring", "hourglass", "automobile", "crescent")


def world(n=60, classes=4, seed=0):
    """A map, images and labels."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, 2)), draw.integers(0, 255, (n, 8, 8, 3), dtype=np.uint8), draw.integers(0, classes, n)


def drawn(n=60, k=8, picked=3, way="category", classes=CLASSES, busy="", labels=None, spread=1.0, values=None, name="class"):
    xy, images, chance = world(n, len(classes))
    labels = chance if labels is None else labels
    values = labels.astype(float) if values is None else values
    near = np.delete(np.arange(n), picked)
    colouring = plots.Colouring(name, values, way, classes)
    return plots.embedding(spread * xy, colouring, images, labels, classes, picked, near[:k], near[-k:], "PCA\nkeeps 27% of the variance", busy)


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


@pytest.fixture(params=PICTURES, scope="module")
def picture(request, shown):
    """Each picture, its summary, and its words."""
    return shown(*PICTURES[request.param]())


def test_everything_is_large_enough_and_nothing_is_cut_off(picture, legible):
    legible(picture[0])


def test_no_words_lie_on_other_words(picture, apart):
    apart(((text.get_text(), text.get_window_extent(picture[3])) for text in picture[2]), across=2, down=2)


def test_summary_is_one_sentence(picture, one_sentence):
    one_sentence(picture[1])


def said(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("picked, k", [(0, 5), (3, 8), (59, 2)])
def test_the_title_counts_as_a_loop_does(holds, picked, k):
    xy, images, labels = world()
    near = [np.array([j for j in order if j != picked][:k]) for order in (range(60), range(59, -1, -1))]
    colouring = plots.Colouring("class", labels.astype(float), "category", CLASSES)
    figure, summary = plots.embedding(xy, colouring, images, labels, CLASSES, picked, *near, "PCA\nof a test")
    pixels, ours = (sum(labels[j] == labels[picked] for j in rows) for rows in near)
    assert f"{ours} of {k} neighbours share its class ({CLASSES[labels[picked]]}); in pixels {pixels} of {k}" in said(figure)
    assert f"nearest in pixels: {pixels} of {k} share its class" in said(figure)
    assert f"nearest in the embedding: {ours} of {k} share its class" in said(figure)
    name = f"image {picked} ({CLASSES[labels[picked]]})"
    assert holds(summary, "PCA of 60 images", "class", name, f"{ours} of its {k}", "embedding", f"{pixels} of {k}", "pixels")


def test_the_neighbours_of_an_image_without_label_share_nothing():
    labels = np.full(60, -1)
    labels[40:] = 1
    figure, summary = drawn(labels=labels)
    assert "This image has no label that neighbours could share" in said(figure)
    assert "nearest in pixels: 0 of 8 share its class" in said(figure)  # -1 is not -1
    assert "of image 3 (no class), 0 of its 8 nearest neighbours in the embedding and 0 of 8 in pixels" in summary


def marks(axes):
    """What is marked in the map: colour → places."""
    found = {}
    for part in axes.collections:
        if part.get_zorder() >= 4 and len(part.get_offsets()):
            found[to_hex(part.get_facecolor()[0])] = np.asarray(part.get_offsets())
    return found


def test_the_map_marks_the_picked_point_and_its_neighbours_in_the_embedding_by_class():
    xy, _, labels = world()
    near = np.delete(np.arange(60), 3)[-8:]
    found = marks(drawn()[0].axes[0])
    np.testing.assert_array_equal(found[ANCHOR], xy[[3]])
    np.testing.assert_array_equal(found[plots.POSITIVE], xy[near[labels[near] == labels[3]]])
    np.testing.assert_array_equal(found[plots.NEGATIVE], xy[near[labels[near] != labels[3]]])


def test_lines_go_from_the_picked_point_to_each_neighbour():
    xy, *_ = world()
    lines = next(part for part in drawn()[0].axes[0].collections if part.get_zorder() == 3).get_segments()
    near = np.delete(np.arange(60), 3)[-8:]
    np.testing.assert_allclose(lines, [[xy[3], xy[j]] for j in near])


def test_the_strips_show_the_neighbours_in_order_with_a_mark_each():
    xy, images, labels = world()
    figure, _ = drawn()
    axes, near = figure.axes[1], np.delete(np.arange(60), 3)
    np.testing.assert_array_equal(axes.images[0].get_array(), images[3])
    for strip, rows in zip(axes.images[1:], (near[:8], near[-8:])):
        cells = np.split(np.asarray(strip.get_array()), 8, axis=1)
        for cell, j in zip(cells, rows):
            np.testing.assert_array_equal(cell[1:-1, 1:-1], images[j])
    same = labels[np.concatenate([near[:8], near[-8:]])] == labels[3]
    ticks, crosses = axes.lines[2:]
    assert len(ticks.get_xdata()) == same.sum() > 0
    assert len(crosses.get_xdata()) == (~same).sum() > 0
    assert to_hex(ticks.get_markeredgecolor()) == plots.POSITIVE
    assert to_hex(crosses.get_markeredgecolor()) == plots.NEGATIVE
    frames = axes.collections[-1]
    assert [to_hex(colour) for colour in frames.get_colors()] == [plots.POSITIVE if hit else plots.NEGATIVE for hit in same]
    assert [style[1] is None for style in frames.get_linestyles()] == same.tolist()  # not by colour alone


def test_every_class_has_its_colour_and_its_name():
    _, _, labels = world()
    axes = drawn()[0].axes[0]
    points = axes.collections[1].get_facecolors()
    assert [to_hex(colour) for colour in points] == [KINDS[label] for label in labels]
    assert [text.get_text() for text in axes.texts] == list(CLASSES)
    assert [to_hex(text.get_bbox_patch().get_edgecolor()[:3]) for text in axes.texts] == KINDS[:4]


def test_points_of_unknown_colour_are_grey_and_nameless():
    labels = np.zeros(60, int)
    labels[10:] = -1
    axes = drawn(labels=labels, values=np.where(labels < 0, np.nan, labels))[0].axes[0]
    assert to_hex(axes.collections[0].get_facecolor()[0]) == UNKNOWN
    assert len(axes.collections[0].get_offsets()) == 50
    assert [text.get_text() for text in axes.texts] == ["ring"]


def test_of_a_hundred_classes_only_those_in_question_are_named():
    classes = tuple(f"c{i}" for i in range(100))
    _, _, labels = world(400, 100)
    near = np.delete(np.arange(400), 3)[-8:]
    named = {text.get_text() for text in drawn(n=400, classes=classes)[0].axes[0].texts}
    assert named == {f"c{label}" for label in labels[[3, *near]]}


def test_the_scale_says_where_values_begin_and_end():
    numbers = said(PICTURES["numbers"]()[0])
    assert {"-0.35", "0.35", "background hue"} <= set(numbers)
    assert {"0", "½", "1 turn"} <= set(said(PICTURES["angles"]()[0]))


def test_the_ends_of_an_angle_have_one_colour():
    points = PICTURES["angles"]()[0].axes[0].collections[1]
    first, quarter, last = points.cmap(points.norm([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(first, last)
    assert np.abs(first - quarter).max() > 0.3


def test_a_name_stands_at_the_median_of_a_wide_group_and_above_a_tight_one():
    draw = np.random.default_rng(0)
    wide, tight = draw.uniform(0, SIDE, (501, 2)), draw.uniform(1, 1.3, (501, 2))
    np.testing.assert_array_equal(centre(wide), np.median(wide, axis=0))
    assert centre(tight)[0] == np.median(tight[:, 0])
    assert centre(tight)[1] > tight[:, 1].max()


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
