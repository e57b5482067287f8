"""What a function returns for one set of arguments: a value and its gradients, or the reason why this is no answer."""

import functools
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from numbers import Number

import numpy as np
import torch
from torch import Tensor

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # another order of the same sums in float32 is no mistake
PLACES = "first", "second"  # of a pair
STOPPED = "it stopped with"  # how the fault of a function that raised begins


class Kind(Enum):
    """What an exercise returns.   LOSS: with a gradient.   NUMBER: of Python, numpy or torch, a gradient is not needed.   MATRIX: of any shape.

    WHOLE: of any shape, numbers of rows or clusters.   PAIR: a MATRIX and a NUMBER.   LABELLED: a MATRIX and a WHOLE.
    """

    LOSS = "a tensor with one number"
    NUMBER = "one number"
    MATRIX = "a tensor"
    WHOLE = "a tensor of whole numbers"
    PAIR = "a pair, a tensor and one number"
    LABELLED = "a pair, a tensor and a tensor of whole numbers"


PARTS = {Kind.PAIR: (Kind.MATRIX, Kind.NUMBER), Kind.LABELLED: (Kind.MATRIX, Kind.WHOLE)}  # of a pair


@dataclass(frozen=True)
class Answer:
    """values: in float64, one, or a pair's two; none where there is a fault.   fault: one sentence, or empty.

    returned, leaves: what gradients are taken of, and by.
    """

    values: tuple[Tensor, ...] = ()
    fault: str = ""
    returned: object = None
    leaves: tuple[Tensor, ...] = ()

    @functools.cached_property
    def gradients(self) -> tuple[Tensor, ...]:
        """By each tensor of the case; 0 for one that plays no part.   Raises: RuntimeError."""
        return torch.autograd.grad(self.returned, self.leaves, allow_unused=True, materialize_grads=True)


class Untouched(Exception):
    """The exercise as it was handed out: one line, `raise NotImplementedError`."""


def as_it_is(*case):
    return case


def ask(fn: Callable, case: tuple, kind: Kind, needs: str, prepare: Callable[..., tuple] = as_it_is) -> Answer:
    """Call fn on copies of the arguments, which it must leave alone.   needs: what the one number is, "the mean over all anchors".

    prepare: what is done to a case before fn gets it; gradients are taken through it, by the tensors of the case.   Raises: Untouched.
    """
    with torch.enable_grad():
        leaves = [x.clone().requires_grad_(kind is Kind.LOSS) if isinstance(x, Tensor) else x for x in case]
        given = prepare(*(x * 1 if isinstance(x, Tensor) else x for x in leaves))  # no leaves: a change in place must be seen, and a leaf would raise
        before = [x.clone() for x in tensors(given)]
        try:
            returned = fn(*given)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever a student's function raises, exit() included, is an answer)
            if untouched(error):
                raise Untouched from None
            return Answer(fault=stopped(error))
    if fault := changed(tensors(given), before) or unfit(returned, kind, needs):
        return Answer(fault=fault)
    values = tuple(torch.as_tensor(x).detach().cpu().double() for x in (returned if kind in PARTS else [returned]))
    return Answer(values, returned=returned, leaves=tuple(x for x in leaves if isinstance(x, Tensor)))


def untouched(error: BaseException) -> bool:
    """Whether the function does nothing but raise a NotImplementedError. torch's own (the softmax of integers) come with words."""
    frame = error.__traceback__.tb_next  # the function's; the one before is `ask`
    if not isinstance(error, NotImplementedError) or error.args or frame is None or frame.tb_next:
        return False
    code = frame.tb_frame.f_code
    return len({line for *_, line in code.co_lines()} - {None, code.co_firstlineno}) <= 1


def tensors(given: Iterable) -> list[Tensor]:
    """The tensors among the arguments, and those in lists."""
    return [x for one in given for x in (one if isinstance(one, list) else [one]) if isinstance(x, Tensor)]


def changed(given: Iterable[Tensor], before: Iterable[Tensor]) -> str:
    """The fault of a function that writes into its inputs, empty if it does not."""
    if all(map(torch.equal, given, before)):
        return ""
    return "it changes its inputs in place (with an operation such as z1 /= … or queue[i] = …); make a new tensor, or change a .clone()"


def unfit(returned, kind: Kind, needs: str) -> str:
    """Why this is not what the exercise asks for, empty if it is."""
    if returned is None:
        return "it returns None: is the `return` missing?"
    if kind is Kind.LOSS and isinstance(returned, Number):
        return f"it returns the Python number {returned:.4f}, which has no gradient; return the tensor itself, without .item() or float()"
    if kind in PARTS:
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            return f"it returns a {type(returned).__name__}; {kind.value}, is needed, and the second is {needs}"
        faults = (f"in the {place} of its pair, {fault}" for place, x, part in zip(PLACES, returned, PARTS[kind]) if (fault := unfit(x, part, needs)))
        return next(faults, "")
    if not isinstance(returned, Tensor | Number | np.ndarray if kind is Kind.NUMBER else Tensor):
        return f"it returns a {type(returned).__name__}; {kind.value} is needed"
    tensor = torch.as_tensor(returned)
    if kind in (Kind.LOSS, Kind.NUMBER) and tensor.shape != ():
        return f"it returns a result of shape {tuple(tensor.shape)}; one number is needed, {needs}"
    if tensor.dtype == torch.bool or tensor.is_complex():
        fix = ", the numbers of the rows where this mask is True: mask.nonzero().flatten()" if kind is Kind.WHOLE else ""
        return f"it returns values of type {str(tensor.dtype).removeprefix('torch.')}; real numbers are needed{fix}"
    if not tensor.isfinite().all():
        worst = f"{'it returns' if tensor.shape == () else 'it holds'} {float(tensor.detach()[~tensor.isfinite()][0])}"
        return f"{worst}; look for the logarithm of 0 or of a negative number, a division by 0, 0 · ∞, or a label that points at −∞"
    if kind is Kind.WHOLE and tensor.is_floating_point():
        wrong = f"it returns values of type {str(tensor.dtype).removeprefix('torch.')}"
        return f"{wrong}; they number rows or clusters, so make them whole with .long(), or return the number in place of the value that stands there"
    if kind is Kind.LOSS and not tensor.requires_grad:
        return "the result is cut off from its inputs, so nothing can be learned: look for detach, no_grad, numpy, or torch.tensor(…) of a value"
    return ""


def stopped(error: BaseException) -> str:
    """What was raised, and at which line of the function (frame 1; frame 0 is `ask`)."""
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__)[1:2] if frame.line]
    if isinstance(error, NotImplementedError) and lines == ["raise NotImplementedError"]:
        return "the line `raise NotImplementedError` is still there: delete it"
    return f"{STOPPED} {type(error).__name__}{''.join(f' at `{line}`' for line in lines)}: {error}"


def same(a: Answer, b: Answer) -> bool:
    """Equal in shape and value, where both have one. Of a pair and the first of a pair, the first is compared."""
    return bool(a.values and b.values) and all(map(alike, a.values, b.values))


def alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, **CLOSE)
