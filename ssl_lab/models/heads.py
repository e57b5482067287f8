"""The small networks g and q that follow an encoder."""

import itertools

from torch import nn

from ssl_lab.arguments import whole
from ssl_lab.errors import require


def mlp(*widths: int, norm: bool = True) -> nn.Sequential:
    """A head g: linear layers of these widths, batch norm (unless norm=False) and ReLU between them, nothing after the last."""
    fix = "a head needs at least an input width and an output width, whole numbers from 1"
    require(len(widths) >= 2 and all(whole(width) and width >= 1 for width in widths), f"widths={widths}: {fix}")
    *inner, last = itertools.pairwise(widths)
    layers = []
    for width, out in inner:
        layers += [nn.Linear(width, out, bias=not norm), *([nn.BatchNorm1d(out)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*last))
