"""The check of balancing: any rows that the exercise allows pass, and each usual mistake is called by its name.

The mistakes are written class by class, on lists.
"""

import random

import pytest
import torch

from ssl_lab.checks import check_balance

SEEDS = range(3)


def mixed(rows):
    return [rows[i] for i in torch.randperm(len(rows)).tolist()]


def best(rows, sure, n):
    return sorted(rows, key=lambda i: -sure[i])[:n]


def again(rows, n):
    """Every row n // len(rows) times, and others once more, drawn at random."""
    return rows * (n // len(rows)) + mixed(rows)[: n % len(rows)]


def occurring(labels):
    return sorted(set(labels))


def as_given(n, T, sizes):
    return T


def class_by_class(confidence, labels, per_class, *, rich=best, short=again, classes=occurring, size=as_given, shown=lambda own, rows: rows):
    """per_class rows of every class; every option is one way to get it wrong.   size: how many of a class, made of n, per_class and all sizes."""
    sure, y, found = confidence.tolist(), labels.tolist(), []
    sizes = [y.count(j) for j in set(y)]
    for j in classes(y):
        own = [i for i, label in enumerate(y) if label == j]
        n = size(len(own), per_class, sizes)
        found += shown(own, rich(own, sure, n) if len(own) >= n else short(own, n))
    return torch.tensor(found, dtype=torch.long)


def wrong(**options):
    return lambda *given: class_by_class(*given, **options)


def drawn(rows, n):
    return [random.choice(rows) for _ in range(n)]


def bernoulli(confidence, labels, per_class):
    """As the authors' code: of 1.4 copies, one or two."""
    counts = labels.bincount()
    copies = per_class / counts[labels].double()
    times = copies.floor() + (torch.rand(len(labels)) < copies % 1)
    return torch.arange(len(labels)).repeat_interleave(times.long())


def most_confident_of_all(confidence, labels, per_class):
    return confidence.topk(per_class).indices


def filtered_again(confidence, labels, per_class):
    """A threshold in it, though the filter came before: the least confident row of each class is lost, and the others fill its place."""
    kept = torch.ones(len(labels), dtype=torch.bool)
    for j in labels.unique():
        rows = (labels == j).nonzero().flatten()
        kept[rows[confidence[rows].argmin()]] = len(rows) == 1
    rows = kept.nonzero().flatten()
    return rows[class_by_class(confidence[kept], labels[kept], per_class)]


BALANCE = {
    "a table": ("no list of row numbers", lambda *given: class_by_class(*given)[:, None]),
    "one row": ("no list of row numbers", lambda *given: class_by_class(*given)[0]),
    "nothing": ("no rows are returned", lambda *given: class_by_class(*given)[:0]),
    "from 1 on": ("out of range", lambda *given: class_by_class(*given) + 1000),
    "below 0": ("out of range", lambda *given: -1 - class_by_class(*given)),
    "classes": ("numbers of classes", lambda confidence, labels, T: labels[class_by_class(confidence, labels, T)]),
    "first class": ("only one class", wrong(classes=lambda y: occurring(y)[:1])),
    "last class": ("only one class", wrong(classes=lambda y: occurring(y)[-1:])),
    "of all together": ("altogether", most_confident_of_all),
    "a share of each class": ("altogether", wrong(size=lambda n, T, sizes: T // len(sizes))),
    "places within": ("places within a class", wrong(shown=lambda own, rows: [own.index(i) for i in rows])),
    "short classes discarded": ("short classes are left out", wrong(short=lambda rows, n: [])),
    "without the last class": ("a class is never there", wrong(classes=lambda y: occurring(y)[:-1])),
    "without the first class": ("a class is never there", wrong(classes=lambda y: occurring(y)[1:])),
    "as the smallest": ("cut to the smallest", wrong(size=lambda n, T, sizes: min(sizes))),
    "as the largest": ("filled up to the largest", wrong(size=lambda n, T, sizes: max(sizes))),
    "all rows once": ("as large as before", lambda confidence, labels, T: torch.arange(len(labels))),
    "not cut": ("rich classes are not cut", wrong(rich=lambda rows, sure, n: rows)),
    "a maximum": ("only a maximum", wrong(short=lambda rows, n: rows)),
    "no rest": ("the rest is missing", wrong(short=lambda rows, n: rows * (n // len(rows)))),
    "whole copies": ("whole copies", wrong(short=lambda rows, n: rows * -(-n // len(rows)))),
    "Bernoulli": ("do not come equally often: each gives exactly", bernoulli),
    "one too many": ("do not come equally often: each gives exactly", wrong(size=lambda n, T, sizes: T + 1)),
    "rich with replacement": ("comes twice", wrong(rich=lambda rows, sure, n: drawn(rows, n))),
    "least confident": ("least confident", wrong(rich=lambda rows, sure, n: best(rows, [-p for p in sure], n))),
    "first rows": ("first or last rows", wrong(rich=lambda rows, sure, n: rows[:n])),
    "last rows": ("first or last rows", wrong(rich=lambda rows, sure, n: rows[-n:])),
    "at random": ("cut at random", wrong(rich=lambda rows, sure, n: mixed(rows)[:n])),
    "the middle": ("other rows of a rich class", wrong(rich=lambda rows, sure, n: best(rows, sure, n + 1)[-n:])),
    "a filter in it": ("a row of a short class is missing", filtered_again),
    "short with replacement": ("a row of a short class is missing", wrong(short=drawn)),
    "all to the first": ("rest goes to one row", wrong(short=lambda rows, n: rows * (n // len(rows)) + rows[:1] * (n % len(rows)))),
    "each once, then drawn": ("short class do not come equally", wrong(short=lambda rows, n: rows + drawn(rows, n - len(rows)))),
    "each once, then the first": ("short class do not come equally", wrong(short=lambda rows, n: rows + rows[:1] * (n - len(rows)))),
    "stops at a gap": ("where a class has no rows", wrong(classes=lambda y: range(max(y) + 1))),
}


@pytest.mark.parametrize("words, mistake", BALANCE.values(), ids=BALANCE)
def test_each_usual_mistake_with_the_balance_gets_its_own_hint(called, words, mistake):
    called(check_balance, mistake, words, BALANCE, SEEDS)


def with_tensors(confidence, labels, per_class, seed=0):
    found = []
    for label in labels.unique():
        rows = (labels == label).nonzero().flatten()
        if len(rows) >= per_class:
            found.append(rows[confidence[rows].topk(per_class).indices])
        else:
            more = rows[torch.randperm(len(rows))[: per_class % len(rows)]]
            found.append(torch.cat([rows.repeat_interleave(per_class // len(rows)), more]))
    return torch.cat(found)


def gaps_skipped(confidence, labels, per_class):
    """Every class up to the largest; the rest goes to the most confident."""
    found = []
    for j in range(int(labels.max()) + 1):
        rows = [i for i in confidence.argsort(descending=True).tolist() if labels[i] == j]
        found += [rows[i % len(rows)] for i in range(per_class)] if rows else []
    return torch.tensor(found, dtype=torch.int32)


@pytest.mark.parametrize("right", [class_by_class, with_tensors, gaps_skipped, lambda *given: class_by_class(*given).flip(0)])
def test_right_rows_pass_however_they_are_found_and_in_any_order(passes, right):
    passes(check_balance, right, SEEDS)


@pytest.mark.parametrize("words, fn", [
    ("where this mask is True", lambda confidence, labels, T: confidence > 0.5),
    ("in place of the value", lambda *given: given[0][class_by_class(*given)]),
    ("returns a list", lambda *given: class_by_class(*given).tolist()),
])
def test_what_are_no_row_numbers_is_said(words, fn):
    assert words in check_balance(fn).hint
