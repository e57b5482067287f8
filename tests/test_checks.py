"""The check of NT-Xent: right answers pass in any style, each usual mistake is called by its name, nothing is ever raised.

The mistakes are written here once more, as loops that share no code with the ones the check compares with.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_nt_xent

SEEDS = range(20)


def other_view(i, B):
    return (i + B) % (2 * B)


def loop(z1, z2, tau, *, unit=True, keep_self=False, power=-1, mate=other_view, count=None, anchors=None, candidates=None, sign=1):
    """NT-Xent one anchor at a time; every option is one way to get it wrong."""
    B = len(z1)
    z = [row / row.norm() if unit else row for row in torch.cat([z1, z2])]
    paid = []
    for i in anchors(B) if anchors else range(2 * B):
        weight = {k: torch.exp(z[i] @ z[k] * tau**power) for k in range(2 * B)}
        others = candidates(i, B) if candidates else [k for k in range(2 * B) if keep_self or k != i]
        paid.append(-torch.log(weight[mate(i, B)] / sum(weight[k] for k in others)))
    return sign * sum(paid) / (count(B) if count else len(paid))


def others_view(i, B):
    return range(B, 2 * B) if i < B else range(B)


MUTANTS = {
    "not normalised": ("normalised", {"unit": False}),
    "self kept": ("diagonal", {"keep_self": True}),
    "times tau": ("multiplied", {"power": 1}),
    "no tau": ("temperature is not used", {"power": 0}),
    "partner is the next row": ("partners", {"mate": lambda i, B: (i + 1) % (2 * B)}),
    "partners interleaved": ("partners", {"mate": lambda i, B: i + 1 if i % 2 == 0 else i - 1}),
    "sum": ("mean over all 2B", {"count": lambda B: 1}),
    "mean over B": ("mean over all 2B", {"count": lambda B: B}),
    "first views only": ("one of the two views", {"anchors": range}),
    "second views only": ("one of the two views", {"anchors": lambda B: range(B, 2 * B)}),
    "across views": ("only the other view", {"candidates": others_view}),
    "across views, one direction": ("only the other view", {"candidates": others_view, "anchors": range}),
    "positive excluded": ("missing from the denominator", {"candidates": lambda i, B: [k for k in range(2 * B) if k not in (i, (i + B) % (2 * B))]}),
    "sign": ("sign", {"sign": -1}),
}


def by_matrix(z1, z2, tau):
    z = torch.cat((z1, z2))
    z = z / torch.sqrt((z**2).sum(1, keepdim=True))
    e = torch.exp(z @ z.T / tau)
    e = e - torch.diag(torch.diag(e))
    own = torch.exp((z * torch.roll(z, len(z1), 0)).sum(1) / tau)
    return -torch.log(own / e.sum(1)).mean()


def by_cross_entropy(a, b, temperature):
    z = torch.cat([F.normalize(a), F.normalize(b)])
    logits = torch.mm(z, z.t()) / temperature - 1e9 * torch.eye(len(z))
    target = torch.cat([torch.arange(len(a)) + len(a), torch.arange(len(a))])
    return F.cross_entropy(logits, target)


def in_two_halves(z1, z2, tau):
    def half(a, b):
        logits = torch.cat([a @ b.T, (a @ a.T).masked_fill(torch.eye(len(a)).bool(), float("-inf"))], 1) / tau
        return -F.log_softmax(logits, 1).diagonal().mean()

    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    return 0.5 * (half(z1, z2) + half(z2, z1))


def in_single_precision(z1, z2, tau):
    return by_cross_entropy(z1.float(), z2.float(), tau)


@pytest.mark.parametrize("right", [losses.nt_xent, loop, by_matrix, by_cross_entropy, in_two_halves, in_single_precision])
def test_a_correct_answer_passes_in_any_style_on_any_input(right):
    for seed in SEEDS if right is not loop else range(5):
        result = check_nt_xent(right, seed=seed)
        assert result, result.hint
        assert result.attempted


@pytest.mark.parametrize("words, wrong", MUTANTS.values(), ids=MUTANTS)
def test_each_usual_mistake_gets_its_own_hint_on_any_input(words, wrong):
    for seed in range(5):
        result = check_nt_xent(lambda z1, z2, tau: loop(z1, z2, tau, **wrong), seed=seed)
        assert not result
        assert words in result.hint
        assert [key for key in {key for key, _ in MUTANTS.values()} if key in result.hint] == [words]


def test_mistakes_of_the_check_are_told_apart_on_twenty_random_inputs():
    for hint, functions in check_nt_xent.mistakes.items():
        for wrong in functions:
            assert {check_nt_xent(wrong, seed=seed).hint for seed in SEEDS} == {hint}


def test_the_untouched_exercise_is_neutral():
    def nt_xent(z1, z2, tau=0.5):
        raise NotImplementedError

    result = check_nt_xent(nt_xent)
    assert not result
    assert not result.attempted
    assert repr(result) == "○ nt_xent: not attempted yet"


def in_place(z1, z2, tau):
    z1 /= z1.norm(dim=1, keepdim=True)
    return losses.nt_xent(z1, z2, tau)


def per_anchor(z1, z2, tau):
    return torch.stack([loop(z1, z2, tau), loop(z1, z2, tau)])


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("returns None", lambda z1, z2, tau: None),
        ("Python number", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau).item()),
        ("returns a ndarray", lambda z1, z2, tau: np.ones(1)),
        ("returns a list", lambda z1, z2, tau: [losses.nt_xent(z1, z2, tau)]),
        (r"shape (2,)", per_anchor),
        ("cut off from its inputs", lambda z1, z2, tau: losses.nt_xent(z1.detach(), z2.detach(), tau)),
        ("cut off from its inputs", lambda z1, z2, tau: torch.tensor(losses.nt_xent(z1, z2, tau).item())),
        ("its gradient is not", lambda z1, z2, tau: losses.nt_xent(z1, z2.detach(), tau)),
        ("in place", in_place),
        ("returns nan", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) * float("nan")),
        ("returns inf", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) / 0),
        ("IndexError", lambda z1, z2, tau: z1[1000]),
        ("TypeError", lambda z1: z1.sum()),
    ],
)
def test_what_is_no_loss_is_told_apart(words, wrong):
    result = check_nt_xent(wrong)
    assert not result
    assert result.attempted
    assert words in result.hint


def test_any_other_wrong_value_is_shown_beside_the_expected_one():
    result = check_nt_xent(lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) + 1)
    seen, expected = (float(word.strip(",;")) for word in result.hint.split() if word[0].isdigit() and "." in word)
    assert math.isclose(seen, expected + 1, abs_tol=2e-4)


def test_checking_draws_nothing_from_the_callers_random_numbers():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check_nt_xent(losses.nt_xent)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_panel_says_in_words_what_its_colour_says_and_escapes_them():
    result = check_nt_xent(lambda z1, z2, tau: f"<b>{tau}</b>" / 2)
    assert repr(result).startswith("✗ nt_xent: it stopped with TypeError")
    assert "✗ nt_xent" in result._repr_html_()
    assert "&#x27;str&#x27;" in result._repr_html_()
