"""The exercises of notebook 00: cosines of rows, and the accuracy of the nearest neighbour."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.shares import share_mistakes
from ssl_lab.evaluate.knn import knn_accuracy


def cosine(a: Float[Tensor, "N d"], b: Float[Tensor, "M d"]) -> Float[Tensor, "N M"]:
    """The cosine of every row of a with every row of b, a_i · b_j / (|a_i| |b_j|), from -1 to 1."""
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def two_sets_of_rows(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of any length: first as many of one as of the other and always the same, then random ones."""
    for number, (N, M, d) in enumerate([(4, 4, 3), (3, 6, 5), (7, 2, 4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        yield torch.randn(N, d, generator=draw), torch.randn(M, d, generator=draw)


def lengths(a: Tensor) -> Tensor:
    return a.norm(dim=1, keepdim=True)


COSINE = {
    "the rows are not normalised: divide the product by both lengths": (lambda a, b: a @ b.T,),
    "only one of the two is normalised: divide by the length of the row of a and by that of the row of b": (
        lambda a, b: a @ b.T / lengths(a),
        lambda a, b: a @ b.T / lengths(b).T,
    ),
    "it divides by squared lengths: a length is the root of the sum of squares": (lambda a, b: a @ b.T / lengths(a) ** 2 / lengths(b).T ** 2,),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (
        lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T,
        lambda a, b: a @ b.T / a.norm() / b.norm(),
    ),
    "it gives distances: the cosine is a likeness, 1 for rows that point the same way": (
        lambda a, b: torch.cdist(a, b),
        lambda a, b: torch.cdist(a, b).square(),
        lambda a, b: 1 - cosine(a, b),
        lambda a, b: 2 - 2 * cosine(a, b),
        lambda a, b: (2 - 2 * cosine(a, b)).clamp_min(0).sqrt(),
    ),
    "it is transposed: row i belongs to a, column j to b": (lambda a, b: cosine(b, a),),
    "it takes row i of a with row i of b only: every row of a meets every row of b, N × M numbers (a matrix product)": (
        lambda a, b: F.cosine_similarity(a, b),
        lambda a, b: F.normalize(a, dim=1) * F.normalize(b, dim=1),
        lambda a, b: (a * b).sum(dim=1),
        lambda a, b: a * b,
    ),
    "it takes one of the two with itself: the rows of a meet the rows of b": (lambda a, b: cosine(a, a), lambda a, b: cosine(b, b)),
    "the sign is wrong: 1 for rows that point the same way, −1 for opposite ones": (lambda a, b: -cosine(a, b),),
}

check_cosine = Check("cosine", cosine, two_sets_of_rows, COSINE, Kind.MATRIX)


def nearest_accuracy(h: Float[Tensor, "N D"], y: Int64[Tensor, " N"], ht: Float[Tensor, "M D"], yt: Int64[Tensor, " M"]) -> float:
    """Share of the test rows ht whose most similar training row (largest cosine) has their label, in [0, 1]: kNN with one neighbour."""
    return knn_accuracy(h, y, ht, yt, k=1)


def labelled_rows(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Training and test rows, of any length and noisy, around one direction a class; sometimes more of the one, sometimes of the other."""
    for number, (N, M) in enumerate([(12, 12), (10, 16), (16, 10), (14, 20), (18, 12), (15, 15)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        centre = torch.randn(3, 4, generator=draw)
        y, yt = (torch.randint(3, (rows,), generator=draw) for rows in (N, M))
        h, ht = (centre[labels] + torch.randn(len(labels), 4, generator=draw) for labels in (y, yt))
        yield h * torch.randn(N, 1, generator=draw).exp(), y, ht * torch.randn(M, 1, generator=draw).exp(), yt


def hits(found: Tensor, wanted: Tensor) -> float:
    return (found == wanted).double().mean().item()


def alone(s: Tensor) -> Tensor:
    """Similarities of rows with each other, without themselves."""
    return s.fill_diagonal_(-torch.inf)


NEAREST = {
    "the rows are not normalised: the largest product goes to the longest row, the largest cosine to the most similar one": (
        lambda h, y, ht, yt: hits(y[(ht @ h.T).argmax(1)], yt),
    ),
    "it takes the smallest distance between rows that are not normalised: nearest means the largest cosine, whatever the lengths": (
        lambda h, y, ht, yt: hits(y[torch.cdist(ht, h).argmin(1)], yt),
    ),
    "it normalises along the wrong axis: each row has a length of its own, the norm along dim=1": (
        lambda h, y, ht, yt: hits(y[(F.normalize(ht, dim=0) @ F.normalize(h, dim=0).T).argmax(1)], yt),
    ),
    "it takes the least similar row: the nearest one has the largest cosine (argmax), or the smallest distance (argmin)": (
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argmin(1)], yt),
    ),
    "it looks for neighbours within one set, where each row is its own: the rows of ht, the test set, ask the rows of h, the training set": (
        lambda h, y, ht, yt: hits(yt[cosine(ht, ht).argmax(1)], yt),
        lambda h, y, ht, yt: hits(yt[alone(cosine(ht, ht)).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[cosine(ht, ht).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[alone(cosine(h, h)).argmax(1)], y),
    ),
    "it asks from the wrong side: each test row looks for its nearest training row, not each training row for a test row": (
        lambda h, y, ht, yt: hits(yt[cosine(ht, h).argmax(0)], y),
    ),
    "the labels come from the wrong set: the neighbour is a training row, so its label stands in y; the right answer stands in yt": (
        lambda h, y, ht, yt: hits(yt[cosine(ht, h).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argmax(1)], y),
    ),
    **share_mistakes(nearest_accuracy, "test rows", 2),
}

check_nearest_accuracy = Check("nearest_accuracy", nearest_accuracy, labelled_rows, NEAREST, Kind.NUMBER, "the share of test rows that are right")
