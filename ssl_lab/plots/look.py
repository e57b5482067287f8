"""One look for every picture, and what all of them need."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import UInt8
from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image

from ssl_lab.terminal import printable

# Readable from the back row, for colour-blind eyes, and in black-and-white print.
INK, GREY, FAINT, PAPER = "#1b1f24", "#5b626b", "#efece6", "#ffffff"
POSITIVE, NEGATIVE, ANCHOR = "#0072b2", "#d55e00", "#e69f00"  # blue, vermilion, orange of Okabe and Ito
LOOK = {
    "font.size": 14, "axes.titlesize": 18, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 12,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": GREY, "ytick.color": GREY, "figure.facecolor": PAPER, "figure.dpi": 100, "lines.linewidth": 3,
    "text.parse_math": False,  # a class may be called $; pipelines have formulas, and say so
}  # fmt: skip
PARTS = {0: "0", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1: "100 %"}  # the ticks of every share
HEAD = {"size": 15, "bold": True}  # of the words above a part of a picture
LOOKING = threading.RLock()  # matplotlib's settings are global, and front ends may draw on a thread of their own


@contextmanager
def our_look() -> Iterator[None]:
    """Inside, matplotlib's own settings with LOOK, one figure at a time, whatever style the reader has chosen; outside, the reader's again.

    @our_look() before a function: it draws inside.
    """
    with LOOKING, style.context(["default", LOOK]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|Matplotlib currently does not support")  # a box stands for a sign that the font lacks
        yield


class Page(Figure):
    """A figure that stays in our look when it is drawn and saved, long after it was made: some settings count only then."""

    def draw(self, renderer) -> None:
        with our_look():
            super().draw(renderer)

    def savefig(self, *args, **options) -> None:
        with our_look():
            super().savefig(*args, **options)


def hwc(images) -> np.ndarray:
    """Images as matplotlib wants them, (N, H, W, 3) uint8, from a tensor (N, 3, H, W) of bytes or of floats in [0, 1]."""
    if isinstance(images, np.ndarray):
        return images
    images = images.detach().cpu()
    images = (images.clamp(0, 1) * 255).round() if images.is_floating_point() else images
    return images.permute(0, 2, 3, 1).numpy().astype(np.uint8)


def squared(images: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N S S 3"]:
    """Images as squares, each in the middle of white; in a picture every image has a square of room, and none is squeezed into it or cut."""
    H, W = images.shape[1:3]
    return images if H == W else centred(images, max(H, W), (255, 255, 255))


def smaller(images: UInt8[np.ndarray, "N H W c"], most: int) -> UInt8[np.ndarray, "N h w c"]:
    """Images of about `most` pixels across at most: each pixel is the mean of a square of them. A page then stays small, whatever the images are."""
    H, W = images.shape[1:3]
    step = min(max(1, max(H, W) // most), H, W)
    if step == 1:
        return images
    return np.stack([np.asarray(Image.fromarray(image[: H // step * step, : W // step * step]).reduce(step)) for image in images])


def sheets(images: UInt8[np.ndarray, "n S S 4"], k: int) -> tuple[UInt8[np.ndarray, "H W 4"], UInt8[np.ndarray, "W H 4"]]:
    """All images side by side in rows of k, and one above the other in columns of k; what is missing is transparent."""
    images = smaller(images, 48)
    missing = np.full((-len(images) % k, *images.shape[1:]), (255, 255, 255, 0), np.uint8)
    blocks, S = np.concatenate([images, missing]).reshape(-1, k, *images.shape[1:]), images.shape[1]
    return blocks.transpose(0, 2, 1, 3, 4).reshape(-1, k * S, 4), blocks.transpose(1, 2, 0, 3, 4).reshape(k * S, -1, 4)


def edged(images: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N S S 4"]:
    """Images as squares with an edge of one pixel; all around an image is transparent, so that it looks right on any page."""
    images = smaller(images, 96)
    return centred(opaque(images), max(images.shape[1:3]) + 2, (255, 255, 255, 0))


def opaque(images: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N H W 4"]:
    """Images with an alpha, through which nothing is seen."""
    return np.concatenate([images, np.full_like(images[..., :1], 255)], axis=3)


def centred(images: UInt8[np.ndarray, "N H W c"], S: int, ground: tuple[int, ...]) -> UInt8[np.ndarray, "N S S c"]:
    """Images in the middle of squares of one colour."""
    H, W = images.shape[1:3]
    out = np.full((len(images), S, S, len(ground)), ground, np.uint8)
    top, left = (S - H) // 2, (S - W) // 2
    out[:, top : top + H, left : left + W] = images
    return out


def number(value: float, digits: int = 2, sign: str = "") -> str:
    """With the minus of a printed text, and none before a zero.   sign: "+" = always one."""
    return f"{value:{sign}z.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """Two digits that matter."""
    return f"{share:.0%}" if share >= 0.0995 else f"{share:.1%}" if share >= 0.0005 else "0%"


def class_name(label: int, classes: tuple[str, ...], most: int = 11, none: str = "no class") -> str:
    """In words, on one line, of at most so many letters: as many as a column has room for; a number where there is no name.   none: for -1."""
    if label < 0:
        return none
    name = (printable(classes[label]).strip() if label < len(classes) else "") or f"class {label}"
    return name if len(name) <= most else name[: most - 1] + "…"
