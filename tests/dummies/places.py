"""Embeddings at positions: patches of an image. The kind of CPC."""

from typing import ClassVar

from torch import Tensor, nn

from ssl_lab.arguments import Width, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.losses import nt_xent
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe


class Places(Method):
    recipes: ClassVar = {"scenes": Recipe(epochs=2, batch=16), "paper": Recipe(epochs=9)}

    @declared
    def __init__(self, encoder: nn.Module, dim: Width = 8, augmentation: Augmentation = SMALL):
        super().__init__()
        self.augmentation = augmentation
        self.encoder, self.projector = encoder, nn.Linear(encoder.dim, dim)

    def views(self, x: Tensor) -> tuple[Tensor]:
        return (self.augmentation(x),)

    def forward(self, x: Tensor) -> Tensor:
        B = len(x)
        quarters = x.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5)
        z = self.projector(self.encoder(quarters.reshape(-1, 3, 16, 16))).view(B, 2, 2, -1).permute(0, 3, 1, 2)
        self.note(z=z)
        return nt_xent(z[..., 0].flatten(1), z[..., 1].flatten(1), 0.2)
