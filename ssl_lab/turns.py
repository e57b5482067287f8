"""Orders in which images are drawn: each once before any again, and classes in turn."""

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_lab.stream import generator


def order(N: int, count: int) -> Int64[Tensor, " count"]:
    """`count` numbers below N in random order; each appears once before any appears again."""
    return torch.cat([torch.randperm(N, device="cpu") for _ in range(-(-count // N))])[:count]


def in_turn(labels: Int64[Tensor, " N"], seed: int) -> Int64[Tensor, " N"]:
    """An order of the images in which the classes take turns: every class's first image, every class's second, and so on."""
    draw = generator(seed)
    shuffled = torch.randperm(len(labels), generator=draw)
    _, k = labels[shuffled].unique(return_inverse=True)
    grouped = k.argsort(stable=True)
    counts = k.bincount()
    round_ = torch.arange(len(k)) - (counts.cumsum(0) - counts)[k[grouped]]  # 0, 1, 2, ... within each class
    turn = torch.randperm(len(counts), generator=draw)[k[grouped]]
    return shuffled[grouped[(round_ * len(counts) + turn).argsort()]]
