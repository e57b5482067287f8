"""What benchmarks share that compare rows, seed by seed: how they compute, what they are told, their images and their table.

It is imported before torch, which reads the variables that are set here.
"""

import argparse
import ast
import os
import sys
from dataclasses import dataclass, field, replace

if "--laptop" in sys.argv:
    assert "torch" not in sys.modules, "import seeds before torch"
    os.environ.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn

from ssl_lab import precision
from ssl_lab.augment import Augmentation
from ssl_lab.data import Images, load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe

if "--laptop" in sys.argv:
    precision.half = lambda device: None


def setting(text: str) -> tuple[str, object]:
    """NAME=VALUE, the value a Python literal."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE with a Python literal, such as K=2048") from None


def arguments(description: str, learner: str) -> argparse.ArgumentParser:
    """What every one of them is told.   learner: whose arguments and recipe are changed."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs="+", default=[], type=setting, metavar="NAME=VALUE", help=f"arguments of {learner}")
    parser.add_argument("--recipe", nargs="+", default=[], type=setting, metavar="NAME=VALUE", help=f"what differs from SCENES of {learner}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--root")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--area", type=float, help="the smallest share of an image that a crop keeps (default: %(default)s; None: each method's own)")
    parser.add_argument("--laptop", action="store_true")
    return parser


def loaded(given: argparse.Namespace, frames: int | None = None) -> tuple[Images, Images]:
    """The images that are learned from and those that are unseen, as one line says."""
    images = load(given.data, limit=given.limit, size=given.size, root=given.root, frames=frames)
    test = load(given.data, "test", size=given.size, root=given.root, frames=frames)
    print(f"{given.data}: {len(images):,} images, {len(test):,} unseen, {torch.get_num_threads()} threads, torch {torch.__version__}")
    return images, test


def suited(usual: Augmentation, area: float | None, hue: float | None = None) -> Augmentation:
    """The strengths that suit these images."""
    return replace(usual, **({"area": (area, 1.0)} if area else {}), **({"hue": hue} if hue is not None else {}))


def say_what_is_kept(h: torch.Tensor, images: Images) -> None:
    """R² of every factor, where the images have factors."""
    if images.factors:
        print("      kept of", ", ".join(f"{name} {r2:.2f}" for name, r2 in factor_table(h, images).items()), flush=True)


@dataclass(frozen=True)
class Trial:
    """Rows of one seed; a kind of it has `rows`, which yields each name with its figures."""

    given: argparse.Namespace
    images: Images
    test: Images
    seed: int

    def probed(self, encoder: nn.Module) -> tuple[float, float]:
        """kNN and the linear probe, on the images that are unseen."""
        h, ht = features(encoder, self.images), features(encoder, self.test)
        say_what_is_kept(h, self.images)
        labels = self.images.labels, self.test.labels
        return knn_accuracy(h, labels[0], ht, labels[1]), linear_probe(h, labels[0], ht, labels[1]).accuracy


@dataclass(frozen=True)
class Table:
    """Rows of figures, which are said as they come.   names: of the figures, without that of CPU seconds, which are the last one."""

    seeds: list[int]
    names: tuple[str, ...] = ("accuracy",)
    found: dict[str, dict[int, tuple[float, ...]]] = field(default_factory=dict)

    def add(self, seed: int, row: str, *figures: float) -> None:
        self.found.setdefault(row, {})[seed] = figures
        said = "".join(f"{name} {one:.3f}   " for name, one in zip(self.names, figures))
        print(f"seed {seed}  {row:36}{said}{figures[-1]:.0f} CPU seconds", flush=True)

    def end(self) -> None:
        """Every seed's first figure; its mean and spread (the highest minus the lowest); the means of the other figures."""
        head = [f"seed {seed:<3}" for seed in self.seeds], [f"{name:>7}" for name in self.names[1:]]
        print(f"\n{self.names[0]:36}", *head[0], "  mean  spread", *head[1], " CPU s")
        for row, by_seed in self.found.items():
            first, *others = zip(*(by_seed[seed] for seed in self.seeds), strict=True)
            *means, spent = (sum(figures) / len(figures) for figures in others)
            said = "".join(f"{one:8.3f} " for one in first), "".join(f" {one:7.3f}" if one == one else "       -" for one in means)
            print(f"{row:36}{said[0]} {sum(first) / len(first):.3f}   {max(first) - min(first):.3f}{said[1]}  {spent:5.0f}")


def compare(kind: type[Trial], given: argparse.Namespace, names: tuple[str, ...], frames: int | None = None) -> None:
    """All rows of all seeds, and their table."""
    images, test = loaded(given, frames)
    table = Table(given.seeds, names)
    for seed in given.seeds:
        for row, figures in kind(given, images, test, seed).rows(list(given.rows)):
            table.add(seed, row, *figures)
    table.end()
