"""Points on the unit circle that a loss pulls and pushes: where they are, where they go, who pushes whom."""

import numpy as np
from jaxtyping import Float
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import GREY, INK, NEGATIVE, PAPER, POSITIVE, Page, in_our_look, percent

ARROW = 4  # steps that an arrow is long
THICK = 18  # width of the line from one that does all of the pushing, in points
ROOM = 1.43  # from the centre to the edge of the picture, in radii
LONG = 60  # steps by which a trail has come to the edge of the picture
RIM = 0.1  # from a point to where its arrow begins, in radii, so that its number covers nothing
KEY = (
    (0.012, "● {}   ○ {}   ━ partners", POSITIVE),
    (0.33, "━ who pushes whom", NEGATIVE),
    (0.5, "→ minus the gradient", INK),
    (0.68, "╶ where it came from", GREY),
)
STILL = 0.003  # radians: of a shorter step no arrow is drawn
FEW = 2  # on a circle, everybody has two neighbours


@in_our_look
def circle(
    angles: Float[np.ndarray, "T points"],
    moves: Float[np.ndarray, " points"],
    weights: Float[np.ndarray, "points points"],
    curves: dict[str, np.ndarray],
    even: float,
    step: int = 0,
    what: str = "",
    views: tuple[str, str] = ("one view", "the other"),
) -> tuple[Figure, str]:
    """Two views of some pictures as points on the circle after `step` steps of gradient descent, and loss, alignment and uniformity at all steps.

    angles: of all points, first views before second ones, at steps 0 .. T - 1, in radians.
    moves: how far the gradient carries each at the next step, the arrows.
    weights: [i, j], how much point j weighs in what pulls (< 0) or pushes (> 0) point i.   curves: "loss", "alignment", "uniformity" → (T,).
    even: the uniformity of evenly spread points.   what: was minimised, in words.   views: the names of the first and of the second ones.
    Raises: InputError for a step that there is not, fewer than two pairs, or values that are not finite.
    """
    last, n = len(angles) - 1, angles.shape[1]
    require(0 <= step <= last, f"step={step} is not among the steps, 0 to {last}")
    require(n >= 4 and n % 2 == 0, f"got {n} points; at least two pairs are needed, one for the other to be told from")
    finite = all(np.isfinite(values).all() for values in (angles, moves, weights, *curves.values()))
    require(finite, f"the loss {what} or its gradient is not finite; try a higher temperature")
    found = finding(angles[step], weights)
    figure = Page(figsize=(13, 6.6))
    points(figure.add_axes((0.005, 0.005, 0.434, 0.434 * 13 / 6.6)), angles[: step + 1], moves, weights)
    aims = {"alignment": (0.0, "partners meet"), "uniformity": (even, "evenly spread")}
    for place, (name, values) in enumerate(curves.items()):
        curve(figure.add_axes((0.56, 0.64 - 0.265 * place, 0.42, 0.14)), f"{name} {ends(values, step)}", values, step, *aims.get(name, (None, "")))
    figure.axes[-1].set(xticks=[0, last // 2, last], xlabel="step")
    figure.text(0.012, 0.95, found, fontsize=19, fontweight="bold", va="center")
    for x, words, colour in KEY:
        figure.text(x, 0.885, words.format(*views), color=colour, fontsize=13, va="center")
    changed = ", ".join(f"{name} {ends(values, step)}" for name, values in curves.items())
    return figure, f"{what}{', ' * bool(what)}step {step} of {last}: {changed}; {found}."


def ends(values, step: int) -> str:
    """The first value, and that of the present step."""
    first, now = (f"{round(value, 2) + 0.0:.2f}".replace("-", "−") for value in (float(values[0]), float(values[step])))
    return f"{first} → {now}" if step else now


def shares(weights: Float[np.ndarray, "points points"]) -> Float[np.ndarray, "points points"]:
    """How the others share the pushing on every point: rows of the positive weights that add up to 1, or to 0 where nobody pushes."""
    push = weights.clip(0)
    return push / np.maximum(push.sum(axis=1, keepdims=True), 1e-300)


def neighbours(angles: Float[np.ndarray, " points"], weights: Float[np.ndarray, "points points"]) -> float:
    """Share of the pushing that is done by the FEW nearest other pictures, the nearer view counting; the mean over all points that are pushed."""
    n, B = len(angles), len(angles) // 2
    near, share = ((m[:, :B], m[:, B:]) for m in (np.cos(angles[:, None] - angles), shares(weights)))
    near, share = np.maximum(*near), np.add(*share)
    near[np.arange(n), np.arange(n) % B] = -np.inf  # the picture itself
    nearest = np.take_along_axis(share, np.argsort(-near, axis=1, kind="stable")[:, :FEW], axis=1).sum(axis=1)
    return float(nearest[share.any(axis=1)].mean())


def finding(angles, weights) -> str:
    """Who pulls and who pushes."""
    others = len(angles) // 2 - 1
    if abs(weights).max() < 1e-9:
        return "every partner is found: nobody pulls or pushes any more"
    if weights.max() <= 0:
        return "nobody pushes: partners meet, and nothing spreads the pictures"
    if weights.min() >= 0:
        return "nobody pulls: pictures spread, and partners part"
    if others <= FEW:
        return "the one other picture does all of the pushing" if others == 1 else f"the {others} other pictures do all of the pushing"
    share = neighbours(angles, weights)
    verdict = ": only neighbours push" if share > 0.9 else ": all push alike" if share < 1.3 * FEW / others else ""
    return f"the {FEW} nearest of {others} other pictures do {percent(share)} of the pushing{verdict}"


def points(axes, angles, moves, weights):
    """The circle now: pairs with their numbers, arrows along it, who pushes whom inside, and outside where everybody came from."""
    now, n = angles[-1], angles.shape[1]
    place, along = unit(now), unit(now + np.pi / 2)
    turn = np.linspace(0, 2 * np.pi, 181)
    axes.plot(*unit(turn).T, color="#c9c4ba", linewidth=1.5)
    age = np.arange(len(angles))[::-1] / LONG
    trails = [unit(path) * (1 + 0.36 * age[:, None]) for path in angles.T] if len(angles) > 1 else []
    axes.add_collection(LineCollection(trails, colors=GREY, linewidths=1.2, alpha=0.7))
    i, j = np.triu_indices(n, 1)
    share = shares(weights)
    pushing, pushed = (weights[i, j] > 0) | (weights[j, i] > 0), share.any(axis=1)
    i, j = i[pushing], j[pushing]
    part = (share[i, j] + share[j, i]) / (pushed[i].astype(int) + pushed[j])  # the mean over those of the two that anybody pushes
    axes.add_collection(LineCollection([*zip(place[i], place[j])], colors=NEGATIVE, linewidths=THICK * part, alpha=0.55))
    axes.add_collection(LineCollection([*zip(place[: n // 2], place[n // 2 :])], colors=POSITIVE, linewidths=2))
    go = abs(moves) > STILL
    tails, arrows = place + RIM * np.sign(moves)[:, None] * along, ARROW * moves[:, None] * along
    axes.quiver(*tails[go].T, *arrows[go].T, angles="xy", scale_units="xy", scale=1, color=INK, width=0.008, zorder=3)
    for view, size, face, ink in ((1, 700, PAPER, POSITIVE), (0, 380, POSITIVE, PAPER)):
        own = place[view * n // 2 :][: n // 2]
        axes.scatter(*own.T, s=size, color=face, edgecolors=POSITIVE, linewidths=2, zorder=5 - view)
        for number, xy in enumerate(own):
            axes.text(*xy, number, color=ink, fontsize=12, fontweight="bold", ha="center", va="center_baseline", zorder=5 - view)
    axes.set(xlim=(-ROOM, ROOM), ylim=(-ROOM, ROOM), aspect="equal")
    axes.set_axis_off()


def unit(angle: np.ndarray) -> np.ndarray:
    """The points of the unit circle at these angles, one row each."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def curve(axes, title, values, step, aim, words):
    """One measure at all steps, thin where it is yet to come; its aim dashed. Few ticks, because each costs a millisecond."""
    axes.plot(values, color=GREY, linewidth=1.2)
    axes.plot(values[: step + 1], color=INK)
    axes.plot(step, values[step], "o", color=INK, markersize=10, clip_on=False)
    if aim is not None:
        axes.axhline(aim, color=POSITIVE, linestyle="--", linewidth=2)
        axes.text(len(values) - 1, aim, f"{words} ", color=POSITIVE, ha="right", va="bottom")
    axes.text(0, 1.12, title, transform=axes.transAxes, fontsize=16, fontweight="bold", va="bottom")
    low, high = min(values.min(), np.inf if aim is None else aim), max(values.max(), -np.inf if aim is None else aim)
    room = max(0.15 * (high - low), 0.005)
    axes.set(xlim=(0, len(values) - 1), ylim=(low - room, high + room), xticks=[], yticks=sorted({low, high}))
    axes.yaxis.set_major_formatter("{x:.2f}")
