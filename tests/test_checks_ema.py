"""The check of MoCo's moving average: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one weight at a time.
"""

import functools

import pytest
import torch

from ssl_lab.checks import check_ema


def weight_by_weight(key, query, m, *, new=lambda a, b, m: m * a + (1 - m) * b):
    return torch.tensor([new(a, b, m) for a, b in zip(key.flatten().tolist(), query.flatten().tolist())]).reshape(key.shape)


EMA = {
    "swapped": ("shares are swapped", lambda a, b, m: (1 - m) * a + m * b),
    "copy": ("result is the query network", lambda a, b, m: b),
    "unchanged": ("does not change", lambda a, b, m: a),
    "all of the query": ("query's weights are not multiplied", lambda a, b, m: m * a + b),
    "m of the query": ("query's weights are not multiplied", lambda a, b, m: m * a + m * b),
    "all of the key": ("key's weights are not multiplied", lambda a, b, m: a + (1 - m) * b),
    "all of the key, m of the query": ("key's weights are not multiplied", lambda a, b, m: a + m * b),
    "1 - m of both": ("key's weights are not multiplied", lambda a, b, m: (1 - m) * (a + b)),
    "plain mean": ("plain mean", lambda a, b, m: (a + b) / 2),
    "the key's share": ("one of the two terms", lambda a, b, m: m * a),
    "the query's share": ("one of the two terms", lambda a, b, m: (1 - m) * b),
    "no brackets": ("brackets are missing", lambda a, b, m: m * a + 1 - m * b),
    "half": ("divided by 2", lambda a, b, m: (m * a + (1 - m) * b) / 2),
    "m = 0.9": ("a fixed number", lambda a, b, m: 0.9 * a + 0.1 * b),
    "m = 0.99": ("a fixed number", lambda a, b, m: 0.99 * a + 0.01 * b),
    "m = 0.996": ("a fixed number", lambda a, b, m: 0.996 * a + 0.004 * b),
    "m = 0.999": ("a fixed number", lambda a, b, m: 0.999 * a + 0.001 * b),
    "minus": ("sign is wrong", lambda a, b, m: m * a - (1 - m) * b),
    "away from the query": ("sign is wrong", lambda a, b, m: a - (1 - m) * (b - a)),
}


@pytest.mark.parametrize("words, new", EMA.values(), ids=EMA)
def test_each_usual_mistake_with_the_moving_average_gets_its_own_hint(called, words, new):
    called(check_ema, functools.partial(weight_by_weight, new=new), words, EMA)


def in_place_on_a_clone(key, query, m):
    key = key.clone()
    key.mul_(m).add_(query, alpha=1 - m)
    return key


def in_numpy(key, query, m):
    return torch.from_numpy(m * key.numpy() + (1.0 - m) * query.numpy())


@pytest.mark.parametrize(
    "right",
    [
        weight_by_weight,
        in_place_on_a_clone,
        in_numpy,
        lambda key, query, m: torch.lerp(query, key, m),
        lambda key, query, m: key + (1 - m) * (query - key),
        lambda key, query, m: torch.einsum("n,n...->...", torch.tensor([m, 1 - m]), torch.stack([key, query])),
    ],
)
def test_a_right_moving_average_passes_in_any_style(passes, right):
    passes(check_ema, right)


def test_a_moving_average_in_place_is_refused_by_that_name():
    assert "changes its inputs in place" in check_ema(lambda key, query, m: key.mul_(m).add_(query, alpha=1 - m)).hint


def test_the_reference_of_ema_gives_the_hand_values():
    key, seen = torch.ones(1), []
    for query in (1.0, 2.0, 3.0):
        key = check_ema.reference(key, torch.tensor([query]), 0.9)
        seen.append(key.item())
    assert seen == pytest.approx([1, 1.1, 1.29])
    assert check_ema.reference(torch.ones(1), torch.zeros(1), 1.0) == 1
    assert check_ema.reference(torch.ones(1), torch.zeros(1), 0.0) == 0


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in EMA.values()}) == len(check_ema.mistakes)
