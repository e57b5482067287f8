"""The check of BYOL's regression: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one image at a time, in code that shares nothing with what the check compares with.
"""

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_byol_regression

HAND = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])


def by_row(z):
    return [row / row.norm() for row in z]


def by_column(z):
    return torch.stack([column / column.norm() for column in z.T]).T


def by_the_whole(z):
    return z / z.square().sum().sqrt()


def gap(u, v):
    return ((u - v) ** 2).sum()


def same_image(B):
    return [(i, i) for i in range(B)]


def image_by_image(p, z, *, units=(by_row, by_row), pair=gap, pairs=same_image, over=lambda B, d: B):
    """The regression one image at a time; every option is one way to get it wrong.   units: what is done to p, and to z."""
    u, v = (unit(rows) for unit, rows in zip(units, (p, z)))
    return sum(pair(u[i], v[j]) for i, j in pairs(len(p))) / over(*p.shape)


def absolute(u, v):
    return (u - v).abs().sum()


def two_minus(u, v):
    return 2 - 2 * (u @ v)


def all_entries(B, d):
    return B * d


RAW, WHOLE, HALVES = [list] * 2, [by_the_whole] * 2, ([by_row, list], [list, by_row])
MUTANTS = {
    "not normalised": ("are not normalised", {"units": RAW}),
    "2 - 2 products": ("are not normalised", {"units": RAW, "pair": two_minus}),
    "mse_loss": ("are not normalised", {"units": RAW, "over": all_entries}),
    "p normalised": ("only one of p and z", {"units": HALVES[0]}),
    "z normalised": ("only one of p and z", {"units": HALVES[1]}),
    "2 - 2 products, p normalised": ("only one of p and z", {"units": HALVES[0], "pair": two_minus}),
    "2 - 2 products, z normalised": ("only one of p and z", {"units": HALVES[1], "pair": two_minus}),
    "mse_loss, p normalised": ("only one of p and z", {"units": HALVES[0], "over": all_entries}),
    "mse_loss, z normalised": ("only one of p and z", {"units": HALVES[1], "over": all_entries}),
    "not normalised, not squared": ("are not normalised", {"units": RAW, "pair": lambda u, v: gap(u, v).sqrt()}),
    "not normalised, sum": ("are not normalised", {"units": RAW, "over": lambda B, d: 1}),
    "return in the loop": ("only one row", {"pairs": lambda B: [(0, 0)], "over": lambda B, d: 1}),
    "= for +=, divided by B": ("only one row", {"pairs": lambda B: [(B - 1, B - 1)]}),
    "2 - 2 products, mean of all": ("over the features, too", {"pair": lambda u, v: 2 - 2 * (u * v).mean()}),
    "columns": ("wrong axis", {"units": [by_column] * 2}),
    "columns, mse_loss": ("wrong axis", {"units": [by_column] * 2, "over": all_entries}),
    "the whole": ("whole matrix", {"units": WHOLE}),
    "the whole, 2 - 2 products": ("whole matrix", {"units": WHOLE, "pair": two_minus}),
    "the whole, mse_loss": ("whole matrix", {"units": WHOLE, "over": all_entries}),
    "no root": ("squared lengths", {"units": [lambda z: [row / (row @ row) for row in z]] * 2}),
    "mse_loss of directions": ("over the features, too", {"over": all_entries}),
    "sum": ("sum over the batch", {"over": lambda B, d: 1}),
    "sum over the batch, mean over features": ("sum over the batch", {"over": lambda B, d: d}),
    "distance": ("not squared: leave out", {"pair": lambda u, v: gap(u, v).sqrt()}),
    "absolute": ("absolute differences", {"pair": absolute}),
    "l1_loss": ("absolute differences", {"pair": absolute, "over": all_entries}),
    "difference": ("positive and negative ones cancel", {"pair": lambda u, v: (u - v).sum()}),
    "difference, mean of all": ("positive and negative ones cancel", {"pair": lambda u, v: (u - v).sum(), "over": all_entries}),
    "sum squared": ("sum is squared", {"pair": lambda u, v: (u - v).sum() ** 2}),
    "minus cosine": ("a 2 is missing", {"pair": lambda u, v: -(u @ v)}),
    "minus 2 cosines": ("a 2 is missing", {"pair": lambda u, v: -2 * (u @ v)}),
    "2 - cosine": ("a 2 is missing", {"pair": lambda u, v: 2 - u @ v}),
    "1 - cosine": ("factor of 2", {"pair": lambda u, v: 1 - u @ v}),
    "twice": ("factor of 2", {"pair": lambda u, v: 2 * gap(u, v)}),
    "cosine": ("sign is wrong", {"pair": torch.dot}),
    "2 cosines": ("sign is wrong", {"pair": lambda u, v: 2 * (u @ v)}),
    "negative": ("sign is wrong", {"pair": lambda u, v: -gap(u, v)}),
    "2 + 2 cosines": ("sign is wrong", {"pair": lambda u, v: gap(u, -v)}),
    "all pairs": ("is compared with every row", {"pairs": lambda B: itertools.product(range(B), range(B)), "over": lambda B, d: B * B}),
    "row after": ("partners are shifted", {"pairs": lambda B: [(i, (i + 1) % B) for i in range(B)]}),
    "row before": ("partners are shifted", {"pairs": lambda B: [(i, i - 1) for i in range(B)]}),
}
OTHERS = {
    "norm of the difference": ("one norm", lambda p, z: (F.normalize(p) - F.normalize(z)).norm()),
    "mean distance squared": ("before the square", lambda p, z: image_by_image(p, z, pair=lambda u, v: gap(u, v).sqrt()) ** 2),
    "2 - 2 times the sum": ("sum over the batch", lambda p, z: 2 - 2 * image_by_image(p, z, pair=torch.dot, over=lambda B, d: 1)),
    "root of the mean": ("not squared: leave out", lambda p, z: image_by_image(p, z).sqrt()),
    "2 - 2 cosines of columns": ("compares columns", lambda p, z: 2 - 2 * F.cosine_similarity(p, z, dim=0).mean()),
    "2 - cosines of columns": ("compares columns", lambda p, z: 2 - F.cosine_similarity(p, z, dim=0).mean()),
    "1 - cosines of columns": ("compares columns", lambda p, z: 1 - F.cosine_similarity(p, z, dim=0).mean()),
    "minus cosines of columns": ("compares columns", lambda p, z: -F.cosine_similarity(p, z, dim=0).mean()),
    "cosines of columns": ("compares columns", lambda p, z: F.cosine_similarity(p, z, dim=0).mean()),
    "distance of the means": ("before the square", lambda p, z: gap(sum(by_row(p)) / len(p), sum(by_row(z)) / len(z))),
    "difference normalised": ("difference is normalised", lambda p, z: sum(u @ u for u in by_row(p - z)) / len(p)),
    "//": ("cut off", lambda p, z: image_by_image(p, z, over=lambda B, d: 1) // len(p)),
}
WRONG = {name: (words, functools.partial(image_by_image, **options)) for name, (words, options) in MUTANTS.items()} | OTHERS


@pytest.mark.parametrize("words, wrong", WRONG.values(), ids=WRONG)
def test_each_usual_mistake_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_byol_regression, wrong, words, WRONG)


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in WRONG.values()}) == len(check_byol_regression.mistakes)


def from_cosines(p, z):
    return 2 - 2 * F.cosine_similarity(p, z).mean()


def by_einsum(p, z):
    u, v = F.normalize(p, dim=-1), F.normalize(z.detach(), dim=-1)
    return (2 - 2 * torch.einsum("bd,bd->b", u, v)).mean()


def by_mse_loss(p, z):
    with torch.no_grad():
        z = F.normalize(z)
    return F.mse_loss(F.normalize(p), z, reduction="sum") / len(p)


def by_norms(p, z):
    return (p / p.norm(dim=1, keepdim=True) - z / torch.linalg.vector_norm(z, dim=1, keepdim=True)).norm(dim=1).pow(2).mean()


def in_double_precision(p, z):
    return from_cosines(p.double(), z.double())


@pytest.mark.parametrize(
    "right", [losses.byol_regression, image_by_image, from_cosines, by_einsum, by_mse_loss, by_norms, in_double_precision], ids=lambda fn: fn.__name__
)
def test_a_right_answer_passes_in_any_style_whether_the_target_is_detached_or_not(passes, right):
    passes(check_byol_regression, right)


def test_a_length_that_is_taken_for_a_constant_has_a_wrong_gradient():
    def wrong(p, z):
        return (p / p.norm(dim=1, keepdim=True).detach() - F.normalize(z)).square().sum(dim=1).mean()

    assert "value is right but its gradient is not" in check_byol_regression(wrong).hint


def test_the_reference_gives_the_hand_values_and_so_does_the_oracle():
    for regression in (check_byol_regression.reference, image_by_image):
        p, z = HAND[0].clone().requires_grad_(), HAND[1]
        loss = regression(p, z)
        loss.backward()
        assert loss.item() == pytest.approx(0.8)
        torch.testing.assert_close(p.grad, torch.tensor([[-0.256, 0.192]]))


@pytest.mark.parametrize("name, value", [("mse_loss of directions", 0.4), ("minus cosine", -0.6), ("not normalised", 20), ("twice", 1.6)])
def test_the_mistakes_give_the_hand_values(name, value):
    assert WRONG[name][1](*HAND).item() == pytest.approx(value)
