"""What Noisy Student promises, each promise a function that a class keeps or breaks: NoisyStudent keeps them all, every usual mistake breaks one.

Of the mistakes in methods.md 1.6 these cannot be made here: stochastic depth without 1/keep, or with one rate for all blocks (one function does it,
test_models_depth.py); smoothed or hard labels in the loss itself (test_losses_soft_cross_entropy.py; that labels come there as they are is promised
here). Of others: a teacher with its own crop or resolution (images have one size, and `features` crops nothing); labels in the order of a shuffled
pass (`features` keeps the order, test_features.py); an average that an optimizer moves (a frozen copy, test_methods.py); magnitudes and operations
of RandAugment (test_augment_rand_augment.py); a rate of learning that goes on through rounds (the loop begins it anew, test_shape.py); labels or an
order of each rank's own (the loop draws them from one stream, test_distributed.py, and takes rank 0's answers, `first`).
"""

import copy
import math
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dummies.patched import Relabelled, patched
from dummies.promises import breaks, keeps
from dummies.trainings import equal, is_refused, numbers, until
from ssl_lab import models, pseudo_labels
from ssl_lab.augment import SMALL, Augmentation, RandAugment, to_float
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.features import evaluating, features
from ssl_lab.groups import Groups
from ssl_lab.losses import soft_cross_entropy
from ssl_lab.method import Method
from ssl_lab.methods import NoisyStudent, Supervised, noisy_student
from ssl_lab.methods.noisy_student import CROP
from ssl_lab.models import small_resnet
from ssl_lab.pseudo_labels import balance
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream, generator
from ssl_lab.train import Training, train

CPU = torch.device("cpu")
STILL = Augmentation(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0)
QUIET = {"dropout": 0.0, "depth": 0.0, "operations": 0, "augmentation": STILL}  # no noise at all
EVERY = {"threshold": 0.0, "per_class": 0}  # every image without a label is drawn once
QUICK = Recipe(epochs=2, batch=16, lr=0.01, weight_decay=0.1)


class Turned(nn.Module):
    """An encoder: the first six pixels of red, turned by a matrix, and normalised over the batch."""

    def __init__(self, dim: int = 5):
        super().__init__()
        self.dim, self.linear, self.norm = dim, nn.Linear(6, dim), nn.BatchNorm1d(dim)

    def forward(self, x):
        return self.norm(self.linear(x[:, 0, 0, :6]))


class Says(nn.Module):
    """A teacher whose probabilities are in proportion to the first pixels of red."""

    def __init__(self, classes: int = 4):
        super().__init__()
        self.classes = classes

    def forward(self, x):
        return x[:, 0, 0, : self.classes].log()


def pictures(p: torch.Tensor, labels: torch.Tensor) -> Images:
    """Images of which Says says p; the green of image i is i."""
    x = torch.zeros(len(p), 3, 16, 16)
    x[:, 0, 0, :6] = 255 * torch.rand(len(p), 6, generator=generator(1))
    x[:, 0, 0, : p.shape[1]] = 255 * p
    x[:, 1] = torch.arange(len(p))[:, None, None]
    return Images(x.round().to(torch.uint8), labels)


def some(N: int = 60, seed: int = 0) -> Images:
    """Every third image has a label, of four classes in turn."""
    p = (2 * torch.randn(N, 4, generator=generator(seed))).softmax(1)
    i = torch.arange(N)
    return pictures(p, torch.where(i % 3 == 0, i // 3 % 4, -1))


def probabilities(data: Images) -> torch.Tensor:
    """What Says says of every row, as the pixels have it."""
    red = data.x[:, 0, 0, :4].double()
    return (red / red.sum(1, keepdim=True)).float()


def sure(c: int, n: int, low: float) -> torch.Tensor:
    """n rows of four probabilities; that of class c rises from `low` by 0.15."""
    top = torch.linspace(low, low + 0.15, n)[:, None]
    return torch.where(torch.arange(4) == c, top, (1 - top) / 3)


def uneven() -> Images:
    """210 images: 8 have labels; 120 are surely of class 1, 30 surely of class 0 and 12 unsurely, 40 unsurely of class 2; mixed."""
    p = torch.cat([torch.full((8, 4), 0.25), sure(1, 120, 0.6), sure(0, 30, 0.6), sure(0, 12, 0.3), sure(2, 40, 0.3)])
    labels = torch.cat([torch.arange(8) % 4, torch.full((202,), -1)])
    order = torch.randperm(210, generator=generator(0))
    return pictures(p[order], labels[order])


def build(kind, seed: int = 0, **options) -> NoisyStudent:
    torch.manual_seed(seed)
    return kind(Turned(), **{"classes": 4, **QUIET, **options}).train()


def network(seed: int = 3) -> nn.Module:
    """A teacher with everything that differs between training and evaluation, left in training mode."""
    torch.manual_seed(seed)
    teacher = nn.Sequential(Turned(), nn.Dropout(0.5), nn.Linear(5, 4))
    teacher(torch.rand(32, 3, 16, 16))
    return teacher


def relabelled(method: NoisyStudent, data: Images, seed: int = 0) -> Images | Groups:
    with RandomStream(seed, CPU):
        return method.relabel(data)


def pseudo(method: NoisyStudent, data: Images, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Which images are drawn with pseudo-labels in an epoch, by their green, in order; and the labels that come with them."""
    return drawn(relabelled(method, data, seed).parts[1])


def drawn(part: Images) -> tuple[torch.Tensor, torch.Tensor]:
    ((x, y),) = part.batches(len(part))
    rows = x[:, 1, 0, 0].long()
    order = rows.argsort(stable=True)
    return rows[order], y[order]


def unlabelled(data: Images) -> torch.Tensor:
    return (data.labels < 0).nonzero().flatten()


@torch.no_grad()
def scatter(module: nn.Module, seed: int = 0) -> None:
    """Other numbers everywhere; statistics, too."""
    for i, tensor in enumerate(module.state_dict().values()):
        tensor.copy_(torch.rand(tensor.shape, generator=generator(seed + i)) + 0.5) if tensor.is_floating_point() else tensor.add_(3)


def answers(f: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """softmax f(x) of a copy in evaluation mode."""
    with torch.no_grad():
        return copy.deepcopy(f).eval()(to_float(x)).softmax(1)


def refused(function) -> str:
    """What an InputError says; nothing where there is none."""
    try:
        function()
    except InputError as error:
        return str(error)
    return ""


def watched(kind, data: Images, recipe: Recipe = QUICK, **options) -> tuple[list[dict], list[int], NoisyStudent]:
    """A training: what each epoch begins with, how many images a teacher was asked about, and the method."""
    epochs, asked = [], []

    class Watched(kind):
        def relabel(self, data):
            before = numbers(self.average)
            groups = super().relabel(data)
            known = {"teacher": before, "student": numbers(self.student), "average": numbers(self.average)}
            epochs.append(known | ({"pseudo": drawn(groups.parts[1])} if isinstance(groups, Groups) else {}))
            return groups

    def counting(f, images):
        asked.append(len(images))
        return features(f, images)

    method = build(Watched, **options)
    with patched(pseudo_labels, features=counting):
        list(train(method, data, recipe, threads=1))
    return epochs, asked, method


# ---- the promises: labels


def labels_are_what_the_teacher_says_in_evaluation_without_noise(kind):
    """Whatever the random numbers are, and without a change of the teacher."""
    teacher, data = network(), some()
    before, modes = numbers(teacher), [part.training for part in teacher.modules()]
    expected = answers(teacher, data.x[unlabelled(data)])
    for seed in (0, 1):
        noisy = {"dropout": 0.5, "operations": 2, "augmentation": CROP}
        rows, y = pseudo(build(kind, seed, teacher=teacher, **EVERY, **noisy), data, seed)
        assert torch.equal(rows, unlabelled(data))
        torch.testing.assert_close(y, expected, atol=1e-6, rtol=0)
    assert equal(before, numbers(teacher)) and modes == [part.training for part in teacher.modules()]


def no_gradient_reaches_a_teacher(kind):
    teacher, data = network(), some()
    method = build(kind, teacher=teacher, **EVERY)
    batch = next(relabelled(method, data).batches(16))
    assert not batch[-1].requires_grad
    method(*method.views(*batch)).backward()
    assert all(p.grad is None for f in (teacher, method.average) for p in f.parameters())
    assert all(p.grad is not None for p in method.student.parameters())


def a_teacher_is_no_part_of_the_method(kind):
    """No optimizer has its weights, and no run writes them."""
    teacher, data = network(), some()
    before = numbers(teacher)
    _, _, method = watched(kind, data, teacher=teacher, rounds=1, **EVERY)
    assert not {id(p) for p in teacher.parameters()} & {id(p) for p in method.parameters()}
    assert method.state_dict().keys() == build(NoisyStudent).state_dict().keys()
    assert equal(before, numbers(teacher))


def labels_stay_for_a_round_and_images_are_asked_once(kind):
    """Three rounds of two epochs: the first without a teacher, the others each with labels of their own."""
    epochs, asked, _ = watched(kind, some(), rounds=3, **EVERY)
    assert ["pseudo" in epoch for epoch in epochs] == [False, False, True, True, True, True]
    (_, a), (_, b), (_, c), (_, d) = (epoch["pseudo"] for epoch in epochs[2:])
    assert torch.equal(a, b) and torch.equal(c, d) and not torch.allclose(a, c, atol=1e-3)
    assert not equal(epochs[2]["student"], epochs[3]["student"])  # while the student moves
    assert asked == [40, 40]


def labels_stay_where_the_teacher_goes_on_learning(kind):
    teacher, data = network(), some()
    method = build(kind, teacher=teacher, **EVERY)
    _, first = pseudo(method, data)
    scatter(teacher)
    assert torch.equal(pseudo(method, data, 1)[1], first)


def other_images_are_labelled_anew(kind):
    """Also those whose rows are the same."""
    method = build(kind, teacher=Says(), **EVERY)
    for data in (some(), some(seed=1), some(81), replace(some(), index=torch.arange(30)), replace(some(), labels=some().labels.roll(1)), some()):
        rows, y = pseudo(method, data)
        drawn_at_all = torch.arange(len(data.x)) if data.index is None else data.index
        assert torch.equal(rows, drawn_at_all[data.labels[drawn_at_all] < 0])
        torch.testing.assert_close(y, probabilities(data)[rows])


def an_image_comes_with_its_own_label(kind):
    """The index trap: rows of the data, rows that were asked and rows that are drawn are three orders."""
    data = uneven()
    method = build(kind, teacher=Says(), threshold=0.5, per_class=60)
    x, labels, u, targets = next(relabelled(method, data).batches(120))
    rows, known = u[:, 1, 0, 0].long(), x[:, 1, 0, 0].long()
    torch.testing.assert_close(targets, probabilities(data)[rows])
    assert torch.equal(labels, data.labels[known])


def labelled_images_keep_their_labels_and_get_no_others(kind):
    """Also those of which the teacher says another."""
    data = some()
    assert (probabilities(data).argmax(1) != data.labels)[data.labels >= 0].any()
    method = build(kind, teacher=Says(), **EVERY)
    groups = relabelled(method, data)
    known, labels = drawn(groups.parts[0])
    assert torch.equal(known, (data.labels >= 0).nonzero().flatten()) and torch.equal(labels, data.labels[known])
    assert torch.equal(drawn(groups.parts[1])[0], unlabelled(data))


def only_rows_that_are_drawn_are_asked_each_once(kind):
    data = some()
    for index in (torch.arange(30), torch.arange(30).flip(0), torch.cat([torch.arange(30), torch.tensor([1, 1, 1, 2, 3, 3])])):
        method, asked = build(kind, teacher=Says(), **EVERY), []
        with patched(pseudo_labels, features=lambda f, x, asked=asked: asked.append(x.index.tolist()) or features(f, x)):
            groups = relabelled(method, replace(data, index=index))
        expected = unlabelled(data[:30])
        assert asked == [expected.tolist()]
        rows, y = drawn(groups.parts[1])
        assert torch.equal(rows, expected)
        torch.testing.assert_close(y, probabilities(data)[rows])
        assert drawn(groups.parts[0])[0].tolist() == list(range(0, 30, 3))


def soft_labels_are_probabilities_and_hard_ones_the_most_probable_class(kind):
    data = some()
    expected = probabilities(data)[unlabelled(data)]
    for soft, labels in ((True, expected), (False, F.one_hot(expected.argmax(1), 4).float())):
        _, y = pseudo(build(kind, teacher=Says(), soft=soft, **EVERY), data)
        torch.testing.assert_close(y, labels)


def sure_images_are_drawn_and_classes_come_equally(kind):
    """30 images of a class come twice each; of 120, the 60 most confident come once; unsure ones never."""
    data = uneven()
    p, confidence = probabilities(data), probabilities(data).amax(1)
    method = build(kind, teacher=Says(), threshold=0.5, per_class=60)
    rows, y = pseudo(method, data)
    times, sure_ones = rows.bincount(minlength=210), (data.labels < 0) & (confidence >= 0.5)
    short, rich = ((p.argmax(1) == c) & sure_ones for c in (0, 1))
    assert times[short].tolist() == [2] * 30 and times[~sure_ones].sum() == 0 and times.sum() == 120
    assert sorted(times[rich].tolist()) == [0] * 60 + [1] * 60
    assert confidence[rich & (times == 1)].min() >= confidence[rich & (times == 0)].max()
    torch.testing.assert_close(y, p[rows])
    said = method.stats()
    assert said["passed"].item() == pytest.approx(90 / 202)
    assert said["confidence"].item() == pytest.approx(confidence[times > 0].mean().item())


def per_class_is_the_mean_of_the_classes_that_are_found_and_0_leaves_images_as_they_are(kind):
    data = uneven()
    rows, _ = pseudo(build(kind, teacher=Says(), threshold=0.5), data)
    assert probabilities(data)[rows].argmax(1).bincount().tolist() == [75, 75]
    rows, _ = pseudo(build(kind, teacher=Says(), threshold=0.5, per_class=0), data)
    assert torch.equal(rows, ((probabilities(data).amax(1) >= 0.5) & (data.labels < 0)).nonzero().flatten())


# ---- the promises: rounds


def without_a_teacher_the_first_round_draws_labelled_images_only(kind):
    """As many as there are images, each as often."""
    data = some()
    for index, known in ((None, range(0, 60, 3)), (torch.arange(30), range(0, 30, 3))):
        given = replace(data, index=index)
        found = relabelled(build(kind), given)
        assert isinstance(found, Images) and found.fields == ("x", "labels") and len(found) == len(given)
        rows, labels = drawn(found)
        assert rows.tolist() == sorted([*known] * (len(given) // len(known))) and torch.equal(labels, data.labels[rows])


def an_epoch_has_as_many_steps_whatever_passes(kind):
    """4 labelled images and 56 others, 12 of them in a batch of 16: 4 steps, also where 4 images pass, and without a teacher."""
    data = some()
    labels = torch.full_like(data.labels, -1)
    labels[:4] = torch.arange(4)
    few = replace(data, labels=labels)
    for given in ({}, {"teacher": Says(), **EVERY}, {"teacher": Says(), **EVERY, "per_class": 1}):
        assert relabelled(build(kind, **given), few).steps(16) == 4


def a_teacher_of_this_kind_is_its_average(kind):
    teacher, data = build(NoisyStudent, 5), some()
    scatter(teacher.student, 1)
    scatter(teacher.average, 100)
    x = data.x[unlabelled(data)]
    _, y = pseudo(build(kind, teacher=teacher, **EVERY), data)
    torch.testing.assert_close(y, answers(teacher.average, x))
    assert not torch.allclose(y, answers(teacher.student, x), atol=0.01)


def the_next_teacher_is_the_average(kind):
    """Its weights and its statistics; the student's own would say something else, and so would weights without statistics."""
    method, data = build(kind, **EVERY), some()
    x = data.x[unlabelled(data)]
    for t in range(3):
        scatter(method.student, 50 * t)
        method.after_step(t / 3)
    expected, others = answers(method.average, x), [answers(method.student, x), answers(build(NoisyStudent).average, x)]
    with RandomStream(0, CPU):
        method.renew()
    _, y = pseudo(method, data)
    torch.testing.assert_close(y, expected)
    assert not any(torch.allclose(y, other, atol=0.01) for other in others)


def the_average_follows_weights_and_statistics_and_warms_up_in_every_round(kind):
    """m is (1 + t) / (10 + t), 0.6 at most, in float64; whole numbers are copied. A round begins with it equal to the student, and with t = 0."""
    method, data = build(kind, m=0.6, **EVERY), some()
    for number in range(2):
        expected = {name: tensor.double() for name, tensor in method.student.state_dict().items()}
        assert equal(numbers(method.student), numbers(method.average))
        for t in range(20):
            scatter(method.student, 1000 * number + 20 * t)
            method.after_step(t / 20)
            m = min(0.6, (1 + t) / (10 + t))
            for name, theta in method.student.state_dict().items():
                expected[name] = m * expected[name] + (1 - m) * theta.double() if theta.is_floating_point() else theta.double()
            for name, theta in method.average.state_dict().items():
                torch.testing.assert_close(theta.double(), expected[name], atol=1e-5, rtol=1e-5)
        with RandomStream(number, CPU):
            method.renew()
            method.relabel(data)


def a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state(kind):
    data, states = some(), []

    class Watched(kind):
        def relabel(self, data):
            states.append((numbers(self.average), numbers(self.student)))
            found = super().relabel(data)
            states.append((numbers(self.average), numbers(self.student)))
            return found

    method = build(Watched, rounds=2, **EVERY)
    training = Training(method, data, replace(QUICK, epochs=1), threads=1)
    for step in training.steps():
        if step.number == 4:  # the first step of the second round: an epoch of the first has 60 // 16 = 3
            break
    _, _, (teacher, _), (average, student) = states
    assert [name for name in teacher if teacher[name].ndim == 2 and (teacher[name] - student[name]).abs().max() < 0.05] == []
    assert equal(average, student) and not equal(teacher, student)
    assert (student["0.norm.running_mean"] == 0).all() and (student["0.norm.running_var"] == 1).all()
    assert {int(training.optimizer.state[p]["step"]) for p in method.student.parameters()} == {1}


# ---- the promises: a step


def a_step_is_that_of_loops(kind):
    """One pass of all images through batch norm; mean cross entropy of the labelled, plus that of the others. In float64, value and gradient."""
    method, data = build(kind, unlabel_ratio=3.0).double(), some()
    x, labels = to_float(data.x[:20]).double(), torch.arange(5) % 4
    targets = torch.randn(15, 4, generator=generator(2)).double().softmax(1)
    W, b, gamma, beta, V, c = (p.detach().clone().requires_grad_() for p in method.student.parameters())
    rows = [W @ one[0, 0, :6] + b for one in x]
    mean = sum(rows) / 20
    var = sum((h - mean) ** 2 for h in rows) / 20
    logits = [V @ (gamma * (h - mean) / (var + 1e-5).sqrt() + beta) + c for h in rows]
    logs = [z - sum(z[k].exp() for k in range(4)).log() for z in logits]
    first = -sum(logs[i][labels[i]] for i in range(5)) / 5
    second = -sum(targets[i, k] * logs[5 + i][k] for i in range(15) for k in range(4)) / 15
    (first + second).backward()
    loss = method(x, labels, targets)
    loss.backward()
    torch.testing.assert_close(loss, first + second, atol=1e-6, rtol=0)
    for p, q in zip(method.student.parameters(), (W, b, gamma, beta, V, c), strict=True):
        torch.testing.assert_close(p.grad, q.grad, atol=1e-6, rtol=0)


def a_first_step_is_cross_entropy_of_labelled_images(kind):
    method, data = build(kind), some()
    x, labels = to_float(data.x[:6]), torch.arange(6) % 4
    expected = F.cross_entropy(copy.deepcopy(method.student)(x), labels)
    torch.testing.assert_close(method(x, labels), expected)


def all_images_of_a_step_are_noised_alike(kind):
    """A crop and a flip, then RandAugment, of one batch, the labelled images first; labels stay."""
    x = torch.randint(256, (24, 3, 16, 16), generator=generator(0)).to(torch.uint8)
    labels, targets = torch.arange(8) % 4, torch.rand(16, 4)
    method = build(kind, operations=2, magnitude=5.0, augmentation=CROP)
    torch.manual_seed(5)
    views, *others = method.views(x[:8], labels, x[8:], targets)
    torch.manual_seed(5)
    assert torch.equal(views, RandAugment(2, 5.0)(CROP(x)))
    assert len(others) == 2 and torch.equal(others[0], labels) and torch.equal(others[1], targets)
    moved = (views - to_float(x)).abs().amax((1, 2, 3)) > 0.01
    assert moved[:8].all() and moved[8:].all()


def the_network_is_noisy_before_its_last_layer_and_in_its_depth(kind):
    seen = []
    method = build(kind, dropout=0.5)
    last = next(part for part in method.classifier.modules() if isinstance(part, nn.Linear))
    last.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    x = torch.rand(200, 3, 16, 16)
    labels, targets = torch.arange(100) % 4, torch.full((100, 4), 0.25)
    method(x, labels, targets)
    for part in seen[0].split(100):
        assert 0.4 < (part == 0).float().mean() < 0.6
    torch.manual_seed(0)
    deep = kind(small_resnet(width=4), **{"classes": 4, **QUIET, "depth": 0.9}).train()
    h1, h2 = deep.encoder(x[:32]), deep.encoder(x[:32])
    assert (h1 - h2).abs().amax(1).gt(1e-4).float().mean() > 0.3


def shares_of_a_batch_follow_the_ratio(kind):
    data = some()
    for ratio, B, n in ((3.0, 16, 4), (1.0, 16, 8), (7.0, 16, 2), (14.0, 30, 2), (0.5, 30, 20)):
        method = build(kind, teacher=Says(), unlabel_ratio=ratio, **EVERY)
        method.check_batch(B)
        x, labels, u, targets = next(relabelled(method, data).batches(B))
        assert (len(x), len(labels), len(u), len(targets)) == (n, n, B - n, B - n)


def a_larger_teacher_is_refused(kind):
    larger = nn.Sequential(Turned(6), nn.Linear(6, 4))
    words = refused(lambda: train(build(kind, teacher=larger, rounds=1), some(), QUICK, threads=1))
    assert "the teacher has 82 parameters and the student 69" in words and "a wider encoder" in words


PROMISES = [
    labels_are_what_the_teacher_says_in_evaluation_without_noise, no_gradient_reaches_a_teacher, a_teacher_is_no_part_of_the_method,
    labels_stay_for_a_round_and_images_are_asked_once, labels_stay_where_the_teacher_goes_on_learning, other_images_are_labelled_anew,
    an_image_comes_with_its_own_label, labelled_images_keep_their_labels_and_get_no_others, only_rows_that_are_drawn_are_asked_each_once,
    soft_labels_are_probabilities_and_hard_ones_the_most_probable_class, sure_images_are_drawn_and_classes_come_equally,
    per_class_is_the_mean_of_the_classes_that_are_found_and_0_leaves_images_as_they_are,
    without_a_teacher_the_first_round_draws_labelled_images_only, an_epoch_has_as_many_steps_whatever_passes,
    a_teacher_of_this_kind_is_its_average, the_next_teacher_is_the_average,
    the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state, a_step_is_that_of_loops,
    a_first_step_is_cross_entropy_of_labelled_images, all_images_of_a_step_are_noised_alike,
    the_network_is_noisy_before_its_last_layer_and_in_its_depth, shares_of_a_batch_follow_the_ratio, a_larger_teacher_is_refused,
]  # fmt: skip


test_noisy_student_keeps_the_promise = keeps(NoisyStudent, PROMISES)


# ---- the usual mistakes: labels


class Patched(Relabelled, NoisyStudent):
    """NoisyStudent, while the file of pseudo-labels has other functions."""

    file = pseudo_labels


class TeacherInTrainingMode(Patched):
    instead: ClassVar = {"features": lambda f, x: f.train()(to_float(x[:].x))}


class LabelsOfViews(Patched):
    instead: ClassVar = {"features": lambda f, x: features(f, SMALL(x[:].x))}


class LabelsOfRandAugment(Patched):
    instead: ClassVar = {"features": lambda f, x: features(f, RandAugment(2, 5.0)(x[:].x))}


class Tempered(Patched):
    instead: ClassVar = {"features": lambda f, x: features(f, x) / 0.5}


class TeacherLearns(NoisyStudent):
    """Labels are computed where gradients are recorded."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        with torch.enable_grad(), evaluating(self.teacher):
            return replace(groups, parts=(known, replace(others, targets=self.teacher(to_float(data.x)).softmax(1))))


class AverageLearns(NoisyStudent):
    """The copy is not frozen, and looks on while the student learns."""

    def forward(self, x, labels, *targets):
        self.average.requires_grad_(True)
        return super().forward(x, labels, *targets) + 0 * self.average(x).sum()


class TeacherRegistered(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.register_module("teacher", vars(self).pop("teacher"))


class RefreshedByTheStudent(NoisyStudent):
    """Each epoch has labels of the current student, as FixMatch's steps have."""

    def relabel(self, data):
        if self.kept.pop("targets", None) is not None:
            self.average.load_state_dict(self.student.state_dict())
        return super().relabel(data)


class RefreshedByTheAverage(NoisyStudent):
    def relabel(self, data):
        self.kept.pop("targets", None)
        return super().relabel(data)


class RefreshedByTheTeacher(RefreshedByTheAverage):
    """On the fly: right as long as the teacher stays as it is."""


class AskedInEveryEpoch(NoisyStudent):
    """The labels are the same, and images are asked again."""

    def relabel(self, data):
        found = super().relabel(data)
        if isinstance(found, Groups):
            pseudo_labels.features(self.average, data)
        return found


class LabelsOfTheLastRound(NoisyStudent):
    def renew(self):
        kept = self.kept
        super().renew()
        self.kept = kept


class RowsAlone(NoisyStudent):
    """Images count as the same where their rows are."""

    def relabel(self, data):
        rows = unlabelled(data) if data.index is None else data.index[data.labels[data.index] < 0]
        same = torch.equal(self.kept.get("rows", torch.empty(0)), rows.float())
        with patched(pseudo_labels, answered=lambda *given: same):
            found = super().relabel(data)
        self.kept["rows"] = rows.float()
        return found


class LabelsOfTheFirstImages(RefreshedByTheAverage):
    """Whatever comes later, labels are those of the images that were asked first."""

    def relabel(self, data):
        with patched(pseudo_labels, answered=lambda kept, *given: "targets" in kept):
            return NoisyStudent.relabel(self, data)


class InTheOrderOfTheAsked(NoisyStudent):
    """The n-th label is that of the n-th row that was asked, not of row n."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        packed = torch.zeros_like(others.targets)
        rows = unlabelled(data)
        packed[: len(rows)] = others.targets[rows]
        return replace(groups, parts=(known, replace(others, targets=packed)))


class InTheOrderOfTheDraw(NoisyStudent):
    """The n-th label is that of the n-th drawing, and drawn again by its row."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        targets = others.targets.clone()
        n = min(len(targets), len(others.index))
        targets[:n] = others.targets[others.index[:n]]
        return replace(groups, parts=(known, replace(others, targets=targets)))


class RowsOfTheAsked(NoisyStudent):
    """Drawn are rows of what was asked, taken as rows of the data."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        place = torch.zeros(len(data.x), dtype=torch.long)
        place[unlabelled(data)] = torch.arange(len(unlabelled(data)))
        return replace(groups, parts=(known, replace(others, index=place[others.index])))


class LabelledOnesAreAsked(NoisyStudent):
    """All images get pseudo-labels, those with labels of their own, too."""

    def relabel(self, data):
        found = super().relabel(data)
        if isinstance(found, Images):
            return found
        every = super().relabel(replace(data, labels=torch.where(torch.arange(len(data.x)) == 0, 0, -1)))
        return replace(found, parts=(found.parts[0], every.parts[1]))


class LabelsAreReplaced(NoisyStudent):
    """What the teacher says of labelled images goes before their labels."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        said = features(self.teacher, data.x).argmax(1)
        return replace(groups, parts=(replace(known, labels=said), others))


class AllRowsAreAsked(NoisyStudent):
    def relabel(self, data):
        return super().relabel(replace(data, index=None))


class AskedAsOftenAsDrawn(NoisyStudent):
    def relabel(self, data):
        if data.index is None:
            return super().relabel(data)
        rows = data.index[data.labels[data.index] < 0]
        self.kept = pseudo_labels.ask(self.teacher, data, rows, *self.labelling)
        with patched(pseudo_labels, answered=lambda *given: True):
            return super().relabel(data)


class Hard(NoisyStudent):
    def relabel(self, data):
        self.labelling = (*self.labelling[:2], False)
        return super().relabel(data)


class Soft(NoisyStudent):
    def relabel(self, data):
        self.labelling = (*self.labelling[:2], True)
        return super().relabel(data)


class HardOnesSmoothed(NoisyStudent):
    """The authors' way with labels that are no probabilities."""

    def relabel(self, data):
        known, others = (groups := super().relabel(data)).parts
        targets = others.targets if self.labelling[2] else 0.9 * others.targets + 0.1 / self.classes
        return replace(groups, parts=(known, replace(others, targets=targets)))


class ThresholdAfterBalancing(NoisyStudent):
    def relabel(self, data):
        def wrong(p, threshold, per_class):
            rows = pseudo_labels.balance(*p.max(1), per_class)
            return rows[p[rows].amax(1) >= threshold]

        with patched(pseudo_labels, filter_and_balance=wrong):
            return super().relabel(data)


class WithoutThreshold(NoisyStudent):
    def relabel(self, data):
        self.labelling = (0.0, *self.labelling[1:])
        return super().relabel(data)


class ShortClassesStayShort(Patched):
    instead: ClassVar = {"balance": lambda confidence, y, n, seed: balance(confidence, y, n, seed).unique()}


class ShortClassesAreLeftOut(NoisyStudent):
    def relabel(self, data):
        def wrong(confidence, y, n, seed):
            rows = balance(confidence, y, n, seed)
            return rows[y.bincount()[y[rows]] >= n]

        with patched(pseudo_labels, balance=wrong):
            return super().relabel(data)


class AnyOfARichClass(Patched):
    instead: ClassVar = {"balance": lambda confidence, y, n, seed: balance(torch.rand(len(y)), y, n, seed)}


class NotBalanced(NoisyStudent):
    def relabel(self, data):
        self.labelling = (self.labelling[0], 0, self.labelling[2])
        return super().relabel(data)


class ZeroIsTheMean(NoisyStudent):
    def relabel(self, data):
        self.labelling = (self.labelling[0], self.labelling[1] or None, self.labelling[2])
        return super().relabel(data)


class MeanOfAllClasses(NoisyStudent):
    """A class of which no image passes counts."""

    def relabel(self, data):
        p = features(self.teacher, data.x[unlabelled(data)]).softmax(1)
        count = int((p.amax(1) >= self.labelling[0]).sum()) // self.classes
        self.labelling = (self.labelling[0], count if self.labelling[1] is None else self.labelling[1], self.labelling[2])
        return super().relabel(data)


class UndrawnOnesPass(NoisyStudent):
    """The share that passes the threshold is said, not the share that is learned from."""

    def relabel(self, data):
        found = super().relabel(data)
        p = self.kept["targets"][unlabelled(data)]
        self.kept["passed"] = (p.amax(1) >= self.labelling[0]).float().mean()
        return found


# ---- the usual mistakes: rounds


class FirstRoundOfAnUntrainedTeacher(NoisyStudent):
    def relabel(self, data):
        if self.teacher is None:
            vars(self)["teacher"] = self.average
        return super().relabel(data)


class FirstRoundIsShort(NoisyStudent):
    def relabel(self, data):
        found = super().relabel(data)
        return found if isinstance(found, Groups) else replace(found, index=found.index.unique())


class FirstRoundOfAll(NoisyStudent):
    def relabel(self, data):
        found = super().relabel(data)
        return found if isinstance(found, Groups) else data


class TeachersStudent(NoisyStudent):
    def __init__(self, encoder, teacher=None, **options):
        super().__init__(encoder, teacher=teacher.student, **options)


class RawTeacher(NoisyStudent):
    """The student's own weights teach, not their average."""

    def renew(self):
        self.average.load_state_dict(self.student.state_dict())
        super().renew()


class NewStudentTeaches(NoisyStudent):
    """The average is made anew before it has labelled the images."""

    def renew(self):
        super().renew()
        self.average.load_state_dict(self.student.state_dict())


class Averaging(NoisyStudent):
    """NoisyStudent, with its average written out."""

    def after_step(self, progress):
        t = self.kept.setdefault("t", torch.zeros(()))
        self.follow(((1 + t) / (10 + t)).clamp(max=self.m))
        t.add_(1)

    def follow(self, m):
        models.average_(self.average, self.student, m)


class WithoutStatistics(Averaging):
    def follow(self, m):
        models.ema_(self.average, self.student, float(m))


class StatisticsOfTheStudent(Averaging):
    def follow(self, m):
        models.ema_(self.average, self.student, float(m))
        for a, b in zip(self.average.buffers(), self.student.buffers()):
            a.copy_(b)


class WithoutTheHead(Averaging):
    def follow(self, m):
        models.average_(self.average_encoder, self.encoder, m)


class TheOtherShare(Averaging):
    def follow(self, m):
        models.average_(self.average, self.student, 1 - m)


class WithoutWarmUp(Averaging):
    def follow(self, m):
        super().follow(self.m)


class WarmUpBeginsAtOne(Averaging):
    def follow(self, m):
        t = self.kept["t"] + 1
        super().follow(((1 + t) / (10 + t)).clamp(max=self.m))


class WarmUpGoesOn(NoisyStudent):
    """t counts all steps, not those of the round."""

    def relabel(self, data):
        found = super().relabel(data)
        self.kept.setdefault("t", getattr(self, "t", torch.zeros(())))
        return found

    def after_step(self, progress):
        super().after_step(progress)
        self.t = self.kept["t"]


class AverageGoesOn(NoisyStudent):
    """A round begins with the average of the last one."""

    def relabel(self, data):
        before = numbers(self.average)
        found = super().relabel(data)
        self.average.load_state_dict(before)
        return found


class StudentFromTheTeacher(NoisyStudent):
    def renew(self):
        super().renew()
        self.student.load_state_dict(self.average.state_dict())


class StudentGoesOn(NoisyStudent):
    def renew(self):
        before = numbers(self.student)
        super().renew()
        self.student.load_state_dict(before)


class HeadGoesOn(NoisyStudent):
    def renew(self):
        before = numbers(self.classifier)
        super().renew()
        self.classifier.load_state_dict(before)


class StatisticsGoOn(NoisyStudent):
    def renew(self):
        before = dict(self.student.named_buffers())
        before = {name: buffer.clone() for name, buffer in before.items()}
        super().renew()
        self.student.load_state_dict(before, strict=False)


class OptimizerGoesOn(NoisyStudent):
    """Weights are drawn where no version is counted, so that the optimizer remembers the old ones."""

    @torch.no_grad()
    def renew(self):
        other = models.renew_(copy.deepcopy(self.student))
        for a, b in zip(self.student.state_dict().values(), other.state_dict().values()):
            a.data.copy_(b)
        self.kept = {}
        self.taught.add_(1)


# ---- the usual mistakes: a step


class Step(NoisyStudent):
    """NoisyStudent, with its loss in two parts."""

    def forward(self, x, labels, *targets):
        z, n = self.classifier(self.encoder(x)), len(labels)
        return self.loss(z[:n], labels, *((z[n:], y) for y in targets))

    def loss(self, z, labels, *others):
        return F.cross_entropy(z, labels) + sum(soft_cross_entropy(u, y) for u, y in others)


class Summed(Step):
    def loss(self, z, labels, *others):
        return len(z) * F.cross_entropy(z, labels) + sum(len(u) * soft_cross_entropy(u, y) for u, y in others)


class RatioWeighted(Step):
    """The authors': both sums are divided by the number of labelled images."""

    def loss(self, z, labels, *others):
        return F.cross_entropy(z, labels) + self.ratio * sum(soft_cross_entropy(u, y) for u, y in others)


class OneMean(Step):
    def loss(self, z, labels, *others):
        total = len(z) * F.cross_entropy(z, labels) + sum(len(u) * soft_cross_entropy(u, y) for u, y in others)
        return total / (len(z) + sum(len(u) for u, _ in others))


class HalfOfEach(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *others) / (1 + len(others))


class LabelledOnesSmoothed(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *others) - F.cross_entropy(z, labels) + F.cross_entropy(z, labels, label_smoothing=0.1)


class FirstStepSmoothed(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *others) if others else F.cross_entropy(z, labels, label_smoothing=0.1)


class SoftOnesSmoothed(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *((u, 0.9 * y + 0.1 / self.classes) for u, y in others))


class SoftOnesHardened(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *((u, F.one_hot(y.argmax(1), self.classes).to(u)) for u, y in others))


class SoftOnesReversed(Step):
    def loss(self, z, labels, *others):
        return super().loss(z, labels, *((u, y.flip(0)) for u, y in others))


class Divergence(Step):
    """Less the entropy of the labels: the gradient is right, and the loss is not."""

    def loss(self, z, labels, *others):
        return super().loss(z, labels, *others) - sum(torch.special.entr(y).sum(1).mean() for _, y in others)


class NothingLearnedFromOthers(Step):
    """The loss is right, and its gradient is not."""

    def loss(self, z, labels, *others):
        return super().loss(z, labels, *((u.detach(), y) for u, y in others))


class LabelledOnly(Step):
    def loss(self, z, labels, *others):
        return F.cross_entropy(z, labels)


class PseudoLabelledOnly(Step):
    def loss(self, z, labels, *others):
        return sum(soft_cross_entropy(u, y) for u, y in others) or F.cross_entropy(z, labels)


class TwoPasses(Step):
    """Batch norm sees labelled images and the others by themselves."""

    def forward(self, x, labels, *targets):
        n = len(labels)
        return self.loss(self.student(x[:n]), labels, *((self.student(x[n:]), y) for y in targets))


class OthersFirst(Step):
    def forward(self, x, labels, *targets):
        return super().forward(x.roll(len(labels), 0), labels, *targets)


class OnlyLabelledOnesNoised(NoisyStudent):
    def views(self, x, labels, *pseudo):
        views, *others = super().views(x, labels, *pseudo)
        return torch.cat([views[: len(x)], *map(to_float, pseudo[:1])]), *others


class OnlyOthersNoised(NoisyStudent):
    def views(self, x, labels, *pseudo):
        views, *others = super().views(x, labels, *pseudo)
        return torch.cat([to_float(x), views[len(x) :]]), *others


class WithoutRandAugment(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options | {"operations": 0})


class WithoutCrop(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options | {"augmentation": STILL})


class RandAugmentFirst(NoisyStudent):
    def views(self, x, labels, *pseudo):
        x = torch.cat([x, *pseudo[:1]])
        return self.augmentation(self.rand_augment(x)), labels, *pseudo[1:]


class ColoursOfSimCLR(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options | {"augmentation": replace(CROP, jitter=1.0)})


class WithoutDropout(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options | {"dropout": 0.0})


class DropoutOfLogits(NoisyStudent):
    def forward(self, x, labels, *targets):
        self.classifier = nn.Sequential(*reversed(self.classifier)) if isinstance(self.classifier[0], nn.Dropout) else self.classifier
        return super().forward(x, labels, *targets)


class WithoutDepth(NoisyStudent):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options | {"depth": 0.0})


class NoiseInEvaluationOnly(NoisyStudent):
    """The student learns in evaluation mode."""

    def train(self, mode=True):
        return super().train(not mode)


class SharesOfTheData(NoisyStudent):
    def relabel(self, data):
        groups = super().relabel(data)
        n, m = map(len, groups.parts)
        return replace(groups, shares=(n / (n + m), m / (n + m)))


class EqualShares(NoisyStudent):
    def relabel(self, data):
        return replace(super().relabel(data), shares=(0.5, 0.5))


class SharesExchanged(NoisyStudent):
    def relabel(self, data):
        groups = super().relabel(data)
        return replace(groups, shares=groups.shares[::-1])


class EpochsOfWhatPasses(NoisyStudent):
    def relabel(self, data):
        found = super().relabel(data)
        return found if isinstance(found, Images) else replace(found, parts=(data.labelled().select("x", "labels"), found.parts[1]))


class SmallerStudent(NoisyStudent):
    def check_data(self, data):
        larger = nn.Sequential(Turned(90), nn.Linear(90, 4))
        pseudo_labels.check(data, self.classes, self.teacher, larger)


CAUGHT = {  # which promise each mistake of methods.md 1.6, and many others, breaks
    EpochsOfWhatPasses: an_epoch_has_as_many_steps_whatever_passes,
    TeacherInTrainingMode: labels_are_what_the_teacher_says_in_evaluation_without_noise,
    LabelsOfViews: labels_are_what_the_teacher_says_in_evaluation_without_noise,
    LabelsOfRandAugment: labels_are_what_the_teacher_says_in_evaluation_without_noise,
    Tempered: labels_are_what_the_teacher_says_in_evaluation_without_noise,
    TeacherLearns: no_gradient_reaches_a_teacher,
    AverageLearns: no_gradient_reaches_a_teacher,
    TeacherRegistered: a_teacher_is_no_part_of_the_method,
    RefreshedByTheStudent: labels_stay_for_a_round_and_images_are_asked_once,
    RefreshedByTheAverage: labels_stay_for_a_round_and_images_are_asked_once,
    AskedInEveryEpoch: labels_stay_for_a_round_and_images_are_asked_once,
    LabelsOfTheLastRound: labels_stay_for_a_round_and_images_are_asked_once,
    RefreshedByTheTeacher: labels_stay_where_the_teacher_goes_on_learning,
    RowsAlone: other_images_are_labelled_anew,
    LabelsOfTheFirstImages: other_images_are_labelled_anew,
    InTheOrderOfTheAsked: an_image_comes_with_its_own_label,
    InTheOrderOfTheDraw: an_image_comes_with_its_own_label,
    RowsOfTheAsked: only_rows_that_are_drawn_are_asked_each_once,
    LabelledOnesAreAsked: labelled_images_keep_their_labels_and_get_no_others,
    LabelsAreReplaced: labelled_images_keep_their_labels_and_get_no_others,
    AllRowsAreAsked: only_rows_that_are_drawn_are_asked_each_once,
    AskedAsOftenAsDrawn: only_rows_that_are_drawn_are_asked_each_once,
    Hard: soft_labels_are_probabilities_and_hard_ones_the_most_probable_class,
    Soft: soft_labels_are_probabilities_and_hard_ones_the_most_probable_class,
    HardOnesSmoothed: soft_labels_are_probabilities_and_hard_ones_the_most_probable_class,
    ThresholdAfterBalancing: sure_images_are_drawn_and_classes_come_equally,
    WithoutThreshold: sure_images_are_drawn_and_classes_come_equally,
    ShortClassesStayShort: sure_images_are_drawn_and_classes_come_equally,
    ShortClassesAreLeftOut: sure_images_are_drawn_and_classes_come_equally,
    AnyOfARichClass: sure_images_are_drawn_and_classes_come_equally,
    NotBalanced: sure_images_are_drawn_and_classes_come_equally,
    UndrawnOnesPass: sure_images_are_drawn_and_classes_come_equally,
    ZeroIsTheMean: per_class_is_the_mean_of_the_classes_that_are_found_and_0_leaves_images_as_they_are,
    MeanOfAllClasses: per_class_is_the_mean_of_the_classes_that_are_found_and_0_leaves_images_as_they_are,
    FirstRoundOfAnUntrainedTeacher: without_a_teacher_the_first_round_draws_labelled_images_only,
    FirstRoundIsShort: without_a_teacher_the_first_round_draws_labelled_images_only,
    FirstRoundOfAll: without_a_teacher_the_first_round_draws_labelled_images_only,
    TeachersStudent: a_teacher_of_this_kind_is_its_average,
    RawTeacher: the_next_teacher_is_the_average,
    NewStudentTeaches: the_next_teacher_is_the_average,
    WithoutStatistics: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    StatisticsOfTheStudent: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    WithoutTheHead: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    TheOtherShare: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    WithoutWarmUp: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    WarmUpBeginsAtOne: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    WarmUpGoesOn: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    AverageGoesOn: the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    StudentFromTheTeacher: a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state,
    StudentGoesOn: a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state,
    HeadGoesOn: a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state,
    StatisticsGoOn: a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state,
    OptimizerGoesOn: a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state,
    Summed: a_step_is_that_of_loops,
    RatioWeighted: a_step_is_that_of_loops,
    OneMean: a_step_is_that_of_loops,
    HalfOfEach: a_step_is_that_of_loops,
    LabelledOnesSmoothed: a_step_is_that_of_loops,
    SoftOnesSmoothed: a_step_is_that_of_loops,
    SoftOnesHardened: a_step_is_that_of_loops,
    SoftOnesReversed: a_step_is_that_of_loops,
    Divergence: a_step_is_that_of_loops,
    NothingLearnedFromOthers: a_step_is_that_of_loops,
    LabelledOnly: a_step_is_that_of_loops,
    PseudoLabelledOnly: a_step_is_that_of_loops,
    TwoPasses: a_step_is_that_of_loops,
    OthersFirst: a_step_is_that_of_loops,
    FirstStepSmoothed: a_first_step_is_cross_entropy_of_labelled_images,
    OnlyLabelledOnesNoised: all_images_of_a_step_are_noised_alike,
    OnlyOthersNoised: all_images_of_a_step_are_noised_alike,
    WithoutRandAugment: all_images_of_a_step_are_noised_alike,
    WithoutCrop: all_images_of_a_step_are_noised_alike,
    RandAugmentFirst: all_images_of_a_step_are_noised_alike,
    ColoursOfSimCLR: all_images_of_a_step_are_noised_alike,
    WithoutDropout: the_network_is_noisy_before_its_last_layer_and_in_its_depth,
    DropoutOfLogits: the_network_is_noisy_before_its_last_layer_and_in_its_depth,
    WithoutDepth: the_network_is_noisy_before_its_last_layer_and_in_its_depth,
    NoiseInEvaluationOnly: the_network_is_noisy_before_its_last_layer_and_in_its_depth,
    SharesOfTheData: shares_of_a_batch_follow_the_ratio,
    EqualShares: shares_of_a_batch_follow_the_ratio,
    SharesExchanged: shares_of_a_batch_follow_the_ratio,
    SmallerStudent: a_larger_teacher_is_refused,
}


test_every_usual_mistake_breaks_its_promise = breaks(CAUGHT.items())


test_averaging_is_no_mistake = keeps(Averaging, [the_average_follows_weights_and_statistics_and_warms_up_in_every_round])
test_step_is_no_mistake = keeps(Step, [a_step_is_that_of_loops])


# ---- noise, and none


def test_all_noise_can_be_switched_off():
    """Then a view is the image, the loss is the same every time, and that in evaluation but for batch norm."""
    torch.manual_seed(0)
    method = NoisyStudent(small_resnet(width=4, norm="group"), 4, **QUIET).train()
    data = some(24)
    x, u, labels, targets = data.x[:8], data.x[8:], torch.arange(8) % 4, torch.full((16, 4), 0.25)
    first, second = method.views(x, labels, u, targets), method.views(x, labels, u, targets)
    torch.testing.assert_close(first[0], to_float(data.x), atol=1e-6, rtol=0)
    assert all(map(torch.equal, first, second)) and torch.equal(method(*first), method(*second))
    torch.testing.assert_close(method(*first), method.eval()(*first))


def test_the_warm_up_by_hand():
    """The average keeps 0.1 of itself at step 0, 0.55 at step 10, 0.918 at step 100, and then no more than m."""
    for t, m, kept in ((0, 0.9999, 0.1), (10, 0.9999, 0.55), (100, 0.9999, 0.9182), (100, 0.9, 0.9), (10**7, 0.9999, 0.9999), (0, 0.0, 0.0)):
        method = build(NoisyStudent, m=m)
        with torch.no_grad():
            method.average_encoder.linear.weight.fill_(1)
            method.encoder.linear.weight.fill_(0)
        method.kept["t"] = torch.tensor(float(t))
        method.after_step(0.5)
        assert method.average_encoder.linear.weight.unique().item() == pytest.approx(kept, abs=5e-5)


def test_a_network_is_asked_as_a_whole_whatever_its_parts_are_called():
    teacher = network()
    teacher.average = nn.Identity()
    assert build(NoisyStudent, teacher=teacher).teacher is teacher


def test_a_step_of_any_round_runs_on_the_meta_device():
    """It fails for a tensor left on the CPU, and for whatever waits for the device."""
    with torch.device("meta"):
        method = NoisyStudent(small_resnet(width=4), 4)
        x, u, labels, targets = torch.empty(2, 3, 16, 16), torch.empty(6, 3, 16, 16), torch.zeros(2).long(), torch.empty(6, 4)
    for batch in ((x, labels), (x, labels, u, targets)):
        loss = method(*method.views(*batch))
        loss.backward()
        method.after_step(0.5)
        assert loss.device.type == "meta"
        method.renew()


# ---- through a training, a save and a load


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=48, size=16).label_fraction(0.25)


def noisy(seed: int = 0, **options) -> NoisyStudent:
    torch.manual_seed(seed)
    return NoisyStudent(small_resnet(width=4), rounds=2, threshold=0.0, m=0.9, **options)


@pytest.fixture(scope="module")
def whole(images):
    method = noisy()
    return method, list(train(method, images, QUICK, threads=1))


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_training_resumes_within_a_round_and_at_its_border_with_the_same_labels_to_the_bit(tmp_path, images, whole, stop):
    """Epochs 1 and 2 are the first round, 3 and 4 the second; within a round no image is asked again."""
    logs, last, asked = until(stop, noisy(), images, QUICK, tmp_path), noisy(9), []
    with patched(pseudo_labels, features=lambda f, x: asked.append(len(x)) or features(f, x)):
        logs += list(train(last, images, QUICK, out=tmp_path, resume=True))
    assert asked == ([36] if stop < 3 else [])
    method, expected = whole
    assert equal(numbers(method), numbers(last)) and equal(method.kept, last.kept)
    assert {"targets", "chosen", "t"} <= last.kept.keys() and last.kept["t"] == 6
    assert [(log.loss, log.stats) for log in logs] == [(log.loss, log.stats) for log in expected]


def test_every_epoch_is_finite_and_says_its_round_and_what_passes(whole):
    _, logs = whole
    assert all(math.isfinite(value) for log in logs for value in (log.loss, *log.stats.values()))
    assert [log.stats["round"] for log in logs] == [1, 1, 2, 2]
    for log in logs[:2]:
        assert "passed" not in log.stats and log.images == 48
    for log in logs[2:]:
        assert 0 < log.stats["passed"] <= 1 and 0.1 <= log.stats["confidence"] <= 1


def test_a_round_with_a_teacher_given_resumes_with_its_labels(tmp_path):
    data, teacher = some(), network()
    whole, last = (build(NoisyStudent, seed, teacher=teacher, rounds=1, **EVERY) for seed in (0, 9))
    list(train(whole, data, QUICK, threads=1))
    until(1, build(NoisyStudent, teacher=teacher, rounds=1, **EVERY), data, QUICK, tmp_path)
    scatter(teacher)
    list(train(last, data, QUICK, out=tmp_path, resume=True))
    assert equal(whole.kept, last.kept) and equal(numbers(whole), numbers(last))


def test_what_a_teacher_says_helps():
    """The teacher is right about 144 images beside 16 labelled ones: after four epochs a student tells more of them than from labels alone."""
    right = torch.zeros(2)
    for seed in range(3):
        data = some(160, seed)
        truth = probabilities(data).argmax(1)
        labels = torch.where(torch.arange(160) % 13 == 0, truth, -1)
        labels[[int((truth == c).nonzero()[0]) for c in range(4)]] = torch.arange(4)
        for i, teacher in enumerate((None, Says())):
            method = build(NoisyStudent, teacher=teacher, rounds=1, **EVERY, m=0.9)
            list(train(method, replace(data, labels=labels), Recipe(epochs=4, batch=32, lr=0.05), threads=1))
            right[i] += (answers(method.average, data.x).argmax(1) == truth)[labels < 0].float().mean() / 3
    alone, taught = right.tolist()  # 0.76 and 0.89 here
    assert taught > alone + 0.05


# ---- what is said, and refused


def nothing_kept(data: Images) -> Images:
    return replace(data, labels=torch.full_like(data.labels, -1))


def without(data: Images, c: int) -> Images:
    return replace(data, labels=torch.where(data.labels == c, -1, data.labels))


class Small(nn.Module):
    """It takes images of 8 pixels only, and has fewer parameters than any student here."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 4)

    def forward(self, x):
        return self.last(x[:, 0, 0])


class Pair(Says):
    def forward(self, x):
        return super().forward(x), x


@pytest.mark.parametrize("change, options, words", [
    (nothing_kept, {}, "NoisyStudent learns from labels, and these images have none"),
    (lambda data: replace(data, index=unlabelled(data)), {}, "these images have none"),
    (lambda data: without(data, 2), {}, "of 4 classes, these have no labelled image: 2; label at least one of each"),
    (lambda data: replace(without(data, 2), classes=("car", "cat", "dog", "cup")), {}, "no labelled image: dog"),
    (lambda data: replace(data, index=torch.arange(9)), {}, "no labelled image: 3"),
    (lambda data: data.labelled(), {}, "no image is without a label, so there is nothing to pseudo-label; .*label_fraction.*rounds=1"),
    (lambda data: replace(data, index=torch.arange(0, 60, 3)), {"rounds": 1, "teacher": Says()}, "nothing to pseudo-label"),
    (lambda data: data, {"teacher": Says(3)}, r"the teacher returns \(2, 3\) for 2 images, and \(2, 4\) is needed: .*; take another teacher"),
    (lambda data: data, {"teacher": Small()}, "the teacher, this Small, cannot take images of 3 x 16 x 16 pixels .*RuntimeError.*size that it takes"),
    (lambda data: data, {"teacher": Supervised(Turned(1), 4)}, "the teacher, this Supervised, cannot take images .*TypeError.*from images to logits"),
    (lambda data: data, {"teacher": Pair()}, "this Pair returns a tuple for 2 images"),
    (lambda data: data, {"teacher": nn.Conv2d(3, 4, 1)}, r"this Conv2d returns \(2, 4, 16, 16\) for 2 images"),
])
def test_images_and_teachers_that_do_not_suit_are_refused_at_once(tmp_path, change, options, words):
    is_refused(build(NoisyStudent, **{"rounds": 2} | options), change(some()), QUICK, words, tmp_path)


def test_labels_alone_are_enough_for_one_round():
    for data in (some().labelled(), without(some(), 2)):
        assert math.isfinite(next(train(build(NoisyStudent, rounds=1), data, QUICK, threads=1)).loss)


@pytest.mark.parametrize("teacher, kind", [("resnet18", "str"), (NoisyStudent, "type"), (lambda x: x, "function")])
def test_a_teacher_that_is_no_network_is_named(teacher, kind):
    method = build(NoisyStudent)
    vars(method).update(teacher=teacher)  # as without the checks of these tests
    with pytest.raises(InputError, match=f"the teacher is a {kind}; a network"):
        train(method, some(), QUICK, threads=1)


def test_a_threshold_that_no_image_passes_is_said_with_the_highest_confidence():
    data = uneven()
    highest = probabilities(data)[unlabelled(data)].max().item()
    method = build(NoisyStudent, teacher=Says(), threshold=0.99)
    before = numbers(method)
    with pytest.raises(InputError, match=f"passes threshold=0.99: the teacher's highest confidence is {highest:.3f}; take a lower threshold"):
        next(train(method, data, QUICK, threads=1))
    assert equal(before, numbers(method)) and method.kept == {}


def test_in_a_later_round_it_is_said_too_and_the_average_is_what_was_learned():
    method, data = build(NoisyStudent, rounds=2, threshold=1.0), some()
    events = train(method, data, QUICK, threads=1)
    assert [next(events).epoch for _ in range(2)] == [1, 2]
    learned = numbers(method.average)
    with pytest.raises(InputError, match=r"no image passes threshold=1: the teacher's highest confidence is 0\."):
        next(events)
    assert equal(learned, numbers(method.average))


@pytest.mark.parametrize("ratio, batch, n", [(3.0, 2, 0), (14.0, 7, 0), (0.01, 16, 16)])
def test_a_batch_that_cannot_hold_both_kinds_is_refused(ratio, batch, n):
    with pytest.raises(InputError, match=f"unlabel_ratio={ratio:g} leaves {n} of {batch} images labelled.*take a larger batch"):
        train(build(NoisyStudent, unlabel_ratio=ratio), some(), replace(QUICK, batch=batch), threads=1)


def test_ranks_that_cannot_share_the_labelled_images_are_refused():
    build(NoisyStudent).check_batch(16, 2)
    with pytest.raises(InputError, match="unlabel_ratio=3 leaves 3 of 12 images labelled, for 2 processes"):
        build(NoisyStudent).check_batch(12, 2)


class Token(Turned):
    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(3))


def test_an_encoder_that_cannot_begin_anew_is_refused_where_there_are_rounds():
    with pytest.raises(InputError, match=r"the parameter 0\.token cannot be drawn anew: it belongs to a Token, .* give it that method"):
        NoisyStudent(Token(), 4, **QUIET)
    assert NoisyStudent(Token(), 4, rounds=1, **QUIET).generations == 1


@pytest.mark.parametrize("wrong, words", [
    ({"classes": 1}, "classes=1"), ({"rounds": 0}, "rounds=0 must be a whole number from 1"), ({"threshold": 1.5}, "threshold=1.5"),
    ({"unlabel_ratio": 0.0}, "unlabel_ratio=0.0.*1 to 28"), ({"per_class": -1}, "per_class=-1"), ({"m": 1.1}, "m=1.1"),
    ({"dropout": 1.0}, "dropout=1.0.*0 switches it off"), ({"depth": -0.1}, "depth=-0.1"), ({"operations": -1}, "operations=-1"),
    ({"magnitude": 31.0}, "magnitude=31.0"), ({"depth": 0.2}, "this Turned has no residual blocks .*stochastic depth"),
])
def test_impossible_settings_are_refused_when_it_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        build(NoisyStudent, **wrong)


def test_recipes():
    assert noisy_student.RECIPE.epochs == 350 and issubclass(NoisyStudent, Method)
    assert NoisyStudent(small_resnet(width=4), **NoisyStudent.suits["paper"]).generations == 4
    assert NoisyStudent(small_resnet(width=4)).generations == 3
