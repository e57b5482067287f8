"""CPC v2's efficiency curve: accuracy on the test split against the share of the labels, for what CPC learned without them and for labels alone.

    python tests/benchmarks/efficiency.py --laptop --seeds 0 1 2                             scenes: 1 %, 10 %, 100 % of 10,000 labels
    python tests/benchmarks/efficiency.py --shares 0.01 --steps 300 --width-of 128           other shares, fewer steps, a wider deeper network
    python tests/benchmarks/efficiency.py --transfer --data cifar10 --root FOLDER --seeds 0 1 2   learned on CIFAR-10; --row none: patches as they are
    python tests/benchmarks/efficiency.py --limit 500 --recipe epochs=1 --steps 5            to try it; with --transfer, too

Rows, for every share; the seed draws the labels, and all rows have the same:
    linear      logistic regression on the mean of the frozen grid
    frozen      efficient classification: a deeper network on the frozen grid
    tuned       then all of it is fine-tuned
    scratch     the same network from random weights, for as many steps as both together

With --transfer, for every set of --to, with CPC's encoder of --data and the same with random weights:
    linear      logistic regression on the mean of the frozen grid
    grid        the same on all positions of the grid side by side, with --grid: 4 CPU minutes for 10,000 images and a grid of 5×5
    fine-tuned  a linear classifier on the mean, all trained, with an lr for random weights; CPC's also gently, with one for trained weights

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
CPU seconds are of a row alone, without CPC's own, which are printed first. FOLDER holds what torchvision's sets put there:
cifar-10-batches-py and FashionMNIST. --limit is of every set that is trained on.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import seeds
from cpc import CHANGES, Grid, arguments, cpc, recipe
from torch import nn

from ssl_lab.augment import SMALL
from ssl_lab.data import Images, load
from ssl_lab.evaluate import efficient, features, finetune, from_scratch, linear_probe
from ssl_lab.evaluate.efficient import FRESH
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods import CPC
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.train import train

UPRIGHT = replace(PLAIN, flip=0.0)  # digits and clothes, of which a mirror image may be another one
Found = Iterator[tuple[str, float, float]]  # row, accuracy, CPU seconds


def probed(encoder: nn.Module, images: Images, test: Images) -> float:
    known = images.labelled()
    return linear_probe(features(encoder, known), known.labels, features(encoder, test), test.labels).accuracy


def timed(measure: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    return measure(), time.process_time() - start


def learned(given: argparse.Namespace, images: Images, seed: int) -> tuple[nn.Module, nn.Module]:
    """CPC's encoder, and the same before it learned."""
    method, start = cpc(given.row, given, seed), time.process_time()
    for log in train(method, images, recipe(CPC, given, seed)):
        last = log
    print(f"seed {seed}: CPC {last}   {time.process_time() - start:.0f} CPU seconds", flush=True)
    return method.encoder, cpc(given.row, given, seed).encoder


@dataclass(frozen=True)
class Trial:
    """What one seed's encoder is worth.   fresh: the same with random weights.   images: with all labels."""

    given: argparse.Namespace
    encoder: nn.Module
    fresh: nn.Module
    seed: int

    def curve(self, images: Images, test: Images) -> Found:
        """Rows of efficient classification, for every share of the labels."""
        steps, seed = self.given.steps, self.seed
        options = {"augmentation": seeds.suited(SMALL, self.given.area, self.given.hue), "width": self.given.width_of, "blocks": self.given.blocks}
        for share in self.given.shares:
            some = images.label_fraction(share, seed)
            name = f"{100 * share:g} %, {len(some.labelled()):,}"
            yield f"{name}, linear", *timed(lambda some=some: probed(self.encoder, some, test))
            start = time.process_time()
            both = efficient(self.encoder, some, test, steps, replace(FRESH, seed=seed), replace(GENTLE, seed=seed), **options)
            spent = time.process_time() - start
            yield f"{name}, frozen", both.frozen, spent
            yield f"{name}, tuned", both.tuned, spent
            alone = {"steps": 2 * steps, "recipe": replace(FRESH, seed=seed), **options}
            yield f"{name}, scratch", *timed(lambda some=some, alone=alone: from_scratch(self.encoder, some, test, **alone))

    def moved(self, name: str, images: Images, test: Images) -> Found:
        """Rows of transfer to another set, beside random weights."""
        for which, encoder in (("CPC", self.encoder), ("random", self.fresh)):
            yield f"{name}, {which}, linear", *timed(lambda f=encoder: probed(f, images, test))
            if self.given.grid:
                yield f"{name}, {which}, grid", *timed(lambda f=encoder: probed(Grid(f), images, test))
            for how, usual in ({"fine-tuned": FRESH} | ({"gently": GENTLE} if which == "CPC" else {})).items():
                tuned = {"steps": self.given.steps, "recipe": replace(usual, seed=self.seed), "augmentation": UPRIGHT}
                yield f"{name}, {which}, {how}", *timed(lambda f=encoder, tuned=tuned: finetune(f, images, test, **tuned))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--row", default="main", choices=CHANGES, help="of cpc.py: how CPC learns")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.1, 1.0], help="of the labels")
    parser.add_argument("--steps", type=int, default=600, help="of each stage, and of fine-tuning")
    parser.add_argument("--width-of", type=int, default=64, help="of the deeper network")
    parser.add_argument("--blocks", type=int, default=2, help="of the deeper network")
    parser.add_argument("--hue", type=float, help="of efficient classification and of labels alone")
    parser.add_argument("--transfer", action="store_true")
    parser.add_argument("--grid", action="store_true", help="with --transfer: the probe on all positions, too")
    parser.add_argument("--to", nargs="+", default=["fashion_mnist", "digits"], metavar="DATA", help="sets for --transfer, in the size of --data")
    given = parser.parse_args()
    images, test = seeds.loaded(given)
    others = {}
    for name in given.to if given.transfer else ():
        pair = (load(name, split, images.size, limit, root=given.root) for split, limit in (("train", given.limit), ("test", None)))
        others[name] = tuple(pair)
        print(f"{name}: {', '.join(f'{len(part):,}' for part in others[name])} images", flush=True)
    table = seeds.Table(given.seeds)
    for seed in given.seeds:
        trial = Trial(given, *learned(given, images, seed), seed)
        moved = (row for name, pair in others.items() for row in trial.moved(name, *pair))
        for row in moved if given.transfer else trial.curve(images, test):
            table.add(seed, *row)
    table.end()


if __name__ == "__main__":
    main()
