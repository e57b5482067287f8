"""What nbval leaves out: a time budget for each notebook, no cascade after a failure, no check that compares nothing, and where the time went."""

import os
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("SSL_LAB_PROFILE", "ci")  # as in tests/conftest.py; SSL_LAB_PROFILE=laptop judges the accuracies too

import pytest
from nbval.plugin import IPyNbCell

FAILED, CELLS, BUDGET = {}, defaultdict(list), {}  # notebook → the cell that failed in it, (seconds, cell) of each that ran, seconds it may take


def pytest_configure(config):
    config.option.nbval_sanitize_with = str(Path(__file__).with_name("sanitize.cfg"))


def budget(book) -> float:
    """The seconds that a notebook may take, from its metadata: by profile, and less for a student's edition where that is said."""
    seconds, profile = book.nb.metadata["ssl_lab"]["budget_s"], os.environ["SSL_LAB_PROFILE"]
    return seconds[profile] if book.path.parent.name == "solutions" else seconds.get(f"{profile} student", seconds[profile])


def pytest_runtest_setup(item):
    if not isinstance(item, IPyNbCell):
        return
    if item.parent.path in FAILED:
        pytest.skip(f"{FAILED[item.parent.path]} failed before")
    if item.options["check"] and not (item.cell.execution_count and item.cell.outputs):
        pytest.fail("nothing is stored to compare with; run python -m course.build")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if isinstance(item, IPyNbCell):
        book = item.parent
        if call.when == "call":
            CELLS[book.path].append((call.duration, item.name))
            BUDGET[book.path], spent = budget(book), sum(seconds for seconds, _ in CELLS[book.path])
            if report.passed and spent > BUDGET[book.path]:
                said = f"{spent:.1f} s spent up to this cell; {book.path.name} may take {BUDGET[book.path]} s"
                report.outcome, report.longrepr = "failed", said
        if report.failed:
            FAILED.setdefault(book.path, item.name)
    return report


def pytest_terminal_summary(terminalreporter):
    """A table: what every notebook took, of what it may, and its slowest cell."""
    if CELLS:
        terminalreporter.section("notebooks")
        terminalreporter.line(f"{'':34}{'cells':>6}{'seconds':>9}{'budget':>8}   slowest cell")
    for path, cells in CELLS.items():
        shown, spent, (most, slowest) = str(path.relative_to(Path(__file__).parent)), sum(seconds for seconds, _ in cells), max(cells)
        terminalreporter.line(f"{shown:34}{len(cells):>6}{spent:>9.1f}{BUDGET[path]:>8}   {slowest}, {most:.1f} s")
