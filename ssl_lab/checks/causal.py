"""The second exercise of notebook 06: a convolution that sees nothing of the rows below, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab.checks.answer import Kind, alike
from ssl_lab.checks.check import Check, known


def causal(z: Float[Tensor, "B d H W"], weight: Float[Tensor, "e d 2 3"]) -> Float[Tensor, "B e H W"]:
    """The masked convolution: row r of the output is made of the rows r - 1 and r of z, and of nothing below; outside stand zeros.

    out[b, e, r, c] = sum over d, over i in 0, 1 and over j in 0, 1, 2 of  weight[e, d, i, j] · z[b, d, r - 1 + i, c - 1 + j].
    """
    return F.conv2d(F.pad(z, (1, 1, 1, 0)), weight)


def grids(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Latents and weights; the first always the same. In two of them there are as many channels at the end as at the beginning."""
    for number, (B, d, e, H, W) in enumerate([(2, 3, 4, 4, 5), (3, 2, 2, 5, 4), (2, 4, 3, 3, 3), (1, 3, 3, 4, 4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        yield torch.randn(B, d, H, W, generator=draw), torch.randn(e, d, 2, 3, generator=draw)


AXES = {2: "row", 0: "image", 3: "column", 1: "channel"}  # in the order in which they are looked at


@dataclass(frozen=True, eq=False)
class Causal(Check):
    """A checker that, where no usual mistake is found, changes one row of z (then an image, …) and looks which rows of the output change."""

    def find(self, fn: Callable, seed: int) -> str:
        """What is wrong with fn, empty if nothing is: a usual mistake, or what it sees, or what any check says."""
        hint = super().find(fn, seed)
        return hint if not hint or hint in self.mistakes else self.seen(fn, seed) or hint

    def seen(self, fn: Callable, seed: int) -> str:
        """The first place of the first input that fn sees and must not, or does not see and must; empty if there is none."""
        case = next(iter(self.inputs(seed)))
        mine, right = self.ask(fn, case), next(iter(known(self, self.reference, seed)))
        if not mine.values or mine.values[0].shape != right.values[0].shape:
            return ""
        for axis, name in AXES.items():
            for place in reversed(range(case[0].shape[axis])):
                saw, must = (self.changed(f, *case, axis, place) for f in (fn, self.reference))
                for where in sorted(saw ^ must):
                    does, rule = ("changes", "must not") if where in saw else ("does not change", "must")
                    return f"{name} {where} of the output {does} when {name} {place} of z changes, and it {rule}"
        return ""

    def changed(self, fn: Callable, z: Tensor, weight: Tensor, axis: int, place: int) -> set[int]:
        """The places along an axis of the output that change with this place of z."""
        moved = z.index_add(axis, torch.tensor([place]), torch.ones_like(z.narrow(axis, 0, 1)))
        a, b = (self.ask(fn, (one, weight)).values for one in (z, moved))
        return {where for x, y in zip(a, b) for where, pair in enumerate(zip(x.unbind(axis), y.unbind(axis))) if not alike(*pair)}


def with_weight(change: Callable[[Tensor], Tensor]) -> Callable:
    """The right convolution with another weight."""
    return lambda z, weight: causal(z, change(weight))


def padded(*pad: int, mode: str = "constant", value: float = 0.0) -> Callable:
    """The convolution with other padding: left, right, above, below."""
    return lambda z, weight: F.conv2d(F.pad(z, pad, mode, value if mode == "constant" else None), weight)


def framed(rows: float, sides: float) -> Callable:
    """The convolution with other numbers above, and at the left and the right."""
    return lambda z, weight: F.conv2d(F.pad(F.pad(z, (1, 1, 0, 0), value=sides), (0, 0, 1, 0), value=rows), weight)


def edged(z: Tensor, weight: Tensor) -> Tensor:
    """The edge is repeated above only."""
    return F.conv2d(F.pad(F.pad(z, (0, 0, 1, 0), mode="replicate"), (1, 1, 0, 0)), weight)


def wrapped(z: Tensor, weight: Tensor) -> Tensor:
    """The last row stands above the first."""
    return F.conv2d(F.pad(torch.cat([z[:, :, -1:], z], dim=2), (1, 1, 0, 0)), weight)


def square(below: int) -> Callable:
    """A 3×3 kernel, whose third row, for the row below, is a row of the weight."""
    return lambda z, weight: F.conv2d(z, weight[:, :, [0, 1, below]], padding=1)


def only(rows: tuple[float, float] = (1, 1), columns: tuple[float, float, float] = (1, 1, 1)) -> Callable:
    """The weight with some of its rows and columns as zeros."""
    return with_weight(lambda weight: weight * torch.tensor(rows)[:, None] * torch.tensor(columns))


CAUSAL = {
    "the row of zeros stands below in place of above: row r of the output sees row r + 1 of z, so pad (1, 1, 1, 0): left, right, top, bottom": (
        padded(1, 1, 0, 1),
    ),
    "rows are padded above and below, so there is one row too many: pad one row above and none below, F.pad(z, (1, 1, 1, 0))": (
        padded(1, 1, 1, 1),
    ),
    "rows are not padded, or the last one is cut off: pad one row of zeros above, and the height stays H": (
        padded(1, 1, 0, 0),
        lambda z, weight: causal(z, weight)[:, :, :-1],
    ),
    "the own row is not seen: the output is one row too low, so pad one row above, not two; weight[:, :, 1] is for row r itself": (
        lambda z, weight: padded(1, 1, 2, 0)(z, weight)[:, :, :-1],
    ),
    "rows are padded twice above: pad one row, and the height stays H": (padded(1, 1, 2, 0), padded(1, 1, 2, 1)),
    "the two rows of the kernel are swapped: weight[:, :, 0] is for the row above, weight[:, :, 1] for the own row": (
        with_weight(lambda weight: weight.flip(2)),
    ),
    "the kernel is mirrored: column c − 1 belongs to weight[..., 0], column c + 1 to weight[..., 2]": (with_weight(lambda weight: weight.flip(3)),),
    "the kernel is turned by 180°, as mathematics has a convolution: here weight[..., 0, 0] is for the row above and the column to the left": (
        with_weight(lambda weight: weight.flip(2, 3)),
    ),
    "ones are padded: outside of the grid stand zeros": (framed(1, 1), framed(1, 0), framed(0, 1)),
    "the padding repeats the edge, or reflects it: outside of the grid stand zeros": (
        padded(1, 1, 1, 0, mode="replicate"),
        padded(1, 1, 1, 0, mode="reflect"),
        edged,
    ),
    "the rows go around: above the first row stand zeros, not the last row (z[r − 1] of row 0 is z[−1])": (
        wrapped,
        padded(1, 1, 1, 0, mode="circular"),
    ),
    "the columns go around: beside the first and the last column stand zeros (roll brings the other edge in)": (
        lambda z, weight: F.conv2d(F.pad(F.pad(z, (1, 1, 0, 0), mode="circular"), (0, 0, 1, 0)), weight),
    ),
    "the columns are not padded, so the output is too narrow: pad one column of zeros at the left and one at the right": (
        padded(0, 0, 1, 0),
        padded(0, 0, 0, 0),
    ),
    "the columns are padded at one side only: pad one column of zeros at the left and one at the right": (
        padded(2, 0, 1, 0),
        padded(0, 2, 1, 0),
        padded(1, 0, 1, 0),
        padded(0, 1, 1, 0),
    ),
    "z is padded in the wrong order: F.pad takes left, right, top, bottom": (padded(1, 0, 1, 1), padded(0, 1, 1, 1)),
    "the kernel has a third row, which sees the row below: the weight has two rows, for r − 1 and r": (
        square(0),
        square(1),
    ),
    "columns are masked as well: a position sees c − 1, c and c + 1, of its own row and of the row above": (
        only(columns=(1, 1, 0)),
        only(columns=(1, 0, 0)),
        only(columns=(0, 1, 0)),
        only(columns=(0, 0, 1)),
        only(columns=(0, 1, 1)),
        with_weight(lambda weight: weight * torch.tensor([[1, 1, 1], [1, 1, 0]])),
        with_weight(lambda weight: weight * torch.tensor([[1, 1, 1], [1, 0, 0]])),
    ),
    "only the own row is used: add weight[:, :, 0] times the row above": (only(rows=(0, 1)),),
    "only the row above is used: add weight[:, :, 1] times the own row": (only(rows=(1, 0)),),
    "the row above is a wrong one: add weight[:, :, 0] times row r − 1, not r − 2": (
        lambda z, weight: only(rows=(0, 1))(z, weight) + F.pad(only(rows=(1, 0))(z, weight), (0, 0, 1, 0))[:, :, :-1],
    ),
    "the row above is row r + 1, so that the output sees what lies below: rows are counted from the top, so take row r − 1": (
        lambda z, weight: causal(z.flip(2), weight).flip(2),
    ),
    "rows and columns are swapped: the kernel's two rows go down the grid, along dim 2, and its three columns across, along dim 3": (
        lambda z, weight: causal(z.transpose(2, 3), weight).transpose(2, 3),
        lambda z, weight: causal(z.transpose(2, 3), weight),
    ),
    "the channels of z and of the output are swapped: weight is (e, d, 2, 3), and the sum runs over d": (
        lambda z, weight: causal(z, weight.transpose(0, 1)),
    ),
    "the output has one channel: sum over the d channels of z, but keep the e channels of the weight": (
        lambda z, weight: causal(z, weight).sum(1, keepdim=True),
        lambda z, weight: causal(z, weight).sum(1),
        lambda z, weight: causal(z, weight).mean(1, keepdim=True),
    ),
    "the channels are averaged: add over the d channels, and do not divide": (
        lambda z, weight: causal(z, weight) / weight.shape[1],
        lambda z, weight: causal(z, weight) / weight[0].numel(),
        lambda z, weight: causal(z, weight) / 6,
    ),
    "only one of the channels, rows or columns of the kernel is left: with += in the innermost loop, all of them are added": (
        lambda z, weight: causal(z[:, -1:], weight[:, -1:]),
        lambda z, weight: causal(z[:, :1], weight[:, :1]),
        lambda z, weight: causal(z[:, -1:], (weight * torch.tensor([[0, 0, 0], [0, 0, 1]]))[:, -1:]),
    ),
    "a ReLU is taken, or z is added: return the convolution alone": (
        lambda z, weight: causal(z, weight).relu(),
        lambda z, weight: z + causal(z, weight),
        lambda z, weight: z + causal(z, weight).relu(),
    ),
}

check_causal = Causal("causal", causal, grids, CAUSAL, Kind.MATRIX)
