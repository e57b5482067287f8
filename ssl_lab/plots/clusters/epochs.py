"""DeepCluster's clusters epoch by epoch: what they hold, how they agree with those before and with the classes, and how often each is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.clusters import parts
from ssl_lab.plots.clusters.numbers import Clustering
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.embedding import UNKNOWN
from ssl_lab.plots.look import ANCHOR, GREY, HEAD, INK, NEGATIVE, PAPER, POSITIVE, class_name, percent
from ssl_lab.plots.spots import Spots

LARGE = 0.2  # share of the images from which a cluster is so large that the network mainly learns to say its name


@dataclass(frozen=True, eq=False)
class Epoch:
    """The clusters that were the labels of one epoch.

    number: from 1.   clustering: of the first N images.   xy: a map of the first n of them.   next: the nearest other cluster of each, and
    distances: (n, 2) to the mean of their own and of that one.   nmi: with the clusters of the epoch before, NaN at first.   truth: NMI with the
    classes.   Clusters have the number of the one before that they share most images with.
    """

    number: int
    clustering: Clustering
    xy: Float[np.ndarray, "n 2"]
    next: Int[np.ndarray, " n"]
    distances: Float[np.ndarray, "n 2"]
    nmi: float
    truth: float


def clusterings(
    epochs: Sequence[Epoch], shown: int, images: UInt8[np.ndarray, "N H W 3"], chosen: int, by: str, colours: str,
    draws: dict[str, Int[np.ndarray, " k"]], usual: Sequence[Epoch] = (), title: str = "",
) -> tuple[Drawing, str]:  # fmt: skip
    """The clusters of one epoch on a map, some of them as strips, NMI at all epochs, and how often every cluster is drawn.

    epochs: all of them.   shown: which, from 0.   chosen: a cluster.   by: an order of ORDERS.   colours: "all" clusters, the chosen one and those
    "near" it, or the true "classes".   draws: a way of drawing → how often each cluster comes, of one number of draws; "plain" and "uniform".
    usual: of the method as it is, to compare with.   title: of the run, in words.
    Raises: InputError for an epoch or a cluster that there is not.
    """
    require(0 <= shown < len(epochs), f"epoch {shown + 1} is none of the {len(epochs)}")
    now, before = epochs[shown], epochs[max(shown - 1, 0)]
    clustering = now.clustering
    require(0 <= chosen < len(clustering), f"cluster={chosen} is none of the {len(clustering)}")
    mine, was = clustering.assignment[: len(now.xy)], before.clustering.assignment[: len(now.xy)]
    found, what = finding(now, epochs), f"{len(clustering)} clusters of {clustering.sizes.sum():,} images"
    page = parts.begun(found, f"{title} · epoch {now.number} of {epochs[-1].number} · {what}")
    at = parts.placed(now.xy, 1.06)
    if colours == "classes":
        classes(page, at, clustering)
    else:
        grey = ~np.isin(mine, near(now, chosen)) if colours == "near" else np.zeros(len(mine), bool)
        page.marks(*at[grey].T, "o", 7, UNKNOWN)
        parts.cloud(page, at[~grey], mine[~grey], chosen, (mine != was)[~grey])
        own = at[mine == chosen]
        if len(own):
            page.words(*own.mean(0), f"{chosen}", 17, bold=True, ha="center", ground=PAPER, rim=ANCHOR)
        page.words(parts.LEFT, 6.62, "orange edge: the chosen cluster\ndark edge: changed its cluster since the epoch before", 13, GREY, va="top")
    parts.strips(page, clustering, images, chosen, by)
    agreement(page, epochs, usual, now)
    drawn(page, clustering, draws, chosen)
    page.spots.append(lambda: parts.points(at, [sentence(i, now) for i in range(len(at))], mine.tolist()))
    shares = " and ".join(f"{percent(counts.max() / counts.sum())} of {way} draws" for way, counts in draws.items())
    said = f"the cluster that comes most often takes {shares}; {clustering.said(chosen)}"
    return page, f"{title}, epoch {now.number}: {found[0].lower()}{found[1:]}; {said}."


def finding(now: Epoch, epochs: Sequence[Epoch]) -> str:
    """What is to be seen in this epoch."""
    sizes, k = now.clustering.sizes, len(now.clustering)
    largest = sizes.max() / sizes.sum()
    empty = f"; {now.clustering.empty} of {k} empty" * (now.clustering.empty > 0)
    if largest > LARGE:
        return f"Nearly trivial: one cluster holds {percent(largest)} of all images{empty}"
    if not np.isfinite(now.nmi):
        return f"The first clusters are a random network's: NMI with the classes {now.truth:.2f}{empty}"
    return f"Agreement (NMI) with the classes {epochs[0].truth:.2f} → {now.truth:.2f}, the epoch before {now.nmi:.2f}{empty}"


def near(now: Epoch, chosen: int, count: int = 7) -> list[int]:
    """The chosen cluster and those that most of its images on the map are nearest to, or that are nearest to it."""
    mine = now.clustering.assignment[: len(now.next)]
    others = np.concatenate([now.next[mine == chosen], mine[now.next == chosen]])
    found, counts = np.unique(others, return_counts=True)
    return [chosen, *found[np.argsort(-counts, kind="stable")][:count].tolist()]


def classes(page: Drawing, at: Float[np.ndarray, "n 2"], clustering: Clustering) -> None:
    """The map in the colours of the true classes, which the method has not seen."""
    labels = clustering.labels[: len(at)]
    parts.cloud(page, at, labels, -2, np.zeros(len(at), bool))
    for place, kind in enumerate(np.unique(labels)[:10].tolist()):
        x, y = parts.LEFT + 0.12 + 1.1 * (place % 5), 6.68 + 0.28 * (place // 5)
        parts.marks(page, np.array([[x, y]]), [kind], 10)
        page.words(x + 0.15, y, class_name(kind, clustering.classes), 12)


def sentence(image: int, now: Epoch) -> str:
    """An image, its class, and its two nearest clusters."""
    clustering, (own, other) = now.clustering, now.distances[image].tolist()
    cluster, label = int(clustering.assignment[image]), int(clustering.labels[image])
    then = f", to the nearest other, {now.next[image]}, {other:.2f}" if np.isfinite(other) else ""
    return f"image {image}, {class_name(label, clustering.classes)}: distance to the centroid of its cluster {cluster} {own:.2f}{then}"


def agreement(page: Drawing, epochs: Sequence[Epoch], usual: Sequence[Epoch], now: Epoch) -> None:
    """NMI with the epoch before and with the classes; a click goes to an epoch."""
    (top, low), number = parts.CHARTS, [epoch.number for epoch in epochs]
    chart = Chart(page, 6.55, top, 8.95, low, (1, max(number[-1], 2)), (0, 1))
    page.words(parts.X, top - 0.28, "NMI", **HEAD)
    page.words(6.55, top - 0.28, "epoch before", 13, bold=True)
    page.words(8.95, top - 0.28, "classes", 13, POSITIVE, True, ha="right")
    chart.frame({1: "epoch 1", max(number[-1], 2): f"{max(number[-1], 2)}"}, {0: "0", 0.5: "0.5", 1: "1"})
    for rows, width, dash in ((usual, 1.5, "dashed"), (epochs, 2.5, "")):
        for name, colour in (("nmi", INK), ("truth", POSITIVE)):
            if rows:
                chart.curve([epoch.number for epoch in rows], [getattr(epoch, name) for epoch in rows], colour, width, dash)
    chart.dots(now.number, now.truth, POSITIVE)
    chart.dots(now.number, now.nmi)
    said = {"epoch": number, "truth": [f"{epoch.truth:.2f}" for epoch in epochs]}
    said["nmi"] = [f", with the epoch before {epoch.nmi:.2f}" if np.isfinite(epoch.nmi) else "" for epoch in epochs]
    tip, truth = "epoch {epoch}: NMI with the classes {truth}{nmi}", [epoch.truth for epoch in epochs]
    chart.answers("NMI of every epoch", number, truth, tip, said, {"epoch": number})


def drawn(page: Drawing, clustering: Clustering, draws: dict[str, Int[np.ndarray, " k"]], chosen: int) -> None:
    """How often each cluster is drawn, the largest cluster first; a click chooses one."""
    k, (top, low), order = len(clustering), parts.CHARTS, np.argsort(-clustering.sizes, kind="stable")
    plain, uniform = draws["plain"][order], draws["uniform"][order]
    most = max(int(plain.max()), int(uniform.max()), 1)
    chart = Chart(page, 9.95, top, 12.85, low, (0, k), (0, 1.05 * most))
    page.words(9.55, top - 0.28, f"{plain.sum():,} draws", **HEAD)
    page.words(11.9, top - 0.28, "plain", 13, NEGATIVE, True, ha="right")
    page.words(12.85, top - 0.28, "uniform", 13, POSITIVE, True, ha="right")
    edges, place = np.repeat(np.arange(k + 1), 2), int(np.flatnonzero(order == chosen)[0])
    page.areas([chart.points(edges, [0, *np.repeat(plain, 2), 0])], NEGATIVE)
    chart.curve(edges, [0, *np.repeat(uniform, 2), 0], POSITIVE, 2.5)
    page.marks(chart.x(place + 0.5), low + 0.1, "^", 11, ANCHOR, INK, 1)
    chart.frame({}, {0: "0", most: f"{most}"})
    page.words((chart.left + chart.right) / 2, low + 0.3, f"{k} clusters, the largest first", 12, GREY, ha="center")
    tip, names = "{column}; drawn {plain} times plainly, {uniform} times uniformly", [*map(clustering.said, order.tolist())]
    page.spots.append(Spots("draws", chart.box, tip, {"plain": plain, "uniform": uniform}, {"cluster": order.tolist()}, columns=names))
