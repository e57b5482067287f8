"""The second exercise of notebook 07: BYOL's loss in both directions, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.check import Check
from ssl_lab.losses import byol_regression


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


def one_way(x1, x2, *networks, p=predicted):
    return byol_regression(p(x1, *networks), aimed(x2, *networks).detach())


def raw(size: Callable[[Tensor], Tensor]) -> Callable:
    """The loss by squared differences of vectors of any length."""

    def wrong(x1, x2, online, predictor, target):
        return size((predictor(online(x1)) - target(x2)).square()) + size((predictor(online(x2)) - target(x1)).square())

    return wrong


def mixed(first: tuple[int, int], second: tuple[int, int]) -> Callable:
    """The loss as two terms, each of a prediction and a target, by the number of the view."""

    def wrong(x1, x2, *networks):
        p, t = ([network(x, *networks) for x in (x1, x2)] for network in (predicted, aimed))
        return sum(byol_regression(p[a], t[b].detach()) for a, b in (first, second))

    return wrong


LOSS = {
    "a gradient flows into the target: the target is a constant, so use torch.no_grad() or .detach(), in both directions": (
        both_ways(predicted, aimed),
        lambda x1, x2, *networks: one_way(x1, x2, *networks) + byol_regression(predicted(x2, *networks), aimed(x1, *networks)),
        lambda x1, x2, *networks: one_way(x2, x1, *networks) + byol_regression(predicted(x1, *networks), aimed(x2, *networks)),
    ),
    "the gradient is stopped on the wrong side, so the online network does not learn: detach the target, and leave the prediction as it is": (
        both_ways(lambda *given: predicted(*given).detach(), aimed),
    ),
    "the predictor is on the target's side: it belongs to the online network only, and the target is target(x)": (
        both_ways(predicted, aimed_and_predicted),
        both_ways(projected, aimed_and_predicted),  # the same as both networks in each other's place
    ),
    "the predictor is left out: the online network predicts the target with predictor(online(x))": (
        both_ways(projected, aimed),
        lambda x1, x2, *networks: one_way(x1, x2, *networks) + one_way(x2, x1, *networks, p=projected),
        lambda x1, x2, *networks: one_way(x1, x2, *networks, p=projected) + one_way(x2, x1, *networks),
    ),
    "only one direction is counted: each view predicts the other, so add two terms": (
        mixed((0, 1), (0, 1)),
        mixed((1, 0), (1, 0)),
        one_way,
        lambda x1, x2, *networks: one_way(x2, x1, *networks),
        lambda x1, x2, *networks: one_way(x1, x2, *networks) / 2,
        lambda x1, x2, *networks: one_way(x2, x1, *networks) / 2,
    ),
    "both networks get the same view: the prediction comes from one view, and the target from the other": (mixed((0, 0), (1, 1)),),
    "both terms use the same prediction or the same target: the second term has the two views the other way round": (
        mixed((0, 1), (1, 1)),
        mixed((0, 0), (1, 0)),
        mixed((0, 1), (0, 0)),
        mixed((1, 1), (1, 0)),
    ),
    "the online network is its own target: use target(x), the slow copy": (
        both_ways(predicted, projected),
        both_ways(predicted, predicted),
    ),
    "all four pairs of views are counted: each view predicts only the other one": (
        lambda *given: mixed((0, 1), (1, 0))(*given) + mixed((0, 0), (1, 1))(*given),
    ),
    "half of the loss is returned: add the two directions without a mean, and each of them is 2 − 2 cos, not 1 − cos": (
        lambda *given: byol_loss(*given) / 2,
    ),
    "the cosine is there, but a 2 is missing: each direction is 2 − 2 cos, which is 0 for equal directions": (
        lambda *given: byol_loss(*given) / 2 - 2,
        lambda *given: byol_loss(*given) / 4 - 1,
        lambda *given: byol_loss(*given) - 4,
    ),
    "the mean is taken over the features, too (mse_loss does that): add the squares of one row, and take the mean over the rows only": (
        lambda x1, x2, online, *networks: byol_loss(x1, x2, online, *networks) / online(x1).shape[1],
        lambda x1, x2, online, *networks: byol_loss(x1, x2, online, *networks) / online(x1).shape[1] / 2,
    ),
    "the two directions are subtracted: add them": (
        lambda x1, x2, *networks: one_way(x1, x2, *networks) - one_way(x2, x1, *networks),
        lambda x1, x2, *networks: one_way(x2, x1, *networks) - one_way(x1, x2, *networks),
    ),
    "the loss is doubled: add each direction once": (lambda *given: 2 * byol_loss(*given),),
    "vectors of any length are compared: byol_regression normalises both, and adds up the features": (
        raw(lambda squares: squares.sum(dim=1).mean()),
        raw(torch.mean),
        raw(torch.sum),
        lambda *given: raw(torch.mean)(*given) / 2,
    ),
    "the sign is wrong: the loss is a distance, 0 where prediction and target agree": (lambda *given: -byol_loss(*given),),
}

check_byol_loss = Check("byol_loss", byol_loss, views_and_networks, LOSS, needs="the mean over the batch, of both directions added")
