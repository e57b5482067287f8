"""What the picture of k-means promises: colours are clusters, centroids stand where they are, and every word and answer is true."""

import numpy as np
import pytest

from dummies.drawings import answer, every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.clusters import parts
from ssl_lab.plots.clusters.steps import Moment, beside
from ssl_lab.plots.drawing import Drawing, Image, Marks, Strokes
from ssl_lab.plots.look import ANCHOR, INK, NEGATIVE

N, CLASSES = 30, ("ring", "star", "hourglass and more")
XY = np.random.default_rng(0).uniform(-0.9, 0.9, (N, 2))
LABELS = np.arange(N) % 3
PICTURES = np.random.default_rng(1).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)


def moment(step, number, places, assignment=None, inertia=None):
    """In the plane, where places are centroids."""
    places = np.array(places, dtype=float)
    far = ((XY[:, None] - places) ** 2).sum(2)
    y = np.full(N, -1) if step == "start" else far.argmin(1) if assignment is None else np.array(assignment)
    cost = np.nan if step == "start" else far[np.arange(N), y].mean() if inertia is None else inertia
    return Moment(step, number, y, XY, places, places, cost)


def run(k=4, repaired=True, corner=False):
    """Two iterations by hand."""
    places = np.stack([np.full(k, 0.95), 0.95 + 0.01 * np.arange(k)], axis=1) if corner else XY[:k] * 0.9
    moments = [moment("start", 0, places)]
    for number in (1, 2):
        moments.append(moment("assign", number, places))
        y = moments[-1].assignment
        places = np.array([XY[y == cluster].mean(0) if (y == cluster).any() else places[cluster] for cluster in range(k)])
        moments.append(moment("update", number, places, y))
        full = int(np.bincount(y, minlength=k).argmax())
        if repaired:
            places = np.array([places[cluster] if (y == cluster).any() else places[full] + 0.002 * cluster for cluster in range(k)])
        moments.append(moment("repair", number, places, y))
    return moments


def draw(moments, chosen=0, by="largest", plane=True, labels=LABELS, images=PICTURES, setting="begun at random points"):
    return plots.kmeans_steps(moments, XY, images, labels, CLASSES, chosen, by, plane=plane, setting=setting, last=36)


LONG = "begun badly, all in one corner · no repair"
DRAWN = {
    "start": lambda: draw(run()[:1]),
    "assign": lambda: draw(run()[:2], 3),
    "update": lambda: draw(run()[:3], 1, "smallest"),
    "nothing to repair": lambda: draw(run()[:4], 1, "purest"),
    "empty": lambda: draw(run(20, corner=True)[:2], 7, "least pure"),
    "repaired": lambda: draw(run(20, corner=True)[:4], 0, setting=LONG),
    "not repaired": lambda: draw(run(20, False, True)[:4], 0, setting=LONG),
    "features": lambda: draw(run(12)[:6], plane=False, setting=LONG),
    "no labels": lambda: draw(run(), labels=np.full(N, -1)),
    "wide images": lambda: draw(run(), images=PICTURES[:, :20]),
    "two clusters": lambda: draw(run(2)),
}


picture = every(DRAWN)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def seen(figure, size=None):
    """Marks on the map: (x, y) to the tenth of an inch → colour."""
    found = {}
    for item in items(figure, Marks):
        for x, y, fill in zip(item.x, item.y, [item.fills] * len(item.x) if isinstance(item.fills, str) else item.fills, strict=True):
            if x < parts.SPLIT and (size is None or np.isclose(item.sizes, size)):
                found[round(float(x), 3), round(float(y), 3)] = fill
    return found


def at(points):
    return [tuple(point) for point in parts.placed(np.asarray(points), 1.15).round(3)]


@pytest.mark.parametrize("steps", [2, 3, 4, 7])
def test_every_point_has_the_colour_of_its_cluster_and_every_centroid_too(steps):
    moments = run()[:steps]
    figure, _ = draw(moments)
    found, now = seen(figure), moments[-1]
    assert [found[place] for place in at(XY)] == [parts.colour(cluster) for cluster in now.assignment.tolist()]
    centroids = seen(figure, 19)
    assert [centroids[place] for place in at(now.places)] == [parts.colour(cluster) for cluster in range(4)]


def test_a_hundred_clusters_look_different():
    looks = set()
    for cluster in range(100):
        page = Drawing(1, 1)
        parts.marks(page, np.zeros((1, 2)), [cluster], 10)
        looks.add((page.items[0].kind, page.items[0].fills[0]))
    assert len(looks) == 100


def test_those_that_changed_have_a_dark_edge_and_the_chosen_clusters_an_orange_one():
    moments = run()[:5]
    before, now = moments[-2].assignment, moments[-1].assignment
    assert (before != now).any()
    edges = {}
    for item in items(draw(moments, chosen=2)[0], Marks):
        edges |= {(round(float(x), 3), round(float(y), 3)): item.edge for x, y in zip(item.x, item.y, strict=True)}
    for place, was, cluster in zip(at(XY), before, now, strict=True):
        assert (edges[place] == INK) == (was != cluster)
        assert (edges[place] == ANCHOR) == (was == cluster == 2)


def test_the_ground_has_the_colour_of_the_nearest_centroid_and_there_is_none_where_the_map_is_not_what_is_clustered():
    moments = run()[:3]
    ground = items(draw(moments)[0], Image)[0]
    H, W = ground.pixels.shape[:2]
    for row in range(0, H, 17):
        for column in range(0, W, 17):
            place = np.array([(column + 0.5) / W, 1 - (row + 0.5) / H]) * 2.3 - 1.15
            cluster = int(((moments[-1].places - place) ** 2).sum(1).argmin())
            assert "#" + bytes(ground.pixels[row, column, :3].tolist()).hex() == parts.colour(cluster)
    assert items(draw(moments, plane=False)[0], Image)[0].box[2] < 1


@pytest.mark.parametrize(
    "moments, title",
    [
        (run()[:1], "Start: 4 centroids"),
        (run()[:2], "Assign: every point goes to its nearest centroid"),
        (run()[:3], "Update: centroids move to the mean of their points"),
        (run()[:4], "Repair: no cluster is empty"),
        (run(corner=True)[:2], "every point goes to its nearest centroid; 3 of 4 clusters are empty"),
        (run(corner=True)[:4], "Repair: 3 empty clusters go beside"),
        (run(repaired=False, corner=True)[:4], "Not repaired: 3 of 4 clusters stay empty"),
        (run(2, corner=True)[:4], "Repair: 1 empty cluster goes beside"),
        ([*run()[:4], moment("assign", 2, run()[3].places, run()[3].assignment)], "Settled: every point stays"),
    ],
)
def test_the_title_says_what_the_step_did(moments, title):
    figure, sentence = draw(moments)
    assert title in written(figure)[0]
    assert title[1:] in sentence


def test_the_title_counts_the_points_that_change():
    moments = run()[:5]
    changed = int((moments[-1].assignment != moments[-2].assignment).sum())
    assert f"Assign: {changed} point" in written(draw(moments)[0])[0]


def crosses(figure):
    return sum(len(item.x) for item in items(figure, Marks) if item.kind == "x" and item.fills == NEGATIVE and item.x[0] < parts.SPLIT)


def test_empty_centroids_are_crossed_out_until_they_are_repaired():
    repaired, left = run(corner=True), run(repaired=False, corner=True)
    assert [crosses(draw(repaired[:steps])[0]) for steps in (1, 2, 3, 4)] == [0, 3, 3, 0]
    assert crosses(draw(left[:4])[0]) == 3


def test_a_repaired_centroids_way_is_seen_and_none_hides_another():
    figure, _ = draw(run(corner=True)[:4])
    (ways,) = [item for item in items(figure, Strokes) if item.dash == "dashed" and item.colours == NEGATIVE]
    assert len(ways.paths) == 3
    ends = np.array([path[1] for path in ways.paths])
    assert min(np.linalg.norm(a - b) for i, a in enumerate(ends) for b in ends[:i]) > 0.1


def test_centroids_that_hide_each_other_stand_side_by_side_and_others_where_they_are():
    places = np.array([[2.0, 3.0], [2.0, 3.0], [4.0, 4.0], [2.01, 3.0]])
    found = beside(places)
    np.testing.assert_array_equal(found[[0, 2]], places[[0, 2]])
    assert min(np.linalg.norm(found[i] - found[j]) for i, j in ((0, 1), (0, 3), (1, 3))) > 0.1


def test_the_way_of_a_centroid_begins_where_it_was():
    moments = run()[:3]
    (ways,) = [item for item in items(draw(moments)[0], Strokes) if item.colours == INK and item.widths == 2.5]
    went = np.linalg.norm(parts.placed(moments[2].places, 1.15) - parts.placed(moments[1].places, 1.15), axis=1) > 0.1
    assert went.any()
    np.testing.assert_allclose([path[0] for path in ways.paths], parts.placed(moments[1].places, 1.15)[went])
    np.testing.assert_allclose([path[1] for path in ways.paths], parts.placed(moments[2].places, 1.15)[went])


def test_a_point_says_its_two_nearest_centroids_and_a_click_takes_its_cluster():
    moments = run()[:3]
    spots, places = answer(draw(moments)[0], "images and centroids on the map"), moments[-1].places
    for image in range(N):
        far = np.linalg.norm(XY[image] - places, axis=1)
        first, second = np.argsort(far)[:2]
        assert spots.said(image) == f"image {image}: centroid {first} at {far[first]:.3f}, then centroid {second} at {far[second]:.3f}"
    assert [*spots.sets["cluster"]] == [*moments[-1].assignment.tolist(), 0, 1, 2, 3]
    assert spots.said(N + 2).startswith("centroid 2 of cluster 2: ")


def test_the_curve_is_the_mean_squared_distance_and_a_click_goes_to_a_step():
    moments = run()
    spots = answer(draw(moments)[0], "steps")
    assert [*spots.sets["step"]] == [1, 2, 3, 4, 5, 6]
    for place, step in enumerate(moments[1:]):
        by_hand = np.mean([((XY[i] - step.places[cluster]) ** 2).sum() for i, cluster in enumerate(step.assignment)])
        assert spots.said(place) == f"iteration {step.round}, {step.step}: mean squared distance {by_hand:.3f}"


def test_bars_say_sizes_and_a_click_chooses_a_cluster():
    moments = run()[:3]
    spots = answer(draw(moments)[0], "sizes of clusters")
    counts = np.bincount(moments[-1].assignment, minlength=4)
    assert [*spots.sets["cluster"]] == [0, 1, 2, 3]
    for cluster, count in enumerate(counts):
        assert spots.said(cluster).startswith(f"cluster {cluster}: {count} image")


def test_strips_begin_with_the_chosen_cluster_and_show_its_images():
    moments = run()[:3]
    figure, _ = draw(moments, chosen=2)
    spots, y = answer(figure, "clusters as strips"), moments[-1].assignment
    sizes = np.bincount(y, minlength=4)
    assert [*spots.sets["cluster"]] == [2, *[cluster for cluster in np.argsort(-sizes, kind="stable") if cluster != 2]]
    first = [image.pixels for image in items(figure, Image)[1:] if abs(image.box[1] - parts.FIRST) < 0.1]
    own = np.flatnonzero(y == 2)[: len(first)]
    assert len(first) == min(8, sizes[2])
    for shown, image in zip(first, own, strict=True):
        np.testing.assert_array_equal(shown, PICTURES[image])


@pytest.mark.parametrize("chosen", [-1, 4])
def test_a_cluster_that_there_is_not_is_refused(chosen):
    with pytest.raises(InputError, match=f"cluster={chosen} is none of the 4"):
        draw(run()[:2], chosen)
