"""Kill a training again and again at random moments (SIGKILL), resume it each time, and compare what it ends with to a run that nobody stopped.

    python tests/benchmarks/kills.py [--kills 100] [--method SimCLR MoCo] [--seed 0]        every method, unless some are named

An epoch has two steps, so that many kills hit a save. Weights, state and metrics (but for the seconds) must be the same to the bit, and nothing may
be left beside them but an unfinished file. Exit code 1 if anything differs. Every point between two file operations, one by one: tests/test_train.py.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process that forks has one thread

from ssl_lab import methods
from ssl_lab.__main__ import main as ssl_lab
from ssl_lab.tensors import read_tensors
from ssl_lab.train import train  # noqa: F401 (imported once, before the forks)

WORDS = ["--limit", "40", "--size", "16", "--batch", "16", "--epochs", "12"]
OWN = {
    "MoCo": ["--K", "64", "--split", "1"],
    "DeepCluster": ["--clusters", "4", "--pca", "4"],
    "CPC": ["--patch-size", "8", "--steps", "2", "--skip", "0"],
    "NoisyStudent": ["--labels", "0.5", "--rounds", "2", "--epochs", "6", "--threshold", "0"],
}


def training(method: str, run: Path) -> int:
    """The number of a process that trains there, or goes on."""
    child = os.fork()
    if child == 0:
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(out, 2)
        resume = ["--resume"] if (run / "config.json").exists() else [*WORDS, *OWN.get(method, [])]
        os._exit(ssl_lab(["train", method, "--out", str(run), *resume]))
    return child


def ended(child: int, seconds: float | None) -> int | None:
    """The exit code, or None where it was killed after so many seconds."""
    start = time.monotonic()
    while seconds is None or time.monotonic() - start < seconds:
        which, status = os.waitpid(child, 0 if seconds is None else os.WNOHANG)
        if which:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def result(run: Path) -> tuple:
    """All that a run's folder says, but for the seconds."""
    rows = [json.loads(line) | {"seconds": 0} for line in (run / "metrics.jsonl").read_text().splitlines()]
    files = {path.name for path in run.iterdir() if path.suffix != ".partial"}
    found = [read_tensors(run / name) for name in ("weights.safetensors", "state.safetensors")]
    return files, rows, [({name: x.numpy().tobytes() for name, x in tensors.items()}, note) for tensors, note in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of every method (default: 100)")
    parser.add_argument("--method", nargs="+", choices=methods.__all__, default=methods.__all__)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random, lost = Random(given.seed), 0
    print(f"{'method':<12}{'kills':>7}{'in a save':>11}{'runs':>6}{'other results':>15}{'refused':>9}")
    for method in given.method:
        top = Path(tempfile.mkdtemp())
        start = time.monotonic()
        assert ended(training(method, top / "whole"), None) == 0
        whole, seconds = result(top / "whole"), time.monotonic() - start
        kills = saving = runs = other = refused = 0
        run = top / "0"
        while kills < given.kills:
            code = ended(training(method, run), random.uniform(0, seconds))
            if code is None:
                kills += 1
                saving += any(path.suffix == ".partial" for path in run.glob("*"))
                continue
            runs += 1
            refused += code != 0
            other += code == 0 and result(run) != whole
            run = top / str(runs)
        code = ended(training(method, run), None)
        refused, other = refused + (code != 0), other + (code == 0 and result(run) != whole)
        lost += refused + other
        print(f"{method:<12}{kills:>7}{saving:>11}{runs + 1:>6}{other:>15}{refused:>9}", flush=True)
    return lost > 0


if __name__ == "__main__":
    sys.exit(main())
