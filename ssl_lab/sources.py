"""Sets of images by name: scikit-learn's digits, torchvision's sets, folders of image files.

Sets without official splits get a fixed random one: 80 % of the images are train, the other 20 % test.
"""

import difflib
import inspect
import os
from pathlib import Path

import torch
from torch import Tensor

from ssl_lab.catalogue import BY_HAND, KEYWORDS, NAMES, OPTIONS, TORCHVISION, UNNAMED
from ssl_lab.errors import InputError, one_of, require
from ssl_lab.folders import at, folder
from ssl_lab.reading import Source, array, files, share


def find(name: str, split: str, root: str | os.PathLike | None, download: bool) -> Source:
    """The set of this name: digits, one of torchvision's, or folder:PATH."""
    if name == "digits":
        return digits(split)
    if name.startswith("folder:"):
        return folder(at(name), split)
    place = Path(name).expanduser()
    folders = f"data set {name!r} is unknown, and there is a folder of this name; did you mean folder:{name}?"
    require(name in TORCHVISION or not place.is_dir(), folders)
    close = difflib.get_close_matches(name.lower(), ("scenes", *NAMES), n=1)
    there = f"did you mean {close[0]!r}? There" if close else "there"
    require(name in TORCHVISION, f"data set {name!r} is unknown; {there} are: scenes, {', '.join(NAMES)}, folder:PATH")
    return torchvision_set(name, split, Path(root or "data").expanduser().absolute(), download)


def digits(split: str) -> Source:
    """scikit-learn's 1,797 handwritten digits (Alpaydin and Kaynak, 1998), 8 x 8; 32 x 32 unless size is given, since networks make maps smaller."""
    from sklearn.datasets import load_digits

    data = load_digits()
    read = array((data.images * (255 / 16)).round().astype("uint8"), data.target)
    return Source(share(len(data.target), split), tuple("0123456789"), lambda rows, size, white: read(rows, size or 32))


def torchvision_set(name: str, split: str, root: Path, download: bool) -> Source:
    """One of torchvision's sets, in the place where torchvision puts it: root/cifar-10-batches-py, root/FashionMNIST, ..."""
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
    except Exception as error:  # whatever error a damaged file raises: RuntimeError, EOFError, UnpicklingError, zlib.error, ...
        raise InputError(absent(name, build.__name__, root, download, error)) from error
    rows = torch.arange(len(data)) if splits else share(len(data), split)
    pixels = getattr(data, "data", None)
    if isinstance(pixels, Tensor) or type(pixels).__module__ == "numpy":
        labels = torch.as_tensor(data.targets if hasattr(data, "targets") else data.labels)
        return Source(rows, class_names(name, data), array(pixels, labels.view(len(data), -1)[:, 0]))  # QMNIST: the class, then the writer, ...
    return Source(rows, class_names(name, data), files(data.__getitem__, lambda i: f"image {i} of {name} in {root}"))


def absent(name: str, build: str, root: Path, download: bool, error: Exception) -> str:
    """The error text for a set that could not be opened."""
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
    """The names of a torchvision set's classes, from the attribute that has them; of several synonyms the first one."""
    places = ("classes", "categories", "class_to_idx", "all_categories", "_characters")
    names = next((getattr(data, p) for p in places if getattr(data, p, None)), range(UNNAMED.get(name, 0)))
    return tuple(str(n[0]) if isinstance(n, tuple) else str(n) for n in names)
