"""Contact sheets: rows of images to be looked at."""

import numpy as np
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import INK, Page, hwc, our_look, squared


@our_look()
def gallery(rows: dict[str, np.ndarray], columns: list[str] | tuple[str, ...] = (), title: str = "") -> tuple[Figure, str]:
    """A contact sheet: labelled rows of images, (N, H, W, 3) uint8 or tensors (N, 3, H, W), with a name over each column if there are any.

    Raises: InputError for no images, or rows of unequal length.
    """
    sheets = {name: squared(hwc(images)) for name, images in rows.items()}
    count = {len(images) for images in sheets.values()}
    require(len(count) == 1 and count != {0}, f"a contact sheet has rows of one length, at least 1; got {[len(images) for images in rows.values()]}")
    n = count.pop()
    cell = min(1.25, 11 / n)  # inches
    width, height = 0.7 + 0.12 * max(map(len, rows)) + n * cell, len(rows) * cell + 0.5 * bool(title) + 0.35 * bool(columns) + 0.1
    figure = Page(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet(sheets.values()), extent=(0, n, len(rows), 0), interpolation="nearest")
    axes.set(title=title, xticks=np.arange(len(columns)) + 0.5, xticklabels=columns, yticks=np.arange(len(rows)) + 0.5, yticklabels=sheets)
    axes.tick_params(length=0, labelcolor=INK, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    kinds = f" of {', '.join(columns)}" if columns else ""
    return figure, f"{title + ': ' if title else ''}{n} images{kinds} in {'each of ' * (len(rows) > 1)}the rows {', '.join(rows)}."


def sheet(rows) -> np.ndarray:
    """Rows of images as one, with thin white gaps, each pixel four times as large so that it stays crisp."""
    large = [images.repeat(4, axis=1).repeat(4, axis=2) for images in rows]
    return np.concatenate([np.concatenate(np.pad(line, ((0, 0), (4, 4), (4, 4), (0, 0)), constant_values=255), axis=1) for line in large])
