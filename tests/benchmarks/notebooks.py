"""Seconds per section of each notebook, in all beside what its header means it to take, and to its first picture (goal: 10).

    python tests/benchmarks/notebooks.py [NAME...] [--edition solved student] [--profile laptop] [--folder notebooks] [--json FILE]

Each is executed in a kernel and a folder of its own; waiting for the kernel is not counted. A section goes from one heading of level 1 or 2
to the next.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

from course.outline import FENCE

ROOT = Path(__file__).parents[2]
FIRST = 10  # seconds from the start of the first cell to the first picture
EDITIONS = {"solved": "solutions", "student": "."}


class Timed(NotebookClient):
    """Runs a notebook, and knows when it began, when each cell ended, and when the first picture came."""

    def __init__(self, book: nbformat.NotebookNode, folder: str):
        super().__init__(book, timeout=3600, kernel_name="python3", store_widget_state=False, resources={"metadata": {"path": folder}})
        self.began, self.picture, self.seconds = {}, None, {}  # cell → when; seconds to the first picture; cell → seconds
        self.on_cell_execute = lambda cell, cell_index: self.began.setdefault(cell_index, time.perf_counter())
        self.on_cell_executed = lambda cell, cell_index, **_: self.seconds.update({cell_index: time.perf_counter() - self.began[cell_index]})

    def process_message(self, message, cell, cell_index):
        if self.picture is None and "image/png" in message["content"].get("data", {}):
            self.picture = time.perf_counter() - min(self.began.values())
        return super().process_message(message, cell, cell_index)


def heading(cell) -> str:
    """The last heading of level 1 or 2 in a cell, if there is one."""
    lines = FENCE.sub("", cell.source).splitlines() if cell.cell_type == "markdown" else []
    return next((line.lstrip("# ") for line in reversed(lines) if line.startswith(("# ", "## "))), "")


def sections(book, seconds: dict[int, float]) -> dict[str, float]:
    """Seconds of each section, in order."""
    found, now = {}, "before the first heading"
    for number, cell in enumerate(book.cells):
        now = heading(cell) or now
        found[now] = found.get(now, 0) + seconds.get(number, 0)
    return found


def meant(book, profile: str, edition: str) -> float:
    """The seconds in the notebook's header, which nothing enforces: a machine may be slower than the one they were meant for."""
    budget = book.metadata["ssl_lab"]["budget_s"]
    return budget[profile] if edition == "solved" else budget.get(f"{profile} student", budget[profile])


def processor() -> float:
    """CPU seconds of this process and of all that it started and that have ended: a kernel, once its notebook is over."""
    return sum(os.times()[:4])


def measure(path: Path, profile: str, edition: str) -> dict:
    """Execute one notebook and print where its time went. Raises: nbclient's CellExecutionError where a cell fails."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        timed = Timed(book, folder)
        before = processor()
        timed.execute(env={**os.environ, "SSL_LAB_PROFILE": profile})
        spent = processor() - before
    found, total, limit = sections(book, timed.seconds), sum(timed.seconds.values()), meant(book, profile, edition)
    print(f"\n{path.stem}, {edition}")
    for name, seconds in found.items():
        print(f"{seconds:8.1f} s   {name}")
    slowest = max(timed.seconds, key=timed.seconds.get)
    print(f"{total:8.1f} s   in all, {spent:.1f} CPU s; meant are {limit} s; cell {slowest + 1} took {timed.seconds[slowest]:.1f} s")
    first = float("nan") if timed.picture is None else timed.picture
    print(f"{first:8.1f} s   to the first picture{'' if first <= FIRST else f': not within {FIRST}'}", flush=True)
    said = {"notebook": path.stem, "edition": edition, "sections": found, "total": total, "cpu": spent, "meant": limit}
    return said | {"first picture": timed.picture}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", help="such as 03_simclr (default: all)")
    parser.add_argument("--edition", nargs="+", choices=EDITIONS, default=list(EDITIONS))
    parser.add_argument("--profile", default="laptop", help="laptop, as with nothing set, or ci")
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks", help="of the student's editions, with solutions/ in it")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    print(f"profile {given.profile}, {torch.get_num_threads()} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    names = given.names or sorted(path.stem for path in given.folder.glob("[0-9][0-9]_*.ipynb"))
    found = [measure(given.folder / EDITIONS[edition] / f"{name}.ipynb", given.profile, edition) for name in names for edition in given.edition]
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
