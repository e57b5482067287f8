"""The map of an embedding can be walked through; UMAP comes when its process is done; what cannot be shown is one sentence."""

import io
import sys
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import project
from ssl_lab.widgets import EmbeddingExplorer, scatter
from ssl_lab.widgets.embedding import coloured

PATIENCE = 300  # seconds
HANGING = "import time; time.sleep(600)"
PROMPT = """
import io, sys, numpy as np
task = np.load(io.BytesIO(sys.stdin.buffer.read()))
print('loaded', '3/4', sep='\\n', file=sys.stderr, flush=True)
np.save(out := io.BytesIO(), task['start'] * int(task['neighbours']))
sys.stdout.buffer.write(out.getvalue())
"""


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=40)


@pytest.fixture(scope="module")
def h(images):
    """The class, with noise."""
    return F.one_hot(images.labels, 10).float() + 0.25 * torch.randn(40, 10, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make(h, images):
    """Explorers, whose processes end with the test."""
    made = []

    def new(*arguments, **options):
        made.append(EmbeddingExplorer(*(arguments or (h, images)), **options))
        return made[-1]

    yield new
    for explorer in made:
        explorer.stop()


@pytest.fixture
def prompt(monkeypatch):
    """A process that answers at once, with the principal components times the number of neighbours, in UMAP's place."""
    monkeypatch.setattr(project, "CHILD", PROMPT)


@pytest.fixture
def hanging(monkeypatch):
    """A process that never answers, and says nothing of its own while a test speaks for it."""
    monkeypatch.setattr(project, "CHILD", HANGING)


def seen(explorer):
    return explorer.summary, explorer.picture


def test_every_control_changes_what_is_seen(make, hanging):
    explorer = make()
    for name, value in {"projection": "UMAP", "neighbours": 7, "colour": "light", "picked": 9}.items():
        before = seen(explorer)
        explorer.controls[name].value = value
        assert seen(explorer) != before, name
        assert explorer.trouble == ""
    assert list(explorer.controls) == ["projection", "neighbours", "colour", "picked", "go"]


def test_the_sentence_counts_neighbours_as_loops_do(holds, make, h, images):
    explorer, pixels = make(k=5), images.x.flatten(1).float()
    for i in (0, 7, 39):
        explorer.set(picked=i)
        others = [j for j in range(40) if j != i]
        cosine = sorted(others, key=lambda j, i=i: -F.cosine_similarity(h[i], h[j], dim=0).item())[:5]
        euclid = sorted(others, key=lambda j, i=i: (pixels[i] - pixels[j]).norm().item())[:5]
        ours, theirs = (sum(images.labels[j].item() == images.labels[i].item() for j in near) for near in (cosine, euclid))
        name = f"image {i} ({images.classes[images.labels[i]]})"
        assert holds(explorer.summary, "PCA of 40 images", "class", name, f"{ours} of its 5", "embedding", f"{theirs} of 5", "pixels")


def test_length_of_a_row_does_not_matter(make, h, images):
    one, other = make(), make(h * torch.linspace(1, 9, 40)[:, None], images)
    assert torch.equal(one.near, other.near)
    torch.testing.assert_close(one.pca, other.pca)
    assert one.summary == other.summary


def test_umap_replaces_pca_when_its_process_is_done(make, prompt):
    explorer = make(projection="UMAP", neighbours=9)
    assert explorer.wait(PATIENCE)
    assert explorer.trouble == ""
    assert explorer.summary.startswith("UMAP with 9 neighbours of 40 images")
    assert explorer.summary == explorer.panel.frame["summary"]
    assert explorer.panel.frame["news"] is None
    torch.testing.assert_close(explorer.map("UMAP", 9)[0], 9 * explorer.pca[0])


def test_pca_stays_in_sight_while_umap_is_made(make, hanging):
    explorer = make()
    before = explorer.picture
    explorer.set(projection="UMAP")
    assert explorer.summary.startswith("PCA of 40 images")
    assert explorer.summary.endswith("; UMAP with 15 neighbours is on its way.")
    assert explorer.picture != before
    assert explorer.panel.frame["news"]["words"].startswith("UMAP: ")
    assert not explorer.wait(0.01)
    assert explorer.set(projection="PCA").wait(0.01)
    assert explorer.picture == before


def test_the_bar_says_how_far_umap_is(make, hanging):
    explorer = make(projection="UMAP")
    umap = explorer.umaps[15]
    for line, value, words in ("loaded", 30, "UMAP: finding neighbours"), ("250/500", 80, "UMAP: 80%"):
        umap.heard(line)
        assert explorer.panel.frame["news"] == {"what": "UMAP's work that is done", "words": words, "done": value, "most": 100}
        assert explorer.panel.frame["summary"] == explorer.summary
        assert explorer.trouble == ""


def test_asking_for_other_neighbours_stops_the_process_that_runs(make, hanging):
    explorer = make(projection="UMAP")
    first = explorer.umaps[15]
    explorer.set(neighbours=4)
    assert not first.wait(PATIENCE)
    assert first.process.returncode not in (None, 0)
    assert list(explorer.umaps) == [4]
    assert explorer.umaps[4].running
    assert explorer.trouble == ""


def test_a_map_that_is_done_is_kept(make, prompt):
    explorer = make(projection="UMAP", neighbours=4)
    assert explorer.wait(PATIENCE)
    first = explorer.umaps[4]
    assert explorer.set(neighbours=5).wait(PATIENCE)
    explorer.set(neighbours=4)
    assert explorer.umaps[4] is first
    assert explorer.summary.startswith("UMAP with 4 neighbours")


def test_stop_ends_the_process(make, hanging):
    explorer = make(projection="UMAP")
    umap = explorer.umaps[15]
    explorer.stop()
    umap.wait(PATIENCE)
    assert umap.process.returncode not in (None, 0)
    assert explorer.trouble == ""


def test_a_process_that_fails_is_one_sentence_beside_the_pca_until_another_is_asked_for(make, monkeypatch):
    monkeypatch.setattr(project, "CHILD", "raise MemoryError('too many points')")
    explorer = make(projection="UMAP")
    assert not explorer.wait(PATIENCE)
    assert "ended without a map (MemoryError: too many points)" in explorer.trouble
    assert "MemoryError" in explorer.panel.frame["trouble"]
    assert explorer.panel.frame["news"] is None
    assert explorer.summary.endswith("; UMAP with 15 neighbours has failed.")
    explorer.set(picked=3)
    assert "MemoryError" in explorer.trouble
    assert explorer.set(projection="PCA").trouble == ""
    monkeypatch.setattr(project, "CHILD", PROMPT)
    assert explorer.set(projection="UMAP", neighbours=6).wait(PATIENCE)
    assert explorer.trouble == ""


def test_another_try_after_a_failure_begins_with_pca(make, monkeypatch):
    monkeypatch.setattr(project, "CHILD", "raise MemoryError")
    explorer = make(projection="UMAP")
    assert not explorer.wait(PATIENCE)
    monkeypatch.setattr(project, "CHILD", PROMPT)
    assert explorer.set(projection="PCA").set(projection="UMAP").wait(PATIENCE)


def test_neighbours_of_umap_can_be_moved_only_where_they_matter(make, hanging):
    explorer = make()
    assert explorer.controls["neighbours"].disabled
    assert explorer.panel.frame["disabled"] == ["neighbours"]
    explorer.set(projection="UMAP")
    assert not explorer.controls["neighbours"].disabled
    assert explorer.panel.frame["disabled"] == []


def test_a_click_on_a_point_or_a_neighbour_picks_it(make):
    explorer = make()
    for spots in explorer.panel.frame["spots"]:
        for place in (0, 4):
            explorer.answer({"picked": spots["sets"]["picked"][place]})
            assert f"of image {spots['data']['image'][place]} (" in explorer.summary


def test_a_neighbour_says_how_near_it_is_as_a_loop_does(make, h, images):
    explorer, pixels = make(picked=5, k=6), images.x.flatten(1).double() / 255
    near, ours, _ = explorer.panel.frame["spots"]
    for spots, measure in (near, lambda j: (pixels[j] - pixels[5]).norm()), (ours, lambda j: F.cosine_similarity(h[j], h[5], dim=0)):
        rows = [*map(int, spots["data"]["image"])]
        assert spots["data"]["near"] == [f"{measure(j):.3f}".replace("-", "−") for j in rows]
        assert sorted(rows, key=lambda j: measure(j) * (1 if spots is near else -1)) == rows


def test_the_most_confused_and_a_typical_image_of_each_class_can_be_gone_to(make, images):
    explorer = make()
    go, picked = explorer.controls["go"], explorer.controls["picked"]
    options = dict(go.options)
    assert list(options) == ["…", "the most confused image", *(f"a typical {images.classes[label]}" for label in images.labels.unique())]
    for words, row in list(options.items())[1:]:
        go.value = row
        assert picked.value == go.value == row
        assert f"of image {row} (" in explorer.summary
        assert explorer.panel.frame["values"]["picked"] == row
        if words.startswith("a typical"):
            assert words.removeprefix("a typical ") == images.classes[images.labels[row]]
    explorer.set(picked=next(i for i in range(40) if i not in options.values()))
    assert go.value is None
    assert explorer.set(go=row).values["picked"] == row
    explorer.set(go=None)
    assert picked.value == row


def test_a_page_that_is_saved_can_sweep_the_list_and_the_images(make):
    explorer = make()
    row = explorer.controls["go"].options[2][1]
    explorer.set(picked=0)
    assert f"of image {row} (" in explorer.draw(**{**explorer.values, "go": row})[1]
    explorer.set(go=row)
    assert "of image 7 (" in explorer.draw(**{**explorer.values, "picked": 7})[1]


@pytest.mark.parametrize(
    "name, way",
    [("class", "category"), ("object_hue", "angle"), ("light", "angle"), ("rotation", "number"), ("x", "number"), ("texture", "number")],
)
def test_every_factor_is_coloured_by_what_it_is(images, name, way):
    assert coloured(images, name).way == way


def test_angles_are_turns_of_their_period_and_unknown_where_they_have_none(images):
    hue = coloured(images, "object_hue").values
    np.testing.assert_allclose(hue, images.factors["object_hue"].numpy() / (2 * np.pi), rtol=1e-6)
    rings = (images.labels == images.classes.index("ring")).numpy()
    assert rings.any()
    np.testing.assert_array_equal(np.isnan(coloured(images, "rotation").values), rings)
    wide = Images(images.x, images.labels, factors={"a": torch.linspace(-4, 4, 40)}, periods={"a": torch.tensor([2.0, 0.0]).repeat(20)})
    found = coloured(wide, "a")
    assert found.way == "angle"
    np.testing.assert_allclose(found.values[::2], wide.factors["a"].numpy()[::2] / 2 % 1, rtol=1e-5)
    assert np.isnan(found.values[1::2]).all()


def test_whole_numbers_are_kinds_with_names_while_they_are_few(images):
    few, many = torch.arange(40) % 3 * 10, torch.arange(40)
    kinds = coloured(Images(images.x, images.labels, factors={"a": few}), "a")
    assert (kinds.way, kinds.names) == ("category", ("0", "10", "20"))
    np.testing.assert_array_equal(kinds.values, few.numpy() / 10)
    assert coloured(Images(images.x, images.labels, factors={"a": many}), "a").way == "number"


def test_unlabelled_images_have_no_colour(images):
    some = images.label_fraction(0.5)
    assert np.isnan(coloured(some, "class").values).sum() == 20


def test_images_without_factors_and_names_can_be_explored(h, images, make):
    explorer = make(h, Images(images.x, images.labels))
    assert explorer.controls["colour"].stops() == ["class"]
    assert f"(class {images.labels[0]})" in explorer.summary


def test_an_index_chooses_the_images(make, h, images):
    rows = torch.tensor([5, 1, 3, 3, 20, 11])
    chosen = Images(images.x, images.labels, images.classes, index=rows)
    assert make(h[rows], chosen).picture == make(h[rows], images[rows]).picture


def test_fewer_images_have_fewer_neighbours(make, h, images):
    assert "of its 2 nearest" in make(h[:3], images[:3]).summary


@pytest.mark.parametrize(
    "rows, spoil, options, words",
    [
        (range(39), None, {}, "every image needs its row: got 39 rows and 40 images"),
        (range(40), "nan", {}, "1 of 40 rows of the embedding hold NaN or infinity"),
        (range(40), "labels", {}, "none of these images has a label"),
        (range(40), None, {"neighbours": 40}, "UMAP with neighbours=40 needs more points than the 40 that there are; use 39 or fewer"),
        (range(40), None, {"neighbours": 1}, "neighbours=1 is not offered; neighbours is a whole number from 2 to 39"),
        (range(40), None, {"picked": 40}, "picked is a whole number from 0 to 39"),
        (range(40), None, {"colour": "smell"}, "colour is one of 'class', 'object_hue'"),
        (range(40), None, {"projection": "t-SNE"}, "projection is one of 'PCA', 'UMAP'"),
        (range(40), None, {"zoom": 2}, "control 'zoom' is unknown; there are: projection, neighbours, colour, picked, go"),
        (range(40), None, {"k": 0}, "k=0 neighbours cannot be shown side by side; from 1 to 16 can"),
        (range(40), None, {"k": 17}, "k=17 neighbours cannot be shown side by side"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(h, images, rows, spoil, options, words):
    h = h[list(rows)].clone()
    if spoil == "nan":
        h[3, 2] = torch.nan
    with pytest.raises(InputError, match=words):
        EmbeddingExplorer(h, images.unlabelled() if spoil == "labels" else images, **options)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_images_are_refused(h, images, n):
    with pytest.raises(InputError, match=f"at least 3 points, and there are {n}"):
        EmbeddingExplorer(h[:n], images[:n])


def test_looking_leaves_rows_images_and_random_numbers_alone(make, h, images, prompt):
    state, before = torch.get_rng_state(), h.clone()
    make(projection="UMAP").wait(PATIENCE)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(h, before)


def test_features_that_still_have_a_gradient_can_be_explored(make, h, images, prompt):
    explorer = make(h.clone().requires_grad_(), images)
    assert explorer.picture == make().picture
    assert explorer.set(projection="UMAP").wait(PATIENCE), explorer.trouble


def test_a_still_picture_remains(make):
    explorer = make()
    assert explorer._repr_mimebundle_()[0]["text/plain"] == explorer.summary
    Image.open(io.BytesIO(explorer.picture)).verify()


def test_umap_may_end_while_a_hand_moves(make, prompt):
    """Both redraw, each on a thread of its own; neither waits for the other forever."""
    explorer = make()
    for neighbours in range(3, 9):
        explorer.answer({"projection": "UMAP", "neighbours": neighbours})
        for picked in range(5):
            explorer.answer({"picked": picked}, settled=False)
        assert explorer.wait(PATIENCE)
    assert explorer.summary.startswith("UMAP with 8 neighbours")
    assert explorer.trouble == ""


def test_redrawing_on_two_threads_ends_in_a_picture_of_the_present_values(make):
    explorer = make()
    threads = [threading.Thread(target=explorer.heard) for _ in range(3)]
    for thread in threads:
        thread.start()
    explorer.set(picked=8)
    for thread in threads:
        thread.join()
    assert "of image 8 (" in explorer.summary
    assert explorer.trouble == ""


def test_pointing_at_the_scatter_picks_the_image(make):
    explorer = make(colour="light")
    widget = explorer.scatter().widget
    widget.selection = np.array([7, 9])
    assert "of image 7 (" in explorer.summary
    widget.hovering = 12
    assert "of image 12 (" in explorer.summary
    widget.hovering = None
    widget.selection = np.array([], dtype=int)
    assert "of image 12 (" in explorer.summary


def test_the_scatter_shows_the_map_that_is_seen_and_its_colours(make, images, prompt):
    explorer = make()
    plot = explorer.scatter()
    np.testing.assert_allclose(np.stack([plot.x_data, plot.y_data], axis=1), explorer.pca[0].numpy())
    assert list(plot.color_data) == [images.classes[label] for label in images.labels]
    assert explorer.set(projection="UMAP", neighbours=3, colour="texture").wait(PATIENCE)
    plot = explorer.scatter()
    np.testing.assert_allclose(np.stack([plot.x_data, plot.y_data], axis=1), 3 * explorer.pca[0].numpy(), rtol=1e-5)
    np.testing.assert_allclose(plot.color_data, images.factors["texture"])


def test_what_has_no_label_is_unknown_in_the_scatter(make, h, images):
    plot = make(h, images.label_fraction(0.5)).scatter()
    assert list(plot.color_data).count("unknown") == 20


def test_without_jupyter_scatter_one_sentence_says_how_to_get_it(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "jscatter", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'ssl-lab\[scatter\]'"):
        make().scatter()


def test_names_that_cannot_be_shown_are_shown_as_what_can_be_and_none_is_lost(make, h, images):
    odd = ("$", "a\nb", "half \udcff", "  ", "x" * 300, "x" * 301, "\u202eback", "🐈", "_a^b", "100 %")
    named = Images(images.x, images.labels, odd)
    explorer = make(h, named)
    assert explorer.picture
    offered = [name for name, row in explorer.controls["go"].options]
    assert len(offered) == 2 + len(images.labels.unique())
    assert all(name.isprintable() and len(name) < 80 for name in offered)
    assert all(name.isprintable() for name in scatter.values(coloured(named, "class")))


@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (8, 200)])
def test_images_of_any_shape_can_be_explored(make, h, images, H, W):
    explorer = make(h, Images(torch.zeros(40, 3, H, W, dtype=torch.uint8), images.labels, images.classes))
    assert explorer.picture and not explorer.trouble


COLLAPSED = {"zeros": torch.zeros(40, 6), "one point": torch.ones(40, 6), "rounding": 1 + 1e-7 * torch.rand(40, 6), "huge": 1e30 * torch.ones(40, 6)}


@pytest.mark.parametrize("kind", COLLAPSED)
def test_a_collapsed_embedding_has_a_map_of_its_components_and_a_sentence_in_place_of_umap(kind, make, images, holds):
    """What BYOL makes without its predictor: whoever asks for UMAP reads why there is none, and goes on picking images."""
    explorer = make(COLLAPSED[kind], images, projection="UMAP")
    assert not explorer.wait(PATIENCE)
    for picked in (0, 7):
        explorer.controls["picked"].value = picked
        assert "the embedding has collapsed, all 40 rows are one point" in explorer.trouble
        assert holds(explorer.summary, "PCA of 40 images", f"image {picked} ")
    explorer.controls["projection"].value = "PCA"
    assert explorer.trouble == ""


def test_rows_whose_squares_are_no_numbers_are_told_apart(make, images, h):
    near, huge = make(h, images), make(1e30 * h, images)
    assert torch.equal(near.near, huge.near)
