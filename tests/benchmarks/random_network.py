"""What an MLP reads from a random AlexNet, beside chance and raw pixels: the lecture's observation, on small images.

    python tests/benchmarks/random_network.py                                              2,000 labelled scenes, 2,000 unseen ones
    python tests/benchmarks/random_network.py --data scenes cifar10 --root FOLDER          and CIFAR-10
    python tests/benchmarks/random_network.py --input rgb grey --labels 2000 10000         grey images too, and more labels
    python tests/benchmarks/random_network.py --width 96 --linear                          as wide as AlexNet, and the linear probe beside the MLP

A row is an accuracy on unseen images, with the CPU seconds that it took, features included; chance is the share of the largest class.
Threads are OMP_NUM_THREADS, or one.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor, nn

from ssl_lab.augment import to_float
from ssl_lab.data import Images, load
from ssl_lab.evaluate import linear_probe, mlp_probe
from ssl_lab.features import evaluating
from ssl_lab.models import filtered, small_alexnet

CHUNK = 500


class Pixels(nn.Module):
    """No network: the image is its own map."""

    dim = 3

    def maps(self, x: Tensor) -> Tensor:
        return x


@torch.no_grad()
def maps(network: nn.Module, images: Images) -> Tensor:
    """Every image's map as one row."""
    with evaluating(network):
        return torch.cat([network.maps(to_float(x)).flatten(1) for x in images.x.split(CHUNK)])


def random_alexnet(width: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return small_alexnet(width)


def measure(what: str, network: nn.Module, known: Images, unseen: Images, linear: bool) -> None:
    """Print one row."""
    start = time.process_time()
    h, ht = maps(network, known), maps(network, unseen)
    accuracy = mlp_probe(h, known.labels, ht, unseen.labels)
    print(f"  {what:24} {h.shape[1]:6,} numbers   MLP {accuracy:.3f}   {time.process_time() - start:4.0f} s", end="", flush=True)
    if linear:
        start = time.process_time()
        accuracy = linear_probe(h, known.labels, ht, unseen.labels).accuracy
        print(f"   linear {accuracy:.3f}   {time.process_time() - start:4.0f} s", end="")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["scenes"])
    parser.add_argument("--root")
    parser.add_argument("--input", nargs="+", default=["rgb"], choices=["rgb", "grey"])
    parser.add_argument("--labels", type=int, nargs="+", default=[2000])
    parser.add_argument("--unseen", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--linear", action="store_true")
    given = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, width {given.width}")
    for data in given.data:
        unseen = load(data, "test", limit=given.unseen, root=given.root)
        for count in given.labels:
            known = load(data, limit=count, root=given.root)
            for shown in given.input:
                chance = unseen.labels.bincount().max().item() / len(unseen)
                print(f"{data}, {shown}, {len(known):,} labels, {len(unseen):,} unseen: chance {chance:.3f}", flush=True)
                measure("pixels", filtered(Pixels(), shown), known, unseen, given.linear)
                for seed in given.seeds:
                    measure(f"random network, seed {seed}", filtered(random_alexnet(given.width, seed), shown), known, unseen, given.linear)


if __name__ == "__main__":
    main()
