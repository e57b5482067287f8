"""Labels of its own: epochs of other lengths, a classifier drawn anew, and an assignment as long as the data. The kind of DeepCluster."""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_lab.arguments import Range, declared
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe


class Clusters(Method):
    columns: ClassVar = ("x", "labels")
    labels: ClassVar = "own"
    recipes: ClassVar = {"scenes": Recipe(epochs=3, batch=16, lr=0.01), "paper": Recipe(epochs=9)}

    @declared
    def __init__(self, encoder: nn.Module, clusters: Annotated[int, Range(2, whole=True)] = 4, augmentation: Augmentation = SMALL):
        super().__init__()
        self.augmentation = augmentation
        self.encoder, self.classifier = encoder, nn.Linear(encoder.dim, clusters)

    @torch.no_grad()
    def relabel(self, data: Images) -> Images:
        """Every second epoch is twice as long; the others lose a third."""
        assert (data.labels == -1).all(), "the true labels are hidden"
        self.classifier.reset_parameters()
        labels = torch.randint(self.classifier.out_features, (len(data.x),)).to(data.x.device)
        count = 2 * len(data) if "assignment" in self.kept and self.kept["turn"] % 2 == 1 else len(data) * 2 // 3
        self.kept = {"assignment": labels, "turn": self.kept.get("turn", torch.zeros(())) + 1}
        return replace(data.repeated(count), labels=labels)

    def views(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.augmentation(x), labels

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.encoder(x)
        self.note(h=h)
        return F.cross_entropy(self.classifier(h), labels)

    def embed(self, x: Tensor) -> Tensor:
        return self.encoder(x)
