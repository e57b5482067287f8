"""The first exercise of notebook 06: the grid of patches of every image, and the ways in which it usually goes wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.augment import patches
from ssl_lab.checks.answer import Answer, Kind, alike
from ssl_lab.checks.check import Check

IMAGES = [(2, 3, 8, 8, 4, 2), (3, 2, 6, 9, 3, 1), (2, 3, 9, 9, 5, 2), (2, 1, 10, 7, 4, 3)]  # B, c, H, W, size, stride


def images(seed: int) -> Iterator[tuple[Tensor, int, int]]:
    """Images, size and stride; in the first, which is always the same, a pixel says where it is: 1203 is of image 1, channel 2, row 0, column 3."""
    for number, (B, c, H, W, size, stride) in enumerate(IMAGES):
        draw = torch.Generator().manual_seed(1000 * seed + number)
        yield torch.randn(B, c, H, W, generator=draw) if number else numbered(B, c, H, W), size, stride


def numbered(*shape: int) -> Tensor:
    """Every entry is the number whose digits are its place."""
    return sum(10.0**i * torch.arange(n).view(-1, *[1] * i) for i, n in enumerate(reversed(shape)))


@dataclass(frozen=True, eq=False)
class Cut(Check):
    """A checker that says which pixel of the first input stands in the wrong place."""

    def unlike(self, cases: list[tuple], mine: list[Answer], right: list[Answer]) -> str:
        """The first pixel that is a wrong one, where no usual mistake is found; or what any check says."""
        m, r = (answers[0].values[0] for answers in (mine, right))
        if m.shape != r.shape or alike(m, r):
            return super().unlike(cases, mine, right)
        place = tuple((m - r).nonzero()[0].tolist())
        b, i, j, c, row, column = place
        where = f"pixel [{row}, {column}] of patch [{i}, {j}] of image {b}, channel {c}"
        return f"{where}, is {named(m[place], cases[0][0])}; expected is {named(r[place], cases[0][0])}; no usual mistake gives this"


def named(value: Tensor, x: Tensor) -> str:
    """Where a number stands in a numbered input."""
    found = (x == value).nonzero().tolist()
    return "row {2}, column {3} of image {0}, channel {1}".format(*found[0]) if found else f"{value:.6g}, which is no pixel of the images"


def cut(x: Tensor, size: int, stride: int) -> Tensor:
    """(B, c, G, J, size, size): the patches, with the channels before the grid."""
    return x.unfold(2, size, stride).unfold(3, size, stride)


def ordered(*axes: int) -> Callable:
    """The right grid with its axes in another order."""
    return lambda x, size, stride: patches(x, size, stride).permute(axes)


def shaped(shape: Callable[..., tuple[int, ...]]) -> Callable:
    """The right grid in another shape, made of (B, G, J, c, size)."""
    return lambda x, size, stride: patches(x, size, stride).reshape(shape(*patches(x, size, stride).shape[:5]))


def at(size: Callable[[int, int], int], stride: Callable[[int, int], int]) -> Callable:
    """The grid of another size and stride, each made of both."""
    return lambda x, s, t: cut(x, size(s, t), stride(s, t)).permute(0, 2, 3, 1, 4, 5)


def starting(top: Callable, left: Callable) -> Callable:
    """The grid of patches that begin at other rows and columns, made of (i, j, size, stride, G, J)."""

    def wrong(x, size, stride):
        G, J = patches(x, size, stride).shape[1:3]
        begin = ((top(i, j, size, stride, G, J), left(i, j, size, stride, G, J)) for i in range(G) for j in range(J))
        rows = [x[:, :, r : r + size, c : c + size] for r, c in begin]
        return torch.stack(rows, 1).unflatten(1, (G, J))

    return wrong


def kept(part: Callable[[Tensor], Tensor]) -> Callable:
    """A part of the right grid."""
    return lambda x, size, stride: part(patches(x, size, stride))


def unfolded(x: Tensor, size: int, stride: int) -> Tensor:
    """(B, c · size · size, G · J), as F.unfold gives it."""
    return F.unfold(x, size, stride=stride)


def down(i, j, size, stride, G, J):
    return i * stride


def across(i, j, size, stride, G, J):
    return j * stride


PATCHES = {
    "x and y are swapped in the grid: patch [i, j] begins at row i · stride and column j · stride": (
        ordered(0, 2, 1, 3, 4, 5),
        starting(across, down),
    ),
    "rows and columns are swapped inside the patches: the last axis runs across, as in the image": (ordered(0, 1, 2, 3, 5, 4),),
    "x and y are swapped in the grid and inside the patches: give the rows of x before its columns, both times": (ordered(0, 2, 1, 3, 5, 4),),
    "the stride is not used, so the patches do not overlap as they should: the next patch begins `stride` pixels further on": (
        at(lambda s, t: s, lambda s, t: s),
        at(lambda s, t: s, lambda s, t: 1),
        at(lambda s, t: s, lambda s, t: s // 2),
    ),
    "size and stride are swapped: a patch has `size` pixels, and the next one begins `stride` pixels further on": (
        at(lambda s, t: t, lambda s, t: s),
    ),
    "a patch ends too early: it has `size` rows and columns, so it ends at its first one + size, not + stride or + size − 1": (
        at(lambda s, t: t, lambda s, t: t),
        lambda x, s, t: patches(x, s, t)[..., :t, :t],
        lambda x, s, t: patches(x, s, t)[..., :-1, :-1],
    ),
    "a patch begins at row i and column j: multiply both by the stride": (
        starting(lambda i, *_: i, lambda i, j, *_: j),
        starting(lambda i, *_: i, across),
        starting(down, lambda i, j, *_: j),
    ),
    "the last row or column of patches is missing: there are (H − size) / stride + 1 of them, so let the range end at H − size + 1": (
        kept(lambda grid: grid[:, :-1, :-1]),
        kept(lambda grid: grid[:, :-1]),
        kept(lambda grid: grid[:, :, :-1]),
        kept(lambda grid: grid[:, 1:, 1:]),
    ),
    "the grid begins at the wrong edge: patch [0, 0] is the top left one, and the grid goes down and to the right": (
        kept(lambda grid: grid.flip(1)),
        kept(lambda grid: grid.flip(2)),
        kept(lambda grid: grid.flip(1, 2)),
    ),
    "the channels stand before the grid, as after two unfold: move them behind it with .permute(0, 2, 3, 1, 4, 5)": (ordered(0, 3, 1, 2, 4, 5),),
    "the channels are last: each patch is an image (c, size, size), so they stand before its rows and columns": (
        ordered(0, 1, 2, 4, 5, 3),
        ordered(0, 1, 2, 4, 3, 5),
    ),
    "the number of the image is not the first axis: (B, G, G, c, size, size) has B first, and then the grid": (
        ordered(1, 2, 0, 3, 4, 5),
        ordered(1, 0, 2, 3, 4, 5),
        ordered(2, 1, 0, 3, 4, 5),
        ordered(1, 2, 3, 0, 4, 5),
        ordered(1, 2, 3, 4, 5, 0),
    ),
    "the pixels of the patches stand before the grid: the order is (B, G, G, c, size, size)": (
        ordered(0, 4, 5, 3, 1, 2),
        ordered(0, 3, 4, 5, 1, 2),
    ),
    "the grid is flattened to a list of patches: keep its rows and columns as two axes": (
        shaped(lambda B, G, J, c, size: (B, G * J, c, size, size)),
        shaped(lambda B, G, J, c, size: (B * G * J, c, size, size)),
        shaped(lambda B, G, J, c, size: (B * G, J, c, size, size)),
        kept(lambda grid: grid.flatten(1, 2).transpose(0, 1)),
        kept(lambda grid: grid.flatten(1, 2).transpose(0, 1).flatten(0, 1)),
    ),
    "the pixels of a patch are flattened to a list: keep its channels, rows and columns as three axes": (
        shaped(lambda B, G, J, c, size: (B, G, J, c * size * size)),
        shaped(lambda B, G, J, c, size: (B, G, J, c, size * size)),
    ),
    "the grid and the pixels are flattened, as F.unfold leaves them: F.unfold gives (B, c · size², G²), so take them apart, move the grid forward": (
        unfolded,
        lambda x, size, stride: unfolded(x, size, stride).transpose(1, 2),
    ),
    "view or reshape does not change the order of the axes, so pixels are mixed: move axes with .permute": (
        lambda x, size, stride: cut(x, size, stride).reshape(patches(x, size, stride).shape),
        lambda x, size, stride: unfolded(x, size, stride).reshape(patches(x, size, stride).shape),
    ),
    "the same patch stands everywhere: patch [i, j] begins at row i · stride and column j · stride": (
        starting(lambda *_: 0, lambda *_: 0),
        starting(lambda i, j, size, stride, G, J: (G - 1) * stride, lambda i, j, size, stride, G, J: (J - 1) * stride),
    ),
    "i or j is used for rows and columns both: patch [i, j] begins at row i · stride and column j · stride": (
        starting(down, down),
        starting(across, across),
    ),
    "only one row or column of patches is there: go over both, with two loops or two unfold (is `return` inside the outer loop?)": (
        kept(lambda grid: grid[:, 0]),
        kept(lambda grid: grid[:, :1]),
        kept(lambda grid: grid[:, -1]),
        kept(lambda grid: grid[:, :, 0]),
        kept(lambda grid: grid[:, :, :1]),
        kept(lambda grid: grid[:, 0, 0]),
        kept(lambda grid: grid[:, :1, :1]),
        lambda x, size, stride: x.unfold(2, size, stride),
        lambda x, size, stride: x.unfold(3, size, stride),
    ),
    "only one image is cut, or only one of the channels: cut all images with all their channels": (
        kept(lambda grid: grid[0]),
        kept(lambda grid: grid[:1]),
        kept(lambda grid: grid[:, :, :, 0]),
        kept(lambda grid: grid[:, :, :, :1]),
    ),
    "the images are returned as they are: cut them into patches": (lambda x, size, stride: x * 1,),
}

check_patches = Cut("patches", patches, images, PATCHES, Kind.MATRIX)
