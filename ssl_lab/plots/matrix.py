"""The contrastive similarity matrix: every pair of a batch, and how one anchor shares its softmax."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssl_lab.errors import one_of, require
from ssl_lab.plots.look import ANCHOR, FAINT, INK, NEGATIVE, PAPER, PARTS, POSITIVE, in_our_look, percent

SCORE = LinearSegmentedColormap.from_list("score", ["#fdfbf7", "#c6d4dc", "#5f8ea9", "#0b4f79", "#04263f"])
SHOWN = ("softmax", "cosine")  # what the matrix can show


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
    axes.set(xlim=(-0.38, 1.04), ylim=(len(order) - 0.4, -0.6), yticks=[], xticks=list(PARTS), xticklabels=list(PARTS.values()))
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_bounds(0, 1)


def picture(axes, image, x, y, width, colour):
    """One image beside a bar, framed."""
    axes.imshow(image, extent=(x, x + width, y + 0.45, y - 0.45), aspect="auto")
    axes.add_patch(Rectangle((x, y - 0.45), width, 0.9, fill=False, edgecolor=colour, linewidth=3))
