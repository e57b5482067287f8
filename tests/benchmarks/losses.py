"""nt_xent beside lightly's NTXentLoss: time and memory of one forward and backward.   python tests/benchmarks/losses.py [tau]

Every figure comes from a fresh process: CPU seconds (the least of several runs, the first left out), and by how much one run at that size raised the
process's peak memory over a run with four rows. The goals at N = 4096, d = 128: time at most 0.4, memory at most 0.2 of lightly's.
"""

import resource
import subprocess
import sys
import time

import torch

SIZES = {128: 30, 256: 30, 512: 20, 4096: 2}  # N: timed runs
WAYS = ("ssl_lab", "lightly")


def loss_of(way: str, tau: float):
    """The loss under its common interface."""
    if way == "lightly":
        from lightly.loss import NTXentLoss

        return NTXentLoss(temperature=tau)
    from ssl_lab.losses import nt_xent

    return lambda z1, z2: nt_xent(z1, z2, tau=tau)


def run(loss, N: int, d: int = 128) -> float:
    """CPU seconds of one forward and backward."""
    z1, z2 = (torch.randn(N, d, requires_grad=True) for _ in range(2))
    start = time.process_time()
    loss(z1, z2).backward()
    return time.process_time() - start


def measure(way: str, N: int, tau: float) -> tuple[float, float]:
    """Milliseconds and MB, in this process."""
    loss = loss_of(way, tau)
    run(loss, 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(loss, N)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return 1000 * min(run(loss, N) for _ in range(SIZES[N])), peak


def main(tau: float) -> None:
    print(f"tau {tau}, d 128, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'N':>6} {'ssl_lab ms':>11} {'lightly ms':>11} {'ratio':>6} {'ssl_lab MB':>11} {'lightly MB':>11} {'ratio':>6}")
    for N in SIZES:
        found = []
        for way in WAYS:
            done = subprocess.run([sys.executable, __file__, way, str(N), str(tau)], capture_output=True, text=True, check=True)
            found.append([float(number) for number in done.stdout.split()])
        (ours, our_peak), (theirs, their_peak) = found
        memory = f"{our_peak:11.1f} {their_peak:11.1f} {our_peak / their_peak:6.2f}" if N >= 1024 else f"{'below the noise':>24}"
        print(f"{N:6} {ours:11.2f} {theirs:11.2f} {ours / theirs:6.2f} {memory}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(*measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.5)
