"""Methods by their recipe for scenes, in CPU seconds: kNN and linear accuracy beside pixels, random weights, and no colour distortion.

    python tests/benchmarks/minute.py [--seeds 0 1 2]                                          SimCLR on 10,000 scenes, 120 CPU seconds
    python tests/benchmarks/minute.py --method SimCLR MoCo BYOL --jitter 1                     several, one after another
    python tests/benchmarks/minute.py --method MoCo --jitter 1 --set split=1 K=2048            with other arguments
    python tests/benchmarks/minute.py --method MoCo --jitter 1 --views grey_share=0.2          with other views
    python tests/benchmarks/minute.py --limit 500 --epochs 1 --jitter 1                        to try it
    python tests/benchmarks/minute.py --data cifar10 --root data --epochs 40 --area 0.2 --hue 0.1    five minutes, the same code

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
"""

import itertools
import time
from dataclasses import replace

import seeds
import torch

from ssl_lab import methods
from ssl_lab.arguments import arguments
from ssl_lab.augment import Augmentation
from ssl_lab.data import Images
from ssl_lab.evaluate import features, knn_accuracy, linear_probe
from ssl_lab.models import SmallResNet, small_resnet
from ssl_lab.train import train


def score(h: torch.Tensor, images: Images, ht: torch.Tensor, test: Images) -> str:
    knn, probe = knn_accuracy(h, images.labels, ht, test.labels), linear_probe(h, images.labels, ht, test.labels)
    return f"kNN {knn:.3f}   linear {probe.accuracy:.3f}"


def main() -> None:
    parser = seeds.arguments(__doc__, "the methods")
    parser.add_argument("--method", choices=[name for name in methods.__all__ if name != "Supervised"], nargs="+", default=["SimCLR"])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--hue", type=float, default=0.5)
    parser.add_argument("--jitter", type=float, nargs="+", default=[1.0, 0.0])
    parser.add_argument("--views", nargs="+", default=[], type=seeds.setting, metavar="NAME=VALUE", help="other strengths of every Augmentation")
    parser.set_defaults(area=0.5)
    given = parser.parse_args()
    changes = dict(given.recipe) | ({"epochs": given.epochs} if given.epochs else {})
    images, test = seeds.loaded(given)
    flat, flat_test = (part.x.flatten(1).float() for part in (images, test))
    print(f"pixels: kNN {knn_accuracy(flat, images.labels, flat_test, test.labels):.3f}", flush=True)
    for seed in given.seeds:
        torch.manual_seed(seed)
        encoder = small_resnet()
        print(f"seed {seed}, random weights: {score(features(encoder, images), images, features(encoder, test), test)}", flush=True)
        for name, jitter in itertools.product(given.method, given.jitter):
            kind = getattr(methods, name)
            recipe, suiting = replace(kind.recipes["scenes"], **changes), kind.suits.get("scenes", {})
            torch.manual_seed(seed)
            network = {} if arguments(kind)["encoder"].default is None else {"encoder": small_resnet()}
            strengths = {"jitter": jitter, "area": (given.area, 1.0), "hue": given.hue} | dict(given.views)
            method = kind(**network, **suiting | dict(given.set))
            for part, value in list(vars(method).items()):
                if isinstance(value, Augmentation):
                    setattr(method, part, replace(value, **strengths))
            if not isinstance(method.encoder, SmallResNet):  # it sees something else than the random weights above
                own = score(features(method.encoder, images), images, features(method.encoder, test), test)
                print(f"seed {seed}, {name}, its encoder before training: {own}", flush=True)
            start, clock = time.process_time(), time.perf_counter()
            for log in train(method, images, replace(recipe, seed=seed)):
                last = log
            wall = time.perf_counter() - clock
            spent, h, ht = time.process_time() - start, features(method.encoder, images), features(method.encoder, test)
            print(f"seed {seed}, {name}, jitter {jitter:g}: {score(h, images, ht, test)}   {spent:.0f} CPU seconds, {wall:.0f} s, {last}", flush=True)
            seeds.say_what_is_kept(h, images)


if __name__ == "__main__":
    main()
