"""What every explorer promises: each control moves the picture, once; wrong values are one sentence; it needs no front end."""

import base64
import io

import ipywidgets
import pytest
import torch
from PIL import Image

from ssl_lab import plots, widgets
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets.explorer import offered


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=12)


@pytest.fixture(scope="module")
def method():
    """Small, and warmed up so that its embeddings differ."""
    torch.manual_seed(0)
    method = SimCLR(small_resnet(width=4))
    for _ in range(20):
        method(*method.views(torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8)))
    return method


@pytest.fixture
def explorer(method, images):
    return widgets.SimilarityExplorer(method, images, pairs=5)


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
    return next(value for value in (1, 2, True, False) if value != control.value and offered(control, value))


def test_every_control_of_every_explorer_changes_what_is_seen(explorer):
    assert [name for name in widgets.__all__ if name.endswith("Explorer")] == ["Explorer", "SimilarityExplorer"], "build the new one here too"
    for control in explorer.controls.values():
        before = explorer.summary, explorer.picture, explorer.view.value
        control.value = another(control)
        assert (explorer.summary, explorer.picture) != before[:2]
        assert explorer.view.value != before[2]


def test_same_values_give_the_same_sentence(method, images):
    first, second = (widgets.SimilarityExplorer(method, images, pairs=5, tau=0.1, anchor=2) for _ in range(2))
    assert first.summary == second.set(tau=3, anchor=0).set(tau=0.1, anchor=2).summary


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


def test_looking_changes_neither_the_method_nor_the_random_numbers(method, images):
    method.train()
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in method.state_dict().items()}
    widgets.SimilarityExplorer(method, images, pairs=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(module.training for module in method.modules())


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"pairs": 13}, "pairs=13 were asked for and there are 12 images"),
        ({"pairs": 1}, "pairs=1: at least two"),
        ({"pairs": 5, "tau": 0.001}, "tau=0.001 is not offered; tau is from 0.01 to 10"),
        ({"pairs": 5, "anchor": 10}, "anchor is a whole number from 0 to 9"),
    ],
)
def test_explorer_says_what_it_needs(method, images, wrong, words):
    with pytest.raises(InputError, match=words):
        widgets.SimilarityExplorer(method, images, **wrong)


def test_embeddings_that_are_not_numbers_are_refused(images):
    method = SimCLR(small_resnet(width=4))
    torch.nn.init.constant_(method.head[-1].bias, float("nan"))
    with pytest.raises(InputError, match="10 of 10 embeddings are not finite"):
        widgets.SimilarityExplorer(method, images, pairs=5)


def test_live_curve_grows_with_every_epoch():
    curve = widgets.LiveCurve()
    assert curve.summary == "No epoch has ended yet."
    curve.append(epoch=0, knn=0.1)
    before = curve.picture
    curve.append(loss=5.0, knn=0.3)
    curve.append(loss=4.0, knn=0.5)
    assert curve.picture != before
    assert [row["epoch"] for row in curve.rows] == [0, 1, 2]
    assert curve.summary == "After epoch 2: loss 5.00 → 4.00, kNN accuracy 10% → 50%."
    assert curve.summary in curve.view.value


@pytest.mark.parametrize("values", [{}, {"accuracy": 0.5}, {"loss": 1.0, "rank": 3}])
def test_live_curve_says_what_it_draws(values):
    with pytest.raises(InputError, match="append takes loss and knn"):
        widgets.LiveCurve().append(**values)
