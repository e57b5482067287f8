"""Three encoders over x, depth and L, and the same crop of all. The kind of CMC."""

from itertools import combinations
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from ssl_lab.arguments import Width, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.losses import nt_xent
from ssl_lab.method import Method
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe


class Senses(Method):
    columns: ClassVar = ("x", "depth")
    recipes: ClassVar = {"scenes": Recipe(epochs=2, batch=16), "paper": Recipe(epochs=9)}

    @declared
    def __init__(self, width: Width = 4, augmentation: Augmentation = SMALL):
        super().__init__()
        self.augmentation = augmentation
        self.encoder, self.depth, self.lightness = (small_resnet(width, channels) for channels in (3, 1, 1))

    def views(self, x: Tensor, depth: Tensor) -> tuple[Tensor, ...]:
        drawn = self.augmentation.draw(x)
        x = drawn(x)
        return x, drawn.depth(depth), x.mean(1, keepdim=True)

    def forward(self, x: Tensor, depth: Tensor, L: Tensor) -> Tensor:
        views = {"x": self.encoder(x), "depth": self.depth(depth), "L": self.lightness(L)}
        self.note(**views)
        return sum(nt_xent(a, b, 0.2) for a, b in combinations(map(F.normalize, views.values()), 2))

    def embed(self, x: Tensor) -> Tensor:
        return self.encoder(x)


