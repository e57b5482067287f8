"""What the momentum does to the keys of MoCo's queue: moco.SCENES at five m, and at some epochs how well old keys agree with the present key network.

    python tests/benchmarks/momentum.py [--m 0 0.9 0.99 0.999 0.9999] [--epochs 50] [--limit 10000] [--record]

A key of age a was made a steps ago. Agreement is its cosine with the key that the present key network makes of the very same view, in training mode:
the same batch, in other groups of batch norm. So keys of age 0 do not agree to 1; what they lack is due to the company in the groups.
strangers: the cosine of two present keys of different pictures, which is what keys without any memory would have. kNN for the shape.
--record keeps the figures in the package, where MomentumExplorer takes them from.
"""

import argparse
import dataclasses
import json
import time
from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor

from ssl_lab.checkpoint import write_text
from ssl_lab.data import Images, load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.methods import MoCo, moco
from ssl_lab.models import small_resnet
from ssl_lab.precision import autocast
from ssl_lab.recipe import Log, Recipe
from ssl_lab.studies import ASKED, FOLDER, KNOWN, UNSEEN, rounded
from ssl_lab.train import follow
from ssl_lab.version import VERSION

MOMENTA = (0.0, 0.9, 0.99, 0.999, 0.9999)
MOMENTS = (1, 2, 5, 10, 20, 50)  # epochs after which keys are made again
OLDEST = 64  # steps


Made = deque[tuple[Tensor, Tensor]]  # views and keys of the last OLDEST steps


def remembering(method: MoCo, data: Images, recipe: Recipe) -> Iterator[tuple[Log, Made]]:
    """Train, and after every epoch hand over its Log and the last views with the keys that were made of them."""
    made, seen, views = deque(maxlen=OLDEST), [], method.views
    method.views = lambda x: seen.append(pair := views(x)) or pair
    for event in follow(method, data, recipe):
        if isinstance(event, Log):
            yield event, made
        else:
            made.append((seen.pop()[1], event.embeddings["k"]))


@torch.no_grad()
def agreement(method: MoCo, made: Made) -> tuple[list[float], float]:
    """By age, from 0, and the cosine of strangers. The running statistics of batch norm, which making keys moves, are put back."""
    before = {name: tensor.clone() for name, tensor in method.key_encoder.state_dict().items()}
    with autocast(method.queue.device):
        x = made[-1][0]
        pairs = [(method.keys(x), method.keys(x)), *((method.keys(x), k) for x, k in reversed(made))]
    method.key_encoder.load_state_dict(before)
    k = pairs[0][0].float()
    others = ((k.sum(0) ** 2).sum() - len(k)) / (len(k) * (len(k) - 1))
    return [(a.float() * b.float()).sum(1).mean().item() for a, b in pairs], others.item()


def knn(method: MoCo, images: Images, unseen: Images) -> float:
    return knn_accuracy(features(method.encoder, images), images.labels, features(method.encoder, unseen), unseen.labels)


def run(m: float, images: Images, unseen: Images, epochs: int | None) -> dict:
    """Train with this m. Rows of the curve: one an epoch."""
    recipe = dataclasses.replace(moco.SCENES, **({"epochs": epochs} if epochs else {}))
    torch.manual_seed(0)
    method, curve, agree, strangers, spent, start = MoCo(small_resnet(), m=m), [], {}, {}, 0.0, time.process_time()
    for log, made in remembering(method, images, recipe):
        spent += time.process_time() - start
        curve.append({"loss": log.loss, "knn": knn(method, images[:KNOWN], unseen[:ASKED]), "std": log.stats["std"]})
        if log.epoch in MOMENTS:
            agree[log.epoch], strangers[log.epoch] = agreement(method, made)
            said = words(curve[-1], agree[log.epoch], strangers[log.epoch])
            print(f"m {m:<8g}epoch {log.epoch:>2}   loss {log.loss:.3f}   {said}   {spent:.0f} CPU seconds", flush=True)
        start = time.process_time()
    columns = {name: [row[name] for row in curve] for name in curve[0]}
    figures = {"curve": columns, "agreement": agree, "strangers": strangers, "knn": knn(method, images, unseen), "cpu_seconds": spent}
    return {"m": m, **rounded(figures)}


def words(row: dict, agree: list[float], strangers: float) -> str:
    """How the run is doing, and how keys of some ages agree."""
    ages = ", ".join(f"{agree[age]:.3f} at age {age}" for age in (0, 1, 4, 16, 64) if age < len(agree))
    return f"std {row['std']:.3f}   kNN {row['knn']:.3f}   agree {ages}; strangers {strangers:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m", type=float, nargs="+", default=list(MOMENTA))
    parser.add_argument("--epochs", type=int, help="fewer than moco.SCENES has; lr falls to 0 over them")
    parser.add_argument("--limit", type=int, default=10_000, help="scenes to learn from")
    parser.add_argument("--record", action="store_true", help="write ssl_lab/recorded/momentum.json")
    given = parser.parse_args()
    if given.record and set(given.m) != set(MOMENTA):
        parser.error(f"--record keeps all of m = {', '.join(map(str, MOMENTA))}, which MomentumExplorer shows; leave --m out")
    images, unseen = load("scenes", limit=given.limit), load("scenes", "test", limit=UNSEEN)
    runs = [run(m, images, unseen, given.epochs) for m in given.m]
    for found in runs:
        row, last = {name: column[-1] for name, column in found["curve"].items()}, max(found["agreement"])
        said = words(row, found["agreement"][last], found["strangers"][last])
        print(f"m {found['m']:<8g}{said}   kNN on all scenes {found['knn']:.3f}")
    if given.record:
        recipe, versions = dataclasses.asdict(moco.SCENES), {"ssl-lab": VERSION, "torch": torch.__version__}
        kept = {"recipe": recipe, "versions": versions, "runs": runs}
        write_text(FOLDER / "momentum.json", json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
