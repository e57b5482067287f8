"""A minute of SimCLR on two cores, in CPU seconds: kNN and linear accuracy on unseen images beside pixels, random weights, and no colour distortion.

    python tests/benchmarks/minute.py [--seeds 0 1 2]                                          10,000 scenes, 120 CPU seconds
    python tests/benchmarks/minute.py --data cifar10 --root data --epochs 40 --area 0.2 --hue 0.1    five minutes, the same code
"""

import argparse
import time
from dataclasses import replace

import torch

from ssl_lab.data import Images, load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.methods import SimCLR, simclr
from ssl_lab.models import small_resnet
from ssl_lab.train import train


def score(h: torch.Tensor, images: Images, ht: torch.Tensor, test: Images) -> str:
    knn, probe = knn_accuracy(h, images.labels, ht, test.labels), linear_probe(h, images.labels, ht, test.labels)
    return f"kNN {knn:.3f}   linear {probe.accuracy:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--root")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--epochs", type=int, default=simclr.SCENES.epochs)
    parser.add_argument("--area", type=float, default=0.5)
    parser.add_argument("--hue", type=float, default=0.5)
    parser.add_argument("--jitter", type=float, nargs="+", default=[1.0, 0.0])
    given = parser.parse_args()
    images = load(given.data, limit=given.limit, size=given.size, root=given.root)
    test = load(given.data, "test", size=given.size, root=given.root)
    flat, flat_test = (part.x.flatten(1).float() for part in (images, test))
    print(f"{given.data}: {len(images):,} images, {len(test):,} unseen, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"pixels: kNN {knn_accuracy(flat, images.labels, flat_test, test.labels):.3f}", flush=True)
    for seed in given.seeds:
        for jitter in given.jitter:
            torch.manual_seed(seed)
            method = SimCLR(small_resnet(), jitter=jitter, area=(given.area, 1.0), hue=given.hue)
            if jitter == given.jitter[0]:
                h, ht = features(method.encoder, images), features(method.encoder, test)
                print(f"seed {seed}, random weights: {score(h, images, ht, test)}", flush=True)
            start = time.process_time()
            for _ in train(method, images.unlabelled(), replace(simclr.SCENES, epochs=given.epochs, seed=seed)):
                pass
            spent, h, ht = time.process_time() - start, features(method.encoder, images), features(method.encoder, test)
            print(f"seed {seed}, jitter {jitter:g}: {score(h, images, ht, test)}   {spent:.0f} CPU seconds, {given.epochs} epochs", flush=True)
            if images.factors:
                print("   kept of", ", ".join(f"{name} {r2:.2f}" for name, r2 in factor_table(h, images).items()), flush=True)


if __name__ == "__main__":
    main()
