"""Which exercises a student has passed. They are kept in the folder that `ssl-lab lab` made; elsewhere only until the kernel stops.

    note(exercise) → work/.progress.json → passed() → of(notebook): which of its exercises, out of how many
"""

import json
from pathlib import Path

from ssl_lab.checks import EXERCISES
from ssl_lab.files import write_text

RECORD = ".handed_out.json"  # what `ssl-lab lab` handed out; the folder that holds it is a student's
PROGRESS = ".progress.json"  # beside it: the names of the exercises that were passed
session: set[str] = set()  # passed since the kernel started


def file() -> Path | None:
    """Where progress is kept: in the nearest folder above that is a student's; nowhere for the solutions."""
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / RECORD).is_file()), None)
    return None if found is None or "solutions" in here.relative_to(found).parts else found / PROGRESS


def passed() -> set[str]:
    """All exercises that were passed. A file that cannot be read counts as empty: a student can go on without it."""
    try:
        path = file()
        names = json.loads(path.read_text(encoding="utf-8")) if path else []
    except (OSError, ValueError):
        names = []
    return session | ({name for name in names if isinstance(name, str)} if isinstance(names, list) else set())


def note(exercise: str) -> None:
    """Remember that an exercise was passed; only until the kernel stops, where nothing can be written."""
    session.add(exercise)
    try:
        if path := file():
            write_text(path, json.dumps(sorted(passed()), indent=1))
    except OSError:
        pass


def of(notebook: str) -> tuple[list[str], int]:
    """Which exercises of a notebook were passed, in its order, and how many it has."""
    asked, done = EXERCISES.get(notebook, ()), passed()
    return [name for name in asked if name in done], len(asked)


def notebook_of(exercise: str) -> str:
    """The notebook that asks for an exercise, empty if none does."""
    return next((notebook for notebook, asked in EXERCISES.items() if exercise in asked), "")
