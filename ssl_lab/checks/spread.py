"""The fourth exercise of notebook 07: the std that shows a collapse, and the ways in which it usually goes wrong."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.lengths import AXIS, SQUARED, WHOLE
from ssl_lab.losses import unit


def embedding_std(z: Float[Tensor, "B d"]) -> Float[Tensor, ""]:
    """How widely the embedding is spread: the std of each dimension over the batch, of unit rows, their mean times sqrt(d).

    1 for rows in all directions, 0 after a collapse; what `Method.stats` calls std.
    """
    return unit(z).std(dim=0).mean() * z.shape[1] ** 0.5


def spread(seed: int) -> Iterator[tuple[Tensor]]:
    """Rows of any length that have a direction in common; the first always the same."""
    for number, (B, d) in enumerate([(4, 3), (6, 5), (5, 8)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        yield (torch.randn(B, d, generator=draw) + torch.randn(d, generator=draw),)


def root(z: Tensor) -> float:
    """sqrt(d)."""
    return z.shape[1] ** 0.5


def of_rows(rows) -> tuple:
    """The std of other rows, with the factor sqrt(d) and without."""
    return lambda z: rows(z).std(dim=0).mean() * root(z), lambda z: rows(z).std(dim=0).mean()


STD = {
    "the rows are not normalised: divide each by its length first": of_rows(lambda z: z),
    AXIS: of_rows(lambda z: F.normalize(z, dim=0)),
    WHOLE: of_rows(lambda z: z / z.norm()),
    SQUARED: of_rows(lambda z: z / z.square().sum(dim=1, keepdim=True)),
    "the mean is subtracted before the rows are normalised, which measures the noise around a collapsed point: normalise z as it is": of_rows(
        lambda z: unit(z - z.mean(dim=0))
    ),
    "the std is taken along the features, dim=1: measure how each dimension varies over the batch, along dim=0": (
        lambda z: unit(z).std(dim=1).mean() * root(z),
        lambda z: unit(z).std(dim=1).mean(),
        lambda z: z.std(dim=1).mean() * root(z),
        lambda z: z.std(dim=1).mean(),
    ),
    "the factor sqrt(d) is missing: multiply by it, since rows in all directions have a std of 1 / sqrt(d) in each dimension": (
        lambda z: unit(z).std(dim=0).mean(),
    ),
    "the factor is wrong: it is sqrt(d) times the mean of the stds; their sum already contains a factor of d": (
        lambda z: unit(z).std(dim=0).mean() * z.shape[1],
        lambda z: unit(z).std(dim=0).sum() * root(z),
        lambda z: unit(z).std(dim=0).mean() / root(z),
        lambda z: unit(z).std(dim=0).mean() * len(z) ** 0.5,
    ),
    "one std is taken of all entries: take one for each dimension, over the batch, and then their mean": (
        lambda z: unit(z).std() * root(z),
        lambda z: unit(z).std(),
        lambda z: z.std() * root(z),
        lambda z: z.std(),
    ),
    "variances are averaged: take the root of the variance of each dimension first, and then the mean": (
        lambda z: unit(z).var(dim=0).mean() * root(z),
        lambda z: unit(z).var(dim=0).mean().sqrt() * root(z),
        lambda z: unit(z).var(dim=0).mean(),
        lambda z: unit(z).var(dim=0).sum(),
    ),
    "the variance is divided by B: this is a sample of images, so divide by B − 1, as torch's std does by default": (
        lambda z: unit(z).std(dim=0, correction=0).mean() * root(z),
    ),
    "the mean of each dimension is not subtracted: a std measures the distance from the mean": (
        lambda z: unit(z).square().mean(dim=0).sqrt().mean() * root(z),
    ),
    "the mean is taken where a std is asked for: measure how each dimension varies over the batch": (
        lambda z: unit(z).mean() * root(z),
        lambda z: unit(z).mean(),
    ),
}

check_embedding_std = Check("embedding_std", embedding_std, spread, STD, Kind.NUMBER, "the mean over the dimensions, times sqrt(d)")
