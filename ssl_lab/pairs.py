"""A folder of several views: one subfolder each, and files of one name show one thing.

    PATH/rgb/cat/1.jpg, PATH/depth/cat/1.png → x, depth

The first view gives the pixels, the labels and the classes. A resize averages colours; depth, normals and masks take the nearest value.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_lab.decoding import extent, pixels, sampled, window
from ssl_lab.errors import one_of, require
from ssl_lab.folders import Walk, at, brief, listed, opened
from ssl_lab.reading import Source, files

COLUMNS = ("depth", "normals", "mask", "later")  # of Images; other views stand in `more`
UNIT = 0.001  # metres: files of depth count millimetres, unless it is said
SHOWN = 3  # files that an error names


class Views(NamedTuple):
    """Subfolders of one folder, the images first.   unit: metres of one step in files of depth; None where it is not said."""

    top: Path
    names: tuple[str, ...]
    unit: float | None = None


def checked(name: str, views: Sequence[str] | None, unit: float | None, taken: set[str]) -> Views:
    """The views of "folder:PATH".   taken: names that a column of one's own cannot have.

    Raises: InputError for another set than a folder, fewer than two names, one twice, and a wrong unit.
    """
    fix = "two names or more are needed, the images first, such as views=('rgb', 'depth')"
    several = isinstance(views, Sequence) and not isinstance(views, str) and all(isinstance(view, str) for view in views)
    of_depth = f"unit={unit!r} is the unit of depth, and the views are {views}; leave it out, or add depth, such as views=('rgb', 'depth')"
    require(unit is None or (several and "depth" in views[1:]), of_depth)
    require(several and len(views) > 1, f"views={views!r}: {fix}")
    require(len(set(views)) == len(views), f"views={tuple(views)}: one is named twice; {fix}")
    require(name.startswith("folder:"), f"views={tuple(views)}: only a folder has subfolders, as in load('folder:PATH', views=...), not {name}")
    metres = unit is None or (isinstance(unit, Real) and not isinstance(unit, bool) and 0 < unit < 1e6)
    require(metres, f"unit={unit!r} must be metres above 0: 0.001 where files count millimetres, 1 where they hold metres, 1/5000 of TUM's")
    check_own([view for view in views[1:] if view not in COLUMNS], taken)
    return Views(at(name), tuple(views), unit)


def check_own(names: Iterable[object], taken: set[str]) -> None:
    """Raise InputError for names that columns of one's own cannot have."""
    for name in names:
        fits = isinstance(name, str) and name.isidentifier()
        why = "Images has, or makes of x, a column of this name" if fits else "letters, digits and _ are needed, no digit first"
        require(fits and name not in taken, f"{name!r} cannot name a column of your own: {why}; call it otherwise, such as thermal")


def read(views: Views, split: str, size: int | None, limit: int | None, seed: int, white: float | None) -> dict[str, object]:
    """Columns of Images by their names; those that Images has no name for stand in `more`.

    Raises: InputError for a subfolder that is not there, files without a partner, by name, and a partner of another shape.
    """
    first, *others = views.names
    found = subfolders(views, split)
    names = {view: named([path for path, _ in images], views.top / view) for view, (images, _, _) in found.items()}
    check_partners(names)
    images, rows, classes = found[first]
    called, columns = list(names[first]), {}
    shapes: dict[int, tuple[int, int]] = {}  # height and width of the images that were read

    def item(i: int, view: str) -> tuple[Tensor, int]:
        image, label = opened(names[view][called[i]], images[i][1])
        with image:  # closes its file
            x = (pixels if view == first else made(view, views.unit))(image, size, white)
        check_shape(shapes.setdefault(i, extent(image)), extent(image), size, images[i][0])
        return x, label

    def reader(view: str) -> Callable:
        return files(partial(item, view=view), lambda i: brief(names[view][called[i]]), lambda x, *_: x)

    source = Source(rows, classes, reader(first)).limited(limit, seed)
    x, labels = source.read(source.rows, size, white)
    for view in others:
        columns[view], _ = reader(view)(source.rows, size, white)
    more = {view: columns.pop(view) for view in others if view not in COLUMNS}
    return {"x": x, "labels": labels, "classes": classes, **columns, "more": more}


def subfolders(views: Views, split: str) -> dict[str, tuple]:
    """What `folders.listed` says of the subfolder of every view. Raises: InputError for one that is not there."""
    there, _ = Walk().listing(views.top)
    require(len(there) > 0, f"{brief(views.top)} holds no folders, and every view needs one: {', '.join(views.names)}")
    for view in views.names:
        one_of(view, there, f"view of {brief(views.top)}")
    return {view: listed(views.top / view, split) for view in views.names}


def named(paths: list[Path], top: Path) -> dict[str, Path]:
    """Files by what they are called below the folder of their view, without suffix. Raises: InputError for two files of one name."""
    found: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(top).with_suffix("").as_posix()
        require(name not in found, f"{brief(path)} and {found.get(name)} have one name, and a view has one file for each; remove one of them")
        found[name] = path
    return found


def check_partners(names: dict[str, dict[str, Path]]) -> None:
    """Raise InputError, with counts and the first examples, unless all views have files of the same names."""
    said = []
    for view, mine in names.items():
        lacks = {name: f"{other}/{name}{path.suffix}" for other, theirs in names.items() for name, path in theirs.items() if name not in mine}
        more = f" and {len(lacks) - SHOWN:,} more" if len(lacks) > SHOWN else ""
        said += [f"{view} has no partner for {', '.join(list(lacks.values())[:SHOWN])}{more}"] if lacks else []
    counts = ", ".join(f"{view} {len(mine):,}" for view, mine in names.items())
    require(not said, f"{'; '.join(said)} (files: {counts}); every view needs a file of the same name, in the same folder; add it, or remove others")


def check_shape(first: tuple[int, int], here: tuple[int, int], size: int | None, path: Path) -> None:
    """Refuse a file that cannot show the same place as the image at `path`, since its shape is another. Raises: InputError."""
    (H, W), (h, w) = first, here
    fix = "both need the same ratio of width to height" if size else "both need the same size, or give one, such as size=32"
    require(window(H, W, size)[4:] == window(h, w, size)[4:], f"is {w} x {h}, and {brief(path)} is {W} x {H}; {fix}")


def made(view: str, unit: float | None) -> Callable:
    """What makes a tensor (1, c, h, w) of a file of this view, given the image, the size and white; any other name is a view of colours."""
    return {"depth": partial(depth, unit=unit), "normals": normals, "mask": mask}.get(view, pixels)


def depth(image, size: int | None, white: float | None, unit: float | None) -> Float[Tensor, "1 1 h w"]:
    """Distances in metres; 0 stays 0, nothing was measured there.   unit: metres of one step; None is a millimetre, of whole numbers.

    Raises: InputError for other files than 16 or 32 bits or floats in one channel, floats without a unit, negative numbers, infinity and NaN.
    """
    fix = "16 or 32 bits, or floats, in one channel are needed: distances, no picture of them"
    require(image.mode[0] in "IF", f"its mode is {image.mode}, and {fix}")
    values = sampled(image, size).astype(np.float64)
    known = unit is not None or image.mode[0] == "I"
    require(known, "holds floats, which do not say their unit; give it, unit=1 (--unit 1) for metres, unit=0.001 for millimetres")
    fine = bool(np.isfinite(values).all() and values.min() >= 0)
    require(fine, f"has values {values.min():g} to {values.max():g}, and distances from 0 are needed; 0 says that nothing was measured")
    return torch.from_numpy((values * (UNIT if unit is None else unit)).astype(np.float32))[None, None]


def normals(image, size: int | None, white: float | None) -> Float[Tensor, "1 3 h w"]:
    """Unit vectors, x to the right, y down, z towards the camera, of bytes: 0 is -1, 255 is 1. What is no unit vector, such as black, becomes 0.

    Raises: InputError for other files than three channels of 8 bits.
    """
    require(image.mode == "RGB", f"its mode is {image.mode}, and normals need three channels of 8 bits (RGB)")
    n = torch.from_numpy(sampled(image, size)).movedim(-1, 0)[None] / 127.5 - 1
    length = n.norm(dim=1, keepdim=True)
    return torch.where((length > 0.5) & (length < 1.5), n / length, 0.0)


def mask(image, size: int | None, white: float | None) -> UInt8[Tensor, "1 1 h w"]:
    """The number of a part for every pixel, as it is stored; of a palette its index. Raises: InputError for colours, and for numbers beyond 255."""
    whole = image.mode in ("1", "L", "P") or image.mode[0] == "I"
    require(whole, f"its mode is {image.mode}, and a mask has one whole number a pixel, that of its part; save it in grey, or with a palette")
    values = sampled(image, size)
    low, high = int(values.min()), int(values.max())
    require(low >= 0 and high <= 255, f"has parts {low} to {high}, and 0 to 255 are needed; number them from 0")
    return torch.from_numpy(values.astype(np.uint8))[None, None]

