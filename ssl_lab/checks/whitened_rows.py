"""The third exercise of notebook 02: rows that are ready for k-means, and the ways in which it usually goes wrong."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.checks.answer import CLOSE, Answer, Kind, alike
from ssl_lab.checks.check import Check
from ssl_lab.checks.lengths import AXIS, ENTRIES, SQUARED, WHOLE
from ssl_lab.errors import require
from ssl_lab.kmeans import whitened_rows

SIZES = [  # N, D, dim
    (9, 4, 3),
    (12, 6, 4),
    (7, 7, 4),  # N = D: a covariance of the wrong axis fits here, and rows without their mean vary in six directions
    (10, 3, 2),
]
LARGE, SMALL = (1.5, 0.8), 0.25  # standard deviations along the directions that stay, and along the first one that does not; half of it, the next


def features(seed: int) -> Iterator[tuple[Tensor, int]]:
    """Rows far from 0, of different variances along turned directions; the first always the same. No whitened row is short, or rounding turns it."""
    for number, (N, D, dim) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        rank = min(D, N - 1)
        std = torch.cat([torch.linspace(*LARGE, dim), SMALL / torch.arange(1, rank - dim + 1)])
        uncorrelated = torch.zeros(1, dim)
        while uncorrelated[:, :dim].norm(dim=1).min() < 0.7:
            uncorrelated = N**0.5 * torch.linalg.qr(centred(torch.randn(N, rank, generator=draw, dtype=torch.double)))[0]
        mean, turn = (torch.randn(shape, generator=draw, dtype=torch.double) for shape in ((1, D), (D, D)))
        yield (uncorrelated * std @ torch.linalg.qr(turn)[0][:rank] + 2 * unit(mean)).float(), dim


@dataclass(frozen=True, eq=False)
class Turned(Check):
    """A checker for rows that may be turned or mirrored, all of them alike: the products of any two are compared, and how many numbers a row has."""

    def ask(self, fn: Callable, case: tuple) -> Answer:
        answer = super().ask(fn, case)
        return dataclasses.replace(answer, values=tuple(part for z in answer.values for part in (products(z, len(case[0])), torch.tensor(z.shape))))

    def unlike(self, cases: list[tuple], mine: list[Answer], right: list[Answer]) -> str:
        """The first place where shapes, lengths or products of rows differ: what was seen there, and what was expected."""
        pairs = zip(cases, (answer.values for answer in mine), (answer.values for answer in right))
        case, (m, given), (r, needed) = next((case, m, r) for case, m, r in pairs if not all(map(alike, m, r)))
        said = f"for {self.described(case)}"
        if not given.equal(needed):
            return f"{said} it gives a result of shape {tuple(given.tolist())}, expected is {tuple(needed.tolist())}"
        off = ~torch.isclose(m, r, **CLOSE)
        if off.diagonal().any():
            row = int(off.diagonal().nonzero()[0])
            return f"{said} row {row} has the length {m[row, row].sqrt():.4g}, expected is 1; no usual mistake gives this"
        i, j = off.nonzero()[0].tolist()
        return f"{said} the product of rows {i} and {j} is {m[i, j]:.4g}, expected is {r[i, j]:.4g}; no usual mistake gives this"


def products(z: Tensor, N: int) -> Tensor:
    """Of every row with every other; of the columns, where these are the N images; what is no table stays as it is."""
    if z.dim() != 2:
        return z
    return z.T @ z if z.shape[1] == N != z.shape[0] else z @ z.T


def centred(h: Tensor) -> Tensor:
    return h - h.mean(0)


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Variances, falling, and their directions, the columns; from x as it is, whose mean should be 0."""
    variances, directions = torch.linalg.eigh(x.T @ x / len(x))
    return variances.flip(0), directions.flip(1)


def white(x: Tensor, dim: int, of: Tensor | None = None) -> Tensor:
    """The first dim directions of `of`, or of x itself, each divided by its standard deviation.   Raises: InputError, as `real`."""
    variances, directions = axes(x if of is None else of)
    return x @ directions[:, :dim] / real(variances[:dim], variances).sqrt()


def real(some: Tensor, variances: Tensor) -> Tensor:
    """Some of these variances, which are to be divided by.   Raises: InputError where one is 0 but for rounding, as the result would be, too."""
    require(bool(some.min() > 1e-9 * variances.max()), "nothing varies in one of these directions")
    return some


def made(rows: Callable[[Tensor, int], Tensor]) -> Callable:
    """What is made of h in float64, so that directions of small variance are those of any student."""
    return lambda h, dim: rows(h.double(), dim)


def ended(rows: Callable[[Tensor, int], Tensor]) -> tuple[Callable, ...]:
    """These rows, divided by their lengths."""
    return (made(lambda h, dim: unit(rows(h, dim))),)


def bare(rows: Callable[[Tensor, int], Tensor]) -> tuple[Callable, ...]:
    """These rows as they are, whitened by a covariance that is divided by N or by N - 1."""
    return made(rows), made(lambda h, dim: rows(h, dim) * ((len(h) - 1) / len(h)) ** 0.5)


def over(scale: Callable[[Tensor, int], Tensor]) -> tuple[Callable, ...]:
    """The right directions, divided by something that is made of all variances, falling."""
    return ended(lambda h, dim: centred(h) @ axes(centred(h))[1][:, :dim] / scale(axes(centred(h))[0], dim))


def divided(length: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """Right whitened rows, divided by something that is made of them and of h."""
    return made(lambda h, dim: (z := white(centred(h), dim)) / length(z, h))


def standard(h: Tensor) -> Tensor:
    return centred(h) / h.std(0)


def smallest(h: Tensor, dim: int) -> Tensor:
    return white(centred(h), h.shape[1])[:, -dim:]


def by_rows_of(covariance: Callable[[Tensor], Tensor]) -> Callable:
    """Rows of the matrix of eigenvectors in place of its columns. The signs of the columns count, so this is computed as a student does it."""

    def wrong(h, dim):
        variances, directions = torch.linalg.eigh(covariance(h))
        return unit(centred(h) @ directions[-dim:].T / variances[-dim:].sqrt())

    return wrong


def back(h: Tensor, dim: int) -> Tensor:
    """Whitened, and turned back to the features (ZCA)."""
    return white(centred(h), dim) @ axes(centred(h))[1][:, :dim].T


def of_pictures(h: Tensor, dim: int) -> Tensor:
    """The covariance that torch.cov gives for h in place of h.T, which fits where N = D."""
    variances, directions = torch.linalg.eigh(torch.cov(h))
    return centred(h) @ directions[:, -dim:] / variances[-dim:].sqrt()


def column(z: Tensor) -> Tensor:
    return z.norm(dim=1, keepdim=True)


WHITENED = {
    "the mean is not subtracted: make h − h.mean(dim=0), for the covariance and for the rows that are turned": (
        *ended(white),
        *ended(lambda h, dim: white(h, dim, of=centred(h))),
        *ended(lambda h, dim: white(centred(h), dim, of=h)),
        *bare(white),
        *bare(lambda h, dim: white(h, dim, of=centred(h))),
        *(wrong for end in (ended, bare) for wrong in end(lambda h, dim: white(unit(h), dim))),
    ),
    "the mean is taken along the wrong axis: every feature has its own mean over the pictures, h.mean(dim=0)": tuple(
        wrong
        for mean in (lambda h: h.mean(1, keepdim=True), lambda h: h.mean())
        for of in (lambda h, x: x, lambda h, x: centred(h))
        for wrong in ended(lambda h, dim, mean=mean, of=of: white(h - mean(h), dim, of=of(h, h - mean(h))))
    ),
    "the rows are divided by their lengths before the whitening, which changes the lengths: whiten first, then give every row the length 1": (
        *(wrong for end in (ended, bare) for wrong in end(lambda h, dim: white(centred(unit(h)), dim))),
        *(wrong for end in (ended, bare) for wrong in end(lambda h, dim: white(unit(centred(h)), dim))),
        *(wrong for end in (ended, bare) for wrong in end(lambda h, dim: white(centred(unit(centred(h))), dim))),
    ),
    "the rows do not have length 1: divide each by its own length after the whitening": bare(lambda h, dim: white(centred(h), dim)),
    AXIS: (divided(lambda z, h: z.norm(dim=0)),),
    WHOLE: (divided(lambda z, h: z.norm()),),
    SQUARED: (divided(lambda z, h: column(z) ** 2), divided(lambda z, h: column(z) ** 0.5)),
    ENTRIES: (divided(lambda z, h: z.abs().sum(1, keepdim=True)),),
    "the rows are divided by the lengths that they had before the whitening: take the lengths of the whitened rows": (
        divided(lambda z, h: column(h)),
        divided(lambda z, h: column(centred(h))),
    ),
    "the directions keep their variances: whitening divides each by its standard deviation, the square root of its eigenvalue": (
        *over(lambda variances, dim: 1),
        made(lambda h, dim: centred(h) @ axes(centred(h))[1][:, :dim]),
    ),
    "the directions are divided by their variances: take the square root of the eigenvalues, the standard deviations": over(
        lambda variances, dim: variances[:dim]
    ),
    "a square root too many: singular values of the rows are standard deviations (times √N), only eigenvalues of a covariance are variances": over(
        lambda variances, dim: variances[:dim] ** 0.25
    ),
    "the directions are multiplied by their standard deviations: divide by them": over(lambda variances, dim: variances[:dim] ** -0.5),
    "the directions of the smallest variances are kept: eigh sorts them upwards, so the largest stand in the last columns": ended(smallest),
    "a direction is divided by the standard deviation of another one: bring the variances into the order of the directions": (
        *over(lambda variances, dim: variances[:dim].flip(0).sqrt()),
        *over(lambda variances, dim: real(variances[-dim:], variances).sqrt()),
        *over(lambda variances, dim: real(variances[-dim:], variances).flip(0).sqrt()),
    ),
    "rows of the matrix of eigenvectors are taken: eigh gives the directions as columns, directions[:, -dim:]": (
        by_rows_of(lambda h: torch.cov(h.T)),
        by_rows_of(lambda h: centred(h).T @ centred(h) / len(h)),
    ),
    "all D directions stay, or the rows are turned back to D features: return the dim directions of the largest variances": (
        *(wrong for rows in (lambda h, dim: white(centred(h), h.shape[1]), back) for end in (ended, bare) for wrong in end(rows)),
    ),
    "the first dim features are kept: keep the first dim directions, after the features were turned": (
        *ended(lambda h, dim: white(centred(h)[:, :dim], dim)),
        *ended(lambda h, dim: standard(h)[:, :dim]),
    ),
    "the features are divided by their own standard deviations: divide the principal directions by theirs, and nothing before": (
        *ended(lambda h, dim: standard(h)),
        *ended(lambda h, dim: white(standard(h), dim)),
        *ended(lambda h, dim: standard(h) @ axes(standard(h))[1][:, :dim]),
    ),
    "the covariance is that of the pictures, (N, N): that of the features is (D, D), and torch.cov takes h.T": ended(of_pictures),
    "the result is transposed: return a row for each picture, (N, dim)": (made(lambda h, dim: whitened_rows(h, dim).T),),
}

check_whitened_rows = Turned("whitened_rows", whitened_rows, features, WHITENED, Kind.MATRIX)
