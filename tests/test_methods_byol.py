"""What BYOL promises, each promise a function that a class keeps or breaks: BYOL keeps them all, and every usual mistake breaks one."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dummies.promises import breaks, keeps
from dummies.slow import Pixel, batch_norm_is_its_own, copies_are_equal, copies_follow, copies_rest, pixels
from dummies.trainings import a_step, equal, in_parts, numbers
from ssl_lab.augment import Augmentation
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.losses import byol_regression
from ssl_lab.methods import BYOL, byol
from ssl_lab.models import ema_, frozen_copy, small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import train

QUICK = Recipe(epochs=2, batch=16, optimizer="lars", lr=1.0, eta=0.02)
SCHEDULE = {0: 0.996, 0.25: 0.996586, 0.5: 0.998, 0.75: 0.999414, 1: 1.0}


def by_hand(kind) -> BYOL:
    """Every network hands on what it is given."""
    method = kind(Pixel(), dim=2)
    method.projector = method.target_projector = method.predictor = nn.Identity()
    return method


def small(kind, seed: int = 0, **options) -> BYOL:
    torch.manual_seed(seed)
    return kind(small_resnet(width=4), **{"dim": 8, "hidden": 16, "m": 0.9} | options).train()


def views(B: int = 16, seed: int = 1) -> torch.Tensor:
    return torch.rand(2, B, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


# ---- the promises


def loss_of_the_hand_example(kind):
    """p = (3, 4) towards z = (1, 0) is 0.8, and back again 0.8; the opposites of both cost 8 in all."""
    method = by_hand(kind)
    assert method(pixels([3.0, 4.0]), pixels([1.0, 0.0])).item() == pytest.approx(1.6, abs=1e-6)
    assert method(pixels([3.0, 4.0]), pixels([-3.0, -4.0])).item() == pytest.approx(8.0, abs=1e-6)
    assert method(pixels([3.0, 4.0], [1.0, 0.0]), pixels([1.0, 0.0], [2.0, 0.0])).item() == pytest.approx(0.8, abs=1e-6)


def views_can_be_swapped(kind):
    x1, x2 = views()
    torch.testing.assert_close(small(kind)(x1, x2), small(kind)(x2, x1))


def a_view_is_predicted_from_the_other_one(kind):
    """Two views that are equal image by image cost nothing with networks that hand on; two that are crossed do."""
    method, x = by_hand(kind), pixels([1.0, 0.0], [0.0, 1.0])
    assert method(x, x).item() == pytest.approx(0, abs=1e-6)
    assert method(x, x.flip(0)).item() == pytest.approx(4, abs=1e-6)


def the_predictor_stands_on_the_online_side_alone(kind):
    method, (x1, x2) = small(kind), views()
    constant = F.one_hot(torch.zeros(16, dtype=torch.long), 8).float()
    targets = small(kind).target(x2), small(kind).target(x1)
    method.predictor = Constant(constant)
    expected = sum(byol_regression(constant, target) for target in targets)
    torch.testing.assert_close(method(x1, x2), expected)


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self, z):
        return self.value


def gradient_is_that_of_the_predictions_alone(kind):
    """Against the same sum with targets that were computed beforehand and are constants."""
    method, twin, (x1, x2) = small(kind), small(BYOL), views()
    method(x1, x2).backward()
    t1, t2 = twin.target_projector(twin.target_encoder(x1)).detach(), twin.target_projector(twin.target_encoder(x2)).detach()
    p1, p2 = (twin.predictor(twin.projector(twin.encoder(x))) for x in (x1, x2))
    (byol_regression(p1, t2) + byol_regression(p2, t1)).backward()
    for name, p in twin.named_parameters():
        if p.requires_grad:
            torch.testing.assert_close(dict(method.named_parameters())[name].grad, p.grad, atol=1e-6, rtol=1e-4)


def target_has_no_gradient_and_no_optimizer(kind):
    method = small(kind)
    method(*views()).backward()
    copies_rest(method, BYOL.slow)


def target_starts_as_the_online_network(kind):
    copies_are_equal(small(kind), BYOL.slow)


def target_is_m_of_itself_and_the_rest_of_the_new_online_network(kind):
    method = small(kind)
    for progress in (0.1, 0.5, 0.9):
        before, m = numbers(method), BYOL.momentum(method, progress)
        a_step(method, views(), progress)
        copies_follow(method, BYOL.slow, before, m)


def m_rises_by_a_cosine(kind):
    method = small(kind, m=0.996)
    for progress, m in SCHEDULE.items():
        assert method.momentum(progress) == pytest.approx(m, abs=5e-7)


def targets_batch_norm_sees_its_own_batches(kind):
    """One view after the other, in training mode; the average leaves the statistics alone."""
    statistics = batch_norm_is_its_own(small(kind), "target_encoder", views())
    assert all(buffer == 2 for name, buffer in statistics.items() if name.endswith("num_batches_tracked"))


def the_first_view_is_from_T_and_the_second_from_T_prime(kind):
    """Only T' solarises: of a white picture the first view stays white, the second turns black."""
    white = torch.full((40, 3, 32, 32), 255, dtype=torch.uint8)
    plain = Augmentation(jitter=0.0)
    x1, x2 = kind(small_resnet(width=4), T=plain, T_prime=replace(plain, solarise_share=1.0)).views(white)
    torch.testing.assert_close(x1, torch.ones(40, 3, 32, 32), atol=1e-5, rtol=0)
    torch.testing.assert_close(x2, torch.zeros(40, 3, 32, 32), atol=1e-5, rtol=0)
    stripes = (255 * (torch.arange(32) % 2)).to(torch.uint8).expand(40, 3, 32, 32)
    whole = replace(plain, area=(1.0, 1.0))
    x1, x2 = kind(small_resnet(width=4), T=replace(whole, blur_share=1.0), T_prime=whole).views(stripes)
    assert x1.std() < x2.std() - 0.02


def every_image_draws_its_own_views(kind):
    x = (torch.rand(1, 3, 32, 32) * 255).to(torch.uint8).expand(16, 3, 32, 32)
    for view in small(kind).views(x):
        assert ((view[:-1] - view[1:]).abs().amax((1, 2, 3)) > 0.01).all()


PROMISES = [
    loss_of_the_hand_example, views_can_be_swapped, a_view_is_predicted_from_the_other_one, the_predictor_stands_on_the_online_side_alone,
    gradient_is_that_of_the_predictions_alone, target_has_no_gradient_and_no_optimizer, target_starts_as_the_online_network,
    target_is_m_of_itself_and_the_rest_of_the_new_online_network, m_rises_by_a_cosine, targets_batch_norm_sees_its_own_batches,
    the_first_view_is_from_T_and_the_second_from_T_prime, every_image_draws_its_own_views,
]  # fmt: skip


test_byol_keeps_the_promise = keeps(BYOL, PROMISES)


# ---- the usual mistakes


class Regression(BYOL):
    """BYOL with another loss of one direction."""

    def one(self, p, t):
        raise NotImplementedError

    def forward(self, x1, x2):
        p1, p2 = self.predictor(self.embed(x1)), self.predictor(self.embed(x2))
        return self.one(p1, self.target(x2)) + self.one(p2, self.target(x1))


class MeanOverFeatures(Regression):
    def one(self, p, t):
        return (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().mean()


class NotNormalised(Regression):
    def one(self, p, t):
        return (p - t).square().sum(1).mean()


class CosineAlone(Regression):
    def one(self, p, t):
        return -F.cosine_similarity(p, t).mean()


class MeanOfTheDirections(Regression):
    def one(self, p, t):
        return byol_regression(p, t) / 2


class SummedOverTheBatch(Regression):
    def one(self, p, t):
        return len(p) * byol_regression(p, t)


class OneDirection(BYOL):
    def forward(self, x1, x2):
        return 2 * byol_regression(self.predictor(self.embed(x1)), self.target(x2))


class OwnView(BYOL):
    def forward(self, x1, x2):
        p1, p2 = self.predictor(self.embed(x1)), self.predictor(self.embed(x2))
        return byol_regression(p1, self.target(x1)) + byol_regression(p2, self.target(x2))


class PredictorOnTheTarget(BYOL):
    def target(self, x):
        return self.predictor(super().target(x)).detach()


class NoStopGradient(BYOL):
    """The target keeps its own weights, and the gradient runs through them into nothing; through the online network it would run into all."""

    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        for copied in self.slow:
            getattr(self, copied).requires_grad_(True)

    def target(self, x):
        return self.target_projector(self.target_encoder(x))


class OnlineAsTarget(BYOL):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options, stop_gradient=False)


class TargetInTheOptimizer(BYOL):
    """Without a gradient, and yet weight decay would move it."""

    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.target_projector.requires_grad_(True)


class WeightsOfItsOwn(BYOL):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.target_projector = frozen_copy(BYOL(encoder, **options).projector)


class WrongWayRound(BYOL):
    def momentum(self, progress):
        return 1 - super().momentum(progress)


class ConstantMomentum(BYOL):
    def momentum(self, progress):
        return self.m


class LinearMomentum(BYOL):
    def momentum(self, progress):
        return self.m + (1 - self.m) * progress


class HeadNotAveraged(BYOL):
    def after_step(self, progress):
        ema_(self.target_encoder, self.encoder, self.momentum(progress))


class AveragesTwice(BYOL):
    def after_step(self, progress):
        super().after_step(progress)
        super().after_step(progress)


class AveragesBuffers(BYOL):
    def after_step(self, progress):
        super().after_step(progress)
        for slow, fast in zip(self.target_encoder.buffers(), self.encoder.buffers()):
            slow.copy_(0.9 * slow + 0.1 * fast)


class AveragesBeforeTheStep(BYOL):
    def forward(self, x1, x2):
        super().after_step(0.5)
        return super().forward(x1, x2)

    def after_step(self, progress):
        pass


class TargetInEvaluationMode(BYOL):
    def target(self, x):
        self.target_encoder.eval()
        return super().target(x)


class ViewsInOneBatch(BYOL):
    """Both views through a network at once: batch norm then sees them mixed."""

    def forward(self, x1, x2):
        p1, p2 = self.predictor(self.embed(torch.cat([x1, x2]))).chunk(2)
        t1, t2 = self.target(torch.cat([x1, x2])).chunk(2)
        return byol_regression(p1, t2) + byol_regression(p2, t1)


class OneDistribution(BYOL):
    def views(self, x):
        return self.T(x), self.T(x)


class DistributionsExchanged(BYOL):
    def views(self, x):
        return super().views(x)[::-1]


class OneDrawForTheBatch(BYOL):
    def views(self, x):
        return tuple(view[:1].expand_as(view) for view in super().views(x))


CAUGHT = {  # which promise each mistake of methods.md 7.5, and a few others, breaks
    MeanOverFeatures: loss_of_the_hand_example,
    NotNormalised: loss_of_the_hand_example,
    CosineAlone: loss_of_the_hand_example,
    MeanOfTheDirections: loss_of_the_hand_example,
    SummedOverTheBatch: loss_of_the_hand_example,
    OneDirection: views_can_be_swapped,
    OwnView: a_view_is_predicted_from_the_other_one,
    PredictorOnTheTarget: the_predictor_stands_on_the_online_side_alone,
    NoStopGradient: target_has_no_gradient_and_no_optimizer,
    OnlineAsTarget: gradient_is_that_of_the_predictions_alone,
    TargetInTheOptimizer: target_has_no_gradient_and_no_optimizer,
    WeightsOfItsOwn: target_starts_as_the_online_network,
    WrongWayRound: target_is_m_of_itself_and_the_rest_of_the_new_online_network,
    HeadNotAveraged: target_is_m_of_itself_and_the_rest_of_the_new_online_network,
    AveragesTwice: target_is_m_of_itself_and_the_rest_of_the_new_online_network,
    AveragesBeforeTheStep: target_is_m_of_itself_and_the_rest_of_the_new_online_network,
    ConstantMomentum: m_rises_by_a_cosine,
    LinearMomentum: m_rises_by_a_cosine,
    AveragesBuffers: targets_batch_norm_sees_its_own_batches,
    TargetInEvaluationMode: targets_batch_norm_sees_its_own_batches,
    ViewsInOneBatch: gradient_is_that_of_the_predictions_alone,
    OneDistribution: the_first_view_is_from_T_and_the_second_from_T_prime,
    DistributionsExchanged: the_first_view_is_from_T_and_the_second_from_T_prime,
    OneDrawForTheBatch: every_image_draws_its_own_views,
}


test_every_usual_mistake_breaks_its_promise = breaks(CAUGHT.items())


# ---- inside a training


class Watched(BYOL):
    """A BYOL that checks its target at every step and remembers how far it was."""

    def after_step(self, progress):
        self.seen = [*getattr(self, "seen", []), progress]
        before = numbers(self)
        super().after_step(progress)
        copies_follow(self, self.slow, before, self.momentum(progress), exactly=True)


@pytest.mark.parametrize("stop", [1, 2])
def test_target_and_schedule_are_exact_through_a_save_and_a_load(tmp_path, stop):
    images = load("scenes", limit=60).unlabelled()
    whole, first, last = (small(Watched, seed, predictor_rate=3.0) for seed in (0, 0, 9))
    losses = [log.loss for log in train(whole, images, QUICK)]
    assert whole.seen == pytest.approx([(i + 1) / 6 for i in range(6)]) and whole.momentum(whole.seen[-1]) == 1
    assert [log.loss for log in in_parts(first, last, images, QUICK, tmp_path, stop)] == losses and equal(numbers(whole), numbers(last))
    assert [*first.seen, *getattr(last, "seen", [])] == whole.seen


# ---- the switches


def test_without_predictor_the_projection_itself_is_compared():
    method, (x1, x2) = small(BYOL, predictor=False), views()
    twin = small(BYOL, predictor=False)
    expected = byol_regression(twin.embed(x1), twin.target(x2)) + byol_regression(twin.embed(x2), twin.target(x1))
    torch.testing.assert_close(method(x1, x2), expected)
    assert not list(method.predictor.parameters())


@pytest.mark.parametrize("rate", [0.0, 3.0])
def test_the_predictor_alone_has_a_learning_rate_of_its_own(rate):
    """One step of gradient descent moves it so many times as far, and all else as far as before."""
    images, once = load("scenes", limit=16).unlabelled(), Recipe(epochs=1, batch=16, optimizer="sgd", lr=1.0, momentum=0.0, warmup=0.0)
    start, usual, other = small(BYOL), small(BYOL), small(BYOL, predictor_rate=rate)
    for method in (usual, other):
        list(train(method, images, once, threads=1))
    for name, before in start.state_dict().items():
        there, here = usual.state_dict()[name], other.state_dict()[name]
        if name in dict(start.predictor.named_parameters(prefix="predictor")):
            assert not torch.equal(before, there)
            torch.testing.assert_close(here - before, rate * (there - before), atol=1e-6, rtol=1e-4)
        else:
            assert torch.equal(here, there)


def test_without_stop_gradient_the_online_network_is_its_own_target_and_learns_from_both_sides():
    method, twin, (x1, x2) = small(BYOL, stop_gradient=False), small(BYOL), views()
    z1, z2 = twin.embed(x1), twin.embed(x2)
    expected = byol_regression(twin.predictor(z1), z2) + byol_regression(twin.predictor(z2), z1)
    loss = method(x1, x2)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for name, p in twin.named_parameters():
        if p.requires_grad:
            torch.testing.assert_close(dict(method.named_parameters())[name].grad, p.grad)


def test_with_m_0_the_target_is_a_copy_at_every_step():
    method = small(BYOL, m=0.0)
    for progress in (0.3, 1.0):
        a_step(method, views(), progress)
        for copied, original in BYOL.slow.items():
            pairs = zip(getattr(method, copied).parameters(), getattr(method, original).parameters())
            assert all(torch.equal(slow, fast) for slow, fast in pairs)


def test_with_m_1_the_target_stays():
    method, before = small(BYOL, m=1.0), small(BYOL, m=1.0)
    a_step(method, views())
    assert all(torch.equal(a, b) for a, b in zip(method.target_encoder.parameters(), before.target_encoder.parameters()))


def test_one_switch_leaves_all_else_as_it_was():
    """The same seed gives the same encoder, projector and (where there is one) predictor."""
    base = numbers(small(BYOL))
    for change in ({"predictor": False}, {"stop_gradient": False}, {"m": 0.0}):
        other = numbers(small(BYOL, **change))
        assert all(torch.equal(base[name], tensor) for name, tensor in other.items())


def test_a_collapse_is_said_in_words_with_what_to_try():
    method, log = small(BYOL), Log(1, 2, 3, 0.01, 0.1, 1.0, 10, {"std": 0.02})
    assert "collapsed: its std is 0.020" in method.remark(log) and "try predictor=True, stop_gradient=True" in method.remark(log)
    assert method.remark(Log(1, 2, 3, 0.01, 0.1, 1.0, 10, {"std": 0.7})) == ""


@pytest.mark.parametrize("wrong, words", [
    ({"m": 1.1}, "m=1.1 must be a number from 0 to 1"), ({"m": -0.1}, "m=-0.1"), ({"m": math.nan}, "m=nan"), ({"hidden": 0}, "hidden=0"),
    ({"predictor_rate": -1.0}, "predictor_rate=-1.0 must be a number from 0"),
])
def test_impossible_settings_are_refused_when_it_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        small(BYOL, **wrong)


def test_the_papers_values_can_be_given():
    method = BYOL(small_resnet(width=4), **BYOL.suits["paper"])
    assert method.projector[0].out_features == 4096 and method.predictor[-1].out_features == 256
    assert (byol.RECIPE.batch, byol.RECIPE.lr) == (4096, 3.2)
