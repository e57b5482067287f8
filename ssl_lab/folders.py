"""A folder of image files as a set: one folder a class, or all images in one folder, without labels. The folder may hold train/ and test/ or val/.

Names of splits may be written as people write them: Training, validation, train2017, test_images. Links are followed, and a folder that is reached
twice counts once. Files of other kinds are passed over, and a message says so.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_lab.errors import InputError, one_of, require
from ssl_lab.reading import Source, files, share
from ssl_lab.terminal import printable, tell_once

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # what is decoded, whatever a file is called
BESIDE = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".md", ".yaml", ".yml", ".html", ".ini", ".db", ".log", ".py")  # no message
WORDS = {"train": "train(?:ing)?", "val": "val(?:id|idation)?|dev", "test": "test(?:ing)?"}
NAMES = {part: re.compile(rf"(?:images?[ _-]?)?(?:{word})[ _-]?(?:set|split|data|images?|imgs?|\d+)?", re.IGNORECASE) for part, word in WORDS.items()}


def at(name: str) -> Path:
    """The folder of "folder:PATH"; ~ is the user's own."""
    require(name != "folder:", "folder: needs a path, as in folder:path/to/images")
    return Path(name.removeprefix("folder:")).expanduser()


def folder(top: Path, split: str) -> Source:
    """One split of a folder. A folder without splits is divided at random: 80 % train and 20 % test.

    A split may have no images of a class. Raises: InputError for a folder that cannot be one set, or an unknown split.
    """
    images, rows, classes = listed(top, split)
    return Source(rows, classes, files(lambda i: opened(*images[i]), lambda i: brief(images[i][0])))


def listed(top: Path, split: str) -> tuple[list[tuple[Path, int]], Int64[Tensor, " N"], tuple[str, ...]]:
    """The image files and their labels, which of them belong to the split, and the names of the classes. Raises: InputError as `folder`."""
    parts = splits(top)
    one_of(split, (*parts, "all") if parts else ("train", "test", "all"), f"split of {top}")
    walk = Walk()
    walk.refuse_twins(list(parts.values()))
    found = {part: scan(path, walk) for part, path in (parts or {"all": top}).items()}
    if walk.others:
        tell_once(printable(f"{top}: {walk.passed_over()}; only files that end in {', '.join(SUFFIXES)} are read; convert other images"))
    classes = sorted({name for one in found.values() for name in one} - {""})
    empty = [name for name in classes if not any(one.get(name) for one in found.values())]
    require(not empty, f"{top}: no images in the class folders {', '.join(empty)}; fill or remove them")
    number = {name: k for k, name in enumerate(classes)} | {"": -1}
    chosen = [found[split]] if split in found else found.values()
    images = [(path, number[name]) for one in chosen for name, paths in one.items() for path in paths]
    rows = torch.arange(len(images)) if parts else share(len(images), split)
    return images, rows, tuple(map(printable, classes))


@dataclass
class Walk:
    """What a walk has seen: real folders, each of them entered once, so that a circle of links ends; and the number of files of other kinds."""

    entered: set[tuple[int, int]] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)
    listed: dict[Path, tuple[list[str], list[Path]]] = field(default_factory=dict)

    def enter(self, path: Path) -> bool:
        """Enter this real folder; return whether it is for the first time."""
        try:
            status = path.stat()
        except OSError:  # `listing` says why
            return True
        known, place = len(self.entered), (status.st_dev, status.st_ino)
        self.entered.add(place)
        return len(self.entered) > known

    def refuse_twins(self, paths: list[Path]) -> None:
        """Enter these folders. Raises: InputError for one that was entered under another name, by a link."""
        for path in paths:
            require(self.enter(path), f"{brief(path)} leads to a folder that is here under another name already; remove the link")

    def passed_over(self) -> str:
        """The numbers of files of other kinds, the most frequent kind first."""
        kinds = ", ".join(f"{count:,} {kind or 'without a suffix'}" for kind, count in self.others.most_common(5))
        return f"files passed over: {kinds}{' and more' * (len(self.others) > 5)}"

    def below(self, top: Path) -> list[Path]:
        """Image files in a folder and in the folders inside it, however deep."""
        found, ahead = [], [top]
        while ahead:
            here = ahead.pop()
            names, images = self.listing(here)
            found += images
            ahead += [here / name for name in reversed(names) if self.enter(here / name)]
        return found

    def listing(self, top: Path) -> tuple[list[str], list[Path]]:
        """The folders and the image files directly inside a folder, sorted by name, without hidden ones."""
        if top not in self.listed:
            try:
                seen = sorted((e.name, is_folder(e)) for e in os.scandir(top) if not e.name.startswith((".", "__MACOSX")))
            except (OSError, ValueError) as error:
                said = getattr(error, "strerror", None) or error
                why = {FileNotFoundError: "does not exist", NotADirectoryError: "is a file"}.get(type(error), f"cannot be read ({said})")
                raise InputError(f"{brief(top.absolute())} {why}; a folder of images is needed, as in folder:path/to/images") from error
            images = [name for name, within in seen if not within and name.lower().endswith(SUFFIXES)]
            self.listed[top] = [name for name, within in seen if within], [top / name for name in images]
            if len(images) < len(seen):
                kinds = (os.path.splitext(name)[1].lower() for name, within in seen if not within)
                self.others.update(kind for kind in kinds if kind not in (*SUFFIXES, *BESIDE))
        return self.listed[top]


def splits(top: Path) -> dict[str, Path]:
    """Split → its folder, in the order train, val, test; without a test, val is the test. Empty for a folder without splits.

    A folder "train" among others, without test or val, is a class (of vehicles). Raises: InputError if splits and classes cannot be told apart.
    """
    names, _ = Walk().listing(top)
    called = {name: part for part in NAMES for name in names if NAMES[part].fullmatch(name)}
    others = [name for name in names if name not in called]
    kinds = set(called.values())
    if not called or (others and ("train" not in kinds or len(kinds) == 1)):
        return {}
    have = f"{top} holds {', '.join(called)}"
    one = f"name one folder, as in folder:{top / names[0]}"
    require("train" in kinds, f"{have}: names of splits, but none is train; call one of them train, or {one}")
    twice = [name for name in called if list(called.values()).count(called[name]) > 1]
    require(not twice, f"{have}, and {' and '.join(twice)} mean the same split; put their images together, or {one}")
    strange = [name for name in others if Walk().below(top / name)]
    fix = "move these images out of the folder, or into one of the splits"
    require(not strange, f"{have}, which are splits, and also images in {', '.join(strange)}; {fix}")
    return {"test" if part == "val" and "test" not in kinds else part: top / name for name, part in called.items()}


def scan(top: Path, walk: Walk) -> dict[str, list[Path]]:
    """Class → its image files, in the order of their names; "" → all of them, where there are no class folders."""
    classes, loose = walk.listing(top)
    beside = ", ".join(p.name for p in loose[:3])
    require(not (classes and loose), f"{top} holds class folders and also images outside them, {beside}; sort all images into class folders, or none")
    for name in classes:
        inner, _ = walk.listing(top / name)
        parts = {part for part in NAMES for one in inner if NAMES[part].fullmatch(one)}
        fix = f"put the classes inside the splits: {top / inner[0] / name}" if inner else ""
        require("train" not in parts or len(parts) == 1, f"{top / name} holds {', '.join(inner)}, which would be one class; {fix}")
    walk.enter(top)
    walk.refuse_twins([top / name for name in classes])
    found = {name: walk.below(top / name) for name in classes} or {"": loose}
    others = f"; {walk.passed_over()}" if walk.others else ""
    require(any(found.values()), f"{top} holds no images; files that end in {', '.join(SUFFIXES)} are needed{others}")
    return found


def is_folder(entry: os.DirEntry) -> bool:
    """Whether it is a folder, or a link to one; a circle of links is no folder."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def brief(path: Path) -> str:
    """A path; of a very long one, only its two ends."""
    said = str(path)
    return said if len(said) <= 400 else f"{said[:200]}…{said[-100:]}"


def opened(path: Path, label: int):
    """An image, not yet decoded, and its label.

    Raises: InputError for anything but a regular file, since reading a pipe may never end, and for more pixels than Pillow decodes.
    """
    from PIL import Image

    require(path.is_file(), "is no regular file, or is a broken link, or was removed meanwhile; remove it, or load again")
    Image.init()  # with `formats`, Pillow tries only formats that it has loaded
    try:
        return Image.open(path, formats=FORMATS), label
    except Image.DecompressionBombError as error:
        raise InputError(f"{str(error).partition(',')[0]}; make it smaller") from error
