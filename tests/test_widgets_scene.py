"""The world under controls: the picture is the world's, distances are those of a loop, and a change is told by its name."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ssl_lab import scenes
from ssl_lab.errors import InputError
from ssl_lab.features import features
from ssl_lab.models import small_resnet
from ssl_lab.widgets import SceneExplorer
from ssl_lab.widgets.scene import RANDOM, mean_distance

CAUSES = ["shape", *scenes.RANGES]


class Grey(nn.Module):
    """Sees only brightness, coarsely."""

    def forward(self, x):
        luma = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        return nn.functional.avg_pool2d(luma, 8).flatten(1)


@pytest.fixture
def explorer():
    return SceneExplorer({"grey": Grey()}, shape="star")


def share(explorer, name):
    """The distance that the sentence tells, in percent."""
    return int(explorer.summary.split(f"{name} ")[-1].split("%")[0])


def other(explorer, name):
    """Another value of a control."""
    if name == "shape":
        return "arrow"
    low, high = scenes.RANGES[name]
    return low if explorer.start[name] > (low + high) / 2 else high


@pytest.mark.parametrize("name", CAUSES)
def test_every_cause_has_a_control_that_changes_what_is_seen(explorer, name):
    assert list(explorer.controls) == [*CAUSES, "back"]
    before = explorer.summary, explorer.picture
    explorer.controls[name].value = other(explorer, name)
    assert explorer.trouble == ""
    assert explorer.picture != before[1]
    assert explorer.summary.startswith(f"Changed: {explorer.controls[name].label}; where 100% lies")
    assert share(explorer, "pixels") > 0


@pytest.mark.parametrize("name", scenes.RANGES)
def test_sliders_span_the_ranges_of_the_world(explorer, name):
    assert (explorer.controls[name].low, explorer.controls[name].high) == pytest.approx(scenes.RANGES[name])


@pytest.mark.parametrize("seed", [0, 5])
def test_it_begins_with_the_first_scene_of_the_seed(holds, seed):
    explorer, rendered = SceneExplorer(seed=seed), scenes.render(1, "test", 32, seed)
    assert explorer.start["shape"] == scenes.CLASSES[rendered["labels"][0]]
    for name, value in rendered["factors"].items():
        assert explorer.start[name] == pytest.approx(value.item(), rel=0.006)
    x = explorer.picture_of(explorer.start, 32)["x"]
    assert (x.int() - rendered["x"].int()).abs().max() <= 8  # values of three digits
    assert holds(explorer.summary, "Nothing has changed", "pixels 0%")


def test_the_start_can_be_given(explorer):
    given = SceneExplorer(shape="ell", x=0.1)
    assert {"shape": "ell", "x": 0.1}.items() <= given.start.items()
    assert given.summary.startswith("Nothing has changed yet")
    assert given.set(x=0.2).summary.startswith("Changed: x;")


@pytest.mark.parametrize("change", [{"shape": "ring"}, {"object_hue": 0.3, "light": 2.0}])
def test_distances_are_those_of_a_loop(explorer, change):
    explorer.set(**change)
    random = scenes.render(RANDOM, "train", 32, 0)["x"]
    now, then = (explorer.picture_of(causes, 32)["x"] for causes in (explorer.start | change, explorer.start))
    for name, f in ("pixels", lambda x: x.flatten(1).float() / 255), ("grey", lambda x: features(Grey(), x)):
        rows = f(random)
        mean = np.mean([(rows[i] - rows[j]).norm().item() for i in range(RANDOM) for j in range(i)])
        assert share(explorer, name) == pytest.approx(100 * (f(now) - f(then)).norm().item() / mean, abs=0.6)


def test_what_sees_only_brightness_does_not_notice_the_hue(explorer):
    explorer.set(object_hue=(explorer.start["object_hue"] + 3) % 6)
    assert share(explorer, "grey") <= 3
    assert share(explorer, "pixels") > 30


def test_two_random_scenes_are_a_hundred_percent_apart():
    rows = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    pairs = [(rows[i] - rows[j]).norm().item() for i in range(50) for j in range(50) if i != j]
    assert mean_distance(rows) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_a_network_that_sees_nothing_moves_by_nothing():
    class Blind(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 3)

    explorer = SceneExplorer({"blind": Blind()}, shape="star").set(shape="ring", object_hue=1.0)
    assert share(explorer, "blind") == 0
    assert "Changed: shape, object hue; " in explorer.summary


def test_back_moves_all_causes_to_the_start(explorer):
    before = explorer.summary, explorer.picture
    for press in range(1, 3):
        explorer.set(shape="ring", x=0.0, light=3.0)
        assert (explorer.summary, explorer.picture) != before
        explorer.controls["back"].value = press
        assert (explorer.summary, explorer.picture) == before
        assert explorer.panel.frame["values"] == {**explorer.start, "back": press}
    explorer.answer({"x": 0.1, "back": 3})  # pressed before the move had arrived
    assert (explorer.summary, explorer.picture) == before


def test_what_was_seen_after_a_press_can_be_set_again(explorer):
    values = explorer.set(back=2).set(shape="ring").values
    summary = explorer.summary
    assert explorer.set(back=0, light=3.0).set(**values).summary == summary


def test_all_networks_are_told_in_their_order():
    networks = {"random network": small_resnet(width=4), "grey": Grey()}
    assert SceneExplorer(networks).summary.endswith("moved by: pixels 0%, random network 0%, grey 0%.")


def test_same_values_give_the_same_sentence_and_random_numbers_are_left_alone():
    state = torch.get_rng_state()
    first, second = (SceneExplorer({"grey": Grey()}).set(size=0.55) for _ in range(2))
    assert first.summary == second.summary
    assert torch.equal(torch.get_rng_state(), state)


def test_networks_are_left_as_they_were():
    network = small_resnet(width=4).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    SceneExplorer({"random": network}).set(x=0.0)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_still_picture_remains(explorer):
    assert explorer._repr_mimebundle_()[0]["text/plain"] == explorer.summary
    Image.open(io.BytesIO(explorer.picture)).verify()


class Nan(nn.Module):
    def forward(self, x):
        return torch.full((len(x), 2), torch.nan)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"encoders": {"text": "resnet"}}, "encoder 'text' is a str; a network is needed, such as method.encoder"),
        ({"encoders": {"pixels": Grey()}}, "an encoder named 'pixels' would hide the pixels"),
        ({"encoders": {"broken": Nan()}}, "encoder 'broken' gives NaN or infinity"),
        ({"size": 0.9}, "size=0.9 is not offered; size is from 0.5 to 0.7"),
        ({"shape": "blob"}, "shape='blob' is not offered; shape is one of 'ring', 'triangle'"),
        ({"colour": 1}, "control 'colour' is unknown; there are: shape, object_hue"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(options, words):
    with pytest.raises(InputError, match=words):
        SceneExplorer(**options)


def test_maps_of_features_are_refused(monkeypatch):
    monkeypatch.setattr("ssl_lab.widgets.scene.features", lambda encoder, x: torch.zeros(len(x), 4, 8, 8))
    with pytest.raises(InputError, match=r"encoder 'grey' gives \(4, 8, 8\) an image; one row of features is needed"):
        SceneExplorer({"grey": Grey()})
