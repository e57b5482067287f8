"""What every explorer promises: each control moves the picture, once; wrong values are one sentence; it needs no front end."""

import base64
import copy
import io
import re

import ipywidgets
import pytest
import torch
from PIL import Image

from ssl_lab import plots, widgets
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.methods import MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets.explorer import choices, limits, offered


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=40)


@pytest.fixture(scope="module")
def method():
    """Small, and warmed up so that its embeddings differ."""
    torch.manual_seed(0)
    method = SimCLR(small_resnet(width=4))
    for _ in range(20):
        method(*method.views(torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8)))
    return method


def recording(method, images):
    """Two epochs, of which the second differs from the first."""
    made = widgets.Recording(method, images, pairs=6)
    for parameter in (changed := copy.deepcopy(method)).parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    made.method = changed
    made.add(1)
    return made


def seeded(make):
    """What is made from random weights, the same each time; the random numbers are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


EXPLORERS = {
    "SimilarityExplorer": lambda method, images: widgets.SimilarityExplorer(recording(method, images), pairs=5),
    "ViewsExplorer": lambda method, images: widgets.ViewsExplorer(images),
    "EmbeddingExplorer": lambda method, images: widgets.EmbeddingExplorer(features(method.encoder, images), images),
    "SceneExplorer": lambda method, images: widgets.SceneExplorer({"a network": method.encoder}),
    "CircleExplorer": lambda method, images: widgets.CircleExplorer(),
    "CollapseLab": lambda method, images: widgets.CollapseLab(),
    "MomentumExplorer": lambda method, images: widgets.MomentumExplorer(),
    "QueueExplorer": lambda method, images: widgets.QueueExplorer(seeded(lambda: MoCo(method.encoder)), images, steps=5, batch=8),
}


@pytest.fixture(scope="module", params=EXPLORERS)
def built(request, method, images):
    """An explorer, and how its controls stood."""
    explorer = EXPLORERS[request.param](method, images)
    return explorer, {name: control.value for name, control in explorer.controls.items()}


@pytest.fixture
def explorer(built):
    explorer, start = built
    return explorer.set(**start)


class Counted(widgets.Explorer):
    """Says its values, and counts how often it draws."""

    def __init__(self, **start):
        self.drawn = 0
        controls = {
            "level": ipywidgets.FloatSlider(description="level", min=0, max=10, value=3),
            "row": ipywidgets.IntSlider(description="row", min=0, max=9),
            "tau": ipywidgets.FloatLogSlider(description="temperature", min=-2, max=1),
            "kind": ipywidgets.Dropdown(description="kind", options=[("one kind", "a"), ("another", "b")]),
            "on": ipywidgets.Checkbox(description="on"),
        }
        super().__init__(controls, **start)

    def draw(self, **values):
        self.drawn += 1
        return plots.curves([])[0], f'<i>"level" & {values}</i>.'


def another(control):
    """A value that the control does not have now."""
    if hasattr(control, "options"):
        return next(value for value in (o[1] if isinstance(o, tuple) else o for o in control.options) if value != control.value)
    ends = limits(control) if hasattr(control, "min") else (True, False)
    return next(value for value in (1, 2, *ends) if value != control.value and offered(control, value))


def test_every_explorer_is_held_to_these_promises():
    assert {name for name in widgets.__all__ if issubclass(getattr(widgets, name), widgets.Explorer)} == {"Explorer", *EXPLORERS}


def test_every_control_changes_what_is_seen_and_none_gets_into_trouble(explorer):
    for name, control in explorer.controls.items():
        before = explorer.summary, explorer.picture, explorer.view.value
        control.value = another(control)
        assert explorer.trouble == "", f"{name}: {explorer.trouble}"
        assert (explorer.summary, explorer.picture) != before[:2], name
        assert explorer.view.value != before[2], name


def test_every_control_can_go_as_far_as_it_goes(explorer):
    """One after the other to each end, everything else staying where it was pushed: no corner is left out by an anxious range."""
    for name, control in explorer.controls.items():
        for value in choices(control) if hasattr(control, "options") else limits(control) if hasattr(control, "min") else (True, False):
            if name != "projection":  # UMAP starts a process; tests/test_widgets_embedding.py
                control.value = type(control.value)(value)
                assert explorer.trouble == "", f"{name}={value}: {explorer.trouble}"


def test_same_values_give_the_same_sentence(explorer):
    start = {name: control.value for name, control in explorer.controls.items()}
    said = explorer.summary
    for control in [control for name, control in explorer.controls.items() if name != "projection"]:
        control.value = another(control)
    assert explorer.set(**start).summary == said


def test_one_change_is_one_redraw():
    counted = Counted()
    assert counted.drawn == 1
    counted.set(level=5, row=2, tau=0.3, kind="b", on=True)
    assert counted.drawn == 2
    for number, control in enumerate(counted.controls.values(), 3):
        control.value = another(control)
        assert counted.drawn == number


def test_start_values_are_checked_like_all_others():
    assert Counted(level=7).controls["level"].value == 7
    with pytest.raises(InputError, match="level=11 is not offered; level is from 0 to 10"):
        Counted(level=11)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"speed": 1}, "control 'speed' is unknown; there are: level, row, tau, kind, on"),
        ({"row": 10}, "row=10 is not offered; row is a whole number from 0 to 9"),
        ({"row": 2.5}, "row is a whole number from 0 to 9"),
        ({"tau": 0}, "tau=0 is not offered; tau is from 0.01 to 10"),
        ({"tau": float("nan")}, "tau is from 0.01 to 10"),
        ({"tau": "warm"}, "tau is from 0.01 to 10"),
        ({"kind": "one kind"}, "kind is one of 'a', 'b'"),
        ({"on": "yes"}, "on is a bool"),
    ],
)
def test_what_is_not_offered_is_refused_and_moves_nothing(values, words):
    counted = Counted()
    with pytest.raises(InputError, match=words):
        counted.set(level=8, **values)
    assert counted.controls["level"].value == 3
    assert counted.drawn == 1


def boxes(explorer):
    """The number box of each slider."""
    pairs = [row.children for row in explorer.panel.children[0].children if isinstance(row, ipywidgets.HBox)]
    return {slider: box for box, slider in pairs}


def test_every_slider_has_a_named_number_box_and_waits_until_it_is_let_go():
    for name, control in (counted := Counted()).controls.items():
        if name in ("level", "row", "tau"):
            assert boxes(counted)[control].description in (name, "temperature")
            assert control.description == ""
            assert not control.continuous_update
            assert not control.readout
        else:
            assert control.description


def test_slider_and_box_follow_each_other_and_the_box_shows_three_digits():
    counted = Counted()
    slider = counted.controls["tau"]
    box = boxes(counted)[slider]
    slider.value = 10**-0.7
    assert box.value == 0.2
    box.value = 0.123456
    assert slider.value == 0.123456
    box.value = 77
    assert slider.value == 10


def test_alt_text_is_the_summary_with_its_signs_escaped():
    counted = Counted()
    assert '<img alt="&lt;i&gt;&quot;level&quot; &amp; ' in counted.view.value
    assert "<i>" not in counted.view.value


def test_a_still_picture_and_a_sentence_remain_without_a_front_end(explorer):
    bundle, note = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == explorer.summary == repr(explorer) == note["image/png"]["alt"]
    assert base64.b64decode(bundle["image/png"]) == explorer.picture
    assert "application/vnd.jupyter.widget-view+json" in bundle
    Image.open(io.BytesIO(explorer.picture)).verify()


def all_parts(widget):
    return [widget, *(part for child in getattr(widget, "children", ()) for part in all_parts(child))]


def test_nothing_lives_in_an_output_widget(explorer):
    assert not [part for part in all_parts(explorer.panel) if isinstance(part, ipywidgets.Output)]


@pytest.mark.parametrize("name", EXPLORERS)
def test_looking_changes_neither_the_method_nor_the_random_numbers(name, method, images):
    method.train()
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in method.state_dict().items()}
    explorer = EXPLORERS[name](method, images)
    for control in [control for name, control in explorer.controls.items() if name != "projection"]:
        control.value = another(control)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(module.training for module in method.modules())


class Stubborn(widgets.Explorer):
    """Cannot draw everything that it offers."""

    def __init__(self):
        super().__init__({"level": ipywidgets.IntSlider(description="level", max=2)})

    def draw(self, level):
        if level == 1:
            raise InputError("level 1 needs <more> images; choose level 2")
        if level == 2:
            raise ZeroDivisionError("by zero")
        return plots.curves([])


@pytest.mark.parametrize("level, words", [(1, "level 1 needs <more> images; choose level 2"), (2, "could not be drawn, ZeroDivisionError: by zero")])
def test_a_hand_on_a_control_gets_a_sentence_instead_of_a_traceback(level, words):
    explorer = Stubborn()
    seen = explorer.view.value
    explorer.controls["level"].value = level
    assert words in explorer.trouble
    assert explorer.view.value == seen
    assert 'role="alert"' in explorer.status.value
    assert not re.search("<more>", explorer.status.value)
    explorer.controls["level"].value = 0
    assert explorer.trouble == explorer.status.value == ""


def test_code_that_asks_for_the_same_is_told_by_an_error():
    with pytest.raises(InputError, match="level 1 needs"):
        Stubborn().set(level=1)


def test_drawing_takes_one_thread_and_gives_the_others_back():
    class Threads(Counted):
        def draw(self, **values):
            self.threads = torch.get_num_threads()
            return super().draw(**values)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert Threads(level=5).threads == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(InputError):
            Stubborn().set(level=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
