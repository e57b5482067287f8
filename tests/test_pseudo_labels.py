"""Filter and balance, against lists and loops, and each usual mistake against these; what a teacher is asked; which teachers and images are refused.

What the method makes of it stands in test_methods_noisy_student.py.
"""

import copy
import inspect
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dummies.promises import breaks, keeps
from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.pseudo_labels import answered, ask, balance, check, check_teacher, filter, filter_and_balance, question
from ssl_lab.stream import generator

DRAWN = settings(max_examples=50, derandomize=True, deadline=None, database=None)
ROWS = {"seed": st.integers(0, 2**32), "N": st.integers(0, 30), "C": st.integers(1, 5), "levels": st.integers(1, 9)}


def rows_of(seed: int, N: int, C: int, levels: int) -> torch.Tensor:
    """N rows of C probabilities; the fewer levels, the more ties, and the emptier some classes."""
    p = torch.randint(1, levels + 1, (N, C), generator=generator(seed)).float() ** 2
    return p / p.sum(1, keepdim=True)


def two(a: int = 30, b: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    """Confidences and classes of a images of class 0 and b of class 1, mixed."""
    labels = torch.tensor([0] * a + [1] * b)[torch.randperm(a + b, generator=generator(0))]
    return torch.rand(a + b, generator=generator(1)), labels


# ---- promises of filter


def it_keeps_what_reaches_the_threshold_in_its_order(filter):
    for seed in range(20):
        p = rows_of(seed, 20, 4, 4)
        for threshold in (0.0, 0.3, 0.5, 0.8, 1.0):
            expected = [i for i, row in enumerate(p.tolist()) if max(row) >= torch.tensor(threshold).item()]
            assert filter(p, threshold).tolist() == expected


def a_confidence_of_the_threshold_itself_is_kept(filter):
    p = torch.tensor([[0.3, 0.25, 0.25, 0.2], [0.5, 0.5, 0, 0], [1, 0, 0, 0], [0.29, 0.27, 0.22, 0.22]])
    assert [filter(p, t).tolist() for t in (0.3, 0.5, 1.0, 1.1)] == [[0, 1, 2], [1, 2], [2], []]


# ---- promises of balance


def short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn(balance):
    """methods.md: {A: 30, B: 120}, target 60 → A 60, each twice; B 60, all distinct."""
    confidence, labels = two()
    times = balance(confidence, labels, 60).bincount(minlength=150)
    assert times[labels == 0].tolist() == [2] * 30
    best = sorted((i for i in range(150) if labels[i] == 1), key=lambda i: -confidence[i])[:60]
    assert [i for i in range(150) if labels[i] == 1 and times[i] == 1] == sorted(best) and times.sum() == 120


def every_class_that_is_there_gets_its_number(balance):
    for seed in range(30):
        p = rows_of(seed, 25, 5, 3)
        confidence, labels = p.max(1)
        for n in (1, 3, 8, 25, 40):
            found = balance(confidence, labels, n)
            assert found.dtype == torch.int64 and labels[found].tolist() == [c for c in range(5) for _ in range(n) if c in labels]


def rows_of_a_short_class_come_equally_often(balance):
    confidence, labels = two(7, 50)
    for n in (7, 8, 13, 14, 30):
        times = balance(confidence, labels, n).bincount(minlength=57)[labels == 0]
        assert sorted(times.tolist()) == [n // 7] * (7 - n % 7) + [n // 7 + 1] * (n % 7)


def the_seed_draws_which_rows_come_once_more(balance):
    """Each as often as another, and none because it is the more confident one."""
    confidence, labels = two(8, 20)
    assert torch.equal(balance(confidence, labels, 11, 5), balance(confidence, labels, 11, 5))
    more = torch.zeros(28)
    for seed in range(200):
        more += balance(confidence, labels, 11, seed).bincount(minlength=28) - 1
    more = more[labels == 0]
    assert more.sum() == 600 and ((more - 75).abs() < 30).all()


def nothing_but_the_seed_draws(balance):
    confidence, labels = two(8, 20)
    torch.manual_seed(0)
    state, found = torch.get_rng_state(), balance(confidence, labels, 11)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(balance(confidence, labels, 11), found)


def equally_confident_rows_come_in_their_order(balance):
    confidence, labels = torch.tensor([0.5, 0.7, 0.5, 0.5, 0.7, 0.5]), torch.zeros(6).long()
    assert [sorted(balance(confidence, labels, n).tolist()) for n in (1, 2, 3, 4)] == [[1], [1, 4], [0, 1, 4], [0, 1, 2, 4]]


def labels_need_not_be_contiguous(balance):
    assert sorted(balance(torch.tensor([0.9, 0.8, 0.7]), torch.tensor([7, 2, 7]), 2).tolist()) == [0, 1, 1, 2]


# ---- promises of both together


def only_what_passes_is_drawn_however_short_its_class(filter_and_balance):
    """One row of class 0 is sure, and five are not: the sure one comes eight times."""
    p = torch.tensor([[0.9, 0.1]] + [[0.55, 0.45]] * 5 + [[0.2, 0.8]] * 8)
    found = filter_and_balance(p, 0.7, 8)
    assert found.bincount(minlength=14).tolist() == [8, *[0] * 5, *[1] * 8]


def it_is_a_filter_and_then_a_balance(filter_and_balance):
    for seed in range(20):
        p = rows_of(seed, 30, 4, 4)
        passed = [i for i, row in enumerate(p) if row.max() >= 0.4]
        confidence, labels = p[passed].max(1)
        for n in (2, 9):
            expected = [passed[i] for i in balance(confidence, labels, n, seed).tolist()]
            assert filter_and_balance(p, 0.4, n, seed).tolist() == expected


def per_class_is_the_mean_of_those_that_pass_over_classes_that_are_found(filter_and_balance):
    p = torch.tensor([[0.9, 0.1, 0]] * 5 + [[0.1, 0.9, 0]] * 2 + [[0.4, 0.3, 0.3]] * 9)
    times = filter_and_balance(p, 0.5).bincount(minlength=16)
    assert times[:5].sum() == 3 and times[5:7].sum() == 3 and times[7:].sum() == 0  # 7 // 2


def of_few_every_class_still_gets_one(filter_and_balance):
    assert filter_and_balance(torch.eye(3), 0.5).tolist() == [0, 1, 2]
    assert filter_and_balance(torch.eye(3)[:1], 0.5).tolist() == [0]


# ---- the library keeps them


OF = {
    filter: [it_keeps_what_reaches_the_threshold_in_its_order, a_confidence_of_the_threshold_itself_is_kept],
    balance: [
        short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn, every_class_that_is_there_gets_its_number,
        rows_of_a_short_class_come_equally_often, the_seed_draws_which_rows_come_once_more, nothing_but_the_seed_draws,
        equally_confident_rows_come_in_their_order, labels_need_not_be_contiguous,
    ],
    filter_and_balance: [
        only_what_passes_is_drawn_however_short_its_class, it_is_a_filter_and_then_a_balance,
        per_class_is_the_mean_of_those_that_pass_over_classes_that_are_found, of_few_every_class_still_gets_one,
    ],
}  # fmt: skip


@pytest.mark.parametrize("function, promise", [(f, promise) for f, promises in OF.items() for promise in promises], ids=lambda thing: thing.__name__)
def test_the_promise_is_kept(function, promise):
    promise(function)


def slow(p: torch.Tensor, threshold: float, per_class: int | None) -> tuple[dict[int, int], dict[int, int]]:
    """How often a row comes at least, and at most, on lists."""
    classes = {}
    for i, row in enumerate(p.tolist()):
        if max(row) >= torch.tensor(threshold).item():
            classes.setdefault(row.index(max(row)), []).append((-max(row), i))
    n = per_class or max(1, sum(map(len, classes.values())) // max(1, len(classes)))
    low, high = dict.fromkeys(range(len(p)), 0), dict.fromkeys(range(len(p)), 0)
    for rows in classes.values():
        for place, (_, i) in enumerate(sorted(rows)):
            many = n >= len(rows)
            low[i] = n // len(rows) if many else int(place < n)
            high[i] = math.ceil(n / len(rows)) if many else int(place < n)
    return low, high


@DRAWN
@given(**ROWS, threshold=st.sampled_from([0.0, 0.3, 0.5, 0.9]), per_class=st.none() | st.integers(1, 40))
def test_any_probabilities_are_filtered_and_balanced_as_lists_are(seed, N, C, levels, threshold, per_class):
    p = rows_of(seed, N, C, levels)
    found = filter_and_balance(p, threshold, per_class, seed)
    low, high = slow(p, threshold, per_class)
    times = found.bincount(minlength=max(N, 1)).tolist()
    assert all(low[i] <= times[i] <= high[i] for i in range(N)) and found.dtype == torch.int64
    counts = {c: labels.tolist().count(c) for labels in [p.argmax(1)[found] if N else found] for c in labels.tolist()}
    assert len(set(counts.values())) <= 1 and counts.keys() == {int(p[i].argmax()) for i in range(N) if high[i]}
    assert torch.equal(found, filter_and_balance(p, threshold, per_class, seed))


def test_of_no_rows_none_is_drawn():
    for N, C in ((0, 3), (0, 1)):
        p = torch.empty(N, C)
        assert filter(p).tolist() == filter_and_balance(p).tolist() == filter_and_balance(p, 0.3, 5).tolist() == []
    assert filter_and_balance(torch.full((4, 4), 0.25), 0.3).tolist() == []
    assert balance(torch.empty(0), torch.empty(0).long(), 3).dtype == torch.int64


def test_a_row_that_is_no_number_never_passes():
    p = torch.tensor([[math.nan, math.nan], [0.9, 0.1]])
    assert filter(p, 0.0).tolist() == filter_and_balance(p, 0.0).tolist() == [1]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, math.nan])
def test_a_number_of_each_class_below_one_is_refused(wrong):
    confidence, labels = two(3, 3)
    with pytest.raises(InputError, match=f"per_class={wrong} must be a whole number from 1; images of each class"):
        inspect.unwrap(balance)(confidence, labels, wrong)


def test_what_is_given_stays_as_it_is_and_no_default_of_torch_matters():
    p = rows_of(0, 30, 4, 9)
    before, expected = p.clone(), filter_and_balance(p, 0.3, 12, 3)
    with torch.device("meta"):
        assert torch.equal(filter_and_balance(p, 0.3, 12, 3), expected)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(filter_and_balance(p, 0.3, 12, 3), expected)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(p, before)
    assert torch.equal(filter_and_balance(p.double(), 0.3, 12, 3), expected)


# ---- the usual mistakes


def made(confidence, labels, per_class, seed=0, rich=None, short=None, classes=None, draw=None):
    """balance, with one of its parts done otherwise."""
    draw, found = draw or generator(seed), [labels[:0]]
    for c in classes or labels.unique().tolist():
        rows = (labels == c).nonzero().flatten()
        if len(rows) >= per_class:
            found.append((rich or (lambda rows, n: rows[confidence[rows].argsort(descending=True, stable=True)][:n]))(rows, per_class))
        elif len(rows):
            mixed = rows[torch.randperm(len(rows), generator=draw)]
            found.append((short or (lambda rows, n: torch.cat([rows.repeat(n // len(rows)), rows[: n % len(rows)]])))(mixed, per_class))
    return torch.cat(found)


def otherwise(**parts):
    return lambda *rows: made(*rows, **parts)


def least(confidence, labels, per_class, seed=0):
    return balance(-confidence, labels, per_class, seed)


def of_all(confidence, labels, per_class, seed=0):
    return confidence.topk(min(len(labels), per_class * len(labels.unique()))).indices


def to_the_smallest(confidence, labels, per_class, seed=0):
    return balance(confidence, labels, min(per_class, int(labels.bincount()[labels.unique()].min())), seed)


def reversed_ties(confidence, labels, per_class, seed=0):
    return len(labels) - 1 - balance(confidence.flip(0), labels.flip(0), per_class, seed)


def without_a_seed(confidence, labels, per_class, seed=0):
    return balance(confidence, labels, per_class, int(torch.randint(99, ())))


def one_seed(confidence, labels, per_class, seed=0):
    return balance(confidence, labels, per_class, 0)


def as_the_authors(confidence, labels, per_class, seed=0):
    """Of 1.4 copies, one or two; of 0.65, none or one."""
    copies = per_class / labels.bincount()[labels].double()
    times = copies.floor() + (torch.rand(len(labels), generator=generator(seed)) < copies % 1)
    return torch.arange(len(labels)).repeat_interleave(times.long())


def with_replacement(rows, n):
    return rows[torch.randint(len(rows), (n,), generator=generator(0))]


def the_first_again(rows, n):
    return torch.cat([rows.sort().values.repeat(n // len(rows)), rows.sort().values[: n % len(rows)]])


def mixed_up(p, threshold=0.3, per_class=None, seed=0):
    """Rows of what has passed, taken as rows of the data."""
    passed = filter(p, threshold)
    return balance(*p[passed].max(1), per_class or max(1, len(passed) // max(1, len(p[passed].argmax(1).unique()))), seed)


def after(p, threshold=0.3, per_class=None, seed=0):
    found = balance(*p.max(1), per_class or len(p) // p.shape[1], seed)
    return found[p[found].amax(1) >= threshold]


def filling(p, threshold=0.3, per_class=None, seed=0):
    """A class with too few sure rows is filled with unsure ones."""
    return balance(*p.max(1), per_class or 3, seed)


def mean_of_all(p, threshold=0.3, per_class=None, seed=0):
    """Over classes of which none is found, too."""
    return filter_and_balance(p, threshold, per_class or max(1, len(filter(p, threshold)) // p.shape[1]), seed)


def mean_before(p, threshold=0.3, per_class=None, seed=0):
    """Of all rows, those that do not pass, too."""
    return filter_and_balance(p, threshold, per_class or max(1, len(p) // len(p[filter(p, threshold)].argmax(1).unique())), seed)


def of_the_largest(p, threshold=0.3, per_class=None, seed=0):
    return filter_and_balance(p, threshold, per_class or int(p[filter(p, threshold)].argmax(1).bincount().max()), seed)


def without_one(p, threshold=0.3, per_class=None, seed=0):
    passed = filter(p, threshold)
    n = per_class or len(passed) // p.shape[1]
    return filter_and_balance(p, threshold, n, seed) if n else passed[:0]


WRONG = {
    "above, not at the threshold": (lambda p, t: (p.amax(1) > t).nonzero().flatten(), a_confidence_of_the_threshold_itself_is_kept),
    "any class above": (lambda p, t: (p >= t).nonzero()[:, 0], it_keeps_what_reaches_the_threshold_in_its_order),
    "the lowest above": (lambda p, t: (p.amin(1) >= t).nonzero().flatten(), it_keeps_what_reaches_the_threshold_in_its_order),
    "the first class": (lambda p, t: (p[:, 0] >= t).nonzero().flatten(), it_keeps_what_reaches_the_threshold_in_its_order),
    "a mask": (lambda p, t: (p.amax(1) >= t).long(), it_keeps_what_reaches_the_threshold_in_its_order),
    "below": (lambda p, t: (p.amax(1) < t).nonzero().flatten(), it_keeps_what_reaches_the_threshold_in_its_order),
    "by confidence": (lambda p, t: p.amax(1).argsort(descending=True)[: len(filter(p, t))], it_keeps_what_reaches_the_threshold_in_its_order),
    "short ones are left out": (otherwise(short=lambda rows, n: rows[:0]), short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "short ones stay short": (otherwise(short=lambda rows, n: rows), short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "rich ones stay rich": (otherwise(rich=lambda rows, n: rows), short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "the first of rich ones": (otherwise(rich=lambda rows, n: rows[:n]), short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "some of rich ones": (otherwise(rich=with_replacement), short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "the least confident": (least, short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "the most confident of all": (of_all, short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "to the smallest class": (to_the_smallest, short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "the authors' copies": (as_the_authors, short_classes_are_repeated_and_of_rich_ones_the_most_confident_are_drawn),
    "whole copies only": (otherwise(short=lambda rows, n: rows.repeat(n // len(rows))), every_class_that_is_there_gets_its_number),
    "one copy too many": (otherwise(short=lambda rows, n: rows.repeat(-(-n // len(rows)))), every_class_that_is_there_gets_its_number),
    "not the last class": (lambda s, y, n, seed=0: made(s, y, n, seed, classes=[*range(y.max())]), every_class_that_is_there_gets_its_number),
    "with replacement": (otherwise(short=with_replacement), rows_of_a_short_class_come_equally_often),
    "one row again and again": (otherwise(short=lambda rows, n: torch.cat([rows, rows[:1].repeat(n - len(rows))])),
                                rows_of_a_short_class_come_equally_often),
    "the first once more": (otherwise(short=the_first_again), the_seed_draws_which_rows_come_once_more),
    "one seed": (one_seed, the_seed_draws_which_rows_come_once_more),
    "no seed": (without_a_seed, nothing_but_the_seed_draws),
    "ties from the end": (reversed_ties, equally_confident_rows_come_in_their_order),
    "labels from 0 on": (lambda s, y, n, seed=0: made(s, y, n, seed, classes=[*range(len(y.unique()))]), labels_need_not_be_contiguous),
    "rows of those that passed": (mixed_up, it_is_a_filter_and_then_a_balance),
    "the filter after the balance": (after, only_what_passes_is_drawn_however_short_its_class),
    "no filter": (filling, only_what_passes_is_drawn_however_short_its_class),
    "the mean of all classes": (mean_of_all, per_class_is_the_mean_of_those_that_pass_over_classes_that_are_found),
    "the mean of all rows": (mean_before, per_class_is_the_mean_of_those_that_pass_over_classes_that_are_found),
    "as many as the largest has": (of_the_largest, per_class_is_the_mean_of_those_that_pass_over_classes_that_are_found),
    "none of few": (without_one, of_few_every_class_still_gets_one),
}  # fmt: skip


test_every_usual_mistake_breaks_its_promise = breaks(WRONG)
test_what_mistakes_are_made_from_makes_none = keeps(made, OF[balance])


# ---- ask


class Says(nn.Module):
    """Probabilities in proportion to the first pixels of red, through noise where it is in training mode; it remembers how many images it saw."""

    def __init__(self, classes: int = 3):
        super().__init__()
        self.classes, self.noise, self.norm, self.saw = classes, nn.Dropout(0.9), nn.BatchNorm2d(3), []

    def forward(self, x):
        self.saw.append(len(x))
        self.norm(x)
        return self.noise(x)[:, 0, 0, : self.classes].log()


def some(N: int = 12) -> Images:
    """Rows of three probabilities, the highest of which goes round the classes; every third row has a label."""
    x = torch.zeros(N, 3, 16, 16, dtype=torch.uint8)
    x[:, 0, 0, :3] = torch.tensor([[200, 20, 35], [60, 150, 45], [80, 70, 105], [20, 220, 15]], dtype=torch.uint8).repeat(N, 1)[:N]
    return Images(x, torch.where(torch.arange(N) % 3 == 0, torch.arange(N) // 3 % 3, -1))


def rest(data: Images) -> torch.Tensor:
    return (data.labels < 0).nonzero().flatten()


def expected(data: Images) -> torch.Tensor:
    red = data.x[:, 0, 0, :3].float()
    return red / red.sum(1, keepdim=True)


def test_a_teacher_is_asked_once_in_evaluation_and_stays_as_it_is():
    teacher, data = Says().train(), some()
    before = copy.deepcopy(teacher.state_dict())
    said = ask(teacher, data, rest(data), 0.0, 0, True)
    assert teacher.saw == [8] and all(part.training for part in teacher.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    torch.testing.assert_close(said["targets"][rest(data)], expected(data)[rest(data)])
    assert not any(tensor.requires_grad for tensor in said.values())


def test_an_answer_stands_in_its_images_row_and_others_have_none():
    data, rows = some(), torch.tensor([10, 1, 4])
    said = ask(Says(), data, rows, 0.0, 0, True)
    torch.testing.assert_close(said["targets"][rows], expected(data)[rows])
    others = [i for i in range(12) if i not in rows.tolist()]
    assert said["targets"].shape == (12, 3) and (said["targets"][others] == 0).all()
    assert said["chosen"].tolist() == [10, 1, 4]


def test_hard_answers_are_one_for_the_most_probable_class():
    data = some()
    said = ask(Says(), data, rest(data), 0.0, 0, False)["targets"][rest(data)]
    assert torch.equal(said, nn.functional.one_hot(expected(data)[rest(data)].argmax(1), 3).float())


@pytest.mark.parametrize("per_class", [0, None, 1, 5])
def test_chosen_are_rows_of_the_data_filtered_and_balanced(per_class):
    """The rows that are asked are 1, 2, 4, 5, 7, 8, 10, 11; those of row 2, 6 and 10 are unsure."""
    data, rows = some(), rest(some())
    said = ask(Says(), data, rows, 0.5, per_class, True)
    p = expected(data)[rows]
    here = filter(p, 0.5) if per_class == 0 else filter_and_balance(p, 0.5, per_class)
    assert said["chosen"].tolist() == rows[here].tolist() and not {2, 10} & set(said["chosen"].tolist())
    once = said["chosen"].unique()
    assert said["passed"].item() == pytest.approx(len(once) / 8)
    assert said["confidence"].item() == pytest.approx(expected(data)[once].amax(1).mean().item())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_teacher_whose_training_diverged_is_not_asked_to_lower_its_threshold(value):
    class Diverged(Says):
        def forward(self, x):
            return super().forward(x).index_fill(1, torch.tensor([1]), value)

    data = some()
    with pytest.raises(InputError, match="answers for 8 of 8 images hold NaN or infinity; take one whose training did not diverge"):
        ask(Diverged(), data, rest(data), 0.9, None, True)


def test_a_threshold_that_nothing_passes_says_the_highest_confidence():
    data = some()
    with pytest.raises(InputError, match=r"no image passes threshold=0.9: the teacher's highest confidence is 0\.863; take a lower threshold"):
        ask(Says(), data, rest(data), 0.9, None, True)


def test_answers_are_known_again_by_their_images_and_rows():
    data, rows = some(), rest(some())
    said = ask(Says(), data, rows, 0.0, 0, True)
    brighter = replace(data, x=data.x + 1)
    assert answered(said, data, rows) and answered(said, replace(data, index=torch.arange(3)), rows.clone())
    assert not answered(said, brighter, rows) and not answered(said, data, rows[1:]) and not answered(said, data, rows.flip(0))
    assert not answered({}, data, rows) and not answered({"t": torch.zeros(())}, data, rows)
    assert not answered(said, data.to("meta"), rows.to("meta"))  # on another device: asked anew
    assert question(data, rows).dtype == torch.uint8


# ---- check


def test_images_and_teachers_that_suit_pass():
    for data in (some(), replace(some(), index=torch.arange(8)), replace(some(), index=torch.arange(8).repeat(3))):
        for teacher in (None, Says(), nn.Sequential(nn.Flatten(), nn.Linear(768, 3))):
            check(data, 3, teacher, nn.Linear(768, 9))


@pytest.mark.parametrize("change, words", [
    (lambda data: data.labelled(), "no image is without a label, .*label_fraction"),
    (lambda data: replace(data, index=torch.tensor([0, 3, 6, 0])), "no image is without a label"),
    (lambda data: replace(data, labels=data.labels.clamp(max=1)), "of 3 classes, these have no labelled image: 2;"),
    (lambda data: replace(data, index=torch.arange(3)), "no labelled image: 1, 2; label at least one of each"),
    (lambda data: replace(data, index=torch.arange(3), classes=("cat", "dog", "car")), "no labelled image: dog, car"),
    (lambda data: replace(data, labels=data.labels.clamp(max=0), classes=("cat", "dog")), "no labelled image: dog, 2"),
])
def test_images_that_cannot_be_pseudo_labelled_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        check(change(some()), 3, None, nn.Linear(9, 9))


@pytest.mark.parametrize("teacher, words", [
    ("Says", "the teacher is a str; a network"), (Says, "the teacher is a type; a network"),
    (nn.Linear(5, 9), "the teacher has 54 parameters and the student 20; .* a wider encoder"),
    (Says(4), r"the teacher returns \(2, 4\) for 2 images, and \(2, 3\) is needed: a number for each of 3 classes; take another teacher"),
    (nn.Conv2d(3, 1, 2), r"this Conv2d returns \(2, 1, 15, 15\) for 2 images"),
    (nn.Linear(5, 3), r"the teacher, this Linear, cannot take images of 3 x 16 x 16 pixels \(RuntimeError: .*--size.*from images to logits"),
])
def test_teachers_that_do_not_suit_are_refused(teacher, words):
    with pytest.raises(InputError, match=words):
        check_teacher(teacher, nn.Linear(4, 4), some(), 3)
