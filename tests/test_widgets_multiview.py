"""MultiviewExplorer: its numbers are those of the method's own encoders and losses, and looking changes neither them nor the random numbers."""

import math
import runpy
from pathlib import Path

import pytest
import torch

from ssl_lab.augment import chrominance, to_float
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import factor_table, features
from ssl_lab.losses import core_view, full_graph
from ssl_lab.methods import CMC, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets import MultiviewExplorer

PAINTER = runpy.run_path(str(Path(__file__).parent / "dummies" / "painter.py"))["Painter"]()
VIEWS = ("L", "ab", "depth", "mask")


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=40)


def made(views=VIEWS, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CMC(small_resnet(width=4), views, **options)


@pytest.fixture(scope="module")
def method():
    return made(graph="full")


@pytest.fixture(scope="module")
def explorer(method, images):
    return MultiviewExplorer(method, images, PAINTER)


def embedded(method, images):
    """z of every view, image after image."""
    method.eval()
    with torch.no_grad():
        columns, heads = images.columns(), method.projectors
        found = [[heads[name](f(columns[f.column][i : i + 1])) for i in range(len(images))] for name, f in method.encoders.items()]
    method.train()
    return [torch.cat(rows).double() for rows in found]


@pytest.mark.parametrize("batch", [8, 16, 40])
@pytest.mark.parametrize("tau", [0.07, 0.2])
def test_the_sum_of_a_graph_is_the_loss_of_the_method(explorer, method, images, batch, tau):
    zs = [z[:batch] for z in embedded(method, images)]
    for graph, loss, pairs in (("core", core_view, 3), ("full", full_graph, 6)):
        explorer.set(graph=graph, batch=batch, tau=tau, matrix="share")
        assert f"the {graph} graph has {pairs} pairs, sum of the losses {float(loss(zs, tau)):.2f}" in explorer.summary
        assert f"k = {batch - 1} negatives" in explorer.summary


def test_the_scores_are_those_of_the_two_chosen_views(explorer, method, images):
    zs = dict(zip(VIEWS, embedded(method, images), strict=True))
    explorer.set(first="mask", second="ab", batch=40, tau=0.07, matrix="cosine")
    scores = torch.nn.functional.normalize(zs["mask"], dim=1) @ torch.nn.functional.normalize(zs["ab"], dim=1).T
    first = int((scores.argmax(1) == torch.arange(40)).sum())
    assert f"mask finds its own ab in {first} of 40 scenes" in explorer.summary
    loss = -(scores / 0.07).log_softmax(1).diagonal().mean()
    assert f"mask → ab {loss:.2f}" in explorer.summary
    explorer.set(first="L", second="ab")


def test_the_method_and_the_random_numbers_stay_as_they_are(images):
    method = made().train()
    method.projectors["ab"].eval()  # modes are kept one by one
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in method.state_dict().items()}
    modes = [module.training for module in method.modules()]
    MultiviewExplorer(method, images, PAINTER, matrix="kept").set(scene=3, tau=0.5, graph="none", batch=16)
    assert torch.equal(torch.get_rng_state(), state) and [module.training for module in method.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(parameter.grad is None for parameter in method.parameters())


def test_what_each_encoder_keeps_is_the_factor_table_of_its_features_and_is_measured_once(method, images, monkeypatch):
    calls = []
    monkeypatch.setattr("ssl_lab.widgets.multiview.factor_table", lambda *given: calls.append(1) or factor_table(*given))
    explorer = MultiviewExplorer(method, images)
    assert calls == []
    explorer.set(matrix="kept", first="L", second="depth")
    own = {name: factor_table(features(f, images), images) for name, f in method.encoders.items()}
    assert explorer.kept() == own and len(calls) == 4
    explorer.set(scene=2, tau=0.3).set(matrix="cosine").set(matrix="kept")
    assert len(calls) == 4
    cause = max(own["L"], key=lambda one: abs(own["L"][one] - own["depth"][one]))
    assert f"of the {cause.replace('_', ' ')} " in explorer.summary.replace("x position", "x").replace("y position", "y")


def test_a_training_that_goes_on_changes_nothing_of_what_is_shown(images):
    method = made(("L", "depth"))
    kept = MultiviewExplorer(method, images).kept()
    explorer = MultiviewExplorer(method, images)
    said = explorer.summary
    for parameter in method.parameters():
        parameter.data.zero_()
    assert explorer.kept() == kept and explorer.set(tau=0.3).set(tau=0.07).summary == said


def test_a_click_on_an_edge_goes_all_the_way_to_none_and_back(explorer):
    explorer.set(graph="core", matrix="share")
    for _ in range(2):
        for place, named in ((0, "L-depth + L-mask"), (1, "L-mask"), (2, "none")):
            (edges,) = [spots for spots in explorer.panel.frame["spots"] if spots["name"] == "edges of the graph"]
            explorer.answer({"graph": edges["sets"]["graph"][place]})
            assert explorer.values["graph"] == named and explorer.trouble == ""
        assert "no pair is left: no view learns anything" in explorer.summary
        explorer.answer({"graph": "core"})


def test_a_view_chosen_twice_exchanges_the_two(explorer):
    explorer.set(first="L", second="ab")
    explorer.controls["first"].value = "ab"
    assert (explorer.values["first"], explorer.values["second"]) == ("ab", "L")
    explorer.answer({"second": "ab"})
    assert (explorer.values["first"], explorer.values["second"]) == ("L", "ab")
    explorer.set(second="mask", first="ab").set(first="mask")
    assert (explorer.values["first"], explorer.values["second"]) == ("mask", "ab")
    with pytest.raises(InputError, match="first and second are both 'L'"):
        explorer.set(first="L", second="L")
    explorer.set(first="L", second="ab")


def test_the_bound_follows_from_the_size_of_the_batch(explorer):
    explorer.set(batch=8, tau=0.07, first="L", second="ab")
    loss = explorer.agree(0.07, 8).both((0, 1))
    assert f"log k − loss / 2 = {math.log(7) - loss / 2:.2f}".replace("-", "−") in explorer.summary


def test_what_is_painted_is_compared_with_the_true_colours(explorer, images):
    x = to_float(images.x[:8])
    torch.testing.assert_close(torch.from_numpy(explorer.painting.true), chrominance(x).double())
    torch.testing.assert_close(torch.from_numpy(explorer.painting.painted), PAINTER.paint(x).double())
    assert (explorer.painting.mask == images.mask[:8, 0].numpy()).all() and "painted ab: off by" in explorer.summary


def test_two_views_have_one_pair_and_controls_with_something_to_choose(images):
    explorer = MultiviewExplorer(made(("L", "ab")), images)
    assert [*explorer.controls] == ["scene", "first", "second", "matrix", "graph", "tau", "batch"]
    assert explorer.controls["graph"].stops() == ["core", "none"] and explorer.controls["batch"].stops() == [8, 16, 32, 40]
    assert "batch" not in MultiviewExplorer(made(("L", "ab")), images[:8]).controls


def test_what_is_not_known_of_the_images_is_not_offered():
    some = Images(torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)), torch.full((12,), -1))
    explorer = MultiviewExplorer(made(("L", "ab")), some, PAINTER, shown=4)
    assert [value for _, value in explorer.controls["matrix"].options] == ["share", "cosine"] and "on the image" in explorer.summary


def test_scenes_in_motion_and_columns_of_your_own_have_their_pictures():
    moving = load("scenes", split="test", limit=12, frames=4)
    moving.more["infrared"] = moving.x.flip(1)
    explorer = MultiviewExplorer(made(("rgb", "later", "flow", "infrared"), frames=4), moving)
    assert explorer.scenes.names == ("rgb", "later", "flow", "infrared")
    assert (explorer.scenes.views["later"] == moving.later[:8].permute(0, 2, 3, 1).numpy()).all() and explorer.picture


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda images: MultiviewExplorer(SimCLR(small_resnet(width=4)), images), "shows the views of a CMC and got SimCLR"),
        (lambda images: MultiviewExplorer(made(), images, shown=1), "shown=1: 2 to 16 scenes"),
        (lambda images: MultiviewExplorer(made(), images, shown=17), "shown=17: 2 to 16 scenes"),
        (lambda images: MultiviewExplorer(made(), images[:5]), "shown=8 scenes are to be drawn and there are 5"),
        (lambda images: MultiviewExplorer(made(("rgb", "later")), images), "the view later needs the column later, and these images have x, "),
        (lambda images: MultiviewExplorer(made(), images, made()), "predictive is a CMC without paint"),
        (lambda images: MultiviewExplorer(made(), images, graph="L-rgb"), "graph='L-rgb' is not offered; graph is one of 'core', 'full'"),
        (lambda images: MultiviewExplorer(made(), images, tau=9.0), "tau=9.0 is not offered; tau is from 0.007 to 0.7"),
        (lambda images: MultiviewExplorer(made(), images, batch=9), "batch=9 is not offered; batch is one of 8, 16, 32, 40"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(build, words, images):
    with pytest.raises(InputError, match=words):
        build(images)


def test_a_wrong_value_from_a_browser_is_said_above_the_picture(explorer):
    explorer.answer({"graph": "L-L"})
    assert "graph='L-L' is not offered" in explorer.trouble
    explorer.answer({"graph": "L-ab + depth-mask"})
    assert explorer.trouble == "" and "the graph has 2 pairs" in explorer.summary
