"""MoCo's queue at one step: every slot with its key, a query and its own key, and what happens to keys as they grow old."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, HEAD, INK, NEGATIVE, PAPER, POSITIVE, centred, opaque, percent
from ssl_lab.plots.queue.numbers import Moment, Seen, old, steps
from ssl_lab.plots.spots import Spots

# Inches, y running down. One batch of keys a line.
WIDTH, HEIGHT, STRIP, SPLIT = 13, 7.5, 1.0, 7.52  # STRIP: the height of the title's; SPLIT: where the right half begins
LEFT, RIGHT, TOP, LINES, PITCH = 1.35, 7.0, 1.5, 8, 0.43  # of the lines: their ends, the first one's top, how many there can be, one to the next
SIDE, TILE = 0.37, 16 / 17  # from one image of a line to the next, at most; the part of it that the image covers
X, LARGE = 7.7, 1.3  # where the words of the right half begin; the side of its images
CLASH = {"kind": "X", "fills": NEGATIVE, "edge": PAPER}  # a false negative
OWN = {"kind": "*", "fills": POSITIVE, "edge": PAPER}  # the query's own key
TWIN = OWN | {"fills": NEGATIVE}  # and the same key as a negative
CROSS, STAR = 9.5, 14  # across, in points; in the chart stars are larger, and an own key that is a negative stands around itself


def queue(
    moments: Sequence[Moment], views: tuple[UInt8[np.ndarray, "N H W 3"], UInt8[np.ndarray, "N H W 3"]], labels: Int[np.ndarray, " N"],
    tau: float, query: int = 0, *, early: bool = False, classes: tuple[str, ...] = (), last: int = 0, setting: str = "",
) -> tuple[Drawing, str]:  # fmt: skip
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
    as_logits_see = [moment.enqueued if early else moment for moment in moments]
    seen, right = Seen(as_logits_see[-1], query, labels, classes, tau, early), float(moments[-1].losses(tau).mean())
    page = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT])
    page.title(seen.finding(), f"step {seen.now.step}", f"K = {K}", setting, f"temperature {tau:.3g}")
    slots(page, seen, views[1])
    foot = batch(page, seen, views[1])
    mean = np.array([moment.losses(tau).mean() for moment in as_logits_see])
    loss = f"mean loss {mean[-1]:.2f}" + f" in place of {right:.2f}" * early
    page.words(0.15, foot + 0.27, loss, **HEAD)
    curve(page, foot + 0.5, mean, K, K // B - early, max(last, len(mean)), early)
    words = one_query(page, seen, views)
    consistency = ages(page, seen)
    mistake = ", by mistake before the logits, so that every query's own key is among its negatives and no loss can fall below log 2 = 0.69"
    first = f", {mean[0]:.2f} at step 1" * (len(mean) > 1)
    return page, (
        f"Step {len(mean)} of MoCo with a queue of {K} keys, {setting.replace(' · ', ', ')}{', ' * bool(setting)}{seen.stock()}; this step's {B} "
        f"keys go to slots {seen.now.slots[0]} to {seen.now.slots[-1]}{mistake * early}. {words}; {loss}{first}; {consistency}."
    )


def slots(page: Drawing, seen: Seen, keys) -> None:
    """The queue: a line for every batch, how old it is, the image of every key, and below it the root of what it takes of the softmax."""
    now, B = seen.now, len(seen.now.q)
    K, side = len(now.rows), pitch(B) * TILE
    page.words(0.15, 1.25, f"the queue, {K // B} line{'s' * (K > B)} of {B} keys", **HEAD)
    tiles(page, np.where((now.shows < 0)[:, None, None, None], noise(K, keys.shape[1:3]), keys[now.shows]), B, TOP)
    lines = [old(int(age)) for age in now.age[::B]]
    for line, said in enumerate(lines):
        page.words(LEFT - 0.14, TOP + PITCH * line + side / 2, said, colour=GREY if said == "random" else INK, ha="right")
    x, y = LEFT + np.arange(K) % B * pitch(B), TOP + np.arange(K) // B * PITCH
    part = np.sqrt(seen.share[1:] / max(seen.share.max(), 1e-12))
    bars = [(left, top + side + 0.015, side * one, 0.045) for left, top, one in zip(x, y, part)]
    page.areas([*bars, (RIGHT - 1.83, 1.225, 0.25, 0.05)], NEGATIVE)
    page.words(RIGHT - 1.5, 1.25, "√ softmax share", 13, NEGATIVE)
    page.marks(x[seen.clash] + 0.78 * side, y[seen.clash] + 0.22 * side, sizes=CROSS, **CLASH)
    page.marks(x[seen.twin] + 0.72 * side, y[seen.twin] + 0.28 * side, sizes=STAR, **TWIN)
    box = (LEFT, TOP, B * pitch(B), K // B * PITCH)
    page.spots.append(lambda: Spots("slots of the queue", box, "{said}", {"said": [*map(seen.said, range(K))]}, rows=lines, columns=range(B)))


def pitch(B: int) -> float:
    """From one image in a line of B to the next."""
    return min(SIDE, (RIGHT - LEFT) / B)


def tiles(page: Drawing, images: UInt8[np.ndarray, "K H W 3"], B: int, top: float) -> None:
    """Images in lines of B, each in the middle of its square, nothing between them; a line is one sheet, which stays as long as its keys."""
    S = max(images.shape[1:3])
    squares = np.pad(centred(opaque(images), S, (0, 0, 0, 0)), ((0, 0), (0, 0), (0, round(S / TILE) - S), (0, 0)))
    for line, row in enumerate(squares.reshape(-1, B, *squares.shape[1:])):
        page.image(np.concatenate([*row], axis=1), LEFT, top + PITCH * line, B * pitch(B), pitch(B) * TILE, smooth=True)


def noise(K: int, shape: tuple[int, int]) -> UInt8[np.ndarray, "K H W 1"]:
    """What random rows show: nothing."""
    grey = np.random.default_rng(0).integers(170, 245, (K, 8, 8, 1), dtype=np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in shape)
    return grey[:, rows][:, :, columns]


def batch(page: Drawing, seen: Seen, keys) -> float:
    """The step's own keys below the queue, and an arrow to the line whose place they take. Returns where they end."""
    now, B, query = seen.now, len(seen.now.q), seen.query
    side, end, top = pitch(B) * TILE, LEFT + B * pitch(B), TOP + PITCH * (now.pointer // B)
    y = TOP + PITCH * (len(now.rows) // B) + 0.43
    said = "enqueued already" if seen.early else "enqueued after the logits"
    page.words(0.15, y - 0.21, f"this step's {B} keys, {said}", **HEAD)
    tiles(page, keys[now.own], B, y)
    page.marks(LEFT + query * pitch(B) + 0.72 * side, y + 0.28 * side, sizes=STAR, **OWN)
    page.areas([(LEFT - 0.05, top - 0.035, B * pitch(B) + 0.08, side + 0.115)], "", INK, 2.5)
    low, lane, middle = y + side / 2, max(end + 0.34, 5.6), top + side / 2  # beside the words above the step's keys
    page.strokes([[(end + 0.04, low), (lane, low), (lane, middle), (end + 0.17, middle)]], INK, 2.5)
    page.marks(end + 0.15, middle, "<", 10.5, INK)
    click = [f"a click takes query {i}" if i != query else f"the query's own key, share {percent(seen.share[0])}" for i in range(B)]
    tip = "key {column}, {picture}: goes to slot {slot}; {near}; {click}"
    data = {"picture": [*map(seen.of, now.own.tolist())], "slot": now.slots, "near": [*map(seen.near, now.k)], "click": click}
    page.spots.append(Spots("this step's keys", (LEFT, y, B * pitch(B), side), tip, data, {"query": range(B)}, columns=range(B)))
    return y + side


def curve(page: Drawing, top: float, mean, K: int, random: int, last: int, early: bool) -> None:
    """The mean loss of every step so far, and what it is where all scores are equal; shaded, the steps that see random rows."""
    count, flat, low = np.arange(1, len(mean) + 1), np.log(K + 1), np.log(2) if early else 0.0
    chart = Chart(page, LEFT, top, RIGHT, HEIGHT - 0.4, (0.5, last + 0.5), (0, 1.12 * max(flat, mean.max())))
    if random:
        chart.band(0.5, min(random, last) + 0.5)
        page.areas([(RIGHT - 1.95, top - 0.3, 0.24, 0.18)], FAINT, GREY)
        page.words(RIGHT - 1.62, top - 0.21, "with random rows", 13, GREY)
    chart.level(flat)
    if early:
        chart.level(low, NEGATIVE)
    chart.curve(count, mean, width=2)
    chart.dots(count, mean, size=5)
    chart.dots(count[-1:], mean[-1:], size=11)
    ticks = {1: "step 1", (last + 1) // 2: f"{(last + 1) // 2}", last: f"{last}"} if last > 3 else {1: "step 1"}
    chart.frame(ticks, {low: "log 2" if early else "0", flat: "log (K + 1)"}, size=14)
    data = {"step": count, "loss": [f"{loss:.2f}" for loss in mean]}
    chart.answers("loss of every step", count, mean, "step {step}: mean loss {loss}", data, {"step": count} if last > 1 else {})


def one_query(page: Drawing, seen: Seen, views) -> str:
    """The query and its own key, large, and how it shares its softmax. Returns what it says, as a sentence without its end."""
    top, second, name = 1.5, X + LARGE + 0.2, seen.name(seen.own)
    for x, image, said in (X, views[0][seen.own], f"query {seen.query}"), (second, views[1][seen.own], "its own key"):
        page.picture(image, x, top, LARGE)
        page.words(x, 1.25, said, **HEAD)
    page.areas([(X, top, LARGE, LARGE), (second, top, LARGE, LARGE)], "", [ANCHOR, POSITIVE], 4)
    cost, p, taken, count = f"{-np.log(max(seen.share[0], 1e-300)):.2f}", percent(seen.share[0]), seen.taken(seen.clash), int(seen.clash.sum())
    lines, again = [(OWN, STAR, f"own key: {p}")], seen.taken(seen.twin)
    lines += [(TWIN, STAR, f"as a negative: {again}")] if seen.early else []
    lines += [(CLASH, CROSS, f"{count} of its class: {taken}")] if name else [({}, 0, "no labels to mark"), ({}, 0, "false negatives")]
    x = second + LARGE + 0.14
    page.words(x, top + 0.14, f"loss {cost}", 18, bold=True)
    for y, (mark, size, line) in zip(top + 0.5 + 0.29 * np.arange(len(lines)), lines):
        if mark:
            page.marks(x + 0.09, y, sizes=size, **mark)
        page.words(x + 0.25 * bool(mark), y, line, 13)
    alike = f"{taken} go to the {count} of {len(seen.clash)} negatives of its class" if count else "no negative is of its class"
    alike = alike if name else "without labels, false negatives cannot be marked"
    who = f"Query {seen.query}" + f" ({name})" * bool(name)
    return f"{who} pays {cost}: {p} of its softmax go to its own key{f', as a negative {again}' * seen.early}; {alike}"


def ages(page: Drawing, seen: Seen) -> str:
    """Cosine with the query against age. Returns how well old keys agree with the present key network, in words."""
    now, B, scores = seen.now, len(seen.now.q), seen.now.scores[seen.query].numpy()
    n, real, slot, own, cosine = len(now.rows) // B, now.age >= 0, range(len(now.rows)), scores[0], scores[1:]
    age = np.where(real, now.age, n + 1.5) + 0.6 * ((np.array(slot) % B + 0.5) / B - 0.5)
    chart = Chart(page, X + 0.7, 4.0, WIDTH - 0.3, HEIGHT - 0.65, (-0.6, n + 2.1), (min(-0.6, scores.min() - 0.05), 1.08))
    x, y, plain = chart.x(age), chart.y(cosine), ~seen.clash & ~seen.twin
    chart.level(0, FAINT, 2, "")
    page.marks(x[plain], y[plain], "o", 6.5, np.where(real[plain], NEGATIVE, GREY), PAPER, 0.5)
    page.marks(x[seen.clash], y[seen.clash], sizes=CROSS, **CLASH)
    page.marks(np.full(int(seen.twin.sum()), chart.x(0)), y[seen.twin], sizes=37, **TWIN)  # around the own key: they are one vector
    page.marks(chart.x(0), chart.y(own), sizes=20, **OWN)
    grown, agree = now.agreement()
    grown, agree = grown[grown > 0], agree[grown > 0]
    chart.curve([0, *grown], [1, *agree], width=2)
    chart.dots([0, *grown], [1, *agree], size=7, kind="s")
    ticks = {step: f"{step}" for step in range(0, n + 1, 1 if n < LINES else 2)} | {n + 1.5: "random"}
    chart.frame(ticks, {-0.5: "−0.5", 0: "0", 0.5: "0.5", 1: "1"}, "age of the key in steps", "cosine with the query", size=14)
    words = f"keys {steps(int(grown[-1]))} old agree to {agree[-1]:.3f}" if len(grown) else "no key is old yet"
    page.words(X, 3.3, words, **HEAD)
    present = "with what the present key network makes of their views"
    at = [*zip(x, y), (chart.x(0), chart.y(own)), *chart.points(grown, agree)]
    curve = [f"keys {steps(int(one))} old agree to {value:.3f} {present}" for one, value in zip(grown, agree)]
    own_key = f"own key: {seen.near(now.k[seen.query])}; share {percent(seen.share[0])}"
    page.spots.append(lambda: Spots("keys by their age", chart.box, "{said}", {"said": [*map(seen.said, slot), own_key, *curve]}, at=at))
    if len(grown):
        page.words(X, 3.62, "■ with what the present network makes of their views", 13)
    return f"{words} {present}" if len(grown) else words
