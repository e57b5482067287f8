"""CMC by its recipe for scenes, seed by seed: accuracy on the test split beside random encoders, by the same probes.

    python tests/benchmarks/cmc.py --laptop --seeds 0 1 2                                scenes, every row
    python tests/benchmarks/cmc.py --laptop --rows two predictive --seeds 0 1 2          some rows
    python tests/benchmarks/cmc.py --rows two --set K=4096 tau=0.2 --recipe epochs=20    other arguments, another recipe
    python tests/benchmarks/cmc.py --limit 500 --rows two --recipe epochs=1              to try it
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

import time
from collections.abc import Iterator
from dataclasses import replace

import seeds
import torch
from torch import nn

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


class Trial(seeds.Trial):
    def method(self, row: str) -> Method:
        """A method with fresh weights."""
        torch.manual_seed(self.seed)
        kind = Predictive if row in ("predictive", "absolute") else CMC
        named = {"views": VIEWS[row]} if kind is CMC else {}
        chosen = dict(self.given.set) if kind is CMC else {}
        method = kind(small_resnet(self.given.width), **kind.suits.get("scenes", {}) | named | CHANGES.get(row, {}) | chosen)
        method.augmentation = seeds.suited(method.augmentation, self.given.area)
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

    def rows(self, rows: list[str]) -> Iterator[tuple[str, Found]]:
        for row in rows:
            for name, encoder in self.judged(row, self.method(row)).items():
                yield f"{row}, {name}, random", (*self.probed(encoder), 0.0)
            method, spent = self.trained(row, None)
            for name, encoder in self.judged(row, method).items():
                yield f"{row}, {name}", (*self.probed(encoder), spent)


def main() -> None:
    parser = seeds.arguments(__doc__, "CMC")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--width", type=int, default=12, help="of every view's small_resnet")
    given = parser.parse_args()
    seeds.compare(Trial, given, ("kNN", "linear"), frames=10 if {"later", "flow"} & {*given.rows} else None)


if __name__ == "__main__":
    main()
