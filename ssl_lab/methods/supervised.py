"""The baseline for every method: labels and cross entropy.

    loss = cross entropy(W f(augment(x)), y)
"""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from ssl_lab.arguments import Range, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe

# He et al. 2016, section 4.2, on CIFAR-10; their lr falls in steps, ours in a cosine
RECIPE = Recipe(
    epochs=164, batch=128, optimizer="sgd", lr=0.1, weight_decay=1e-4, warmup=0.0
)
SCENES = Recipe(epochs=14, batch=128, optimizer="adamw", lr=2e-3, weight_decay=1e-2)
PLAIN = replace(SMALL, jitter=0.0)  # crop and flip


class Supervised(Method):
    """A linear classifier on the encoder, trained end to end.

    encoder: f, with `.dim`.   classes: their number.   augmentation: PLAIN crops and
    flips; GREYER is SimCLR's own.
    Raises: InputError for values outside the ranges below.
    """

    columns: ClassVar = ("x", "labels")
    labels: ClassVar = "given"
    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        classes: Annotated[int, Range(2, whole=True, hint="two to tell apart")] = 10,
        augmentation: Augmentation = PLAIN,
    ):
        super().__init__()
        self.augmentation = augmentation
        self.encoder, self.classifier = encoder, nn.Linear(encoder.dim, classes)

    def views(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.augmentation(x), labels

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.embed(x), labels)

    def embed(self, x: Tensor) -> Tensor:
        """Logits (B, classes)."""
        return self.classifier(self.encoder(x))
