"""What Noisy Student promises, each promise a function that a class keeps or breaks: NoisyStudent keeps them all, every usual mistake breaks one.

Of the mistakes in methods.md 1.6 these cannot be made here: stochastic depth without 1/keep, or with one rate for all blocks (there is one function for
it, test_models_depth.py); smoothed or hard labels in the loss itself (losses.soft_cross_entropy has tests of its own; that the method uses it on labels
as they are is promised here). Of others: a teacher with its own crop or resolution (images have one size, and `features` crops nothing); labels read
by another order of the pass (`features` keeps the order, test_features.py); an average that an optimizer moves (a frozen copy, test_methods.py);
another order, or other labels, on each rank (test_distributed.py holds all methods to it).
"""

import contextlib
import copy
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

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
from ssl_lab.models import small_alexnet, small_resnet
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
    """8 labelled images; of the others, 120 surely of class 1, 30 surely of class 0, 40 unsurely of class 2; mixed."""
    p = torch.cat([torch.full((8, 4), 0.25), sure(1, 120, 0.6), sure(0, 30, 0.6), sure(2, 40, 0.3)])
    labels = torch.cat([torch.arange(8) % 4, torch.full((190,), -1)])
    order = torch.randperm(198, generator=generator(0))
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


def numbers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@torch.no_grad()
def scatter(module: nn.Module, seed: int = 0) -> None:
    """Other numbers everywhere; statistics, too."""
    for i, tensor in enumerate(module.state_dict().values()):
        tensor.copy_(torch.rand(tensor.shape, generator=generator(seed + i)) + 0.5) if tensor.is_floating_point() else tensor.add_(3)


def answers(f: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """softmax f(x) of a copy in evaluation mode."""
    with torch.no_grad():
        return copy.deepcopy(f).eval()(to_float(x)).softmax(1)


@contextlib.contextmanager
def patched(**names):
    """Other functions in the file of pseudo-labels."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setattr(pseudo_labels, name, value)
        yield


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
    with patched(features=counting):
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
        with patched(features=lambda f, x, asked=asked: asked.append(x.index.tolist()) or features(f, x)):
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
    times = rows.bincount(minlength=198)
    short, rich, unsure = ((p.argmax(1) == c) & (data.labels < 0) for c in (0, 1, 2))
    assert times[short].tolist() == [2] * 30 and times[unsure].sum() == 0 and times.sum() == 120
    assert sorted(times[rich].tolist()) == [0] * 60 + [1] * 60
    assert confidence[rich & (times == 1)].min() >= confidence[rich & (times == 0)].max()
    torch.testing.assert_close(y, p[rows])
    said = method.stats()
    assert said["passed"].item() == pytest.approx(90 / 190)
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
        rows, labels = drawn(found)
        assert isinstance(found, Images) and found.fields == ("x", "labels") and len(found) == len(given)
        assert rows.tolist() == sorted([*known] * (len(given) // len(known))) and torch.equal(labels, data.labels[rows])


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
    next(part for part in method.classifier.modules() if isinstance(part, nn.Linear)).register_forward_hook(lambda _, given, __: seen.append(given[0]))
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
    try:
        train(build(kind, teacher=larger, rounds=1), some(), QUICK, threads=1)
    except InputError as error:
        assert "the teacher has 82 parameters and the student 69" in str(error)
    else:
        raise AssertionError


PROMISES = [
    labels_are_what_the_teacher_says_in_evaluation_without_noise, no_gradient_reaches_a_teacher, a_teacher_is_no_part_of_the_method,
    labels_stay_for_a_round_and_images_are_asked_once, labels_stay_where_the_teacher_goes_on_learning, other_images_are_labelled_anew,
    an_image_comes_with_its_own_label, labelled_images_keep_their_labels_and_get_no_others, only_rows_that_are_drawn_are_asked_each_once,
    soft_labels_are_probabilities_and_hard_ones_the_most_probable_class, sure_images_are_drawn_and_classes_come_equally,
    per_class_is_the_mean_of_the_classes_that_are_found_and_0_leaves_images_as_they_are,
    without_a_teacher_the_first_round_draws_labelled_images_only, a_teacher_of_this_kind_is_its_average, the_next_teacher_is_the_average,
    the_average_follows_weights_and_statistics_and_warms_up_in_every_round,
    a_round_begins_with_other_weights_than_its_teachers_and_no_optimizer_state, a_step_is_that_of_loops,
    a_first_step_is_cross_entropy_of_labelled_images, all_images_of_a_step_are_noised_alike,
    the_network_is_noisy_before_its_last_layer_and_in_its_depth, shares_of_a_batch_follow_the_ratio, a_larger_teacher_is_refused,
]  # fmt: skip


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_noisy_student_keeps_the_promise(promise):
    promise(NoisyStudent)
