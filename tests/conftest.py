"""What all tests share: shapes checked at every call, few threads, short notebooks, and real images where there are any.

Set before the first import of torch or ssl_lab; the notebooks' kernels inherit the environment.
"""

import gc
import importlib.util
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors gain nothing from more; on a busy machine two that wait for each other lose all
os.environ.setdefault("SSL_LAB_PROFILE", "ci")  # fewer epochs and images in notebooks; what they claim stays the same
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes are started, and each would compile torch and its like anew: 5 CPU seconds

import pytest
from jaxtyping import install_import_hook

if importlib.util.find_spec("beartype"):  # not on a bare GPU machine: there the same tests run, without a check of shapes at every call
    # The tower: 1 is a float, as PEP 484 has it.
    install_import_hook("ssl_lab", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

pytest.register_assert_rewrite("dummies")  # what several files of tests share asserts, too

SEEDS = range(20)  # of the inputs that checks of exercises are tried on

collect_ignore = ["benchmarks"]  # scripts, run by hand: python tests/benchmarks/NAME.py


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real images that SSL_LAB_DATA names; without it, the tests that need it are skipped."""
    if "SSL_LAB_DATA" not in os.environ:
        pytest.skip("SSL_LAB_DATA is not set: it names a folder of real images (cifar10.npz, fashion-mnist/, ...)")
    return Path(os.environ["SSL_LAB_DATA"])


@pytest.fixture(scope="session")
def legible():
    """Judges a picture as the back row does: no word under 12 points, none cut off, no line through one, nothing outside the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection, PathCollection
    from matplotlib.path import Path as Line
    from matplotlib.text import Text

    def lines(figure) -> list[Line]:
        """All lines and curves, in pixels."""
        drawn = [(path, one) for axes in figure.axes for one in axes.collections if isinstance(one, LineCollection) for path in one.get_paths()]
        drawn += [(one.get_path(), one) for axes in figure.axes for one in axes.lines]
        return [one.get_transform().transform_path(path) for path, one in drawn if len(path) > 1]

    def marked(figure, box) -> bool:
        """Whether the words stand on a mark, as the numbers of the circle do."""
        marks = [one for axes in figure.axes for one in axes.collections if isinstance(one, PathCollection)]
        return any(box.contains(x, y) for one in marks for x, y in one.get_offset_transform().transform(one.get_offsets()))

    def judge(figure) -> None:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer, (width, height) = canvas.get_renderer(), figure.get_size_inches()
        words = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
        assert min(text.get_fontsize() for text in words) >= 12
        ticks = {id(label) for axes in figure.axes for label in (*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both"))}
        boxes = {text.get_text(): text.get_window_extent(renderer) for text in words if id(text) not in ticks}  # those beyond an axis are not drawn
        assert not [text for text, box in boxes.items() if min(box.x0, box.y0) < 0 or box.x1 > width * figure.dpi or box.y1 > height * figure.dpi]
        curves, bare = lines(figure), [text for text in words if text.get_bbox_patch() is None]
        crossed = [text for text in bare if any(curve.intersects_bbox(text.get_window_extent(renderer).padded(-2), filled=False) for curve in curves)]
        assert [text.get_text() for text in crossed if not marked(figure, text.get_window_extent(renderer))] == []
        box = figure.get_tightbbox(renderer)
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width + 1e-9 and box.y1 <= height + 1e-9

    return judge


@pytest.fixture(scope="session")
def shown():
    """A picture as it is seen: the figure, its summary, its words, and the renderer that says where they stand."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    def draw(figure, summary):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return figure, summary, [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()], canvas.get_renderer()

    return draw


@pytest.fixture(scope="session")
def answers():
    """Judges what answers a pointer: it lies in the drawing, and every place says something; panels tile the drawing, and no word leaves its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def judge(figure) -> None:
        width, height = figure.get_size_inches()
        for spots in (spot() if callable(spot) else spot for spot in figure.spots):
            left, top, across, down = spots.box
            assert left >= -1e-6 and top >= -1e-6 and left + across <= width + 1e-6 and top + down <= height + 1e-6, spots.name
            assert all(left - 1e-6 <= x <= left + across + 1e-6 and top - 0.35 <= y <= top + down + 0.35 for x, y in spots.at), spots.name
            said = [spots.said(place) for place in range(len(spots))]
            assert all(said) and not any("{" in words for words in said), spots.name
            json.dumps(spots.sent(), allow_nan=False)
        assert sum(across * down for _, _, across, down in figure.panels) == pytest.approx(width * height)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        for text in figure.axes[0].texts:
            box = text.get_window_extent(canvas.get_renderer())
            x, y = text.axes.transData.transform(text.get_position()) / figure.dpi
            own = next(panel for panel in figure.panels if holding(panel, x, height - y))
            assert box.x0 / figure.dpi >= own[0] - 0.02 and box.x1 / figure.dpi <= own[0] + own[2] + 0.02, text.get_text()

    def holding(panel, x, y) -> bool:
        return panel[0] <= x <= panel[0] + panel[2] and panel[1] <= y <= panel[1] + panel[3]

    return judge


@pytest.fixture(scope="session")
def one_sentence():
    """Asserts that a summary is one."""

    def judge(summary: str) -> None:
        assert summary.endswith(".")
        assert ". " not in summary
        assert "\n" not in summary

    return judge


@pytest.fixture(scope="session")
def apart():
    """Asserts that none of these lies on another, (name, box) each; so many pixels are for the edges, and for the tails of letters."""

    def judge(boxes, across: float = 0, down: float = 0) -> None:
        pairs = itertools.combinations([(name, box.padded(-across / 2, -down / 2)) for name, box in boxes], 2)
        assert [(a, b) for (a, one), (b, other) in pairs if one.overlaps(other)] == []

    return judge


@pytest.fixture(scope="session")
def readable(legible, shown, apart, answers):
    """Judges a picture that answers: its words can be read and do not overlap, and what answers lies in it."""

    def judge(figure) -> None:
        legible(figure)
        _, _, texts, renderer = shown(figure, "")
        apart(((text.get_text(), text.get_window_extent(renderer)) for text in texts), across=4, down=4)
        answers(figure)

    return judge


@pytest.fixture(params=["legible", "apart", "answers", "one sentence"])
def judged(request, legible, apart, answers, one_sentence, readable):
    """One promise of a picture that answers, as a judge of what `shown` returns; "readable" is the first three, and lets words touch."""
    return {
        "legible": lambda figure, *_: legible(figure),
        "apart": lambda figure, summary, texts, renderer: apart((text.get_text(), text.get_window_extent(renderer)) for text in texts),
        "answers": lambda figure, *_: answers(figure),
        "one sentence": lambda figure, summary, *_: one_sentence(summary),
        "readable": lambda figure, *_: readable(figure),
    }[request.param]


@pytest.fixture(scope="session")
def each():
    """torchvision's function on one image after the other."""
    import torch

    return lambda function, x, *parameters: torch.stack(
        [function(image, *(p.item() for p in row)) for image, *row in zip(x, *parameters, strict=True)]
    )


@pytest.fixture(scope="session")
def colour():
    """colour(path, level): an image file of one grey level; exactly that level in formats without loss."""
    from PIL import Image

    def write(path, level, size=(10, 10)) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (level, level, level)).save(path)

    return write


@pytest.fixture(scope="session")
def levels():
    """The grey level of every image of one level."""

    def read(images) -> list[int]:
        assert (images.x == images.x[:, :1, :1, :1]).all()
        return images.x[:, 0, 0, 0].tolist()

    return read


@pytest.fixture
def tree(tmp_path, colour):
    """tree({"cat/a.png": 3, ...}) → the name of a folder that holds these files."""

    def write(images, top=tmp_path / "pictures"):
        for name, level in images.items():
            colour(top / name, level)
        return f"folder:{top}"

    return write


@pytest.fixture(scope="session")
def tiny() -> Callable[[str], dict]:
    """tiny("MoCo") → options with which a method fits 16 images of 16 pixels: its queue, its groups, its clusters, its patches."""
    options = {"MoCo": {"K": 32, "split": 2}, "DeepCluster": {"clusters": 4, "pca": 4}, "NoisyStudent": {"rounds": 1}}
    options["CPC"] = {"patch-size": 8, "stride": 4, "steps": 2, "skip": 0}
    return lambda name: options.get(name, {})


@pytest.fixture
def pictures():
    """Six pictures that are wider than high."""
    import torch

    torch.manual_seed(0)
    return torch.rand(6, 3, 24, 32)


@pytest.fixture(scope="session")
def holds() -> Callable[..., bool]:
    """Whether these names and figures stand in a sentence, in this order; the words between them are free."""
    return lambda sentence, *parts: re.search(".*?".join(map(re.escape, parts)), sentence, re.DOTALL) is not None


@pytest.fixture
def interruptible():
    """This process and those that a test starts heed Ctrl-C, also where it was started to ignore it, as a script's background job is.

    The garbage collector rests: it calls hypothesis, and an interrupt that falls in there is lost.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def without_shape_checks() -> Iterator[Callable[[str], str]]:
    """Runs scripts in one other process, where the import hook above is not (Dynamo cannot trace it); returns what a script printed."""
    with subprocess.Popen([sys.executable, "-W", "error", "-c", SCRIPTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(script: str) -> str:
            print(json.dumps(textwrap.dedent(script)), file=process.stdin, flush=True)
            said, trouble = json.loads(process.stdout.readline())
            assert not trouble, trouble
            return said

        yield run
        process.stdin.close()


SCRIPTS = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    trouble = ""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            exec(json.loads(line), {"__name__": "__main__"})
        except BaseException:
            trouble = traceback.format_exc()
    if "torch._dynamo" in sys.modules:
        sys.modules["torch._dynamo"].reset()  # what one script compiled is no business of the next
    print(json.dumps([said.getvalue(), trouble]), flush=True)
"""


@pytest.fixture
def passes() -> Callable[..., None]:
    """Asserts that a check finds a function right, whatever its inputs are."""

    def judge(check, right, seeds=SEEDS) -> None:
        for seed in seeds:
            result = check(right, seed=seed)
            assert result, result.hint
            assert result.attempted

    return judge


@pytest.fixture
def called() -> Callable[..., None]:
    """Asserts that a check calls a mistake by these words, and by no others of a table, name → (words, how it is made), whatever its inputs are."""

    def judge(check, wrong, words: str, table: dict[str, tuple], seeds=SEEDS) -> None:
        for seed in seeds:
            result = check(wrong, seed=seed)
            assert not result
            assert [key for key in {key for key, _ in table.values()} if key in result.hint] == [words], result.hint

    return judge
