"""What CPC promises, each promise a function that a class keeps or breaks: CPC keeps them all, and every usual mistake breaks one.

Of the mistakes in methods.md 6.4 these cannot be made here, or are caught elsewhere: a softmax whose logarithm is taken afterwards, and sampled
negatives among which the positive is (the loss is a function of its own, and takes all candidates: test_losses_cpc.py); ones above the first row
(test_models_context.py); layer norm over the channels of each position (there is one network with it: test_models_small.py); the positive's number
in a grid without its first rows (the loss makes the numbers, and no method does).
"""

import copy
import math

import pytest
import torch
from torch import nn

from ssl_lab.augment import Augmentation, PatchAugmentation, grid_shape, patches
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.features import features
from ssl_lab.losses import cpc_nce
from ssl_lab.method import Method
from ssl_lab.methods import CPC, cpc
from ssl_lab.methods.cpc import DIRECTIONS, SCALE
from ssl_lab.models import PatchEncoder, small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

QUICK = Recipe(epochs=2, batch=8, lr=0.01)
TINY = {"size": 8, "stride": 4, "steps": 2, "skip": 0, "directions": 4, "dim": 4, "width": 4, "blocks": 1}
WHOLE = Augmentation(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0)
NOTHING = PatchAugmentation(operations=0, elastic_share=0.0, tone_share=0.0, jitter_share=0.0, grey_share=0.0, drop_share=0.0)
STEP = {"down": (1, 0), "left": (0, -1), "up": (-1, 0), "right": (0, 1)}  # of what is predicted: rows and columns
CASES = [((2, 3, 3), {}), ((2, 3, 4), {"skip": 1}), ((2, 3, 2), {"directions": 1}), ((1, 2, 3), {"directions": 2, "steps": 1}),
         ((1, 4, 4), {"directions": 3, "steps": 3, "skip": 1})]  # fmt: skip


@pytest.fixture(scope="module")
def images() -> Images:
    return load("scenes", limit=16, size=16)


SCENES = load("scenes", limit=16, size=16).x


def build(kind=CPC, seed: int = 0, **options) -> CPC:
    torch.manual_seed(seed)
    return kind(small_resnet(width=2, norm="layer"), **TINY | options).train()


def grids(B: int = 2, G: int = 3, J: int = 3) -> torch.Tensor:
    return torch.rand(B, G, J, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def numbers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def loops(method: CPC, grid: torch.Tensor) -> torch.Tensor:
    """The loss of a grid of patches, in the places of the grid as it is: one patch, one direction, one step after another."""
    places = [(b, i, j) for b in range(len(grid)) for i in range(grid.shape[1]) for j in range(grid.shape[2])]
    rows = {place: method.encoder.network(grid[place][None])[0] for place in places}
    z = torch.stack(list(rows.values())).view(*grid.shape[:3], -1).permute(0, 3, 1, 2)
    target = {place: method.target.weight[:, :, 0, 0] @ row + method.target.bias for place, row in rows.items()}
    candidates, losses = torch.stack(list(target.values())), []
    for turn, direction in enumerate(list(STEP)[: method.settings["directions"]]):
        c = method.context(z.rot90(turn, (2, 3))).rot90(-turn, (2, 3))
        down, right = STEP[direction]
        for n, k in enumerate(range(method.settings["skip"] + 1, method.settings["steps"] + 1)):
            W, terms = method.W[turn][n], []
            for b, i, j in places:
                if (there := (b, i + k * down, j + k * right)) in target:
                    prediction = 0.1 * (W.weight[:, :, 0, 0] @ c[b, :, i, j] + W.bias)
                    terms.append((candidates @ prediction).logsumexp(0) - prediction @ target[there])
            losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


def slopes(method: CPC, loss) -> dict[str, torch.Tensor]:
    method.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


# ---- the promises


def loss_and_gradient_are_those_of_loops(kind):
    """Every direction and step, with W of its own, also of grids that are not square."""
    for shape, options in CASES:
        method, grid = build(kind, **options).double(), grids(*shape)
        found, expected = method(grid), loops(method, grid)
        assert found.item() == pytest.approx(expected.item(), abs=1e-10)
        ours, right = slopes(method, found), slopes(method, expected)
        assert ours.keys() == right.keys()
        for name in right:
            torch.testing.assert_close(ours[name], right[name], atol=1e-10, rtol=1e-7)


def turning_the_grid_changes_nothing_where_all_directions_share_W(kind):
    method, own, grid = build(kind).double(), build(kind).double(), grids()
    for W in method.W[1:]:
        W.load_state_dict(method.W[0].state_dict())
    losses = [method(grid.rot90(turn, (1, 2))).item() for turn in range(5)]
    assert losses == pytest.approx([losses[0]] * 5, abs=1e-12)
    assert abs(own(grid.rot90(1, (1, 2))) - own(grid)) > 1e-7, "each direction has its own W"


def no_prediction_sees_what_it_predicts(kind):
    """The gradient of a prediction, exactly: it reaches the own place and nothing beyond it."""
    method = build(kind, blocks=3).double()
    for turn, (down, right) in enumerate(STEP.values()):
        z = torch.randn(2, 16, 5, 5, dtype=torch.float64, requires_grad=True)
        for _, prediction in method.predictions(z.rot90(turn, (2, 3)), method.W[turn]):
            (slope,) = torch.autograd.grad(prediction.rot90(-turn, (2, 3))[:, :, 2, 2].sum(), z, retain_graph=True)
            seen = {tuple(place) for place in slope.any(1).any(0).nonzero().tolist()}
            assert (2, 2) in seen and all((i - 2) * down + (j - 2) * right <= 0 for i, j in seen)


def every_step_and_direction_has_a_W_of_its_own(kind):
    for directions, steps, skip in ((4, 3, 0), (2, 3, 1), (1, 2, 0)):
        method = build(kind, directions=directions, steps=steps, skip=skip).double()
        every = [W for turn in method.W for W in turn]
        assert [len(turn) for turn in method.W] == [steps - skip] * directions
        assert len({W.weight.data_ptr() for W in every}) == len({W.bias.data_ptr() for W in every}) == directions * (steps - skip)
        assert len(torch.stack([W.weight.flatten() for W in every]).unique(dim=0)) == len(every)
        method(grids(2, 4, 4)).backward()
        assert all(W.weight.grad is not None and W.weight.grad.any() for W in every)


def steps_begin_behind_those_that_are_skipped(kind):
    table = {(1, 0): [1], (3, 0): [1, 2, 3], (3, 2): [3], (3, 1): [2, 3], (5, 2): [3, 4, 5]}
    for (steps, skip), ks in table.items():
        method = build(kind, steps=steps, skip=skip)
        assert list(method.ks) == ks == [k for k, _ in method.predictions(torch.rand(1, 16, 6, 6), method.W[0])]


def a_patch_is_encoded_alone(kind):
    method, grid = build(kind).double(), grids(4)
    torch.testing.assert_close(method.encoder.latents(grid[:1]), method.encoder.latents(grid)[:1], atol=1e-10, rtol=1e-10)
    alone = method.encoder.latents(grid[:1, 1:2, 2:3])
    torch.testing.assert_close(alone[..., 0, 0], method.encoder.latents(grid)[:1, :, 1, 2], atol=1e-10, rtol=1e-10)
    assert not [part for part in method.modules() if "BatchNorm" in type(part).__name__]


def views_are_the_patches_of_the_image_in_their_places(kind):
    """Every value says where it stands."""
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    (grid,) = build(kind, augmentation=WHOLE, patch_augmentation=NOTHING).views(x)
    assert grid.shape == (2, 3, 3, 3, 8, 8)
    for i in range(3):
        for j in range(3):
            torch.testing.assert_close(255 * grid[:, i, j], x[:, :, 4 * i : 4 * i + 8, 4 * j : 4 * j + 8].float(), atol=1e-2, rtol=0)


def shared(grid: torch.Tensor) -> torch.Tensor:
    """How much neighbouring patches differ where they show the same pixels, at most, for every pair."""
    across = (grid[:, :, :-1, :, :, 4:] - grid[:, :, 1:, :, :, :4]).abs().amax((3, 4, 5))
    down = (grid[:, :-1, :, :, 4:] - grid[:, 1:, :, :, :4]).abs().amax((3, 4, 5))
    return torch.cat([across.flatten(), down.flatten()])


def every_patch_is_changed_on_its_own_and_an_image_is_cropped_once(kind):
    torch.manual_seed(0)
    (grid,) = build(kind, patch_augmentation=PatchAugmentation()).views(SCENES)
    assert (shared(grid) > 0.02).double().mean() > 0.95
    (grid,) = build(kind, patch_augmentation=NOTHING).views(SCENES)
    assert shared(grid).max() < 1e-5 and (grid - patches(SCENES / 255, 8, 4)).abs().mean() > 0.01


def f_is_kept_and_nothing_else_has_a_part_in_it(kind):
    method, x = build(kind), SCENES / 255
    before = method.encoder(x)
    with torch.no_grad():
        for part in (method.context, method.target, method.W):
            for p in part.parameters():
                p.normal_()
    assert torch.equal(method.encoder(x), before) and torch.equal(method.embed(x), before)
    assert before.shape == (16, method.encoder.dim) == (16, 16) and method.encoder.maps(x).shape == (16, 16, 3, 3)
    assert {name.split(".")[0] for name in method.encoder.state_dict()} == {"network"}
    assert {name.split(".")[0] for name in method.state_dict()} == {"encoder", "context", "target", "W"}


def targets_are_noted(kind):
    method, grid = build(kind).double(), grids()
    method(grid)
    assert list(method.embeddings) == ["z"] and not method.embeddings["z"].requires_grad
    torch.testing.assert_close(method.embeddings["z"], method.target(method.encoder.latents(grid)).detach())


PROMISES = [
    loss_and_gradient_are_those_of_loops, turning_the_grid_changes_nothing_where_all_directions_share_W, no_prediction_sees_what_it_predicts,
    every_step_and_direction_has_a_W_of_its_own, steps_begin_behind_those_that_are_skipped, a_patch_is_encoded_alone,
    views_are_the_patches_of_the_image_in_their_places, every_patch_is_changed_on_its_own_and_an_image_is_cropped_once,
    f_is_kept_and_nothing_else_has_a_part_in_it, targets_are_noted,
]  # fmt: skip


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_cpc_keeps_the_promise(promise):
    promise(CPC)


# ---- the usual mistakes


class Parts(CPC):
    """CPC, each part of whose loss can be exchanged."""

    def around(self, x, turn):
        return x.rot90(turn, (2, 3))

    def turned(self, target, turn):
        return self.around(target, turn)

    def seen(self, z):
        return z

    def pair(self, prediction, target, k):
        return cpc_nce(prediction, target, k)

    def joined(self, losses):
        return torch.stack(losses).mean()

    def forward(self, grid):
        z = self.encoder.latents(grid)
        target = self.target(self.seen(z))
        self.note(z=target)
        return self.joined([
            self.pair(prediction, self.turned(target, turn), k)
            for turn, W in enumerate(self.W)
            for k, prediction in self.predictions(self.around(z, turn), W)
        ])  # fmt: skip


class TargetsNotTurned(Parts):
    def turned(self, target, turn):
        return target if target.shape[2] == target.shape[3] else super().turned(target, turn)


class TargetsTurnedTheOtherWay(Parts):
    def turned(self, target, turn):
        return target.rot90(-turn, (2, 3))


class TurnedTheOtherWay(Parts):
    """Down, right, up, left."""

    def around(self, x, turn):
        return x.rot90(-turn, (2, 3))


class Transposed(Parts):
    """Transposed without a flip: two directions are there twice."""

    def around(self, x, turn):
        return x.transpose(2, 3) if turn % 2 else x


class Flipped(Parts):
    """Up and down alone."""

    def around(self, x, turn):
        return x.flip(2) if turn % 2 else x


class AlwaysDown(Parts):
    def around(self, x, turn):
        return x


class TargetsDetached(Parts):
    def seen(self, z):
        return z.detach()


class TargetsOfContexts(Parts):
    def seen(self, z):
        return self.context(z)


class EachImageAlone(Parts):
    def pair(self, prediction, target, k):
        return torch.stack([cpc_nce(p[None], t[None], k) for p, t in zip(prediction, target)]).mean()


class UnitRows(Parts):
    def pair(self, prediction, target, k):
        return cpc_nce(nn.functional.normalize(prediction, dim=1), nn.functional.normalize(target, dim=1), k)


class ATemperature(Parts):
    def pair(self, prediction, target, k):
        return cpc_nce(prediction / 0.1, target, k)


class SumOverPositions(Parts):
    def pair(self, prediction, target, k):
        return cpc_nce(prediction, target, k) * (target.shape[2] - k) * target.shape[3]


class AlwaysOneRow(Parts):
    def pair(self, prediction, target, k):
        return cpc_nce(prediction, target, 1)


class SumOverAll(Parts):
    def joined(self, losses):
        return torch.stack(losses).sum()


class SumOverDirections(Parts):
    def joined(self, losses):
        return super().joined(losses) * len(self.W)


class OneDirection(Parts):
    def joined(self, losses):
        return torch.stack(losses[: len(self.ks)]).mean()


class TermsTwice(Parts):
    """The first steps are added up again with every further one."""

    def joined(self, losses):
        return torch.stack([loss for n in range(len(losses)) for loss in losses[: n + 1]]).mean()


class NoScale(CPC):
    def predictions(self, z, W):
        return [(k, prediction / SCALE) for k, prediction in super().predictions(z, W)]


class PredictsFromLatents(CPC):
    def predictions(self, z, W):
        return [(k, SCALE * W_k(z)) for k, W_k in zip(self.ks, W)]


class StepsExchanged(CPC):
    def predictions(self, z, W):
        return super().predictions(z, nn.ModuleList(reversed(W)))


class SeesAll(CPC):
    """A square kernel in place of the context network."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.context = nn.Conv2d(self.encoder.dim, self.encoder.dim, 3, padding=1)


class SeesBelow(CPC):
    """The context of the grid upside down."""

    def predictions(self, z, W):
        return [(k, prediction.flip(2)) for k, prediction in super().predictions(z.flip(2), W)]


class OnePredictorForAllSteps(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.W = nn.ModuleList(nn.ModuleList([W[0]] * len(W)) for W in self.W)


class OnePredictorForAllDirections(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.W = nn.ModuleList([self.W[0]] * len(self.W))


class PredictorsStartAlike(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.W = nn.ModuleList(nn.ModuleList(copy.deepcopy(self.W[0][0]) for _ in W) for W in self.W)


class SkipsForEachStep(CPC):
    """skip is added to every step once more."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.ks = [k + self.ks[0] - 1 for k in self.ks]


class CountsFrom0(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.ks = [k - 1 for k in self.ks]


class SkipsNone(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.ks = range(1, len(self.ks) + 1)


class BatchNormInTheEncoder(CPC):
    def __init__(self, encoder, **options):
        super().__init__(small_resnet(width=2), norm="batch", **options)


class BatchNormInTheHead(CPC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.target = nn.Sequential(nn.BatchNorm2d(self.encoder.dim), self.target)


class RowsAndColumnsExchanged(CPC):
    def views(self, x):
        return (super().views(x)[0].transpose(1, 2),)


class PatchesTransposed(CPC):
    def views(self, x):
        return (super().views(x)[0].transpose(4, 5),)


class TheImageIsChanged(CPC):
    """Colours and operations are drawn for an image, and then it is cut."""

    def views(self, x):
        return (patches(self.patch_augmentation(self.augmentation(x)), self.encoder.size, self.encoder.stride),)


class NothingIsChanged(CPC):
    def views(self, x):
        return (patches(self.augmentation(x), self.encoder.size, self.encoder.stride),)


class EveryPatchIsCropped(CPC):
    def views(self, x):
        grid = patches(x, self.encoder.size, self.encoder.stride)
        each = self.augmentation(grid.flatten(0, 2))
        return (self.patch_augmentation(each.clamp(0, 1)).view(grid.shape),)


class NothingIsCropped(CPC):
    def views(self, x):
        grid = patches(x, self.encoder.size, self.encoder.stride)
        return (self.patch_augmentation(grid.flatten(0, 2)).view(grid.shape),)


class EmbedsContexts(CPC):
    def embed(self, x):
        return self.context(self.encoder.maps(x)).mean((2, 3))


class EmbedsTargets(CPC):
    def embed(self, x):
        return self.target(self.encoder.maps(x)).mean((2, 3))


class Projected(nn.Module):
    def __init__(self, f, target):
        super().__init__()
        self.f, self.target, self.dim = f, target, target.out_channels

    def forward(self, x):
        return self.target(self.f(x)[:, :, None, None])[:, :, 0, 0]


class KeepsTheProjection(CPC):
    """f is the network with the head of the targets."""

    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.encoder = PatchEncoder(Projected(encoder, self.target), 8, 4)


class NotesLatents(CPC):
    def forward(self, grid):
        loss = super().forward(grid)
        self.note(z=self.encoder.latents(grid))
        return loss


MUTANTS = [
    *((kind, loss_and_gradient_are_those_of_loops) for kind in (
        TargetsNotTurned, TargetsTurnedTheOtherWay, TurnedTheOtherWay, Transposed, Flipped, AlwaysDown, TargetsDetached, TargetsOfContexts,
        EachImageAlone, UnitRows, ATemperature, SumOverPositions, AlwaysOneRow, SumOverAll, SumOverDirections, OneDirection, TermsTwice, NoScale,
        PredictsFromLatents, StepsExchanged, SeesBelow, SkipsNone)),
    *((kind, turning_the_grid_changes_nothing_where_all_directions_share_W) for kind in (
        TargetsNotTurned, TargetsTurnedTheOtherWay, Transposed, Flipped, AlwaysDown, OneDirection, OnePredictorForAllDirections)),
    (SeesAll, no_prediction_sees_what_it_predicts), (SeesBelow, no_prediction_sees_what_it_predicts),
    *((kind, every_step_and_direction_has_a_W_of_its_own) for kind in (
        OnePredictorForAllSteps, OnePredictorForAllDirections, PredictorsStartAlike, OneDirection)),
    *((kind, steps_begin_behind_those_that_are_skipped) for kind in (SkipsForEachStep, CountsFrom0, SkipsNone)),
    *((kind, a_patch_is_encoded_alone) for kind in (BatchNormInTheEncoder, BatchNormInTheHead)),
    *((kind, views_are_the_patches_of_the_image_in_their_places) for kind in (RowsAndColumnsExchanged, PatchesTransposed)),
    *((kind, every_patch_is_changed_on_its_own_and_an_image_is_cropped_once) for kind in (
        TheImageIsChanged, NothingIsChanged, EveryPatchIsCropped, NothingIsCropped)),
    *((kind, f_is_kept_and_nothing_else_has_a_part_in_it) for kind in (EmbedsContexts, EmbedsTargets, KeepsTheProjection)),
    (NotesLatents, targets_are_noted),
]  # fmt: skip


@pytest.mark.parametrize("mutant, promise", MUTANTS, ids=[f"{mutant.__name__}-{promise.__name__}" for mutant, promise in MUTANTS])
def test_every_usual_mistake_breaks_its_promise(mutant, promise):
    with pytest.raises(AssertionError):
        promise(mutant)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_what_mistakes_are_made_from_makes_none(promise):
    promise(Parts)


# ---- directions, devices, recipes


def test_directions_have_the_names_that_the_loops_have():
    assert tuple(STEP) == DIRECTIONS and SCALE == 0.1


def test_four_quarter_turns_are_none_and_one_is_a_transposed_grid_upside_down():
    z = torch.rand(2, 3, 4, 5)
    assert torch.equal(z.rot90(4, (2, 3)), z) and torch.equal(z.rot90(1, (2, 3)), z.transpose(2, 3).flip(2))


def test_predictions_that_are_all_zero_cost_the_log_of_all_patches():
    method = build()
    for p in method.W.parameters():
        nn.init.zeros_(p)
    assert method(grids(2).float()).item() == pytest.approx(math.log(2 * 3 * 3), abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"patch_augmentation": PatchAugmentation(), "directions": 1}, {"norm": "batch"}], ids=str)
def test_a_step_runs_on_the_meta_device(options):
    with torch.device("meta"):
        method = build(**options)
    (grid,) = method.views(torch.empty(6, 3, 16, 16, dtype=torch.uint8, device="meta"))
    loss = method(grid)
    loss.backward()
    assert loss.device.type == "meta" and all(p.grad.shape == p.shape for p in method.parameters())


def test_recipes_and_the_papers_geometry():
    assert issubclass(CPC, Method) and cpc.SCENES.epochs < cpc.RECIPE.epochs == 200 and cpc.RECIPE.batch == 512
    method = CPC(small_resnet(width=2, norm="layer"), **CPC.suits["paper"])
    assert grid_shape(260, 260, method.encoder.size, method.encoder.stride) == (6, 6)
    assert list(method.ks) == [3] and len(method.W) == 4 and len(method.context.blocks) == 5
    assert (method.context.blocks[0].narrow.out_channels, method.target.out_channels) == (256, 64)
    assert method.patch_augmentation == PatchAugmentation()
    method.check_data(Images.of(torch.zeros(2, 3, 260, 260, dtype=torch.uint8)))


@pytest.mark.parametrize("recipe", ["scenes", "paper"])
def test_the_arguments_of_every_recipe_build_a_method_with_a_network_of_its_own(recipe):
    method = CPC(**CPC.suits.get(recipe, {}))
    assert method.encoder.dim == small_resnet().dim and not [part for part in method.modules() if "BatchNorm" in type(part).__name__]


# ---- through a training, a save and a load


@pytest.mark.parametrize("options", [{}, {"directions": 1, "skip": 1, "patch_augmentation": PatchAugmentation()}, {"norm": "batch"}], ids=str)
def test_a_run_resumes_to_the_bit(options, images, tmp_path):
    whole, stopped, resumed = build(**options), build(**options), build(seed=7, **options)
    logs = list(train(whole, images, QUICK, out=tmp_path / "whole", threads=1))
    next(train(stopped, images, QUICK, out=tmp_path / "parts", threads=1))
    rest = list(train(resumed, images, QUICK, out=tmp_path / "parts", resume=True, threads=1))
    assert (rest[0].step, rest[0].loss) == (logs[-1].step, logs[-1].loss)
    assert equal(numbers(whole), numbers(resumed)) and {"std", "rank"} <= set(logs[0].stats)
    assert features(whole.encoder, images).shape == (16, 16)


def test_one_direction_learns_from_an_image_of_one_column_and_four_do_not():
    tall = Images.of(torch.randint(0, 256, (8, 3, 16, 8), dtype=torch.uint8))
    (log,) = train(build(directions=1), tall, Recipe(1, batch=8), threads=1)
    assert math.isfinite(log.loss)
    with pytest.raises(InputError, match="steps=2 needs 3 rows of patches, and there are 1; take a smaller stride or smaller patches"):
        train(build(), tall, Recipe(1, batch=8), threads=1)


# ---- what is refused


@pytest.mark.parametrize("options, words", [
    ({"steps": 2, "skip": 2}, "skip=2, steps=2: k runs from skip . 1 to steps; take skip=1 or less"), ({"skip": -1}, "skip=-1"),
    ({"steps": 0}, "steps=0 must be a whole number from 1"), ({"directions": 5}, "directions=5 must be a whole number from 1 to 4"),
    ({"directions": 0}, "directions=0"), ({"size": 0}, "size=0"), ({"stride": 0}, "stride=0"), ({"dim": 0}, "dim=0"), ({"width": 0}, "width=0"),
    ({"blocks": 0}, "blocks=0"), ({"norm": "group"}, "norm.*layer, batch"),
])
def test_impossible_settings_are_refused_when_it_is_made(options, words):
    with pytest.raises(InputError, match=words):
        build(**options)


def with_a_layer(layer: nn.Module) -> nn.Module:
    network = small_resnet(width=2, norm="layer")
    network.blocks.append(layer)
    return network


@pytest.mark.parametrize("network", [
    lambda: small_resnet(width=2), lambda: with_a_layer(nn.SyncBatchNorm(16)), lambda: with_a_layer(nn.BatchNorm2d(16)),
])
def test_batch_norm_is_refused_unless_it_is_asked_for(network):
    with pytest.raises(InputError, match=r'this SmallResNet has batch norm, .* take small_resnet\(norm="layer"\), or say norm="batch"'):
        CPC(network(), **TINY)
    assert CPC(network(), norm="batch", **TINY).encoder.dim == 16
    assert CPC(small_resnet(width=2, norm="group"), **TINY).encoder.dim == 16
    made = CPC(norm="batch")
    assert [part for part in made.encoder.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize("options, words", [
    ({"steps": 3}, "steps=3 needs 4 rows of patches, and there are 3; take steps=2, a smaller stride or smaller patches"),
    ({"steps": 5, "skip": 2}, "steps=5 needs 6 rows of patches, and there are 3; take a smaller stride or smaller patches"),
    ({"size": 16}, "steps=2 needs 3 rows of patches, and there are 1; take a smaller stride or smaller patches"),
    ({"size": 20}, "20 x 20 pixels is larger than the image, 16 x 16"), ({"stride": 5}, "leave out the last 3 pixels of 16 x 16"),
    ({"size": 4, "stride": 6}, "stride=6 leaves out 2 pixels between two patches"),
])
def test_images_that_make_no_grid_are_refused_before_the_first_step(options, words, images, tmp_path):
    method = build(**options)
    before = numbers(method)
    with pytest.raises(InputError, match=words):
        train(method, images, QUICK, out=tmp_path / "run", threads=1)
    assert equal(before, numbers(method)) and not (tmp_path / "run").exists()
