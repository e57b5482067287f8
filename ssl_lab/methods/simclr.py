"""A Simple Framework for Contrastive Learning of Visual Representations.

Chen, Kornblith, Norouzi and Hinton, ICML 2020, arXiv 2002.05709.

    x1, x2 = augment(x), augment(x)        two views of every image
    z1, z2 = g(f(x1)), g(f(x2))            encoder, then projector
    loss   = NT-Xent(z1, z2)               Eqn. 1: find the other view among 2B - 1;
                                           keep f, drop g

differs: hue turns in YIQ, which is 20 times faster on a CPU than in HSV; the four
colour operations are clamped once, not four times.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ssl_lab.arguments import Range, Temperature, declared
from ssl_lab.augment import GREYER, Augmentation
from ssl_lab.distributed import gather
from ssl_lab.losses import nt_xent
from ssl_lab.method import Method
from ssl_lab.models import mlp
from ssl_lab.recipe import Recipe

# B.9 on CIFAR-10: lr = 1.0 · batch / 256
RECIPE = Recipe(
    epochs=1000, batch=1024, optimizer="lars", lr=4.0, weight_decay=1e-6, warmup=0.01
)
SCENES = Recipe(
    epochs=18,
    batch=128,
    optimizer="lars",
    lr=0.8,
    weight_decay=1e-6,
    momentum=0.8,
    warmup=0.3,
    eta=0.02,
)


class SimCLR(Method):
    """Pull the two views of an image together, push all other views away from them.

    encoder: f, with `.dim`.   dim: width of z; with None there is no projector, z = h.
    tau: temperature.   augmentation: draws both views.
    The defaults are for small images and trainings of a minute; `suits` has the paper's
    for CIFAR-10.
    Raises: InputError for values outside the ranges below.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {"paper": {"tau": 0.5, "augmentation": Augmentation()}}

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        dim: Annotated[int | None, Range(1, whole=True)] = 128,
        tau: Temperature = 0.2,
        augmentation: Augmentation = GREYER,
    ):
        super().__init__()
        self.tau, self.augmentation = tau, augmentation
        self.encoder = encoder
        self.projector = mlp(encoder.dim, encoder.dim, dim) if dim else nn.Identity()

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.augmentation(x), self.augmentation(x)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        z1, z2 = self.embed(torch.cat([x1, x2])).chunk(2)  # one batch, one batch norm
        self.note(z1=z1, z2=z2)
        return nt_xent(gather(z1), gather(z2), self.tau)
