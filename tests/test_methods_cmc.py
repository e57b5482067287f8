"""What CMC promises, each promise a function that a class keeps or breaks: CMC keeps them all, and every usual mistake breaks one.

Of the mistakes in methods.md 5.4 these cannot be made here: a constant Z that is computed anew or learned (the loss is a softmax, not NCE); the old
row of a memory as the positive, and two rows of one batch for one place in it (there is no memory of all images; a queue has no places); a batch of
one that squeeze() flattens (test_losses_cross_view.py, and a batch of one is tried here); Lab of normalised pixels (refused by their range,
test_augment_lab.py).
"""

import copy
import math
from dataclasses import replace
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dummies.promises import breaks, keeps
from dummies.slow import TurnedRound, copies_are_equal, copies_follow
from dummies.trainings import a_step, equal, in_parts, is_refused, numbers, slopes
from ssl_lab.augment import chrominance, luminance
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.features import features
from ssl_lab.losses import core_view, cross_view_nce, full_graph, info_nce, nt_xent
from ssl_lab.method import Method
from ssl_lab.methods import CMC, cmc
from ssl_lab.methods.cmc import COLOURS, across
from ssl_lab.models import Encoder, Joined, ema_, resnet, seen_together, small_resnet
from ssl_lab.optim import parameter_groups
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

QUICK = Recipe(epochs=2, batch=16, lr=0.01)
ALL = ("rgb", "L", "ab", "depth", "normals", "mask", "later", "flow")


@pytest.fixture(scope="module")
def images() -> Images:
    return load("scenes", limit=40, frames=3)


SCENES = load("scenes", limit=16, frames=3)


def build(kind, seed: int = 0, **options) -> CMC:
    torch.manual_seed(seed)
    return kind(small_resnet(width=4), **{"dim": 8, "frames": 3} | options).train()


def batch(method: CMC, size: int = 16) -> list[torch.Tensor]:
    return [SCENES.columns()[column][:size] for column in method.columns]


def inputs(method: CMC, size: int = 16, seed: int = 0) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(seed)
    return method.views(*batch(method, size))


def embedded(method: CMC, views, encoders: str = "encoders", heads: str = "projectors") -> list[torch.Tensor]:
    """z of every view, unit rows, by the method's networks, one view after another."""
    return [F.normalize(getattr(method, heads)[name](f.network(v)), dim=1) for (name, f), v in zip(getattr(method, encoders).items(), views)]


def keys(method: CMC, views) -> list[torch.Tensor]:
    with torch.no_grad():
        return embedded(method, views, "key_encoders", "key_projectors")


def direction(z, positives, others, tau):
    """The mean over the rows of z: each finds its positive among it and `others(i)`."""
    total = 0.0
    for i in range(len(z)):
        candidates = torch.stack([z[i] @ positives[i], *(z[i] @ row for row in others(i))]) / tau
        total = total + candidates.logsumexp(0) - candidates[0]
    return total / len(z)


def loops(method: CMC, views, graph: str):
    """The loss of these views, in loops; with a queue, keys and queues of the other view."""
    zs, total = embedded(method, views), 0.0
    ks = keys(method, views) if method.candidates == "queue" else None
    for i, j in combinations(range(len(zs)), 2):
        if i == 0 or graph == "full":
            for a, b in ((i, j), (j, i)):
                if ks is None:
                    total = total + direction(zs[a], zs[b], lambda row, b=b: [z for k, z in enumerate(zs[b]) if k != row], method.tau)
                else:
                    total = total + direction(zs[a], ks[b], lambda row, b=b: method.queues[b], method.tau)
    return total


# ---- the promises


def loss_and_gradient_are_those_of_loops(kind):
    """Of two views and of three, core and full, within the batch and with a queue."""
    for names, graph, K in ((("L", "ab"), "core", 0), (("ab", "rgb", "L"), "core", 0), (("ab", "rgb", "L"), "full", 0),
                            (("L", "ab"), "core", 12), (("ab", "rgb", "L"), "full", 12)):  # fmt: skip
        method = build(kind, views=names, graph=graph, K=K, tau=0.3)
        views = inputs(method)
        found, expected = method(*views), loops(method, views, graph)
        assert found.item() == pytest.approx(expected.item(), abs=1e-5)
        ours, right = slopes(method, found), slopes(method, expected)
        assert ours.keys() == right.keys()
        for name in right:
            torch.testing.assert_close(ours[name], right[name], atol=1e-5, rtol=1e-4)


def every_view_has_weights_of_its_own(kind):
    """Other parameters, other random numbers, the channels of the view, and none of the network that was given."""
    torch.manual_seed(0)
    like = small_resnet(width=4)
    method = kind(like, views=("L", "ab", "rgb"), dim=8)
    parts = [[*method.encoders[name].parameters(), *method.projectors[name].parameters()] for name in method.encoders]
    places = [{p.data_ptr() for p in part} for part in (*parts, list(like.parameters()))]
    assert all(not a & b for a, b in combinations(places, 2))
    weights = [[p for p in part if p.ndim > 1] for part in parts]
    assert all(not torch.equal(p, q) for a, b in combinations(weights, 2) for p, q in zip(a, b) if p.shape == q.shape)
    convs = [next(m for m in method.encoders[name].modules() if isinstance(m, nn.Conv2d)) for name in method.encoders]
    assert [conv.in_channels for conv in convs] == [1, 2, 3]


def every_parameter_is_there_once_and_learns(kind):
    for K in (0, 12):
        method = build(kind, views=("L", "ab", "depth"), K=K)
        method(*inputs(method)).backward()
        learns = {name for name, p in method.named_parameters() if p.requires_grad}
        assert learns == {name for name, p in method.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        parts = {tuple(name.split(".")[:2]) for name in learns}
        assert parts == {(part, view) for part in ("encoders", "projectors") for view in ("L", "ab", "depth")}
        given = [id(p) for group in parameter_groups(method, 0.1) for p in group["params"]]
        assert len(given) == len(set(given)) == len(learns)


def all_views_are_of_one_crop(kind):
    """L and ab are those of the cropped image; the image as a later frame, and its red as a depth, are cropped with it."""
    method, x = build(kind, views=("rgb", "L", "ab", "depth", "later"), augmentation=replace(COLOURS, jitter=0.0)), SCENES.x
    torch.manual_seed(3)
    rgb, L, ab, depth, later = method.views(x, 1 + x[:, :1] / 255, x)  # a depth of 0 would be missing
    torch.testing.assert_close(L, luminance(rgb), atol=1e-5, rtol=0)
    torch.testing.assert_close(ab, chrominance(rgb), atol=1e-5, rtol=0)
    torch.testing.assert_close(later, rgb, atol=1e-5, rtol=0)
    torch.testing.assert_close(depth, rgb[:, :1] - rgb[:, :1].mean((2, 3), keepdim=True), atol=1e-5, rtol=0)
    torch.manual_seed(3)
    torch.testing.assert_close(rgb, method.augmentation(x), atol=1e-5, rtol=0)
    assert (rgb - x / 255).abs().mean() > 0.01


def colours_change_once_for_all_views(kind):
    flat = (torch.rand(64, 3, 1, 1) * 255).to(torch.uint8).expand(64, 3, 32, 32)
    rgb, L, ab, later = build(kind, views=("rgb", "L", "ab", "later")).views(flat, flat)
    assert (rgb - flat / 255).abs().mean() > 0.02 and torch.equal(rgb, later)
    torch.testing.assert_close(L, luminance(rgb), atol=1e-5, rtol=0)
    torch.testing.assert_close(ab, chrominance(rgb), atol=1e-5, rtol=0)
    assert (ab.abs().amax((1, 2, 3)) > 0.01).sum() > 60
    (still, _) = build(kind, views=("rgb", "ab"), augmentation=replace(COLOURS, jitter=0.0)).views(flat)
    torch.testing.assert_close(still, flat / 255, atol=1e-5, rtol=0)


def queues_begin_with_unit_rows_that_differ(kind):
    method = build(kind, K=30)
    assert method.queues.shape == (2, 30, 8) and not method.queues.requires_grad
    torch.testing.assert_close(method.queues.norm(dim=2), torch.ones(2, 30))
    assert len(method.queues.flatten(0, 1).unique(dim=0)) == 60


def forward_leaves_the_queues_alone(kind):
    """No row of the batch is in a queue that it is compared with."""
    method = build(kind, K=30)
    before = method.queues.clone()
    method(*inputs(method)).backward()
    assert torch.equal(method.queues, before)


def each_queue_is_the_last_K_keys_of_its_view_in_order(kind):
    """Keys of the slow copies as they were when the batch was seen; also of batches that are larger than the queue."""
    for K, size in ((40, 16), (20, 16), (10, 16), (16, 16), (5, 2)):
        method = build(kind, K=K, views=("L", "ab", "depth"))
        sent = [queue.clone() for queue in method.queues]
        for step in range(3):
            copies, views = copy.deepcopy(method), inputs(method, size, step)
            a_step(method, views)
            sent = [torch.cat([old, new]) for old, new in zip(sent, keys(copies, views))]
            for queue, rows in zip(method.queues, sent):
                torch.testing.assert_close(queue, rows[-K:], atol=1e-6, rtol=0)
        torch.testing.assert_close(method.queues.norm(dim=2), torch.ones(3, K))


def slow_copies_start_equal_follow_and_have_no_gradient(kind):
    method = build(kind, K=30, m=0.9)
    copies_are_equal(method, method.slow)
    assert method.slow == {"key_encoders": "encoders", "key_projectors": "projectors"}
    for step in range(2):
        before = numbers(method)
        a_step(method, inputs(method, seed=step))
        assert all(p.grad is None and not p.requires_grad for slow in method.slow for p in getattr(method, slow).parameters())
        copies_follow(method, method.slow, before, 0.9)


def the_encoder_is_that_of_each_view_side_by_side_in_order(kind):
    for names in (("L", "ab"), ("ab", "depth", "L")):
        method = build(kind, views=names).eval()
        x = SCENES.x / 255
        expected = [f(x) for f in method.encoders.values() if f.column == "x"]
        assert len(expected) == 2 and method.encoder.dim == sum(h.shape[1] for h in expected)
        torch.testing.assert_close(method.encoder(x), torch.cat(expected, 1))
        torch.testing.assert_close(features(method.encoder, SCENES), torch.cat(expected, 1), atol=1e-5, rtol=1e-5)


def embeddings_are_noted_by_the_names_of_the_views(kind):
    method = build(kind, views=("ab", "L", "depth"))
    views = inputs(method)
    method(*views)
    assert list(method.embeddings) == ["ab", "L", "depth"] and not any(z.requires_grad for z in method.embeddings.values())
    for z, expected in zip(method.embeddings.values(), embedded(method, views)):
        torch.testing.assert_close(z, expected.detach(), atol=1e-6, rtol=0)


PROMISES = [
    loss_and_gradient_are_those_of_loops, every_view_has_weights_of_its_own, every_parameter_is_there_once_and_learns, all_views_are_of_one_crop,
    colours_change_once_for_all_views, queues_begin_with_unit_rows_that_differ, forward_leaves_the_queues_alone,
    each_queue_is_the_last_K_keys_of_its_view_in_order, slow_copies_start_equal_follow_and_have_no_gradient,
    the_encoder_is_that_of_each_view_side_by_side_in_order, embeddings_are_noted_by_the_names_of_the_views,
]  # fmt: skip


test_cmc_keeps_the_promise = keeps(CMC, PROMISES)


# ---- the usual mistakes


class Pairs(CMC):
    """CMC with another loss of two views: `pair` of z1, z2 and tau, `keyed` of (z1, k1, queue1), (z2, k2, queue2) and tau; or with another graph."""

    pair, keyed, graph = staticmethod(cross_view_nce), staticmethod(across), None

    def forward(self, *views):
        zs, graph = embedded(self, views), self.graph or self.loss
        self.note(**dict(zip(self.encoders, zs)))
        if self.candidates == "batch":
            return graph(zs, self.tau, self.pair)
        self.ks = keys(self, views)
        return graph(list(zip(zs, self.ks, self.queues)), self.tau, self.keyed)


def own_queue(one, other, tau):
    (z1, k1, queue1), (z2, k2, queue2) = one, other
    return info_nce(z1, k2, queue1, tau) + info_nce(z2, k1, queue2, tau)


def own_key(one, other, tau):
    (z1, k1, queue1), (z2, k2, queue2) = one, other
    return info_nce(z1, k1, queue2, tau) + info_nce(z2, k2, queue1, tau)


def both_queues(one, other, tau):
    (z1, k1, queue1), (z2, k2, queue2) = one, other
    queue = torch.cat([queue1, queue2])
    return info_nce(z1, k2, queue, tau) + info_nce(z2, k1, queue, tau)


def forth(z1, z2, tau):
    return F.cross_entropy(z1 @ z2.T / tau, torch.arange(len(z1)))


class ScoresItsOwnQueue(Pairs):
    keyed = staticmethod(own_queue)


class ScoresItsOwnKey(Pairs):
    keyed = staticmethod(own_key)


class ScoresBothQueues(Pairs):
    keyed = staticmethod(both_queues)


class ScoresItself(Pairs):
    pair = staticmethod(lambda z1, z2, tau: forth(z1, z1, tau) + forth(z2, z2, tau))


class OneDirection(Pairs):
    pair = staticmethod(forth)


class MeanOfBothDirections(Pairs):
    pair = staticmethod(lambda z1, z2, tau: (forth(z1, z2, tau) + forth(z2, z1, tau)) / 2)


class OwnViewAmongTheCandidates(Pairs):
    pair = staticmethod(lambda z1, z2, tau: 2 * nt_xent(z1, z2, tau))


class NoTemperature(Pairs):
    pair = staticmethod(lambda z1, z2, tau: forth(z1, z2, 1) + forth(z2, z1, 1))


class SecondViewDetached(Pairs):
    pair = staticmethod(lambda z1, z2, tau: forth(z1, z2.detach(), tau) + forth(z2.detach(), z1, tau))


class AlwaysCore(Pairs):
    graph = staticmethod(core_view)


class AlwaysFull(Pairs):
    graph = staticmethod(full_graph)


class MeanOverPairs(Pairs):
    def forward(self, *views):
        return super().forward(*views) / (len(views) - 1)


class OneHead(CMC):
    """A head for all views: its parameters are there once for each."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        first = next(iter(self.projectors))
        self.projectors = nn.ModuleDict(dict.fromkeys(self.projectors, self.projectors[first]))


class OneStart(CMC):
    """The heads are copies of one another."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        first = next(iter(self.projectors))
        self.projectors = nn.ModuleDict({name: copy.deepcopy(self.projectors[first]) for name in self.projectors})


class TakesWhatWasGiven(CMC):
    """The network that was given sees rgb itself."""

    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        if "rgb" in self.encoders:
            self.encoders["rgb"].network = encoder


class ACropForEach(CMC):
    def __init__(self, *args, **options):
        super().__init__(*args, aligned=False, **options)


class ColoursDiffer(CMC):
    """Colours are drawn for every view, places once."""

    def views(self, x, *others):
        columns, drawn = dict(zip(self.columns, (x, *others))), self.augmentation.draw(x)
        other = self.augmentation.draw(x)
        places = {name: getattr(drawn, name) for name in ("top", "left", "height", "width", "flip")}
        own = [drawn, *[replace(other, **places)] * (len(self.encoders) - 1)]
        return sum((seen_together([f], one, columns) for f, one in zip(self.encoders.values(), own)), ())


class FirstViewAlone(CMC):
    """The others are frozen."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        for name in list(self.encoders)[1:]:
            self.encoders[name].requires_grad_(False)


class EnqueuesBeforeTheScores(CMC):
    def forward(self, *views):
        self.ks = keys(self, views)
        with torch.no_grad():
            self.queues.copy_(torch.cat([self.queues, torch.stack(self.ks)], 1)[:, -self.queues.shape[1] :])
        return super().forward(*views)


class Enqueues(CMC):
    """CMC with another way to fill the queues, of the rows that are there and of new ones (M, B, d)."""

    def filled(self, queues, k):
        return torch.cat([queues, k], 1)[:, -queues.shape[1] :]

    @torch.no_grad()
    def after_step(self, progress):
        old = self.queues.clone()
        super().after_step(progress)
        self.queues.copy_(self.filled(old, torch.stack(self.ks)))


class EnqueuesQueries(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, torch.stack(list(self.embeddings.values())))


class TheOldestStay(Enqueues):
    def filled(self, queues, k):
        return torch.cat([queues, k], 1)[:, : queues.shape[1]]


class TheFirstOfALargeBatch(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, k[:, : queues.shape[1]])


class Backwards(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, k.flip(1))


class QueuesExchanged(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, k.roll(1, 0))


class OneQueueForAll(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, k[:1].expand_as(k))


class HalfPrecisionQueues(Enqueues):
    def filled(self, queues, k):
        return super().filled(queues, k.bfloat16().float())


class QueuesNormalisedOverKeys(CMC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if self.candidates == "queue":
            self.queues.copy_(F.normalize(torch.randn_like(self.queues), dim=1))


class OneQueueAtTheStart(CMC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if self.candidates == "queue":
            self.queues.copy_(self.queues[:1].expand_as(self.queues).clone())


class CopiesStandStill(CMC):
    def after_step(self, progress):
        self.m, m = 1.0, self.m
        super().after_step(progress)
        self.m = m


class WrongWayRound(TurnedRound, CMC):
    pass


class HeadsStandStill(CMC):
    def after_step(self, progress):
        before = numbers(self.key_projectors) if self.candidates == "queue" else {}
        super().after_step(progress)
        if before:
            self.key_projectors.load_state_dict(before)


class FollowTwice(CMC):
    def after_step(self, progress):
        super().after_step(progress)
        ema_(self.key_encoders, self.encoders, self.m)


class CopiesOfTheirOwn(CMC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if self.candidates == "queue":
            for p in self.key_projectors.parameters():
                p.normal_(0, 0.1)


class CopiesWithAGradient(CMC):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if self.candidates == "queue":
            self.key_projectors.requires_grad_(True)


class JoinedTheOtherWay(CMC):
    @property
    def encoder(self):
        return Joined(dict(reversed(self.encoders.items())))


class TheFirstEncoderAlone(CMC):
    @property
    def encoder(self):
        return next(f for f in self.encoders.values() if f.column == "x")


class NotedInAnotherOrder(CMC):
    def note(self, **embeddings):
        super().note(**dict(sorted(embeddings.items())))


MUTANTS = [
    *((kind, loss_and_gradient_are_those_of_loops) for kind in (
        ScoresItsOwnQueue, ScoresItsOwnKey, ScoresBothQueues, ScoresItself, OneDirection, MeanOfBothDirections, OwnViewAmongTheCandidates,
        NoTemperature, SecondViewDetached, AlwaysCore, AlwaysFull, MeanOverPairs)),
    *((kind, every_view_has_weights_of_its_own) for kind in (OneHead, OneStart, TakesWhatWasGiven)),
    (OneHead, every_parameter_is_there_once_and_learns), (FirstViewAlone, every_parameter_is_there_once_and_learns),
    (CopiesWithAGradient, every_parameter_is_there_once_and_learns), (ACropForEach, all_views_are_of_one_crop),
    (ColoursDiffer, colours_change_once_for_all_views), (QueuesNormalisedOverKeys, queues_begin_with_unit_rows_that_differ),
    (OneQueueAtTheStart, queues_begin_with_unit_rows_that_differ), (EnqueuesBeforeTheScores, forward_leaves_the_queues_alone),
    *((kind, each_queue_is_the_last_K_keys_of_its_view_in_order) for kind in (
        EnqueuesBeforeTheScores, EnqueuesQueries, TheOldestStay, TheFirstOfALargeBatch, Backwards, QueuesExchanged, OneQueueForAll,
        HalfPrecisionQueues)),
    *((kind, slow_copies_start_equal_follow_and_have_no_gradient) for kind in (
        CopiesStandStill, WrongWayRound, HeadsStandStill, FollowTwice, CopiesOfTheirOwn, CopiesWithAGradient)),
    (JoinedTheOtherWay, the_encoder_is_that_of_each_view_side_by_side_in_order),
    (TheFirstEncoderAlone, the_encoder_is_that_of_each_view_side_by_side_in_order),
    (NotedInAnotherOrder, embeddings_are_noted_by_the_names_of_the_views),
]  # fmt: skip


test_every_usual_mistake_breaks_its_promise = breaks(MUTANTS)


test_pairs_is_no_mistake = keeps(Pairs, [loss_and_gradient_are_those_of_loops])
test_enqueues_is_no_mistake = keeps(Enqueues, [each_queue_is_the_last_K_keys_of_its_view_in_order])


# ---- batches and views


def test_two_views_cost_the_same_in_every_graph():
    for K in (0, 12):
        core, full = (build(CMC, graph=graph, K=K) for graph in ("core", "full"))
        assert torch.equal(core(*inputs(core)), full(*inputs(full)))


def test_a_batch_of_one_costs_nothing_without_a_queue_and_something_with_one():
    for K, cheap in ((0, True), (12, False)):
        torch.manual_seed(0)
        method = CMC(small_resnet(width=4, norm="group"), dim=8, K=K).train()
        loss = method(*inputs(method, 1))
        loss.backward()
        method.after_step(0.5)
        assert (loss.item() == 0) == cheap and loss.isfinite()


def test_with_aligned_off_every_view_has_a_crop_of_its_own():
    method = build(CMC, views=("rgb", "later", "L"), aligned=False)
    rgb, later, L = method.views(SCENES.x, SCENES.x)
    assert ((rgb - later).abs().amax((1, 2, 3)) > 0.01).all() and ((luminance(rgb) - L).abs().amax((1, 2, 3)) > 0.01).all()


def test_columns_are_the_image_first_and_each_once():
    assert CMC(small_resnet(width=4)).columns == ("x",)
    assert build(CMC, views=("mask", "ab", "depth", "L")).columns == ("x", "mask", "depth")
    assert build(CMC, views=ALL).columns == ("x", "depth", "normals", "mask", "later", "flow")


def test_no_queue_no_slow_copies():
    without = build(CMC)
    assert without.slow == {} and without.candidates == "batch"
    assert {name.split(".")[0] for name in without.state_dict()} == {"encoders", "projectors"}
    assert build(CMC, K=5).candidates == "queue" and CMC.slow == {} and CMC.candidates == "batch"


def test_embed_is_z_of_the_views_that_an_image_has():
    method = build(CMC, views=("ab", "depth", "L")).eval()
    x = SCENES.x[:5] / 255
    expected = [method.projectors[name](method.encoders[name](x)) for name in ("ab", "L")]
    torch.testing.assert_close(method.embed(x), torch.cat(expected, 1))


@pytest.mark.parametrize("like", [lambda: None, lambda: resnet("resnet18", stem="cifar")], ids=["none", "resnet18"])
def test_any_kind_of_network_that_can_be_drawn_anew_will_do(like):
    torch.manual_seed(0)
    method = CMC(like(), dim=8)
    method(*inputs(method, 4)).backward()
    assert method.encoder(SCENES.x[:2] / 255).shape == (2, method.encoder.dim)


@pytest.mark.parametrize("K", [0, 12])
def test_a_step_of_all_views_runs_on_the_meta_device(K):
    with torch.device("meta"):
        method = CMC(small_resnet(width=4), views=ALL, graph="full", dim=8, K=K, frames=3)
    given = [SCENES.columns()[column].to("meta") for column in method.columns]
    loss = method(*method.views(*given))
    loss.backward()
    method.after_step(0.5)
    assert loss.device.type == "meta"


# ---- through a training, a save and a load


@pytest.mark.parametrize("options", [{"K": 24}, {"K": 0}, {"K": 10, "views": ("L", "ab", "depth", "flow"), "graph": "full"}], ids=str)
def test_a_run_resumes_to_the_bit(options, images, tmp_path):
    whole, stopped, resumed = build(CMC, **options), build(CMC, **options), build(CMC, seed=7, **options)
    logs = list(train(whole, images, QUICK, out=tmp_path / "whole", threads=1))
    parts = in_parts(stopped, resumed, images, QUICK, tmp_path / "parts")
    assert [(log.step, log.loss) for log in parts] == [(log.step, log.loss) for log in logs]
    assert equal(numbers(whole), numbers(resumed)) and {"std", "rank", "alignment"} <= set(logs[0].stats)


def test_depth_and_mask_alone_can_be_learned_and_the_encoder_of_an_image_is_refused_by_name(images):
    method = build(CMC, views=("depth", "mask"))
    assert math.isfinite(next(train(method, images, QUICK, threads=1)).loss)
    words = r"none of the views depth, mask can be made of an RGB image; evaluate encoders\['depth'\].*encoders\['mask'\], which sees mask"
    with pytest.raises(InputError, match=words):
        features(method.encoder, images)
    assert features(method.encoders["depth"], images).shape == (40, method.encoders["depth"].dim)


def test_a_column_of_ones_own_is_a_view(images):
    heat = replace(images, more={"heat": images.x[:, :1].contiguous()})
    method = build(CMC, views=("heat", "ab"))
    assert math.isfinite(next(train(method, heat, QUICK, threads=1)).loss)
    assert method.encoder.dim == method.encoders["ab"].dim


# ---- what is refused


@pytest.mark.parametrize("options, words", [
    ({"views": ("L",)}, r"views=\('L',\): at least two different names"), ({"views": ()}, r"views=\(\)"),
    ({"views": ("L", "ab", "L")}, r"views=\('L', 'ab', 'L'\)"), ({"K": -1}, "K=-1.*16384"), ({"graph": "chain"}, "graph.*core, full"),
    ({"tau": 0.0}, "tau=0.0"), ({"m": 1.5}, "m=1.5"), ({"frames": 0}, "frames=0"), ({"dim": 0}, "dim=0"),
])
def test_impossible_settings_are_refused_when_it_is_made(options, words):
    with pytest.raises(InputError, match=words):
        build(CMC, **options)


def test_a_network_that_cannot_be_had_for_other_channels_is_refused():
    with pytest.raises(InputError, match="normalises RGB"):
        CMC(Encoder(nn.Sequential(nn.Conv2d(3, 4, 3)), mean=(0.5,) * 3, std=(0.2,) * 3, side=32))


@pytest.mark.parametrize("change, options, words", [
    (lambda images: replace(images, depth=None, flow=None), {"views": ("L", "depth", "flow")}, "CMC learns from x, depth, flow, and depth, flow is"),
    (lambda images: images, {"views": ("L", "heat")}, "heat is missing; these images have x, labels, depth, normals, mask"),
    (lambda images: replace(images, x=images.x[:, :1].expand(-1, 3, -1, -1)), {}, "the view ab shows colours, and these images are grey"),
    (lambda images: images, {"views": ("L", "flow"), "frames": 10}, "flow needs 20 channels, and flow is .* give frames=N"),
    (lambda images: replace(images, mask=images.mask + 1), {"views": ("L", "mask")}, "mask shows 3 parts"),
])
def test_images_that_do_not_have_the_views_are_refused_at_once(change, options, words, images, tmp_path):
    is_refused(build(CMC, **options), change(images), QUICK, words, tmp_path)


def test_recipes():
    assert issubclass(CMC, Method) and cmc.RECIPE.epochs == 240 and cmc.SCENES.epochs < 240
    assert CMC(small_resnet(width=4), **CMC.suits["paper"]).queues.shape == (2, 16384, 128)
