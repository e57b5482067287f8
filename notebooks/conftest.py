"""What nbval leaves out: no cascade after a failure, no check that compares nothing, and a table of where the time went. No time is judged."""

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("SSL_LAB_PROFILE", "ci")  # as in tests/conftest.py; SSL_LAB_PROFILE=laptop judges the accuracies too
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two kernels at once, each on all cores, would wait for each other
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as there: a kernel would compile all that it imports

import psutil
import pytest
from nbval.plugin import IPyNbCell

FAILED, CELLS = {}, defaultdict(list)  # notebook → the cell that failed in it; (seconds, name, CPU seconds of the kernel so far) of each that ran


def pytest_configure(config):
    config.option.nbval_sanitize_with = str(Path(__file__).with_name("sanitize.cfg"))


def pytest_runtest_setup(item):
    if not isinstance(item, IPyNbCell):
        return
    item.output_timeout = 120  # nbval's 5 seconds judge a busy machine
    if item.parent.path in FAILED:
        pytest.skip(f"{FAILED[item.parent.path]} failed before")
    if item.options["check"] and not (item.cell.execution_count and item.cell.outputs):
        pytest.fail("nothing is stored to compare with; run python -m course.build")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if isinstance(item, IPyNbCell):
        if call.when == "call":
            cell = str(item.path.relative_to(Path(__file__).parent)), item.name, call.duration, processor(item.parent.kernel)
            report.user_properties.append(("notebook", cell))
        if report.failed:
            FAILED.setdefault(item.parent.path, item.name)
    return report


def processor(kernel) -> float:
    """CPU seconds of a notebook's kernel and of the processes that it has ended; 0 of one that is no longer there."""
    with suppress(AttributeError, psutil.Error):
        return sum(psutil.Process(kernel.km.provisioner.pid).cpu_times()[:4])
    return 0.0


def pytest_runtest_logreport(report):
    """Reports come from the processes that ran the cells to the one that prints the table."""
    for name, (book, cell, seconds, cpu) in report.user_properties if report.when == "call" else []:
        if name == "notebook":
            CELLS[book].append((seconds, cell, cpu))


def pytest_terminal_summary(terminalreporter):
    """A table: what every notebook took, and its slowest cell."""
    if CELLS:
        terminalreporter.section("notebooks")
        terminalreporter.line(f"{'':34}{'cells':>6}{'seconds':>9}{'CPU s':>8}   slowest cell")
    for book, cells in sorted(CELLS.items()):
        spent, cpu, (most, slowest, _) = sum(seconds for seconds, *_ in cells), max(cpu for *_, cpu in cells), max(cells)
        terminalreporter.line(f"{book:34}{len(cells):>6}{spent:>9.1f}{cpu:>8.1f}   {slowest}, {most:.1f} s")
