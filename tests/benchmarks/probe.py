"""The linear probe beside scikit-learn's logistic regression: CPU seconds, and how far above the minimum each of them ends.

    python tests/benchmarks/probe.py [--encoders random byol] [--rounds 3]

Both minimise the same sum over the same 10,000 scaled rows of 128 features in float64, from zeros, in turns, on OMP_NUM_THREADS or one thread.
`random` has drawn weights; any recorded study with weights has a name. scikit-learn goes on to its default tolerance (1e-4) and to 1e-6, with
10,000 iterations at most. The minimum is the least loss that any of them finds. Seconds are the median of the rounds.
"""

import argparse
import statistics
import time

import seeds  # noqa: F401 (before torch: it sets the threads)
import torch
from sklearn.linear_model import LogisticRegression

from ssl_lab.data import load
from ssl_lab.evaluate import features
from ssl_lab.evaluate.linear import at_double, deviation, fit
from ssl_lab.models import small_resnet
from ssl_lab.studies import recorded

TOLERANCES = (1e-4, 1e-6)


def ours(x: torch.Tensor, y: torch.Tensor) -> float:
    return fit(x, y, int(y.max()) + 1, 1.0)[2]


def theirs(x: torch.Tensor, y: torch.Tensor, tolerance: float) -> float:
    found = LogisticRegression(C=1.0, tol=tolerance, max_iter=10_000).fit(x.numpy(), y.numpy())
    likelihood = found.predict_log_proba(x.numpy())[range(len(y)), y.numpy()].sum()
    return float(-likelihood + (found.coef_**2).sum() / 2) / len(y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", nargs="+", default=["random", "simclr", "moco", "byol"])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    images = load("scenes", limit=10_000)
    ways = {"ssl_lab": ours} | {f"scikit-learn, {tolerance:g}": lambda x, y, t=tolerance: theirs(x, y, t) for tolerance in TOLERANCES}
    for name in given.encoders:
        torch.manual_seed(0)
        h = at_double(features(small_resnet() if name == "random" else recorded(name).method().encoder, images))
        x, spent, losses = (h - h.mean(0)) / deviation(h), {way: [] for way in ways}, {}
        for _ in range(given.rounds):
            for way, run in ways.items():
                start = time.process_time()
                losses[way] = run(x, images.labels)
                spent[way].append(time.process_time() - start)
        for way in ways:
            above = losses[way] - min(losses.values())
            print(f"{name:10} {way:22} {statistics.median(spent[way]):6.2f} CPU s   {above:.0e} above the minimum", flush=True)


if __name__ == "__main__":
    main()
