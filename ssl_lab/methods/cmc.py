"""Contrastive Multiview Coding.

Tian, Krishnan and Isola, ECCV 2020, arXiv 1906.05849.

    v1, v2 = views of one crop, such as L and ab    aligned: of the same place
    z1, z2 = g1(f1(v1)), g2(f2(v2))                 every view has weights of its own
    loss   = L(V1, V2) + L(V2, V1)                  find the other view
    core   = sum of the pairs (1, j)                Figure 3a: M - 1 pairs of M views
    full   = sum of the pairs (i, j), i < j         Figure 3b: M (M - 1) / 2 pairs
                                                    keep f1 and f2, drop g

An image is congruent with itself in the other view, and with no other image.
differs: the paper keeps the last z of every image in a memory and compares with some of
them, drawn at random (the authors' code: 16,384); here candidates are the other images
of the batch, or, with K > 0, the last K keys of the other view. Its views are crops
alone; ours change the colours of the image first, since L of a hue is not quite the
same for all hues.
"""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ssl_lab.arguments import Choice, Momentum, Range, Temperature, Width, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.distributed import gather
from ssl_lab.errors import require
from ssl_lab.losses import core_view, full_graph, info_nce, unit
from ssl_lab.method import Method
from ssl_lab.models import (
    Joined,
    ViewEncoder,
    check_view,
    ema_,
    frozen_copy,
    mlp,
    seen_together,
    small_resnet,
)
from ssl_lab.recipe import Recipe

# the authors' code, whose lr falls in steps
RECIPE = Recipe(
    epochs=240, batch=128, optimizer="sgd", lr=0.03, weight_decay=1e-4, warmup=0.0
)
SCENES = Recipe(epochs=38, batch=128, optimizer="adamw", lr=3e-3, weight_decay=0.3)
# colours change before they become L and ab, so that L does not tell the hue
COLOURS = replace(SMALL, jitter_share=1.0, grey_share=0.0)
LOSSES = {"core": core_view, "full": full_graph}
QUEUE = Range(0, whole=True, hint="0 compares within the batch; the authors have 16384")


class CMC(Method):
    """Views of one thing find each other among those of other things.

    encoder: the kind of network; every view gets one like it, with random weights of
    its own and the channels of the view. None: small_resnet(12).
    views: names, the core first: L, ab, rgb of an image; depth, normals, mask, later,
    flow, or another column of the images.   graph: which pairs, "core" or "full".
    dim: width of z.   tau: temperature.   K: keys in the queue of every view, made by
    slow copies of the encoders, which keep a share m of their weights (MoCo).
    frames: of the view flow.   aligned: one crop for all views; False: one for each.
    augmentation: crop, flip and colours, before an image becomes views.
    `encoder` joins the encoders that an RGB image can feed; `encoders` has all of them.
    Raises: InputError for values outside the ranges below, one view, a view twice; in
    `train`, for a view that the images do not have, and ab of grey images.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {
        "paper": {
            "dim": 128,
            "K": 16384,
            "augmentation": Augmentation(area=(0.2, 1.0), jitter=0.0),
        }
    }

    @declared
    def __init__(
        self,
        encoder: nn.Module | None = None,
        views: tuple[str, ...] = ("L", "ab"),
        graph: Annotated[str, Choice(tuple(LOSSES))] = "core",
        dim: Width = 64,
        tau: Temperature = 0.07,
        K: Annotated[int, QUEUE] = 0,
        m: Momentum = 0.99,
        frames: Annotated[int, Range(1, whole=True)] = 10,
        aligned: bool = True,
        augmentation: Augmentation = COLOURS,
    ):
        super().__init__()
        named = isinstance(views, tuple) and all(isinstance(v, str) for v in views)
        two = named and len(set(views)) == len(views) > 1
        fix = "at least two different names are needed, such as ('L', 'ab')"
        require(two, f"views={views!r}: {fix}")
        self.loss, self.tau, self.m = LOSSES[graph], tau, m
        self.aligned, self.augmentation = aligned, augmentation
        like = small_resnet(12) if encoder is None else encoder
        senses = {name: ViewEncoder(like, name, frames) for name in views}
        heads = {name: mlp(like.dim, dim) for name in views}
        self.encoders, self.projectors = nn.ModuleDict(senses), nn.ModuleDict(heads)
        columns = (f.column for f in senses.values())
        self.columns = tuple(dict.fromkeys(["x", *columns]))
        self.candidates = "queue" if K else "batch"
        if K:
            self.slow = {"key_encoders": "encoders", "key_projectors": "projectors"}
            self.key_encoders = frozen_copy(self.encoders)
            self.key_projectors = frozen_copy(self.projectors)
            rows = unit(torch.randn(len(views) * K, dim))
            self.register_buffer("queues", rows.view(len(views), K, dim))

    @property
    def encoder(self) -> Joined:
        """f of an RGB image: the encoders that see it, side by side."""
        return Joined(self.encoders)

    def views(self, x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """What every network sees of one crop of every image."""
        columns, draw = dict(zip(self.columns, (x, *others))), self.augmentation.draw
        if self.aligned:
            return seen_together(self.encoders.values(), draw(x), columns)
        each = (seen_together([f], draw(x), columns) for f in self.encoders.values())
        return sum(each, ())

    def forward(self, *views: Tensor) -> Tensor:
        zs = code(self.encoders, self.projectors, views)
        self.note(**dict(zip(self.encoders, zs)))
        if self.candidates == "batch":
            return self.loss([gather(z) for z in zs], self.tau)
        with torch.no_grad():
            self.ks = code(self.key_encoders, self.key_projectors, views)
        return self.loss(list(zip(zs, self.ks, self.queues)), self.tau, across)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """The slow copies follow; every queue takes the batch for its oldest rows."""
        if self.candidates == "queue":
            ema_(self.key_encoders, self.encoders, self.m)
            ema_(self.key_projectors, self.projectors, self.m)
            k, K = torch.stack([gather(k) for k in self.ks]), self.queues.shape[1]
            self.queues.copy_(torch.cat([self.queues, k], 1)[:, -K:])

    def embed(self, x: Tensor) -> Tensor:
        """z of the views that an RGB image has, side by side."""
        seen = [name for name, f in self.encoders.items() if f.column == "x"]
        return torch.cat([self.projectors[n](self.encoders[n](x)) for n in seen], 1)

    def checked(self) -> list[nn.Module]:
        return list(self.encoders.values())

    def check_data(self, data: Images) -> None:
        for name, f in self.encoders.items():
            check_view(name, f.view, data)


def code(
    encoders: nn.ModuleDict, projectors: nn.ModuleDict, views: tuple[Tensor, ...]
) -> list[Tensor]:
    """z = g(f(v)) of every view, unit rows."""
    parts = zip(encoders.values(), projectors.values(), views)
    return [unit(g(f.network(v))) for f, g, v in parts]


def across(one: tuple, other: tuple, tau: float) -> Tensor:
    """L(V1, V2) + L(V2, V1), each with its key and the queue of the other view."""
    (z1, k1, queue1), (z2, k2, queue2) = one, other
    return info_nce(z1, k2, queue2, tau) + info_nce(z2, k1, queue1, tau)
