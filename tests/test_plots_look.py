"""Pictures are the same whatever style their reader has chosen for matplotlib, and leave that choice alone."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import style

from ssl_lab import plots
from ssl_lab.plots.look import Page

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

    sources = Path(plots.__file__).parent.glob("*.py")
    assert [path.name for path in sources if path.name != "look.py" and " Figure(" in path.read_text()] == []
