"""The fourth exercise of notebook 02: normalised mutual information, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.geometry import nmi


def labellings(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Two labels of each image, the first always the same. In two all pairs of labels occur, in the next two some do not; then one group in both."""
    for number, (N, A, B, alike, whole) in enumerate([(18, 2, 3, 0.5, True), (48, 3, 4, 0.4, True), (16, 4, 3, 0.6, False), (15, 3, 5, 0.4, False)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        a = b = torch.zeros(1, dtype=torch.long)
        while not suits(a, b, A, B, whole):
            a = (torch.rand(N, generator=draw) ** 1.5 * A).long()
            b = torch.where(torch.rand(N, generator=draw) < alike, a % B, torch.randint(B, (N,), generator=draw))
        yield (a, b) if number < 3 else (a, torch.tensor([0, 2, 3, 6, 7])[b])  # numbers may be missing
    yield tuple(torch.full((5 + seed % 11,), label) for label in (0, 1))


def suits(a: Tensor, b: Tensor, A: int, B: int, whole: bool) -> bool:
    """Whether all labels occur, and whether all pairs of them do as this says."""
    return (len(a.unique()), len(b.unique())) == (A, B) and (len(torch.stack([a, b]).unique(dim=1).T) == A * B) == whole


def table(a: Tensor, b: Tensor) -> Tensor:
    """How often each pair of labels occurs."""
    size = int(a.max()) + 1, int(b.max()) + 1
    return torch.zeros(size, dtype=torch.double).index_put_((a, b), torch.ones((), dtype=torch.double), accumulate=True)


def entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum()


def undefined(p: Tensor) -> Tensor:
    """0 log 0 is nan."""
    return -(p * p.log()).sum()


def by(value: Callable, entropy: Callable = entropy, shares: Callable = lambda n: n / n.sum()) -> tuple[Callable, ...]:
    """What is made of H(a), H(b), H(a, b); with one group in both it is what it is, or 1, or 0."""

    def wrong(a, b, alone=None):
        p = shares(table(a, b))
        groups = len(a.unique()) * len(b.unique())
        return value(*(entropy(part) for part in (p.sum(1), p.sum(0), p))) if alone is None or groups > 1 else alone

    return wrong, lambda a, b: wrong(a, b, 1.0), lambda a, b: wrong(a, b, 0.0)


def of(value: Callable) -> tuple[Callable, ...]:
    """What is made of the three entropies, whatever becomes of 0 log 0."""
    return *by(value), *by(value, undefined)


def correct(a: Tensor, b: Tensor, joint: Tensor) -> Tensor:
    return 2 * (a + b - joint) / (a + b)


def counted(a: Tensor, b: Tensor) -> Tensor:
    """Σ p log(n_ab / (n_a n_b)), with numbers of images where shares belong."""
    n = table(a, b)
    return (torch.special.xlogy(n, n) - n.xlogy(n.sum(1, keepdim=True)) - n.xlogy(n.sum(0))).sum() / n.sum()


def half_of(entropies: Callable[[Tensor], Tensor]) -> Callable:
    return lambda a, b: counted(a, b) * 2 / sum(map(entropies, (table(a, b).sum(1), table(a, b).sum(0))))


LOG2 = torch.tensor(2.0).log()

NMI = {
    "the labels are compared for equality: their numbers mean nothing, so count how often each pair (a, b) occurs together": (
        lambda a, b: (a == b).double().mean(),
        lambda a, b: (a != b).double().mean(),
        lambda a, b: 100 * (a == b).double().mean(),
    ),
    "the information is not normalised: divide it by the mean of H(a) and H(b)": (
        *of(lambda a, b, joint: a + b - joint),
        *of(lambda a, b, joint: (a + b - joint) / LOG2),
    ),
    "the geometric mean is taken, the root of H(a) · H(b): divide by the arithmetic mean, (H(a) + H(b)) / 2": (
        *of(lambda a, b, joint: (a + b - joint) / (a * b).sqrt()),
    ),
    "the information is divided by the product of H(a) and H(b): divide by their mean": of(lambda a, b, joint: (a + b - joint) / (a * b)),
    "the information is divided by one of the two entropies, a certain one, the larger or the smaller: divide by their mean": (
        *of(lambda a, b, joint: (a + b - joint) / a),
        *of(lambda a, b, joint: (a + b - joint) / b),
        *of(lambda a, b, joint: (a + b - joint) / torch.maximum(a, b)),
        *of(lambda a, b, joint: (a + b - joint) / torch.minimum(a, b)),
    ),
    "the information is divided by the joint entropy H(a, b): divide by the mean of H(a) and H(b)": of(lambda a, b, joint: (a + b - joint) / joint),
    "the result is half of what it must be: divide by the mean of H(a) and H(b), which is half of their sum": (
        *of(lambda a, b, joint: correct(a, b, joint) / 2),
    ),
    "a factor is wrong: the mean is (H(a) + H(b)) / 2, with brackets, and it divides": (
        *of(lambda a, b, joint: 2 * correct(a, b, joint)),
        *of(lambda a, b, joint: (a + b - joint) / (a + b / 2)),
        *of(lambda a, b, joint: (a + b - joint) / a + b / 2),
        *of(lambda a, b, joint: (a + b - joint) / (a + b) / 2),
    ),
    "the sign is wrong: I(a; b) = H(a) + H(b) − H(a, b), and H = −Σ p log p": (
        *of(lambda a, b, joint: -correct(a, b, joint)),
        *of(lambda a, b, joint: 2 * (a + b + joint) / (a + b)),
    ),
    "two logarithms are mixed, log and log2: the ratio is the same for any, but only where it is the same one everywhere": (
        *of(lambda a, b, joint: correct(a, b, joint) * LOG2),
        *of(lambda a, b, joint: correct(a, b, joint) / LOG2),
    ),
    "a distance is returned, 0 for labellings that agree: nmi is 1 there": (
        *of(lambda a, b, joint: 1 - correct(a, b, joint)),
        *of(lambda a, b, joint: 2 * joint - a - b),
    ),
    "the conditional entropy takes the place of the information: I(a; b) = H(a) + H(b) − H(a, b)": (
        *of(lambda a, b, joint: 2 * (joint - a) / (a + b)),
        *of(lambda a, b, joint: 2 * (joint - b) / (a + b)),
    ),
    "the joint entropy takes the place of the information: I(a; b) = H(a) + H(b) − H(a, b)": of(lambda a, b, joint: 2 * joint / (a + b)),
    "a root is taken of the result: divide I(a; b) by the mean of H(a) and H(b), without a root": of(lambda a, b, joint: correct(a, b, joint).sqrt()),
    "numbers of images stand where shares belong: divide the counts by N before you take logarithms": (
        *by(correct, shares=lambda n: n),
        *by(correct, undefined, shares=lambda n: n),
        half_of(lambda n: entropy(n / n.sum())),
        half_of(entropy),
        lambda a, b: len(a) * nmi(a, b),
    ),
    "the entropy is a mean over the groups: add up −p log p over all of them": (
        *by(correct, lambda p: torch.special.entr(p).mean()),
        *by(correct, lambda p: torch.special.entr(p)[p > 0].mean()),
    ),
    "the information is divided by the logarithm of the number of groups: divide by the mean of H(a) and H(b)": tuple(
        lambda a, b, most=most: nmi(a, b) * (entropy(table(a, b).sum(1) / len(a)) + entropy(table(a, b).sum(0) / len(b))) / 2 / most(a, b)
        for most in (
            lambda a, b: a.max().add(1.0).log(),
            lambda a, b: b.max().add(1.0).log(),
            lambda a, b: (a.max().add(1.0).log() + b.max().add(1.0).log()) / 2,
            lambda a, b: (a.max().add(1.0).log() * b.max().add(1.0).log()).sqrt(),
        )
    ),
    "a pair of labels that never occurs gives nan, or stops: 0 log 0 counts as 0, so leave such pairs out": by(correct, undefined),
    "with one group in both labellings it goes wrong, since both entropies are 0: 0 / 0 counts as 1 there": by(correct)[::2],
}

check_nmi = Check("nmi", nmi, labellings, NMI, Kind.NUMBER, "the information over the mean of the two entropies")
