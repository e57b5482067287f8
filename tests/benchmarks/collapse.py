"""The collapse that one can cause: BYOL with predictor, moving average and stop-gradient each on or off, the same recipe and weights at the start.

    python tests/benchmarks/collapse.py [--only no-predictor ...] [--epochs 24] [--limit 10000] [--record]

Without stop-gradient the online network is its own target and the average idle, so six runs serve the eight combinations. Each prints how
100 unseen scenes spread in z, and kNN for the shape. --record keeps figures and embeddings in the package, where CollapseLab takes them from.
"""

import argparse
import copy
import dataclasses
import json
import time
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ssl_lab.augment import to_float
from ssl_lab.checkpoint import write_tensors, write_text
from ssl_lab.data import Images, load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.geometry import effective_rank
from ssl_lab.losses import unit
from ssl_lab.methods import BYOL, byol
from ssl_lab.models import small_resnet
from ssl_lab.studies import ASKED, FOLDER, KNOWN, UNSEEN, collapse_name, rounded
from ssl_lab.train import Step, follow
from ssl_lab.version import VERSION

EPOCHS = 24  # of byol.SCENES' many: a collapse takes one, and the healthy runs have left the untrained network far behind
SHOWN = 100  # scenes whose embedding is kept
MOMENTS, BETWEEN = 22, 4  # steps at which it is, evenly on a logarithmic scale, and how many points the curves have for each
RUNS = {
    collapse_name(*switches).removeprefix("collapse-"): dict(zip(("predictor", "average", "stop_gradient"), switches))
    for switches in product((True, False), repeat=3)
    if switches[1] or switches[2]
}


def moments(last: int, count: int) -> list[int]:
    """Steps from 1 to the last one, evenly on a logarithmic scale: a collapse takes 50 steps, learning takes thousands."""
    return sorted({round(step) for step in np.geomspace(1, last, count)})


class Watch:
    """Looks at some scenes at some of so many steps of a training, between them."""

    def __init__(self, method: BYOL, scenes: Tensor, last: int):
        self.method, self.scenes, self.losses, self.z = method, scenes, [], {}
        self.points, self.kept = (set(moments(last, count)) for count in ((MOMENTS - 1) * BETWEEN + 1, MOMENTS))
        self.curve: dict[str, list] = {name: [] for name in ("step", "loss", "std", "rank", "centred")}

    @torch.no_grad()
    def look(self, step: Step) -> None:
        """One more point, where one is due. A copy embeds: in training mode, since running statistics lag behind the first steps."""
        self.losses.append(step.loss)
        if step.number not in self.points:
            return
        u = unit(copy.deepcopy(self.method).train().embed(self.scenes))
        std, loss = u.std(0).mean() * u.shape[1] ** 0.5, torch.stack(self.losses).mean()
        row = (step.number, loss.item(), std.item(), effective_rank(u).item(), effective_rank(u - u.mean(0)).item())
        for column, value in zip(self.curve.values(), row):
            column.append(value)
        self.losses = []
        if step.number in self.kept:
            self.z[step.number] = u.half()  # numbers below 1 keep three digits in float16, two in bfloat16


def knn(method: BYOL, images: Images, unseen: Images) -> float:
    return knn_accuracy(features(method.encoder, images), images.labels, features(method.encoder, unseen), unseen.labels)


def run(name: str, images: Images, unseen: Images, epochs: int) -> tuple[dict, dict[str, Tensor]]:
    """Train with these switches: the figures, and z at some steps."""
    switches, recipe = RUNS[name], dataclasses.replace(byol.SCENES, epochs=epochs)
    given = {**BYOL.suits["scenes"], "predictor": switches["predictor"], "stop_gradient": switches["stop_gradient"]}
    torch.manual_seed(0)
    method = BYOL(small_resnet(), **(given if switches["average"] else {**given, "m": 0.0}))
    watch = Watch(method, to_float(unseen.x[:SHOWN]), recipe.epochs * (len(images) // recipe.batch))
    few, untrained, spent = (images[:KNOWN], unseen[:ASKED]), knn(method, images, unseen), 0.0
    each, start = [knn(method, *few)], time.process_time()
    for event in follow(method, images, recipe):
        if isinstance(event, Step):
            watch.look(event)
            continue
        spent += time.process_time() - start
        each.append(knn(method, *few))
        print(f"{name:<24}{event}   {words(watch.curve)}   kNN {each[-1]:.3f}   {spent:.0f} CPU seconds", flush=True)
        start = time.process_time()
    figures = {
        "m": method.m, "recipe": dataclasses.asdict(recipe), "curve": watch.curve, "epochs": each, "untrained": untrained,
        "knn": knn(method, images, unseen), "cpu_seconds": spent, "versions": {"ssl-lab": VERSION, "torch": torch.__version__},
    }  # fmt: skip
    tensors = {"labels": unseen.labels[:SHOWN].to(torch.uint8), **{str(step): z for step, z in watch.z.items()}}
    return {**switches, **rounded(figures), "recipe": figures["recipe"]}, tensors


def words(curve: dict[str, list]) -> str:
    """The last point."""
    return f"std {curve['std'][-1]:.3f}   rank {curve['rank'][-1]:.1f}   centred {curve['centred'][-1]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="NAME", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="lr falls to 0 over them (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=10_000, help="scenes to learn from (default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="write ssl_lab/recorded/collapse-*")
    given = parser.parse_args()
    images, unseen, found = load("scenes", limit=given.limit), load("scenes", "test", limit=UNSEEN), {}
    for name in given.only:
        found[name], tensors = run(name, images, unseen, given.epochs)
        if given.record:
            write_tensors(FOLDER / f"collapse-{name}.safetensors", tensors)
            write_text(FOLDER / f"collapse-{name}.json", json.dumps(found[name]) + "\n")
    for name, figures in found.items():
        curve = figures["curve"]
        gone = next((step for step, std in zip(curve["step"], curve["std"]) if std < 0.1), None)
        when = f"std below 0.1 at step {gone}" if gone else ""
        print(f"{name:<24}loss {curve['loss'][-1]:.3f}   {words(curve)}   kNN {figures['knn']:.3f} (untrained {figures['untrained']:.3f})   {when}")


if __name__ == "__main__":
    main()
