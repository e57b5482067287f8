"""The check of NT-Xent: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one anchor at a time, in code that shares nothing with what the check compares with.
"""

import functools
import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_nt_xent, check_nt_xent_loop

SEEDS = range(20)


def other_view(i, B):
    return (i + B) % (2 * B)


def rows(z1, z2):
    return [row / row.norm() for row in torch.cat([z1, z2])]


def raw(z1, z2):
    return list(torch.cat([z1, z2]))


def rows_of_one_view(z1, z2):
    return [*rows(z1, z2)[: len(z1)], *z2]


def rows_of_the_other_view(z1, z2):
    return [*z1, *rows(z1, z2)[len(z1) :]]


def columns(z1, z2):
    z = torch.cat([z1, z2])
    return list(torch.stack([column / column.norm() for column in z.T]).T)


def columns_of_each_view(z1, z2):
    return [row for z in (z1, z2) for row in torch.stack([column / column.norm() for column in z.T]).T]


def the_whole(z1, z2):
    z = torch.cat([z1, z2])
    return list(z / z.norm())


def the_whole_of_each_view(z1, z2):
    return [*(z1 / z1.norm()), *(z2 / z2.norm())]


def no_root(z1, z2):
    return [row / row.square().sum() for row in torch.cat([z1, z2])]


def alternating(z1, z2):
    """z1[0], z2[0], z1[1], z2[1], and so on."""
    return [row / row.norm() for pair in zip(z1, z2) for row in pair]


def divided(tau, d):
    return 1 / tau


def anchor_by_anchor(
    z1,
    z2,
    tau,
    *,
    unit=rows,
    own=(),
    scale=divided,
    above=None,
    mate=other_view,
    count=None,
    anchors=None,
    candidates=None,
    extra=lambda w, i, B: 0,
    pays=lambda p: -torch.log(p),
    after=lambda loss: loss,
):
    """NT-Xent one anchor at a time; every option is one way to get it wrong.

    own: what an image weighs in its own denominator.   scale: of similarities, in the denominator, and above it unless `above` is given.
    """
    B, d = z1.shape
    z = unit(z1, z2)
    total = 0
    for i in anchors(B) if anchors else range(2 * B):
        s = torch.stack([z[i] @ row for row in z])
        weight = torch.exp(s * scale(tau, d))
        others = candidates(i, B) if candidates else [k for k in range(2 * B) if k != i]
        below = weight[list(others)].sum() + sum(f(weight[i]) for f in own) + extra(weight, i, B)
        total = total + pays(torch.exp(s[mate(i, B)] * (above or scale)(tau, d)) / below)
    return after(total / (count(B) if count else len(anchors(B)) if anchors else 2 * B))


def fixed(tau):
    return {"scale": lambda _, d: 1 / tau}


def one_sum_for_all(z1, z2, tau):
    z, B = rows(z1, z2), len(z1)
    below = sum(torch.exp(z[i] @ z[k] / tau) for i in range(2 * B) for k in range(2 * B) if k != i)
    return sum(-torch.log(torch.exp(z[i] @ z[other_view(i, B)] / tau) / below) for i in range(2 * B)) / (2 * B)


def exponential_twice(z1, z2, tau):
    z, B = rows(z1, z2), len(z1)
    weight = torch.stack([torch.stack([torch.exp(z[i] @ z[k] / tau) * (k != i) for k in range(2 * B)]) for i in range(2 * B)])
    return sum(weight[i].logsumexp(0) - weight[i, i - B] for i in range(2 * B)) / (2 * B)


def no_log_below(z1, z2, tau):
    z, B = rows(z1, z2), len(z1)
    return sum(sum(torch.exp(z[i] @ z[k] / tau) for k in range(2 * B) if k != i) - z[i] @ z[i - B] / tau for i in range(2 * B)) / (2 * B)


def others_view(i, B):
    return range(B, 2 * B) if i < B else range(B)


def second(B):
    return range(B, 2 * B)


def last(B):
    return [2 * B - 1]


def twice(z1, z2, tau):
    """The shares of the softmax through another softmax, the image's own share, 0, among them."""
    z, total = rows(z1, z2), 0
    for i in range(len(z)):
        weight = [torch.exp(z[i] @ z[k] / tau) * (k != i) for k in range(len(z))]
        shares = [w / sum(weight) for w in weight]
        total -= torch.log(torch.exp(shares[other_view(i, len(z1))]) / sum(torch.exp(p) for p in shares))
    return total / len(z)


MUTANTS = {
    "not normalised": ("z1 and z2 are not normalised", {"unit": raw}),
    "first views normalised": ("only one of z1 and z2", {"unit": rows_of_one_view}),
    "second views normalised": ("only one of z1 and z2", {"unit": rows_of_the_other_view}),
    "columns normalised": ("wrong axis", {"unit": columns}),
    "columns of each view normalised": ("wrong axis", {"unit": columns_of_each_view}),
    "the whole": ("whole matrix", {"unit": the_whole}),
    "the whole of each view": ("whole matrix", {"unit": the_whole_of_each_view}),
    "no root": ("squared lengths", {"unit": no_root}),
    "self kept": ("diagonal is kept", {"own": [lambda w: w]}),
    "self at similarity 0": ("exp(0) = 1", {"own": [lambda w: 1]}),
    "self at similarity -1": ("exp(0) = 1", {"instead": lambda *given: anchor_by_anchor(*given, own=[lambda w: math.exp(-1 / given[-1])])}),
    "self at logit -1": ("exp(0) = 1", {"own": [lambda w: math.exp(-1)]}),
    "label is the row itself": ("label of a row is the row", {"own": [lambda w: w], "mate": lambda i, B: i}),
    "label is i modulo B": ("label of a row is the row", {"own": [lambda w: w], "mate": lambda i, B: i % B}),
    "label 0": ("label of a row is the row", {"own": [lambda w: w], "mate": lambda i, B: 0}),
    "z1 with z1": ("one view is compared with itself", {"instead": lambda z1, z2, tau: anchor_by_anchor(z1, z1, tau)}),
    "z2 with z2": ("one view is compared with itself", {"instead": lambda z1, z2, tau: anchor_by_anchor(z2, z2, tau)}),
    "root of tau": ("used twice", {"scale": lambda tau, d: tau**-0.5}),
    "squared distances": ("squared distances are used", {"scale": lambda tau, d: 2 / tau}),
    "divided by 2": ("divided once more", {"after": lambda loss: loss / 2}),
    "divided by 2B twice": ("divided once more", {"count": lambda B: 4 * B * B}),
    "divided by B, too": ("divided once more", {"count": lambda B: 2 * B * B}),
    "no denominator": ("the denominator is missing: p", {"instead": lambda z1, z2, tau: -(F.cosine_similarity(z1, z2) / tau).mean()}),
    "exponential twice": ("taken twice", {"instead": lambda *given: exponential_twice(*given)}),
    "across views, sum of both directions": ("rows of the other view", {"candidates": others_view, "count": lambda B: B}),
    "times tau": ("multiplied", {"scale": lambda tau, d: tau}),
    "no tau": ("temperature is not used", {"scale": lambda tau, d: 1}),
    "tau = 0.05": ("a fixed number", fixed(0.05)),
    "tau = 0.07": ("a fixed number", fixed(0.07)),
    "tau = 0.1": ("a fixed number", fixed(0.1)),
    "tau = 0.2": ("a fixed number", fixed(0.2)),
    "tau = 0.5": ("a fixed number", fixed(0.5)),
    "tau twice": ("used twice", {"scale": lambda tau, d: 1 / tau / tau}),
    "mean of products": ("averaged over the d features", {"scale": lambda tau, d: 1 / d / tau}),
    "sqrt(d)": ("averaged over the d features", {"scale": lambda tau, d: d**-0.5 / tau}),
    "tau above only": ("only some of the similarities", {"scale": lambda tau, d: 1, "above": divided}),
    "tau below only": ("only some of the similarities", {"above": lambda tau, d: 1}),
    "partner is the next row": ("partners are shifted", {"mate": lambda i, B: (i + 1) % (2 * B)}),
    "partner is the row before": ("partners are shifted", {"mate": lambda i, B: (i - 1) % (2 * B)}),
    "partner is i + B + 1": ("partners are shifted", {"mate": lambda i, B: (i + B + 1) % (2 * B)}),
    "partner is i + B - 1": ("partners are shifted", {"mate": lambda i, B: (i + B - 1) % (2 * B)}),
    "partners interleaved": ("neighbouring rows are paired", {"mate": lambda i, B: i + 1 if i % 2 == 0 else i - 1}),
    "rows interleaved": ("neighbouring rows are paired", {"unit": alternating}),
    "sum": ("sum over the anchors is not divided", {"count": lambda B: 1}),
    "mean over B": ("sum over the anchors is not divided", {"count": lambda B: B}),
    "first views only": ("one of the two views", {"anchors": range}),
    "second views only": ("one of the two views", {"anchors": second}),
    "first views only, divided by 2B": ("one of the two views", {"anchors": range, "count": lambda B: 2 * B}),
    "second views only, divided by 2B": ("one of the two views", {"anchors": second, "count": lambda B: 2 * B}),
    "return in the loop": ("only one of the anchors", {"anchors": lambda B: [0]}),
    "return in the loop, divided by 2B": ("only one of the anchors", {"anchors": lambda B: [0], "count": lambda B: 2 * B}),
    "= for +=": ("only one of the anchors", {"anchors": last}),
    "= for +=, divided by 2B": ("only one of the anchors", {"anchors": last, "count": lambda B: 2 * B}),
    "across views": ("rows of the other view", {"candidates": others_view}),
    "across views, one direction": ("rows of the other view", {"candidates": others_view, "anchors": range}),
    "positive excluded": ("missing from the denominator", {"candidates": lambda i, B: [k for k in range(2 * B) if k not in (i, (i + B) % (2 * B))]}),
    "positive twice": ("counted twice", {"extra": lambda w, i, B: w[i - B]}),
    "one sum": ("one denominator", {"instead": one_sum_for_all}),
    "mean below": ("denominator is a mean", {"instead": lambda *given: anchor_by_anchor(*given) - math.log(2 * len(given[0]) - 1)}),
    "mean below, of 2B": ("denominator is a mean", {"instead": lambda *given: anchor_by_anchor(*given) - math.log(2 * len(given[0]))}),
    "no logarithm below": ("logarithm of the denominator", {"instead": no_log_below}),
    "no logarithm": ("logarithm is missing", {"pays": lambda p: -p}),
    "no logarithm, positive": ("logarithm is missing", {"pays": lambda p: p}),
    "no logarithm, from 1": ("logarithm is missing", {"pays": lambda p: 1 - p}),
    "log2": ("another base", {"pays": lambda p: -torch.log2(p)}),
    "log10": ("another base", {"pays": lambda p: -torch.log10(p)}),
    "mean first": ("before the logarithm", {"pays": lambda p: p, "after": lambda p: -torch.log(p)}),
    "softmax twice": ("taken twice", {"instead": twice}),
    "sign": ("minus sign", {"pays": torch.log}),
    "//": ("cut off", {"after": torch.floor}),
}


@pytest.mark.parametrize("check", [check_nt_xent, check_nt_xent_loop], ids=lambda check: check.name)
@pytest.mark.parametrize("words, wrong", MUTANTS.values(), ids=MUTANTS)
def test_each_usual_mistake_gets_its_own_hint_on_any_input(called, check, words, wrong):
    called(check, wrong.get("instead") or functools.partial(anchor_by_anchor, **wrong), words, MUTANTS, SEEDS if check is check_nt_xent else (0,))


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in MUTANTS.values()}) == len(check_nt_xent.mistakes)


def pair_by_pair(z1, z2, tau):
    z, total = torch.cat([z1, z2]), 0.0
    for i in range(len(z)):
        below = 0
        for k in range(len(z)):
            if k != i:
                weight = torch.exp(torch.dot(z[i], z[k]) / (z[i].norm() * z[k].norm()) / tau)
                below += weight
                if k % len(z1) == i % len(z1):
                    above = weight
        total -= torch.log(above / below)
    return total / len(z)


def by_matrix(z1, z2, tau):
    z = torch.cat((z1, z2))
    z = z / torch.sqrt((z**2).sum(1, keepdim=True))
    e = torch.exp(z @ z.T / tau)
    e = e - torch.diag(torch.diag(e))
    own = torch.exp((z * torch.roll(z, len(z1), 0)).sum(1) / tau)
    return -torch.log(own / e.sum(1)).mean()


def by_cross_entropy(a, b, temperature):
    z = torch.cat([F.normalize(a), F.normalize(b)])
    logits = torch.mm(z, z.t()) / temperature - 1e9 * torch.eye(len(z))
    target = torch.cat([torch.arange(len(a)) + len(a), torch.arange(len(a))])
    return F.cross_entropy(logits, target)


def by_einsum_and_a_float32_mask(z1, z2, tau):
    z = F.normalize(torch.cat([z1, z2]))
    others = 1 - torch.eye(len(z))
    weight = (torch.einsum("id,kd->ik", z, z) / tau).exp()
    pairs = torch.eye(len(z1)).repeat(2, 2) * others  # in a product with float64 this would be refused
    return (torch.log((weight * others) @ torch.ones(len(z), 1))[:, 0] - torch.log((pairs * weight) @ torch.ones(len(z)))).mean()


def in_two_halves(z1, z2, tau):
    def half(a, b):
        logits = torch.cat([a @ b.T, (a @ a.T).masked_fill(torch.eye(len(a)).bool(), float("-inf"))], 1) / tau
        return -F.log_softmax(logits, 1).diagonal().mean()

    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    return 0.5 * (half(z1, z2) + half(z2, z1))


def in_double_precision(z1, z2, tau):
    return by_matrix(z1.double(), z2.double(), tau)


@pytest.mark.parametrize("check", [check_nt_xent, check_nt_xent_loop], ids=lambda check: check.name)
@pytest.mark.parametrize(
    "right",
    [losses.nt_xent, anchor_by_anchor, pair_by_pair, by_matrix, by_cross_entropy, by_einsum_and_a_float32_mask, in_two_halves, in_double_precision],
)
def test_a_right_answer_passes_in_any_style_on_any_input(passes, check, right):
    passes(check, right, SEEDS if right is not pair_by_pair else range(5))


def test_whoever_is_stuck_in_the_loop_goes_on_with_the_librarys_loss():
    given = next(iter(check_nt_xent_loop.inputs(0)))
    assert check_nt_xent_loop.reference(*given) == losses.nt_xent(*given)
    assert check_nt_xent_loop.mistakes is check_nt_xent.mistakes
    assert repr(check_nt_xent_loop(losses.nt_xent)) == "✓ nt_xent_loop is right: the value and its gradient"
