"""The what-if of a scene: bars as long as the distances, a title that names who noticed, pictures that are those given."""


import numpy as np
import pytest
from matplotlib.colors import to_hex

from ssl_lab import plots
from ssl_lab.errors import InputError

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
    "pixels alone": lambda: drawn({"pixels": 0.3}, "background_hue"),
    "long names": lambda: drawn(LONG, "background_hue"),
    "eight networks": lambda: drawn({f"network {i}": i / 3 for i in range(9)}, "light"),
}  # fmt: skip


@pytest.fixture(params=PICTURES, scope="module")
def picture(request, shown):
    """Each picture, its summary, and its words."""
    return shown(*PICTURES[request.param]())


def test_everything_is_large_enough_and_nothing_is_cut_off(picture, legible):
    legible(picture[0])


def test_no_name_lies_on_a_number_or_a_bar(picture, apart):
    figure, _, texts, renderer = picture
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    boxes += [("bar", bar.get_window_extent(renderer)) for bar in figure.axes[1].patches if bar.get_width() > 0]
    apart(boxes, across=4, down=4)


def test_summary_is_one_sentence(picture, one_sentence):
    one_sentence(picture[1])


def title(figure):
    return max(figure.texts, key=lambda text: text.get_position()[1]).get_text()


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
    assert drawn(MOVED, "object_hue", "x")[1] == f"Changed: object_hue, x; {told}"
    assert drawn(MOVED)[1] == f"Nothing has changed yet; {told}"


def test_bars_are_as_long_as_the_distances_and_the_last_is_ours():
    figure, _ = drawn(LONG, "x")
    axes = figure.axes[1]
    assert [bar.get_width() for bar in axes.patches] == list(LONG.values())
    assert [to_hex(bar.get_facecolor()) == plots.POSITIVE for bar in axes.patches] == [False, False, False, True]
    assert [text.get_text() for text in axes.texts] == [words for name, share in LONG.items() for words in (name, f"{share:.0%}")]
    assert axes.get_xlim()[1] > max(LONG.values())


def test_pixels_alone_are_not_ours():
    assert to_hex(drawn({"pixels": 0.3}, "x")[0].axes[1].patches[0].get_facecolor()) != plots.POSITIVE


def test_the_scale_stays_until_a_distance_needs_more():
    reaches = [drawn({"pixels": share}, "x")[0].axes[1].get_xlim()[1] for share in (0, 0.4, 1, 3)]
    assert reaches[0] == reaches[1] == reaches[2] < reaches[3]


def test_pictures_are_those_that_were_given():
    before, now = parts()
    left, right, depth, normals, mask = (np.asarray(image.get_array()) for image in drawn(MOVED, "x")[0].axes[0].images)
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
    assert np.asarray(figure.axes[0].images[2].get_array()).max() == 0


@pytest.mark.parametrize("moved, words", [({}, "at least one"), ({"pixels": float("nan")}, "from 0 on"), ({"pixels": -0.1}, "from 0 on")])
def test_distances_that_are_none_are_refused(moved, words):
    with pytest.raises(InputError, match=words):
        drawn(moved, "x")
