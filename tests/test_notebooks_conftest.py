"""The rules for testing notebooks, on notebooks that break them: no cascade, no check of nothing, no judgement of time."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tested(tmp_path):
    """Run pytest on a notebook of these cells, (source, tags, stored text), and return what it reports."""
    for name in ("conftest.py", "sanitize.cfg"):
        shutil.copy(ROOT / "notebooks" / name, tmp_path)

    def run(*cells, budget=30, options=()):
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel, "ssl_lab": {"budget_s": {"ci": budget}}})
        for number, (source, tags, stored) in enumerate(cells, 1):
            outputs = [nbformat.v4.new_output("stream", text=stored)] if stored else []
            cell = nbformat.v4.new_code_cell(source, metadata={"tags": tags}, outputs=outputs, execution_count=number if stored else None)
            book.cells.append(cell)
        (tmp_path / "one.ipynb").write_text(json.dumps(book))
        usual = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600", "-q", "-rA", "-p", "no:cacheprovider", "--rootdir=."]
        command = [sys.executable, "-m", "pytest", *usual, *options, "."]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "SSL_LAB_PROFILE": "ci"}, check=False)
        return done.stdout

    return run


CHECK = ["nbval-check-output"]


def test_a_checked_cell_without_a_stored_output_fails_and_the_rest_is_skipped(tested):
    said = tested(("x = 1", [], ""), ("print(x)", CHECK, ""), ("print(x)", [], ""))
    assert "nothing is stored to compare with; run python -m course.build" in said
    assert "Cell 1 failed before" in said
    assert "1 passed, 1 skipped, 1 error" in said


def test_no_notebook_fails_for_the_seconds_that_it_takes(tested):
    assert "1 passed" in tested(("import time; time.sleep(1.2)", [], ""), budget=0)


def test_a_band_may_be_yes_or_not_judged_but_not_no(tested):
    verdict = "in the expected band: "
    good, bad = (f"print('SimCLR {verdict}{words}')" for words in ("not judged, the training was shortened", "no, 0.2 is not between 0.9 and 1"))
    said = tested((good, CHECK, f"SimCLR {verdict}yes\n"), (bad, CHECK, f"SimCLR {verdict}yes\n"))
    assert "1 failed, 1 passed" in said


BUSY = """import time
while time.process_time() < 3:
    pass"""


@pytest.mark.parametrize("options", [(), ("-n2", "--dist=loadfile")], ids=["one process", "two processes"])
def test_a_table_says_what_each_notebook_took_and_which_cell_most(tested, options):
    said = tested(("x = 1", [], ""), (BUSY, [], ""), ("x = 2", [], ""), options=options)
    row = re.search(r"cells +seconds +CPU s +slowest cell\none.ipynb +3 +([\d.]+) +([\d.]+) +Cell 1, ([\d.]+) s", said.split(" notebooks ==")[1])
    seconds, cpu, slowest = map(float, row.groups())
    assert seconds >= slowest > 0 and cpu >= 3
    assert "3 passed" in said


def test_the_table_counts_only_cells_that_ran(tested):
    said = tested(("x = 1", [], ""), ("1 / 0", [], ""), ("x = 2", [], ""))
    assert re.search(r"one.ipynb +2 ", said.split(" notebooks ==")[1])
