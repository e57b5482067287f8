"""The second exercise of notebook 01: the images of which the teacher is sure, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check

SIZES = [(10, 3, 0.5), (14, 5, 0.375), (12, 3, 0.625)]  # N, C, the threshold: numbers that binary fractions are exact for
STEPS = 64  # a probability is a whole number of steps


def filter(probs: Float[Tensor, "N C"], threshold: float = 0.3) -> Int64[Tensor, " M"]:
    """The rows whose highest probability is at least the threshold, in rising order."""
    return (probs.amax(1) >= threshold).nonzero().flatten()


def labelled(seed: int) -> Iterator[tuple[Tensor, float]]:
    """Probabilities of some images, and a threshold, which is the highest probability of one of them; the first always the same."""
    for number, (N, C, threshold) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        probs = torch.zeros(N, C)
        while not suits(probs, threshold):
            cuts = torch.randint(STEPS + 1, (N, C - 1), generator=draw).sort(1).values
            probs = torch.diff(cuts, dim=1, prepend=torch.zeros(N, 1).long(), append=torch.full((N, 1), STEPS)) / STEPS
        yield probs, threshold


def suits(probs: Tensor, threshold: float) -> bool:
    """Whether some rows stay and some do not, not in the order of confidence, and whether what tells mistakes apart is there.

    That is a row at the threshold, one of 0.9 or, if the threshold is low, one below 0.3 and one with two classes above the threshold.
    """
    (top, second), kept = probs.topk(2, dim=1).values.T, filter(probs, threshold)
    low = (top < 0.3).any() and (second >= threshold).any() if threshold < 0.5 else (top >= 0.9).any()
    some = 3 < len(kept) < len(probs) - 2 and len(probs.argmax(1)[kept].unique()) > 1
    ordered = some and len(top[kept].unique()) == len(kept) and top[kept].argmax() not in (0, len(kept) - 1) and int(kept[1]) > 1
    return bool(ordered and low and (top == threshold).any())


def rows(keep: Callable[[Tensor, float], Tensor]) -> Callable:
    """The rows of another mask."""
    return lambda probs, threshold: keep(probs, threshold).nonzero().flatten()


def sure(probs: Tensor, threshold: float) -> Tensor:
    """The right mask."""
    return probs.amax(1) >= threshold


def sorted_by_confidence(descending: bool) -> Callable:
    def wrong(probs, threshold):
        order = probs.amax(1).argsort(descending=descending, stable=True)
        return order[sure(probs, threshold)[order]]

    return wrong


FILTER = {
    "images exactly at the threshold are missing: \"at least\" is >=, not >": (rows(lambda probs, t: probs.amax(1) > t),),
    "the unsure images stay: keep those whose highest probability is at least the threshold": (
        rows(lambda probs, t: probs.amax(1) < t),
        rows(lambda probs, t: probs.amax(1) <= t),
    ),
    "no image stays: compare the highest probability of each row, not its mean or its lowest": (
        rows(lambda probs, t: probs.mean(1) >= t),
        rows(lambda probs, t: probs.amin(1) >= t),
    ),
    "every image stays: compare the highest probability of each row with the threshold; the sum of a row is always 1": (
        rows(lambda probs, t: probs.sum(1) >= t),
        rows(lambda probs, t: probs.sum(1) > t),
    ),
    "the highest probability is taken over the images (dim=0): each row is one image, so take it along dim=1": (
        rows(lambda probs, t: probs.amax(0) >= t),
    ),
    "an image comes once for each of its classes above the threshold: each comes once, by its highest probability": (
        lambda probs, t: (probs >= t).nonzero()[:, 0],
    ),
    "pairs of row and class are returned: compare one number for each row, its highest probability": (lambda probs, t: (probs >= t).nonzero(),),
    "the result is a column, (M, 1): .nonzero().flatten() is a list of row numbers, (M,)": (lambda probs, t: sure(probs, t).nonzero(),),
    "the numbers of classes are returned: return those of the rows": (
        lambda probs, t: probs.argmax(1)[sure(probs, t)],
        lambda probs, t: probs.argmax(1),
    ),
    "the number of the class is compared with the threshold: argmax gives a number, amax the probability": (
        rows(lambda probs, t: probs.argmax(1) >= t),
        rows(lambda probs, t: probs.argmax(1) > t),
    ),
    "the rows come in another order: return them rising, as .nonzero() does": tuple(map(sorted_by_confidence, (True, False))),
    "only one class is looked at: any class may have the highest probability": (
        rows(lambda probs, t: probs[:, 0] >= t),
        rows(lambda probs, t: probs[:, -1] >= t),
    ),
    "the threshold is a fixed number in the code: use the argument": tuple(
        rows(lambda probs, t, fixed=fixed: probs.amax(1) >= fixed) for fixed in (0.3, 0.5, 0.7, 0.8, 0.9)
    ),
    "the softmax is taken again: the rows are probabilities already": (rows(lambda probs, t: probs.softmax(1).amax(1) >= t),),
    "a mask of 0 and 1 is returned: return the numbers of the rows with 1, mask.nonzero().flatten()": (lambda probs, t: sure(probs, t).long(),),
    "values are returned, cut off to 0: return the numbers of the rows": (
        lambda probs, t: probs.amax(1)[sure(probs, t)].long(),
        lambda probs, t: probs[sure(probs, t)].long(),
    ),
    "rows that are dropped leave a number behind: return only those that stay": (
        lambda probs, t: torch.arange(len(probs)) * sure(probs, t),
        lambda probs, t: torch.arange(len(probs)).where(sure(probs, t), torch.tensor(-1)),
    ),
    "the rows are numbered from 1: the first one is row 0": (lambda probs, t: filter(probs, t) + 1,),
    "only one row is returned: all that are sure stay (is `return` inside the loop, or = where a list is appended to?)": (
        lambda probs, t: filter(probs, t)[:1],
        lambda probs, t: filter(probs, t)[-1:],
        lambda probs, t: filter(probs, t)[0],
        lambda probs, t: filter(probs, t)[-1],
    ),
    "the rows are counted: return their numbers": (
        lambda probs, t: sure(probs, t).sum(),
        lambda probs, t: sure(probs, t).sum()[None],
    ),
}

check_filter = Check("filter", filter, labelled, FILTER, Kind.WHOLE)
