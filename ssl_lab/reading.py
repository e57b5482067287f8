"""Pixels as bytes, from rows of an array in memory or from image files one by one.

    rows → an array at once, files one by one → shorter side to `size`, antialiased → centre → (N, 3, size, size) uint8
"""

import warnings
from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_lab.arguments import whole
from ssl_lab.decoding import fit, pixels
from ssl_lab.errors import InputError, one_of, require
from ssl_lab.stream import generator


class Source(NamedTuple):
    """One split of a set. Its images are not read yet, so the first 500 of a million images cost no more than 500 do.

    rows: which of the set's images belong to the split.   read(rows, size, white) → x uint8 (M, 3, size, size), labels (M,); size None = as stored.
    """

    rows: Int64[Tensor, " N"]
    classes: tuple[str, ...]
    read: Callable[[Tensor, int | None, float | None], tuple[Tensor, Tensor]]

    def limited(self, limit: int | None, seed: int) -> "Source":
        """A random part of the split, in the same order. With one seed, a larger limit contains every smaller one."""
        have = len(self.rows)
        require(limit is None or limit <= have, f"limit={limit} images were asked for, and this split has {have}; use limit={have} or fewer")
        return self._replace(rows=self.rows[permutation(have, seed)[:limit].sort().values])


def check_wanted(size: int | None, white: float | None, low: int = 8, high: int = 1024) -> None:
    """Refuse a side in pixels, or a value for white, that is out of range."""
    require(white is None or (isinstance(white, Real) and 0 < white < 1e38), f"white={white!r} must be a value above 0, such as 65535 or 1.0")
    require(size is None or (whole(size) and low <= size <= high), f"size={size!r} must be a whole number of pixels from {low} to {high}")


def share(count: int, split: str) -> Int64[Tensor, " M"]:
    """The rows of a split, for a set without splits: a fixed random 80 % are train, the other 20 % test; "all" is everything."""
    one_of(split, ("train", "test", "all"), "split")
    order, cut = permutation(count, seed=0), round(0.8 * count)
    rows = {"train": order[:cut], "test": order[cut:], "all": order}[split]
    require(len(rows) > 0, f"{count} images are too few for an 80/20 split with a {split} part; add images or use split='all'")
    return rows.sort().values


def permutation(count: int, seed: int) -> Int64[Tensor, " N"]:
    return torch.randperm(count, generator=generator(seed))


def array(stored, labels) -> Callable:
    """A reader of rows of an array in memory: (N, H, W), (N, H, W, 3) or (N, 3, H, W), uint8, of numpy or torch."""

    def read(rows: Tensor, size: int | None, white: float | None = None) -> tuple[Tensor, Tensor]:
        x = torch.as_tensor(stored[rows.numpy()])
        x = x[:, None] if x.ndim == 3 else x.movedim(-1, 1) if x.shape[-1] == 3 else x
        x = x if size is None else fit(x, size)
        return x.expand(-1, 3, -1, -1).contiguous(), torch.as_tensor(labels)[rows].long()

    return read


def files(item: Callable, where: Callable[[int], str], made: Callable = pixels) -> Callable:
    """A reader of rows, one image at a time: item(i) → (image, label or None), where(i) → its name in an error, made(image, size, white) → bytes."""

    def read(rows: Tensor, size: int | None, white: float | None = None) -> tuple[Tensor, Tensor]:
        x, labels = torch.empty(0), []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")  # an image that is large, or has broken metadata, is read or refused here
            for i in rows.tolist():
                one, label = read_one(i, size, white)
                x = x if labels else one.new_empty(len(rows), *one.shape[1:])
                H, W = x.shape[2:]
                require(one.shape[2:] == (H, W), f"images differ in size: {where(i)} is not {W} x {H} like the first; give a size, such as size=32")
                x[len(labels)] = one[0]
                labels.append(-1 if label is None else int(label))
        return x, torch.tensor(labels)

    def read_one(i: int, size: int | None, white: float | None) -> tuple[Tensor, int | None]:
        try:
            image, label = item(i)
            return made(image, size, white), label
        except InputError as error:
            raise InputError(f"{where(i)}: {error}") from error
        except Exception as error:  # whatever error a damaged image raises: OSError, SyntaxError, struct.error, ...
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(f"{where(i)} cannot be read as an image ({why}); replace or remove it") from error

    return read
