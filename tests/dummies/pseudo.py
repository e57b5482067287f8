"""Two groups of rows in a step, and generations in one run, each with the last as its teacher. The kind of Noisy Student."""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_lab.arguments import Range, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.features import features
from ssl_lab.groups import Groups
from ssl_lab.method import Method
from ssl_lab.models import frozen_copy
from ssl_lab.recipe import Recipe


class Pseudo(Method):
    columns: ClassVar = ("x", "labels")
    labels: ClassVar = "both"
    recipes: ClassVar = {"scenes": Recipe(epochs=2, batch=16, lr=0.01), "paper": Recipe(epochs=9)}

    @declared
    def __init__(
        self, encoder: nn.Module, classes: int = 10, generations: Annotated[int, Range(1, whole=True)] = 2, augmentation: Augmentation = SMALL
    ):
        super().__init__()
        self.augmentation, self.generations = augmentation, generations
        self.encoder, self.classifier = encoder, nn.Linear(encoder.dim, classes)
        self.teacher = frozen_copy(nn.Sequential(encoder, self.classifier))
        self.register_buffer("taught", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def renew(self) -> None:
        """The student is the teacher now; another student begins from random weights."""
        self.teacher.load_state_dict(nn.Sequential(self.encoder, self.classifier).state_dict())
        self.taught.add_(1)
        for part in self.modules():
            if hasattr(part, "reset_parameters") and part not in set(self.teacher.modules()):
                part.reset_parameters()

    @torch.no_grad()
    def relabel(self, data: Images) -> Groups:
        labelled, rest = data[data.labels >= 0], data[data.labels < 0]
        self.kept = {"pseudo": features(self.teacher, rest).softmax(1)}
        rest = replace(rest, targets=self.kept["pseudo"]).select("x", "targets")
        return Groups((labelled.select("x", "labels"), rest), (0.25, 0.75))

    def views(self, x: Tensor, labels: Tensor, u: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        return self.augmentation(x), labels, self.augmentation(u), targets

    def forward(self, x: Tensor, labels: Tensor, u: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(self.embed(x), labels) + F.cross_entropy(self.embed(u), targets)

    def embed(self, x: Tensor) -> Tensor:
        return self.classifier(self.encoder(x))
