"""What goes wrong with any mean of squared distances between paired rows of length 1: alignment, and BYOL's regression."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.lengths import AXIS, COLUMNS, SQUARED, WHOLE
from ssl_lab.losses import unit


def embeddings(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Partners that are more or less alike, rows of any length; the first always the same."""
    for number, (B, d, like) in enumerate([(4, 3, 2), (6, 5, -0.5), (5, 8, 1)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        z1, noise = (torch.randn(B, d, generator=draw) for _ in range(2))
        yield z1, like * z1 + noise


def distances(a: Float[Tensor, "A d"], b: Float[Tensor, "B d"]) -> Float[Tensor, "A B"]:
    """Of every row of a to every row of b, squared."""
    return (a[:, None] - b).square().sum(dim=2)


def steps(a: Tensor, b: Tensor) -> Tensor:
    """From each row of a to its partner in b, on the unit sphere."""
    return unit(a) - unit(b)


def apart(a: Tensor, b: Tensor) -> Tensor:
    """The mean squared distance of paired rows, as they are."""
    return (a - b).square().sum(dim=1).mean()


def raw(a: Tensor, b: Tensor) -> Tensor:
    """2 - 2 times the mean product of paired rows, as they are."""
    return 2 - 2 * (a * b).sum(dim=1).mean()


def mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean()


def far(a: Tensor, b: Tensor) -> Tensor:
    """The mean distance of paired rows, as they are, which is not squared."""
    return (a - b).norm(dim=1).mean()


def total(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum()


MEASURES = apart, raw, mse, far, total  # of rows that should have length 1


def measured(rows_a: Callable, rows_b: Callable) -> tuple[Callable, ...]:
    """Each measure, of other rows."""
    return tuple(lambda a, b, measure=measure: measure(rows_a(a), rows_b(b)) for measure in MEASURES)


def as_it_is(z: Tensor) -> Tensor:
    return z


def columns(z: Tensor) -> Tensor:
    return F.normalize(z, dim=0)


def whole(z: Tensor) -> Tensor:
    return z / z.norm()


def squared(z: Tensor) -> Tensor:
    return z / z.square().sum(dim=1, keepdim=True)


def along_columns(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a, b, dim=0).mean()


def of_one(place: int) -> tuple[Callable, Callable]:
    """What one row alone gives, and that divided by the number of rows."""
    return (
        lambda a, b: steps(a, b).square().sum(dim=1)[place],
        lambda a, b: steps(a, b).square().sum(dim=1)[place] / len(a),
    )


def pair_mistakes(a: str, b: str, right: Callable) -> dict[str, tuple[Callable, ...]]:
    """Hint → the mistakes, for two inputs of these names.   right: the right answer."""
    return {
        f"the rows of {a} and {b} are not normalised: divide every row by its length, so that only directions are compared": measured(
            as_it_is, as_it_is
        ),
        f"only one of {a} and {b} is normalised: divide the rows of both by their lengths": measured(unit, as_it_is) + measured(as_it_is, unit),
        AXIS: measured(columns, columns),
        WHOLE: measured(whole, whole),
        SQUARED: measured(squared, squared),
        COLUMNS: (
            lambda a, b: 2 - 2 * along_columns(a, b),
            lambda a, b: 2 - along_columns(a, b),
            lambda a, b: 1 - along_columns(a, b),
            lambda a, b: -along_columns(a, b),
            along_columns,
        ),
        "one norm is taken of the whole difference: take one squared distance for each row (dim=1), and then their mean": (
            lambda a, b: steps(a, b).norm(),
            lambda a, b: steps(a, b).norm() / len(a),
        ),
        "the distance is not squared: leave out the square root": (
            lambda a, b: steps(a, b).norm(dim=1).mean(),
            lambda a, b: right(a, b).sqrt(),
        ),
        "absolute differences are added: square the differences instead": (
            lambda a, b: steps(a, b).abs().sum(dim=1).mean(),
            lambda a, b: steps(a, b).abs().mean(),
        ),
        "the differences are not squared, so positive and negative ones cancel: square them before the sum": (
            lambda a, b: steps(a, b).sum(dim=1).mean(),
            lambda a, b: steps(a, b).mean(),
        ),
        "the sum is squared: square every difference first, and then add the squares": (lambda a, b: steps(a, b).sum(dim=1).square().mean(),),
        "the mean over the batch is taken before the square: take one squared distance for each row, and then their mean": (
            lambda a, b: steps(a, b).mean(dim=0).square().sum(),
            lambda a, b: steps(a, b).norm(dim=1).mean().square(),
        ),
        "the difference is normalised: normalise both inputs first, and then subtract": (lambda a, b: unit(a - b).square().sum(dim=1).mean(),),
        "the mean is taken over the features, too (mse_loss does that): add the squares of one row, and take the mean over the rows only": (
            lambda a, b: steps(a, b).square().mean(),
            lambda a, b: 2 - 2 * (unit(a) * unit(b)).mean(),
        ),
        "only one row is counted: take the mean over all of them (is `return` inside the loop, or = where += is meant?)": of_one(0) + of_one(-1),
        "the result is a sum over the batch: take the mean over the rows": (
            lambda a, b: steps(a, b).square().sum(),
            lambda a, b: steps(a, b).square().sum(dim=0).mean(),
            lambda a, b: 2 - 2 * (unit(a) * unit(b)).sum(),
        ),
        "a factor of 2 is wrong: the squared distance of two rows of length 1 is 2 − 2 times their product": (
            lambda a, b: right(a, b) / 2,
            lambda a, b: right(a, b) * 2,
        ),
        f"every row of {a} is compared with every row of {b}: only rows with the same number are partners": (
            lambda a, b: distances(unit(a), unit(b)).mean(),
            lambda a, b: distances(unit(a), unit(b)).sqrt().mean(),
        ),
        f"the partners are shifted: row i of {a} belongs to row i of {b}, not to the row before or after": (
            lambda a, b: right(a, b.roll(1, 0)),
            lambda a, b: right(a, b.roll(-1, 0)),
        ),
        "the fraction is cut off by `//`: divide with `/`": (lambda a, b: right(a, b).floor(),),
    }
