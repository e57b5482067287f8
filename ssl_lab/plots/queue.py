"""MoCo's queue at one step: every slot with its key, a query and its own key, and what happens to keys as they grow old."""

import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, in_our_look, percent
from ssl_lab.plots.moment import Moment, Seen, steps
from ssl_lab.plots.row import square

# Inches, y running down. One batch of keys a line.
WIDTH, HEIGHT = 13, 7.5
LEFT, RIGHT, TOP, LINES, PITCH = 1.35, 7.0, 1.55, 8, 0.48  # of the lines: their ends, the first one's top, how many there can be, one to the next
SIDE, TILE = 0.38, 16 / 17  # from one image of a line to the next, at most; the part of it that the image covers
BATCH = 6.25  # top of the step's own keys
X = 7.7  # where the right half begins
CLASH = {"s": 90, "c": NEGATIVE, "marker": "X", "edgecolors": PAPER, "linewidths": 1}  # how a false negative is marked
OWN = {"s": 210, "c": POSITIVE, "marker": "*", "edgecolors": PAPER, "linewidths": 1}  # and the query's own key


@in_our_look
def queue(
    moment: Moment,
    views: tuple[UInt8[np.ndarray, "N H W 3"], UInt8[np.ndarray, "N H W 3"]],
    labels: Int[np.ndarray, " N"],
    tau: float,
    query: int = 0,
    *,
    early: bool = False,
    classes: tuple[str, ...] = (),
    setting: str = "",
) -> tuple[Figure, str]:
    """The queue as one query of a step sees it, a batch of keys a line, and the cosine of query and keys against the keys' age.

    views: of all pictures, those that queries and those that keys are made of.   labels: -1 = none.   tau > 0.   query: 0 to B - 1.
    early: enqueue before the logits, the usual mistake.   setting: of the run, in words.
    Raises: InputError for a query that is not in the batch, tau <= 0, or a queue that is not whole batches or holds more than LINES of them.
    """
    B, K = len(moment.q), len(moment.rows)
    require(0 <= query < B, f"query={query} is none of this batch; there are 0 to {B - 1}")
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
    require(K % B == 0 and K <= LINES * B, f"a queue of {K} keys is not 1 to {LINES} whole batches of {B}; take K={B} to {LINES * B} in steps of {B}")
    now = moment.enqueued() if early else moment
    seen = Seen(now, query, labels, classes, tau, early)
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")
    axes.text(0.15, 0.36, seen.finding(), va="center", fontsize=18, fontweight="bold")
    axes.text(0.15, 0.76, f"step {now.step} · K = {K} · {setting}{' · ' * bool(setting)}temperature {tau:.3g}", va="center", color=GREY)
    slots(axes, seen, views[1])
    batch(axes, seen, views[1])
    key(axes, seen)
    loss = f"mean loss of the batch {now.losses(tau).mean():.2f}" + f" in place of {moment.losses(tau).mean():.2f}" * early
    words = one_query(axes, seen, views, loss)
    consistency = ages(figure.add_axes((X / WIDTH + 0.045, 0.085, 1 - X / WIDTH - 0.06, 0.42)), seen)
    mistake = ", by mistake before the logits so that every query's own key is among its negatives and no loss can fall below log 2 = 0.69"
    when = f"this step's {B} keys go to slots {now.slots[0]} to {now.slots[-1]}{mistake * early}"
    return figure, f"Step {now.step}, queue of {K} keys, {setting}{', ' * bool(setting)}{seen.stock()}; {when}. {words}; {loss}; {consistency}."


def slots(axes, seen: Seen, keys) -> None:
    """The queue: a line for every batch, how old it is, the image of every key, and below it the root of what it takes of the softmax."""
    now, B = seen.now, len(seen.now.q)
    n, side = len(now.rows) // B, pitch(B) * TILE
    axes.text(0.15, 1.27, f"the queue, {n} line{'s' * (n > 1)} of {B} keys", va="center", fontsize=15, fontweight="bold")
    for line, (ages, shows) in enumerate(zip(now.age.reshape(n, B), now.shows.reshape(n, B))):
        tiles(axes, np.stack([noise(line * B + i, keys.shape[1:]) if j < 0 else keys[j] for i, j in enumerate(shows)]), TOP + PITCH * line)
        old = int(ages[0])
        said = "random" if old < 0 else "this step" if old == 0 else f"{old} step{'s' * (old > 1)} old"
        axes.text(LEFT - 0.14, TOP + PITCH * line + side / 2, said, ha="right", va="center", color=GREY if old < 0 else INK)
    x, y = place(B, np.arange(n * B))
    part = np.sqrt(seen.share[1:] / max(seen.share.max(), 1e-12))
    bars = [square(left, top + side + 0.015, side * one, 0.05) for left, top, one in zip(x, y, part)]
    axes.add_collection(PolyCollection(bars, facecolors=NEGATIVE, linewidths=0))
    axes.scatter(x[seen.clash] + 0.78 * side, y[seen.clash] + 0.22 * side, zorder=4, **CLASH)
    axes.scatter(x[seen.twin] + 0.72 * side, y[seen.twin] + 0.28 * side, zorder=4, **OWN)


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


def batch(axes, seen: Seen, keys) -> None:
    """The step's own keys, and an arrow to the line whose place they take."""
    now, B = seen.now, len(seen.now.q)
    side, end, line = pitch(B) * TILE, LEFT + B * pitch(B), now.pointer // B
    said = "which have already been enqueued" if seen.early else "to be enqueued after the loss"
    axes.text(0.15, BATCH - 0.3, f"this step's {B} keys, {said}", va="center", fontsize=15, fontweight="bold")
    tiles(axes, keys[now.own], BATCH)
    axes.scatter([LEFT + seen.query * pitch(B) + 0.72 * side], [BATCH + 0.28 * side], zorder=4, **OWN)
    top = TOP + PITCH * line
    frame = square(LEFT - 0.045, top - 0.045, B * pitch(B) + 0.07, side + 0.12)
    middle, low, lane = top + side / 2, BATCH + side / 2, end + 0.32
    way = [(end + 0.02, low), (lane, low), (lane, middle), (end + 0.15, middle)]
    axes.add_collection(LineCollection([frame, way], colors=INK, linewidths=2.5))
    axes.scatter([end + 0.13], [middle], s=110, c=INK, marker="<", linewidths=0)


def key(axes, seen: Seen) -> None:
    """What the marks mean, in one line."""
    y = HEIGHT - 0.3
    axes.scatter([0.27], [y], **OWN)
    axes.text(0.42, y, "the query's own key", va="center", fontsize=13, color=POSITIVE)
    axes.add_collection(PolyCollection([square(4.75, y - 0.025, 0.3, 0.05)], facecolors=NEGATIVE, linewidths=0))
    axes.text(5.15, y, "√ share of softmax", va="center", fontsize=13, color=NEGATIVE)
    if seen.name:
        axes.scatter([2.55], [y], **CLASH)
        axes.text(2.7, y, "shows the same class", va="center", fontsize=13, color=NEGATIVE)


def one_query(axes, seen: Seen, views, loss: str) -> str:
    """The query and its own key, large, and how it shares its softmax. Returns what it says, as a sentence without its end."""
    own, side, x = seen.now.own[seen.query], 1.3, X + 0.05
    for left, image, colour, said in ((x, views[0][own], ANCHOR, f"query {seen.query}"), (x + side + 0.2, views[1][own], POSITIVE, "its own key")):
        axes.imshow(image, extent=(left, left + side, 1.45 + side, 1.45), aspect="auto", interpolation="bicubic")
        axes.add_collection(LineCollection([square(left, 1.45, side, side)], colors=colour, linewidths=4))
        axes.text(left, 1.27, said, va="center", fontsize=15, fontweight="bold")
    p, taken = seen.share[0], percent(seen.share[1:][seen.clash].sum())
    cost, clashes = f"{-np.log(max(p, 1e-300)):.2f}", int(seen.clash.sum())
    rivals = f"{clashes} of {len(seen.clash)} negatives"
    again = f"again {percent(seen.share[1:][seen.twin].sum())}" if seen.early else ""
    lines = [f"loss {cost}", f"own key: {percent(p)}{', ' * bool(again)}{again}"]
    same = f"{taken} go to the {rivals} that show the same class" if clashes else "none of the negatives shows the same class"
    same = same if seen.name else "without labels, false negatives cannot be marked"
    lines += [f"same class: {taken}"] if seen.name else ["no labels: false", "negatives unmarked"]
    for y, line in zip((1.62, 1.95, 2.28, 2.61), lines):
        axes.text(x + 2 * side + 0.42, y, line, va="center", fontsize=17 if y < 1.7 else 14, fontweight="bold" if y < 1.7 else "normal")
    axes.text(x, 3.0, loss, va="center", color=GREY)
    who = f"Query {seen.query}{f' ({seen.name})' * bool(seen.name)}"
    return f"{who} pays {cost}: {percent(p)} of its softmax go to its own key{', ' * bool(again)}{again} as a negative; {same}" if again else (
        f"{who} pays {cost}: {percent(p)} of its softmax go to its own key; {same}"
    )


def ages(axes, seen: Seen) -> str:
    """Cosine with the query against age. Returns how well old keys agree with the present network, in words."""
    now, n = seen.now, len(seen.now.rows) // len(seen.now.q)
    B, real = len(now.q), now.age >= 0
    x = np.where(real, now.age, n + 1) + 0.6 * ((np.arange(len(now.rows)) % B + 0.5) / B - 0.5)
    cosine = now.rows.astype(float) @ now.q[seen.query]
    plain = ~seen.clash & ~seen.twin
    axes.axhline(0, color=FAINT, linewidth=2, zorder=0)
    axes.scatter(x[plain], cosine[plain], s=34, c=np.where(real[plain], NEGATIVE, GREY), linewidths=0, alpha=0.75)
    axes.scatter(x[seen.clash], cosine[seen.clash], zorder=3, **CLASH)
    axes.scatter(x[seen.twin], cosine[seen.twin], zorder=4, **OWN)
    axes.scatter([0], [now.k[seen.query] @ now.q[seen.query]], zorder=4, **(OWN | {"s": 420}))
    steps = np.unique(now.age[real])
    agree = np.array([now.again[now.age == step].mean() for step in steps])
    axes.plot([0, *steps], [1, *agree], color=INK, marker="s", markersize=7, linewidth=2)
    axes.set(xlim=(-0.6, n + 1.6), ylim=(min(-0.6, cosine.min() - 0.05), 1.08), xticks=[*range(n + 1), n + 1], yticks=[-0.5, 0, 0.5, 1])
    axes.set_xticklabels([*map(str, range(n + 1)), "random"])
    axes.set_xlabel("age of the key in steps")
    axes.set_ylabel("cosine with the query")
    words = f"keys {steps[-1]} steps old agree to {agree[-1]:.2f} with what today's key network makes of the same views" if len(steps) else "no key is old yet"
    axes.set_title(words[:60], fontsize=14)
    return words
