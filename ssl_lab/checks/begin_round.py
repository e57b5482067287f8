"""The sixth exercise of notebook 02: a new classifier in place of the old one, and the ways in which it usually goes wrong."""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_lab.checks.answer import Answer, Kind, alike
from ssl_lab.checks.drawn import Drawn

LARGE = 1.7  # √D times the standard deviation of W, from which on the first loss is far above log k; He's is 1.41, torch's own 0.58


def begin_round(classifier: nn.Linear, h: Float[Tensor, "B D"], y: Int64[Tensor, " B"]) -> Float[Tensor, ""]:
    """Draw the classifier anew, in place, W from N(0, 0.01²) and b = 0, as DeepCluster does before each epoch; returns its first loss, near log k."""
    nn.init.normal_(classifier.weight, std=0.01)
    nn.init.zeros_(classifier.bias)
    return F.cross_entropy(classifier(h), y)


def classifiers(seed: int) -> Iterator[tuple[nn.Linear, Tensor, Tensor]]:
    """Classifiers that have learned other clusters, features, and the new clusters; the first always the same."""
    for number, (B, D, k) in enumerate([(12, 8, 5), (9, 12, 4), (16, 6, 7)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        h, weight, bias = (torch.randn(shape, generator=draw) for shape in ((B, D), (k, D), (k,)))  # W not first, as with a seed inside
        classifier = nn.utils.skip_init(nn.Linear, D, k)
        classifier.load_state_dict({"weight": weight, "bias": bias})
        yield classifier, h, torch.randint(k, (B,), generator=draw)


@dataclass(frozen=True, eq=False)
class Renewed(Drawn):
    """A checker whose answers say, beside the loss, what has become of the classifier that was given, a copy in each call: see `Found`."""

    def ask(self, fn: Callable, case: tuple) -> Answer:
        classifier = copy.deepcopy(case[0])
        W, b = classifier.weight, classifier.bias  # what an optimizer holds
        answer = super().ask(fn, (classifier, *case[1:]))
        same = classifier.weight is W and classifier.bias is b
        seen = [*answer.values, torch.tensor([same, W.requires_grad and b.requires_grad]), W, b]
        return dataclasses.replace(answer, values=(torch.cat([x.detach().double().flatten() for x in seen]),) * len(answer.values))


class Found:
    """What the answers did, in the words of the exercise.

    loss: (times,), returned.   same, learns: whether the classifier has its tensors still, and whether they take a gradient.   W: (times, k, D) and
    b: (times, k), the numbers in these tensors afterwards.   old_W, old_b: before.
    """

    def __init__(self, answers: list[Tensor], classifier: nn.Linear, h: Tensor, y: Tensor):
        self.old_W, self.old_b = (x.detach().double() for x in (classifier.weight, classifier.bias))
        self.h, self.y = h.double(), y
        parts = torch.stack(answers).split([1, 1, 1, self.old_W.numel(), self.old_b.numel()], dim=1)
        self.loss, self.same, self.learns = parts[0][:, 0], bool(parts[1].all()), bool(parts[2].all())
        self.W, self.b = parts[3].unflatten(1, self.old_W.shape), parts[4]

    def is_loss(self, W: Tensor, b: Tensor, scale: int = 1) -> bool:
        """Whether the loss of these classifiers, times a number, is returned."""
        losses = [F.cross_entropy(F.linear(self.h, *classifier), self.y) for classifier in zip(W, b)]
        return alike(self.loss, scale * torch.stack(losses))

    @property
    def old(self) -> tuple[Tensor, Tensor]:
        """The old classifier, once for each answer."""
        return self.old_W.expand_as(self.W), self.old_b.expand_as(self.b)

    @property
    def kept(self) -> tuple[Tensor, Tensor]:
        """Which numbers of W and of b are never changed."""
        return (self.old_W == self.W).all(0), (self.b == self.old_b).all(0)

    @property
    def trace(self) -> Tensor:
        """How the old W correlates with the mean of all new ones, in which what is drawn anew levels out."""
        return torch.stack([self.old_W.flatten(), self.W.mean(0).flatten()]).corrcoef()[0, 1]


def sign(holds: Callable[[Found], Tensor | bool]) -> tuple[Callable[..., bool]]:
    """A sign that is read of what was found."""
    return (lambda answers, *case: bool(holds(Found(answers, *case))),)


def unchanged(found: Found) -> Tensor:
    """Whether no number in the tensors that were given is ever changed."""
    return torch.cat([part.flatten() for part in found.kept]).all()


ROUND = {
    "the classifier gets new tensors, and the optimizer holds the old ones: write new numbers into these, with nn.init or reset_parameters": sign(
        lambda found: not found.same
    ),
    "the classifier is kept between rounds: its rows belong to the old clusters, so draw its weight and its bias anew": sign(
        lambda found: unchanged(found) and found.is_loss(*found.old)
    ),
    "the classifier that was given stays as it is: another one is in no optimizer, so draw the weight and the bias of this one anew, in place": sign(
        unchanged
    ),
    "only the bias is new: the weight belongs to the old clusters, too, so draw it anew": sign(lambda found: found.kept[0].all()),
    "only the weight is new: the bias belongs to the old clusters, too, so make it 0 or draw it anew": sign(lambda found: found.kept[1].all()),
    "a part of the classifier is kept: all clusters have new numbers, so draw all rows anew": sign(
        lambda found: found.kept[0].any() or found.kept[1].any()
    ),
    "the old weight is still in the new one, scaled or with noise: draw all numbers without it": sign(lambda found: found.trace > 0.8),
    "all rows of the weight are equal, so no gradient reaches the features in the first step: draw every number at random": sign(
        lambda found: (found.W[:, :1] == found.W).all()
    ),
    "the weight is the same in every round: draw anew in each, and set no seed inside": sign(lambda found: (found.W[0] == found.W).all()),
    "the classifier takes no gradient any more: leave requires_grad as it is, and write with nn.init or under torch.no_grad()": sign(
        lambda found: not found.learns
    ),
    "the weight is so large that the first loss is far above log k: a standard deviation of 0.01 is enough": sign(
        lambda found: found.W.std() > LARGE / found.W.shape[2] ** 0.5
    ),
    "the loss is that of the old classifier: draw first, and compute the loss after that": sign(lambda found: found.is_loss(*found.old)),
    "the loss is a sum: return the mean over the pictures, as F.cross_entropy does": sign(
        lambda found: found.is_loss(found.W, found.b, scale=len(found.y))
    ),
    "the result is not the loss of the new classifier: return F.cross_entropy(classifier(h), y)": sign(
        lambda found: not found.is_loss(found.W, found.b)
    ),
}

check_begin_round = Renewed("begin_round", begin_round, classifiers, ROUND, Kind.NUMBER, "the mean loss of the pictures")
