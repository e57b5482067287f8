"""CPC by its recipe for scenes, seed by seed: accuracy on the test split beside random weights and beside labels, by the same probes.

    python tests/benchmarks/cpc.py --laptop --seeds 0 1 2                                    scenes, every row
    python tests/benchmarks/cpc.py --laptop --rows main one two --seeds 0 1 2                some rows
    python tests/benchmarks/cpc.py --rows main --set dim=32 stride=8 --recipe epochs=20      other arguments, another recipe
    python tests/benchmarks/cpc.py --data cifar10 --root FOLDER --rows main supervised --area 0.2 --recipe epochs=12
    python tests/benchmarks/cpc.py --limit 500 --recipe epochs=1                             to try it

Rows, each with as many epochs:
    main         CPC as it is; before it, the same encoder with random weights
    supervised   the same encoder of patches, trained by Supervised with all labels, for as many CPU seconds as `main`
    one, two     directions in place of four: down; down and left
    batch        batch norm in the encoder of patches; before it, the same with random weights
    none, paper  no change of patches (before it, random weights); all of the paper's changes
    narrow       an encoder of half the width; before it, the same with random weights
    short, long  a context network of one block; of four
    first        CPC's first version in all of these: narrow, batch, one, none

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
kNN and linear probe of the class, from all labels of the images, on the mean of the grid; grid: the probe on all positions of the grid side by
side, which takes 4 CPU minutes for 10,000 images and a grid of 5×5; --grid names the rows that have it.   kept: R² of every factor, from the mean.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

import seeds
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.augment import PatchAugmentation
from ssl_lab.evaluate import features, linear_probe
from ssl_lab.method import Method
from ssl_lab.methods import CPC, Supervised
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

SAME = PatchAugmentation(operations=0, elastic_share=0, tone_share=0, jitter=0, grey_share=0, drop_share=0)  # patches as they are
Found = tuple[float, float, float, float]  # linear probe, kNN, the probe on the grid or nan, CPU seconds of the training
FIRST = {"directions": 1, "norm": "batch", "patch_augmentation": SAME}
CHANGES = {
    "main": {}, "supervised": {}, "one": {"directions": 1}, "two": {"directions": 2}, "batch": {"norm": "batch"},
    "none": {"patch_augmentation": SAME}, "paper": {"patch_augmentation": PatchAugmentation()}, "narrow": {}, "short": {"blocks": 1},
    "long": {"blocks": 4}, "first": FIRST,
}  # fmt: skip
BESIDE = ("main", "none", "batch", "narrow")  # rows whose random weights are measured, too
NARROW = ("narrow", "first")


class Grid(nn.Module):
    """All positions of an encoder's map side by side, as one row of features."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B D"]:
        return self.encoder.maps(x).flatten(1)


def cpc(row: str, given: argparse.Namespace, seed: int) -> CPC:
    """The row's method with fresh weights; also what `efficiency.py` trains."""
    torch.manual_seed(seed)
    options = CPC.suits.get("scenes", {}) | dict(given.set) | CHANGES[row]
    width = given.width // 2 if row in NARROW else given.width
    method = CPC(small_resnet(width, norm=options.get("norm", "layer")), **options)
    method.augmentation = seeds.suited(method.augmentation, given.area)
    return method


def recipe(kind: type[Method], given: argparse.Namespace, seed: int) -> Recipe:
    """The recipe for scenes; --recipe changes CPC's, and of the others its epochs are ignored."""
    return replace(kind.recipes["scenes"], **(dict(given.recipe) if kind is CPC else {}), seed=seed)


class Trial(seeds.Trial):
    def supervised(self, limit: float) -> tuple[nn.Module, float]:
        """The encoder of patches that labels trained, and its CPU seconds.

        Its recipe gets as many epochs as fill the limit, by the time of its first one, so that its lr ends at 0 as CPC's does.
        """
        strengths = seeds.suited(PLAIN, self.given.area)

        def method() -> Supervised:
            return Supervised(cpc("main", self.given, self.seed).encoder, len(self.images.classes), strengths)

        usual, start = recipe(Supervised, self.given, self.seed), time.process_time()
        next(train(method(), self.images, usual))
        epochs = max(1, round(limit / (time.process_time() - start)))
        method, start = method(), time.process_time()
        for _ in train(method, self.images, replace(usual, epochs=epochs)):
            pass
        return method.encoder, time.process_time() - start

    def trained(self, row: str) -> tuple[nn.Module, float]:
        method, start = cpc(row, self.given, self.seed), time.process_time()
        for log in train(method, self.images, recipe(CPC, self.given, self.seed)):
            last = log
        print(f"      {row}: {last}", flush=True)
        return method.encoder, time.process_time() - start

    def scored(self, row: str, encoder: nn.Module, spent: float = 0.0) -> Found:
        knn, linear = self.probed(encoder)
        side, y, yt = Grid(encoder), self.images.labels, self.test.labels
        asked = row in self.given.grid
        grid = linear_probe(features(side, self.images), y, features(side, self.test), yt).accuracy if asked else float("nan")
        return linear, knn, grid, spent

    def rows(self, rows: list[str]) -> Iterator[tuple[str, Found]]:
        spent = 0.0
        for row in rows:
            if row in BESIDE:
                yield f"{row}, random", self.scored(row, cpc(row, self.given, self.seed).encoder)
            encoder, used = self.supervised(spent) if row == "supervised" else self.trained(row)
            spent = used if row == "main" else spent
            yield row, self.scored(row, encoder, used)


def arguments(description: str) -> argparse.ArgumentParser:
    """What both benchmarks of CPC are told."""
    parser = seeds.arguments(description, "CPC")
    parser.add_argument("--width", type=int, default=16, help="of the small_resnet that encodes patches")
    return parser


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", nargs="+", choices=list(CHANGES), default=list(CHANGES), metavar="ROW", help=", ".join(CHANGES))
    parser.add_argument("--grid", nargs="*", choices=list(CHANGES), default=["main"], metavar="ROW", help="rows with a probe on the whole grid")
    given = parser.parse_args()
    if "supervised" in given.rows and "main" not in given.rows[: given.rows.index("supervised")]:
        parser.error("supervised takes the CPU seconds of main; name main before it")
    seeds.compare(Trial, given, ("linear", "kNN", "grid"))


if __name__ == "__main__":
    main()
