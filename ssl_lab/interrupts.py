"""What Ctrl-C does to a command: it ends at once, but for a training, which stops between two steps and says how to go on."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ssl_lab.terminal import tell

STOPPED = 130  # the exit code of a command that Ctrl-C ended


def end(*_) -> None:
    """Leave without a traceback. Python's own way is an exception, which an import may swallow, or turn into another one."""
    tell("ssl-lab: stopped")
    os._exit(STOPPED)


@contextmanager
def on_interrupt(handler: Callable) -> Iterator[None]:
    """Ctrl-C calls this inside, and outside what it called before; where it is ignored, or is another thread's, nothing changes."""
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
