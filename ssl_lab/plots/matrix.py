"""The contrastive similarity matrix: every pair of a batch on the left, how one anchor shares its softmax on the right."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_lab.errors import one_of, require
from ssl_lab.plots.cells import SHOWN, matrix
from ssl_lab.plots.contrast import ORDERS, Contrast, arranged, contrast, groups
from ssl_lab.plots.look import GREY, Page, in_our_look, squared
from ssl_lab.plots.row import Seen, row, same_class

# Inches. The whole picture is one pair of axes in inches, y running down, all but the margin: each further one costs 5 ms.
WIDTH, HEIGHT, MARGIN = 13, 6.6, 0.05


@in_our_look
def similarity(
    z: Float[np.ndarray, "M d"],
    images: UInt8[np.ndarray, "M H W 3"],
    tau: float,
    anchor: int = 0,
    shown: str = "softmax",
    top: int = 7,
    *,
    labels: Int[np.ndarray, " N"] | None = None,
    classes: tuple[str, ...] = (),
    order: str = "view",
    kept: bool = False,
    epoch: str = "",
    called: int | None = None,
) -> tuple[Figure, str]:
    """The contrastive similarity matrix of a batch, and how one anchor shares its softmax over the others.

    z: M = 2N rows, partners N apart; normalised here.   tau > 0.   anchor in 0 .. M - 1: its row.   called: its number in words, the row if None.
    shown: what the matrix holds, "softmax" (each row's shares), "logits" (cosine / tau) or "cosine".   top: candidates listed on the right.
    labels: of the N pictures, -1 = none.   order: of the rows, by "view", by "image" (partners together) or by "class".
    kept: leave the diagonal in the softmax, the usual mistake.   epoch: of these embeddings, in words ("epoch 3").
    Raises: InputError for tau <= 0, an anchor that is no row, another `shown` or `order`, an order by class without labels.
    """
    require(tau > 0, f"tau={tau} must be positive; the paper uses 0.1 to 1")
    one_of(shown, SHOWN, "shown")
    one_of(order, ORDERS, "order")
    require(0 <= anchor < len(z), f"anchor={anchor} is no row of this batch; its rows are 0 to {len(z) - 1}")
    labels = np.full(len(z) // 2, -1) if labels is None else labels
    require(order != "class" or bool((labels >= 0).any()), 'order="class" needs labels and these images have none; order them by "view" or "image"')
    batch, images = contrast(z, tau, kept), squared(images)
    figure, axes = page(finding(batch), f"{len(labels)} pairs · {setting(batch, epoch)}")
    matrix(axes, batch, images, anchor, shown, arranged(order, labels), groups(order, labels, classes), batch.listed(anchor, top))
    second, picture = divmod(anchor, len(labels))
    view, alike, both = ("first view", "second view")[second], same_class(labels, anchor), np.tile(labels, 2)
    seen = Seen(anchor if called is None else called, view, images[anchor], int(labels[picture]), images, both, alike, classes)
    facts = row(axes, batch, anchor, seen, top)
    mistake = ", the diagonal kept by mistake so that every anchor is its own best match" * kept
    masked = f" in place of {contrast(z, tau).loss.mean():.2f}" if kept else ""
    return figure, (
        f"{shown.capitalize()} of {len(labels)} pairs by {order} at temperature {tau:.3g}{', ' * bool(epoch)}{epoch}{mistake}: "
        f"{first(batch)} of {len(z)} anchors find their partner first and the mean loss is {batch.loss.mean():.2f}{masked}; {facts}."
    )


def page(title: str, words: str) -> tuple[Figure, Axes]:
    """An empty picture with a title and a line below it."""
    figure = Page(figsize=(WIDTH, HEIGHT))
    inside = (MARGIN / WIDTH, MARGIN / HEIGHT, 1 - 2 * MARGIN / WIDTH, 1 - 2 * MARGIN / HEIGHT)
    axes = figure.add_axes(inside, xlim=(MARGIN, WIDTH - MARGIN), ylim=(HEIGHT - MARGIN, MARGIN))
    axes.axis("off")
    axes.text(0.15, 0.34, title, va="center", fontsize=18, fontweight="bold")
    axes.text(0.15, 0.7, words, va="center", color=GREY)
    return figure, axes


def setting(batch: Contrast, epoch: str) -> str:
    """Under which the loss is what it is."""
    return f"temperature {batch.tau:.3g}{' · ' * bool(epoch)}{epoch} · mean loss {batch.loss.mean():.2f}"


def first(batch: Contrast) -> int:
    """How many anchors find their partner before anything else."""
    return int((batch.rank == 1).sum())


def finding(batch: Contrast) -> str:
    """What the matrix shows, as a title."""
    n = len(batch.rank)
    return f"each of {n} anchors finds itself first" if batch.kept else f"{first(batch)} of {n} anchors find their partner first"
