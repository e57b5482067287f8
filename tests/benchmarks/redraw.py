"""Median milliseconds of a redraw of each explorer, 16 pairs, on the CPU: python tests/benchmarks/redraw.py"""

import statistics
import time

from ssl_lab.data import load
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets import LiveCurve, SimilarityExplorer

ROUNDS = 21


def median(redraw) -> str:
    """Wall and CPU milliseconds of one call."""
    wall, cpu = [], []
    for number in range(ROUNDS):
        start = time.perf_counter(), time.process_time()
        redraw(number)
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return f"{1000 * statistics.median(wall):6.0f} ms   of which the processor {1000 * statistics.median(cpu):6.0f} ms"


explorer = SimilarityExplorer(SimCLR(small_resnet()), load("scenes", split="test", limit=16), pairs=16)
curve = LiveCurve()
print("SimilarityExplorer, temperature", median(lambda n: explorer.set(tau=0.05 + 0.01 * n)))
print("SimilarityExplorer, anchor     ", median(lambda n: explorer.set(anchor=n)))
print("LiveCurve, one epoch           ", median(lambda n: curve.append(loss=5 - n / 10, knn=n / ROUNDS)))
