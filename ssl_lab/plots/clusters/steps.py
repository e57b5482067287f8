"""k-means step by step: points go to the nearest centroid, centroids to the mean of their points, and empty clusters are repaired."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.clusters import parts
from ssl_lab.plots.clusters.numbers import Clustering, counted
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.embedding import KINDS
from ssl_lab.plots.look import ANCHOR, GREY, HEAD, INK, NEGATIVE, PAPER
from ssl_lab.plots.spots import Spots

FINE = 106  # places across the map whose nearest centroid is looked up
BESIDE, HIDDEN = 0.17, 0.1  # inches from a centroid to one that would hide it, and how near they must be for that: a repair moves one to another
TOLD = (("assign", "every point goes to its nearest centroid"), ("update", "every centroid goes to the mean of its points"),
        ("repair", "a centroid without a point goes beside another one,\nwhich then shares its points with it"))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Moment:
    """k-means after one of its steps.   step: "start", "assign", "update" or "repair".   round: iteration, from 1; 0 = start.

    assignment: of N points, -1 = to none yet.   x: the points.   centroids: of k clusters.   places: of these on the map.   inertia: the mean
    squared distance to the own centroid; NaN = not known yet.   empty: clusters that have no point.
    """

    step: str
    round: int
    assignment: Int[np.ndarray, " N"]
    x: Float[np.ndarray, "N d"]
    centroids: Float[np.ndarray, "k d"]
    places: Float[np.ndarray, "k 2"]
    inertia: float

    @cached_property
    def sizes(self) -> Int[np.ndarray, " k"]:
        return np.bincount(self.assignment[self.assignment >= 0], minlength=len(self.places))

    @property
    def empty(self) -> Bool[np.ndarray, " k"]:
        return (self.sizes == 0) & (self.step != "start")


def kmeans_steps(
    moments: Sequence[Moment], xy: Float[np.ndarray, "N 2"], images: UInt8[np.ndarray, "N H W 3"], labels: Int[np.ndarray, " N"],
    classes: tuple[str, ...], chosen: int, by: str, *, plane: bool, setting: str = "", last: int = 0,
) -> tuple[Drawing, str]:  # fmt: skip
    """The clusters after the last of these steps, on a map; some of them as strips; the mean squared distance so far, and the sizes.

    moments: from the start on.   xy: N images on the map, within the unit square around 0 or a little more.   chosen: a cluster.   by: an order of
    ORDERS.   plane: whether the map is the very space that is clustered; then it shows which centroid is the nearest of every place.
    setting: of the run, in words.   last: steps that there will be.
    Raises: InputError for a cluster that there is not.
    """
    now, before = moments[-1], moments[-2] if len(moments) > 1 else moments[-1]
    require(0 <= chosen < len(now.sizes), f"cluster={chosen} is none of the {len(now.sizes)}")
    clustering, changed = Clustering(now.assignment, labels, classes, now.sizes), (now.assignment != before.assignment) & (before.assignment >= 0)
    found = finding(now, before, int(changed.sum()))
    page = parts.begun(found, f"{called(now)} · k = {len(now.sizes)} · {setting}")
    at, centroids, old = (parts.placed(one, 1.15) for one in (xy, now.places, before.places))
    if plane:
        regions(page, now.centroids)
    parts.cloud(page, at, now.assignment, chosen, changed)
    shown, repaired = beside(centroids), (centroids != old).any(1) & (now.step == "repair")
    moved(page, old, shown, now.step)
    marked(page, shown, now.empty & ~repaired, chosen)
    page.words(parts.LEFT, 6.62, legend(plane), 13, GREY, va="top")
    if now.step == "start":
        for row, (step, said) in enumerate(TOLD):
            page.words(parts.X, parts.FIRST + 0.7 * row, f"{row + 1}  {step}", **HEAD)
            page.words(parts.X + 1.3, parts.FIRST + 0.7 * row - 0.1, said, va="top")
    else:
        parts.strips(page, clustering, images, chosen, by)
    curve(page, moments, last)
    bars(page, clustering, chosen)

    def spots() -> Spots:
        names = [f"centroid {cluster}" + (f" of {clustering.said(cluster)}" if now.round else "") for cluster in range(len(clustering))]
        clusters = now.assignment if now.round else np.full(len(xy), chosen)
        far = np.linalg.norm(now.x[:, None] - now.centroids, axis=2)
        said = [*map(sentence, range(len(xy)), far), *names]
        return parts.points(np.concatenate([at, shown]), said, [*clusters, *range(len(names))])

    page.spots.append(spots)
    cost = f"; mean squared distance {now.inertia:.3f}; {clustering.said(chosen)}" if now.round else ""
    when = f"k-means of {counted(len(xy))}, {called(now)}, k = {len(now.sizes)}, {setting}"
    return page, f"{when}: {found[0].lower()}{found[1:]}{cost}."


def called(now: Moment) -> str:
    return f"iteration {now.round}, {now.step}" if now.round else "start"


def finding(now: Moment, before: Moment, changed: int) -> str:
    """What the last step did."""
    k, empty, was = len(now.sizes), int(now.empty.sum()), int(before.empty.sum())
    still = f"; {empty} of {k} clusters {'is' if empty == 1 else 'are'} empty" * (empty > 0)
    if now.step == "start":
        return f"Start: {k} centroids, and no point belongs to any of them yet"
    if now.step == "assign":
        if now.round == 1:
            return f"Assign: every point goes to its nearest centroid{still}"
        if not changed:
            return f"Settled: every point stays with its nearest centroid{still}"
        return f"Assign: {changed} point{'s change' if changed > 1 else ' changes'} to a nearer centroid{still}"
    if now.step == "update":
        return f"Update: centroids move to the mean of their points{still}"
    if not was:
        return "Repair: no cluster is empty, so nothing is to be done"
    if np.array_equal(now.places, before.places):
        return f"Not repaired: {was} of {k} clusters stay{'s' * (was == 1)} empty"
    return f"Repair: {was} empty cluster{'s go' if was > 1 else ' goes'} beside the centroid of another one"


def legend(plane: bool) -> str:
    """What the marks of the map mean."""
    space = "ground: the nearest centroid of every place" if plane else "centroids: at the mean place of their points"
    return f"large: centroids · dark edge: changed its cluster\n{space}"


def sentence(image: int, far: Float[np.ndarray, " k"]) -> str:
    """An image and its two nearest centroids.   far: its distances to all of them."""
    first, *second = [f"centroid {cluster} at {far[cluster]:.3f}" for cluster in np.argsort(far, kind="stable")[:2].tolist()]
    return f"image {image}: {first}" + (f", then {second[0]}" if second else "")


def regions(page: Drawing, centroids: Float[np.ndarray, "k 2"]) -> None:
    """The ground in the pale colour of the nearest centroid."""
    steps = (np.arange(FINE) + 0.5) / FINE * 2.3 - 1.15
    grid = np.stack(np.meshgrid(steps, -steps), axis=-1)
    near = (grid.reshape(-1, 2) @ centroids.T - (centroids**2).sum(1) / 2).argmax(1).reshape(FINE, FINE)
    tints = np.array([[int(parts.colour(cluster)[i : i + 2], 16) for i in (1, 3, 5)] + [62 - 24 * (cluster // len(KINDS) % 2)]
                      for cluster in range(len(centroids))], np.uint8)  # fmt: skip
    page.image(tints[near], parts.LEFT, parts.TOP, parts.SIDE, parts.SIDE, smooth=True)


def beside(at: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, "k 2"]:
    """Centroids that would lie on another one, around it; all of them within the map."""
    hidden = np.tril(np.linalg.norm(at[:, None] - at, axis=2) < HIDDEN, -1).any(1)
    turn = 2.4 * np.arange(len(at))  # radians, the golden angle
    far = BESIDE * (1 + np.arange(len(at)) / len(at))[:, None]
    places = np.where(hidden[:, None], at + far * np.stack([np.cos(turn), np.sin(turn)], axis=1), at)
    return np.clip(places, np.array([parts.LEFT, parts.TOP]) + 0.15, np.array([parts.LEFT, parts.TOP]) + parts.SIDE - 0.15)


def moved(page: Drawing, old: Float[np.ndarray, "k 2"], new: Float[np.ndarray, "k 2"], step: str) -> None:
    """The ways of the centroids, from a small ring."""
    went = np.hypot(*(new - old).T) > HIDDEN
    if step in ("update", "repair") and went.any():
        page.strokes([*zip(old[went], new[went])], NEGATIVE if step == "repair" else INK, 2.5, "dashed" if step == "repair" else "")
        page.marks(*old[went].T, "o", 6, PAPER, INK, 1.5)


def marked(page: Drawing, at: Float[np.ndarray, "k 2"], empty: Bool[np.ndarray, " k"], chosen: int) -> None:
    """Centroids, large; crossed out where no point belongs to them and they are not repaired; an orange ring around the chosen one."""
    page.marks(*at[chosen], "o", 30, ANCHOR)
    parts.marks(page, at, np.arange(len(at)), 19, INK, 2)
    if empty.any():
        page.marks(*at[empty].T, "x", 22, NEGATIVE, width=3.5)


def curve(page: Drawing, moments: Sequence[Moment], last: int) -> None:
    """The mean squared distance of points to their centroid, after every step; a click goes to a step."""
    known = [(place, moment.inertia) for place, moment in enumerate(moments) if np.isfinite(moment.inertia)]
    place, value = np.array(known).reshape(-1, 2).T
    top, low = parts.CHARTS
    chart = Chart(page, 6.75, top, 9.3, low, (0, max(last, len(moments) - 1)), (0, 1.08 * float(value.max(initial=1e-9))))
    page.words(parts.X, top - 0.28, "mean squared distance", **HEAD)
    chart.frame({0: "start", max(last, 1): f"step {max(last, 1)}"}, {0: "0", **({float(value[0]): f"{value[0]:.2f}"} if len(value) else {})})
    chart.curve(place, value, width=2)
    chart.dots(place, value, size=5)
    chart.dots(place[-1:], value[-1:], size=11)
    if len(place):
        said = {"step": [called(moments[int(one)]) for one in place], "value": [f"{one:.3f}" for one in value]}
        chart.answers("steps", place, value, "{step}: mean squared distance {value}", said, {"step": place.astype(int)})


def bars(page: Drawing, clustering: Clustering, chosen: int) -> None:
    """How many images each cluster has; a click chooses one."""
    k, (top, low) = len(clustering), parts.CHARTS
    most = max(int(clustering.sizes.max()), 1)
    chart = Chart(page, 10.1, top, 12.85, low, (-0.6, k - 0.4), (0, 1.08 * most))
    page.words(9.55, top - 0.28, "images of each cluster", **HEAD)
    high = chart.low - chart.y(clustering.sizes)
    wide = 0.8 * float(chart.x(1) - chart.x(0))
    boxes = [(float(chart.x(cluster)) - wide / 2, chart.low - high[cluster], wide, high[cluster]) for cluster in range(k)]
    page.areas(boxes, [*map(parts.colour, range(k))])
    page.areas([boxes[chosen]], "", ANCHOR, 3)
    none, begun = np.flatnonzero(clustering.sizes == 0), bool(clustering.sizes.any())
    if begun and len(none):
        page.marks(chart.x(none), np.full(len(none), low - 0.1), "x", 10, NEGATIVE, width=2.5)
    chart.frame({cluster: f"{cluster}" for cluster in (0, k - 1)}, {0: "0", **({most: f"{most}"} if begun else {})})
    names = [clustering.said(cluster) if begun else f"cluster {cluster}: no image yet" for cluster in range(k)]
    page.spots.append(Spots("sizes of clusters", chart.box, "{column}", sets={"cluster": range(k)}, columns=names))
