"""The fourth exercise of notebook 06: predictions in all four directions, and the ways in which they usually go wrong."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.causal import causal
from ssl_lab.checks.check import Check
from ssl_lab.losses import cpc_nce

SIZES = [(2, 3, 2, 4, 1, 2), (3, 3, 3, 3, 1, 2), (4, 4, 4, 4, 2, 2), (2, 4, 2, 5, 1, 3)]  # B, D, d, G, the first step, how many; twice, all axes fit


def four_directions(z: Float[Tensor, "B D G G"], target: Float[Tensor, "B d G G"], context: Callable, W: list[dict]) -> Float[Tensor, ""]:
    """CPC's loss in four directions: the mean over turns by 90° and over steps k of the loss that finds the target k rows below.

    context: z → c, of which row r sees the rows of z up to r.   W: for each turn, k → the function that makes predictions of c.
    """
    losses = []
    for turn in range(4):
        c = context(turned(z, turn))
        losses += [cpc_nce(predict(c), turned(target, turn), k) for k, predict in W[turn].items()]
    return torch.stack(losses).mean()


def turned(x: Float[Tensor, "B c G J"], turn: int) -> Float[Tensor, "B c _ _"]:
    """The grid, turned by 90°, counter-clockwise, so many times."""
    return x.rot90(turn, (2, 3))


@dataclass(frozen=True, eq=False)
class Map:
    """A small network that shows its name: a masked convolution and tanh, or a matrix at every position."""

    name: str
    W: Tensor

    def __call__(self, x: Float[Tensor, "B c G J"]) -> Float[Tensor, "B e G J"]:
        return torch.tanh(causal(x, self.W)) if self.W.ndim == 4 else torch.einsum("ec,bcij->beij", self.W, x)

    def __repr__(self) -> str:
        return f"{self.name}: a function of (B, {self.W.shape[1]}, G, G)"


def latents(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, int]]:
    """Latents, targets, the weights of the context and of all W, and the first step; the first always the same."""
    for number, (B, D, d, G, first, steps) in enumerate(SIZES):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        shapes = (B, D, G, G), (B, d, G, G), (D, D, 2, 3), (4, steps, d, D)
        yield *(torch.randn(shape, generator=draw) for shape in shapes), first


def networks(z: Tensor, target: Tensor, weight: Tensor, Ws: Tensor, first: int) -> tuple:
    """What is given to a function: the context and every W_k as functions."""
    W = [{k: Map(f"W[{turn}][{k}]", one) for k, one in enumerate(some, start=first)} for turn, some in enumerate(Ws)]
    return z, target, Map("context", weight), W


class Directions(Check):
    """A checker that describes an input by what a function gets of it, z and target."""

    def described(self, case: tuple) -> str:
        return super().described(case[:2])


def mean(terms: list[list[Tensor]]) -> Tensor:
    return torch.stack([loss for some in terms for loss in some]).mean()


def predicted(z: Tensor, turn: int, context: Callable, predict: Callable) -> Tensor:
    return predict(context(turned(z, turn)))


def wrong(
    made: Callable = predicted,
    aim: Callable = turned,
    which: Callable = lambda turn, k, ks: (turn, k),
    step: Callable = lambda k, ks: k,
    turns: Iterable[int] = range(4),
    after: Callable = mean,
    loss: Callable = cpc_nce,
) -> Callable:
    """The loss, with one of its parts replaced.

    made: the prediction, of (z, turn, context, W_k).   aim: the target, turned.   which: the turn and step of W.   step: the k of the loss.
    after: what is made of the losses, a list for each turn.
    """

    def directions(z, target, context, W):
        def one(turn, k, ks):
            of, at = which(turn, k, ks)
            return loss(made(z, turn, context, W[of][at]), aim(target, turn), step(k, ks))

        return after([[one(turn, k, list(W[turn])) for k in W[turn]] for turn in turns])

    return directions


def moved(by: Callable[[Tensor, int], Tensor]) -> Callable:
    """Latents and targets are moved in another way than by turns."""
    return wrong(made=lambda z, turn, context, predict: predict(context(by(z, turn))), aim=by)


def latents_moved(by: Callable[[Tensor, int], Tensor], aim: Callable = turned) -> Callable:
    return wrong(made=lambda z, turn, context, predict: predict(context(by(z, turn))), aim=aim)


def still(x: Tensor, turn: int) -> Tensor:
    return x


def back(x: Tensor, turn: int) -> Tensor:
    return turned(x, -turn)


def across(*dims: int) -> Callable:
    """A turn in the plane of other axes."""
    return lambda x, turn: x.rot90(turn, dims)


def one_of(*ways: Callable[[Tensor], Tensor]) -> Callable:
    """For each turn but none its own way to move the grid."""
    return lambda x, turn: ways[turn - 1](x) if turn else x


def swapped(x: Tensor) -> Tensor:
    return x.transpose(2, 3)


def flipped(*dims: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.flip(dims)


def weighted(terms: list[list[Tensor]], steps: Iterable[int], G: int) -> Tensor:
    """The mean over all predictions, of which a larger step has fewer."""
    many = torch.tensor([float(G - k) for k in steps])
    return (torch.stack([torch.stack(some) for some in terms]) * many).mean(0).sum() / many.sum()


FOUR = {
    "the targets are not turned: they lie in the grid that was turned, so turn z and target both": (wrong(aim=still),),
    "z is not turned: the context sees what lies above, so turn z and target both": (latents_moved(still),),
    "neither z nor target is turned, so that all four directions go down: turn both by rot90(turn, (2, 3))": (moved(still),),
    "z and target are turned in opposite ways: turn both by rot90(turn, (2, 3))": (latents_moved(back), wrong(aim=back)),
    "the grid is turned the other way: W[1] is for the grid turned once by rot90(1, (2, 3)), which is counter-clockwise": (moved(back),),
    "W and the grid do not belong together: W[turn] is for the grid that is turned `turn` times": (
        wrong(which=lambda turn, k, ks: (3 - turn, k)),
        wrong(which=lambda turn, k, ks: ((turn + 1) % 4, k)),
        wrong(which=lambda turn, k, ks: ((turn - 1) % 4, k)),
        wrong(which=lambda turn, k, ks: ((turn + 2) % 4, k)),
    ),
    "the grid is turned again and again: turn z and target themselves, not what was turned before, or by one turn each time": (
        moved(lambda x, turn: turned(x, turn * (turn + 1) // 2)),
        moved(lambda x, turn: turned(x, min(turn, 1))),
        moved(lambda x, turn: turned(x, 1)),
        moved(lambda x, turn: turned(x, 2 * turn)),
    ),
    "the context is computed once and turned afterwards: it saw what lay above in the unturned grid, so turn z first, and then take the context": (
        wrong(made=lambda z, turn, context, predict: predict(turned(context(z), turn))),
    ),
    "predictions are not turned, or turned back: leave predictions and targets in the turned grid, where the step goes down": (
        wrong(made=lambda z, turn, context, predict: turned(predict(context(turned(z, turn))), -turn)),
        wrong(made=lambda z, turn, context, predict: turned(predict(context(turned(z, turn))), -turn), aim=still),
        wrong(made=lambda z, turn, context, predict: turned(predict(context(turned(z, turn))), turn)),
    ),
    "the grid is flipped or transposed in place of being turned: use rot90(turn, (2, 3))": (
        moved(one_of(swapped, flipped(2), lambda x: swapped(x).flip(2))),
        moved(one_of(swapped, flipped(2), lambda x: swapped(x.flip(2)))),
        moved(one_of(swapped, flipped(2, 3), lambda x: swapped(x).flip(2, 3))),
        moved(one_of(flipped(2), flipped(3), flipped(2, 3))),
        moved(one_of(flipped(3), flipped(2), flipped(2, 3))),
        moved(one_of(flipped(3), flipped(2, 3), flipped(2))),
        moved(one_of(lambda x: turned(x, 1), flipped(2), lambda x: turned(x, 3))),
        moved(one_of(swapped, lambda x: turned(x, 2), swapped)),
        moved(lambda x, turn: swapped(x) if turn % 2 else x),
        moved(lambda x, turn: x.flip(2) if turn % 2 else x),
    ),
    "other axes are turned: rows and columns are axes 2 and 3, so rot90(turn, (2, 3)); without them rot90 turns images and channels": (
        moved(across(0, 1)),
        moved(across(1, 2)),
        moved(across(1, 3)),
        moved(across(0, 2)),
        moved(across(0, 3)),
    ),
    "one W is used for all steps: take W[turn][k] for the step k": (
        wrong(which=lambda turn, k, ks: (turn, ks[0])),
        wrong(which=lambda turn, k, ks: (turn, ks[-1])),
    ),
    "W and k do not belong together: take W[turn][k] for the step k": (
        wrong(which=lambda turn, k, ks: (turn, ks[::-1][ks.index(k)])),
        wrong(which=lambda turn, k, ks: (turn, ks[ks.index(k) - 1])),
    ),
    "one W is used for all directions: every turn has its own, so take W[turn][k]": (
        *(wrong(which=lambda turn, k, ks, only=only: (only, k)) for only in range(4)),
        wrong(which=lambda turn, k, ks: (0, ks[0])),
        wrong(which=lambda turn, k, ks: (3, ks[-1])),
    ),
    "the step is a fixed number in the code: hand k on to cpc_nce": (
        wrong(step=lambda k, ks: ks[0]),
        wrong(step=lambda k, ks: ks[-1]),
        wrong(step=lambda k, ks: 1),
        wrong(step=lambda k, ks: 2),
    ),
    "the steps are counted, or off by one: the keys of W[turn] are the steps, so hand k on to cpc_nce as it is": (
        wrong(step=lambda k, ks: ks.index(k) + 1),
        wrong(step=lambda k, ks: k - 1),
        wrong(step=lambda k, ks: k + 1),
        wrong(step=lambda k, ks: len(ks)),
    ),
    "some directions are left out: turn the grid 0, 1, 2 and 3 times (is `return` inside the loop, or = where += is meant?)": tuple(
        wrong(turns=turns) for turns in ([0], [1], [2], [3], [0, 2], [0, 1], [1, 3], [0, 1, 2], [1, 2, 3], [0, 2, 1, 0], [1, 2, 3, 1])
    ),
    "some steps are left out: every turn counts all steps in W[turn] (is `return` inside the loop, or = where += is meant?)": (
        wrong(after=lambda terms: terms[0][0]),
        wrong(after=lambda terms: terms[-1][-1]),
        wrong(after=lambda terms: mean([some[:1] for some in terms])),
        wrong(after=lambda terms: mean([some[-1:] for some in terms])),
        wrong(after=lambda terms: sum(some[-1] for some in terms)),
        wrong(after=lambda terms: terms[0][0] / sum(map(len, terms))),
        wrong(after=lambda terms: terms[-1][-1] / sum(map(len, terms))),
    ),
    "the result is a sum: take the mean over the four directions and all steps": (
        wrong(after=lambda terms: sum(map(sum, terms))),
        wrong(after=lambda terms: sum(map(sum, terms)) / 4),
        wrong(after=lambda terms: sum(map(sum, terms)) / len(terms[0])),
    ),
    "the mean is divided once more: divide the sum by the number of losses, four times that of the steps, once": (
        wrong(after=lambda terms: mean(terms) / 4),
        wrong(after=lambda terms: mean(terms) / len(terms[0])),
        wrong(after=lambda terms: mean(terms) / (4 * len(terms[0]))),
    ),
    "larger steps count less, since they have fewer predictions: every loss counts the same in the mean": (
        lambda z, target, context, W: wrong(after=lambda terms: weighted(terms, W[0], z.shape[2]))(z, target, context, W),
    ),
    "the context is left out: predictions are made of context(z)": (wrong(made=lambda z, turn, context, predict: predict(turned(z, turn))),),
    "z is the target: the targets are those that are given": (lambda z, target, context, W: wrong()(z, z, context, W),),
    "prediction and target are swapped in cpc_nce: the prediction comes first": (
        wrong(loss=lambda prediction, target, k: cpc_nce(target, prediction, k)),
    ),
    "a minus sign is too much: every direction pays": (wrong(after=lambda terms: -mean(terms)),),
    "the fraction is cut off by `//`: divide with `/`": (wrong(after=lambda terms: mean(terms).floor()),),
}

check_four_directions = Directions("four_directions", four_directions, latents, FOUR, needs="the mean over directions and steps", prepare=networks)
