"""The contrastive similarity matrix: every pair of a batch on the left, how one anchor shares its softmax on the right."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure

from ssl_lab.plots.contrastive.anchor import Views, table
from ssl_lab.plots.contrastive.cells import matrix
from ssl_lab.plots.contrastive.margins import begun, check
from ssl_lab.plots.contrastive.numbers import ORDERS, arranged, contrast, groups, same_class
from ssl_lab.plots.look import edged


def similarity(
    z: Float[np.ndarray, "M d"], images: UInt8[np.ndarray, "M H W 3"], tau: float, anchor: int = 0, shown: str = "softmax", top: int = 7, *,
    labels: Int[np.ndarray, " N"] | None = None, classes: tuple[str, ...] = (), order: str = "view", kept: bool = False,
    epoch: str = "", called: Int[np.ndarray, " M"] | None = None,
) -> tuple[Figure, str]:  # fmt: skip
    """The contrastive similarity matrix of a batch, and how one anchor shares its softmax over the others.

    z: M = 2N rows, partners N apart; normalised here.   tau > 0.   anchor in 0 .. M - 1: its row.
    called: the number of every row in words, which a click sets as `anchor`; the row itself if None.
    shown: what the matrix holds, "softmax" (each row's shares), "logits" (cosine / tau) or "cosine".   top: candidates listed on the right.
    labels: of the N pictures, -1 = none.   order: of the rows, by "view", by "image" (partners together) or by "class".
    kept: leave the diagonal in the softmax, the usual mistake.   epoch: of these embeddings, in words ("epoch 3").
    Raises: InputError for tau <= 0, an anchor that is no row, another `shown` or `order`, an order by class without labels.
    """
    N = len(z) // 2
    labels = np.full(N, -1) if labels is None else labels
    check(len(z), tau, "0.1 to 1", anchor, shown, order, ORDERS, labels)
    batch, both, every = contrast(z, tau, kept), np.tile(labels, 2), np.arange(2 * N)
    alike = same_class(both, both) & (every[:, None] % N != every % N)
    views = Views(edged(images), every if called is None else called, ("first view",) * N + ("second view",) * N, both, classes)
    found = f"each of {2 * N} anchors finds itself first" if kept else f"{batch.first} of {2 * N} anchors find their partner first"
    page = begun(found, batch, epoch)
    matrix(page, batch, views, alike, anchor, shown, arranged(order, labels), groups(order, labels, classes), batch.listed(anchor, top))
    facts = table(page, batch, anchor, views, views, alike[anchor], top)
    mistake = ", the diagonal kept by mistake so that every anchor is its own best match" * kept
    masked = f" in place of {contrast(z, tau).loss.mean():.2f}" if kept else ""
    return page, (
        f"{shown.capitalize()} of {N} pairs by {order} at temperature {tau:.3g}{', ' * bool(epoch)}{epoch}{mistake}: "
        f"{batch.first} of {2 * N} anchors find their partner first and the mean loss is {batch.loss.mean():.2f}{masked}; {facts}."
    )
