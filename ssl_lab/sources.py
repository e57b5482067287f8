"""Where pixels come from: scikit-learn's digits, torchvision's sets by name, folders of image files.

A Source is a set whose images are counted but not yet read, so that 500 images of a million cost 500:
    rows → an array at once, files one by one → shorter side to `size`, antialiased → centre → (N, 3, size, size) uint8
Sets without an official split get ours: a random 80 % of the images train, the other 20 % test, always the same.
"""

import difflib
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Int64, UInt8
from torch import Tensor

from ssl_lab.catalogue import BY_HAND, KEYWORDS, NAMES, OPTIONS, TORCHVISION, UNNAMED
from ssl_lab.errors import InputError, one_of, require

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Source(NamedTuple):
    """One split of a set, its images not yet read.

    rows: which of the set's images belong to the split.   read(rows, size) → x uint8 (M, 3, size, size), labels (M,); size None = as stored.
    """

    rows: Int64[Tensor, " N"]
    classes: tuple[str, ...]
    read: Callable[[Tensor, int | None], tuple[Tensor, Tensor]]

    def limited(self, limit: int | None, seed: int) -> "Source":
        """A random part of the split, its order kept; a larger limit of one seed holds the smaller."""
        have = len(self.rows)
        require(limit is None or limit <= have, f"limit={limit} images were asked for, and this split has {have}; use limit={have} or fewer")
        return self._replace(rows=self.rows[permutation(have, seed)[:limit].sort().values])


def find(name: str, split: str, root: str | os.PathLike | None, download: bool) -> Source:
    """The set of this name: digits, one of torchvision's, or folder:PATH."""
    if name == "digits":
        return digits(split)
    if name.startswith("folder:"):
        require(name != "folder:", "folder: needs a path, as in folder:path/to/images")
        return folder(Path(name.removeprefix("folder:")).expanduser(), split)
    close = difflib.get_close_matches(name.lower(), ("scenes", *NAMES), n=1)
    there = f"did you mean {close[0]!r}? There" if close else "there"
    require(name in TORCHVISION, f"data set {name!r} is unknown; {there} are: scenes, {', '.join(NAMES)}, folder:PATH")
    return torchvision_set(name, split, Path(root or "data").expanduser().absolute(), download)


def digits(split: str) -> Source:
    """scikit-learn's 1,797 handwritten digits (Alpaydin and Kaynak, 1998), 8 x 8; 32 x 32 unless size says otherwise, since networks stride."""
    from sklearn.datasets import load_digits

    data = load_digits()
    read = array((data.images * (255 / 16)).round().astype("uint8"), data.target)
    return Source(share(len(data.target), split), tuple("0123456789"), lambda rows, size: read(rows, size or 32))


def torchvision_set(name: str, split: str, root: Path, download: bool) -> Source:
    """One of torchvision's sets, lying where torchvision puts it: root/cifar-10-batches-py, root/FashionMNIST, ..."""
    from torchvision import datasets

    splits = TORCHVISION[name]
    one_of(split, tuple(dict.fromkeys(("train", *splits, "test"))) if splits else ("train", "test", "all"), f"split of {name}")
    build = getattr(datasets, next(c for c in datasets.__all__ if c.lower() == name.replace("_", "")))
    options = OPTIONS.get(name, {}) | ({} if name in BY_HAND else {"download": download})
    if splits:
        keyword = KEYWORDS.get(name, "train" if "train" in inspect.signature(build).parameters else "split")
        theirs = split if split in splits else splits[0 if split == "train" else -1]
        options[keyword] = split == "train" if keyword in ("train", "background") else theirs
    try:
        data = build(root, **options)
    except Exception as error:  # whatever a damaged file provokes: RuntimeError, EOFError, UnpicklingError, zlib.error, ...
        raise InputError(absent(name, build.__name__, root, download, error)) from error
    rows = torch.arange(len(data)) if splits else share(len(data), split)
    pixels = getattr(data, "data", None)
    if isinstance(pixels, Tensor) or type(pixels).__module__ == "numpy":
        labels = torch.as_tensor(data.targets if hasattr(data, "targets") else data.labels)
        return Source(rows, class_names(name, data), array(pixels, labels.view(len(data), -1)[:, 0]))  # QMNIST: the class, then the writer, ...
    return Source(rows, class_names(name, data), files(data.__getitem__, lambda i: f"image {i} of {name} in {root}"))


def absent(name: str, build: str, root: Path, download: bool, error: Exception) -> str:
    """What to say of a set that could not be opened."""
    reason = (str(error).strip().splitlines() or [""])[0].split(". ")[0].rstrip(".") or type(error).__name__
    if isinstance(error, ImportError) or reason.endswith("is not found"):  # some sets need h5py, scipy or lmdb
        return f"{name} needs a package that is not installed: {reason}"
    place = f"place it there by hand, as torchvision.datasets.{build} describes"
    fetch = f"load({name!r}, root=..., download=True) fetches it over the network (remove damaged files first)"
    state, fix = "is missing or damaged in", place if name in BY_HAND else fetch
    if download and name not in BY_HAND:
        state, fix = "could not be downloaded to", f"check the network, or {place}"
    return f"{name} {state} {root} ({reason}); {fix}; load('scenes') and load('digits') work offline"


def class_names(name: str, data: object) -> tuple[str, ...]:
    """What a torchvision set calls its classes, wherever it keeps the names; the first of several synonyms."""
    places = ("classes", "categories", "class_to_idx", "all_categories", "_characters")
    names = next((getattr(data, p) for p in places if getattr(data, p, None)), range(UNNAMED.get(name, 0)))
    return tuple(str(n[0]) if isinstance(n, tuple) else str(n) for n in names)


def folder(top: Path, split: str) -> Source:
    """Image files: a folder a class, or all in one folder without labels; train/ beside test/ or val/ where these are there, else 80/20."""
    from PIL import Image

    names, _ = listing(top)
    official = "train" in names and (names == ["train"] or bool({"test", "val"} & set(names)))  # among other classes, train is a vehicle
    paths, labels, classes = scan_split(top, names, split) if official else scan(top)
    rows = torch.arange(len(paths)) if official else share(len(paths), split)
    return Source(rows, classes, files(lambda i: (Image.open(paths[i]), labels[i]), lambda i: str(paths[i])))


def scan_split(top: Path, names: list[str], split: str) -> tuple[list[Path], list[int], tuple[str, ...]]:
    """What `scan` finds in the folder of one split, or in all; val/ serves as test/ where that is missing."""
    parts = {"test" if n == "val" and "test" not in names else n: scan(top / n) for n in ("train", "val", "test") if n in names}
    one_of(split, (*parts, "all"), f"split of {top}")
    classes = parts["train"][2]
    for part, (_, _, theirs) in parts.items():
        odd = ", ".join(sorted(set(classes) ^ set(theirs)))
        require(not odd, f"{top}: every split needs the same class folders; only one of train and {part} has {odd}")
    chosen = [parts[split]] if split in parts else list(parts.values())
    return [p for part in chosen for p in part[0]], [k for part in chosen for k in part[1]], classes


def scan(top: Path) -> tuple[list[Path], list[int], tuple[str, ...]]:
    """All image files below a folder, in the order of their names, their labels, and the names of the classes."""
    classes, loose = listing(top)
    beside = ", ".join(p.name for p in loose[:3])
    require(not (classes and loose), f"{top} holds class folders and, beside them, {beside}; sort all images into class folders, or none")
    found = [below(top / name) for name in classes] or [loose]
    empty = [name for name, paths in zip(classes, found) if not paths]
    require(any(found), f"{top} holds no images; files that end in {', '.join(SUFFIXES)} are needed")
    require(not empty, f"{top}: no images in the class folders {', '.join(empty)}; fill or remove them")
    return [p for paths in found for p in paths], [k if classes else -1 for k, paths in enumerate(found) for _ in paths], tuple(classes)


def below(top: Path) -> list[Path]:
    """Image files in a folder and in the folders inside it."""
    names, images = listing(top)
    return images + [p for name in names for p in below(top / name)]


def listing(top: Path) -> tuple[list[str], list[Path]]:
    """The folders and the image files directly inside a folder, sorted by name; hidden ones are passed over."""
    try:
        seen = sorted((e.name, e.is_dir()) for e in os.scandir(top) if not e.name.startswith((".", "__MACOSX")))
    except (OSError, ValueError) as error:
        why = {FileNotFoundError: "does not exist", NotADirectoryError: "is a file"}.get(type(error), f"cannot be read ({error})")
        raise InputError(f"{top.absolute()} {why}; a folder of images is needed, as in folder:path/to/images") from error
    return [n for n, is_folder in seen if is_folder], [top / n for n, is_folder in seen if not is_folder and n.lower().endswith(SUFFIXES)]


def share(count: int, split: str) -> Int64[Tensor, " M"]:
    """The rows of a split of a set that has none of its own: 80 % train, 20 % test, drawn once and for all; "all" is everything."""
    one_of(split, ("train", "test", "all"), "split")
    order, cut = permutation(count, seed=0), round(0.8 * count)
    rows = {"train": order[:cut], "test": order[cut:], "all": order}[split]
    require(len(rows) > 0, f"{count} images are too few for an 80/20 split with a {split} part; add images or use split='all'")
    return rows.sort().values


def permutation(count: int, seed: int) -> Int64[Tensor, " N"]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def array(pixels, labels) -> Callable:
    """Read rows of an array in memory: (N, H, W), (N, H, W, 3) or (N, 3, H, W), uint8, of numpy or torch."""

    def read(rows: Tensor, size: int | None) -> tuple[Tensor, Tensor]:
        x = torch.as_tensor(pixels[rows.numpy()])
        x = x[:, None] if x.ndim == 3 else x.movedim(-1, 1) if x.shape[-1] == 3 else x
        x = x if size is None else fit(x, size)
        return x.expand(-1, 3, -1, -1).contiguous(), torch.as_tensor(labels)[rows].long()

    return read


def files(item: Callable, where: Callable[[int], str]) -> Callable:
    """Read rows one image at a time: item(i) → (PIL image, label or None), where(i) → its name in an error."""

    def read(rows: Tensor, size: int | None) -> tuple[Tensor, Tensor]:
        x, labels = torch.empty(0), []
        for i in rows.tolist():
            try:
                image, label = item(i)
                one = rgb(image) if size is None else fit(rgb(image), size)
            except Exception as error:  # whatever a damaged image provokes: OSError, SyntaxError, struct.error, ...
                raise InputError(f"{where(i)} cannot be read as an image ({error}); replace or remove it") from error
            x = x if labels else one.new_empty(len(rows), *one.shape[1:])
            H, W = x.shape[2:]
            require(one.shape[2:] == (H, W), f"images differ in size: {where(i)} is not {W} x {H} like the first; give a size, such as size=32")
            x[len(labels)] = one[0]
            labels.append(-1 if label is None else int(label))
        return x, torch.tensor(labels)

    return read


def rgb(image) -> UInt8[Tensor, "1 3 H W"]:
    """Pixels of a PIL image as its camera was held: transparency on white, 16-bit grey to 8 bits."""
    import numpy as np
    from PIL import Image, ImageOps

    with image:  # closes its file
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]


def fit(x: UInt8[Tensor, "N C H W"], size: int) -> UInt8[Tensor, "N C {size} {size}"]:
    """Shorter side to `size` by antialiased bilinear interpolation, in whole grey levels, then the centre."""
    H, W = x.shape[2:]
    h, w = (max(size, round(side * size / min(H, W))) for side in (H, W))
    if (h, w) != (H, W):
        x = torch.cat([F.interpolate(part, (h, w), mode="bilinear", antialias=True) for part in x.split(5_000)])
    top, left = (h - size) // 2, (w - size) // 2
    return x[:, :, top : top + size, left : left + size]
