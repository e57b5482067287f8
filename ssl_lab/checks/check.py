"""How an exercise is checked: the same inputs through the student's function, the library's, and every usual mistake.

    student(inputs) → a number? finite? attached? → equal to the library's → else the mistake that gives the same numbers → else what was seen
"""

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 inside a student's function is no mistake
NOT_YET = "not attempted yet"


@dataclass(frozen=True)
class Result:
    """What a check found: true if the function is right.   hint: what to look at.   attempted: false for the untouched exercise."""

    name: str
    passed: bool
    attempted: bool
    hint: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗' if self.attempted else '○'} {self.name}: {self.hint}"

    def _repr_html_(self) -> str:
        colour = "#0072b2" if self.passed else "#d55e00" if self.attempted else "#5b626b"
        style = f"border-left: 6px solid {colour}; padding: 0.5em 1em; font-size: 110%; background: #f6f5f2; color: #1b1f24"
        return f'<div style="{style}">{html.escape(repr(self))}</div>'


@dataclass(frozen=True)
class Check:
    """A checker for one scalar loss of several tensors; calling it never raises.

    reference: the library's function.   inputs: seed → several sets of arguments, tensors first.
    mistakes: hint → functions that make this mistake.
    """

    reference: Callable
    inputs: Callable[[int], Iterable[tuple]]
    mistakes: dict[str, tuple[Callable, ...]]

    @property
    def name(self) -> str:
        return self.reference.__name__

    def __call__(self, fn: Callable, seed: int = 0) -> Result:
        """Compare fn with the library's function.   seed: of the random inputs."""
        try:
            with torch.enable_grad():
                hint = self.find(fn, seed)
        except NotImplementedError:
            return Result(self.name, False, False, NOT_YET)
        except Exception as error:  # noqa: BLE001 (whatever a student's function raises is an answer)
            hint = f"it stopped with {type(error).__name__}: {error}"
        return Result(self.name, not hint, True, hint or "correct, its gradient too")

    def find(self, fn: Callable, seed: int) -> str:
        """What is wrong with fn, empty if nothing is."""
        cases = list(self.inputs(seed))
        answers = [answer(fn, case) for case in cases]
        for given in answers:
            if given.fault:
                return given.fault
        wanted = [answer(self.reference, case) for case in cases]
        if not same(answers, wanted):
            return self.diagnose(answers, wanted, cases)
        if not all(torch.allclose(a, b, **CLOSE) for mine, right in zip(answers, wanted) for a, b in zip(mine.gradients, right.gradients)):
            return "the value is right but its gradient is not: something was detached on the way, or computed under no_grad"
        return ""

    def diagnose(self, answers: list["Answer"], wanted: list["Answer"], cases: list[tuple]) -> str:
        """The mistake that gives the same values on every input, or what was seen and what was expected."""
        for hint, functions in self.mistakes.items():
            if any(same(answers, [answer(wrong, case) for case in cases]) for wrong in functions):
                return hint
        i = next(i for i, (mine, right) in enumerate(zip(answers, wanted)) if not same([mine], [right]))
        shapes = " and ".join(str(tuple(x.shape)) for x in cases[i] if isinstance(x, Tensor))
        return f"for inputs of shape {shapes} it gives {answers[i].value:.4f}, expected is {wanted[i].value:.4f}; no usual mistake gives this"


@dataclass(frozen=True)
class Answer:
    """What a function made of one set of arguments.   fault: why it is no loss at all, empty if it is one."""

    value: float = 0.0
    gradients: tuple[Tensor, ...] = ()
    fault: str = ""


def answer(fn: Callable, case: tuple) -> Answer:
    """Call fn on fresh copies of the arguments, which it must leave alone, and take the gradient of what it returns."""
    leaves = [x.clone().requires_grad_() for x in case if isinstance(x, Tensor)]
    given = [leaf * 1 for leaf in leaves]  # not leaves themselves: a change in place shall be seen, not raise
    rest = [x for x in case if not isinstance(x, Tensor)]
    loss = fn(*given, *rest)
    if any(not torch.equal(a, b) for a, b in zip(given, leaves)):
        return Answer(fault="it changes its inputs in place (an operation such as z1 /= …); make a new tensor instead")
    if fault := no_loss(loss):
        return Answer(fault=fault)
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return Answer(float(loss.detach()), gradients)


def no_loss(loss) -> str:
    """Why this cannot be minimised, empty if it can."""
    if loss is None:
        return "it returns None: is the `return` missing?"
    if isinstance(loss, int | float):
        return f"it returns the Python number {loss:.4f}, through which no gradient can flow; return the tensor itself, without .item() or float()"
    if not isinstance(loss, Tensor):
        return f"it returns a {type(loss).__name__}; a tensor with one number is needed"
    if loss.shape != ():
        return f"it returns a tensor of shape {tuple(loss.shape)}; one number is needed, the mean over all anchors"
    if not loss.isfinite():
        return f"it returns {float(loss.detach())}; look for the logarithm of 0, a division by 0, or 0 · ∞"
    if not loss.requires_grad:
        return "the result is cut off from its inputs (detach, no_grad, numpy or torch.tensor(…) of a value): nothing would be learned"
    return ""


def same(these: list[Answer], those: list[Answer]) -> bool:
    """Equal values on every input."""
    return torch.allclose(*(torch.tensor([a.value for a in answers], dtype=torch.float64) for answers in (these, those)), **CLOSE)
