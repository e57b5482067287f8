"""What the picture of DeepCluster's clusters promises: maps, strips, NMI and draws are those that are given, and every word and answer is true."""

import dataclasses

import numpy as np
import pytest

from dummies.drawings import answer, every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.clusters import parts
from ssl_lab.plots.clusters.epochs import Epoch
from ssl_lab.plots.clusters.numbers import Clustering
from ssl_lab.plots.drawing import Marks, Strokes
from ssl_lab.plots.embedding import UNKNOWN
from ssl_lab.plots.look import ANCHOR, INK, NEGATIVE, POSITIVE

N, SHOWN, CLASSES = 90, 60, ("ring", "star", "hourglass and more")
PICTURES = np.random.default_rng(1).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
LABELS = np.random.default_rng(3).integers(3, size=N)


def epoch(number, k=12, empty=0, large=0, labels=LABELS, many=1):
    draw = np.random.default_rng(number)
    y = draw.integers(k - empty, size=N)
    y[:large] = 0
    xy = draw.uniform(-1, 1, (SHOWN, 2))
    far = np.sort(draw.uniform(0, 1, (SHOWN, 2)), axis=1)
    nmi = np.nan if number == 1 else 0.3 + number / 20
    clustering = Clustering(y, labels, CLASSES, many * np.bincount(y, minlength=k))
    return Epoch(number, clustering, xy, (y[:SHOWN] + 1) % (k - empty), far, nmi, 0.2 + number / 25)


def run(count=6, **options):
    return [epoch(number + 1, **options) for number in range(count)]


def draws(now):
    sizes = now.clustering.sizes
    full = int((sizes > 0).sum())
    return {"plain": np.round(1000 * sizes / sizes.sum()).astype(int), "uniform": np.where(sizes > 0, 1000 // full, 0)}


def draw(epochs=None, shown=3, chosen=2, by="largest", colours="all", images=PICTURES, **options):
    epochs = epochs or run()
    options = {"title": "DeepCluster as it is"} | options
    return plots.clusterings(epochs, shown, images, chosen, by, colours, draws(epochs[shown]), **options)


LONG = {"title": "images weighed by 1 / size of their cluster", "usual": run()}
DRAWN = {
    "first": lambda: draw(shown=0),
    "later": lambda: draw(),
    "near": lambda: draw(colours="near", by="least pure"),
    "classes": lambda: draw(colours="classes", by="purest"),
    "many": lambda: draw(run(k=80, many=111), chosen=79, by="smallest", **LONG),
    "empty": lambda: draw(run(k=50, empty=17), chosen=49, by="smallest", **LONG),
    "trivial": lambda: draw(run(k=50, empty=17, large=70, many=111), chosen=0, **LONG),
    "first, empty": lambda: draw(run(k=50, empty=17), shown=0, chosen=0),
    "no labels": lambda: draw(run(labels=np.full(N, -1)), colours="classes"),
    "wide images": lambda: draw(images=PICTURES[:, :20]),
    "one epoch": lambda: draw(run(1), shown=0),
}


picture = every(DRAWN)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def seen(figure):
    """Marks on the map: place → (kind, colour, edge)."""
    found = {}
    for item in items(figure, Marks):
        fills = [item.fills] * len(item.x) if isinstance(item.fills, str) else item.fills
        for x, y, fill in zip(item.x, item.y, fills, strict=True):
            found[round(float(x), 3), round(float(y), 3)] = (item.kind, fill, item.edge)
    return found


def at(now):
    return [tuple(point) for point in parts.placed(now.xy, 1.06).round(3)]


def test_a_colour_and_a_shape_follow_a_cluster_through_the_epochs():
    epochs, looks = run(k=25), {}
    for shown, now in enumerate(epochs):
        found = seen(draw(epochs, shown)[0])
        for place, cluster in zip(at(now), now.clustering.assignment, strict=False):
            kind, fill, _ = found[place]
            assert looks.setdefault(int(cluster), (kind, fill)) == (kind, fill)
    assert len(set(looks.values())) == 25


def test_those_that_changed_their_cluster_have_a_dark_edge_and_the_chosen_ones_an_orange_one():
    epochs = run()
    found, was, now = seen(draw(epochs, 3, chosen=2)[0]), epochs[2].clustering.assignment, epochs[3].clustering.assignment
    for place, before, cluster in zip(at(epochs[3]), was, now, strict=False):
        assert (found[place][2] == INK) == (before != cluster)
        assert (found[place][2] == ANCHOR) == (before == cluster == 2)


def test_near_leaves_the_chosen_cluster_and_its_neighbours_in_colour():
    now = run(k=25)[3]
    found, y = seen(draw(run(k=25), 3, chosen=2, colours="near")[0]), now.clustering.assignment
    coloured = {int(cluster) for place, cluster in zip(at(now), y, strict=False) if found[place][1] != UNKNOWN}
    grey = {int(cluster) for place, cluster in zip(at(now), y, strict=False) if found[place][1] == UNKNOWN}
    assert coloured == {1, 2, 3}, "every image's next cluster is the one with the next number"
    assert not coloured & grey


def test_classes_are_the_colours_of_the_labels_and_their_names_stand_below():
    now = run()[3]
    figure, _ = draw(colours="classes")
    found = seen(figure)
    assert [found[place][1] for place in at(now)] == [parts.colour(label) for label in LABELS[:SHOWN].tolist()]
    assert {"ring", "star", "hourglass …"} <= set(written(figure))


@pytest.mark.parametrize(
    "epochs, shown, parts",
    [
        (run(), 0, ["first clusters are a random network's: NMI with the classes 0.24"]),
        (run(), 3, ["with the classes 0.24 → 0.36, the epoch before 0.50"]),
        (run(empty=3), 3, ["the epoch before 0.50; 3 of 12 empty"]),
        (run(large=60), 3, ["Nearly trivial: one cluster holds", "% of all images"]),
    ],
)
def test_the_title_says_what_is_to_be_seen(epochs, shown, parts, holds):
    figure, sentence = draw(epochs, shown)
    assert holds(written(figure)[0], *parts)
    assert parts[0][1:] in sentence


def test_a_point_says_its_class_and_its_two_nearest_clusters_and_a_click_takes_its_own():
    now = run()[3]
    spots, y = answer(draw()[0], "images and centroids on the map"), now.clustering.assignment
    assert [*spots.sets["cluster"]] == y[:SHOWN].tolist()
    for image in range(SHOWN):
        own, other = now.distances[image]
        told = spots.said(image)
        said = f"its cluster {y[image]} {own:.2f}, to the nearest other, {now.next[image]}, {other:.2f}"
        assert told.startswith(f"image {image}, ") and said in told


def test_a_point_without_another_cluster_says_its_own_alone():
    now = run()[3]
    far = now.distances.copy()
    far[5, 1] = np.inf
    told = answer(draw([*run()[:3], dataclasses.replace(now, distances=far)])[0], "images and centroids on the map").said(5)
    assert told.endswith(f"{far[5, 0]:.2f}")


def curves(figure):
    """Colour → the heights of the chart's curve of NMI, full ones."""
    return {item.colours: item.paths[0] for item in items(figure, Strokes) if item.widths == 2.5 and item.dash == "" and item.paths[0][0][0] < 9}


def test_nmi_is_drawn_and_said_and_a_click_goes_to_an_epoch():
    epochs = run()
    figure, _ = draw(epochs)
    spots, (top, low) = answer(figure, "NMI of every epoch"), parts.CHARTS
    assert [*spots.sets["epoch"]] == [1, 2, 3, 4, 5, 6]
    assert spots.said(0) == "epoch 1: NMI with the classes 0.24"
    assert spots.said(3) == "epoch 4: NMI with the classes 0.36, with the epoch before 0.50"
    found = curves(figure)
    np.testing.assert_allclose(found[POSITIVE][:, 1], [low - (low - top) * one.truth for one in epochs])
    np.testing.assert_allclose(found[INK][:, 1], [low - (low - top) * one.nmi for one in epochs[1:]])


def test_the_usual_run_is_beside_another_and_not_beside_itself():
    dashed = [item for item in items(draw(usual=run(4))[0], Strokes) if item.dash == "dashed"]
    assert sorted(item.colours for item in dashed) == sorted([INK, POSITIVE])
    assert not [item for item in items(draw()[0], Strokes) if item.dash == "dashed"]


def test_draws_are_said_the_largest_cluster_first_and_a_click_chooses_one():
    now = run()[3]
    figure, sentence = draw()
    spots, counts = answer(figure, "draws"), draws(now)
    order = np.argsort(-now.clustering.sizes, kind="stable")
    assert [*spots.sets["cluster"]] == order.tolist()
    for place, cluster in enumerate(order):
        drawn = f"drawn {counts['plain'][cluster]} times plainly, {counts['uniform'][cluster]} times uniformly"
        assert spots.said(place) == f"{now.clustering.said(int(cluster))}; {drawn}"
    most = {way: plots.clusters.epochs.percent(count.max() / count.sum()) for way, count in counts.items()}
    assert f"takes {most['plain']} of plain draws and {most['uniform']} of uniform draws" in sentence
    (area,) = [item for item in figure.items if getattr(item, "fills", "") == NEGATIVE and hasattr(item, "outlines")]
    high = parts.CHARTS[1] - np.asarray(area.outlines[0])[1:-1:2, 1]
    np.testing.assert_allclose(high / high.max(), counts["plain"][order] / counts["plain"].max(), atol=1e-9)


@pytest.mark.parametrize("by, first", [("largest", np.argmax), ("smallest", np.argmin)])
def test_strips_are_in_the_order_that_is_asked_for(by, first):
    now = run(k=25)[3]
    end = int(first(now.clustering.sizes))
    chosen = (end + 1) % 25
    spots = answer(draw(run(k=25), chosen=chosen, by=by)[0], "clusters as strips")
    assert [*spots.sets["cluster"]][:2] == [chosen, end]


@pytest.mark.parametrize("options, words", [({"shown": 6}, "epoch 7 is none of the 6"), ({"chosen": 12}, "cluster=12 is none of the 12")])
def test_what_there_is_not_is_refused(options, words):
    epochs = run()
    with pytest.raises(InputError, match=words):
        plots.clusterings(epochs, options.get("shown", 0), PICTURES, options.get("chosen", 0), "largest", "all", draws(epochs[0]))
