"""Exercises of notebook 07: BYOL's loss in both directions, the target's momentum, the std that shows a collapse, and how they usually go wrong."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.losses import byol_regression, unit


def byol_loss(x1: Float[Tensor, "B D"], x2: Float[Tensor, "B D"], online: Callable, predictor: Callable, target: Callable) -> Float[Tensor, ""]:
    """BYOL's loss, Eqn. 2 in both directions: predictions of the online network, and targets without a gradient.

    online = g∘f, predictor = q, target = g'∘f': functions of tensors.
    """
    p1, p2 = predictor(online(x1)), predictor(online(x2))
    with torch.no_grad():
        t1, t2 = target(x1), target(x2)
    return byol_regression(p1, t2) + byol_regression(p2, t1)


@dataclass(frozen=True, eq=False)
class Layer:
    """A small network that shows its name: x → tanh(x W)."""

    name: str
    W: Float[Tensor, "D d"]

    def __call__(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B d"]:
        return torch.tanh(x @ self.W)

    def __repr__(self) -> str:
        return f"{self.name}: x → tanh(x W), W of shape {tuple(self.W.shape)}"


def views_and_networks(seed: int) -> Iterator[tuple[Tensor, Tensor, Callable, Callable, Callable]]:
    """Two views, somewhat alike, and three networks, of which the target is not a copy of the online one; the first always the same."""
    for number, (B, D, d) in enumerate([(3, 4, 3), (4, 6, 5), (6, 5, 4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        x1, noise = (torch.randn(B, D, generator=draw) for _ in range(2))
        shapes = {"online": (D, d), "predictor": (d, d), "target": (D, d)}
        networks = (Layer(name, torch.randn(shape, generator=draw) / shape[0] ** 0.5) for name, shape in shapes.items())
        yield x1, x1 + noise, *networks


def both_ways(p: Callable, t: Callable) -> Callable:
    """The loss with other predictions and targets, each made of (x, online, predictor, target)."""
    return lambda x1, x2, *networks: byol_regression(p(x1, *networks), t(x2, *networks)) + byol_regression(p(x2, *networks), t(x1, *networks))


def predicted(x, online, predictor, target):
    return predictor(online(x))


def projected(x, online, predictor, target):
    return online(x)


def aimed(x, online, predictor, target):
    return target(x)


def aimed_and_predicted(x, online, predictor, target):
    return predictor(target(x))


def one_way(x1, x2, *networks):
    return byol_regression(predicted(x1, *networks), aimed(x2, *networks).detach())


def raw(size: Callable[[Tensor], Tensor]) -> Callable:
    """The loss by squared differences of vectors of any length."""

    def wrong(x1, x2, online, predictor, target):
        return size((predictor(online(x1)) - target(x2)).square()) + size((predictor(online(x2)) - target(x1)).square())

    return wrong


LOSS = {
    "a gradient flows into the target: it is a constant, so compute it under torch.no_grad(), or .detach() it, in both directions": (
        both_ways(predicted, aimed),
        lambda x1, x2, *networks: one_way(x1, x2, *networks) + byol_regression(predicted(x2, *networks), aimed(x1, *networks)),
        lambda x1, x2, *networks: one_way(x2, x1, *networks) + byol_regression(predicted(x1, *networks), aimed(x2, *networks)),
    ),
    "the gradient is stopped on the wrong side, so that the online network does not learn: detach the target, and leave the prediction as it is": (
        both_ways(lambda *given: predicted(*given).detach(), aimed),
    ),
    "the predictor is on the target's side: it belongs to the online network only, and the target is target(x)": (
        both_ways(predicted, aimed_and_predicted),
        both_ways(projected, aimed_and_predicted),  # the same as both networks in each other's place
    ),
    "the predictor is left out: the online network predicts the target with predictor(online(x))": (both_ways(projected, aimed),),
    "only one direction is counted: each view is predicted from the other, so two terms are added": (
        one_way,
        lambda x1, x2, *networks: one_way(x2, x1, *networks),
        lambda x1, x2, *networks: 2 * one_way(x1, x2, *networks),
        lambda x1, x2, *networks: 2 * one_way(x2, x1, *networks),
        lambda x1, x2, *networks: one_way(x1, x2, *networks) / 2,
        lambda x1, x2, *networks: one_way(x2, x1, *networks) / 2,
    ),
    "both networks see the same view: what the online network makes of one view predicts what the target makes of the other": (
        lambda x1, x2, *networks: one_way(x1, x1, *networks) + one_way(x2, x2, *networks),
    ),
    "the online network is its own target: take target(x), the slow copy": (
        both_ways(predicted, projected),
        both_ways(predicted, predicted),
    ),
    "the mean of the two directions is taken: add them, so that the loss lies between 0 and 8": (lambda *given: byol_loss(*given) / 2,),
    "vectors of any length are compared: byol_regression normalises both, and sums over the features": (
        raw(lambda squares: squares.sum(dim=1).mean()),
        raw(torch.mean),
        raw(torch.sum),
    ),
    "the sign is wrong: the loss is a distance, 0 where prediction and target agree": (lambda *given: -byol_loss(*given),),
}

check_byol_loss = Check("byol_loss", byol_loss, views_and_networks, LOSS, needs="the mean over the batch, of both directions added")


def target_momentum(m: float, progress: float) -> float:
    """What the target keeps of itself when this share of the training, 0 to 1, is done: from m up to 1, by half a cosine."""
    return 1 - (1 - m) * (math.cos(math.pi * progress) + 1) / 2


def moments(seed: int) -> Iterator[tuple[float, float]]:
    """Momenta, far enough from 1 to see what becomes of them, and moments before and after the middle; the first always the same."""
    for number, (low, high) in enumerate([(0.25, 0.25), (0.1, 0.4), (0.6, 0.9), (0.2, 0.4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        a, b = torch.rand(2, generator=draw, dtype=torch.float64).tolist()
        yield 0.5 + 0.45 * a if number else 0.9, low + (high - low) * b


MOMENTUM = {
    "it stays at m: it rises to 1 while progress goes from 0 to 1": (lambda m, progress: m,),
    "it rises in a straight line: it is half a cosine, flat at both ends": (lambda m, progress: m + (1 - m) * progress,),
    "the cosine is not halved: cos + 1 goes from 2 to 0, so divide it by 2": (lambda m, progress: 1 - (1 - m) * (math.cos(math.pi * progress) + 1),),
    "the 1 is not added: (cos + 1) / 2 goes from 1 to 0": (
        lambda m, progress: 1 - (1 - m) * math.cos(math.pi * progress),
        lambda m, progress: 1 - (1 - m) * math.cos(math.pi * progress) / 2,
    ),
    "it falls where it should rise: m at the start, 1 at the end": (
        lambda m, progress: target_momentum(m, 1 - progress),
        lambda m, progress: m * (math.cos(math.pi * progress) + 1) / 2,
    ),
    "it gives what the target takes of the online network: the momentum is what it keeps of itself, 1 minus that": (
        lambda m, progress: 1 - target_momentum(m, progress),
    ),
    "the factor before the cosine is wrong: it is 1 − m, the way that m has to go": (
        lambda m, progress: target_momentum(0, progress),
        lambda m, progress: target_momentum(1 - m, progress),
    ),
    "the angle is in degrees: math.cos takes radians, for which half a turn is math.pi": (
        lambda m, progress: target_momentum(m, 180 * progress / math.pi),
    ),
    "π is missing: the angle is π · progress": (lambda m, progress: target_momentum(m, progress / math.pi),),
    "the angle has a wrong factor: it goes from 0 to π, half a turn": (
        lambda m, progress: target_momentum(m, 2 * progress),
        lambda m, progress: target_momentum(m, progress / 2),
    ),
}

check_target_momentum = Check("target_momentum", target_momentum, moments, MOMENTUM, Kind.NUMBER, "the momentum at this moment")


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


STD = {
    "the rows are not normalised: divide each by its length first": (
        lambda z: z.std(dim=0).mean() * z.shape[1] ** 0.5,
        lambda z: z.std(dim=0).mean(),
    ),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (
        lambda z: F.normalize(z, dim=0).std(dim=0).mean() * z.shape[1] ** 0.5,
        lambda z: F.normalize(z, dim=0).std(dim=0).mean(),
        lambda z: (z / z.norm()).std(dim=0).mean() * z.shape[1] ** 0.5,
    ),
    "the mean is subtracted before the rows are normalised: that measures the noise around a collapsed point, so normalise z as it is": (
        lambda z: embedding_std(z - z.mean(dim=0)),
        lambda z: unit(z - z.mean(dim=0)).std(dim=0).mean(),
    ),
    "the std is taken along the features: it is how each dimension varies over the batch, along dim=0": (
        lambda z: unit(z).std(dim=1).mean() * z.shape[1] ** 0.5,
        lambda z: unit(z).std(dim=1).mean(),
    ),
    "the factor sqrt(d) is missing: multiply by it, since rows in all directions have a std of 1 / sqrt(d) in each dimension": (
        lambda z: unit(z).std(dim=0).mean(),
    ),
    "the factor is wrong: multiply by sqrt(d), since rows in all directions have a std of 1 / sqrt(d) in each dimension": (
        lambda z: unit(z).std(dim=0).mean() * z.shape[1],
        lambda z: unit(z).std(dim=0).mean() / z.shape[1] ** 0.5,
        lambda z: unit(z).std(dim=0).mean() * len(z) ** 0.5,
    ),
    "one std is taken of all entries: take one of each dimension, over the batch, and then their mean": (
        lambda z: unit(z).std() * z.shape[1] ** 0.5,
        lambda z: unit(z).std(),
    ),
    "the dimensions are summed: take the mean of their d stds": (lambda z: unit(z).std(dim=0).sum() * z.shape[1] ** 0.5,),
    "variances are averaged: take the root of each dimension's, and then the mean": (
        lambda z: unit(z).var(dim=0).mean() * z.shape[1] ** 0.5,
        lambda z: unit(z).var(dim=0).mean().sqrt() * z.shape[1] ** 0.5,
        lambda z: unit(z).var(dim=0).mean(),
    ),
    "the variance is divided by B: this is a sample of images, so divide by B − 1, as torch's std does by itself": (
        lambda z: unit(z).std(dim=0, correction=0).mean() * z.shape[1] ** 0.5,
    ),
}

check_embedding_std = Check("embedding_std", embedding_std, spread, STD, Kind.NUMBER, "the mean over the dimensions, times sqrt(d)")
