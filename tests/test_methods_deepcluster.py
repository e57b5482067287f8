"""What DeepCluster promises, each promise a function that a class keeps or breaks: DeepCluster keeps them all, and every usual mistake breaks one.

Of the mistakes in methods.md 2.5 these cannot be made here: features before or after the last ReLU (the encoder's own are taken; a ReLU after them
is a mutant); labels that are not contiguous (W has a row for every cluster, and an empty one's number is never drawn: there is a test); W in the
main optimizer too (there is one optimizer, and what is promised is that it forgets W and nothing else); the normaliser of NMI (test_geometry.py).
"""

import json
import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

from dummies.patched import Relabelled, patched
from dummies.promises import breaks, keeps
from dummies.trainings import equal, in_parts, is_refused, numbers
from ssl_lab.arguments import arguments
from ssl_lab.augment import SMALL, to_float
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.kmeans import kmeans, pca_whiten
from ssl_lab.method import Method
from ssl_lab.methods import DeepCluster, deepcluster
from ssl_lab.methods.deepcluster import uniform_sampling
from ssl_lab.models import FILTERS, small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.stream import RandomStream, generator
from ssl_lab.train import Training, train

QUICK = Recipe(epochs=3, batch=16, lr=0.01)
TRAP = torch.tensor([0, 1, 1, 1, 1, 0, 1, 1])  # clusters {0, 5} and {1, 2, 3, 4, 6, 7}
UNEVEN = torch.tensor([0] * 50 + [1] * 7 + [3] * 4)  # 61 rows, three clusters of four


class Pixels(nn.Module):
    """An encoder that hands on what it is given: h is the first `dim` pixels of red less a half, times one weight."""

    def __init__(self, dim: int = 6):
        super().__init__()
        self.dim, self.weight = dim, nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.weight * (x[:, 0].flatten(1)[:, : self.dim] - 0.5)


def pictures(h: torch.Tensor) -> Images:
    """Images whose features these are, for Pixels: rows of numbers from -0.5 to 0.5."""
    x = torch.zeros(len(h), 3, 16, 16)
    x[:, 0].flatten(1)[:, : h.shape[1]] = 255 * (h + 0.5)
    return Images(x.round().to(torch.uint8), torch.full((len(h),), -1))


def scattered(N: int = 61, d: int = 6) -> Images:
    """Features of unequal variances, far from 0."""
    h = torch.randn(N, d, generator=generator(0)) * torch.linspace(0.02, 0.1, d) + torch.linspace(-0.2, 0.2, d)
    return pictures(h.clamp(-0.5, 0.5))


def numbered(N: int) -> Images:
    """Scattered images; the green of image i is i."""
    x = scattered(N).x
    x[:, 1] = torch.arange(N)[:, None, None]
    return Images(x, torch.full((N,), -1))


def by_hand(kind, **options) -> DeepCluster:
    torch.manual_seed(0)
    return kind(Pixels(), **{"clusters": 4, "pca": 3, "input": "rgb"} | options)


def small(kind, seed: int = 0, **options) -> DeepCluster:
    torch.manual_seed(seed)
    return kind(small_resnet(width=4), **{"clusters": 8, "pca": 8} | options).train()


def fixed(kind, assignment: torch.Tensor, **options) -> DeepCluster:
    """Whatever the features are, k-means finds this."""
    method = by_hand(kind, **options)
    real = deepcluster.kmeans

    def found(z, k, *given, **named):
        return replace(real(z, k, *given, **named), assignment=assignment, counts=assignment.bincount(minlength=k))

    method.found = found
    return method


def relabelled(method: DeepCluster, data: Images, seed: int = 0) -> Images:
    with RandomStream(seed, torch.device("cpu")), patched(deepcluster, kmeans=getattr(method, "found", deepcluster.kmeans)):
        return method.relabel(data).select(*method.columns)


def clustered(method: DeepCluster, data: Images, seed: int = 0) -> tuple[torch.Tensor, dict, torch.Tensor]:
    """What k-means was given, how, and what was made of its answer."""
    seen = []

    def spy(z, k, iterations, **given):
        found = kmeans(z, k, iterations, **given)
        seen.append((z, {"k": k, "iterations": iterations, **given}, found.assignment))
        return found

    with RandomStream(seed, torch.device("cpu")), patched(deepcluster, kmeans=spy):
        labels = method.relabel(data).labels
    ((z, given, assignment),) = seen
    assert torch.equal(labels, assignment)
    return z, given, labels


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=64, size=16).unlabelled()


# ---- the promises


def whitened_unit_rows_are_clustered(kind):
    """Against numpy in float64 and scikit-learn's Lloyd from the same start."""
    data = scattered()
    z, given, labels = clustered(by_hand(kind, iterations=9), data)
    h = data.x[:, 0].flatten(1)[:, :6].double().numpy() / 255 - 0.5
    h = h - h.mean(0)
    u, s, _ = np.linalg.svd(h, full_matrices=False)
    rows = u[:, :3] * np.sqrt(len(h))  # principal components, each of variance 1
    assert np.allclose((rows**2).mean(0), 1)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose((z @ z.T).numpy(), rows @ rows.T, atol=1e-4)  # but for the signs of directions
    assert (given["k"], given["iterations"], given["repaired"]) == (4, 9, True)
    start = z[torch.randperm(len(z), generator=generator(given["seed"]))[:4]]
    lloyd = KMeans(4, init=start.double().numpy(), n_init=1, max_iter=9, tol=0, algorithm="lloyd").fit(z.double().numpy())
    assert labels.tolist() == lloyd.labels_.tolist()


def features_are_those_of_evaluation_without_augmentation(kind):
    """Twice the same to the bit, and nothing of the network moves."""
    method, images, given = small(kind), load("scenes", limit=40, size=16), []
    before, modes = numbers(method.encoder), [part.training for part in method.modules()]
    real = kind.cluster
    method.cluster = lambda h: given.append(h) or real(method, h)
    for seed in (0, 1):
        relabelled(method, images, seed)
    assert equal(before, numbers(method.encoder)) and [part.training for part in method.modules()] == modes
    assert torch.equal(given[0], given[1]) and torch.equal(given[0], features(method.encoder, images))


def labels_are_in_the_datas_own_order(kind):
    """Whatever order images are loaded in, an image has its label."""
    data = scattered()
    order = torch.randperm(len(data), generator=generator(3))
    labels = relabelled(by_hand(kind), data).labels
    assert torch.equal(labels, relabelled(by_hand(kind), replace(data, index=order)).labels)
    z = F.normalize(pca_whiten(features(Pixels(), data), 3)(features(Pixels(), data)), dim=1)
    centres = torch.stack([z[labels == c].mean(0) for c in range(4)])
    assert (torch.cdist(z, centres).argmin(1) == labels).float().mean() > 0.9


def drawn_rows_carry_the_label_of_their_own_cluster_and_clusters_come_equally(kind):
    """The index trap, through Images.batches: eight draws are four of each cluster, of every row about equally many in it."""
    times, labels = torch.zeros(8), torch.zeros(2)
    for seed in range(200):
        data = relabelled(fixed(kind, TRAP, clusters=2), numbered(8), seed)
        ((x, y),) = data.batches(8)
        rows = x[:, 1, 0, 0].long()
        assert torch.equal(y, TRAP[rows])
        times += rows.bincount(minlength=8)
        labels += y.bincount(minlength=2)
    assert labels.tolist() == [800, 800]
    assert times[TRAP == 0].tolist() == [400, 400] and ((times[TRAP == 1] - 800 / 6).abs() < 40).all()


def clusters_that_are_not_empty_come_equally_often_to_one_image(kind):
    for seed in range(20):
        data = relabelled(fixed(kind, UNEVEN), numbered(61), seed)
        counts = data.labels[data.index].bincount(minlength=4)
        assert len(data) == 61 and sorted(counts.tolist()) == [0, 20, 20, 21] and counts[2] == 0


def an_image_comes_once_before_any_of_its_cluster_comes_again(kind):
    data = relabelled(fixed(kind, UNEVEN), numbered(61))
    times = data.index.bincount(minlength=61)
    for cluster in (0, 1, 3):
        own = times[cluster == UNEVEN]
        assert own.max() - own.min() <= 1


def W_is_drawn_anew_in_place(kind):
    method = by_hand(kind, clusters=40)
    method.encoder.dim = 40
    method.classifier = nn.Linear(40, 40)
    named, before = dict(method.named_parameters()), []
    for seed in (0, 1):
        relabelled(method, scattered(), seed)
        W, b = method.classifier.weight, method.classifier.bias
        assert (b == 0).all() and abs(W.mean()) < 1e-3 and abs(W.std() / 0.01 - 1) < 0.1
        before.append(W.clone())
        with torch.no_grad():
            b.add_(1)
    assert (before[0] - before[1]).std() > 0.01
    assert all(p is named[name] for name, p in method.named_parameters())


def the_first_loss_of_every_epoch_is_log_k(kind):
    method, images, firsts = small(kind), load("scenes", limit=64, size=16), []
    for epoch in range(3):
        batches = relabelled(method, images, epoch).batches(16)
        for step, batch in enumerate(batches):
            loss = method(*method.views(*batch))
            if step == 0:
                firsts.append(loss.item())
            loss.backward()
            with torch.no_grad():
                for p in method.parameters():
                    p.sub_(0.2 * p.grad)
                    p.grad = None
    assert firsts == pytest.approx([math.log(8)] * 3, abs=0.1)


def the_optimizer_forgets_W_and_nothing_else(kind):
    method, images = small(kind), load("scenes", limit=64, size=16)
    training = Training(method, images, QUICK, threads=1)
    optimizer, steps = training.optimizer, training.steps()
    for step in steps:
        if step.number == 5:  # the first one of the second epoch
            break
    assert training.optimizer is optimizer
    taken = {name: int(optimizer.state[p]["step"]) for name, p in method.named_parameters()}
    assert {taken[name] for name in taken if name.startswith("classifier")} == {1}
    assert {taken[name] for name in taken if name.startswith("encoder")} == {5}


def a_step_is_that_of_plain_code(kind):
    """Views, loss, gradient: a network, a matrix, and a cross entropy written out."""
    method, twin, images = small(kind), small(DeepCluster), load("scenes", limit=64, size=16)
    x, y = next(relabelled(method, images).batches(16))
    f, W, b = twin.encoder, method.classifier.weight.detach().clone().requires_grad_(), torch.zeros(8, requires_grad=True)
    with torch.no_grad():
        W.mul_(30)
        method.classifier.weight.mul_(30)
    torch.manual_seed(5)
    method(*method.views(x, y)).backward()
    torch.manual_seed(5)
    h = f(twin.augmentation(x))
    loss = torch.stack([torch.logsumexp(W @ one + b, 0) - (W @ one + b)[label] for one, label in zip(h, y)]).mean()
    loss.backward()
    for p, q in [*zip(method.encoder.parameters(), f.parameters()), (method.classifier.weight, W), (method.classifier.bias, b)]:
        torch.testing.assert_close(p.grad, q.grad, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(method.embeddings["h"], h.detach())


def weights_make_plain_drawing_the_objective_of_uniform_sampling(kind):
    """The mean over all images of w · loss is the mean over clusters of the mean loss in each: exactly, an empty cluster or not."""
    for assignment, k in ((TRAP, 2), (TRAP, 5), (UNEVEN, 4)):
        N = len(assignment)
        method = fixed(kind, assignment, clusters=k, pca=2, balance="weight").double()
        data = relabelled(method, scattered(N))
        assert torch.equal(data.index, torch.arange(N))
        with torch.no_grad():
            method.classifier.weight.copy_(torch.randn(k, 6, generator=generator(1)))
        x, labels = to_float(data.x).double(), data.labels
        losses = F.cross_entropy(method.classifier(method.encoder(x)), labels, reduction="none")
        expected = torch.stack([losses[labels == c].mean() for c in labels.unique()]).mean()
        torch.testing.assert_close(method(x, labels), expected, atol=0, rtol=1e-6)
        assert method.weight[labels].mean().item() == pytest.approx(1, abs=1e-6)


def nmi_is_that_with_the_clusters_before(kind):
    method, data = by_hand(kind), scattered()
    labels = [relabelled(method, data, seed).labels.tolist() for seed in (0, 1, 2)]
    assert 0.1 < method.stats()["nmi"] < 0.999
    assert method.stats()["nmi"].item() == pytest.approx(normalized_mutual_info_score(labels[1], labels[2]), abs=1e-5)


def shares_and_empty_clusters_are_said(kind):
    method = fixed(kind, UNEVEN)
    relabelled(method, scattered())
    said = {name: float(value) for name, value in method.stats().items()}
    assert method.sizes.tolist() == [50, 7, 0, 4]
    assert said == pytest.approx({"smallest": 0, "median": 4 / 61, "largest": 50 / 61, "empty": 1})


def only_rows_that_are_drawn_are_clustered_each_once(kind):
    """A subset, rows that come often, an order: the labels are those of the same rows alone, and all others have none."""
    data = scattered()
    some = torch.arange(5, 45)
    alone = relabelled(by_hand(kind), data[some]).labels
    for index in (some, some.flip(0), torch.cat([some, some[:7], some[:7]]), some.repeat(3)):
        method = by_hand(kind)
        found = relabelled(method, replace(data, index=index))
        assert torch.equal(found.labels[some], alone) and method.sizes.sum() == 40
        assert (found.labels[:5] == -1).all() and (found.labels[45:] == -1).all()
        assert len(found) == len(index) and bool((found.labels[found.index] >= 0).all())


PROMISES = [
    whitened_unit_rows_are_clustered, features_are_those_of_evaluation_without_augmentation, labels_are_in_the_datas_own_order,
    drawn_rows_carry_the_label_of_their_own_cluster_and_clusters_come_equally, clusters_that_are_not_empty_come_equally_often_to_one_image,
    an_image_comes_once_before_any_of_its_cluster_comes_again, W_is_drawn_anew_in_place, the_first_loss_of_every_epoch_is_log_k,
    the_optimizer_forgets_W_and_nothing_else, a_step_is_that_of_plain_code, weights_make_plain_drawing_the_objective_of_uniform_sampling,
    nmi_is_that_with_the_clusters_before, shares_and_empty_clusters_are_said, only_rows_that_are_drawn_are_clustered_each_once,
]  # fmt: skip


test_deepcluster_keeps_the_promise = keeps(DeepCluster, PROMISES)


# ---- the usual mistakes


class Patched(Relabelled, DeepCluster):
    """DeepCluster, whose file has other functions while it relabels."""

    file = deepcluster


class Grouping(DeepCluster):
    """DeepCluster, with the preparation of features written out."""

    def rows(self, h):
        raise NotImplementedError

    def cluster(self, h):
        return deepcluster.kmeans(self.rows(h), len(self.sizes), self.iterations, seed=0, repaired=self.repair).assignment


class WhitenedWithoutTheMean(Grouping):
    def rows(self, h):
        values, directions = torch.linalg.eigh(h.T @ h / len(h))
        return F.normalize(h @ directions[:, -self.pca :] / values[-self.pca :].sqrt(), dim=1)


class NotWhitened(Grouping):
    def rows(self, h):
        return F.normalize((h - h.mean(0)) @ torch.linalg.eigh(h.T.cov())[1][:, -self.pca :], dim=1)


class NotOfUnitLength(Grouping):
    def rows(self, h):
        return pca_whiten(h, self.pca)(h)


class UnitLengthFirst(DeepCluster):
    def cluster(self, h):
        return super().cluster(F.normalize(h, dim=1))


class AfterAReLU(DeepCluster):
    def cluster(self, h):
        return super().cluster(h.relu())


class FeaturesOfTheTrainingMode(Patched):
    instead: ClassVar = {"features": lambda f, x: f.train()(to_float(x[:].x))}


class FeaturesOfViews(Patched):
    instead: ClassVar = {"features": lambda f, x: features(f, SMALL(x[:].x))}


class ShuffledPass(Patched):
    """The pass over the images is shuffled, and labels are put down in the order of the pass."""

    instead: ClassVar = {"features": lambda f, x: features(f, x)[torch.randperm(len(x))]}


class InTheOrderOfTheIndex(DeepCluster):
    """The n-th label is that of the n-th row that is drawn, not of row n."""

    def relabel(self, data):
        found = super().relabel(replace(data, index=None))
        return found if data.index is None else replace(found, labels=found.labels[data.index])


class IndexTrap(DeepCluster):
    """The authors': drawn are rows of the data, and the images are kept cluster by cluster."""

    def relabel(self, data):
        found = super().relabel(data)
        order = found.labels.argsort(stable=True)
        return replace(found, x=found.x[order], labels=found.labels[order])


class LabelsOfTheDraw(DeepCluster):
    """The n-th label is that of the n-th drawing, and drawn again by its row."""

    def relabel(self, data):
        found = super().relabel(data)
        return replace(found, labels=found.labels[found.index])


class DrawnAsTheyAre(Patched):
    instead: ClassVar = {"uniform_sampling": lambda y: torch.arange(len(y))}


def more_than_needed(y):
    groups = [(y == c).nonzero()[:, 0] for c in y.unique()]
    each = len(y) // len(groups) + 1
    drawn = [group[torch.randint(len(group), (each,))] if len(group) <= each else group[torch.randperm(len(group))[:each]] for group in groups]
    return torch.cat(drawn)[torch.randperm(each * len(groups))][: len(y)]


class CutAtRandom(Patched):
    """The authors': one more of each cluster than needed, and the first N of all in a random order."""

    instead: ClassVar = {"uniform_sampling": more_than_needed}


class EmptyOnesCounted(DeepCluster):
    def relabel(self, data):
        with patched(deepcluster, uniform_sampling=lambda y: uniform_sampling(y)[: len(y) * len(y.unique()) // len(self.sizes)]):
            return super().relabel(data)


class WithReplacement(Patched):
    instead: ClassVar = {"uniform_sampling": lambda y: (1 / y.bincount()[y]).multinomial(len(y), replacement=True)}


def the_first(y):
    groups = [(y == c).nonzero()[:, 0].repeat(len(y)) for c in y.unique()]
    return torch.cat([group[: len(y) // len(groups)] for group in groups])


class FirstRowsOnly(Patched):
    """A large cluster gives the first of its rows, epoch after epoch the same."""

    instead: ClassVar = {"uniform_sampling": the_first}


class WKept(DeepCluster):
    def relabel(self, data):
        kept = numbers(self.classifier)
        found = super().relabel(data)
        self.classifier.load_state_dict(kept)
        return found


class WOfAnotherModule(DeepCluster):
    """The optimizer goes on with the old one."""

    def relabel(self, data):
        found = super().relabel(data)
        self.classifier = nn.Linear(self.classifier.in_features, self.classifier.out_features)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)
        return found


class WOfTheUsualSize(DeepCluster):
    def relabel(self, data):
        found = super().relabel(data)
        self.classifier.reset_parameters()
        return found


class BiasKept(DeepCluster):
    def relabel(self, data):
        kept = self.classifier.bias.detach().clone()
        found = super().relabel(data)
        self.classifier.bias.data.copy_(kept)
        return found


class Silent:
    class init:
        normal_ = staticmethod(lambda p, std: p.data.normal_(std=std))
        zeros_ = staticmethod(lambda p: p.data.zero_())


class OptimizerKept(Patched):
    """W is drawn where no version is counted, so that the optimizer remembers the old one."""

    instead: ClassVar = {"nn": Silent}


class EncoderForgotten(DeepCluster):
    """Whatever is written into loses its momentum: here, all of it."""

    @torch.no_grad()
    def relabel(self, data):
        for p in self.parameters():
            p.mul_(1)
        return super().relabel(data)


class Summed(DeepCluster):
    def forward(self, x, labels):
        return len(x) * super().forward(x, labels)


class OfUnitLength(DeepCluster):
    def forward(self, x, labels):
        h = F.normalize(self.encoder(x), dim=1)
        self.note(h=h)
        return F.cross_entropy(self.classifier(h), labels)


class EncoderStopped(DeepCluster):
    def forward(self, x, labels):
        h = self.encoder(x).detach()
        self.note(h=h)
        return F.cross_entropy(self.classifier(h), labels)


class OneOverSize(DeepCluster):
    def relabel(self, data):
        found = super().relabel(data)
        self.weight.copy_(1 / self.sizes.clamp(min=1))
        return found


class OneOverRoot(DeepCluster):
    def relabel(self, data):
        found = super().relabel(data)
        self.weight.copy_(self.weight.sqrt())
        return found


class EmptyOnesWeighed(DeepCluster):
    def relabel(self, data):
        found = super().relabel(data)
        self.weight.copy_(self.sizes.sum() / (len(self.sizes) * self.sizes.clamp(min=1)))
        return found


class Unweighed(DeepCluster):
    def forward(self, x, labels):
        self.weight = torch.ones_like(self.weight)
        return super().forward(x, labels)


class NmiOfTheDraws(DeepCluster):
    """Compared in the order of the drawings, which is another one in every epoch."""

    def relabel(self, data):
        before = self.kept.get("drawn")
        found = super().relabel(data)
        self.kept["drawn"] = found.labels[found.index]
        if before is not None:
            self.kept["nmi"] = deepcluster.nmi(before, self.kept["drawn"])
        return found


class NmiWithItself(DeepCluster):
    def cluster(self, h):
        y = super().cluster(h)
        self.kept["nmi"] = deepcluster.nmi(y, y)
        return y


class EmptyOnesUnsaid(DeepCluster):
    def stats(self):
        full = self.sizes[self.sizes > 0] / self.sizes.sum()
        return super().stats() | {"smallest": full.min(), "median": full.median()}


class CountedOften(DeepCluster):
    """A row that is drawn often is clustered as often."""

    def relabel(self, data):
        if data.index is None:
            return super().relabel(data)
        labels = torch.full_like(data.labels, -1)
        labels[data.index] = super().relabel(data[:]).labels
        return replace(data, labels=labels)


class TheOthersLabelled(DeepCluster):
    """All rows are clustered, drawn or not."""

    def relabel(self, data):
        return super().relabel(replace(data, index=None))


CAUGHT = {  # which promise each mistake of methods.md 2.5, and a few others, breaks
    WhitenedWithoutTheMean: whitened_unit_rows_are_clustered,
    NotWhitened: whitened_unit_rows_are_clustered,
    NotOfUnitLength: whitened_unit_rows_are_clustered,
    UnitLengthFirst: whitened_unit_rows_are_clustered,
    AfterAReLU: whitened_unit_rows_are_clustered,
    FeaturesOfTheTrainingMode: features_are_those_of_evaluation_without_augmentation,
    FeaturesOfViews: features_are_those_of_evaluation_without_augmentation,
    ShuffledPass: labels_are_in_the_datas_own_order,
    InTheOrderOfTheIndex: labels_are_in_the_datas_own_order,
    IndexTrap: drawn_rows_carry_the_label_of_their_own_cluster_and_clusters_come_equally,
    LabelsOfTheDraw: drawn_rows_carry_the_label_of_their_own_cluster_and_clusters_come_equally,
    FirstRowsOnly: drawn_rows_carry_the_label_of_their_own_cluster_and_clusters_come_equally,
    DrawnAsTheyAre: clusters_that_are_not_empty_come_equally_often_to_one_image,
    CutAtRandom: clusters_that_are_not_empty_come_equally_often_to_one_image,
    EmptyOnesCounted: clusters_that_are_not_empty_come_equally_often_to_one_image,
    WithReplacement: an_image_comes_once_before_any_of_its_cluster_comes_again,
    WKept: the_first_loss_of_every_epoch_is_log_k,
    WOfAnotherModule: W_is_drawn_anew_in_place,
    WOfTheUsualSize: W_is_drawn_anew_in_place,
    BiasKept: W_is_drawn_anew_in_place,
    OptimizerKept: the_optimizer_forgets_W_and_nothing_else,
    EncoderForgotten: the_optimizer_forgets_W_and_nothing_else,
    Summed: a_step_is_that_of_plain_code,
    OfUnitLength: a_step_is_that_of_plain_code,
    EncoderStopped: a_step_is_that_of_plain_code,
    OneOverSize: weights_make_plain_drawing_the_objective_of_uniform_sampling,
    OneOverRoot: weights_make_plain_drawing_the_objective_of_uniform_sampling,
    EmptyOnesWeighed: weights_make_plain_drawing_the_objective_of_uniform_sampling,
    Unweighed: weights_make_plain_drawing_the_objective_of_uniform_sampling,
    NmiOfTheDraws: nmi_is_that_with_the_clusters_before,
    NmiWithItself: nmi_is_that_with_the_clusters_before,
    EmptyOnesUnsaid: shares_and_empty_clusters_are_said,
    CountedOften: only_rows_that_are_drawn_are_clustered_each_once,
    TheOthersLabelled: only_rows_that_are_drawn_are_clustered_each_once,
}


test_every_usual_mistake_breaks_its_promise = breaks(CAUGHT.items())


def test_the_index_trap_costs_what_the_authors_code_loses():
    """Of 10 draws, 5 and 5 by label are meant; where drawn rows of the data are taken from images that lie cluster by cluster, 3.33 and 6.67."""
    share = {}
    for kind in (DeepCluster, IndexTrap):
        counts = torch.zeros(2)
        for seed in range(100):
            ((x, y),) = relabelled(fixed(kind, TRAP, clusters=2), numbered(8), seed).batches(8)
            assert torch.equal(y, TRAP[x[:, 1, 0, 0].long()])  # labels are right in both
            counts += y.bincount(minlength=2)
        share[kind] = (10 * counts / counts.sum()).tolist()
    assert share[DeepCluster] == [5, 5] and share[IndexTrap] == pytest.approx([10 / 3, 20 / 3], abs=0.4)


# ---- both trivial solutions, caused and prevented


@pytest.mark.parametrize("repair", [True, False])
def test_empty_clusters_are_repaired_or_stay(repair):
    """Most images are equal, so that most of the first centroids are: without repair, one cluster holds nearly all and others hold none."""
    data = scattered()
    data.x[:40] = data.x[0]
    empty = []
    for seed in range(5):
        method = by_hand(DeepCluster, clusters=8, repair=repair)
        relabelled(method, data, seed)
        empty.append(int(method.stats()["empty"]))
    assert (max(empty) == 0) if repair else (min(empty) >= 2)


@pytest.mark.parametrize("balance", ["sample", "weight", "none"])
def test_one_large_cluster_is_worth_learning_alone_only_where_nothing_balances(balance):
    """A network that maps all images to one point answers with the prior: cheap without balance, log k with it."""
    method = fixed(DeepCluster, UNEVEN, balance=balance)
    data = relabelled(method, scattered())
    nn.init.zeros_(method.encoder.weight)
    x, labels = to_float(data[:].x), data[:].labels
    optimizer = torch.optim.LBFGS([method.classifier.bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = method(x, labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    shares = UNEVEN.bincount() / 61
    prior = -(shares * shares.clamp(min=1e-9).log()).sum().item()
    assert method(x, labels).item() == pytest.approx(prior if balance == "none" else math.log(3), abs=0.01)
    assert prior < 0.6 * math.log(3)


def test_without_balance_images_are_drawn_as_they_are():
    data = relabelled(fixed(DeepCluster, UNEVEN, balance="none"), scattered())
    assert torch.equal(data.index, torch.arange(61)) and torch.equal(data.labels, UNEVEN)


def test_weights_count_drawings_where_rows_are_repeated():
    method = fixed(DeepCluster, TRAP, clusters=2, pca=2, balance="weight")
    data = relabelled(method, replace(numbered(8), index=torch.tensor([0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 7])))
    assert method.weight.tolist() == [1, 1] and len(data) == 12  # six drawings of each cluster
    assert method.sizes.tolist() == [2, 6]


def test_labels_of_clusters_beside_empty_ones_are_learned():
    method = fixed(DeepCluster, torch.tensor([4] * 30 + [1] * 20 + [2] * 11), clusters=5)
    data = relabelled(method, scattered())
    assert set(data.labels.tolist()) == {1, 2, 4} and int(method.stats()["empty"]) == 2
    losses = [method(to_float(x), y).item() for x, y in data.batches(10)]
    assert losses == pytest.approx([math.log(5)] * 6, abs=0.05)


# ---- uniform sampling by itself


@pytest.mark.parametrize("assignment", [TRAP, UNEVEN, torch.zeros(5, dtype=torch.long), torch.arange(7), torch.tensor([3]), torch.tensor([9, 9, 2])])
def test_uniform_sampling_draws_clusters_equally_and_is_made_by_its_generator(assignment):
    N = len(assignment)
    for seed in range(20):
        rows = uniform_sampling(assignment, generator(seed))
        assert torch.equal(rows, uniform_sampling(assignment, generator(seed)))
        counts = assignment[rows].bincount()
        C = len(set(assignment.tolist()))
        assert len(rows) == N and set(counts[counts > 0].tolist()) <= {N // C, -(-N // C)}
        assert set(assignment[rows].tolist()) == set(assignment.tolist())


def test_uniform_sampling_draws_every_row_of_a_cluster_as_often_in_a_random_order():
    times, first = torch.zeros(61), torch.zeros(4)
    for seed in range(300):
        rows = uniform_sampling(UNEVEN, generator(seed))
        times += rows.bincount(minlength=61)
        first[UNEVEN[rows[0]]] += 1
    for cluster, size in ((0, 50), (1, 7), (3, 4)):
        expected = 300 * 61 / 3 / size
        assert ((times[cluster == UNEVEN] / expected - 1).abs() < 0.25).all()
    assert first[2] == 0 and first[[0, 1, 3]].min() > 60


def test_of_no_rows_nothing_is_drawn():
    with pytest.raises(InputError, match="got no row"):
        uniform_sampling(torch.empty(0, dtype=torch.long))


# ---- through a training, a save and a load


def parameters(method: Method) -> dict:
    return numbers(method) | method.kept


@pytest.mark.parametrize("balance", ["sample", "weight"])
@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_round_resumes_with_the_same_clusters_and_training_goes_on_to_the_bit(tmp_path, images, stop, balance):
    whole, first, last = (small(DeepCluster, seed, balance=balance) for seed in (0, 0, 9))
    logs = list(train(whole, images, QUICK, out=tmp_path / "whole", threads=1))
    rest = in_parts(first, last, images, QUICK, tmp_path / "parts", stop)
    assert equal(parameters(whole), parameters(last))
    assert [(log.loss, log.stats) for log in rest] == [(log.loss, log.stats) for log in logs]
    assert [0 <= log.stats.get("nmi", -1) <= 1 for log in logs] == [False, True, True]
    lines = [json.loads(line) for line in (tmp_path / "parts/metrics.jsonl").read_text().splitlines()]
    assert [line.get("nmi") for line in lines] == [log.stats.get("nmi") for log in logs]


def test_every_epoch_is_finite_from_the_first_on_and_says_its_clusters(images):
    logs = list(train(small(DeepCluster), images, QUICK, threads=1))
    assert all(math.isfinite(value) for log in logs for value in (log.loss, *log.stats.values()))
    assert abs(logs[0].loss - math.log(8)) < 0.2 and all(log.images == 64 for log in logs)
    for log in logs:
        assert 0 < log.stats["smallest"] <= log.stats["median"] <= log.stats["largest"] <= 1 and log.stats["empty"] == 0
    assert "nmi" not in logs[0].stats and "nmi" in logs[1].stats


def test_the_labels_that_images_have_are_not_seen():
    labelled, seen = load("scenes", limit=64, size=16), []

    class Watching(DeepCluster):
        def relabel(self, data):
            seen.append(data.labels.clone())
            return super().relabel(data)

    list(train(small(Watching), labelled, replace(QUICK, epochs=1), threads=1))
    assert all((labels == -1).all() for labels in seen) and DeepCluster.labels == "own"
    some = replace(labelled, index=torch.arange(20))  # by hand, without `lesson`
    assert (relabelled(small(DeepCluster), some).labels[20:] == -1).all()


@pytest.mark.parametrize("input", FILTERS)
def test_encoders_take_rgb_whatever_is_clustered(images, input):
    method = small(DeepCluster, input=input)
    next(train(method, images, QUICK, threads=1))
    h = features(method.encoder, images)
    assert h.shape == (64, 32) and 0 <= knn_accuracy(h, torch.arange(64) % 4, h, torch.arange(64) % 4, k=3) <= 1
    x = torch.rand(4, 3, 16, 16)
    turned = (method.encoder.eval()(x) - method.encoder(x[:, [2, 0, 1]])).abs().max()
    assert (turned < 1e-5) == (input == "sobel")


def test_clusters_of_several_ranks_are_those_of_the_first(monkeypatch):
    data, method = scattered(), by_hand(DeepCluster)
    other = torch.arange(61) % 4
    monkeypatch.setattr(deepcluster, "first", lambda y: other)
    assert torch.equal(relabelled(method, data).labels, other) and method.sizes.tolist() == other.bincount().tolist()


# ---- what is said, and refused


@pytest.mark.parametrize("k, stats, said", [
    (8, {"largest": 0.6, "empty": 0.0}, "one of 8 clusters holds 60% of the images, 0 are empty"),
    (8, {"largest": 0.3, "empty": 5.0}, "one of 8 clusters holds 30% of the images, 5 are empty"),
    (8, {"largest": 0.3, "empty": 4.0}, ""), (8, {"largest": 0.5, "empty": 0.0}, ""), (8, {}, ""),
    (2, {"largest": 0.7, "empty": 0.0}, ""), (2, {"largest": 0.8, "empty": 0.0}, "one of 2 clusters holds 80%"),
    (2, {"largest": 1.0, "empty": 1.0}, "one of 2 clusters holds 100% of the images, 1 are empty"),
    (8, {"largest": 1.0, "empty": 7.0, "std": 0.01}, "the embedding has collapsed"),
])
def test_one_large_cluster_and_many_empty_ones_are_said_with_a_cure(k, stats, said):
    log = Log(2, 9, 9, 0.1, 0.1, 1.0, 9, {"std": 0.8} | stats)
    remark = small(DeepCluster, clusters=k).remark(log)
    assert remark.startswith(said) and bool(remark) == bool(said)
    assert ("repair=True and balance='sample', or try fewer clusters" in remark) == remark.startswith("one of")


def test_a_training_with_empty_clusters_remarks_it(images):
    data = replace(images, x=images.x.clone())
    data.x[:54] = data.x[0]
    log = next(train(small(DeepCluster, repair=False), data, QUICK, threads=1))
    assert log.remark.startswith("one of 8 clusters holds 8")


@pytest.mark.parametrize("change, options, words", [
    (lambda data: data[:7], {}, "clusters=8 of 7 images; use 7 or fewer, or more images"),
    (lambda data: replace(data, index=torch.arange(7).repeat(9)), {}, "clusters=8 of 7 images"),
    (lambda data: data[:8], {}, "pca=8 of 8 images; use 7 or fewer"),
    (lambda data: data[:0], {}, "more than the 0 images"),
    (lambda data: replace(data, index=torch.empty(0, dtype=torch.long)), {}, "more than the 0 images"),
])
def test_images_that_have_no_such_clusters_are_refused_at_once(tmp_path, images, change, options, words):
    is_refused(small(DeepCluster, **options), change(images), replace(QUICK, batch=4), words, tmp_path)


def test_as_many_clusters_as_images_are_fine(images):
    log = next(train(small(DeepCluster, pca=7), images[:8], replace(QUICK, batch=4), threads=1))
    assert math.isfinite(log.loss) and log.stats["largest"] == 1 / 8


def test_equal_images_and_fewer_directions_than_pca_are_named_before_any_step(images):
    same = replace(images, x=images.x[:1].expand(64, -1, -1, -1).contiguous())
    few = replace(images, x=images.x[torch.arange(64) % 5].contiguous())
    for data, words in ((same, "all rows are equal: has the network collapsed"), (few, "whitening to 8 dimensions: .* vary in 4 directions; use 4")):
        method = small(DeepCluster)
        before = numbers(method)
        with pytest.raises(InputError, match=words):
            next(train(method, data, QUICK, threads=1))
        assert equal(before, numbers(method))


@pytest.mark.parametrize("wrong, words", [
    ({"clusters": 1}, "clusters=1 must be a whole number from 2"), ({"pca": 0}, "pca=0"), ({"pca": 33}, "pca=33 of 32 features; use fewer"),
    ({"iterations": -1}, "iterations=-1"), ({"balance": "uniform"}, "balance 'uniform' is unknown; there are: sample, weight, none"),
    ({"input": "edges"}, "input 'edges'"),
])
def test_impossible_settings_are_refused_when_it_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        small(DeepCluster, **wrong)


def test_a_run_of_other_clusters_is_refused_by_name(tmp_path, images):
    next(train(small(DeepCluster), images, QUICK, out=tmp_path, threads=1))
    with pytest.raises(InputError, match=r"was begun with settings\.clusters = 8, not 9;"):
        train(small(DeepCluster, clusters=9), images, QUICK, out=tmp_path, resume=True)


def test_recipes():
    assert deepcluster.RECIPE.epochs == 200 and issubclass(DeepCluster, Method)
    paper = DeepCluster.suits["paper"]
    assert (paper["clusters"], paper["pca"], paper["augmentation"].jitter) == (10_000, 256, 0)
    assert arguments(DeepCluster)["input"].default == "sobel"  # in the paper as here
    assert DeepCluster(small_resnet()).classifier.out_features == 50
