"""Pixels as bytes, wherever they lie: rows of an array in memory, or image files one by one.

    rows → an array at once, files one by one → shorter side to `size`, antialiased → centre → (N, 3, size, size) uint8

Values of more than 8 bits have no white of their own: 4,095 of a microscope is as white as 65,535 of a scanner, and as 1.0 of a float. The value that
is white is said once for the whole set (`white`), never guessed from an image.
"""

from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int64, UInt8
from torch import Tensor

from ssl_lab.arguments import whole
from ssl_lab.errors import InputError, one_of, require
from ssl_lab.stream import generator

WHITES = (1, 255, 1023, 4095, 16383, 65535)  # of floats, and of 8 to 16 bits
LONG = 16  # times its shorter side: what of a longer image is looked at; so memory follows `size`, not a strip of 5,000,000 × 1


class Source(NamedTuple):
    """One split of a set, its images not yet read, so that 500 images of a million cost 500.

    rows: which of the set's images belong to the split.   read(rows, size, white) → x uint8 (M, 3, size, size), labels (M,); size None = as stored.
    """

    rows: Int64[Tensor, " N"]
    classes: tuple[str, ...]
    read: Callable[[Tensor, int | None, float | None], tuple[Tensor, Tensor]]

    def limited(self, limit: int | None, seed: int) -> "Source":
        """A random part of the split, its order kept; a larger limit of one seed holds the smaller."""
        have = len(self.rows)
        require(limit is None or limit <= have, f"limit={limit} images were asked for, and this split has {have}; use limit={have} or fewer")
        return self._replace(rows=self.rows[permutation(have, seed)[:limit].sort().values])


def check_wanted(size: int | None, white: float | None, low: int = 8, high: int = 1024) -> None:
    """Refuse a side in pixels, or a value for white, that cannot be."""
    require(white is None or (isinstance(white, Real) and 0 < white < 1e38), f"white={white!r} is no value above 0, such as 65535 or 1.0")
    require(size is None or (whole(size) and low <= size <= high), f"size={size!r} must be a whole number of pixels from {low} to {high}")


def share(count: int, split: str) -> Int64[Tensor, " M"]:
    """The rows of a split of a set that has none of its own: 80 % train, 20 % test, drawn once and for all; "all" is everything."""
    one_of(split, ("train", "test", "all"), "split")
    order, cut = permutation(count, seed=0), round(0.8 * count)
    rows = {"train": order[:cut], "test": order[cut:], "all": order}[split]
    require(len(rows) > 0, f"{count} images are too few for an 80/20 split with a {split} part; add images or use split='all'")
    return rows.sort().values


def permutation(count: int, seed: int) -> Int64[Tensor, " N"]:
    return torch.randperm(count, generator=generator(seed))


def array(pixels, labels) -> Callable:
    """Read rows of an array in memory: (N, H, W), (N, H, W, 3) or (N, 3, H, W), uint8, of numpy or torch."""

    def read(rows: Tensor, size: int | None, white: float | None = None) -> tuple[Tensor, Tensor]:
        x = torch.as_tensor(pixels[rows.numpy()])
        x = x[:, None] if x.ndim == 3 else x.movedim(-1, 1) if x.shape[-1] == 3 else x
        x = x if size is None else fit(x, size)
        return x.expand(-1, 3, -1, -1).contiguous(), torch.as_tensor(labels)[rows].long()

    return read


def files(item: Callable, where: Callable[[int], str], pixels: Callable | None = None) -> Callable:
    """Read rows one image at a time: item(i) → (image, label or None), where(i) → its name in an error, pixels(image, white): `rgb`, of PIL's."""
    pixels = pixels or rgb

    def read(rows: Tensor, size: int | None, white: float | None = None) -> tuple[Tensor, Tensor]:
        x, labels = torch.empty(0), []
        for i in rows.tolist():
            try:
                image, label = item(i)
                one = pixels(image, white) if size is None else fit(pixels(image, white), size)
            except InputError as error:
                raise InputError(f"{where(i)}: {error}") from error
            except Exception as error:  # whatever a damaged image provokes: OSError, SyntaxError, struct.error, ...
                raise InputError(f"{where(i)} cannot be read as an image ({error}); replace or remove it") from error
            x = x if labels else one.new_empty(len(rows), *one.shape[1:])
            H, W = x.shape[2:]
            require(one.shape[2:] == (H, W), f"images differ in size: {where(i)} is not {W} x {H} like the first; give a size, such as size=32")
            x[len(labels)] = one[0]
            labels.append(-1 if label is None else int(label))
        return x, torch.tensor(labels)

    return read


def rgb(image, white: float | None = None) -> UInt8[Tensor, "1 3 H W"]:
    """Pixels of a PIL image as its camera was held: transparency on white, deeper values by the one that is white.

    Raises: InputError for values of more than 8 bits without `white`, and for those that are below 0 or above it.
    """
    from PIL import Image, ImageOps

    with image:  # closes its file
        cut = any(";16" in str(tile) for tile in getattr(image, "tile", ())) and image.mode[0] not in "IF"
        fix = "say which value is white in all images of the set, as in load(..., white=65535) or --white 65535, or convert them to 8 bits"
        require(not cut or white == 65535, f"mode {image.mode} of 16 bits, of which Pillow reads the upper 8, so that white is 65535; {fix}")
        image = ImageOps.exif_transpose(image)
        if image.mode[0] in "IF":
            image = Image.fromarray(shallow(np.asarray(image), f"mode {image.mode}", white))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]


def shallow(x: np.ndarray, kind: str, white: float | None) -> np.ndarray:
    """Values from 0 to `white` as 0 to 255; floats may miss both by 0.1 %, as a resize does. Raises: InputError as `rgb`."""
    low, high, floats = float(x.min()), float(x.max()), x.dtype.kind == "f"
    has = f"{kind}, values {low:g} to {high:g}"
    near = next((one for one in WHITES if high <= one and (one > 1 or floats)), high)
    fix = f"say which one is white in all images of the set, as in load(..., white={near:g}) or --white {near:g}, or convert them to 8 bits"
    require(white is not None, f"{has}, more than the 256 of 8 bits; {fix}")
    slack = 1e-3 * white if floats else 0
    whole = bool(np.isfinite(x).all() and low >= -slack and high <= white + slack)
    fix = "give the value that is white in all of them (white=...), leave a normalisation out, or repair the file"
    require(whole, f"{has}, and 0 to white={white:g} are needed; {fix}")
    return (x.astype(np.float64) * (255 / white)).round().clip(0, 255).astype(np.uint8)


def fit(x: UInt8[Tensor, "N C H W"], size: int) -> UInt8[Tensor, "N C {size} {size}"]:
    """Shorter side to `size` by antialiased bilinear interpolation, in whole grey levels, then the centre."""
    H, W = x.shape[2:]
    if max(H, W) > LONG * min(H, W):
        h, w = min(H, LONG * W), min(W, LONG * H)
        x, H, W = x[:, :, (H - h) // 2 :, (W - w) // 2 :][:, :, :h, :w], h, w
    h, w = (max(size, round(side * size / min(H, W))) for side in (H, W))
    if (h, w) != (H, W):
        x = torch.cat([F.interpolate(part, (h, w), mode="bilinear", antialias=True) for part in x.split(5_000)])
    top, left = (h - size) // 2, (w - size) // 2
    return x[:, :, top : top + size, left : left + size]
