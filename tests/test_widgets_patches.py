"""PatchExplorer: its numbers are those of the method, what a context sees is what its blocks allow, and looking changes nothing."""

import re

import numpy as np
import pytest
import torch

from ssl_lab.augment import Augmentation, PatchAugmentation, patches, to_float
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.losses import cpc_nce
from ssl_lab.methods import CPC, SimCLR
from ssl_lab.methods.cpc import DIRECTIONS
from ssl_lab.models import small_resnet
from ssl_lab.stream import RandomStream
from ssl_lab.widgets import PatchExplorer

SIZE, STRIDE, G = 16, 4, 5
STILL = PatchAugmentation(operations=0, elastic_share=0, tone_share=0, jitter_share=0, grey_share=0, drop_share=0)


def made(seed=0, norm="layer", **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        given = {"size": SIZE, "stride": STRIDE, "steps": 3, "skip": 1, "dim": 8, "width": 8, "blocks": 2} | options
        return CPC(small_resnet(width=4, norm=norm), norm=norm, **given)


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=14)


@pytest.fixture(scope="module")
def method():
    return made()


@pytest.fixture
def explorer(method, images):
    return PatchExplorer(method, images, count=6)


def paid(method, x):
    """Direction and k → the loss of training, of plain patches."""
    with torch.no_grad():
        z = method.eval().encoder.maps(to_float(x))
        target, losses = method.target(z), {}
        for turn, W in enumerate(method.W):
            for k, prediction in method.predictions(z.rot90(turn, (2, 3)), W):
                losses[DIRECTIONS[turn], k] = float(cpc_nce(prediction, target.rot90(turn, (2, 3)), k))
    method.train()
    return losses


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("k", [2, 3])
def test_the_mean_of_the_map_is_the_loss_of_the_direction_and_the_step(explorer, method, images, direction, k):
    explorer.set(direction=direction, k=k)
    loss = paid(method, images.x[:6])[direction, k]
    assert explorer.find(0, False, DIRECTIONS.index(direction), k).mean == pytest.approx(loss, rel=1e-5)
    assert f"{direction}, k = {k}, plain patches" in explorer.summary and f"{loss:.2f} on average over 6 images" in explorer.summary


def test_all_means_together_are_the_loss_of_the_method(method, images):
    explorer = PatchExplorer(method, images, count=6, augmented=True, seed=3)
    with RandomStream((3, 0), torch.device("cpu")):
        views = method.views(images.x[:6])
    with torch.no_grad():
        loss = float(method.eval()(*views))
    method.train()
    assert np.mean([*explorer.means(0, True).values()]) == pytest.approx(loss, rel=1e-5)
    assert explorer.means(0, False) == pytest.approx(paid(method, images.x[:6]), rel=1e-5)


@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("turn", range(4))
def test_a_context_sees_n_rows_and_columns_and_nothing_beyond_its_own_row(images, blocks, turn):
    explorer = PatchExplorer(made(blocks=blocks), images, count=2)
    moved = torch.from_numpy(explorer.field(0, False, 1, turn).moved).view(G, G, G, G)
    moved = moved.rot90(turn, (0, 1)).rot90(turn, (2, 3))  # as the context network sees the grid
    for i, j, u, v in np.ndindex(G, G, G, G):  # patch (i, j) covered; context (u, v)
        assert bool(moved[i, j, u, v] > 0) == (0 <= u - i <= blocks and abs(v - j) <= blocks), (i, j, u, v)


def test_a_context_that_looks_below_is_seen_to_do_so(images):
    method = made()
    method.context = torch.nn.Sequential(torch.nn.Conv2d(method.encoder.dim, method.encoder.dim, 3, padding=1))
    field = PatchExplorer(method, images, count=2).field(0, False, 0, 0)
    assert np.flatnonzero(field.seen(2 * G + 2)).tolist() == [G * i + j for i in (1, 2, 3) for j in (1, 2, 3)]


def test_how_far_a_context_moves_is_measured_by_covering_patch_after_patch(images):
    method = made(blocks=1)
    field = PatchExplorer(method, images, count=2).field(0, False, 1, 0)
    method.eval().double()
    with torch.no_grad():
        x = to_float(images.x[1:2]).double()
        grid = patches(x, SIZE, STRIDE)
        before = method.context(method.encoder.latents(grid))
        length = before.norm(dim=1).mean()
        for patch in (0, 7, 24):
            covered = grid.clone()
            covered[0, patch // G, patch % G] = 0.5
            far = (method.context(method.encoder.latents(covered)) - before).norm(dim=1).flatten() / length
            np.testing.assert_allclose(field.moved[patch], far.numpy(), rtol=1e-3, atol=1e-6)


def test_the_crop_that_is_shown_is_the_one_that_was_cut(images):
    method = made(augmentation=Augmentation(area=(0.3, 0.6)), patch_augmentation=STILL)
    cut, *_ = PatchExplorer(method, images, count=4).encoded(1, True)
    whole = torch.from_numpy(cut.images).permute(0, 3, 1, 2)
    np.testing.assert_array_equal(patches(whole, SIZE, STRIDE).permute(0, 1, 2, 4, 5, 3).numpy(), cut.tiles)
    assert cut.augmented and not np.array_equal(cut.images, images.x[4:8].permute(0, 2, 3, 1).numpy())


def test_plain_patches_are_those_of_the_images(explorer, images):
    cut, *_ = explorer.encoded(0, False)
    np.testing.assert_array_equal(cut.images, images.x[:6].permute(0, 2, 3, 1).numpy())
    np.testing.assert_array_equal(cut.tiles, patches(images.x[:6], SIZE, STRIDE).permute(0, 1, 2, 4, 5, 3).numpy())


def test_another_batch_has_the_next_images_and_goes_round(explorer, images):
    for batch in range(4):
        labels = [int(images.labels[(6 * batch + place) % 14]) for place in range(6)]
        assert explorer.encoded(batch, False)[0].labels.tolist() == labels
    first, second = (explorer.encoded(batch, True)[0].tiles for batch in (0, 7))  # 7 batches of 6 are 3 times all images
    assert (explorer.encoded(0, False)[0].images == explorer.encoded(7, False)[0].images).all() and not np.array_equal(first, second)


def test_what_is_no_target_gives_way_and_play_goes_through_all_that_are(explorer):
    explorer.set(direction="down", k=2)
    slider, shown = explorer.controls["target"], []
    assert slider.stops() == [*range(25)]
    for stop in slider.stops():
        explorer.answer({"target": stop}, settled=False)
        shown.append(explorer.values["target"])
    assert shown == [10] * 10 + [*range(10, 25)] and explorer.trouble == ""
    explorer.set(direction="up")
    assert explorer.values["target"] == 14 and "the target at row 2, column 4, 2 rows above its context" in explorer.summary
    explorer.set(k=3)
    assert explorer.values["target"] == 9 and "row 1, column 4, 3 rows above its context" in explorer.summary
    explorer.set(direction="left", target=4)
    assert explorer.values["target"] == 5 and "row 1, column 0, 3 columns left of its context" in explorer.summary


@pytest.mark.parametrize("direction, k", [("left", 2), ("right", 3), ("up", 3), ("down", 3)])
def test_a_step_back_comes_to_the_target_before_and_a_step_on_to_the_next_one(explorer, direction, k):
    """By the arrow keys, each of which is one move under way and one that rests, and by a drag."""
    explorer.set(direction=direction, k=k)
    targets = sorted(explorer.find(0, False, DIRECTIONS.index(direction), k).targets.tolist())
    for sign, way in ((-1, targets[::-1]), (1, targets)):
        explorer.set(target=way[0])
        met = [explorer.values["target"]]
        while 0 <= (stop := explorer.values["target"] + sign) < 25 and met[-1] != way[-1]:
            for settled in (False, True):
                explorer.answer({"target": stop}, settled=settled)
            met.append(explorer.values["target"])
        assert met == way
    explorer.set(target=targets[-1])
    for stop in range(targets[-1] - 1, targets[0], -1):
        explorer.answer({"target": stop}, settled=False)
        assert explorer.values["target"] == max(target for target in targets if target <= stop)


def test_a_page_that_is_saved_goes_through_the_targets(explorer):
    _, said = explorer.draw(**explorer.values | {"target": 3})
    assert "the target at row 2, column 0" in said


def spots(explorer, name):
    return next(one for one in explorer.panel.frame["spots"] if one["name"] == name)


@pytest.mark.parametrize("name", ["patches of the image", "loss of every target", "what the context sees", "mean loss of the batch"])
def test_a_click_on_a_patch_makes_it_the_target_where_it_can_be_one(explorer, name):
    explorer.set(target=12)
    sets = spots(explorer, name)["sets"]["target"]
    assert sets == [12] * 10 + [*range(10, 25)]
    explorer.answer({"target": sets[17]})
    assert explorer.values["target"] == 17 and "row 3, column 2, 2 rows below" in explorer.summary


def test_a_click_on_the_table_takes_direction_and_step(explorer):
    sets = spots(explorer, "all directions")["sets"]
    place = [*zip(sets["direction"], sets["k"], strict=True)].index(("right", 3))
    explorer.answer({name: values[place] for name, values in sets.items()})
    assert (explorer.values["direction"], explorer.values["k"]) == ("right", 3) and "3 columns right of its context" in explorer.summary


def test_every_control_moves_the_sentence(explorer):
    for values in ({"image": 3}, {"target": 22}, {"direction": "right"}, {"k": 3}, {"augmented": True}, {"batch": 1}):
        before = explorer.summary
        assert explorer.set(**values).summary != before, values


def test_controls_with_nothing_to_choose_are_left_out(images):
    few = PatchExplorer(made(directions=1, steps=2), images[:5])
    assert [*few.controls] == ["image", "target", "augmented"] and few.controls["target"].stops() == [*range(10, 25)]
    assert spots(few, "all directions")["sets"] == {} and "over 5 images" in few.summary


def test_nothing_changes_in_the_method_and_its_training_changes_nothing_here(images):
    method = made(norm="batch").train()
    method.context.eval()
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in method.state_dict().items()}
    modes = [module.training for module in method.modules()]
    explorer = PatchExplorer(method, images, count=4).set(augmented=True, batch=2, direction="up", image=1)
    assert torch.equal(torch.get_rng_state(), state) and [module.training for module in method.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(parameter.grad is None for parameter in method.parameters())
    said = explorer.summary
    for parameter in method.parameters():
        parameter.data.zero_()
    assert explorer.set(batch=1).set(batch=2).summary == said


def test_the_same_seed_augments_alike(method, images):
    said = [PatchExplorer(method, images, count=4, seed=seed, augmented=True).summary for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]


def test_every_batch_is_encoded_once(method, images, monkeypatch):
    calls, latents = [], type(method.encoder).latents
    monkeypatch.setattr(type(method.encoder), "latents", lambda self, grid: calls.append(len(grid)) or latents(self, grid))
    explorer = PatchExplorer(method, images, count=6)
    for values in ({"target": 20}, {"image": 2}, {"direction": "left"}, {"k": 3}, {"augmented": True}, {"augmented": False}, {"batch": 1}):
        explorer.set(**values)
    explorer.set(batch=0)
    assert sorted(calls) == [1, 6, 6, 6]  # a grey patch, and three batches


def test_an_image_that_is_wider_than_high_has_a_grid_that_is(images):
    wide = images.x[:4].repeat(1, 1, 1, 2)[..., :48]
    explorer = PatchExplorer(made(steps=2), type(images).of(wide), direction="left", target=0)
    assert explorer.grid == (5, 9) and "of 45 patches" in explorer.summary and "of 180 with" in explorer.summary


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda images: PatchExplorer(SimCLR(small_resnet(width=4)), images), "shows the predictions of a CPC and got SimCLR"),
        (lambda images: PatchExplorer(made(), images[:1]), "there are 1 images, and two are needed"),
        (lambda images: PatchExplorer(made(), images, count=1), "count=1: a batch has 2 to 64 images"),
        (lambda images: PatchExplorer(made(), images, count=65), "count=65: a batch has 2 to 64 images"),
        (lambda images: PatchExplorer(made(size=40), images), "a patch of 40 x 40 pixels is larger than the image, 32 x 32"),
        (lambda images: PatchExplorer(made(steps=5), images), "steps=5 needs 6 rows of patches, and there are 5"),
        (lambda images: PatchExplorer(made().double(), images), "float32 is needed"),
        (lambda images: PatchExplorer(made(), images, target=25), "target=25 is not offered"),
        (lambda images: PatchExplorer(made(), images, k=1), "k=1 is not offered; k is one of 2, 3"),
        (lambda images: PatchExplorer(made(), images, direction="below"), "direction is one of 'down', 'left', 'up', 'right'"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(build, words, images):
    with pytest.raises(InputError, match=re.escape(words)):
        build(images)


@pytest.mark.parametrize("part", ["target", "context", "encoder"])
def test_weights_that_are_no_numbers_are_refused(images, part):
    method = made()
    next(getattr(method, part).parameters()).data.fill_(float("nan"))
    with pytest.raises(InputError, match="targets or predictions are not finite"):
        PatchExplorer(method, images)
