"""What becomes of odd image files and damaged run folders: how many are read, how many refused in one sentence, and the most memory that one takes.

    python tests/benchmarks/odd.py --images 1000 --runs 1000 [--seed 0]

A case is a seed. Anything but a result or an InputError, such as a warning, is printed with its seed, and so is a peak of more than 500 MB above what
the process had before (on Linux, where the peak can be set back; elsewhere the highest of all cases so far counts). Exit code 1 if there is one.
"""

import argparse
import resource
import runpy
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

MOST = 500  # MB above what the process had before
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def images() -> Callable[[int], tuple[str, str]]:
    """Odd image files: seed → (what became of it, what it was)."""
    odd, folder = dummies("odd"), Path(tempfile.mkdtemp())

    def case(seed: int) -> tuple[str, str]:
        made = odd["odd_image"](Random(seed))
        try:
            return odd["outcome"](made, folder), made.words
        except BaseException as error:
            error.add_note(made.words)
            raise

    return case


def runs() -> Callable[[int], tuple[str, str]]:
    """Damaged run folders, resumed or measured: likewise. A run that goes on ends as the one that nobody stopped and nothing damaged."""
    damaged, folder = dummies("damaged"), Path(tempfile.mkdtemp())
    damaged["runs"]()
    return lambda seed: damaged["damaged"](Random(seed), folder)


def dummies(name: str) -> dict:
    """What the tests try, too."""
    return runpy.run_path(str(Path(__file__).parents[1] / "dummies" / f"{name}.py"))


KINDS = {"images": images, "runs": runs}  # a further kind: its name, and what makes its function of a seed


def memory(name: str) -> float:
    """MB: VmRSS is what the process has, VmHWM the most that it had since the last reset."""
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(name)) / 2**10


def run(kind: str, count: int, first: int) -> bool:
    """Run so many cases and say what became of them; whether all of them went well."""
    case, found, peaks, wrong = KINDS[kind](), Counter(), [(0.0, first)], 0
    case(first)  # what is imported now counts for no case
    for seed in range(first, first + count):
        if RESET.exists():
            RESET.write_text("5")
        before = memory("VmRSS")
        try:
            became, words = case(seed)
        except Exception:  # noqa: BLE001 (what is looked for)
            became, words = "wrong", traceback.format_exc()
        peaks.append((memory("VmHWM") - before, seed))
        wrong += became == "wrong" or peaks[-1][0] > MOST
        found[became] += 1
        if became == "wrong" or peaks[-1][0] > MOST:
            print(f"{kind} {seed}: {peaks[-1][0]:.0f} MB, {words}", flush=True)
    peak, seed = max(peaks)
    print(f"{kind:<10}{count:>7}" + "".join(f"{found[name]:>9}" for name in ("read", "refused", "wrong")) + f"{peak:>9.0f} MB (seed {seed})")
    return wrong == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help="how many cases")
    parser.add_argument("--seed", type=int, default=0, help="of the first case (default: 0)")
    given = parser.parse_args()
    print(f"{'kind':<10}{'cases':>7}{'read':>9}{'refused':>9}{'wrong':>9}   most above before")
    well = [run(kind, getattr(given, kind), given.seed) for kind in KINDS if getattr(given, kind)]
    return 1 - all(well)


if __name__ == "__main__":
    sys.exit(main())
