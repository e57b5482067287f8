"""What every explorer promises: each control moves the picture, once; wrong values are one sentence; it needs no front end."""

import base64
import copy
import io
import json
import runpy
import threading
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from ssl_lab import plots, widgets
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.methods import CMC, CPC, MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.spots import Spots
from ssl_lab.widgets.controls import Button, Choice, Slider, Switch


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


DUMMIES = Path(__file__).parent / "dummies"
RUNS = runpy.run_path(str(DUMMIES / "clusterings.py"))["write"]()
SEEN = seeded(lambda: CMC(small_resnet(width=4), ("L", "ab", "depth"), "full"))
PARTS = seeded(lambda: CPC(small_resnet(width=4, norm="layer"), blocks=1, width=8, dim=8))
PAINTER = runpy.run_path(str(DUMMIES / "painter.py"))["Painter"]()
SAID = runpy.run_path(str(DUMMIES / "teachers.py"))["said"]
EXPLORERS = {
    "SimilarityExplorer": lambda method, images: widgets.SimilarityExplorer(recording(method, images), pairs=5),
    "ViewsExplorer": lambda method, images: widgets.ViewsExplorer(images),
    "EmbeddingExplorer": lambda method, images: widgets.EmbeddingExplorer(features(method.encoder, images), images),
    "SceneExplorer": lambda method, images: widgets.SceneExplorer({"a network": method.encoder}),
    "BoundExplorer": lambda method, images: widgets.BoundExplorer(),
    "CircleExplorer": lambda method, images: widgets.CircleExplorer(),
    "ClusterExplorer": lambda method, images: widgets.ClusterExplorer(RUNS),
    "CollapseLab": lambda method, images: widgets.CollapseLab(),
    "KMeansExplorer": lambda method, images: widgets.KMeansExplorer(features(method.encoder, images), images, pca=8),
    "MomentumExplorer": lambda method, images: widgets.MomentumExplorer(),
    "MultiviewExplorer": lambda method, images: widgets.MultiviewExplorer(SEEN, images, PAINTER),
    "PatchExplorer": lambda method, images: widgets.PatchExplorer(PARTS, images, count=6),
    "PseudoLabelExplorer": lambda method, images: widgets.PseudoLabelExplorer(images, SAID(images.labels)),
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
            "level": Slider("level", 0.0, 10.0, 3),
            "row": Slider("row", 0, 9),
            "tau": Slider("temperature", 0.01, 10.0, 1.0, log=True),
            "kind": Choice("kind", [("one kind", "a"), ("another", "b")]),
            "on": Switch("on"),
            "again": Button("draw again"),
        }
        super().__init__(controls, **start)

    def draw(self, **values):
        self.drawn += 1
        figure = Drawing(4, 3)
        figure.words(1, 1, f"row {values['row']}")
        figure.spots.append(lambda: Spots("rows", (0, 0, 4, 3), "row {row}", sets={"row": range(3)}, rows=["0", "1", "2"]))
        return figure, f'<i>"level" & {values}</i>.'


def another(control):
    """A value that the control does not have now."""
    return next(value for value in (*control.stops(), *control.ends(), 1, 2) if value != control.value and control.takes(value))


def looks(explorer):
    """What is seen of an explorer."""
    return explorer.summary, json.dumps(explorer.panel.frame["items"])


def test_every_explorer_is_held_to_these_promises():
    assert {name for name in widgets.__all__ if issubclass(getattr(widgets, name), widgets.Explorer)} == {"Explorer", *EXPLORERS}


def test_every_control_changes_what_is_seen_and_none_gets_into_trouble(explorer):
    for name, control in explorer.controls.items():
        before = looks(explorer)
        control.value = another(control)
        assert explorer.trouble == explorer.panel.frame["trouble"] == "", f"{name}: {explorer.trouble}"
        assert looks(explorer) != before, name


def test_every_control_can_go_as_far_as_it_goes(explorer):
    """One after the other to each end, everything else staying where it was pushed: no corner is left out by an anxious range."""
    for name, control in explorer.controls.items():
        for value in control.stops() if isinstance(control, Choice) else control.ends():
            if name != "projection":  # UMAP starts a process; tests/test_widgets_embedding.py
                control.value = value
                assert explorer.trouble == "", f"{name}={value}: {explorer.trouble}"


def test_what_answers_a_pointer_is_true_of_the_drawing(explorer, answers):
    answers(explorer.figure)
    assert explorer.figure.spots, "nothing in this picture answers"


def test_a_click_sets_what_is_offered(explorer):
    for spots in explorer.panel.frame["spots"]:
        for name, values in spots["sets"].items():
            assert all(explorer.controls[name].takes(value) for value in values), (spots["name"], name)


def test_all_that_a_browser_is_told_is_json(explorer):
    told = {"controls": explorer.panel.controls, "frame": explorer.panel.frame}
    assert json.loads(json.dumps(told, allow_nan=False))["frame"]["summary"] == explorer.summary


def test_while_a_hand_moves_the_picture_is_the_same_and_only_what_answers_is_left_out(explorer):
    explorer.answer({}, serial="a", settled=False)
    moving = explorer.panel.frame
    explorer.answer({}, serial="b", settled=True)
    settled = explorer.panel.frame
    assert moving["serial"] == "a" and not moving["settled"] and "spots" not in moving
    assert settled["serial"] == "b" and settled["settled"] and settled["spots"]
    assert moving["items"] == settled["items"] and moving["summary"] == settled["summary"]


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
    counted.answer({"level": 4, "row": 3})
    assert counted.drawn == 3
    counted.set(level=5)
    for number, control in enumerate(counted.controls.values(), 5):
        control.value = another(control)
        assert counted.drawn == number


def test_a_control_of_none_is_left_out():
    class Few(widgets.Explorer):
        def draw(self, level, row=7):
            return Drawing(4, 3), f"level {level}, row {row}."

    few = Few({"level": Slider("level", 0, 2), "row": None})
    assert [*few.controls] == [*few.panel.controls] == ["level"] and few.summary == "level 0, row 7."


def test_start_values_are_checked_like_all_others():
    assert Counted(level=7).controls["level"].value == 7
    with pytest.raises(InputError, match="level=11 is not offered; level is from 0 to 10"):
        Counted(level=11)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"speed": 1}, "control 'speed' is unknown; there are: level, row, tau, kind, on, again"),
        ({"row": 10}, "row=10 is not offered; row is a whole number from 0 to 9"),
        ({"row": 2.5}, "row is a whole number from 0 to 9"),
        ({"tau": 0}, "tau=0 is not offered; tau is from 0.01 to 10"),
        ({"tau": float("nan")}, "tau is from 0.01 to 10"),
        ({"tau": "warm"}, "tau is from 0.01 to 10"),
        ({"kind": "one kind"}, "kind is one of 'a', 'b'"),
        ({"on": "yes"}, "on is True or False"),
        ({"again": -1}, "again is a whole number from 0 to"),
    ],
)
def test_what_is_not_offered_is_refused_and_moves_nothing(values, words):
    counted = Counted()
    with pytest.raises(InputError, match=words):
        counted.set(level=8, **values)
    assert counted.controls["level"].value == 3
    assert counted.drawn == 1


def test_a_control_can_be_observed_and_linked_as_a_widget_can():
    one, other, seen = Counted(), Counted(), []
    one.controls["tau"].observe(lambda change: seen.append(change["new"]), "value")
    ipywidgets.link((one.controls["tau"], "value"), (other.controls["tau"], "value"))
    ipywidgets.link((box := ipywidgets.FloatText(2.0), "value"), (one.controls["level"], "value"))
    one.answer({"tau": 0.5})
    assert seen == [0.5] and other.controls["tau"].value == 0.5 and "'tau': 0.5" in other.summary
    box.value = 7.0
    assert "'level': 7.0" in one.summary


def test_what_a_browser_sends_and_is_not_offered_is_said_and_moves_nothing():
    counted = Counted()
    counted.answer({"level": 2, "row": 77}, serial="x")
    assert "row=77 is not offered" in counted.trouble == counted.panel.frame["trouble"]
    assert counted.panel.frame["serial"] == "x" and counted.panel.frame["values"]["level"] == 3 and counted.drawn == 1


def test_a_still_picture_and_a_sentence_remain_without_a_front_end(explorer):
    bundle, note = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == explorer.summary == repr(explorer) == note["image/png"]["alt"]
    assert base64.b64decode(bundle["image/png"]) == explorer.picture
    assert "application/vnd.jupyter.widget-view+json" in bundle
    Image.open(io.BytesIO(explorer.picture)).verify()


def test_the_still_is_that_of_what_is_seen():
    counted = Counted()
    before = counted.picture
    counted.answer({"row": 4}, settled=False)
    assert counted.picture != before
    counted.answer({"row": 0})
    assert counted.picture == before


def test_any_figure_can_be_shown_and_has_its_alt_text():
    figure, summary = plots.compare({"pixels": 0.2, "ours": 0.9}, "accuracy")
    seen = widgets.Picture(figure, summary)
    ((kind, box, source, _),) = seen.panel.frame["items"]
    assert kind == "image" and box == [0, 0, *seen.panel.frame["size"]] and seen.panel.frame["summary"] == summary
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")) == seen.picture


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
        super().__init__({"level": Slider("level", 0, 2)})

    def draw(self, level):
        if level == 1:
            raise InputError("level 1 needs <more> images; choose level 2")
        if level == 2:
            raise ZeroDivisionError("by zero")
        return plots.curves([])


@pytest.mark.parametrize("level, words", [(1, "level 1 needs <more> images; choose level 2"), (2, "could not be drawn, ZeroDivisionError: by zero")])
def test_a_hand_on_a_control_gets_a_sentence_instead_of_a_traceback(level, words):
    for move in (lambda it, level: it.answer({"level": level}), lambda it, level: it.controls["level"].set_trait("value", level)):
        explorer = Stubborn()
        seen = explorer.panel.frame["items"]
        move(explorer, level)
        assert words in explorer.trouble == explorer.panel.frame["trouble"]
        assert explorer.panel.frame["items"] == seen and explorer.panel.frame["values"] == {"level": level}
        move(explorer, 0)
        assert explorer.trouble == explorer.panel.frame["trouble"] == ""


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


class Coupled(Counted):
    """Its level follows its row."""

    def follow(self, name):
        if name == "row":
            self.controls["level"].value = float(self.controls["row"].value)


def test_one_control_can_move_another_and_it_is_one_redraw():
    for move in (lambda e: e.set(row=4), lambda e: e.answer({"row": 4}), lambda e: setattr(e.controls["row"], "value", 4)):
        coupled = Coupled()
        move(coupled)
        assert coupled.controls["level"].value == 4 and coupled.drawn == 2


def test_a_hand_on_another_thread_is_answered_in_turn():
    counted = Counted()
    threads = [threading.Thread(target=counted.answer, args=({"row": row},), kwargs={"serial": f"{row}"}) for row in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    frame = counted.panel.frame
    assert counted.drawn == 9 and frame["values"]["row"] == int(frame["serial"]) and f"'row': {frame['serial']}" in frame["summary"]


# Saved pages


def saved(path) -> dict:
    """What a page holds."""
    text = path.read_text()
    start = text.rindex("model: stored(") + len("model: stored(")
    return json.JSONDecoder().raw_decode(text, start)[0]


def test_a_page_holds_every_combination_of_what_is_swept_and_begins_where_the_explorer_is(tmp_path):
    counted = Counted(row=2, kind="b")
    page = saved(counted.save(tmp_path / "x.html", row=range(4), kind=None))
    assert [*page["controls"]] == ["row", "kind"]
    assert page["controls"]["row"]["stops"] == [0, 1, 2, 3] and page["controls"]["kind"]["words"] == ["one kind", "another"]
    assert len(page["frames"]) == 8 and page["first"] == "2,1"
    assert [page["frames"][f"{row},0"]["values"]["row"] for row in range(4)] == [0, 1, 2, 3]
    assert counted.values["row"] == 2 and counted.drawn == 9


def test_a_page_asks_nothing_of_a_network(tmp_path):
    text = Counted().save(tmp_path / "x.html", row=None).read_text()
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "import(" not in text and "<link" not in text and "src=" not in text


def test_what_a_page_shows_cannot_end_its_script(tmp_path):
    class Rude(Counted):
        def draw(self, **values):
            figure, _ = super().draw(**values)
            return figure, "</script><script>alert(1)</script>."

    text = Rude().save(tmp_path / "x.html", row=[0]).read_text()
    assert text.count("</script>") == 1


def test_an_image_and_an_item_of_many_frames_are_kept_once(tmp_path):
    class Same(Counted):
        def draw(self, **values):
            figure, summary = super().draw(**values)
            figure.image(np.zeros((2, 2, 3), np.uint8), 0, 0, 1, 1)
            return figure, summary

    page = saved(Same().save(tmp_path / "x.html", row=None))
    assert len(page["images"]) == 1 and len(page["frames"]) == len(page["rest"]) - 1 == 10  # ten texts, one image
    (image,) = {frame["items"][1] for frame in page["frames"].values()}
    assert page["rest"][image][2] == 0


@pytest.mark.parametrize(
    "swept, words",
    [
        ({}, "0 controls are to be swept; name one or two of level, row"),
        ({"row": None, "kind": None, "on": None}, "3 controls are to be swept"),
        ({"speed": [1]}, "control 'speed' is unknown"),
        ({"row": [0, 99]}, "row=99 is not offered"),
        ({"row": []}, "row=\\[\\]: there is nothing to draw"),
        ({"row": 3}, "row=3: give values to sweep, such as \\[3\\]"),
    ],
)
def test_a_page_of_what_there_is_not_is_refused_and_nothing_is_written(swept, words, tmp_path):
    with pytest.raises(InputError, match=words):
        Counted().save(tmp_path / "x.html", **swept)
    assert not (tmp_path / "x.html").exists()


def test_a_page_begins_at_the_closest_value_and_in_a_folder_that_is_made(tmp_path):
    path = Counted(row=6).save(tmp_path / "new" / "x.html", row=[0, 5, 9], kind=["b"])  # the explorer stands at row 6 and kind "a"
    assert saved(path)["first"] == "1,0"
    assert [file.name for file in path.parent.iterdir()] == ["x.html"]


def test_a_page_of_more_than_three_megabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ssl_lab.widgets.explorer.MOST", 1000)
    with pytest.raises(InputError, match=r"10 pictures are 0\.0 MB, and a page has 0\.001 MB at most; give fewer values"):
        Counted().save(tmp_path / "x.html", row=None)
