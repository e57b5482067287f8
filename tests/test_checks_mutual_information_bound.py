"""The check of the bound on mutual information: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, with numpy's logarithms.
"""

import math

import numpy as np
import pytest
import torch

from ssl_lab import losses
from ssl_lab.checks import check_mutual_information_bound

SEEDS = range(20)

BOUND = {
    "k + 1": ("log(k + 1) is taken", lambda loss, k: np.log1p(k) - loss),
    "k + 1, added": ("log(k + 1) is taken", lambda loss, k: np.log1p(k) + loss),
    "k - 1": ("k is changed", lambda loss, k: np.log(k - 1) - loss),
    "2k": ("k is changed", lambda loss, k: np.log(2) + np.log(k) - loss),
    "2k + 1": ("k is changed", lambda loss, k: np.log1p(2 * k) - loss),
    "log2": ("another base", lambda loss, k: np.log2(k) - loss),
    "log10": ("another base", lambda loss, k: np.log10(k) - loss),
    "bits": ("in bits", lambda loss, k: np.log2(k) - loss / np.log(2)),
    "powers of ten": ("in bits", lambda loss, k: np.log10(k) - loss / np.log(10)),
    "turned": ("sign is wrong", lambda loss, k: loss - np.log(k)),
    "added": ("sign is wrong", lambda loss, k: np.log(k) + loss),
    "both negative": ("sign is wrong", lambda loss, k: -np.log(k) - loss),
    "the sum of both directions": ("factor of 2", lambda loss, k: np.log(k) - 2 * loss),
    "halved": ("factor of 2", lambda loss, k: np.log(k) - loss / 2),
    "k squared": ("factor of 2", lambda loss, k: np.log(k**2) - loss),
    "doubled": ("factor of 2", lambda loss, k: 2 * (np.log(k) - loss)),
    "no logarithm": ("the logarithm is missing", lambda loss, k: k - loss),
    "of the loss, too": ("of the loss, too", lambda loss, k: np.log(k) - np.log(loss)),
    "of both": ("of the loss, too", lambda loss, k: np.log(k - loss)),
    "exponential": ("an exponential is taken", lambda loss, k: k * np.exp(-loss)),
    "divided": ("divides or multiplies", lambda loss, k: np.log(k) / loss),
    "multiplied": ("divides or multiplies", lambda loss, k: np.log(k) * loss),
    "no loss": ("loss is not used", lambda loss, k: np.log(k)),
    "loss": ("k is not used", lambda loss, k: loss),
    "-loss": ("k is not used", lambda loss, k: -loss),
    "cut at 0": ("below 0", lambda loss, k: max(0, np.log(k) - loss)),
    "abs": ("below 0", lambda loss, k: abs(np.log(k) - loss)),
    "int": ("cut off", lambda loss, k: int(np.log(k) - loss)),
    "//": ("cut off", lambda loss, k: (np.log(k) - loss) // 1),
}


@pytest.mark.parametrize("words, wrong", BOUND.values(), ids=BOUND)
def test_each_usual_mistake_with_the_bound_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_mutual_information_bound, wrong, words, BOUND, SEEDS)


@pytest.mark.parametrize("right", [
    losses.mutual_information_bound, lambda loss, k: math.log(k) - loss, lambda loss, k: np.log(k) - loss,
    lambda loss, k: torch.log(torch.tensor(float(k))) - loss, lambda loss, k: -(loss - math.log(k)), lambda loss, k: math.log(k / math.exp(loss)),
])
def test_a_right_bound_passes_in_any_style(passes, right):
    passes(check_mutual_information_bound, right, SEEDS)


def test_there_is_a_loss_with_which_the_bound_is_negative():
    for seed in SEEDS:
        bounds = [losses.mutual_information_bound(*case) for case in check_mutual_information_bound.inputs(seed)]
        assert min(bounds) < -0.5 and max(bounds) > 1


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in BOUND.values()}) == len(check_mutual_information_bound.mistakes)
