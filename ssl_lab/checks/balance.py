"""The third exercise of notebook 01: as many pseudo-labelled images of every class, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.drawn import Drawn
from ssl_lab.pseudo_labels import balance

SIZES = [  # images of each class, per_class
    ((3, 9, 2, 7, 5), 5),
    ((4, 2, 12, 7), 8),
    ((10, 14, 3, 1), 7),
    ((0, 6, 0, 2, 9), 5),  # two classes have none
]


def pseudo_labelled(seed: int) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Confidences and classes of images in a random order, of classes with too many and too few; the first always the same."""
    for number, (sizes, per_class) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        classes, confidence, labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)), torch.zeros(0), torch.zeros(0)
        while not len(labels) or not suits(confidence, labels, per_class):
            labels = classes[torch.randperm(len(classes), generator=draw)]
            confidence = 0.3 + 0.7 * torch.rand(len(labels), generator=draw)
        yield confidence, labels, per_class


def suits(confidence: Tensor, labels: Tensor, per_class: int) -> bool:
    """Whether in each rich class the most confident are neither its first rows nor its last, and those of all rows are not of one class."""
    rich = [rows for rows in Found([], confidence, labels, per_class).classes if len(rows) > per_class]
    ends = [end for rows in rich for end in (rows.sort().values[:per_class], rows.sort().values[-per_class:])]
    best = [set(rows[:per_class].tolist()) for rows in rich]
    return not any(set(end.tolist()) in best for end in ends) and len(labels[confidence.topk(per_class).indices].unique()) > 1


class Found:
    """What the answers did.

    counts: (times, M), how often each row came.   classes: the rows of each class that has any, the most confident first.   T: per_class.
    """

    def __init__(self, answers: list[Tensor], confidence: Tensor, labels: Tensor, per_class: int):
        order = confidence.argsort(descending=True)
        self.T, self.classes = per_class, [order[labels[order] == label] for label in labels.unique()]
        self.counts = torch.stack([rows.long().bincount(minlength=len(labels)) for rows in answers]) if answers else torch.zeros(0, len(labels))
        self.short, self.rich = [rows for rows in self.classes if len(rows) < self.T], [rows for rows in self.classes if len(rows) > self.T]
        self.sizes = torch.tensor([len(rows) for rows in self.classes])
        self.taken = torch.stack([self.counts[:, rows].sum(1) for rows in self.classes], 1)  # how often each class came

    def took(self, numbers: Callable[[int], int], among: Callable[[int], bool] = lambda n: True) -> bool:
        """Whether classes came as often as these numbers say, made of their sizes; `among`: of which sizes. Not where all came as they should."""
        which = [i for i, n in enumerate(self.sizes.tolist()) if among(n)]
        wanted = torch.tensor([numbers(n) for n in self.sizes[which].tolist()])
        return bool(which) and bool((wanted != self.T).any()) and bool((self.taken[:, which] == wanted).all())

    def chose(self, places: slice) -> bool:
        """Whether of every rich class these places of the order by confidence came."""
        return len(self.rich) > 0 and all(bool((self.counts[:, rows[places]] == 1).all()) for rows in self.rich)

    def repeated(self, rows: Tensor) -> Tensor:
        """How often rows of a short class came, the most frequent first, beside what each must come at least: (times, n)."""
        return self.counts[:, rows].sort(1, descending=True).values - self.T // len(rows)


def sign(holds: Callable[[Found], Tensor | bool]) -> tuple[Callable[..., bool]]:
    """A sign that is read of what was found."""
    return (lambda *given: bool(holds(Found(*given))),)


def listed(holds: Callable[[Tensor, Tensor, int], bool]) -> tuple[Callable[..., bool]]:
    """A sign that every answer shows, made of its rows, the labels and per_class."""
    return (lambda answers, confidence, labels, per_class: all(holds(rows, labels, per_class) for rows in answers),)


def first_rows(found: Found) -> bool:
    """Whether of every rich class the first or the last rows came, by their numbers."""
    ends = [rows.sort().values for rows in found.rich]
    return any(len(ends) > 0 and all(bool((found.counts[:, end[cut]] == 1).all()) for end in ends) for cut in (slice(found.T), slice(-found.T, None)))


def to_one(found: Found) -> bool:
    """Whether the rest of each short class goes to one row, and is more than one row somewhere."""
    rests = [(found.T % len(rows), found.repeated(rows)) for rows in found.short]
    return any(rest > 1 for rest, _ in rests) and all(bool((more[:, 0] == rest).all()) for rest, more in rests)


BALANCE = {
    "the result is no list of row numbers: return them in one tensor, of shape (n,)": (
        lambda answers, *given: any(rows.dim() != 1 for rows in answers),
    ),
    "no rows are returned: every class that has rows gives per_class of them": listed(lambda rows, labels, T: len(rows) == 0),
    "a row number is out of range: the rows are numbered from 0 to M − 1": (
        lambda answers, confidence, labels, T: any(bool(((rows < 0) | (rows >= len(labels))).any()) for rows in answers),
    ),
    "numbers of classes are returned: return numbers of rows, which belong to them": listed(
        lambda rows, labels, T: bool((rows <= labels.max()).all())
    ),
    "only one class is there: go through all of them (is `return` inside the loop?)": sign(lambda found: ((found.taken > 0).sum(1) == 1).all()),
    "these are at most per_class rows altogether: take per_class of each class": listed(lambda rows, labels, T: len(rows) <= T),
    "places within a class are returned: look up which row stands there, among the rows (labels == j).nonzero()": listed(
        lambda rows, labels, T: bool((rows < labels.bincount().max()).all())
    ),
    "short classes are left out: repeat their rows until they are per_class": sign(
        lambda found: len(found.short) > 0 and all(bool((found.counts[:, rows] == 0).all()) for rows in found.short)
    ),
    "a class is never there: all that have rows come equally often (does the range end too early?)": sign(
        lambda found: (found.taken == 0).all(0).any()
    ),
    "all classes are cut to the smallest: each gives per_class rows, a short one gives its own more than once": sign(
        lambda found: found.took(lambda n: int(found.sizes.min()))
    ),
    "all classes are filled up to the largest: each gives per_class rows": sign(lambda found: found.took(lambda n: int(found.sizes.max()))),
    "the classes are as large as before: cut the rich ones at per_class, and repeat the rows of the short ones": sign(
        lambda found: found.took(lambda n: n)
    ),
    "rich classes are not cut: of a class with more than per_class rows, keep the per_class most confident": sign(
        lambda found: found.took(lambda n: n, lambda n: n > found.T)
    ),
    "per_class is only a maximum here: repeat the rows of a shorter class until they are per_class": sign(
        lambda found: found.took(lambda n: n, lambda n: n < found.T)
    ),
    "the rest is missing: after per_class // n times all n rows, per_class % n of them come once more": sign(
        lambda found: found.took(lambda n: found.T // n * n, lambda n: n < found.T)
    ),
    "a short class comes more than per_class times: whole copies are too many, so cut them at per_class": sign(
        lambda found: found.took(lambda n: -(-found.T // n) * n, lambda n: n < found.T) and (found.taken[:, found.sizes > found.T] == found.T).all()
    ),
    "classes do not come equally often: each gives exactly per_class rows": sign(lambda found: (found.taken != found.T).any()),
    "a row of a rich class comes twice: it has per_class different ones": sign(
        lambda found: any((found.counts[:, rows] > 1).any() for rows in found.rich)
    ),
    "the least confident rows of a rich class are kept: sort in descending order, or take topk": sign(
        lambda found: found.chose(slice(-found.T, None))
    ),
    "the first or last rows of a rich class are kept: keep the most confident": sign(first_rows),
    "a rich class is cut at random: keep its per_class most confident rows": sign(
        lambda found: any((found.counts[:, rows] != found.counts[0, rows]).any() for rows in found.rich)
    ),
    "other rows of a rich class are kept than the most confident: is the order that of all rows, or of this class?": sign(
        lambda found: len(found.rich) > 0 and not found.chose(slice(found.T))
    ),
    "a row of a short class is missing: each comes at least once (the threshold belongs to the filter, which comes before)": sign(
        lambda found: any((found.counts[:, rows] == 0).any() for rows in found.classes if len(rows) <= found.T)
    ),
    "the rest goes to one row: the per_class % n rows that come once more are different ones": sign(to_one),
    "the rows of a short class do not come equally often: each comes per_class // n times, and per_class % n of them once more": sign(
        lambda found: any((found.repeated(rows)[:, 0] > 1).any() for rows in found.short)
    ),
}

GAPS = "it goes wrong where a class has no rows: numbers may be missing among the labels, so go through labels.unique()"

check_balance = Drawn("balance", balance, pseudo_labelled, BALANCE, Kind.WHOLE, only={len(SIZES) - 1: GAPS})
