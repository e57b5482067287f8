"""The exercises of notebook 00: cosines of rows, and the accuracy of the nearest neighbour."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check
from ssl_lab.checks.lengths import AXIS, COLUMNS, ENTRIES, SQUARED, WHOLE
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
    "only one of a and b is normalised: divide by the length of the row of a and by the length of the row of b": (
        lambda a, b: a @ b.T / lengths(a),
        lambda a, b: a @ b.T / lengths(b).T,
    ),
    SQUARED: (
        lambda a, b: a @ b.T / lengths(a) ** 2 / lengths(b).T ** 2,
        lambda a, b: a @ b.T / (lengths(a) * lengths(b).T) ** 0.5,
    ),
    AXIS: (
        lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T,
        lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=1).T,
        lambda a, b: F.normalize(a, dim=1) @ F.normalize(b, dim=0).T,
    ),
    WHOLE: (lambda a, b: a @ b.T / a.norm() / b.norm(), lambda a, b: a @ b.T / lengths(a) / b.norm(), lambda a, b: a @ b.T / a.norm() / lengths(b).T),
    "the lengths do not stand beside their rows: the length of a row divides the whole row, so keep the norm as a column (keepdim=True)": (
        lambda a, b: a @ b.T / a.norm(dim=1) / b.norm(dim=1),
        lambda a, b: a @ b.T / lengths(a).T / lengths(b),
        lambda a, b: a @ b.T / lengths(a) / lengths(b),
    ),
    ENTRIES: (
        lambda a, b: (a / a.sum(dim=1, keepdim=True)) @ (b / b.sum(dim=1, keepdim=True)).T,
        lambda a, b: F.normalize(a, p=1) @ F.normalize(b, p=1).T,
    ),
    "the products are averaged over the d features, or divided by sqrt(d): add them up, and divide by the two lengths only": (
        lambda a, b: cosine(a, b) / a.shape[1],
        lambda a, b: cosine(a, b) / a.shape[1] ** 0.5,
        lambda a, b: a @ b.T / a.shape[1],
        lambda a, b: a @ b.T / a.shape[1] ** 0.5,
    ),
    "distances are returned: the cosine is a similarity, 1 for rows that point the same way": (
        lambda a, b: torch.cdist(a, b),
        lambda a, b: torch.cdist(a, b).square(),
        lambda a, b: 1 - cosine(a, b),
        lambda a, b: 2 - 2 * cosine(a, b),
        lambda a, b: (2 - 2 * cosine(a, b)).clamp_min(0).sqrt(),
    ),
    "the result is transposed: row i belongs to a, column j to b": (lambda a, b: cosine(b, a),),
    COLUMNS: (
        lambda a, b: F.cosine_similarity(a, b, dim=0),
        lambda a, b: cosine(a.T, b.T),
        lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=0),
        lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=1),
    ),
    "brackets are missing: a / b * c divides by b and multiplies by c, and both lengths must divide": (
        lambda a, b: a @ b.T / lengths(a) * lengths(b).T,
        lambda a, b: a @ b.T / lengths(b).T * lengths(a),
    ),
    "the two lengths are added: divide by their product": (lambda a, b: a @ b.T / (lengths(a) + lengths(b).T),),
    "negative cosines are lost (abs, or clamp at 0): keep them, from −1 to 1": (
        lambda a, b: cosine(a, b).abs(),
        lambda a, b: cosine(a, b).clamp(min=0),
    ),
    "angles are returned: return their cosines, from −1 to 1": (
        lambda a, b: cosine(a, b).acos(),
        lambda a, b: cosine(a, b).acos().rad2deg(),
    ),
    "row i of a is compared with row i of b only: compare every row of a with every row of b, N × M numbers (a matrix product)": (
        lambda a, b: F.cosine_similarity(a, b),
        lambda a, b: F.normalize(a, dim=1) * F.normalize(b, dim=1),
        lambda a, b: (a * b).sum(dim=1),
        lambda a, b: a * b,
    ),
    "one of the two is compared with itself: compare the rows of a with the rows of b": (lambda a, b: cosine(a, a), lambda a, b: cosine(b, b)),
    "the sign is wrong: the cosine is 1 for rows that point the same way, and −1 for opposite ones": (lambda a, b: -cosine(a, b),),
    "the fraction is cut off by `//`: divide with `/`": (
        lambda a, b: cosine(a, b).floor(),
        lambda a, b: cosine(a, b).trunc(),
    ),
}

check_cosine = Check("cosine", cosine, two_sets_of_rows, COSINE, Kind.MATRIX)


def nearest_accuracy(h: Float[Tensor, "N D"], y: Int64[Tensor, " N"], ht: Float[Tensor, "M D"], yt: Int64[Tensor, " M"]) -> float:
    """Share of the test rows ht whose most similar training row (largest cosine) has their label, in [0, 1]: kNN with one neighbour."""
    return knn_accuracy(h, y, ht, yt, k=1)


def labelled_rows(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Training and test rows, of any length and noisy, around one direction a class; sometimes more of the one, sometimes of the other."""
    for number, (N, M) in enumerate([(21, 21), (10, 16), (16, 10), (14, 20), (18, 12), (17, 17)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        centre = torch.randn(3, 4, generator=draw)
        y, yt = (torch.randint(3, (rows,), generator=draw) for rows in (N, M))
        h, ht = (centre[labels] + torch.randn(len(labels), 4, generator=draw) for labels in (y, yt))
        ht[[0, 1, 2, -1]] = h[[0, 2, 1, -1]] + torch.tensor([[0.001], [0.02], [0.02], [0.1]]) * h[0]  # the largest cosine of all stands in row 0
        y[:3], yt[:3] = torch.tensor([1, 0, 0]), torch.tensor([1, 2, 1])  # rows 1 and 2: the position of the nearest row is the label
        yt[0], yt[-1] = (y[0] + (number == 1)) % 3, (y[-1] + (number == 0)) % 3  # hits, but for one input each
        yield h * torch.randn(N, 1, generator=draw).exp(), y, ht * torch.randn(M, 1, generator=draw).exp(), yt


def hits(found: Tensor, wanted: Tensor) -> float:
    return (found == wanted).double().mean().item()


def alone(s: Tensor) -> Tensor:
    """Similarities of rows with each other, without themselves."""
    return s.fill_diagonal_(-torch.inf)


def nearest(h: Tensor, ht: Tensor) -> Tensor:
    """For each test row, the number of its most similar training row."""
    return cosine(ht, h).argmax(dim=1)


NEAREST = {
    "the rows of h do not have length 1, or all are divided by one number (norm() without dim): each row needs its own length": (
        lambda h, y, ht, yt: hits(y[(ht @ h.T).argmax(1)], yt),
    ),
    "the smallest distance is taken between rows that are not normalised: nearest means the largest cosine, for rows of any length": (
        lambda h, y, ht, yt: hits(y[torch.cdist(ht, h).argmin(1)], yt),
    ),
    AXIS: (
        lambda h, y, ht, yt: hits(y[(F.normalize(ht, dim=0) @ F.normalize(h, dim=0).T).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[(ht @ F.normalize(h, dim=0).T).argmax(1)], yt),
    ),
    "the least similar row is taken: the nearest one has the largest cosine (argmax), or the smallest distance (argmin)": (
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argmin(1)], yt),
        lambda h, y, ht, yt: hits(y[torch.cdist(ht, h).argmax(1)], yt),
    ),
    "the second nearest row is taken: no test row is among the training rows, so the nearest one counts": (
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argsort(dim=1)[:, -2]], yt),
    ),
    "a position is compared with a label: argmax gives the number of a row of h, and the label of that row stands in y": (
        lambda h, y, ht, yt: hits(nearest(h, ht), yt),
    ),
    "the labels are not used, only positions: compare the label of the nearest training row with the label of the test row": (
        lambda h, y, ht, yt: hits(nearest(h, ht), torch.arange(len(ht))),
    ),
    "argmax without dim gives one position in the whole matrix: each test row needs its own, along its row": (
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argmax()], yt),
    ),
    "the neighbours come from the same set, where each row is nearest to itself: compare the rows of ht (test) with the rows of h (training)": (
        lambda h, y, ht, yt: hits(yt[cosine(ht, ht).argmax(1)], yt),
        lambda h, y, ht, yt: hits(yt[alone(cosine(ht, ht)).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[cosine(ht, ht).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[alone(cosine(h, h)).argmax(1)], y),
    ),
    "the two sides are swapped: find the nearest training row for each test row, not a test row for each training row": (
        lambda h, y, ht, yt: hits(yt[cosine(ht, h).argmax(0)], y),
        lambda h, y, ht, yt: hits(y[cosine(ht, h).argmax(0)], yt),
    ),
    "the labels come from the wrong set: the neighbour is a training row, so its label stands in y; the right answer stands in yt": (
        lambda h, y, ht, yt: hits(yt[nearest(h, ht)], yt),
        lambda h, y, ht, yt: hits(y[nearest(h, ht)], y),
    ),
    "the number of hits is divided by the number of training rows: divide by the number of test rows, len(yt)": (
        lambda h, y, ht, yt: nearest_accuracy(h, y, ht, yt) * len(ht) / len(h),
    ),
    "only the first test row is counted: add up the hits of all (is `return` inside the loop?)": (
        lambda h, y, ht, yt: hits(y[nearest(h, ht)][:1], yt[:1]),
        lambda h, y, ht, yt: hits(y[nearest(h, ht)][:1], yt[:1]) / len(yt),
    ),
    COLUMNS: (
        lambda h, y, ht, yt: hits(y[F.cosine_similarity(ht[:, None], h[None], dim=1).argmax(1)], yt),
        lambda h, y, ht, yt: hits(y[F.cosine_similarity(ht[:, None], h[None], dim=0).argmax(1)], yt),
    ),
    **share_mistakes(lambda h, y, ht, yt: y[nearest(h, ht)] == yt, "test rows"),
}

check_nearest_accuracy = Check("nearest_accuracy", nearest_accuracy, labelled_rows, NEAREST, Kind.NUMBER, "the share of test rows that are right")
