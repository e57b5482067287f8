"""The numbers behind the views: the loss of every pair in both directions, its bound, and the sums over a graph of pairs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from ssl_lab.errors import one_of, require
from ssl_lab.losses import minus_log_share, mutual_information_bound
from ssl_lab.plots.contrastive.numbers import Contrast, compete, directions

Pair = tuple[int, int]  # places of two views, the smaller first
Zs = Mapping[str, Float[np.ndarray, "B d"]]
BETWEEN = " + "  # two pairs of a graph that is spelled


@dataclass(frozen=True, eq=False)
class Agreement:
    """What all pairs of M views pay on one batch of B things at temperature tau.

    loss: [i, j] = L(Vi, Vj), the mean over the rows of view i, each of which finds its own row of view j among B; the diagonal is NaN.
    """

    names: tuple[str, ...]
    B: int
    tau: float
    loss: Float[np.ndarray, "M M"]

    @property
    def k(self) -> int:
        """Negatives of each row."""
        return self.B - 1

    @property
    def cap(self) -> float:
        """What no estimate of the information exceeds, in nats, whatever the views share."""
        return math.log(self.k + 1)

    def both(self, pair: Pair) -> float:
        """L(Vi, Vj) + L(Vj, Vi)."""
        i, j = pair
        return float(self.loss[i, j] + self.loss[j, i])

    def bound(self, pair: Pair) -> float:
        """What the two views share at least, in nats: log k - L / 2; below zero it says nothing."""
        return mutual_information_bound(self.both(pair) / 2, self.k)

    def total(self, pairs: Iterable[Pair]) -> float:
        """The loss of a graph: the sum over its pairs."""
        return sum(map(self.both, pairs))


def agreement(z: Zs, tau: float) -> Agreement:
    """The losses of every pair of views, in float64; rows are normalised here.

    Raises: InputError for tau <= 0, fewer than two views or two things, or views of other things.
    """
    shapes, (B, *_) = {name: rows.shape for name, rows in z.items()}, next(iter(z.values())).shape
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
    fix = "give the embeddings of two views or more of the same two things or more, (B, d) each"
    require(len(z) > 1 and B > 1 and len(set(shapes.values())) == 1, f"got {shapes}; {fix}")
    rows = [directions(one) for one in z.values()]
    loss = np.full((len(z), len(z)), np.nan)
    for i, j in pairs_of(len(z), "full"):
        scores = rows[i] @ rows[j].T
        for a, b, of in ((i, j, scores), (j, i, scores.T)):
            loss[a, b] = float(minus_log_share(of, of.diagonal(), tau).mean())
    return Agreement(tuple(z), B, tau, loss)


def across(z: Zs, first: str, second: str, tau: float) -> Contrast:
    """Every row of the first view against all rows of the second, where its own row is the congruent one."""
    for name in (first, second):
        one_of(name, z, "view")
    scores = directions(z[first]) @ directions(z[second]).T
    return compete(scores, np.arange(len(scores)), tau, False, False)


def pairs_of(M: int, graph: str) -> list[Pair]:
    """The pairs of "core", the first view with each other; of "full", all of them; of "none", none."""
    return {"core": [(0, j) for j in range(1, M)], "full": [*combinations(range(M), 2)], "none": []}[graph]


def spelled(pairs: Iterable[Pair], names: Sequence[str]) -> str:
    """A graph as one word: core, full, none, or its pairs, "L-ab + L-depth"."""
    own, M = sorted(pairs), len(names)
    known = next((graph for graph in ("core", "full", "none") if own == pairs_of(M, graph)), "")
    return known or BETWEEN.join(f"{names[i]}-{names[j]}" for i, j in own)


def read(graph: str, names: Sequence[str]) -> list[Pair] | None:
    """The pairs of a graph that is spelled; None where it is no graph of these views. The order of two views does not matter."""
    M = len(names)
    if graph in ("core", "full", "none"):
        return pairs_of(M, graph)
    known = {f"{names[i]}-{names[j]}": (min(i, j), max(i, j)) for i in range(M) for j in range(M) if i != j}
    parts = [part.strip() for part in graph.split(BETWEEN.strip())]
    return sorted({known[part] for part in parts}) if all(part in known for part in parts) else None


def toggled(pairs: Sequence[Pair], pair: Pair) -> list[Pair]:
    """The graph without this pair, or with it again."""
    return sorted({*pairs} ^ {pair})


def alone(pairs: Iterable[Pair], names: Sequence[str]) -> list[str]:
    """The views that no pair holds: they learn nothing."""
    held = {place for pair in pairs for place in pair}
    return [name for place, name in enumerate(names) if place not in held]
