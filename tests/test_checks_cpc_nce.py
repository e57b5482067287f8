"""The check of CPC's loss of one step: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one position at a time, in code that shares nothing with what the check compares with.
"""

import functools
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_cpc_nce

SEEDS = range(5)


def below(b, r, c, k):
    return b, r + k, c


def every(*given):
    return True


def position_by_position(
    prediction,
    target,
    k,
    *,
    asked=lambda b, r, c, k, shape: r + k < shape[1],
    own=below,
    met=every,
    twice=0,
    without=False,
    pays=lambda p: -torch.log(p),
    scale=lambda d: 1.0,
    made=(lambda z: z, lambda z: z),
    mean=lambda losses, shape, k: sum(losses) / len(losses),
):
    """CPC's loss in float64; every option is one way to get it wrong.

    asked: which positions predict.   own: whose target it is.   met: which candidates are met, by the target's place and the candidate's.
    twice, without: the target counts once more in the denominator, or not at all.
    """
    z = [change(x.double()) for change, x in zip(made, (prediction, target))]
    B, d, H, W = target.shape
    places = list(itertools.product(range(B), range(H), range(W)))
    vectors = torch.stack([z[1][b, :, r, c] for b, r, c in places])
    losses = []
    for b, r, c in places:
        if asked(b, r, c, k, (B, H, W)):
            mine = own(b, r, c, k)
            weight = dict(zip(places, torch.exp(vectors @ z[0][b, :, r, c] * scale(d))))
            among = [weight[place] for place in places if place == mine or met(mine, place, k, H)]
            losses.append(pays(weight[mine] / (sum(among) + (twice - without) * weight[mine])))
    return mean(losses, (B, H, W), k)


def wrong(**options):
    return functools.partial(position_by_position, **options)


def place_of(m, shape):
    return m // (shape[1] * shape[2]), m // shape[2] % shape[1], m % shape[2]


def number(place, shape):
    return (place[0] * shape[1] + place[1]) * shape[2] + place[2]


def labelled(label, predicts=lambda b, r, c, k, shape: r + k < shape[1]):
    """The loss with other labels.   label: of the number of the position, k and the shape; positions without one are left out."""

    def mistake(prediction, target, k):
        shape = target[:, 0].shape
        asked = [place for place in itertools.product(*map(range, shape)) if predicts(*place, k, shape)]
        labels = [label(m, number(place, shape), k, shape) for m, place in enumerate(asked)]
        kept = [(place, one) for place, one in zip(asked, labels) if 0 <= one < math.prod(shape)]
        vectors = torch.stack([target[b, :, r, c] for b, r, c in itertools.product(*map(range, shape))])
        total = 0
        for (b, r, c), one in kept:
            total = total - (vectors @ prediction[b, :, r, c]).log_softmax(0)[one]
        return total / len(kept)

    return mistake


def unit(z):
    return z / z.square().sum(1, keepdim=True).sqrt()


def view_without_permute(prediction, target, k):
    d = target.shape[1]
    p, t = (z.reshape(-1, d) for z in (prediction[:, :, :-k], target))
    labels = torch.arange(len(t)).view(target[:, 0].shape)[:, k:].flatten()
    return F.cross_entropy(p @ t.T, labels)


def rows_first(prediction, target, k):
    """Channels, columns and rows are moved, not channels alone."""
    p, t = (z.permute(0, 3, 2, 1).reshape(z[:, 0].numel(), -1) for z in (prediction, target))
    n = torch.arange(len(t)).view(target[:, 0].shape)
    return F.cross_entropy((p @ t.T)[n[:, :-k].flatten()], n[:, k:].flatten())


def logits(prediction, target, k):
    p, t = prediction[:, :, :-k].movedim(1, 3).flatten(0, 2), target.movedim(1, 3).flatten(0, 2)
    return p @ t.T, torch.arange(len(t)).view(target[:, 0].shape)[:, k:].flatten()


def by_logits(change):
    return lambda *given: change(*logits(*given))


def picked(s, labels):
    return s[torch.arange(len(s)), labels]


def over_dim_0(prediction, target, k):
    s, labels = logits(prediction, target, k)
    return -picked(s[:, labels].log_softmax(0).T, torch.arange(len(s))).mean()


def over_all_dim_0(prediction, target, k):
    p, t = (z.movedim(1, 3).flatten(0, 2) for z in (prediction, target))
    n = torch.arange(len(t)).view(target[:, 0].shape)
    return -(p @ t.T).log_softmax(0)[n[:, :-k].flatten(), n[:, k:].flatten()].mean()


def by_distances(prediction, target, k):
    p, t = (z.movedim(1, 3).flatten(0, 2) for z in (prediction[:, :, :-k], target))
    return F.cross_entropy(-((p[:, None] - t) ** 2).sum(2), logits(prediction, target, k)[1])


def rolled(prediction, target, k):
    """A matrix of all positions, each with the target that roll brings."""
    p, t = (z.movedim(1, 3).flatten(0, 2) for z in (prediction, target))
    return F.cross_entropy(p @ t.T, torch.arange(len(t)).view(target[:, 0].shape).roll(-k, dims=1).flatten())


def as_a_sum(by):
    return wrong(mean=lambda losses, shape, k: sum(losses) / by(len(losses), *shape, k))


def at_row(moved):
    """Prediction and target of other rows.   moved: r and k → the row of the target."""
    return wrong(asked=lambda b, r, c, k, shape: 0 <= moved(r, k) < shape[1], own=lambda b, r, c, k: (b, moved(r, k), c))


CPC_NCE = {
    "no offset": ("offset of k rows is missing", at_row(lambda r, k: r)),
    "no offset, cut": ("offset of k rows is missing", wrong(own=lambda b, r, c, k: (b, r, c))),
    "k + 1": ("the offset is one row off", at_row(lambda r, k: r + k + 1)),
    "k - 1": ("the offset is one row off", at_row(lambda r, k: r + k - 1)),
    "k - 1, cut": ("the offset is one row off", wrong(own=lambda b, r, c, k: (b, r + k - 1, c))),
    "up": ("the prediction goes up", at_row(lambda r, k: r - k)),
    "to the right": (
        "columns are shifted in place of rows",
        wrong(asked=lambda b, r, c, k, shape: c + k < shape[2], own=lambda b, r, c, k: (b, r, c + k)),
    ),
    "to the left": ("columns are shifted in place of rows", wrong(asked=lambda b, r, c, k, shape: c >= k, own=lambda b, r, c, k: (b, r, c - k))),
    "both": (
        "rows and columns are shifted both",
        wrong(asked=lambda b, r, c, k, shape: r + k < shape[1] and c + k < shape[2], own=lambda b, r, c, k: (b, r + k, c + k)),
    ),
    "k = 1": ("k is a fixed number", lambda prediction, target, k: position_by_position(prediction, target, 1)),
    "k = 2": ("k is a fixed number", lambda prediction, target, k: position_by_position(prediction, target, 2)),
    "around": ("last k rows are not left out", labelled(lambda m, n, k, s: number((n // (s[1] * s[2]), (n // s[2] + k) % s[1], n % s[2]), s), every)),
    "roll": ("last k rows are not left out", rolled),
    "the last one again": ("last k rows are not left out", labelled(lambda m, n, k, s: n + min(k, s[1] - 1 - n // s[2] % s[1]) * s[2], every)),
    "m + k": ("shifted by k, not by k rows", labelled(lambda m, n, k, s: n + k)),
    "m + k, all": ("shifted by k, not by k rows", labelled(lambda m, n, k, s: n + k, every)),
    "no image": ("forgets its image", labelled(lambda m, n, k, s: n % (s[1] * s[2]) + k * s[2])),
    "next image": ("run into the next image", labelled(lambda m, n, k, s: n + k * s[2], every)),
    "labels of the whole batch": ("run into the next image", labelled(lambda m, n, k, s: m + k * s[2])),
    "label 0": ("one label is used", labelled(lambda m, n, k, s: 0)),
    "arange": ("the labels count the predictions", labelled(lambda m, n, k, s: m)),
    "own image": ("only positions of the own image", wrong(met=lambda own, place, k, H: own[0] == place[0])),
    "other images": ("other positions of the own image are no candidates", wrong(met=lambda own, place, k, H: own[0] != place[0])),
    "targets only": ("only some rows or columns are candidates", wrong(met=lambda own, place, k, H: place[1] >= k)),
    "not the last rows": ("only some rows or columns are candidates", wrong(met=lambda own, place, k, H: place[1] < H - k)),
    "own row": ("only some rows or columns are candidates", wrong(met=lambda own, place, k, H: own[1] == place[1])),
    "own column": ("only some rows or columns are candidates", wrong(met=lambda own, place, k, H: own[2] == place[2])),
    "own place": ("only some rows or columns are candidates", wrong(met=lambda own, place, k, H: own[1:] == place[1:])),
    "swapped": ("predictions and targets are swapped", lambda prediction, target, k: position_by_position(target, prediction, k)),
    "dim=0": ("softmax runs over the predictions", over_dim_0),
    "dim=0 of all": ("softmax runs over the predictions", over_all_dim_0),
    "target not below": ("missing from the denominator", wrong(without=True)),
    "target twice": ("counted twice in the denominator", wrong(twice=1)),
    "one sum": ("one denominator", by_logits(lambda s, labels: (s.flatten().logsumexp(0) - picked(s, labels)).mean())),
    "no denominator": ("the denominator is missing: p", by_logits(lambda s, labels: -picked(s, labels).mean())),
    "mean below": ("denominator is a mean", by_logits(lambda s, labels: F.cross_entropy(s, labels) - math.log(s.shape[1]))),
    "cosines": ("predictions or targets are normalised", wrong(made=(unit, unit))),
    "targets normalised": ("predictions or targets are normalised", wrong(made=(lambda z: z, unit))),
    "predictions normalised": ("predictions or targets are normalised", wrong(made=(unit, lambda z: z))),
    "cosines, tau": ("predictions or targets are normalised", wrong(made=(unit, unit), scale=lambda d: 10.0)),
    "tau = 0.1": ("divided by a temperature", by_logits(lambda s, labels: F.cross_entropy(s / 0.1, labels))),
    "tau = 0.07": ("divided by a temperature", by_logits(lambda s, labels: F.cross_entropy(s / 0.07, labels))),
    "a scale of 0.1": ("divided by a temperature", wrong(scale=lambda d: 0.1)),
    "sqrt(d)": ("divided by a temperature", wrong(scale=lambda d: d**-0.5)),
    "mean of products": ("divided by a temperature", wrong(scale=lambda d: 1 / d)),
    "distances": ("distances are compared", by_distances),
    "no permute": ("channels and positions are mixed", view_without_permute),
    "columns first": ("positions are numbered column by column", rows_first),
    "sum": ("a sum over positions", as_a_sum(lambda n, B, H, W, k: 1)),
    "sum of an image": ("a sum over positions", as_a_sum(lambda n, B, H, W, k: B)),
    "sum over rows": ("a sum over positions", as_a_sum(lambda n, B, H, W, k: B * W)),
    "sum over images": ("a sum over positions", as_a_sum(lambda n, B, H, W, k: (H - k) * W)),
    "divided by all": ("divided by B·H·W", as_a_sum(lambda n, B, H, W, k: B * H * W)),
    "divided twice": ("divided once more", as_a_sum(lambda n, B, H, W, k: n * n)),
    "divided by B, too": ("divided once more", as_a_sum(lambda n, B, H, W, k: n * B)),
    "return in the loop": ("only one prediction is counted", wrong(mean=lambda losses, shape, k: losses[0])),
    "= for +=": ("only one prediction is counted", wrong(mean=lambda losses, shape, k: losses[-1] / len(losses))),
    "first image": ("only one image is counted", wrong(asked=lambda b, r, c, k, shape: b == 0 and r + k < shape[1])),
    "last image": ("only one image is counted", wrong(asked=lambda b, r, c, k, shape: b == shape[0] - 1 and r + k < shape[1])),
    "softmax twice": ("taken twice", by_logits(lambda s, labels: F.cross_entropy(s.softmax(1), labels))),
    "exponential twice": ("taken twice", by_logits(lambda s, labels: F.cross_entropy(s.exp(), labels))),
    "no logarithm": ("the logarithm is missing", wrong(pays=lambda p: p)),
    "no logarithm, negative": ("the logarithm is missing", wrong(pays=lambda p: -p)),
    "log2": ("another base", wrong(pays=lambda p: -torch.log2(p))),
    "log10": ("another base", wrong(pays=lambda p: -torch.log10(p))),
    "mean first": ("before the logarithm", by_logits(lambda s, labels: -picked(s.softmax(1), labels).mean().log())),
    "sign": ("minus sign", wrong(pays=torch.log)),
    "//": ("cut off", lambda *given: position_by_position(*given) // 1),
    "softmax, then log": ("large scores go wrong", by_logits(lambda s, labels: -picked(s.softmax(1), labels).log().mean())),
    "log(p + 1e-11)": ("large scores go wrong", by_logits(lambda s, labels: -(picked(s.softmax(1), labels) + 1e-11).log().mean())),
    "log(p + 1e-8)": ("large scores go wrong", by_logits(lambda s, labels: -(picked(s.softmax(1), labels) + 1e-8).log().mean())),
    "clamped": ("large scores go wrong", by_logits(lambda s, labels: -picked(s.softmax(1), labels).clamp(min=1e-12).log().mean())),
    "exponentials": ("large scores go wrong", by_logits(lambda s, labels: -(picked(s.exp(), labels) / s.exp().sum(1)).log().mean())),
    "log of the sum": ("large scores go wrong", by_logits(lambda s, labels: (s.exp().sum(1).log() - picked(s, labels)).mean())),
}


@pytest.mark.parametrize("words, mistake", CPC_NCE.values(), ids=CPC_NCE)
def test_each_usual_mistake_with_the_loss_gets_its_own_hint_on_any_input(called, words, mistake):
    called(check_cpc_nce, mistake, words, CPC_NCE, SEEDS)


def by_cross_entropy(prediction, target, k):
    return F.cross_entropy(*logits(prediction, target, k))


def by_einsum(p, t, k):
    B, d, H, W = t.shape
    s = torch.einsum("bdrc,xdyz->brcxyz", p[:, :, : H - k], t).reshape(B, H - k, W, -1)
    own = torch.einsum("bdrc,bdrc->brc", p[:, :, : H - k], t[:, :, k:])
    return (s.logsumexp(-1) - own).mean()


def all_rows_and_a_mask(prediction, target, k):
    """Every position finds something; what the last rows find does not count."""
    p, t = (z.flatten(2).mT.flatten(0, 1) for z in (prediction, target))
    B, _, H, W = target.shape
    label = torch.arange(B * H * W) + k * W
    label[torch.arange(B * H * W) // W % H >= H - k] = -100
    return F.cross_entropy(p @ t.T, label)


def in_double_precision(prediction, target, k):
    return by_cross_entropy(prediction.double(), target.double(), k)


def exponentials_in_double_precision(prediction, target, k):
    s, labels = logits(prediction.double(), target.double(), k)
    return -(picked(s.exp(), labels) / s.exp().sum(1)).log().mean()


def step_by_step(prediction, target, steps):
    total = 0
    for image in range(len(target)):
        for r in range(target.shape[2] - steps):
            for c in range(target.shape[3]):
                scores = torch.einsum("d,bdrc->brc", prediction[image, :, r, c], target)
                total = total - (scores[image, r + steps, c] - scores.flatten().logsumexp(0))
    return total / (target.shape[0] * (target.shape[2] - steps) * target.shape[3])


RIGHT = [
    *(losses.cpc_nce, position_by_position, by_cross_entropy, by_einsum, all_rows_and_a_mask),
    *(in_double_precision, exponentials_in_double_precision, step_by_step),
]


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_loss_passes_in_any_style(passes, right):
    passes(check_cpc_nce, right, SEEDS)


@pytest.mark.parametrize("mistake", [
    lambda p, t, k: losses.cpc_nce(p, t.detach(), k), lambda p, t, k: losses.cpc_nce(p.detach(), t, k),
])  # fmt: skip
def test_predictions_and_targets_must_learn(mistake):
    assert "its gradient is not: something is detached" in check_cpc_nce(mistake).hint


def test_in_the_last_input_a_softmax_is_0_for_some_targets_and_products_are_exact():
    for seed in range(20):
        prediction, target, k = list(check_cpc_nce.inputs(seed))[-1]
        s, labels = logits(prediction, target, k)
        assert (picked(s.softmax(1), labels) == 0).any() and s.equal(logits(prediction.double(), target.double(), k)[0].float())


@pytest.mark.parametrize("words, mistake", [
    ("shape (2, 3, 3); one number is needed, the mean over all predictions", lambda p, t, k: (p * t).sum(1)[:, k:]),
    ("it returns None", lambda p, t, k: None),
    ("it returns nan", lambda p, t, k: losses.cpc_nce(p, t, k) * torch.nan),
    ("it returns the Python number ", lambda p, t, k: losses.cpc_nce(p, t, k).item()),
    ("it stopped with IndexError at ", lambda p, t, k: p[9]),
])  # fmt: skip
def test_what_is_no_loss_is_told_apart(words, mistake):
    assert words in check_cpc_nce(mistake).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in CPC_NCE.values()}) == len(check_cpc_nce.mistakes)
