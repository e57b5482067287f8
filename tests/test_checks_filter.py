"""The check of the filter: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one image at a time, on lists.
"""

import math
import operator

import pytest
import torch

from ssl_lab.checks import check_filter

SEEDS = range(4)


def by_images(probs, threshold, *, of=max, above=operator.ge, shown=lambda i, row: [i], order=lambda rows, probs: rows, limit=lambda t: t):
    """The rows whose number, made of their probabilities, is above the limit; every option is one way to get it wrong."""
    p = probs.tolist()
    found = [i for i, row in enumerate(p) if above(of(row), limit(threshold))]
    return torch.tensor([x for i in order(found, p) for x in shown(i, p[i])], dtype=torch.long)


def wrong(**options):
    return lambda probs, threshold: by_images(probs, threshold, **options)


def mean(row):
    return sum(row) / len(row)


def place_of_the_highest(row):
    return row.index(max(row))


def softmax_again(row):
    weights = [math.exp(p) for p in row]
    return max(weights) / sum(weights)


def surest_first(rows, p):
    return sorted(rows, key=lambda i: -max(p[i]))


def each_class(probs, threshold):
    return torch.tensor([i for i, row in enumerate(probs.tolist()) for p in row if p >= threshold])


def pairs(probs, threshold):
    return torch.tensor([(i, c) for i, row in enumerate(probs.tolist()) for c, p in enumerate(row) if p >= threshold])


def zeros_and_ones(probs, threshold):
    return torch.tensor([int(max(row) >= threshold) for row in probs.tolist()])


def with_gaps(gap):
    return lambda probs, threshold: torch.tensor([i if max(row) >= threshold else gap for i, row in enumerate(probs.tolist())])


FILTER = {
    "above only": ("at the threshold", wrong(above=operator.gt)),
    "below": ("the unsure images stay", wrong(above=operator.lt)),
    "at most": ("the unsure images stay", wrong(above=operator.le)),
    "mean": ("no image stays", wrong(of=mean)),
    "lowest": ("no image stays", wrong(of=min)),
    "sum": ("every image stays", wrong(of=lambda row: round(sum(row), 9))),
    "no threshold": ("every image stays", wrong(limit=lambda t: 0)),
    "over the images": ("over the images", lambda probs, t: by_images(probs.T, t)),
    "each class": ("once for each of its classes", each_class),
    "pairs": ("pairs of row and class", pairs),
    "a column": ("the result is a column", lambda probs, t: by_images(probs, t)[:, None]),
    "classes": ("numbers of classes", wrong(shown=lambda i, row: [place_of_the_highest(row)])),
    "classes of all": ("numbers of classes", wrong(shown=lambda i, row: [place_of_the_highest(row)], limit=lambda t: 0)),
    "argmax for amax": ("number of the class is compared", wrong(of=place_of_the_highest)),
    "surest first": ("another order", wrong(order=surest_first)),
    "surest last": ("another order", wrong(order=lambda rows, p: surest_first(rows, p)[::-1])),
    "first class": ("only one class", wrong(of=lambda row: row[0])),
    "last class": ("only one class", wrong(of=lambda row: row[-1])),
    "always 0.3": ("fixed number", wrong(limit=lambda t: 0.3)),
    "always 0.5": ("fixed number", wrong(limit=lambda t: 0.5)),
    "always 0.9": ("fixed number", wrong(limit=lambda t: 0.9)),
    "softmax": ("softmax is taken again", wrong(of=softmax_again)),
    "zeros and ones": ("mask of 0 and 1", zeros_and_ones),
    "values cut off": ("values are returned", wrong(shown=lambda i, row: [int(max(row))])),
    "0 for the others": ("leave a number behind", with_gaps(0)),
    "-1 for the others": ("leave a number behind", with_gaps(-1)),
    "from 1": ("numbered from 1", wrong(shown=lambda i, row: [i + 1])),
    "return in the loop": ("only one row", wrong(order=lambda rows, p: rows[:1])),
    "the last": ("only one row", lambda probs, t: by_images(probs, t)[-1]),
    "how many": ("rows are counted", lambda probs, t: torch.tensor(len(by_images(probs, t)))),
    "a mask": ("where this mask is True", lambda probs, t: probs.amax(1) >= t),
    "values": ("in place of the value", lambda probs, t: probs.amax(1)[by_images(probs, t)]),
    "rows of probabilities": ("in place of the value", lambda probs, t: probs[by_images(probs, t)]),
}


@pytest.mark.parametrize("words, mistake", FILTER.values(), ids=FILTER)
def test_each_usual_mistake_with_the_filter_gets_its_own_hint(called, words, mistake):
    called(check_filter, mistake, words, FILTER, SEEDS)


def in_numpy(probs, threshold):
    return torch.from_numpy((probs.numpy().max(axis=1) >= threshold).nonzero()[0])


def with_where(probs, threshold):
    confidence, _ = probs.max(dim=1)
    return torch.where(confidence >= threshold)[0].int()


def by_any(probs, threshold=0.3):
    return (probs >= threshold).any(dim=1).nonzero(as_tuple=True)[0]


@pytest.mark.parametrize("right", [by_images, in_numpy, with_where, by_any])
def test_a_right_filter_passes_in_any_style(passes, right):
    passes(check_filter, right, SEEDS)
