"""The what-if of a scene: bars as long as the distances, a title that names who noticed, pictures that are those given."""

import numpy as np
import pytest
from matplotlib.transforms import Bbox

from dummies.drawings import every
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Areas, Image, Words
from ssl_lab.plots.scene import ASKED, NAMES

MOVED = {"pixels": 0.7, "random network": 0.59, "SimCLR": 0.02}
LONG = {"pixels": 0.001, "a network that somebody has given a very long name": 2.7, "SimCLR without colour distortion": 1.06, "SimCLR": 0.11}


def parts(seed=0, size=12):
    draw = np.random.default_rng(seed)
    before, x = draw.integers(0, 255, (2, size, size, 3), dtype=np.uint8)
    mask = draw.integers(0, 3, (size, size)).astype(np.uint8)
    return before, {"x": x, "depth": draw.normal(size=(size, size)), "normals": draw.uniform(-1, 1, (size, size, 3)), "mask": mask}


def drawn(moved, *changed):
    return plots.scene(*parts(), moved, changed)


PICTURES = {
    "nothing": lambda: drawn(dict.fromkeys(MOVED, 0.0)),
    "one": lambda: drawn(MOVED, "object_hue"),
    "three": lambda: drawn(MOVED, "shape", "object_hue", "x"),
    "as far as two random scenes, nearly": lambda: drawn({"pixels": 1.0, "random network": 0.95, "SimCLR": 0.89}, "shape"),
    "pixels alone": lambda: drawn({"pixels": 0.3}, "background_hue"),
    "long names": lambda: drawn(LONG, "background_hue"),
    "eight networks": lambda: drawn({f"network {i}": i / 3 for i in range(9)}, "light"),
}  # fmt: skip


picture = every(PICTURES)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_no_name_lies_on_a_number_or_a_bar(picture, apart):
    figure, _, texts, renderer = picture
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    corners = [figure.axes[0].transData.transform([(x, y), (x + wide, y + high)]) for x, y, wide, high in bars(figure).outlines if wide > 0]
    boxes += [("bar", Bbox([ends.min(0), ends.max(0)])) for ends in corners]
    apart(boxes, across=4, down=4)


def bars(figure):
    return next(item for item in figure.items if isinstance(item, Areas))


def title(figure):
    return next(item for item in figure.items if isinstance(item, Words)).text


def at(figure, text):
    """Where words stand, from the left."""
    return next(item.x for item in figure.items if isinstance(item, Words) and item.text == text)


@pytest.mark.parametrize(
    "moved, changed, words",
    [
        (MOVED, ("object_hue",), "object hue changed: pixels moved by 70%, SimCLR by 2%"),
        (MOVED, ("object_hue", "x"), "2 causes changed: pixels moved by 70%, SimCLR by 2%"),
        ({"pixels": 0.3}, ("x",), "x changed: pixels moved by 30%"),
        ({"pixels": 0.004, "SimCLR": 0.0}, ("rotation",), "rotation changed: nobody notices"),
        ({"pixels": 0.006, "SimCLR": 0.0}, ("rotation",), "rotation changed: pixels moved by 1%, SimCLR by 0%"),
        ({"pixels": 0.0}, (), "Change one cause: who will notice?"),
    ],
)
def test_the_title_names_who_noticed_most_and_least(moved, changed, words):
    assert title(drawn(moved, *changed)[0]) == words


def test_the_summary_tells_all_distances_and_what_changed():
    told = "where 100% lies between two random scenes, the scene has moved by: pixels 70%, random network 59%, SimCLR 2%."
    assert drawn(MOVED, "object_hue", "x")[1] == f"Changed: object hue, x; {told}"  # as on the controls
    assert drawn(MOVED)[1] == f"Nothing has changed yet; {told}"


def test_bars_are_as_long_as_the_distances_and_the_last_is_ours():
    figure, _ = drawn(LONG, "x")
    start, one = at(figure, "0"), at(figure, "100 %")
    assert [box[2] / (one - start) for box in bars(figure).outlines] == pytest.approx([*LONG.values()])
    assert all(box[0] == pytest.approx(start) for box in bars(figure).outlines)
    assert [fill == plots.POSITIVE for fill in bars(figure).fills] == [False, False, False, True]
    said = [item.text for item in figure.items if isinstance(item, Words)]
    assert said[-2 * len(LONG) :] == [words for name, share in LONG.items() for words in (name, f"{share:.0%}")]


def test_pixels_alone_are_not_ours():
    assert bars(drawn({"pixels": 0.3}, "x")[0]).fills != [plots.POSITIVE]


def test_the_scale_stays_until_a_distance_needs_more():
    units = [at(figure, "100 %") - at(figure, "0") for figure, _ in (drawn({"pixels": share}, "x") for share in (0, 0.4, 1, 3))]
    assert units[0] == units[1] == units[2] > units[3]


def test_a_bar_says_who_has_moved_and_how_far():
    spots = drawn(MOVED, "x")[0].spots[-1]
    for i, (name, share) in enumerate(MOVED.items()):
        assert spots.said(i) == f"{name}: moved by {share:.1%} of the mean distance of two random scenes"
    _, top, _, height = spots.box
    for i, (_, y, _, tall) in enumerate(bars(drawn(MOVED, "x")[0]).outlines):  # the cell over a bar is its own
        assert top + i * height / 3 <= y and y + tall <= top + (i + 1) * height / 3


@pytest.mark.parametrize("H, W", [(12, 12), (96, 96), (20, 50)])
def test_a_place_of_the_scene_says_what_is_there(H, W):
    draw = np.random.default_rng(0)
    now = {"x": draw.integers(0, 255, (H, W, 3), dtype=np.uint8), "depth": draw.normal(size=(H, W)), "normals": draw.uniform(-1, 1, (H, W, 3))}
    now["mask"] = draw.integers(0, 3, (H, W))
    figure, _ = plots.scene(now["x"], now, MOVED, ())
    boxes = [item.box for item in figure.items if isinstance(item, Image)]
    for spots, box in zip([spots() for spots in figure.spots[:4]], boxes[1:], strict=True):
        assert spots.box == box
        for place in range(0, ASKED**2, 7):
            i, j = (int((k + 0.5) * size / ASKED) for k, size in zip(divmod(place, ASKED), (H, W)))
            normal = ", ".join(f"{value:z.2f}" for value in now["normals"][i, j])
            wanted = {"depth": f"depth {now['depth'][i, j]:z.2f}", "normals": f"normal ({normal})"}
            wanted = wanted.get(spots.name.split(",")[0], NAMES[now["mask"][i, j]])
            assert spots.said(place) == wanted.replace("-", "−")


def test_pictures_are_those_that_were_given():
    before, now = parts()
    left, right, depth, normals, mask = (item.pixels for item in drawn(MOVED, "x")[0].items if isinstance(item, Image))
    np.testing.assert_array_equal(left, before)
    np.testing.assert_array_equal(right, now["x"])
    assert np.unravel_index(depth[..., 0].argmax(), depth.shape[:2]) == np.unravel_index(now["depth"].argmin(), depth.shape[:2])
    assert (depth.min(), depth.max()) == (0, 255)
    np.testing.assert_allclose(normals / 127.5 - 1, now["normals"], atol=0.01)
    assert len(np.unique(mask.reshape(-1, 3), axis=0)) == 3
    for value in range(3):
        assert len(np.unique(mask[now["mask"] == value], axis=0)) == 1


def test_a_flat_depth_can_be_shown():
    before, now = parts()
    figure, _ = plots.scene(before, {**now, "depth": np.ones((12, 12))}, MOVED, ())
    assert [item for item in figure.items if isinstance(item, Image)][2].pixels.max() == 0


@pytest.mark.parametrize("moved, words", [({}, "at least one"), ({"pixels": float("nan")}, "from 0 on"), ({"pixels": -0.1}, "from 0 on")])
def test_distances_that_are_none_are_refused(moved, words):
    with pytest.raises(InputError, match=words):
        drawn(moved, "x")
