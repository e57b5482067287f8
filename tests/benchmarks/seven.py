"""The seven methods on one page: the size of each file, and what each has learned after the same CPU seconds.

    python tests/benchmarks/seven.py --laptop                          10,000 scenes, 120 CPU seconds each, seed 0
    python tests/benchmarks/seven.py --laptop --methods CPC BYOL       some of them
    python tests/benchmarks/seven.py --lines                           the files alone

Each is trained by its recipe for scenes with as many epochs as fit into the time; two epochs before tell how long one takes.
Noisy Student sees one label in a hundred, the others see none. Lines: of code, without docstrings, comments and blanks. Function: the median length
of its functions, in the same lines.
kNN and linear probe of the shape, from all labels; kept: R² of every factor, of a linear map of the features.

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
"""

import argparse
import ast
import statistics
import time
from dataclasses import replace
from pathlib import Path

import seeds
import torch

from ssl_lab import methods
from ssl_lab.arguments import arguments
from ssl_lab.data import Images, load
from ssl_lab.evaluate import features, knn_accuracy, linear_probe
from ssl_lab.method import Method
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

SEVEN = ("NoisyStudent", "DeepCluster", "SimCLR", "MoCo", "CMC", "CPC", "BYOL")
LABELS = {"NoisyStudent": 0.01}  # the share that it sees


def lines(name: str) -> tuple[int, float]:
    """Lines of code of a method's file, and the median of its functions."""
    path = Path(methods.__file__).parent / f"{methods.HOME[name]}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = {part: ast.get_docstring(part) for part in ast.walk(tree) if isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef)}
    texts = {n for part, text in described.items() if text for n in range(part.body[0].lineno, part.body[0].end_lineno + 1)}
    source = path.read_text(encoding="utf-8").splitlines()
    code = {n for n, line in enumerate(source, 1) if line.strip() and not line.strip().startswith("#")} - texts
    functions = [len(code & {*range(part.lineno, part.end_lineno + 1)}) for part in described if isinstance(part, ast.FunctionDef)]
    return len(code), statistics.median(functions)


def begin(name: str, seed: int) -> Method:
    """The method by its recipe for scenes, with fresh weights."""
    kind = getattr(methods, name)
    torch.manual_seed(seed)
    network = {} if arguments(kind)["encoder"].default is None else {"encoder": small_resnet()}
    return kind(**network, **kind.suits.get("scenes", {}))


def spend(name: str, images: Images, recipe: Recipe) -> tuple[Method, float]:
    """A trained method, and its CPU seconds."""
    method, start = begin(name, recipe.seed), time.process_time()
    for _ in train(method, images, recipe):
        pass
    return method, time.process_time() - start


def fitting(name: str, images: Images, recipe: Recipe, seconds: float) -> Recipe:
    """The recipe with as many epochs as fit into the time; Noisy Student shares them among its rounds."""
    method = begin(name, recipe.seed)
    logs = iter(train(method, images, recipe))
    next(logs)  # the first epoch takes longer than the others
    start = time.process_time()
    next(logs)
    return replace(recipe, epochs=max(1, round(seconds / (time.process_time() - start) / method.generations)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=SEVEN, default=SEVEN, metavar="METHOD")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="images (default: all 10,000)")
    parser.add_argument("--lines", action="store_true", help="the files alone")
    parser.add_argument("--laptop", action="store_true")
    given = parser.parse_args()
    for name in given.methods:
        print("{:14}{:4} lines of code, {:g} in a function".format(name, *lines(name)))
    if given.lines:
        return
    images, test = load("scenes", limit=given.limit), load("scenes", "test")
    for name in given.methods:
        seen = images.label_fraction(LABELS[name], given.seed) if name in LABELS else images
        recipe = replace(getattr(methods, name).recipes["scenes"], seed=given.seed)
        recipe = fitting(name, seen, recipe, given.seconds)
        method, spent = spend(name, seen, recipe)
        h, ht = features(method.encoder, images), features(method.encoder, test)
        knn, linear = knn_accuracy(h, images.labels, ht, test.labels), linear_probe(h, images.labels, ht, test.labels).accuracy
        print(f"{name:14}{spent:4.0f} CPU s, {recipe.epochs} epochs   kNN {knn:.3f}   linear {linear:.3f}", flush=True)
        seeds.say_what_is_kept(h, images)


if __name__ == "__main__":
    main()
