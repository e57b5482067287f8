"""MoCo's queue at one step: every slot with its key, a query and its own key, and what happens to keys as they grow old."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, Page, in_our_look, percent, squared
from ssl_lab.plots.moment import Moment, Seen, steps
from ssl_lab.plots.panel import Panel

# Inches, y running down. One batch of keys a line.
WIDTH, HEIGHT = 13, 7.5
LEFT, RIGHT, TOP, LINES, PITCH = 1.35, 7.0, 1.5, 8, 0.43  # of the lines: their ends, the first one's top, how many there can be, one to the next
SIDE, TILE = 0.37, 16 / 17  # from one image of a line to the next, at most; the part of it that the image covers
X, LARGE = 7.7, 1.3  # where the right half begins; the side of its images
CLASH = {"s": 90, "c": NEGATIVE, "marker": "X", "edgecolors": PAPER, "linewidths": 1}  # how a false negative is marked
OWN = {"s": 200, "c": POSITIVE, "marker": "*", "edgecolors": PAPER, "linewidths": 1}  # the query's own key
TWIN = OWN | {"c": NEGATIVE}  # and the same key as a negative
HEAD = {"fontsize": 15, "fontweight": "bold", "va": "center"}


@in_our_look
def queue(
    moments: Sequence[Moment],
    views: tuple[UInt8[np.ndarray, "N H W 3"], UInt8[np.ndarray, "N H W 3"]],
    labels: Int[np.ndarray, " N"],
    tau: float,
    query: int = 0,
    *,
    early: bool = False,
    classes: tuple[str, ...] = (),
    last: int = 0,
    setting: str = "",
) -> tuple[Figure, str]:
    """The queue as one query of a step sees it, a batch of keys a line; the loss up to this step; the cosine of query and keys against their age.

    moments: of the steps from the first to the one that is shown.   views: of all pictures, those of queries and those of keys.   labels: -1 = none.
    tau > 0.   query: 0 to B - 1.   early: enqueue before the logits, the usual mistake.   last: step where the curve's axis ends, at the least.
    setting: of the run, in words.
    Raises: InputError for a query that is not in the batch, tau <= 0, or a queue that is not whole batches or holds more than LINES of them.
    """
    require(len(moments) > 0, "moments=[]: there is no step to show; give at least the first one")
    B, K = len(moments[-1].q), len(moments[-1].rows)
    require(0 <= query < B, f"query={query} is none of this batch; there are 0 to {B - 1}")
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
    require(K % B == 0 and K <= LINES * B, f"a queue of {K} keys is not 1 to {LINES} whole batches of {B}; take K={B} to {LINES * B} in steps of {B}")
    views = tuple(map(squared, views))
    as_logits_see = [moment.enqueued() if early else moment for moment in moments]
    seen, right = Seen(as_logits_see[-1], query, labels, classes, tau, early), float(moments[-1].losses(tau).mean())
    figure = Page(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")
    axes.text(0.15, 0.36, seen.finding(), va="center", fontsize=18, fontweight="bold")
    now = f"step {seen.now.step} · K = {K} · {setting}{' · ' * bool(setting)}temperature {tau:.3g}"
    axes.text(0.15, 0.76, now, va="center", color=GREY)
    key(axes, seen)
    slots(axes, seen, views[1])
    foot = batch(axes, seen, views[1])
    mean = np.array([moment.losses(tau).mean() for moment in as_logits_see])
    loss = f"mean loss {mean[-1]:.2f}" + f" in place of {right:.2f}" * early
    axes.text(0.15, foot + 0.27, loss, **HEAD)
    curve(axes, foot + 0.5, mean, K, K // B - early, max(last, len(mean)), early)
    words = one_query(axes, seen, views)
    consistency = ages(axes, seen)
    mistake = ", by mistake before the logits, so that every query's own key is among its negatives and no loss can fall below log 2 = 0.69"
    when = f"this step's {B} keys go to slots {seen.now.slots[0]} to {seen.now.slots[-1]}{mistake * early}"
    first = f", {mean[0]:.2f} at step 1" * (len(mean) > 1)
    said = setting.replace(" · ", ", ") + ", " * bool(setting)
    about = f"Step {len(mean)} of MoCo with a queue of {K} keys, {said}{seen.stock()}"
    return figure, f"{about}; {when}. {words}; {loss}{first}; {consistency}."


def slots(axes, seen: Seen, keys) -> None:
    """The queue: a line for every batch, how old it is, the image of every key, and below it the root of what it takes of the softmax."""
    now, B = seen.now, len(seen.now.q)
    n, side = len(now.rows) // B, pitch(B) * TILE
    axes.text(0.15, 1.25, f"the queue, {n} line{'s' * (n > 1)} of {B} keys", **HEAD)
    for line, (ages, shows) in enumerate(zip(now.age.reshape(n, B), now.shows.reshape(n, B))):
        tiles(axes, np.stack([noise(line * B + i, keys.shape[1:]) if j < 0 else keys[j] for i, j in enumerate(shows)]), TOP + PITCH * line)
        old = int(ages[0])
        said = "random" if old < 0 else "this step" if old == 0 else f"{steps(old)} old"
        axes.text(LEFT - 0.14, TOP + PITCH * line + side / 2, said, ha="right", va="center", color=GREY if old < 0 else INK)
    x, y = place(B, np.arange(n * B))
    part = np.sqrt(seen.share[1:] / max(seen.share.max(), 1e-12))
    bars = [square(left, top + side + 0.015, side * one, 0.045) for left, top, one in zip(x, y, part)]
    axes.add_collection(PolyCollection(bars, facecolors=NEGATIVE, linewidths=0))
    axes.scatter(x[seen.clash] + 0.78 * side, y[seen.clash] + 0.22 * side, zorder=4, **CLASH)
    axes.scatter(x[seen.twin] + 0.72 * side, y[seen.twin] + 0.28 * side, zorder=4, **TWIN)


def pitch(B: int) -> float:
    """From one image in a line of B to the next."""
    return min(SIDE, (RIGHT - LEFT) / B)


def place(B: int, slot):
    """The upper left corners of slots."""
    return LEFT + slot % B * pitch(B), TOP + slot // B * PITCH


def tiles(axes, images: UInt8[np.ndarray, "B H W 3"], y: float) -> None:
    """Some images side by side, as one sheet."""
    B, H, W = images.shape[:3]
    sheet = np.pad(images, ((0, 0), (0, 0), (0, round(W / TILE) - W), (0, 0)), constant_values=255).transpose(1, 0, 2, 3).reshape(H, -1, 3)
    axes.imshow(sheet, extent=(LEFT, LEFT + B * pitch(B), y + pitch(B) * TILE, y), aspect="auto")


def noise(slot: int, shape: tuple[int, ...]) -> UInt8[np.ndarray, "H W 3"]:
    """What a random row shows: nothing."""
    grey = np.random.default_rng(slot).integers(170, 245, (8, 8, 1), dtype=np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in shape[:2])
    return np.repeat(grey[rows][:, columns], 3, axis=2)


def batch(axes, seen: Seen, keys) -> float:
    """The step's own keys below the queue, and an arrow to the line whose place they take. Returns where they end."""
    now, B = seen.now, len(seen.now.q)
    side, end, top = pitch(B) * TILE, LEFT + B * pitch(B), TOP + PITCH * (now.pointer // B)
    y = TOP + PITCH * (len(now.rows) // B) + 0.43
    said = "enqueued already" if seen.early else "enqueued after the logits"
    axes.text(0.15, y - 0.21, f"this step's {B} keys, {said}", **HEAD)
    tiles(axes, keys[now.own], y)
    axes.scatter([LEFT + seen.query * pitch(B) + 0.72 * side], [y + 0.28 * side], zorder=4, **OWN)
    frame = square(LEFT - 0.05, top - 0.035, B * pitch(B) + 0.08, side + 0.115)
    low, lane, middle = y + side / 2, end + 0.34, top + side / 2
    way = [(end + 0.04, low), (lane, low), (lane, middle), (end + 0.17, middle)]
    axes.add_collection(LineCollection([frame, way], colors=INK, linewidths=2.5, joinstyle="miter"))
    axes.scatter([end + 0.15], [middle], s=110, c=INK, marker="<", linewidths=0)
    return y + side


def key(axes, seen: Seen) -> None:
    """What the marks mean, in one line that ends at the right."""
    y, style = 0.76, {"va": "center", "fontsize": 13}
    if seen.early:
        axes.scatter([6.2], [y], **TWIN)
    axes.scatter([6.45], [y], **OWN)
    axes.text(6.62, y, "the query's own key", color=POSITIVE, **style)
    if seen.name:
        axes.scatter([8.77], [y], **CLASH)
        axes.text(8.92, y, "of the query's class", color=NEGATIVE, **style)
    x = 10.92 if seen.name else 8.77
    axes.add_collection(PolyCollection([square(x, y - 0.025, 0.25, 0.05)], facecolors=NEGATIVE, linewidths=0))
    axes.text(x + 0.33, y, "√ softmax share", color=NEGATIVE, **style)


def curve(axes, top: float, mean, K: int, random: int, last: int, early: bool) -> None:
    """The mean loss of every step so far, and what it is where all scores are equal; shaded, the steps that see random rows."""
    count, flat, low = np.arange(1, len(mean) + 1), float(np.log(K + 1)), float(np.log(2)) if early else 0.0
    panel = Panel(LEFT, top, RIGHT, HEIGHT - 0.4, (0.5, last + 0.5), (0, 1.12 * max(flat, float(mean.max()))))
    if random:
        width = panel.x(min(random, last) + 0.5) - panel.left
        axes.add_collection(PolyCollection([square(panel.left, panel.top, width, panel.low - panel.top)], facecolors=FAINT, linewidths=0))
        axes.add_collection(PolyCollection([square(RIGHT - 1.95, top - 0.3, 0.24, 0.18)], facecolors=FAINT, edgecolors=GREY))
        axes.text(RIGHT, top - 0.21, "with random rows", ha="right", va="center", fontsize=13, color=GREY)
    levels = [[(panel.left, panel.y(level)), (panel.right, panel.y(level))] for level in ([flat, low] if early else [flat])]
    axes.add_collection(LineCollection(levels, colors=[GREY, NEGATIVE][: len(levels)], linewidths=1.5, linestyles="--"))
    axes.plot(panel.x(count), panel.y(mean), color=INK, marker="o", markersize=5, linewidth=2)
    axes.plot(panel.x(count[-1:]), panel.y(mean[-1:]), "o", color=INK, markersize=11)
    ticks = {1: "step 1", (last + 1) // 2: f"{(last + 1) // 2}", last: f"{last}"} if last > 3 else {1: "step 1"}
    panel.frame(axes, ticks, {low: "log 2" if early else "0", flat: "log (K + 1)"})


def one_query(axes, seen: Seen, views) -> str:
    """The query and its own key, large, and how it shares its softmax. Returns what it says, as a sentence without its end."""
    own, top = seen.now.own[seen.query], 1.5
    for x, image, colour, said in (
        (X, views[0][own], ANCHOR, f"query {seen.query}"), (X + LARGE + 0.2, views[1][own], POSITIVE, "its own key"),
    ):
        axes.imshow(image, extent=(x, x + LARGE, top + LARGE, top), aspect="auto", interpolation="bicubic")
        axes.add_collection(LineCollection([square(x, top, LARGE, LARGE)], colors=colour, linewidths=4))
        axes.text(x, 1.25, said, **HEAD)
    cost, p, taken, count = f"{-np.log(max(seen.share[0], 1e-300)):.2f}", percent(seen.share[0]), seen.taken(seen.clash), int(seen.clash.sum())
    again = seen.taken(seen.twin)
    lines = [f"own key: {p}", *([f"as a negative: {again}"] if seen.early else [])]
    lines += [f"{count} of its class: {taken}"] if seen.name else ["no labels to mark", "false negatives"]
    x = X + 2 * LARGE + 0.42
    axes.text(x, top + 0.14, f"loss {cost}", va="center", fontsize=18, fontweight="bold")
    for row, line in enumerate(lines):
        axes.text(x, top + 0.48 + 0.29 * row, line, va="center")
    alike = f"{taken} go to the {count} of {len(seen.clash)} negatives of its class" if count else "no negative is of its class"
    alike = alike if seen.name else "without labels, false negatives cannot be marked"
    who = f"Query {seen.query}" + f" ({seen.name})" * bool(seen.name)
    return f"{who} pays {cost}: {p} of its softmax go to its own key{f', as a negative {again}' * seen.early}; {alike}"


def ages(axes, seen: Seen) -> str:
    """Cosine with the query against age. Returns how well old keys agree with the present key network, in words."""
    now, B = seen.now, len(seen.now.q)
    n, real, slot = len(now.rows) // B, now.age >= 0, np.arange(len(now.rows))
    age = np.where(real, now.age, n + 1.5) + 0.6 * ((slot % B + 0.5) / B - 0.5)
    cosine, own = now.rows.astype(np.float64) @ now.q[seen.query], float(now.k[seen.query] @ now.q[seen.query])
    panel = Panel(X + 0.7, 4.0, WIDTH - 0.3, HEIGHT - 0.65, (-0.6, n + 2.1), (min(-0.6, cosine.min() - 0.05, own - 0.05), 1.08))
    x, y, plain = panel.x(age), panel.y(cosine), ~seen.clash & ~seen.twin
    axes.plot([panel.left, panel.right], [panel.y(0)] * 2, color=FAINT, linewidth=2, zorder=0)
    axes.scatter(x[plain], y[plain], s=34, c=np.where(real[plain], NEGATIVE, GREY), linewidths=0, alpha=0.75)
    axes.scatter(x[seen.clash], y[seen.clash], zorder=3, **CLASH)
    axes.scatter(np.full(int(seen.twin.sum()), panel.x(0)), y[seen.twin], zorder=4, **(TWIN | {"s": 1400}))  # around the own key: they are one vector
    axes.scatter([panel.x(0)], [panel.y(own)], zorder=4, **(OWN | {"s": 420}))
    old, agree = now.agreement()
    past = old > 0
    axes.plot(panel.x(np.array([0, *old[past]])), panel.y(np.array([1, *agree[past]])), color=INK, marker="s", markersize=7, linewidth=2)
    ticks = {step: f"{step}" for step in range(0, n + 1, 1 if n < LINES else 2)} | {n + 1.5: "random"}
    panel.frame(axes, ticks, {-0.5: "−0.5", 0: "0", 0.5: "0.5", 1: "1"}, "age of the key in steps", "cosine with the query")
    words = f"keys {steps(int(old[-1]))} old agree to {agree[-1]:.3f}" if past.any() else "no key is old yet"
    axes.text(X, 3.3, words, **HEAD)
    if not past.any():
        return words
    axes.text(X, 3.62, "■ with what the present network makes of their views", va="center", fontsize=13)
    return f"{words} with what the present key network makes of their views"


def square(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """The corners of a frame, the first one twice."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
