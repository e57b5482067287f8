"""Ctrl-C at any moment is one line and exit code 130, also in the middle of an import."""

import signal
import subprocess
import sys
import threading

import pytest

from ssl_lab.interrupts import STOPPED, end, on_interrupt

WHILE_IMPORTING = """
import builtins, contextlib, os, signal, sys

def importing(name, *rest, original=builtins.__import__):
    if name.split(".")[0] == {name!r} and not asked:
        asked.append(name)
        with contextlib.suppress(BaseException):  # as the import of a compiled module may do
            os.kill(os.getpid(), signal.SIGINT)
    return original(name, *rest)

asked, builtins.__import__, sys.argv = [], importing, ["ssl-lab", *{words!r}]
from ssl_lab.start import main
sys.exit(main())
"""
TRAIN = ["train", "SimCLR", "--limit", "32", "--batch", "16", "--epochs", "1", "--out", "run"]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("words, name", [
    (["doctor"], "argparse"), (["doctor"], "torch"), (["study"], "torch"), (["evaluate", "run"], "torch"),
    (TRAIN, "inspect"), (TRAIN, "torch"), (TRAIN, "jaxtyping"),
])  # fmt: skip
def test_in_the_middle_of_an_import_it_is_one_line(words, name, tmp_path):
    command = [sys.executable, "-c", WHILE_IMPORTING.format(name=name, words=words)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (STOPPED, "ssl-lab: stopped\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
def test_inside_it_calls_what_was_said_and_outside_what_it_called_before():
    heard = []
    with on_interrupt(lambda *_: heard.append("outer")):
        with on_interrupt(lambda *_: heard.append("inner")):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyError), on_interrupt(end):
            raise KeyError
        signal.raise_signal(signal.SIGINT)
    assert heard == ["inner", "outer", "outer"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_where_it_is_ignored_it_stays_ignored_and_other_threads_change_nothing():
    seen = []

    def look():
        with on_interrupt(end):
            seen.append(signal.getsignal(signal.SIGINT))

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    look()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_IGN, signal.default_int_handler]
