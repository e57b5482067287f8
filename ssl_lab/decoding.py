"""Pixels of one image file. The memory that they need is known before they are decoded.

    header → is it too large? → first frame → strips of rows, each upright, in 8 bits, on white → resized → (1, 3, size, size) uint8

Values of more than 8 bits do not tell which value is white: 4,095 from a microscope, 65,535 from a scanner, 1.0 in floats. So `white` is given once
for the whole set. It is never guessed from an image.
"""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from ssl_lab.errors import InputError, require

WHITES = (1, 255, 1023, 4095, 16383, 65535)  # of floats, and of 8 to 16 bits
LONG = 16  # times the shorter side: no more of a longer image is used, so a strip of 5,000,000 × 1 takes little memory
LIMIT = 450e6  # bytes that decoding one image may take: a photograph of 102 megapixels takes 443 MB at the most
STRIP = 2**20  # pixels that are converted and resized at a time
ORIENTATION = 0x0112  # EXIF: how the camera was held; 2, 3, 6, 7 swap left and right, 3, 4, 7, 8 top and bottom, 5 to 8 rows and columns


def pixels(image, size: int | None = None, white: float | None = None) -> UInt8[Tensor, "1 3 h w"]:
    """Pixels of a PIL image's first frame: upright, on white where it is transparent, in 8 bits, resized as by `fit`.

    size: None = as stored.
    Raises: InputError for images that are too large, values of more than 8 bits without `white`, and values below 0 or above `white`.
    """
    with image:  # closes its file
        cut = any(";16" in str(tile) for tile in getattr(image, "tile", ())) and image.mode[0] not in "IF"
        fix = "say which value is white in all images of the set, as in load(..., white=65535) or --white 65535, or convert them to 8 bits"
        require(not cut or white == 65535, f"mode {image.mode} has 16 bits, of which Pillow reads the upper 8, so white must be 65535; {fix}")
        check_memory(image, size)
        image.load()
        (H, W), turn = extent(image), orientation(image)
        seen = window(H, W, size)
        x = in_strips(image, turn, H, W, seen, white)
        return x if size is None else centre(resized(x, seen.h, seen.w), size)


def in_strips(image, turn: int, H: int, W: int, seen: "Window", white: float | None) -> UInt8[Tensor, "1 3 h w"]:
    """The used part of an image, upright. A large one is read strip by strip, and each strip is resized along its rows at once."""
    step, right = max(1, STRIP // seen.width), seen.left + seen.width
    if seen.height <= step:
        return in_colours(upright(image, turn, (seen.left, seen.top, right, seen.top + seen.height), H, W), white)
    x = torch.empty(1, seen.height, seen.w, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    for top in range(0, seen.height, step):
        low = min(top + step, seen.height)
        part = upright(image, turn, (seen.left, seen.top + top, right, seen.top + low), H, W)
        x[:, :, top:low] = resized(in_colours(part, white), low - top, seen.w)
    return x


def sampled(image, size: int | None = None) -> np.ndarray:
    """Values of a PIL image's first frame as they are stored, upright, (h, w) or (h, w, channels): the part that `pixels` gives, the nearest of each.

    A row at a time, so that no second image is kept. Raises: InputError for images that are too large.
    """
    with image:  # closes its file
        check_memory(image, size)
        image.load()
        (H, W), turn = extent(image), orientation(image)
        seen = window(H, W, size)
        rows, columns = nearest(seen.height, seen.h, size), nearest(seen.width, seen.w, size)
        left, right = seen.left, seen.left + seen.width
        lines = [np.asarray(upright(image, turn, (left, row, right, row + 1), H, W))[:, columns] for row in (seen.top + rows).tolist()]
        return np.concatenate(lines)


def nearest(have: int, want: int, size: int | None) -> np.ndarray:
    """Which of so many values are wanted, when each takes the one at its own middle; of those, the `size` in the middle."""
    at = ((np.arange(want) + 0.5) * (have / want)).astype(int)
    first = 0 if size is None else (want - size) // 2
    return at[first : None if size is None else first + size]


def extent(image) -> tuple[int, int]:
    """Height and width of a decoded image, upright."""
    return image.size[::-1] if orientation(image) < 5 else image.size


def check_memory(image, size: int | None) -> None:
    """Refuse an image by its header. Raises: InputError for one that takes more than LIMIT."""
    W, H = image.size
    seen = window(H, W, size)
    need = W * H * max(bytes_a_pixel(image), 3) + seen.height * seen.w * 3  # the decoded image, and its strips
    if need > LIMIT:  # the sentence is made only then, since every image is checked
        fix = "make it smaller" + ", or give a size, such as size=32" * (size is None)
        raise InputError(f"{W:,} x {H:,} pixels would take {need / 1e6:,.0f} MB to decode, and {LIMIT / 1e6:.0f} are allowed; {fix}")


def bytes_a_pixel(image) -> int:
    """Bytes that Pillow needs for each pixel to decode an image: those of the result, and those that the decoder of its format takes besides."""
    kept, kind = 1 if image.mode in ("1", "L", "P") else 2 if ";16" in image.mode else 4, getattr(image, "format", None)
    if kind == "TIFF":  # one strip may hold the whole image, and turning copies the whole image
        return kept * (1 + ("libtiff" in str(image.tile)) + (orientation(image) > 1))
    progressive = kind == "JPEG" and "progressive" in image.info  # all coefficients at once
    return kept + 12 * (kind == "WEBP") + 2 * len(image.getbands()) * progressive


def orientation(image) -> int:
    """How the camera was held, 1 to 8. Broken metadata counts as 1, as in programs that show pictures."""
    with suppress(Exception):
        turn = image.getexif().get(ORIENTATION, 1)
        return turn if turn in range(2, 9) else 1
    return 1


def upright(image, turn: int, box: tuple[int, int, int, int], H: int, W: int):
    """A box (left, top, right, low) of the upright image, which is H pixels high and W wide; the box is upright, too."""
    if turn == 1 and box == (0, 0, W, H):
        return image
    from PIL.Image import Transpose

    left, top, right, low = box
    left, right = (W - right, W - left) if turn in (2, 3, 6, 7) else (left, right)
    top, low = (H - low, H - top) if turn in (3, 4, 7, 8) else (top, low)
    part = image.crop((left, top, right, low) if turn < 5 else (top, left, low, right))
    turns = (Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM)
    turns += (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)
    return part if turn == 1 else part.transpose(turns[turn - 2])


def in_colours(image, white: float | None) -> UInt8[Tensor, "1 3 H W"]:
    """A PIL image as three channels of 8 bits."""
    from PIL import Image

    if image.mode[0] in "IF":
        image = Image.fromarray(shallow(np.asarray(image), f"mode {image.mode}", white))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image if image.mode == "RGB" else image.convert("RGB")
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def shallow(x: np.ndarray, kind: str, white: float | None) -> np.ndarray:
    """Scale values from 0 to `white` to 0 to 255; floats may lie outside by 0.1 % of white, as after a resize. Raises: InputError as `pixels`."""
    low, high, floats = float(x.min()), float(x.max()), x.dtype.kind == "f"
    has = f"{kind}, values {low:g} to {high:g}"
    near = next((one for one in WHITES if high <= one and (one > 1 or floats)), high)
    fix = f"say which value is white in all images of the set, as in load(..., white={near:g}) or --white {near:g}, or convert them to 8 bits"
    require(white is not None, f"{has}, more than the 256 of 8 bits; {fix}")
    slack = 1e-3 * white if floats else 0
    whole = bool(np.isfinite(x).all() and low >= -slack and high <= white + slack)
    fix = "give the value that is white in all of them (white=...), leave a normalisation out, or repair the file"
    require(whole, f"{has}, and 0 to white={white:g} are needed; {fix}")
    return (x.astype(np.float64) * (255 / white)).round().clip(0, 255).astype(np.uint8)


class Window(NamedTuple):
    """The part of an image that is used, in its pixels, and its height h and width w after a resize."""

    top: int
    left: int
    height: int
    width: int
    h: int
    w: int


def window(H: int, W: int, size: int | None) -> Window:
    """The whole image, or the middle of a long one; the shorter side becomes `size`."""
    if size is None:
        return Window(0, 0, H, W, H, W)
    height, width = min(H, LONG * W), min(W, LONG * H)
    h, w = (max(size, round(side * size / min(height, width))) for side in (height, width))
    return Window((H - height) // 2, (W - width) // 2, height, width, h, w)


def fit(x: UInt8[Tensor, "N C H W"], size: int) -> UInt8[Tensor, "N C {size} {size}"]:
    """Shorter side to `size` by antialiased bilinear interpolation, in whole grey levels, then the centre."""
    seen = window(*x.shape[2:], size)
    x = x[:, :, seen.top : seen.top + seen.height, seen.left : seen.left + seen.width]
    return centre(torch.cat([resized(part, seen.h, seen.w) for part in x.split(5_000)]), size)


def resized(x: UInt8[Tensor, "N C H W"], h: int, w: int) -> UInt8[Tensor, "N C {h} {w}"]:
    """Resize with antialiasing, in whole grey levels: first along the rows, then along the columns, so strips of rows give the same as the whole."""
    return x if x.shape[2:] == (h, w) else F.interpolate(x, (h, w), mode="bilinear", antialias=True)


def centre(x: UInt8[Tensor, "N C h w"], size: int) -> UInt8[Tensor, "N C {size} {size}"]:
    """The square in the middle."""
    top, left = (x.shape[2] - size) // 2, (x.shape[3] - size) // 2
    return x[:, :, top : top + size, left : left + size]
