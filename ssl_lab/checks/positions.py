"""Positions of grids, numbered one after another, and what goes wrong where a prediction looks for the target k rows below among them."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_lab.losses import minus_log_share

Grid = Int[Tensor, "B H W"]  # the numbers of all positions: b · H · W + row · W + column


def rows(z: Float[Tensor, "B d H W"]) -> Float[Tensor, "M d"]:
    """The vectors of all positions, in the order of their numbers."""
    return z.permute(0, 2, 3, 1).flatten(0, 2)


def numbers(z: Float[Tensor, "B d H W"]) -> Grid:
    return torch.arange(z[:, 0].numel()).view(z[:, 0].shape)


def scores(prediction: Tensor, target: Tensor, k: int) -> tuple[Float[Tensor, "P M"], Int[Tensor, " P"]]:
    """Of every prediction that has a target, with all positions; and the number of its target."""
    asked, own = below(numbers(target), k)
    return (rows(prediction) @ rows(target).T)[asked], own


def below(n: Grid, k: int) -> tuple[Tensor, Tensor]:
    """Who predicts, and whose target it is: k rows below."""
    return n[:, :-k].flatten(), n[:, k:].flatten()


def paid(s: Float[Tensor, "P M"], own: Int[Tensor, " P"]) -> Float[Tensor, " P"]:
    """What each prediction pays, rightly."""
    return minus_log_share(s, s.gather(1, own[:, None])[:, 0])


def pairs(of: Callable[[Grid, int], tuple[Tensor, Tensor]]) -> Callable:
    """The loss with other pairs of position and target, made of the numbers of all positions and k."""

    def wrong(prediction, target, k):
        asked, own = (n.flatten() for n in of(numbers(target), k))
        return paid((rows(prediction) @ rows(target).T)[asked], own).mean()

    return wrong


def among(allowed: Callable[..., Tensor]) -> Callable:
    """The loss with fewer candidates, of which the target is always one.

    allowed: of the pairs b, r and c (image, row and column of the target and of all candidates), k and H.
    """

    def wrong(prediction, target, k):
        s, own = scores(prediction, target, k)
        B, _, H, W = target.shape
        places = torch.cartesian_prod(*map(torch.arange, (B, H, W))).T
        kept = allowed(*((place[own][:, None], place) for place in places), k, H)
        return paid(s.masked_fill(~kept & (own[:, None] != torch.arange(B * H * W)), -torch.inf), own).mean()

    return wrong


def same(pair: tuple[Tensor, Tensor]) -> Tensor:
    return pair[0] == pair[1]


WHICH = {  # hint → functions, of the position that is the target
    "the offset of k rows is missing: the prediction at row r is for row r + k, of the same column": (
        pairs(lambda n, k: (n, n)),
        pairs(lambda n, k: (n[:, :-k], n[:, :-k])),
        pairs(lambda n, k: (n[:, k:], n[:, k:])),
    ),
    "the offset is one row off: the prediction at row r is for row r + k (k is 1 for the next row)": (
        pairs(lambda n, k: (n[:, : -k - 1], n[:, k + 1 :])),
        pairs(lambda n, k: (n[:, : n.shape[1] - k + 1], n[:, k - 1 :])),
        pairs(lambda n, k: (n[:, :-k], n[:, k - 1 : -1])),
    ),
    "the prediction goes up: the target of row r is row r + k, which lies below, so pair prediction[:, :, :-k] with target[:, :, k:]": (
        pairs(lambda n, k: (n[:, k:], n[:, :-k])),
    ),
    "columns are shifted in place of rows: rows are dim 2, and the prediction at row r is for row r + k of the same column": (
        pairs(lambda n, k: (n[:, :, :-k], n[:, :, k:])),
        pairs(lambda n, k: (n[:, :, k:], n[:, :, :-k])),
    ),
    "rows and columns are shifted both: the prediction at row r is for row r + k of the same column": (
        pairs(lambda n, k: (n[:, :-k, :-k], n[:, k:, k:])),
    ),
    "k is a fixed number in the code: use the argument k": (
        pairs(lambda n, k: below(n, 1)),
        pairs(lambda n, k: below(n, 2)),
    ),
    "the last k rows are not left out: they have no target, so take prediction[:, :, :-k]; roll goes around the edge": (
        pairs(lambda n, k: (n, n.roll(-k, 1))),
        pairs(lambda n, k: (n, n.roll(k, 1))),
        pairs(lambda n, k: (n, n.flatten().roll(-k * n.shape[2]))),
        pairs(lambda n, k: (n, n[:, (torch.arange(n.shape[1]) + k).clamp(max=n.shape[1] - 1)])),
    ),
    "the positions are shifted by k, not by k rows: a row has W positions, so the target of position l is l + k · W": (
        pairs(lambda n, k: (n.flatten()[:-k], n.flatten()[k:])),
        pairs(lambda n, k: (n[:, :-k], n[:, :-k] + k)),
    ),
    "the number of the target forgets its image: position (b, r, c) has the number b · H · W + r · W + c": (
        pairs(lambda n, k: (n[:, :-k], n[:1, k:].expand(len(n), -1, -1))),
    ),
    "targets run into the next image: leave out the last k rows of every image, not the last k · W positions of the batch": (
        pairs(lambda n, k: (n.flatten()[: -k * n.shape[2]], n.flatten()[k * n.shape[2] :])),
        pairs(lambda n, k: (n[:, :-k], n.flatten()[k * n.shape[2] :][: n[:, k:].numel()])),
        pairs(lambda n, k: (n.flatten()[: n[:, k:].numel()], n[:, k:])),
    ),
    "one label is used for all predictions: each has its own target": (pairs(lambda n, k: (n[:, :-k], 0 * n[:, :-k])),),
    "the labels count the predictions, 0, 1, 2, …: a label is the number of the target among all B·H·W candidates": (
        pairs(lambda n, k: (n[:, :-k], torch.arange(n[:, :-k].numel()))),
    ),
}
CANDIDATES = {  # hint → functions, of what it is found among
    "only positions of the own image are candidates: those of all images of the batch are": (among(lambda b, r, c, *_: same(b)),),
    "the other positions of the own image are no candidates: all B·H·W positions are, of the own image, too": (among(lambda b, r, c, *_: ~same(b)),),
    "only some rows or columns are candidates: all B·H·W positions of target are, also the first k rows, which nobody predicts": (
        among(lambda b, r, c, k, H: (r[1] >= k) | (r[0] < 0)),
        among(lambda b, r, c, k, H: (r[1] < H - k) | (r[0] < 0)),
        among(lambda b, r, c, *_: same(r)),
        among(lambda b, r, c, *_: same(c)),
        among(lambda b, r, c, *_: same(r) & same(c)),
        among(lambda b, r, c, *_: same(b) & same(c)),
        among(lambda b, r, c, *_: same(b) & same(r)),
    ),
}
