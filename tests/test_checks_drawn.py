"""How a check judges answers that are drawn at random: by signs of mistakes, input by input, and never by one right answer."""

import pytest
import torch

from ssl_lab.checks import Kind
from ssl_lab.checks.drawn import TIMES, Drawn


def die(faces):
    return torch.randint(1, faces + 1, (3,))


def dice(seed):
    yield from ((faces + seed % 2,) for faces in (6, 8, 1))


SIGNS = {
    "too high": (lambda answers, faces: any(bool((x > faces).any()) for x in answers),),
    "0 is no face": (lambda answers, faces: any(bool((x == 0).any()) for x in answers),),
    "not drawn": (lambda answers, faces: all(x.equal(answers[0]) for x in answers) and faces > 2, lambda answers, faces: len(answers) != TIMES),
}
DIE = Drawn("die", die, dice, SIGNS, Kind.WHOLE, only={2: "it goes wrong with few faces"})


@pytest.mark.parametrize("seed", range(10))
def test_any_answer_without_a_sign_of_a_mistake_is_right(seed):
    assert repr(DIE(die, seed=seed)) == f"✓ die is right: every one of {TIMES} draws"
    assert DIE(lambda faces: 1 + torch.randperm(max(3, faces))[:3] % faces, seed=seed)


@pytest.mark.parametrize(
    "hint, wrong",
    [
        ("too high", lambda faces: die(faces) + 1),
        ("0 is no face", lambda faces: die(faces) - 1),
        ("too high", lambda faces: die(faces + 2) - 1),  # the first of two signs
        ("not drawn", lambda faces: torch.ones(3).long()),
        ("not drawn", lambda faces: torch.manual_seed(0) and die(faces)),
        ("it goes wrong with few faces", lambda faces: die(faces) if faces > 2 else die(9)),
        ("it goes wrong with few faces", lambda faces: die(faces) if faces > 2 else 1 / 0),
    ],
)
def test_the_first_sign_is_named_input_by_input(hint, wrong):
    assert {DIE(wrong, seed=seed).hint for seed in range(10)} == {hint}


def test_what_is_no_answer_is_told_before_any_sign():
    assert "ZeroDivisionError" in DIE(lambda faces: 1 / 0).hint
    assert "make them whole" in DIE(lambda faces: die(faces) + 0.5).hint


def test_a_function_that_now_and_then_stops_is_wrong():
    assert "ZeroDivisionError" in DIE(lambda faces: die(faces) if torch.rand(()) < 0.8 else 1 / 0).hint


def test_the_same_seed_draws_the_same_and_the_callers_random_numbers_stay():
    seen = []

    def noted(faces):
        seen.append(die(faces).tolist())
        return torch.tensor(seen[-1])

    before = torch.get_rng_state()
    assert DIE(noted, seed=4) and DIE(noted, seed=4)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :] and len(seen) == 2 * 3 * TIMES
    assert torch.equal(before, torch.get_rng_state())
