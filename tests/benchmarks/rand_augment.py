"""RandAugment beside torchvision's, which takes one image at a time: images a second on one thread.   python tests/benchmarks/rand_augment.py

Both make a batch of floats in [0, 1] from bytes, by 2 operations of like strength for each image (magnitude 10 of ours, 30 of torchvision's bins).
torchvision's takes single tensors, or PIL images, from an array and back. Ways take turns; each figure is the best of several rounds, in CPU seconds.
"""

import sys
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

from ssl_lab.augment import RandAugment
from ssl_lab.data import load

SIZES = {32: 512, 96: 128}  # side: images in a batch
ROUNDS = 7

theirs = v2.RandAugment(num_ops=2, magnitude=30)  # the last of 31 bins: 30 degrees, factors of 0.1 or 1.9
ours = RandAugment(operations=2, magnitude=10)


def through_pil(image: torch.Tensor) -> torch.Tensor:
    """torchvision's view of one image, by way of PIL."""
    view = theirs(Image.fromarray(image.permute(1, 2, 0).numpy()))
    return torch.from_numpy(np.array(view)).permute(2, 0, 1)


WAYS = {
    "ssl_lab": ours,
    "torchvision, tensors": lambda x: torch.stack([theirs(image) for image in x]).float().div_(255),
    "torchvision, PIL": lambda x: torch.stack([through_pil(image) for image in x]).float().div_(255),
}


def seconds(way, x: torch.Tensor) -> float:
    """CPU seconds of one batch."""
    start = time.process_time()
    way(x)
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, Python {sys.version.split()[0]}, 1 thread")
    for side, count in SIZES.items():
        x = load("scenes", limit=count, size=side).x
        rounds = [[seconds(way, x) for way in WAYS.values()] for _ in range(ROUNDS)]
        rates = {name: len(x) / best for name, best in zip(WAYS, map(min, zip(*rounds)))}
        for name, rate in rates.items():
            print(f"{side} px  {name:22}{rate:9,.0f} images/s   {rates['ssl_lab'] / rate:5.1f}", flush=True)


if __name__ == "__main__":
    main()
