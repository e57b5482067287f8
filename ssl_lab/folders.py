"""A folder of image files as a set: a folder a class, or all in one folder without labels; train/ beside test/ or val/ where these are there.

Names of splits count in any case, and as people write them: Training, validation, train2017, test_images.
"""

import os
import re
from pathlib import Path

import torch

from ssl_lab.errors import InputError, one_of, require
from ssl_lab.reading import Source, files, share

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # what is decoded, whatever a file is called
WORDS = {"train": "train(?:ing)?", "val": "val(?:id|idation)?|dev", "test": "test(?:ing)?"}
NAMES = {part: re.compile(rf"(?:images?[ _-]?)?(?:{word})[ _-]?(?:set|split|data|images?|imgs?|\d+)?", re.IGNORECASE) for part, word in WORDS.items()}


def folder(top: Path, split: str) -> Source:
    """One split of a folder; without splits of its own, a random 80 % train and 20 % test.

    A class that one split lacks has no images there. Raises: InputError for what cannot be one set, or a split that is not there.
    """
    parts = splits(top)
    one_of(split, (*parts, "all") if parts else ("train", "test", "all"), f"split of {top}")
    found = {part: scan(path) for part, path in (parts or {"all": top}).items()}
    classes = sorted({name for one in found.values() for name in one} - {""})
    empty = [name for name in classes if not any(one.get(name) for one in found.values())]
    require(not empty, f"{top}: no images in the class folders {', '.join(empty)}; fill or remove them")
    number = {name: k for k, name in enumerate(classes)} | {"": -1}
    chosen = [found[split]] if split in found else found.values()
    images = [(path, number[name]) for one in chosen for name, paths in one.items() for path in paths]
    rows = torch.arange(len(images)) if parts else share(len(images), split)
    return Source(rows, tuple(classes), files(lambda i: opened(*images[i]), lambda i: str(images[i][0])))


def splits(top: Path) -> dict[str, Path]:
    """Split → its folder, in the order train, val, test; val serves as test where that is missing. Empty for a folder that has none of its own.

    Among other folders, "train" alone is a class, of vehicles. Raises: InputError where names of splits and of classes cannot be told apart.
    """
    names, _ = listing(top)
    called = {name: part for part in NAMES for name in names if NAMES[part].fullmatch(name)}
    others = [name for name in names if name not in called]
    kinds = set(called.values())
    if not called or (others and ("train" not in kinds or len(kinds) == 1)):
        return {}
    have = f"{top} holds {', '.join(called)}"
    one = f"name one folder, as in folder:{top / names[0]}"
    require("train" in kinds, f"{have}, names of splits, and none to train on; call that one train, or {one}")
    twice = [name for name in called if list(called.values()).count(called[name]) > 1]
    require(not twice, f"{have}, and {' and '.join(twice)} mean the same split; put their images together, or {one}")
    strange = [name for name in others if below(top / name)]
    fix = "move them out of it, or into one of the splits"
    require(not strange, f"{have}, the splits, and beside them images in {', '.join(strange)}; {fix}")
    return {"test" if part == "val" and "test" not in kinds else part: top / name for name, part in called.items()}


def scan(top: Path) -> dict[str, list[Path]]:
    """Class → its image files, in the order of their names; "" → all of them, where there are no class folders."""
    classes, loose = listing(top)
    beside = ", ".join(p.name for p in loose[:3])
    require(not (classes and loose), f"{top} holds class folders and, beside them, {beside}; sort all images into class folders, or none")
    for name in classes:
        inner, _ = listing(top / name)
        parts = {part for part in NAMES for one in inner if NAMES[part].fullmatch(one)}
        fix = f"the splits go outside: {top / inner[0] / name}" if inner else ""
        require("train" not in parts or len(parts) == 1, f"{top / name} holds {', '.join(inner)}, which would be one class; {fix}")
    found = {name: below(top / name) for name in classes} or {"": loose}
    require(any(found.values()), f"{top} holds no images; files that end in {', '.join(SUFFIXES)} are needed")
    return found


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


def opened(path: Path, label: int):
    """An image, not yet decoded, and its label. Raises: InputError for what is no regular file: a pipe is waited for without end."""
    from PIL import Image

    require(path.is_file(), "is no regular file, or a link to none; remove it")
    Image.init()  # with `formats`, Pillow looks at those alone that it has loaded
    return Image.open(path, formats=FORMATS), label
