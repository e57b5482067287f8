"""How an exercise is checked whose answer is drawn at random: no one answer is the right one, so a check looks for signs of mistakes.

    each input, answered several times → the first mistake of which there is a sign, in the order of the inputs
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ssl_lab.checks.check import Check
from ssl_lab.stream import RandomStream

TIMES = 20  # how often an input is answered: enough to tell chance from a rule


@dataclass(frozen=True, eq=False)
class Drawn(Check):
    """A checker for one exercise with random answers; calling it never raises.

    mistakes: hint → signs, functions of (answers, *case) that say whether the answers to one case show this mistake; answers: tensors in float64.
    only: number of an input → the hint for whatever goes wrong there, where all was right for those before.
    """

    mistakes: dict[str, tuple[Callable[..., bool], ...]] = field(default_factory=dict)
    only: dict[int, str] = field(default_factory=dict)

    @property
    def praise(self) -> str:
        return f"every one of {TIMES} draws"

    def find(self, fn: Callable, seed: int) -> str:
        """What is wrong with fn, empty if nothing is."""
        stream = RandomStream(seed, torch.device("cpu"))
        for number, case in enumerate(self.inputs(seed)):
            with stream:
                answers = [self.ask(fn, case) for _ in range(TIMES)]
            fault = next((answer.fault for answer in answers if answer.fault), "")
            if hint := fault or self.seen([answer.values[0] for answer in answers], case):
                return self.only.get(number, hint)
        return ""

    def seen(self, answers: list[torch.Tensor], case: tuple) -> str:
        """The first mistake of which there is a sign, empty if there is none."""
        return next((hint for hint, signs in self.mistakes.items() if any(sign(answers, *case) for sign in signs)), "")
