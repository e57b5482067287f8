"""The checks of notebook 03 beside NT-Xent: right answers pass in any style, each usual mistake is called by its name.

The mistakes are written here once more, as loops over rows and pixels that share nothing with what the checks compare with.
"""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab import geometry
from ssl_lab.checks import check_alignment, check_mean_colour_match

SEEDS = range(20)


def colour(image):
    """Average of red, green and blue."""
    return [sum(channel) / len(channel) for channel in image.flatten(1).tolist()]


def grey(image):
    return [sum(colour(image)) / 3]


def pixels(image):
    return image.flatten().tolist()


def gap(u, v):
    return sum((p - q) ** 2 for p, q in zip(u, v))


def matched(x1, x2, *, seen=colour, best=min, equal=True, scale=None):
    """One first view at a time; every option is one way to get it wrong."""
    first, second = [seen(image) for image in x1], [seen(image) for image in x2]
    hits = sum((best(range(len(second)), key=lambda j: gap(u, second[j])) == i) == equal for i, u in enumerate(first))
    return hits * (scale or 1) / (1 if scale == 1 else len(first))


def mixed(x):
    """The mean image of the batch, channel by channel."""
    return torch.stack([sum(x[i, c] for i in range(len(x))) / len(x) for c in range(3)])


COLOURS = {
    "grey": ("averages the colours away", lambda x1, x2: matched(x1, x2, seen=grey)),
    "farthest": ("farthest", lambda x1, x2: matched(x1, x2, best=max)),
    "first with first": ("with themselves", lambda x1, x2: matched(x1, x1)),
    "second with second": ("with themselves", lambda x1, x2: matched(x2, x2)),
    "second views ask": ("wrong side", lambda x1, x2: matched(x2, x1)),
    "batch averaged": ("over the batch", lambda x1, x2: matched(mixed(x1), mixed(x2), seen=pixels)),
    "all but the channels averaged": ("over the batch", lambda x1, x2: matched(mixed(x1), mixed(x2), seen=lambda channel: [float(channel.mean())])),
    "pixels": ("pixel by pixel", lambda x1, x2: matched(x1, x2, seen=pixels)),
    "count": ("it counts", lambda x1, x2: matched(x1, x2, scale=1)),
    "percent": ("percent", lambda x1, x2: matched(x1, x2, scale=100)),
    "failures": ("failures", lambda x1, x2: matched(x1, x2, equal=False)),
}


@pytest.mark.parametrize("words, wrong", COLOURS.values(), ids=COLOURS)
def test_each_usual_mistake_with_colours_gets_its_own_hint(called, words, wrong):
    called(check_mean_colour_match, wrong, words, COLOURS)


def by_distances(x1, x2):
    nearest = torch.cdist(x1.mean((2, 3)), x2.mean((2, 3))).argmin(1)
    return (nearest == torch.arange(len(x1))).float().mean()


def by_absolute_differences(x1, x2):
    a, b = x1.flatten(2).mean(2), x2.flatten(2).mean(2)
    return sum(bool((row - b).abs().sum(1).argmin() == i) for i, row in enumerate(a)) / len(a)


def by_sums_in_numpy(x1, x2):
    a, b = (x.numpy().sum((2, 3)) for x in (x1, x2))
    return np.mean(((a[:, None] - b) ** 2).sum(2).argmin(1) == np.arange(len(a)))


def by_einsum_in_double_precision(x1, x2):
    a, b = (torch.einsum("bchw->bc", x.double()) / x[0, 0].numel() for x in (x1, x2))
    return (((a[:, None] - b) ** 2).amax(2).argmin(1) == torch.arange(len(a))).sum() / len(a)


@pytest.mark.parametrize("right", [matched, by_distances, by_absolute_differences, by_sums_in_numpy, by_einsum_in_double_precision])
def test_a_right_colour_match_passes_in_any_style_and_with_any_distance(passes, right):
    passes(check_mean_colour_match, right)


def test_views_that_are_checked_are_images():
    for seed in SEEDS:
        for x1, x2 in check_mean_colour_match.inputs(seed):
            assert x1.shape == x2.shape and x1.shape[1] == 3
            assert min(x1.min(), x2.min()) >= 0 and max(x1.max(), x2.max()) <= 1


def test_a_mean_over_the_batch_never_finds_all_its_channels_again():
    """It would look like views compared with themselves."""
    for seed in range(200):
        channels = [(x1.mean((0, 2, 3)), x2.mean((0, 2, 3))) for x1, x2 in check_mean_colour_match.inputs(seed)]
        assert not all(((a[:, None] - b).abs().argmin(1) == torch.arange(3)).all() for a, b in channels)


def test_the_reference_of_mean_colour_match_is_right():
    red, green, blue = torch.eye(3).reshape(3, 3, 1, 1).expand(3, 3, 2, 4)
    first = torch.stack([red, green, blue])
    match = check_mean_colour_match.reference
    assert match(first, first) == 1
    assert match(first, torch.stack([green, red, blue])) == pytest.approx(1 / 3)
    assert match(0.9 * first + 0.1, first) == 1


def unit(u):
    return [p / math.sqrt(sum(q * q for q in u)) for p in u]


def by_row(z):
    return [unit(row) for row in z.tolist()]


def by_column(z):
    return list(zip(*[unit(column) for column in zip(*z.tolist())]))


def by_the_whole(z):
    return [[p / float(z.flatten().norm()) for p in row] for row in z.tolist()]


def aligned(z1, z2, *, rows=by_row, pair=gap, over=lambda B, d: B, pairs=lambda B: [(i, i) for i in range(B)]):
    """One pair at a time; every option is one way to get it wrong."""
    u, v = rows(z1), rows(z2)
    return sum(pair(u[i], v[j]) for i, j in pairs(len(u))) / over(*z1.shape)


def cosine(u, v):
    return sum(p * q for p, q in zip(u, v))


ALIGNMENTS = {
    "not normalised": ("not normalised", {"rows": lambda z: z.tolist()}),
    "columns": ("wrong axis", {"rows": by_column}),
    "the whole": ("wrong axis", {"rows": by_the_whole}),
    "distance": ("not squared", {"pair": lambda u, v: math.sqrt(gap(u, v))}),
    "mean of all entries": ("averages over the dimensions", {"over": lambda B, d: B * d}),
    "sum": ("sums over the batch", {"over": lambda B, d: 1}),
    "sum over the batch, mean over dimensions": ("sums over the batch", {"over": lambda B, d: d}),
    "cosine": ("gives the cosine", {"pair": cosine}),
    "minus cosine": ("gives the cosine", {"pair": lambda u, v: -cosine(u, v)}),
    "1 - cosine": ("factor of 2", {"pair": lambda u, v: 1 - cosine(u, v)}),
    "twice": ("factor of 2", {"pair": lambda u, v: 2 * gap(u, v)}),
    "all pairs": ("every first view with every second", {"pairs": lambda B: itertools.product(range(B), range(B)), "over": lambda B, d: B * B}),
    "sum of the views": ("signs are wrong", {"pair": lambda u, v: gap(u, [-p for p in v])}),
    "negative": ("signs are wrong", {"pair": lambda u, v: -gap(u, v)}),
}
OTHERS = {
    "first views normalised": ("not normalised", lambda z1, z2: sum(gap(unit(u), v) for u, v in zip(z1.tolist(), z2.tolist())) / len(z1)),
    "second views normalised": ("not normalised", lambda z1, z2: sum(gap(u, unit(v)) for u, v in zip(z1.tolist(), z2.tolist())) / len(z1)),
    "root of the mean": ("not squared", lambda z1, z2: math.sqrt(aligned(z1, z2))),
    "first with first": ("with themselves", lambda z1, z2: aligned(z1, z1)),
    "second with second": ("with themselves", lambda z1, z2: aligned(z2, z2)),
}
ALIGNED = {name: (words, lambda z1, z2, wrong=wrong: aligned(z1, z2, **wrong)) for name, (words, wrong) in ALIGNMENTS.items()} | OTHERS


@pytest.mark.parametrize("words, wrong", ALIGNED.values(), ids=ALIGNED)
def test_each_usual_mistake_with_alignment_gets_its_own_hint(called, words, wrong):
    called(check_alignment, wrong, words, ALIGNED)


def from_cosines(z1, z2):
    return 2 - 2 * F.cosine_similarity(z1, z2).mean().item()


def by_norms(z1, z2):
    u, v = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    return torch.linalg.vector_norm(u - v, dim=1).pow(2).mean()


def by_einsum_of_rows(z1, z2):
    difference = F.normalize(z1.double()) - F.normalize(z2.double())
    return torch.einsum("bd,bd->", difference, difference) / len(z1)


def in_numpy(z1, z2):
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z1.numpy(), z2.numpy()))
    return ((u - v) ** 2).sum(1).mean()


@pytest.mark.parametrize("right", [aligned, geometry.alignment, from_cosines, by_norms, by_einsum_of_rows, in_numpy])
def test_a_right_alignment_passes_in_any_style(passes, right):
    passes(check_alignment, right)


@pytest.mark.parametrize("mutants, check", [(COLOURS, check_mean_colour_match), (ALIGNED, check_alignment)])
def test_every_hint_of_the_checks_is_tested(mutants, check):
    assert len({words for words, _ in mutants.values()}) == len(check.mistakes)
