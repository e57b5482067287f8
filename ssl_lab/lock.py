"""One training at a time writes into a run folder."""

import os
import weakref
from pathlib import Path

from ssl_lab.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where two processes are not kept apart
    fcntl = None

HELD: weakref.WeakValueDictionary[Path, "Lock"] = weakref.WeakValueDictionary()  # of this process


class Lock:
    """The right to write into a folder. It ends with the training that has it, with the process, or when this process begins another one there.

    A training that was left by an error in its loop's body may live on in a traceback, so that the later one of a process goes before.
    Raises: InputError where another process has it.
    """

    def __init__(self, folder: Path):
        self.folder, self.file = folder.resolve(), None
        if self.folder in HELD:
            HELD.pop(self.folder).release()
        if fcntl:
            self.file = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.release()
                raise InputError(f"another training is writing into {folder}; wait for its end, or choose another folder") from None
            except OSError:  # a file system without locks
                pass
        HELD[self.folder] = self

    @property
    def held(self) -> bool:
        return HELD.get(self.folder) is self

    def release(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            os.close(file)

    __del__ = release
