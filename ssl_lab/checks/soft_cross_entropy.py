"""The first exercise of notebook 01: cross entropy with a teacher's probabilities, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.losses import soft_cross_entropy


def predictions(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits of a student and probabilities of a teacher that is less than sure; the first always the same."""
    for number, (B, C) in enumerate([(4, 3), (5, 6), (7, 4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        logits, teacher = (torch.randn(B, C, generator=draw) for _ in range(2))
        yield 1.5 * logits, (1.5 * teacher).softmax(1)


def constant(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The target is the teacher's: its gradient is not asked for."""
    return logits, target.detach()


def paid(logits: Tensor, target: Tensor) -> Tensor:
    """What each row pays, rightly."""
    return -(target * logits.log_softmax(1)).sum(1)


def smoothed(share: float) -> Callable:
    return lambda logits, target: F.cross_entropy(logits, target, label_smoothing=share)


def mean_of(pays: Callable) -> Callable:
    """The mean of what each row pays, made of log p, p and the target."""
    return lambda logits, target: pays(logits.log_softmax(1), logits.softmax(1), target).mean()


SOFT = {
    "the target is made hard: keep the teacher's probabilities, and do not replace them by their most likely class (argmax)": (
        lambda logits, target: F.cross_entropy(logits, target.argmax(1)),
        lambda logits, target: F.cross_entropy(logits, target.argmax(1), label_smoothing=0.1),
        lambda logits, target: F.cross_entropy(logits, target.argmax(1), reduction="sum"),
    ),
    "only the most likely class is counted: the sum runs over all C classes": (
        mean_of(lambda log_p, p, t: -(t * log_p).gather(1, t.argmax(1, keepdim=True))),
        mean_of(lambda log_p, p, t: -(t * log_p).amin(1)),
        mean_of(lambda log_p, p, t: -(t * log_p)[:, 0]),
        mean_of(lambda log_p, p, t: -(t * log_p)[:, -1]),
    ),
    "the target is smoothed: soft labels are not, since a teacher's probabilities are no one-hot labels": tuple(map(smoothed, (0.05, 0.1, 0.2))),
    "the softmax is taken twice: give F.cross_entropy or log_softmax the logits, not probabilities": (
        lambda logits, target: F.cross_entropy(logits.softmax(1), target),
        lambda logits, target: F.cross_entropy(logits.softmax(1), target, reduction="sum"),
    ),
    "the softmax of the target is taken: its rows are probabilities already": (
        lambda logits, target: paid(logits, target.softmax(1)).mean(),
        lambda logits, target: paid(logits, target.log_softmax(1)).mean(),
    ),
    "both are softened once more: the target holds probabilities already, and log_softmax takes the logits": (
        lambda logits, target: paid(logits.softmax(1), target.softmax(1)).mean(),
    ),
    "the softmax runs over the batch: each row is one image, so take it over the classes, along dim=1": (
        lambda logits, target: -(target * logits.log_softmax(0)).sum(1).mean(),
        lambda logits, target: -(target * logits.log_softmax(0)).mean(),
    ),
    "the softmax is missing: logits are no log-probabilities before log_softmax": (
        lambda logits, target: -(target * logits).sum(1).mean(),
        lambda logits, target: (target * logits).sum(1).mean(),
    ),
    "target and prediction are exchanged: the logarithm is taken of the prediction, and the target stands before it": (
        mean_of(lambda log_p, p, t: -(p * t.log()).sum(1)),
        mean_of(lambda log_p, p, t: (p * t.log()).sum(1)),
        lambda logits, target: F.cross_entropy(target, logits.softmax(1)),
        lambda logits, target: -(logits * target.log_softmax(1)).sum(1).mean(),
    ),
    "the target is not used: −p log p is the entropy of the prediction": (mean_of(lambda log_p, p, t: -(p * log_p).sum(1)),),
    "the logarithm is missing: the loss is −target · log p, summed over the classes": (
        mean_of(lambda log_p, p, t: -(t * p).sum(1)),
        mean_of(lambda log_p, p, t: (t * p).sum(1)),
        mean_of(lambda log_p, p, t: 1 - (t * p).sum(1)),
    ),
    "the sum is taken before the logarithm: take log p of each class first, and then the sum": (
        mean_of(lambda log_p, p, t: -(t * p).sum(1).log()),
        lambda logits, target: -(target * logits.softmax(1)).sum(1).mean().log(),
    ),
    "the logarithm has another base: use torch.log or log_softmax, the natural logarithm, not log2 or log10": (
        lambda *given: paid(*given).mean() / math.log(2),
        lambda *given: paid(*given).mean() / math.log(10),
    ),
    "the target's entropy is subtracted (kl_div does that): leave out target · log target": (
        lambda logits, target: F.kl_div(logits.log_softmax(1), target, reduction="batchmean"),
        lambda logits, target: F.kl_div(logits.log_softmax(1), target, reduction="sum"),
        lambda logits, target: F.kl_div(logits.log_softmax(1), target, reduction="none").mean(),
    ),
    "the differences of the probabilities are squared: the loss is −target · log p, summed over the classes": (
        mean_of(lambda log_p, p, t: (t - p).square().sum(1)),
        mean_of(lambda log_p, p, t: (t - p).square()),
    ),
    "each class is an answer of its own, yes or no: one softmax over all classes is meant": (
        lambda logits, target: F.binary_cross_entropy_with_logits(logits, target),
        lambda logits, target: F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean(),
        mean_of(lambda log_p, p, t: -(t * log_p + (1 - t) * (1 - p).log()).sum(1)),
    ),
    "the mean is taken over the classes, too: add them up, and take the mean over the rows only": (
        mean_of(lambda log_p, p, t: -t * log_p),
        mean_of(lambda log_p, p, t: t * log_p),
    ),
    "the result is a sum over the batch: take the mean over the rows": (lambda *given: paid(*given).sum(), lambda *given: -paid(*given).sum()),
    "the minus sign is missing: log p is negative, and the loss is positive": (lambda *given: -paid(*given).mean(),),
    "only one row is counted: take the mean over all of them (is `return` inside the loop, or = where += is meant?)": (
        lambda *given: paid(*given)[0],
        lambda *given: paid(*given)[-1],
        lambda *given: paid(*given)[0] / len(given[0]),
        lambda *given: paid(*given)[-1] / len(given[0]),
    ),
    "the mean is divided once more: divide the sum over the rows by their number, once": (
        lambda *given: paid(*given).mean() / len(given[0]),
        lambda *given: paid(*given).mean() / 2,
    ),
    "the fraction is cut off by `//`: divide with `/`": (lambda *given: paid(*given).mean().floor(),),
}

check_soft_cross_entropy = Check("soft_cross_entropy", soft_cross_entropy, predictions, SOFT, needs="the mean over the rows", prepare=constant)
