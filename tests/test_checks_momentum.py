"""The check of the target's momentum: right answers pass in any style, and each usual mistake is called by its name."""

import math

import numpy as np
import pytest
import torch

from ssl_lab.checks import check_target_momentum


def rising(m, progress):
    """m, and the part of the way to 1 that is done."""
    return m + (1 - m) * math.sin(math.pi * progress / 2) ** 2


MOMENTA = {
    "constant": ("result is always m", lambda m, s: m),
    "straight": ("straight line", lambda m, s: (1 - s) * m + s),
    "not halved": ("not halved", lambda m, s: m - (1 - m) * math.cos(math.pi * s)),
    "no 1, no half": ("1 is not added", lambda m, s: 1 + (m - 1) * math.cos(math.pi * s)),
    "no 1": ("1 is not added", lambda m, s: 1 + (m - 1) * math.cos(math.pi * s) / 2),
    "from 1 to m": ("momentum falls", lambda m, s: 1 - (1 - m) * math.sin(math.pi * s / 2) ** 2),
    "from m to 0": ("momentum falls", lambda m, s: m * math.cos(math.pi * s / 2) ** 2),
    "what is taken": ("takes of the online network", lambda m, s: (1 - m) * math.cos(math.pi * s / 2) ** 2),
    "from 0": ("factor before the cosine", lambda m, s: math.sin(math.pi * s / 2) ** 2),
    "m for 1 - m": ("factor before the cosine", lambda m, s: 1 - m * math.cos(math.pi * s / 2) ** 2),
    "no brackets": ("brackets are missing", lambda m, s: 1 - (1 - m) * (math.cos(math.pi * s) + 1 / 2)),
    "sine": ("sine is taken", lambda m, s: 1 - (1 - m) * (math.sin(math.pi * s) + 1) / 2),
    "sine alone": ("sine is taken", lambda m, s: 1 - (1 - m) * math.sin(math.pi * s)),
    "arguments swapped": ("arguments are swapped", lambda m, s: rising(s, m)),
    "m = 0.9": ("a fixed number", lambda m, s: rising(0.9, s)),
    "m = 0.99": ("a fixed number", lambda m, s: rising(0.99, s)),
    "m = 0.996": ("a fixed number", lambda m, s: rising(0.996, s)),
    "m = 0.999": ("a fixed number", lambda m, s: rising(0.999, s)),
    "//": ("cut off", lambda m, s: 1 - (1 - m) * ((math.cos(math.pi * s) + 1) // 2)),
    "degrees": ("in degrees", lambda m, s: rising(m, 180 * s / math.pi)),
    "no pi": ("π is missing", lambda m, s: 1 - (1 - m) * (math.cos(s) + 1) / 2),
    "a whole turn": ("wrong factor", lambda m, s: 1 - (1 - m) * (math.cos(2 * math.pi * s) + 1) / 2),
    "a quarter turn": ("wrong factor", lambda m, s: 1 - (1 - m) * (math.cos(math.pi * s / 2) + 1) / 2),
}


@pytest.mark.parametrize("words, wrong", MOMENTA.values(), ids=MOMENTA)
def test_each_usual_mistake_with_the_momentum_gets_its_own_hint(called, words, wrong):
    called(check_target_momentum, wrong, words, MOMENTA)


@pytest.mark.parametrize(
    "right",
    [
        rising,
        lambda m, progress: 1 - (1 - m) * (math.cos(math.pi * progress) + 1) / 2,
        lambda m, progress: m + (1 - m) * (1 - np.cos(np.pi * progress)) / 2,
        lambda base, t: 1 - (1 - base) * (torch.cos(torch.tensor(torch.pi * t)) + 1) / 2,
        lambda m, progress: 1 - (1 - m) * (math.cos(math.radians(180 * progress)) + 1) / 2,
    ],
)
def test_a_right_momentum_passes_in_any_style(passes, right):
    passes(check_target_momentum, right)


@pytest.mark.parametrize("progress, m", [(0, 0.996), (0.25, 0.996586), (0.5, 0.998), (1, 1)])
def test_the_reference_of_target_momentum_is_right(progress, m):
    assert check_target_momentum.reference(0.996, progress) == pytest.approx(m, abs=1e-6)


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in MOMENTA.values()}) == len(check_target_momentum.mistakes)
