"""k-means beside scikit-learn's and faiss': CPU seconds of equal work.   python tests/benchmarks/kmeans.py [--faiss PYTHON]

Equal work: the same float32 points and first centroids, the same number of Lloyd's iterations over all points, and the assignment to the last
centroids. Each library lives in a process of its own, and they take turns, so that what else the machine does meets all of them. The ratio is the
median of the ratios within a round. The goal: at most 1.1 of faiss' time for 50,000 x 256 and k = 1000, the default.

faiss is no dependency. Where this Python lacks it, --faiss names one that has it: uv venv F && uv pip install -p F faiss-cpu, --faiss F/bin/python
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def ours(x, k, iterations, first):
    import torch

    from ssl_lab.kmeans import kmeans

    x, first = torch.from_numpy(x), torch.from_numpy(first)
    return lambda: kmeans(x, k, iterations, first).inertia.item()


def sklearn(x, k, iterations, first):
    from sklearn.cluster import KMeans

    return lambda: KMeans(k, init=first, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd").fit(x).inertia_


def faiss(x, k, iterations, first):
    import faiss

    def run():
        lloyd, index = faiss.Clustering(x.shape[1], k), faiss.IndexFlatL2(x.shape[1])
        lloyd.niter, lloyd.max_points_per_centroid, lloyd.min_points_per_centroid = iterations, len(x), 1
        faiss.copy_array_to_vector(first.ravel(), lloyd.centroids)
        lloyd.train(x, index)
        return float(index.search(x, 1)[0].sum(dtype="float64"))

    return run


LIBRARIES = {"ssl_lab": ours, "scikit-learn": sklearn, "faiss": faiss}


def work(library: str, N: int, d: int, k: int, iterations: int) -> None:
    """A library's process: for every line that comes, one clustering, and its CPU seconds and inertia as a line."""
    x = np.random.default_rng(0).standard_normal((N, d), dtype="float32")
    run = LIBRARIES[library](x, k, iterations, x[:k].copy())
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        inertia = run()
        print(time.process_time() - start, inertia, flush=True)


def begin(library: str, given) -> subprocess.Popen | None:
    """The library's process, or none where it is not installed."""
    python = given.faiss if library == "faiss" else sys.executable
    words = [python, __file__, "--work", library, *(f"--{name}={vars(given)[name]}" for name in ("N", "d", "k", "iterations"))]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(given.threads))
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | threads | {"PYTHONPATH": path})
    if process.stdout.readline() == "ready\n":
        return process
    print(f"{library} does not start, and is left out; --help says how to install faiss")
    return None


def ask(process: subprocess.Popen) -> tuple[float, float]:
    """CPU seconds and inertia of one clustering."""
    print(file=process.stdin, flush=True)
    seconds, inertia = map(float, process.stdout.readline().split())
    return seconds, inertia


def main(given) -> None:
    processes = {library: process for library in LIBRARIES if (process := begin(library, given))}
    rounds = [{library: ask(process) for library, process in processes.items()} for _ in range(given.rounds + 1)][1:]  # the first one warms up
    print(f"{given.N:,} x {given.d}, k {given.k}, {given.iterations} iterations, {given.threads} thread(s), median of {given.rounds} rounds")
    print(f"{'':14}{'CPU s':>8}{'least':>8}{'ssl_lab / it':>14}{'inertia':>16}")
    for library in processes:
        seconds = [found[library][0] for found in rounds]
        ratio = statistics.median(found["ssl_lab"][0] / found[library][0] for found in rounds)
        print(f"{library:14}{statistics.median(seconds):8.2f}{min(seconds):8.2f}{ratio:14.2f}{rounds[-1][library][1]:16.7g}")
    for process in processes.values():
        process.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"N": 50_000, "d": 256, "k": 1000, "iterations": 5, "rounds": 7, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--faiss", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--work", choices=LIBRARIES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.N, given.d, given.k, given.iterations)
    else:
        main(given)
