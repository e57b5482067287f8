"""How many threads a training on a CPU takes: measured, since the default of a laptop with many cores is rarely the fastest."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ssl_lab.arguments import whole
from ssl_lab.errors import require

TURNS, PATIENCE = 5, 1.0  # steps a choice, and seconds a choice after which there is no further turn
MOST = 1024  # threads that a pool may have


@contextmanager
def using(threads: int | None) -> Iterator[None]:
    """That many threads inside, in this thread's computations; None changes nothing."""
    before = torch.get_num_threads()
    if threads is None or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def asked(threads: int | None) -> int | None:
    """The number that was asked for, in code or by OMP_NUM_THREADS; None where it is to be measured. Raises: InputError outside 1 to MOST."""
    fine = threads is None or (whole(threads) and 1 <= threads <= MOST)
    require(fine, f"threads={threads!r}: a whole number from 1 to {MOST} is needed; None measures which number is fastest")
    return torch.get_num_threads() if threads is None and "OMP_NUM_THREADS" in os.environ else threads


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choices() -> list[int]:
    """1, 2, 4, ... and all cores."""
    every = cores()
    return sorted({2**i for i in range(every.bit_length()) if 2**i <= every} | {every})


def fastest(step: Callable[[], object]) -> int:
    """The choice with the quickest step, in wall time; the smaller of two that are within 5 %."""
    spent = timed(step)
    return next(threads for threads in spent if spent[threads] <= 1.05 * min(spent.values()))


def timed(step: Callable[[], object]) -> dict[int, float]:
    """Number of threads → seconds of its quickest step. The choices take turns: work beside the training then slows no single one of them."""
    found = {threads: [] for threads in choices()}
    for threads in found:
        seconds(step, threads)  # warms up
    for _ in range(TURNS):
        for threads, spent in found.items():
            spent.append(seconds(step, threads))
        if sum(map(sum, found.values())) > PATIENCE * len(found):
            break
    return {threads: min(spent) for threads, spent in found.items()}


def seconds(step: Callable[[], object], threads: int) -> float:
    """Of one step."""
    with using(threads):
        start = time.perf_counter()
        step()
        return time.perf_counter() - start
