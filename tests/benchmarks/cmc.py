"""CMC by its recipe for scenes, seed by seed: accuracy on the test split beside random encoders, by the same probes.

    python tests/benchmarks/cmc.py --laptop --seeds 0 1 2                                scenes, every row
    python tests/benchmarks/cmc.py --laptop --rows two predictive --seeds 0 1 2          some rows
    python tests/benchmarks/cmc.py --rows two --set K=4096 tau=0.2 --recipe epochs=20    other arguments, another recipe
    python tests/benchmarks/cmc.py --data cifar10 --root FOLDER --rows two predictive --area 0.2 --recipe epochs=12

Rows, each of which sees as many CPU seconds as its epochs take:
    two            L and ab, both encoders side by side; and each alone
    independent    the same with a crop for each view
    three to five  L as the core, with ab, depth, normals, mask in this order: the luminance encoder alone
    full           all five views, full graph: the luminance encoder alone
    predictive     ab painted from L, for as many CPU seconds as `two`: the encoder of L, squared error; absolute: absolute error
    later          an image and a later frame: the encoder of the image
    flow           an image and its optical flow: the encoder of the image, and that of the flow

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
kNN and linear probe of the shape, from all labels of the images; kept: R² of every factor.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

if "--laptop" in sys.argv:  # before torch is imported
    os.environ.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from minute import setting
from torch import nn

from ssl_lab import precision
from ssl_lab.data import Images, load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.method import Method
from ssl_lab.methods import CMC, Predictive
from ssl_lab.models import small_resnet
from ssl_lab.train import train

SENSES = ("L", "ab", "depth", "normals", "mask")
VIEWS = {"two": SENSES[:2], "independent": SENSES[:2], "three": SENSES[:3], "four": SENSES[:4], "five": SENSES, "full": SENSES,
         "later": ("rgb", "later"), "flow": ("rgb", "flow")}
CHANGES = {"independent": {"aligned": False}, "full": {"graph": "full"}, "predictive": {"loss": "l2"}, "absolute": {"loss": "l1"}}
ROWS = ("two", "independent", "three", "four", "five", "full", "predictive", "absolute", "later", "flow")
Found = tuple[float, float, float]  # kNN, linear probe, CPU seconds


@dataclass(frozen=True)
class Trial:
    """Rows of one seed."""

    given: argparse.Namespace
    images: Images
    test: Images
    seed: int

    def method(self, row: str) -> Method:
        """A method with fresh weights."""
        torch.manual_seed(self.seed)
        kind = Predictive if row in ("predictive", "absolute") else CMC
        named = {"views": VIEWS[row]} if kind is CMC else {}
        chosen = dict(self.given.set) if kind is CMC else {}
        method = kind(small_resnet(self.given.width), **kind.suits.get("scenes", {}) | named | CHANGES.get(row, {}) | chosen)
        if self.given.area:
            method.augmentation = replace(method.augmentation, area=(self.given.area, 1.0))
        return method

    def judged(self, row: str, method: Method) -> dict[str, nn.Module]:
        """The encoders that are measured, by the name of their line."""
        if row in ("two", "independent"):
            return {"L and ab": method.encoder, "L": method.encoders["L"], "ab": method.encoders["ab"]}
        if row == "flow":
            return {"rgb": method.encoders["rgb"], "flow": method.encoders["flow"]}
        return {"L": method.encoder} if row in ("predictive", "absolute") else {VIEWS[row][0]: method.encoders[VIEWS[row][0]]}

    def trained(self, row: str, limit: float | None) -> tuple[Method, float]:
        """The method, and its CPU seconds; with a limit it stops at the end of the epoch that reaches it, so its lr is as if it were to go on."""
        method, kind = self.method(row), Predictive if row in ("predictive", "absolute") else CMC
        recipe = replace(kind.recipes["scenes"], **{**dict(self.given.recipe), "seed": self.seed})
        start = time.process_time()
        for _ in train(method, self.images, recipe):
            if limit is not None and time.process_time() - start >= limit:
                break
        return method, time.process_time() - start

    def scored(self, encoder: nn.Module, spent: float) -> Found:
        h, ht = features(encoder, self.images), features(encoder, self.test)
        y, yt = self.images.labels, self.test.labels
        if self.images.factors:
            print("      kept of", ", ".join(f"{name} {r2:.2f}" for name, r2 in factor_table(h, self.images).items()), flush=True)
        return knn_accuracy(h, y, ht, yt), linear_probe(h, y, ht, yt).accuracy, spent

    def rows(self, rows: list[str]) -> Iterator[tuple[str, Found]]:
        for row in rows:
            for name, encoder in self.judged(row, self.method(row)).items():
                yield f"{row}, {name}, random", self.scored(encoder, 0.0)
            method, spent = self.trained(row, None)
            for name, encoder in self.judged(row, method).items():
                yield f"{row}, {name}", self.scored(encoder, spent)


def table(found: dict[str, dict[int, Found]], seeds: list[int]) -> None:
    """kNN of every seed; mean and spread (the highest minus the lowest) of kNN, mean of the linear probe and of CPU seconds."""
    print("\n" + " ".join([f"{'':32}", *(f"seed {seed:<3}" for seed in seeds), "  mean  spread  linear  CPU s"]))
    for row, by_seed in found.items():
        knn, linear, spent = zip(*(by_seed[seed] for seed in seeds), strict=True)
        figures = "".join(f"{one:8.3f} " for one in knn)
        means = sum(linear) / len(linear), sum(spent) / len(spent)
        print(f"{row:32}{figures} {sum(knn) / len(knn):.3f}   {max(knn) - min(knn):.3f}   {means[0]:.3f}  {means[1]:5.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--set", nargs="+", default=[], type=setting, metavar="NAME=VALUE", help="arguments of CMC")
    parser.add_argument("--recipe", nargs="+", default=[], type=setting, metavar="NAME=VALUE", help="what differs from SCENES")
    parser.add_argument("--width", type=int, default=12, help="of every view's small_resnet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--root")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--area", type=float, help="the smallest share of an image that a crop keeps (default: each method's own)")
    parser.add_argument("--laptop", action="store_true")
    given = parser.parse_args()
    if given.laptop:
        precision.half = lambda device: None
    frames = 10 if {"later", "flow"} & {*given.rows} else None
    images = load(given.data, limit=given.limit, size=given.size, root=given.root, frames=frames)
    test = load(given.data, "test", size=given.size, root=given.root, frames=frames)
    print(f"{given.data}: {len(images):,} images, {len(test):,} unseen, {torch.get_num_threads()} threads, torch {torch.__version__}")
    found: dict[str, dict[int, Found]] = {}
    for seed in given.seeds:
        for row, scores in Trial(given, images, test, seed).rows(list(given.rows)):
            found.setdefault(row, {})[seed] = scores
            print(f"seed {seed}  {row:32}kNN {scores[0]:.3f}   linear {scores[1]:.3f}   {scores[2]:.0f} CPU seconds", flush=True)
    table(found, given.seeds)


if __name__ == "__main__":
    main()
