"""Points on the unit circle that a loss pulls and pushes: where they are, where they go, who pushes whom."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import GREY, INK, NEGATIVE, PAPER, POSITIVE, number, percent
from ssl_lab.plots.spots import Spots

WIDE, HIGH, STRIP = 13.0, 6.5, 0.7  # inches; the strip has the title
CENTRE, RADIUS = np.array([3.25, 3.6]), 2.0  # of the circle, in inches
ROOM = 1.43  # from the centre to the edge of its part of the picture, in radii
ARROW = 4  # steps that an arrow is long
SHAFT, HEAD = 0.023, 0.22  # inches: half the width of an arrow's line, and the length of its head
THICK = 18  # width of the line from one that does all of the pushing, in points
THIN = 0.05  # points: a thinner line is not drawn, nobody would see it
LONG = 60  # steps by which a trail has come to the edge of the picture
RIM = 0.1  # from a point to where its arrow begins, in radii, so that its number covers nothing
FAR = (ROOM**2 - 1) ** 0.5 - RIM  # radii: a longer arrow would leave the picture, and ends at its edge
STILL = 0.003  # radians: of a shorter step no arrow is drawn
FEW = 2  # on a circle, everybody has two neighbours


def circle(
    angles: Float[np.ndarray, "T points"], moves: Float[np.ndarray, " points"], weights: Float[np.ndarray, "points points"],
    curves: dict[str, np.ndarray], even: float, step: int = 0, what: str = "", views: tuple[str, str] = ("one view", "the other"),
) -> tuple[Figure, str]:  # fmt: skip
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
    found, page = finding(angles[step], weights), Drawing(WIDE, HIGH, STRIP, [WIDE / 2])
    page.title(found, size=19)
    points(page, angles[: step + 1], moves, weights)
    key(page, views)
    page.spots.append(lambda: told(angles[step], moves, weights, views))
    aims = {"alignment": (0.0, "partners meet"), "uniformity": (even, "evenly spread")}
    for place, (name, values) in enumerate(curves.items()):
        curve(page, 1.5 + 1.75 * place, name, values, step, place == len(curves) - 1, *aims.get(name, (None, "")))
    changed = ", ".join(f"{name} {ends(values, step)}" for name, values in curves.items())
    return page, f"{what}{', ' * bool(what)}step {step} of {last}: {changed}; {found}."


def ends(values, step: int) -> str:
    """The first value, and that of the present step."""
    return f"{number(values[0])} → {number(values[step])}" if step else number(values[0])


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


def points(page: Drawing, angles, moves, weights) -> None:
    """The circle now: pairs with their numbers, arrows along it, who pushes whom inside, and outside where everybody came from."""
    n, now = angles.shape[1], angles[-1]
    place, B = unit(now), n // 2
    page.strokes([on_page(unit(np.linspace(0, 2 * np.pi, 181)))], "#c9c4ba", 1.5)
    if len(angles) > 1:
        age = np.arange(len(angles))[::-1] / LONG
        page.strokes([*on_page(unit(angles.T) * (1 + 0.36 * age[:, None]))], GREY, 1.2, alpha=0.7)
    i, j = np.triu_indices(n, 1)
    share = shares(weights)
    pushed = share.any(axis=1)
    part = (share[i, j] + share[j, i]) / np.maximum(pushed[i].astype(int) + pushed[j], 1)  # the mean over those of the two that anybody pushes
    seen = THICK * part > THIN
    page.strokes([*on_page(np.stack([place[i], place[j]], axis=1)[seen])], NEGATIVE, THICK * part[seen], alpha=0.55)
    page.strokes([*on_page(np.stack([place[:B], place[B:]], axis=1))], POSITIVE, 2)
    go = abs(moves) > STILL
    along, turns = unit(now + np.pi / 2)[go], moves[go][:, None]
    ways = (ARROW * turns).clip(-FAR, FAR) * along
    page.areas([*arrows(on_page(place[go] + RIM * np.sign(turns) * along), RADIUS * ways * (1, -1))], INK)
    for own, size, face, ink in (on_page(place[B:]), 26, PAPER, POSITIVE), (on_page(place[:B]), 19.5, POSITIVE, PAPER):
        page.marks(*own.T, "o", size, face, POSITIVE, 2)
        for picture, (x, y) in enumerate(own):
            page.words(x, y, picture, 12, ink, bold=True, ha="center", va="center_baseline")


def unit(angle: np.ndarray) -> np.ndarray:
    """The points of the unit circle at these angles."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def on_page(points: np.ndarray) -> np.ndarray:
    """Where points of the plane lie, in inches."""
    return CENTRE + RADIUS * points * (1, -1)


def arrows(tails: Float[np.ndarray, "n 2"], ways: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 7 2"]:
    """Outlines of arrows, in inches; one that is shorter than its head is a smaller head."""
    length = np.linalg.norm(ways, axis=1)[:, None]
    small = np.minimum(length / HEAD, 1)
    along = np.hstack([0 * length, length - 0.9 * HEAD * small, length - HEAD * small, length])[:, [0, 1, 2, 3, 2, 1, 0]]
    aside = small * SHAFT * np.array([1, 1, 3, 0, -3, -1, -1])
    ahead = ways / length
    return tails[:, None] + along[..., None] * ahead[:, None] + aside[..., None] * (ahead[:, None, ::-1] * (-1, 1))


def key(page: Drawing, views: tuple[str, str]) -> None:
    """What the marks mean, in the corners that the circle leaves free."""
    left, right, top, low = 0.15, WIDE / 2 - 0.15, STRIP + 0.2, HIGH - 0.2
    for line, said in enumerate((f"● {views[0]}", f"○ {views[1]}", "━ partners")):
        page.words(left, top + 0.27 * line, said, 13, POSITIVE)
    page.words(right, top, "━ who pushes whom", 13, NEGATIVE, ha="right")
    page.words(left, low, "→ minus the gradient", 13)
    page.words(right, low, "─ where it came from", 13, GREY, ha="right")


def told(angles, moves, weights, views: tuple[str, str]) -> Spots:
    """What every point says: which one it is, where, what pulls and pushes it, and where it goes next."""
    B, share = len(angles) // 2, shares(weights)
    share, pull, push = share[:, :B] + share[:, B:], -weights.clip(max=0).sum(axis=1), weights.clip(0).sum(axis=1)
    data = {
        "picture": [*range(B)] * 2,
        "view": np.repeat(views, B),
        "angle": [f"{angle:.0f}" for angle in np.degrees(angles).round() % 360],
        "felt": [*map(felt, pull, push, share.max(axis=1), share.argmax(axis=1).tolist())],
        "turn": [f"{abs(turn):.1f}° {'counter-' * bool(turn > 0)}clockwise" if abs(turn) >= 0.05 else "none" for turn in np.degrees(moves)],
    }
    box = (*(CENTRE - ROOM * RADIUS), 2 * ROOM * RADIUS, 2 * ROOM * RADIUS)
    return Spots("points", box, "picture {picture} ({view}) at {angle}°: {felt}; next turn: {turn}", data, at=on_page(unit(angles)))


def felt(pull: float, push: float, share: float, most: int) -> str:
    """What pulls and pushes one point."""
    pulled = f"pull {number(pull, 3)}" if pull else ""
    pushed = f"push {number(push, 3)}, {percent(share)} of it from picture {most}" if push else ""
    return ", ".join(filter(None, (pulled, pushed))) or "nothing pulls or pushes it"


def curve(page: Drawing, top: float, name: str, values, step: int, lowest: bool, aim: float | None, words: str) -> None:
    """One measure at all steps, thin where it is yet to come; its aim dashed."""
    steps, last = np.arange(len(values)), len(values) - 1
    aims = [] if aim is None else [aim]
    low, high = min([*values, *aims]), max([*values, *aims])
    room = max(0.15 * (high - low), 0.005)
    chart = Chart(page, 7.35, top, 12.8, top + 0.93, (0, last), (low - room, high + room))
    page.words(chart.left, top - 0.22, f"{name} {ends(values, step)}", 16, bold=True)
    across = {tick: f"{tick}" for tick in (0, last // 2, last)} if lowest else {}
    chart.frame(across, {tick: number(tick) for tick in (low, high)}, "step" * lowest, size=13)
    chart.curve(steps, values, GREY, 1.2)
    chart.curve(steps[: step + 1], values[: step + 1])
    for aim in aims:
        chart.level(aim, POSITIVE, 2)
        page.words(chart.right, top - 0.22, f"╍ {words}", 14, POSITIVE, ha="right")
    chart.dots(step, values[step])
    said = {"step": steps, "value": [number(value, 3) for value in values]}
    chart.answers(name, steps, values, f"step {{step}}: {name} {{value}}", said, {"step": steps})
