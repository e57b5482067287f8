"""Arrays in, (Figure, summary) out. A summary is one sentence that says what is seen: alt text, and what a test compares.

Never pyplot: a Figure belongs to the caller alone, so a picture can be drawn on any thread.
"""

import functools
import threading

import numpy as np
from matplotlib import rc_context
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssl_lab.errors import one_of, require

# One look for every picture: readable from the back row, for colour-blind eyes, and in black-and-white print.
INK, GREY, FAINT, PAPER = "#1b1f24", "#5b626b", "#efece6", "#ffffff"
POSITIVE, NEGATIVE, ANCHOR = "#0072b2", "#d55e00", "#e69f00"  # blue, vermilion, orange of Okabe and Ito
SCORE = LinearSegmentedColormap.from_list("score", ["#fdfbf7", "#c6d4dc", "#5f8ea9", "#0b4f79", "#04263f"])
LOOK = {
    "font.size": 14, "axes.titlesize": 18, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 12,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": GREY, "ytick.color": GREY, "figure.facecolor": PAPER, "figure.dpi": 100, "lines.linewidth": 3,
}  # fmt: skip
SHOWN = ("softmax", "cosine")  # what the similarity matrix can show
MEASURES = {"loss": ("loss", "{:.2f}"), "knn": ("kNN accuracy", "{:.0%}")}  # what a curve can show: name → (in words, its form)
LOOKING = threading.Lock()  # matplotlib's settings are global, and front ends may draw on a thread of their own


def in_our_look(draw):
    """Draw with LOOK, one figure at a time."""

    @functools.wraps(draw)
    def drawn(*args, **options) -> tuple[Figure, str]:
        with LOOKING, rc_context(LOOK):
            return draw(*args, **options)

    return drawn


def hwc(images) -> np.ndarray:
    """Images as matplotlib wants them, (N, H, W, 3) uint8, from a tensor (N, 3, H, W) of bytes or of floats in [0, 1]."""
    if isinstance(images, np.ndarray):
        return images
    images = images.detach().cpu()
    images = (images.clamp(0, 1) * 255).round() if images.is_floating_point() else images
    return images.permute(0, 2, 3, 1).numpy().astype(np.uint8)


# ---- the contrastive similarity matrix


@in_our_look
def similarity(z: np.ndarray, images: np.ndarray, tau: float, anchor: int = 0, shown: str = "softmax", top: int = 7) -> tuple[Figure, str]:
    """The contrastive similarity matrix of a batch, and how one anchor shares its softmax over the others.

    z: (2N, d), partners N apart; rows are normalised here.   images: (2N, H, W, 3) uint8.   tau > 0.   anchor in 0 .. 2N - 1.
    shown: what the matrix holds, "softmax" (each row's share of the weight, follows tau) or "cosine".   top: candidates listed.
    Raises: InputError for tau <= 0 or another `shown`.
    """
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.1 to 1")
    one_of(shown, SHOWN, "shown")
    n = len(z)
    partner = (np.arange(n) + n // 2) % n
    cosine, log_share = shares(z, tau)
    share = np.exp(log_share)
    loss = -log_share[np.arange(n), partner]
    found = int((log_share.argmax(1) == partner).sum())
    own = share[anchor, partner[anchor]]
    summary = (
        f"{n // 2} pairs at temperature {tau:.3g}: {found} of {n} anchors find their partner first and the loss is {loss.mean():.2f}; "
        f"anchor {anchor} gives its partner {percent(own)} of its weight, rank {1 + int((share[anchor] > own).sum())} of {n - 1}."
    )
    figure = Figure(figsize=(13, 6.6))
    left, scale, right = (figure.add_axes(box) for box in ((0.005, 0.06, 0.43, 0.84), (0.44, 0.4, 0.012, 0.3), (0.5, 0.12, 0.49, 0.78)))
    matrix(left, cosine if shown == "cosine" else np.sqrt(share), images, partner, anchor)
    left.set_title(f"{found} of {n} anchors find their partner first", x=0.01)
    colours(scale, shown)
    row(right, share[anchor], cosine[anchor], images, anchor, partner[anchor], top)
    right.set_title(f"anchor {anchor}: −log {own:.3g} = loss {loss[anchor]:.2f}", x=0.01)
    right.set_xlabel(f"share of the softmax at temperature {tau:.3g}", x=0.62)
    return figure, summary


def shares(z: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (n, n) of the rows of z, and the logarithm of each row's softmax over the others; an image is not its own negative."""
    z = z.astype(np.float64) / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    cosine = z @ z.T
    logits = cosine / tau
    np.fill_diagonal(logits, -np.inf)
    logits -= logits.max(1, keepdims=True)
    return cosine, logits - np.log(np.exp(logits).sum(1, keepdims=True))


def percent(share: float) -> str:
    """Two digits that matter."""
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share >= 0.0005 else "0%"


def matrix(axes, values, images, partner, anchor):
    """Every pair's value; partners outlined, the anchor's row framed, the images along both sides."""
    n, rim = len(values), len(values) / 17  # the strip of images, in cells
    np.fill_diagonal(values, np.nan)
    axes.imshow(values, cmap=SCORE.with_extremes(bad=FAINT), vmin=0, vmax=1)
    axes.plot([-0.5, n - 0.5], [-0.5, n - 0.5], color="#c9c4ba", linewidth=1)
    cells = [[(j - 0.5, i - 0.5), (j + 0.5, i - 0.5), (j + 0.5, i + 0.5), (j - 0.5, i + 0.5), (j - 0.5, i - 0.5)] for i, j in enumerate(partner)]
    axes.add_collection(LineCollection(cells, colors=POSITIVE, linewidths=2))
    axes.imshow(np.concatenate(images, axis=1), extent=(-0.5, n - 0.5, -0.8, -0.8 - rim), aspect="auto")
    axes.imshow(np.concatenate(images, axis=0), extent=(-0.8 - rim, -0.8, n - 0.5, -0.5), aspect="auto")
    for xy, width, height, colour in ((-0.8 - rim, anchor - 0.5), n + 0.3 + rim, 1, ANCHOR), ((partner[anchor] - 0.5, -0.8 - rim), 1, rim, POSITIVE):
        axes.add_patch(Rectangle(xy, width, height, fill=False, edgecolor=colour, linewidth=3, clip_on=False))
    axes.set(xlim=(-0.9 - rim, n - 0.4), ylim=(n - 0.4, -0.9 - rim), aspect="equal", anchor="W")
    axes.set(xticks=[n / 4, 3 * n / 4], xticklabels=["first views", "second views"], yticks=[])
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def colours(axes, shown):
    """The scale of the matrix; of shares the root is shown, so that small ones are seen."""
    axes.imshow(np.linspace(1, 0, 64)[:, None], cmap=SCORE, extent=(0, 1, 0, 1), aspect="auto")
    ticks = {0: "0", 0.5: "25 %", 1: "100 %"} if shown == "softmax" else {0: "0", 0.5: "0.5", 1: "1"}
    axes.set(xticks=[], yticks=list(ticks), yticklabels=list(ticks.values()))
    axes.set_title({"softmax": "share", "cosine": "cosine"}[shown], fontsize=13, fontweight="normal", x=-0.5)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=13)
    axes.spines[:].set_visible(False)


def row(axes, share, cosine, images, anchor, own, top):
    """The anchor, and the candidates that weigh most, its partner among them, as bars with their images."""
    order = np.argsort(-np.delete(share, anchor), kind="stable")[:top]
    order = order + (order >= anchor)
    order = order if own in order else np.append(order[:-1], own)
    picture(axes, images[anchor], -0.37, 0, 0.14, ANCHOR)
    axes.text(-0.3, 0.7, "anchor", ha="center", va="center")
    for y, j in enumerate(order):
        colour, inside = POSITIVE if j == own else NEGATIVE, share[j] > 0.55
        picture(axes, images[j], -0.16, y, 0.14, colour)
        axes.barh(y, share[j], color=colour, height=0.62)
        words = f"{percent(share[j])}   cos {cosine[j]:+.2f}" + ("   partner" if j == own else "")
        axes.text(share[j] + (-0.02 if inside else 0.015), y, words, ha="right" if inside else "left", va="center", color=PAPER if inside else colour)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlim=(-0.38, 1.04), ylim=(len(order) - 0.4, -0.6), yticks=[], xticks=ticks, xticklabels=[f"{100 * tick:.0f} %" for tick in ticks])
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_bounds(0, 1)


def picture(axes, image, x, y, width, colour):
    """One image beside a bar, framed."""
    axes.imshow(image, extent=(x, x + width, y + 0.45, y - 0.45), aspect="auto")
    axes.add_patch(Rectangle((x, y - 0.45), width, 0.9, fill=False, edgecolor=colour, linewidth=3))


# ---- training, comparing, looking


@in_our_look
def curves(metrics: list[dict]) -> tuple[Figure, str]:
    """Loss, and kNN accuracy where it was measured, against the epoch.

    metrics: one dictionary an epoch, with `epoch`, `loss`, and perhaps `knn` in [0, 1]; other keys are left alone, and a row may lack any of the two.
    """
    drawn = [(name, [(m["epoch"], m[name]) for m in metrics if name in m]) for name in MEASURES]
    drawn = [(name, points) for name, points in drawn if points] or [("loss", [])]
    figure = Figure(figsize=(6.5 * len(drawn), 4.2), layout="constrained")
    said = []
    for axes, (name, points) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn):
        epochs, values = zip(*points) if points else ((), ())
        axes.plot(epochs, values, color=POSITIVE if name == "knn" else INK, marker="o", markersize=7)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", title=finding(name, values))
        if name == "knn":
            axes.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], yticklabels=["0", "25 %", "50 %", "75 %", "100 %"])
        said.append(finding(name, values))
    return figure, f"After epoch {metrics[-1]['epoch']}: {', '.join(said)}." if metrics else "No epoch has ended yet."


def finding(name: str, values) -> str:
    """What became of one measure: its first and its last value."""
    label, form = MEASURES[name]
    ends = [form.format(value) for value in (values[0], values[-1])] if values else ["not known yet"]
    return f"{label} {' → '.join(ends if len(values) > 1 else ends[:1])}"


@in_our_look
def compare(scores: dict[str, float], what: str, chance: float | None = None) -> tuple[Figure, str]:
    """Accuracies side by side, the last of them ours.

    scores: name → share in [0, 1].   what: was measured, for the axis.   chance: of guessing, a dashed line.
    """
    names, values = list(scores), list(scores.values())
    figure = Figure(figsize=(11, 0.75 * len(names) + 1.7), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, values, color=[GREY] * (len(names) - 1) + [POSITIVE], height=0.62)
    for y, value in enumerate(values):
        axes.text(value + 0.012, y, f"{value:.0%}", va="center", color=INK, fontweight="bold")
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlim=(0, 1.08), ylim=(len(names) - 0.5, -0.5), xlabel=what, xticks=ticks, xticklabels=[f"{100 * tick:.0f} %" for tick in ticks])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=15)
    if chance is not None:
        axes.axvline(chance, color=INK, linestyle="--", linewidth=1.5)
        axes.text(chance, len(names) - 0.48, " guessing", va="bottom", fontsize=12)
    best = max(scores, key=scores.get)
    axes.set_title(f"{best} leads with {scores[best]:.0%}")
    return figure, f"{what}: {', '.join(f'{name} {value:.0%}' for name, value in scores.items())}."


@in_our_look
def gallery(rows: dict[str, np.ndarray], columns: list[str] | tuple[str, ...] = (), title: str = "") -> tuple[Figure, str]:
    """A contact sheet: labelled rows of images, (N, H, W, 3) uint8 or tensors (N, 3, H, W), with a name over each column if there are any.

    Raises: InputError for no images, or rows of unequal length.
    """
    sheets = {name: hwc(images) for name, images in rows.items()}
    count = {len(images) for images in sheets.values()}
    require(len(count) == 1 and count != {0}, f"a contact sheet has rows of one length, at least 1; got {[len(images) for images in rows.values()]}")
    n = count.pop()
    cell = min(1.25, 11 / n)  # inches
    width, height = 0.7 + 0.12 * max(map(len, rows)) + n * cell, len(rows) * cell + 0.5 * bool(title) + 0.35 * bool(columns) + 0.1
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet(sheets.values()), extent=(0, n, len(rows), 0), interpolation="nearest")
    axes.set(title=title, xticks=np.arange(len(columns)) + 0.5, xticklabels=columns, yticks=np.arange(len(rows)) + 0.5, yticklabels=sheets)
    axes.tick_params(length=0, labelcolor=INK, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    kinds = f" of {', '.join(columns)}" if columns else ""
    return figure, f"{title + ': ' if title else ''}{n} images{kinds} in {'each of ' * (len(rows) > 1)}the rows {', '.join(rows)}."


def sheet(rows) -> np.ndarray:
    """Rows of images as one, with thin white gaps, each pixel four times as large so that it stays crisp."""
    lines = []
    for images in rows:
        large = images.repeat(4, axis=1).repeat(4, axis=2)
        lines.append(np.concatenate(np.pad(large, ((0, 0), (4, 4), (4, 4), (0, 0)), constant_values=255), axis=1))
    return np.concatenate(lines, axis=0)
