"""The baseline that every method is measured against: labels, cross entropy, and the augmentation of your choice.

    loss = cross entropy(W f(augment(x)), y)
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ssl_lab.augment import augment, check_strengths
from ssl_lab.errors import require
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe

RECIPE = Recipe(epochs=200, batch=128, optimizer="sgd", lr=0.1, weight_decay=5e-4, warmup=0.0)  # He et al. 2016 for CIFAR-10, with a cosine
SCENES = Recipe(epochs=14, batch=128, optimizer="adamw", lr=2e-3, weight_decay=1e-2)


class Supervised(Method):
    """A linear classifier on the encoder, trained end to end.

    encoder: f, with `.dim`.   classes: how many there are.   jitter: 0 leaves crop and flip, the plain baseline; 1 is SimCLR's own augmentation.
    area, hue: see `augment`.
    """

    def __init__(self, encoder: nn.Module, classes: int = 10, jitter: float = 0.0, area: tuple[float, float] = (0.5, 1.0), hue: float = 0.5):
        super().__init__()
        check_strengths(area, jitter, hue)
        require(classes >= 2, f"classes={classes}: a classifier needs at least two")
        self.distortion = {"area": area, "jitter": jitter, "hue": hue}
        self.encoder, self.head = encoder, nn.Linear(encoder.dim, classes)

    def views(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return augment(x, **self.distortion), labels

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.embed(x), labels)
