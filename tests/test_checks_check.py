"""What holds for every exercise of the course, and how a check reads whatever a function returns. No check ever raises."""

import html
import math
import re
from decimal import Decimal

import numpy as np
import pytest
import torch

from ssl_lab import checks, losses
from ssl_lab.checks import EXERCISES, Check, Kind

SEEDS = range(20)
ALL = [getattr(checks, f"check_{name}") for names in EXERCISES.values() for name in names]
every_check = pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)


def test_every_exercise_has_a_check_of_its_name():
    asked = [name for names in EXERCISES.values() for name in names]
    assert [check.name for check in ALL] == asked
    assert sorted(f"check_{name}" for name in asked) == [name for name in checks.__all__ if name.startswith("check_")]


@every_check
def test_the_reference_is_right_on_any_input(check):
    for seed in SEEDS:
        result = check(check.reference, seed=seed)
        assert result, result.hint
        assert result.attempted


@every_check
def test_the_untouched_exercise_is_neutral(check):
    def untouched(*given):
        raise NotImplementedError

    result = check(untouched)
    assert not result
    assert not result.attempted
    assert result.hint == "not attempted yet"
    assert repr(result) == f"○ {check.name} is not attempted yet"


@pytest.mark.parametrize("check", [check for check in ALL if check.name != "nt_xent_loop"], ids=lambda check: check.name)  # nt_xent's once more
def test_mistakes_of_a_check_are_told_apart_on_any_input(check):
    for hint, functions in check.mistakes.items():
        for wrong in functions:
            assert {check(wrong, seed=seed).hint for seed in SEEDS} == {hint}


@every_check
def test_a_hint_is_one_line_of_its_own(check):
    for hint in check.mistakes:
        assert 20 < len(hint) < 170
        assert "\n" not in hint


@every_check
def test_inputs_are_the_same_for_a_seed_and_begin_with_one_that_never_changes(check):
    def drawn(seed):
        return [[x.tolist() if torch.is_tensor(x) else x for x in case] for case in check.inputs(seed)]

    assert drawn(3) == drawn(3)
    assert drawn(3)[0] == drawn(4)[0]
    assert all(a != b for a, b in zip(drawn(3)[1:], drawn(4)[1:]))


@every_check
def test_checking_draws_nothing_from_the_callers_random_numbers(check):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check(check.reference)
    check(lambda *given: None)
    assert torch.equal(torch.get_rng_state(), before)


@every_check
def test_a_check_needs_no_gradients_around_it(check):
    with torch.no_grad():
        assert check(check.reference)


def in_place(*given):
    given[0].mul_(2)
    return given[0].sum()


def unreadable(*given):
    class Strange(Exception):
        def __str__(self):
            raise ValueError("no words")

    raise Strange


def out_of_range(*given):
    raise IndexError("index 8 is out of bounds")


NONSENSE = {
    "returns None": lambda *given: None,
    "returns a str": lambda *given: "0.5",
    "returns a list": lambda *given: [given[0]],
    "returns a function; ": lambda *given: in_place,
    "bool; real numbers": lambda *given: torch.tensor(True),
    "complex64; real numbers": lambda *given: torch.tensor(1j),
    "returns nan": lambda *given: given[0].sum() * float("nan"),
    "returns inf": lambda *given: given[0].sum().abs() / 0,
    "it stopped with IndexError at `raise Ind": out_of_range,
    "it changes its inputs in place": in_place,
    "it stopped with TypeError: ": lambda: 0,
    "it stopped with ZeroDivisionError at ": lambda *given: 1 / 0,
    "not implemented for 'Long'": lambda *given: torch.arange(3).softmax(0),  # torch raises a NotImplementedError
    "cannot be read": lambda *given: torch.sparse_coo_tensor(size=()),
    "no words": unreadable,
}


@every_check
@pytest.mark.parametrize("words, wrong", NONSENSE.items(), ids=NONSENSE)
def test_what_is_no_answer_is_told_apart_and_nothing_is_raised(check, words, wrong):
    result = check(wrong)
    assert not result
    assert result.attempted
    assert words in result.hint


def test_a_line_that_stops_is_shown():
    def product(a, b):
        c = a @ a
        return c @ b.T

    assert "it stopped with RuntimeError at `c = a @ a`: " in checks.check_cosine(product).hint


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("Python number 2.", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau).item()),
        ("returns a ndarray; a tensor with one number", lambda z1, z2, tau: np.ones(1)),
        ("shape (2,); one number is needed, the mean over all 2B anchors", lambda z1, z2, tau: torch.stack([losses.nt_xent(z1, z2, tau)] * 2)),
        ("shape (1,)", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau)[None]),
        ("cut off from its inputs", lambda z1, z2, tau: losses.nt_xent(z1.detach(), z2.detach(), tau)),
        ("cut off from its inputs", lambda z1, z2, tau: torch.tensor(losses.nt_xent(z1, z2, tau).item())),
        ("its gradient is not: something was detached", lambda z1, z2, tau: losses.nt_xent(z1, z2.detach(), tau)),
        ("its gradient is not: something was detached", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau).detach() + 0 * z1.sum()),
        ("its gradient is not a number", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) + (z1 - z1).norm(dim=1).sqrt().sum()),
        ("no gradient can be taken", lambda z1, z2, tau: written_over(losses.nt_xent(z1, z2, tau))),
    ],
)
def test_a_loss_must_let_the_gradient_flow(words, wrong):
    assert words in checks.check_nt_xent(wrong).hint


def written_over(loss):
    """Its gradient needs the root, which is no longer there."""
    root = loss.sqrt()
    squared = root * root
    root.add_(1)
    return squared


HALF = Check("half", lambda x: (x > 0).float().mean(), lambda seed: [(torch.tensor([1.0, -1.0]),)], {}, Kind.NUMBER, "the share")


@pytest.mark.parametrize("half", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64)])
def test_a_number_may_be_of_python_numpy_or_torch(half):
    assert HALF(lambda x: half)


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("bool; real numbers", True),
        ("returns a bool", np.bool_(True)),
        ("shape (2,); one number is needed, the share", torch.tensor([0.5, 0.5])),
        ("shape (1,); one number is needed, the share", np.array([0.5])),
        ("returns nan", math.nan),
        ("returns a list; one number is needed", [0.5]),
        ("cannot be read", Decimal("0.5")),
        ("for inputs of shape (2,) it gives 1, expected is 0.5; no usual mistake gives this", 1),
    ],
)
def test_what_is_no_number_is_told_apart(words, wrong):
    assert words in HALF(lambda x: wrong).hint


ROWS = Check("rows", lambda x: x * 1, lambda seed: [(torch.arange(6.0).reshape(2, 3),)], {}, Kind.MATRIX)


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("returns a ndarray; a tensor is needed", lambda x: x.numpy()),
        ("returns a float; a tensor is needed", lambda x: 0.5),
        ("for inputs of shape (2, 3) it gives a result of shape (3, 2), expected is (2, 3)", lambda x: x.T),
        ("it gives 6 at [1, 1], expected is 4;", lambda x: x + torch.tensor([[0, 0, 0], [0, 2, 3]])),
        ("it holds -inf; ", lambda x: x.log()),
    ],
)
def test_what_is_not_the_matrix_is_told_apart(words, wrong):
    assert words in ROWS(wrong).hint


def test_any_other_wrong_loss_is_shown_beside_the_expected_one():
    hint = checks.check_nt_xent(lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) + 1).hint
    seen, expected = re.fullmatch(r"for inputs of shape \(4, 3\) and \(4, 3\) it gives (.+), expected is (.+); no usual .+", hint).groups()
    assert math.isclose(float(seen), float(expected) + 1, abs_tol=2e-5)


def test_the_first_input_with_a_wrong_answer_is_shown():
    check = Check("twice", lambda x: 2 * x.sum(), lambda seed: [(torch.full((n,), float(seed)),) for n in (1, 4, 5)], {}, Kind.NUMBER)
    hint = check(lambda x: len(x) * x.sum() + (len(x) == 1) * x.sum(), seed=3).hint
    assert hint.startswith("for inputs of shape (4,) it gives 48, expected is 24;")


def test_a_mistake_that_fails_on_an_input_explains_only_who_is_wrong_there_too():
    inputs = [(torch.ones(2),), (torch.ones(3),)]

    def pairs(x):
        return x.reshape(2, 1).sum() + 1

    check = Check("total", lambda x: x.sum(), lambda seed: inputs, {"pairs": (pairs,), "never": (lambda x: x.reshape(5, 5),)}, Kind.NUMBER)
    assert check(pairs).hint == "pairs"
    assert check(lambda x: x.sum() + 1).hint == "pairs"
    assert "no usual mistake" in check(lambda x: x.sum() + (len(x) == 2)).hint  # right for three
    assert "RuntimeError" in check(lambda x: x.reshape(7, 7)).hint  # never answers, as "never" does


def test_the_panel_says_in_words_what_its_colour_says_and_escapes_them():
    def panel(fn):
        return checks.check_cosine(fn)._repr_html_()

    def untouched(a, b):
        raise NotImplementedError

    wrong = panel(lambda a, b: f"<b>{len(a)}</b>" / 2)
    assert '<div role="status"' in wrong
    assert '<span aria-hidden="true">✗</span> cosine is <strong>not right yet</strong>: it stopped with TypeError' in wrong
    assert html.escape("'str'") in wrong and "<b>" not in wrong
    assert '<span aria-hidden="true">✓</span> cosine is <strong>right</strong>: every entry' in panel(checks.check_cosine.reference)
    assert '<span aria-hidden="true">○</span> cosine is <strong>not attempted yet</strong></div>' in panel(untouched)


@pytest.mark.parametrize("passed, attempted", [(True, True), (False, True), (False, False)])
def test_the_colours_of_the_panel_can_be_told_from_its_ground(passed, attempted):
    panel = checks.Result("cosine", passed, attempted, "words")._repr_html_()
    mark, ground, ink = (luminance(code) for code in re.findall("#[0-9a-f]{6}", panel))
    assert (ground + 0.05) / (mark + 0.05) >= 4.5
    assert (ground + 0.05) / (ink + 0.05) >= 7


def luminance(code):
    """Of a colour, as WCAG 2 has it."""
    parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(w * (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4) for w, p in zip((0.2126, 0.7152, 0.0722), parts))
