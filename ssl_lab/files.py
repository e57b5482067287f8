"""Files that are there whole or not at all: written beside, brought to the disk, then given their name."""

import os
from pathlib import Path

from ssl_lab.errors import require


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """A crash leaves the old file or the new one, never a part; a power cut, too, since all of it is on the disk before it gets its name."""
    partial = path.with_suffix(".partial")
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def folder_to_be(folder: Path) -> Path:
    """The same folder, made if need be, before anything is spent on what is to lie there. Raises: InputError where a file stands."""
    standing = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
    require(standing is None, f"{standing} is a file, and {folder} is to be a folder; choose another one")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
