"""The check of cross entropy with soft labels: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one image and one class at a time.
"""

import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_soft_cross_entropy

SEEDS = range(4)


def shares(row):
    """The softmax of one row."""
    weights = [torch.exp(x) for x in row]
    return [w / sum(weights) for w in weights]


def as_they_are(row):
    return list(row)


def logs(row):
    return [torch.log(p) for p in row]


def term(p, t):
    return -t * torch.log(p)


def class_by_class(
    logits,
    target,
    *,
    p=shares,
    t=as_they_are,
    pays=term,
    classes=lambda t: range(len(t)),
    joined=sum,
    count=lambda B, C: B,
    images=range,
    after=lambda x: x,
):
    """The loss, image by image and class by class; every option is one way to get it wrong."""
    B, C = logits.shape
    total = 0
    for i in images(B):
        q, wanted = p(logits[i]), t(target[i])
        total = total + joined([pays(q[c], wanted[c]) for c in classes(wanted)])
    return after(total / count(B, C))


def wrong(**options):
    return lambda logits, target: class_by_class(logits, target, **options)


def sharpest(t):
    return [max(range(len(t)), key=lambda c: t[c])]


def one_hot(t):
    return [float(c in sharpest(t)) for c in range(len(t))]


def smoothed(by):
    return lambda t: [(1 - by) * x + by / len(t) for x in t]


def twice(row):
    return shares(shares(row))


def columns(logits, target):
    return class_by_class(logits.T, target.T, count=lambda C, B: B)


def exchanged(logits, target):
    return sum(-q * torch.log(t) for i in range(len(logits)) for q, t in zip(shares(logits[i]), target[i])) / len(logits)


def arguments_exchanged(logits, target):
    return class_by_class(target, torch.stack([torch.stack(shares(row)) for row in logits]))


def binary(p, t):
    return -t * torch.log(p) - (1 - t) * torch.log(1 - p)


SOFT = {
    "arg-max": ("target is made hard", wrong(t=one_hot)),
    "arg-max, smoothed": ("target is made hard", wrong(t=lambda t: smoothed(0.1)(one_hot(t)))),
    "arg-max, sum": ("target is made hard", wrong(t=one_hot, count=lambda B, C: 1)),
    "its most likely class": ("only the most likely class", wrong(classes=sharpest)),
    "first class": ("only the most likely class", wrong(classes=lambda t: [0])),
    "last class": ("only the most likely class", wrong(classes=lambda t: [len(t) - 1])),
    "smoothed by a tenth": ("target is smoothed", wrong(t=smoothed(0.1))),
    "smoothed by a fifth": ("target is smoothed", wrong(t=smoothed(0.2))),
    "softmax twice": ("softmax is taken twice", wrong(p=twice)),
    "softmax twice, sum": ("softmax is taken twice", wrong(p=twice, count=lambda B, C: 1)),
    "softmax of the target": ("softmax of the target", wrong(t=shares)),
    "softmax of both": ("both are softened", wrong(p=twice, t=shares)),
    "columns": ("softmax runs over the batch", columns),
    "logits as logarithms": ("softmax is missing", wrong(p=as_they_are, pays=lambda p, t: -t * p)),
    "exchanged": ("target and prediction are exchanged", exchanged),
    "arguments exchanged": ("target and prediction are exchanged", arguments_exchanged),
    "entropy of the prediction": ("target is not used", wrong(pays=lambda p, t: -p * torch.log(p))),
    "no logarithm": ("logarithm is missing", wrong(pays=lambda p, t: -t * p)),
    "no logarithm, no minus": ("logarithm is missing", wrong(pays=lambda p, t: t * p)),
    "logarithm of the sum": ("sum is taken before", wrong(pays=lambda p, t: t * p, joined=lambda terms: -torch.log(sum(terms)))),
    "logarithm of all": ("sum is taken before", wrong(pays=lambda p, t: t * p, after=lambda x: -torch.log(x))),
    "log2": ("another base", wrong(pays=lambda p, t: -t * torch.log2(p))),
    "log10": ("another base", wrong(pays=lambda p, t: -t * torch.log10(p))),
    "divergence": ("entropy is subtracted", wrong(pays=lambda p, t: t * torch.log(t / p))),
    "divergence, sum": ("entropy is subtracted", wrong(pays=lambda p, t: t * torch.log(t / p), count=lambda B, C: 1)),
    "divergence, mean": ("entropy is subtracted", wrong(pays=lambda p, t: t * torch.log(t / p), count=lambda B, C: B * C)),
    "squares": ("are squared", wrong(pays=lambda p, t: (p - t) ** 2)),
    "mean squares": ("are squared", wrong(pays=lambda p, t: (p - t) ** 2, count=lambda B, C: B * C)),
    "binary": ("an answer of its own", wrong(p=lambda row: [torch.sigmoid(x) for x in row], pays=binary)),
    "binary, mean": ("an answer of its own", wrong(p=lambda row: [torch.sigmoid(x) for x in row], pays=binary, count=lambda B, C: B * C)),
    "binary, of the softmax": ("an answer of its own", wrong(pays=binary)),
    "mean over classes": ("taken over the classes, too", wrong(count=lambda B, C: B * C)),
    "sum": ("sum over the batch", wrong(count=lambda B, C: 1)),
    "sum, no minus": ("sum over the batch", wrong(count=lambda B, C: -1)),
    "no minus": ("minus sign is missing", wrong(count=lambda B, C: -B)),
    "return in the loop": ("only one row", wrong(images=lambda B: [0], count=lambda B, C: 1)),
    "= for +=": ("only one row", wrong(images=lambda B: [B - 1])),
    "divided twice": ("divided once more", wrong(count=lambda B, C: B * B)),
    "half": ("divided once more", wrong(count=lambda B, C: 2 * B)),
    "cut off": ("fraction is cut off", wrong(after=torch.floor)),
}


@pytest.mark.parametrize("words, mistake", SOFT.values(), ids=SOFT)
def test_each_usual_mistake_with_soft_labels_gets_its_own_hint(called, words, mistake):
    called(check_soft_cross_entropy, mistake, words, SOFT, SEEDS)


@pytest.mark.parametrize(
    "right",
    [
        losses.soft_cross_entropy,
        class_by_class,
        F.cross_entropy,
        lambda logits, target: -(target * logits.softmax(dim=-1).log()).sum(dim=-1).mean(),
        lambda logits, target: (logits.logsumexp(1) - (target * logits).sum(1)).mean(),
        lambda logits, target: -torch.einsum("bc,bc->", target, F.log_softmax(logits, -1)) / logits.shape[0],
        lambda logits, target: -(target.detach() * logits.log_softmax(1)).sum(1).mean(),
    ],
)
def test_a_right_loss_of_soft_labels_passes_in_any_style(passes, right):
    passes(check_soft_cross_entropy, right, SEEDS)


@pytest.mark.parametrize(
    "words, fn",
    [
        ("cut off from its inputs", lambda logits, target: losses.soft_cross_entropy(logits.detach(), target)),
        ("has no gradient", lambda logits, target: losses.soft_cross_entropy(logits, target).item()),
        ("shape (4,)", lambda logits, target: -(target * logits.log_softmax(1)).sum(1)),
        ("changes its inputs in place", lambda logits, target: losses.soft_cross_entropy(logits, target.mul_(1.1))),
        ("no usual mistake", lambda logits, target: losses.soft_cross_entropy(logits, target) * math.pi),
        ("something is detached", lambda logits, target: (logits.logsumexp(1).detach() - (target * logits).sum(1)).mean()),
    ],
)
def test_what_else_goes_wrong_with_soft_labels_is_said(words, fn):
    assert words in check_soft_cross_entropy(fn).hint
