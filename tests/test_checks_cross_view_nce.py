"""The check of CMC's loss: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one anchor at a time, in code that shares nothing with what the check compares with.
"""

import functools
import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_cross_view_nce

SEEDS = range(8)


def unit_rows(z):
    return [row / row.dot(row).sqrt() for row in z]


def other_view(i, mine, other):
    return list(other)


def divided(tau, d):
    return 1 / tau


def direction(mine, other, tau, *, met, mate, scale, above, below, twice, pays, asked, count, again):
    """The anchors are the rows of `mine`, one after another."""
    total, d = 0, len(mine[0])
    for i in asked(len(mine)):
        scores = [torch.dot(mine[i], row) for row in met(i, mine, other)]
        weight = [torch.exp(s * scale(tau, d)) for s in scores]
        if again:
            weight = [torch.exp(w / sum(weight)) for w in weight]
        own = torch.exp(scores[mate(i, len(mine))] * (above or scale)(tau, d)) if not again else weight[mate(i, len(mine))]
        kept = [w for j, w in enumerate(weight) if below or j != i]
        total = total + pays(own / (sum(kept) + twice * weight[i]))
    return total / count(len(mine))


def anchor_by_anchor(
    z1,
    z2,
    tau,
    *,
    unit=(unit_rows, unit_rows),
    pairs=((0, 1), (1, 0)),
    met=other_view,
    mate=lambda i, B: i,
    scale=divided,
    above=None,
    below=True,
    twice=0,
    pays=lambda p: -torch.log(p),
    asked=range,
    count=lambda B: B,
    again=False,
    after=lambda loss, B: loss,
):
    """CMC's loss; every option is one way to get it wrong.   pairs: which view's rows are anchors, and which view's the candidates."""
    views = unit[0](z1), unit[1](z2)
    options = {"met": met, "mate": mate, "scale": scale, "above": above, "below": below, "twice": twice, "pays": pays}
    options |= {"asked": asked, "count": count, "again": again}
    return after(sum(direction(views[a], views[b], tau, **options) for a, b in pairs), len(z1))


def raw(z):
    return list(z)


def columns(z):
    return list(z / torch.stack([column.norm() for column in z.T]))


def by(change):
    """The cosines, changed by a factor of tau and d."""
    return {"scale": change}


def with_own(i, mine, other):
    return [*other, *mine[:i], *mine[i + 1 :]]


def matrix(change):
    """What is made of the logits of a direction, added up over both."""

    def wrong(z1, z2, tau):
        s = torch.stack([torch.stack([torch.dot(a, b) / tau for b in unit_rows(z2)]) for a in unit_rows(z1)])
        return change(s) + change(s.T)

    return wrong


CROSS = {
    "not normalised": ("z1 and z2 are not normalised", {"unit": (raw, raw)}),
    "z1 normalised": ("only one of z1 and z2", {"unit": (unit_rows, raw)}),
    "z2 normalised": ("only one of z1 and z2", {"unit": (raw, unit_rows)}),
    "columns": ("wrong axis", {"unit": (columns, columns)}),
    "one length": ("whole matrix", {"unit": [lambda z: list(z / z.norm())] * 2}),
    "squared lengths": ("squared lengths", {"unit": [lambda z: [row / row.dot(row) for row in z]] * 2}),
    "itself": ("scored against itself", {"pairs": ((0, 0), (1, 1))}),
    "itself, the first": ("scored against itself", {"pairs": ((0, 0), (0, 0))}),
    "itself, once": ("scored against itself", {"pairs": ((1, 1),)}),
    "there": ("only one direction", {"pairs": ((0, 1),)}),
    "back": ("only one direction", {"pairs": ((1, 0),)}),
    "there twice": ("only one direction", {"pairs": ((0, 1), (0, 1))}),
    "back twice": ("only one direction", {"pairs": ((1, 0), (1, 0))}),
    "own view": ("as in NT-Xent", {"met": with_own}),
    "own view, itself too": ("as in NT-Xent", {"met": lambda i, mine, other: [*other, *mine]}),
    "NT-Xent": ("as in NT-Xent", {"met": with_own, "after": lambda loss, B: loss / 2}),
    "mean": ("mean of the two directions", {"after": lambda loss, B: loss / 2}),
    "sum": ("sum over the batch", {"count": lambda B: 1}),
    "sum, halved": ("sum over the batch", {"count": lambda B: 2}),
    "divided by B twice": ("divided once more", {"count": lambda B: B * B}),
    "divided by 2B, too": ("divided once more", {"count": lambda B: 2 * B * B}),
    "partner after": ("shifted by one row", {"mate": lambda i, B: (i + 1) % B}),
    "partner before": ("shifted by one row", {"mate": lambda i, B: (i - 1) % B}),
    "views rolled": ("shifted by one row", {"instead": lambda z1, z2, tau: anchor_by_anchor(z1, torch.cat([z2[1:], z2[:1]]), tau)}),
    "label 0": ("one label is used", {"mate": lambda i, B: 0}),
    "label 1": ("one label is used", {"mate": lambda i, B: 1}),
    "tau above only": ("only some of the cosines", {"scale": lambda tau, d: 1, "above": divided}),
    "tau below only": ("only some of the cosines", {"above": lambda tau, d: 1}),
    "times tau": ("multiplied by the temperature", by(lambda tau, d: tau)),
    "no tau": ("temperature is not used", by(lambda tau, d: 1)),
    "tau = 0.07": ("a fixed number", by(lambda tau, d: 1 / 0.07)),
    "tau = 0.1": ("a fixed number", by(lambda tau, d: 10)),
    "tau = 0.5": ("a fixed number", by(lambda tau, d: 2)),
    "tau twice": ("used twice", by(lambda tau, d: 1 / tau / tau)),
    "root of tau": ("used twice", by(lambda tau, d: tau**-0.5)),
    "squared distances": ("squared distances are used", by(lambda tau, d: 2 / tau)),
    "mean of products": ("averaged over the d features", by(lambda tau, d: 1 / d / tau)),
    "sqrt(d)": ("averaged over the d features", by(lambda tau, d: d**-0.5 / tau)),
    "partner not below": ("missing from the denominator", {"below": False}),
    "partner twice": ("counted twice", {"twice": 1}),
    "one sum": ("one denominator", {"instead": matrix(lambda s: -(s.diagonal().exp() / s.exp().sum()).log().mean())}),
    "no denominator": ("the denominator is missing: p", {"instead": matrix(lambda s: -s.diagonal().mean())}),
    "mean below": ("denominator is a mean", {"after": lambda loss, B: loss - 2 * math.log(B)}),
    "no logarithm below": ("logarithm of the denominator", {"instead": matrix(lambda s: (s.exp().sum(1) - s.diagonal()).mean())}),
    "softmax twice": ("taken twice", {"again": True}),
    "exponential twice": ("taken twice", {"instead": matrix(lambda s: F.cross_entropy(s.exp(), torch.arange(len(s))))}),
    "return in the loop": ("only one of the rows", {"asked": lambda B: [0], "count": lambda B: 1}),
    "return in the loop, divided by B": ("only one of the rows", {"asked": lambda B: [0]}),
    "= for +=": ("only one of the rows", {"asked": lambda B: [B - 1], "count": lambda B: 1}),
    "no logarithm": ("the logarithm is missing", {"pays": lambda p: p}),
    "no logarithm, negative": ("the logarithm is missing", {"pays": lambda p: -p}),
    "log2": ("another base", {"pays": lambda p: -torch.log2(p)}),
    "log10": ("another base", {"pays": lambda p: -torch.log10(p)}),
    "mean first": ("before the logarithm", {"instead": matrix(lambda s: -s.softmax(1).diagonal().mean().log())}),
    "subtracted": (
        "is subtracted from the other",
        {"instead": lambda *given: anchor_by_anchor(*given, pairs=((0, 1),)) - anchor_by_anchor(*given, pairs=((1, 0),))},
    ),
    "sign": ("minus sign", {"pays": torch.log}),
    "//": ("cut off", {"after": lambda loss, B: loss.floor()}),
}
MISTAKES = {name: (words, wrong.get("instead") or functools.partial(anchor_by_anchor, **wrong)) for name, (words, wrong) in CROSS.items()}


@pytest.mark.parametrize("words, wrong", MISTAKES.values(), ids=MISTAKES)
def test_each_usual_mistake_with_the_loss_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_cross_view_nce, wrong, words, MISTAKES, SEEDS)


def by_cross_entropy(z1, z2, tau):
    z1, z2 = F.normalize(z1), F.normalize(z2)
    logits, partner = z1 @ z2.t() / tau, torch.arange(len(z1))
    return F.cross_entropy(logits, partner) + F.cross_entropy(logits.t(), partner)


def by_log_softmax(a, b, temperature=0.07):
    a, b = (z / z.norm(dim=1, keepdim=True) for z in (a, b))
    s = torch.einsum("id,jd->ij", a, b) / temperature
    return -(s.log_softmax(1) + s.log_softmax(0)).diagonal().mean()


def in_double_precision(z1, z2, tau):
    return by_cross_entropy(z1.double(), z2.double(), tau)


def by_cosine_similarity(z1, z2, tau):
    s = F.cosine_similarity(z1[:, None], z2[None], dim=2) / tau
    return (s.logsumexp(1) + s.logsumexp(0) - 2 * s.diagonal()).mean()


RIGHT = [losses.cross_view_nce, anchor_by_anchor, by_cross_entropy, by_log_softmax, in_double_precision, by_cosine_similarity]


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_loss_passes_in_any_style(passes, right):
    passes(check_cross_view_nce, right, SEEDS)


@pytest.mark.parametrize("wrong", [
    lambda z1, z2, tau: losses.cross_view_nce(z1, z2.detach(), tau), lambda z1, z2, tau: losses.cross_view_nce(z1.detach(), z2, tau),
])
def test_both_views_must_learn(wrong):
    assert "its gradient is not: something is detached" in check_cross_view_nce(wrong).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in MISTAKES.values()}) == len(check_cross_view_nce.mistakes)
