"""Files that are there whole or not at all: written beside, brought to the disk, then given their name."""

import os
from pathlib import Path

from ssl_lab.errors import require


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """A crash leaves the old file or the new one, never a part."""
    partial = beside(path)
    try:
        partial.write_bytes(data)
        settle(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    return path.with_suffix(".partial")


def settle(partial: Path, path: Path) -> None:
    """Give a file its name once all of it is on the disk, so that a power cut leaves no empty one under that name."""
    with open(partial, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def folder_to_be(folder: Path) -> Path:
    """The same folder, made if need be, before anything is spent on what is to lie there. Raises: InputError where a file stands."""
    standing = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
    require(standing is None, f"{standing} is a file, and {folder} is to be a folder; choose another one")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
