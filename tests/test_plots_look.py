"""Pictures are the same whatever style their reader has chosen for matplotlib, and leave that choice alone."""

import io

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import style
from matplotlib.image import AxesImage
from matplotlib.text import Text

from ssl_lab import plots
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import Page, class_name, edged, number, sheets, smaller, squared
from ssl_lab.plots.queue.numbers import Moment

OTHERS = {
    "savefig.dpi": 30, "savefig.bbox": "tight", "figure.autolayout": True, "axes.unicode_minus": False, "path.sketch": (1, 100, 2),
    "image.cmap": "jet", "mathtext.fontset": "cm", "lines.marker": "o", "font.family": "no such font",
}  # fmt: skip
STYLES = {
    "dark_background": lambda: style.use("dark_background"),
    "seaborn": lambda: style.use(["seaborn-v0_8-darkgrid", "seaborn-v0_8-poster"]),
    "ggplot": lambda: style.use("ggplot"),
    "usetex": lambda: mpl.rcParams.update({"text.usetex": True, "font.family": "serif"}),
    "all else": lambda: mpl.rcParams.update(OTHERS),
}
ROWS = [{"epoch": 0, "knn": 0.1}, {"epoch": 1, "loss": 2.0, "knn": 0.5, "rank": 20.0, "std": 0.9}, {"epoch": 2, "loss": -1.0, "knn": 0.7, "std": 0.8}]
PICTURES = {
    "curves": lambda: plots.curves(ROWS, 9),
    "compare": lambda: plots.compare({"raw pixels": 0.2, "SimCLR": 0.97}, "kNN accuracy", chance=0.1),
    "gallery": lambda: plots.gallery({"pictures": np.arange(3 * 8 * 8 * 3, dtype=np.uint8).reshape(3, 8, 8, 3)}, title="three"),
    "factors": lambda: plots.factors({"a": {"class": 0.5, "object_hue": 0.25}, "b": {"class": 0.9, "object_hue": 0.001}}),
    "pipeline": lambda: plots.pipeline("SimCLR"),
}


@pytest.fixture
def chosen():
    """A reader's settings, and matplotlib's own again afterwards."""
    with mpl.rc_context():
        yield


def png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def usual():
    return {name: png(make()[0]) for name, make in PICTURES.items()}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("look", STYLES)
def test_a_picture_does_not_depend_on_the_readers_style(look, name, usual, chosen):
    early = PICTURES[name]()[0]
    STYLES[look]()
    settings = dict(mpl.rcParams)
    assert png(PICTURES[name]()[0]) == usual[name]
    assert png(early) == usual[name]  # made before the style was chosen, and saved after
    assert dict(mpl.rcParams) == settings


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_a_page(name):
    assert isinstance(PICTURES[name]()[0], Page)


def test_no_picture_is_made_on_a_figure_that_takes_the_readers_style():
    from pathlib import Path

    sources = Path(plots.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if path.name != "look.py" and " Figure(" in path.read_text()] == []


def rows(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 6)).astype(np.float32)


def pictures(count, H=8, W=8):
    return np.random.default_rng(0).integers(0, 256, (count, H, W, 3), dtype=np.uint8)


def moment(B=2, K=4):
    shows, age = np.array([0, 1, -1, -1]), np.array([1, 1, -1, -1])
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (rows(B), rows(B, 1), rows(K, 2))]
    return Moment(*unit, age, shows, np.where(age > 0, 0.9, np.nan), 2, 2)


def course():
    return plots.Course(*(np.array([1.0, 2.0]) for _ in range(5)))


LABELS, XY = np.array([0, 1, 0, 1]), rows(4)[:, :2].astype(float)
TABLE = plots.Ablation((("BYOL", 70.0, 90.0),), 0, 20.0)
KNOWN = {"x": pictures(1)[0], "depth": np.ones((8, 8)), "normals": np.zeros((8, 8, 3)), "mask": np.zeros((8, 8), int)}


def colours(*names):
    return plots.Colouring("class", LABELS.astype(float), "category", names)


NAMED = {  # every picture that shows names that are not ours: of classes, of networks, of causes
    "similarity": lambda a, b: plots.similarity(rows(8), pictures(8), 0.2, labels=LABELS, classes=(a, b), order="class"),
    "query_matrix": lambda a, b: plots.query_matrix(rows(2), rows(4), pictures(6), 0.2, labels=LABELS, classes=(a, b), order="class"),
    "queue": lambda a, b: plots.queue([moment()], (pictures(4), pictures(4)), LABELS, 0.2, classes=(a, b)),
    "embedding": lambda a, b: plots.embedding(XY, colours(a, b), pictures(4), LABELS, (a, b), 0, *[np.array([1, 2])] * 2, "PCA"),
    "collapse": lambda a, b: plots.collapse(XY, LABELS, (a, b), np.ones(4), course(), np.ones(4), course(), TABLE, 1, "BYOL"),
    "compare": lambda a, b: plots.compare({a: 0.2, b: 0.97}, "accuracy"),
    "efficiency": lambda a, b: plots.efficiency([10, 100], {a: [0.2, 0.3], b: [0.5, 0.6]}, (b,)),
    "gallery": lambda a, b: plots.gallery({a: pictures(2), b: pictures(2)}, [a, b], a),
    "factors": lambda a, b: plots.factors({a: {b: 0.5, "hue": 0.2}, b: {b: 0.1, "hue": 0.3}}),
    "scene": lambda a, b: plots.scene(pictures(1)[0], KNOWN, {a: 0.2, b: 0.5}, (a,)),
    "views": lambda a, b: plots.views(*[pictures(2)] * 4, np.array([True, False]), f"{a} and {b}"),
}
ODD = [("$", "$5 to $10"), ("$\\frac{", "_a^b 100 %"), ("back\\slash", "🐈 قطة")]
BROKEN = [("line\nbreak", "\x07bell\x1b[2J"), ("half \udcff", "long " * 60), ("   ", "\u202eback")]


def saved_small(figure) -> bool:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=25)
    return buffer.tell() > 0


@pytest.mark.parametrize("picture", NAMED)
@pytest.mark.parametrize("names", ODD, ids=["money", "formula", "signs"])
def test_a_name_is_written_as_it_is_whatever_it_means_elsewhere(names, picture):
    figure, summary = NAMED[picture](*names)
    assert saved_small(figure)  # no formula that cannot be parsed, and no warning, which would be an error here
    texts = figure.findobj(Text)
    for name in names[: 1 if picture == "queue" else 2]:  # it names the query's class
        named = [text for text in texts if name in text.get_text()]
        assert named or (picture == "queue" and name in summary)
        assert not any(text.get_parse_math() for text in named)


@pytest.mark.parametrize("picture", ["similarity", "query_matrix", "queue", "embedding", "collapse"])
@pytest.mark.parametrize("names", BROKEN, ids=["control", "half and long", "empty and backwards"])
def test_a_class_whose_name_cannot_be_written_is_still_called_something_short(names, picture):
    figure, summary = NAMED[picture](*names)
    assert saved_small(figure)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert any(class_name(0, names)[:-1] in text for text in [*texts, summary])
    assert all(c.isprintable() for c in summary)
    assert max(map(len, texts)) < 150


def test_names_of_classes_fit_into_a_column_and_are_never_empty():
    names = ("cat", "a\nb", "x" * 12, "  ", "y" * 11)
    assert [class_name(label, names) for label in range(-1, 6)] == ["no class", "cat", r"a\nb", "x" * 10 + "…", "class 3", "y" * 11, "class 5"]


def test_formulas_stand_where_they_are_meant(shown):
    texts = shown(*plots.pipeline("MoCo"))[2]
    assert all(text.get_parse_math() for text in texts if "$" in text.get_text())


IMAGES = {  # every picture that shows images, by those images
    "similarity": lambda x: plots.similarity(rows(8), x[:8], 0.2),
    "query_matrix": lambda x: plots.query_matrix(rows(2), rows(6), x[:8], 0.2),
    "queue": lambda x: plots.queue([moment()], (x[:4], x[:4]), LABELS, 0.2),
    "embedding": lambda x: plots.embedding(XY, colours("a", "b"), x[:4], LABELS, ("a", "b"), 0, *[np.array([1, 2])] * 2, "PCA"),
    "gallery": lambda x: plots.gallery({"a": x[:3], "b": x[3:6]}),
    "scene": lambda x: plots.scene(x[0], KNOWN | {"x": x[1]}, {"a": 0.2}, ()),
    "views": lambda x: plots.views(*[x[:3]] * 4, np.array([True, False, True])),
    "pipeline": lambda x: plots.pipeline("SimCLR", {"x": torch.from_numpy(x[0]).permute(2, 0, 1), "x1": x[1]}),
}


@pytest.mark.parametrize("picture", IMAGES)
@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (8, 200), (24, 24)])
def test_no_image_is_squeezed(H, W, picture):
    """Every pixel of an image is as wide as it is high on the page, but for a gap between images that ends on a pixel."""
    figure, _ = IMAGES[picture](pictures(8, H, W))
    assert saved_small(figure)
    sharp = ["nearest"] if isinstance(figure, Drawing) else []  # cells, which may have any shape
    drawn = [image for image in figure.findobj(AxesImage) if image.get_array().dtype == np.uint8 and image.get_interpolation() not in sharp]
    assert drawn
    for image in drawn:
        left, right, low, high = image.get_extent()
        (x0, y0), (x1, y1) = image.axes.transData.transform([(left, low), (right, high)])
        height, width = image.get_array().shape[:2]
        assert abs(x1 - x0) / width == pytest.approx(abs(y1 - y0) / height, rel=0.03)


@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (8, 200), (1, 2), (5, 4)])
def test_an_image_stands_whole_in_the_middle_of_white(H, W):
    x = pictures(2, H, W) // 2
    made, S = squared(x), max(H, W)
    assert made.shape == (2, S, S, 3)
    top, left = (S - H) // 2, (S - W) // 2
    assert np.array_equal(made[:, top : top + H, left : left + W], x)
    assert (made == 255).sum() == 2 * 3 * (S * S - H * W)


@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (1, 2), (5, 5)])
def test_an_image_with_an_edge_stands_whole_in_the_middle_of_what_is_transparent(H, W):
    x = pictures(2, H, W)
    made, S = edged(x), max(H, W) + 2
    assert made.shape == (2, S, S, 4)
    top, left = (S - H) // 2, (S - W) // 2
    assert np.array_equal(made[:, top : top + H, left : left + W, :3], x)
    assert (made[:, top : top + H, left : left + W, 3] == 255).all()
    assert (made[..., 3] == 0).sum() == 2 * (S * S - H * W)


@pytest.mark.parametrize("H, W, step", [(20, 20, 2), (21, 30, 3), (9, 9, 1), (19, 5, 1), (1, 40, 1)])
def test_a_smaller_image_has_means_of_squares_of_pixels(H, W, step):
    x = pictures(2, H, W)
    made = smaller(x, 10)
    assert made.shape == (2, H // step, W // step, 3)
    for i, j in np.ndindex(made.shape[1:3]):
        np.testing.assert_allclose(made[:, i, j], x[:, i * step : (i + 1) * step, j * step : (j + 1) * step].mean((1, 2)), atol=1)


def test_a_sheet_has_its_images_in_order_and_what_is_missing_is_transparent():
    images = np.zeros((3, 2, 2, 4), np.uint8) + np.array([10, 20, 30], np.uint8)[:, None, None, None]
    rows, columns = (sheet[::2, ::2] for sheet in sheets(images, 2))
    assert rows[..., 0].tolist() == [[10, 20], [30, 255]] and columns[..., 0].tolist() == [[10, 30], [20, 255]]
    assert rows[1, 1, 3] == columns[1, 1, 3] == 0


def test_a_number_has_a_printed_minus_and_none_before_a_zero():
    assert [number(value) for value in (0.125, -0.14, -0.001, -0.0)] == ["0.12", "−0.14", "0.00", "0.00"]
    assert [number(value, 1, "+") for value in (0.31, -0.31, 0.0)] == ["+0.3", "−0.3", "+0.0"]


def test_square_images_are_left_alone():
    x = pictures(2)
    assert squared(x) is x
