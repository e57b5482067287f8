"""What nbval leaves out: a time budget for each notebook, no cascade after a failure, no check that compares nothing."""

import os
from collections import Counter
from pathlib import Path

os.environ.setdefault("SSL_LAB_PROFILE", "ci")  # as in tests/conftest.py; SSL_LAB_PROFILE=laptop judges the accuracies too

import pytest
from nbval.plugin import IPyNbCell

SPENT, FAILED = Counter(), {}  # notebook → seconds, and the cell that failed in it


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
        SPENT[book.path] += call.duration if call.when == "call" else 0
        if call.when == "call" and report.passed and SPENT[book.path] > budget(book):
            said = f"{SPENT[book.path]:.1f} s spent up to this cell; {book.path.name} may take {budget(book)} s"
            report.outcome, report.longrepr = "failed", said
        if report.failed:
            FAILED.setdefault(book.path, item.name)
    return report
