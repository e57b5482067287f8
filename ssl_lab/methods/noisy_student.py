"""Self-training with Noisy Student improves ImageNet classification.

Xie, Luong, Hovy and Le, CVPR 2020, arXiv 1911.04252.

    f    learns CE(f(noise(x)), y)                      step 1: the teacher, from labels
    y'   = softmax f̄(x') of every unlabelled image      step 2: without noise, once
    f    = random weights: the student                  as large as before, or larger
    loss = CE(f(noise(x)), y) + CE(f(noise(x')), y')    step 3: two means, one batch
    back to step 2: the student is the teacher          step 4: `rounds` trainings;
                                                        keep f̄

f̄ has the average weights of f. Noise is crop, flip and RandAugment of the images,
dropout before the last layer, and stochastic depth. Unsure labels are left out, and
classes are made equally frequent (`filter_and_balance`).
differs: the authors' code divides both sums by the number of labelled images, so the
second mean has the weight `unlabel_ratio`; it smooths labels that are no probabilities
by 0.1, uses RMSProp, and counts images of a class on a grid of confidences.
"""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_lab import models, pseudo_labels
from ssl_lab.arguments import Momentum, Range, Share, declared
from ssl_lab.augment import SMALL, Augmentation, RandAugment
from ssl_lab.data import Images
from ssl_lab.errors import require
from ssl_lab.groups import Groups
from ssl_lab.losses import soft_cross_entropy
from ssl_lab.method import Method
from ssl_lab.pseudo_labels import balance, filter, filter_and_balance  # noqa: F401
from ssl_lab.recipe import Recipe
from ssl_lab.surroundings import usual

# the authors' code; with SGD, whose lr is 0.1 for 256 images
RECIPE = Recipe(
    epochs=350, batch=2048, optimizer="sgd", lr=0.8, weight_decay=1e-5, warmup=5 / 350
)
SCENES = Recipe(epochs=16, batch=128, optimizer="adamw", lr=2e-3, weight_decay=4.0)
CROP = Augmentation(jitter=0.0)
# crops milder than SMALL's: what noise brings, other images need not bring
MILD = replace(SMALL, area=(0.75, 1.0))
FEW = {"threshold": 0.8, "operations": 0, "augmentation": MILD}
PAPER = {"rounds": 4, "unlabel_ratio": 14.0, "per_class": 130_000, "magnitude": 27.0}
PAPER |= {"m": 0.9999}

Rate = Annotated[float, Range(0, below=1, hint="0 switches it off")]


class NoisyStudent(Method):
    """A teacher labels images, and a student learns them through noise, in turn.

    encoder: f without its last layer, with `.dim`.   classes: their number.
    teacher: another NoisyStudent, or any network from images to logits (B, classes),
    with no more parameters than the student; None: the first round makes one from the
    labels.   rounds: trainings, each with the last one as teacher.
    unlabel_ratio: pseudo-labelled images for each labelled one in a batch.
    threshold: the lowest confidence that is kept.   per_class: images of each class;
    None: as many as a class has on average, 0: as they are.
    soft: probabilities as labels; False: the most probable class.
    m: share of itself that the average keeps, once it is warm.
    dropout, depth: rates of dropout and of stochastic depth.
    operations, magnitude: of RandAugment.   augmentation: before it.
    Raises: InputError for values outside the ranges below, and a larger teacher;
    `train` for no labels, a class without one, nothing to label, a teacher of other
    classes or images, and a threshold that no image passes.
    """

    columns: ClassVar = ("x", "labels")
    labels: ClassVar = "both"
    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {"scenes": FEW, "paper": PAPER}
    slow: ClassVar = {"average_encoder": "encoder", "average_classifier": "classifier"}

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        classes: Annotated[int, Range(2, whole=True)] = 10,
        teacher: nn.Module | None = None,
        rounds: Annotated[int, Range(1, whole=True)] = 3,
        unlabel_ratio: Annotated[float, Range(above=0, hint="1 to 28")] = 3.0,
        threshold: Share = 0.3,
        per_class: Annotated[int | None, Range(0, whole=True)] = None,
        soft: bool = True,
        m: Momentum = 0.999,
        dropout: Rate = 0.5,
        depth: Rate = 0.2,
        operations: Annotated[int, Range(0, whole=True)] = 2,
        magnitude: Annotated[float, Range(0, 30)] = 5.0,
        augmentation: Augmentation = CROP,
    ):
        super().__init__()
        self.classes, self.generations = classes, rounds
        self.ratio, self.m, self.augmentation = unlabel_ratio, m, augmentation
        self.labelling = threshold, per_class, soft
        self.rand_augment = RandAugment(operations, magnitude)
        self.encoder = models.stochastic_depth(encoder, depth)
        layers = nn.Dropout(dropout), nn.Linear(encoder.dim, classes)
        self.classifier = nn.Sequential(*layers)
        self.average_encoder = models.frozen_copy(self.encoder)
        self.average_classifier = models.frozen_copy(self.classifier)
        self.register_buffer("taught", torch.zeros((), dtype=torch.long))  # rounds over
        teacher = teacher.average if isinstance(teacher, NoisyStudent) else teacher
        vars(self).update(teacher=teacher)  # it is not among our weights
        if rounds > 1:
            models.check_renewable(self.student)

    @property
    def student(self) -> nn.Module:
        """f, from images to logits (B, classes)."""
        return nn.Sequential(self.encoder, self.classifier)

    @property
    def average(self) -> nn.Module:
        """f̄, from images to logits: what is evaluated, and the next teacher."""
        return nn.Sequential(self.average_encoder, self.average_classifier)

    @torch.no_grad()
    def renew(self) -> None:
        """Step 4. The average stays as it is until it has labelled the images."""
        models.renew_(self.student)
        self.kept = {}
        self.taught.add_(1)

    @usual()
    @torch.no_grad()
    def relabel(self, data: Images) -> Images | Groups:
        """Labelled images, and pseudo-labelled ones, whose labels stay for a round.

        Every epoch has as many steps as all images without a label take, whatever
        passes. Without a teacher it draws the labelled ones only.
        """
        rows = torch.arange(len(data.x), device=data.x.device)
        rows = rows if data.index is None else data.index.unique()
        known, rest = rows[data.labels[rows] >= 0], rows[data.labels[rows] < 0]
        labelled = replace(data, index=known).select("x", "labels")
        teacher = self.average if self.taught else self.teacher
        n = max(len(known), round(len(rest) / self.ratio))  # labelled ones an epoch
        if teacher is None:
            return labelled.repeated(n + len(rest))
        if not pseudo_labels.answered(self.kept, data, rest):
            self.kept = pseudo_labels.ask(teacher, data, rest, *self.labelling)
            self.average.load_state_dict(self.student.state_dict())
        pseudo = replace(data, targets=self.kept["targets"], index=self.kept["chosen"])
        share, pseudo = self.ratio / (1 + self.ratio), pseudo.select("x", "targets")
        return Groups((labelled.repeated(n), pseudo), (1 - share, share))

    def views(self, x: Tensor, labels: Tensor, *pseudo: Tensor) -> tuple[Tensor, ...]:
        """Noise on all images, the labelled ones first: they share batch norm."""
        x, targets = self.augmentation(torch.cat([x, *pseudo[:1]])), pseudo[1:]
        return self.rand_augment.draw(x).finish(x), labels, *targets

    def forward(self, x: Tensor, labels: Tensor, *targets: Tensor) -> Tensor:
        h, n = self.encoder(x), len(labels)
        self.note(h=h)
        logits = self.classifier(h)
        loss = F.cross_entropy(logits[:n], labels)
        return loss + sum(soft_cross_entropy(logits[n:], y) for y in targets)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """f̄ = m f̄ + (1 - m) f; m is (1 + t) / (10 + t) at most, at step t."""
        t = self.kept.setdefault("t", torch.zeros_like(self.taught).float())
        m = ((1 + t) / (10 + t)).clamp(max=self.m)
        models.average_(self.average, self.student, m)
        t.add_(1)

    def embed(self, x: Tensor) -> Tensor:
        """Logits (B, classes)."""
        return self.classifier(self.encoder(x))

    def check_batch(self, B: int, ranks: int = 1) -> None:
        n, fix = round(B / (1 + self.ratio)), "take a larger batch"
        what = f"unlabel_ratio={self.ratio:g} leaves {n} of {B} images labelled"
        require(0 < n < B and n % ranks == 0, f"{what}, for {ranks} processes; {fix}")

    def check_data(self, data: Images) -> None:
        if self.generations > 1 or self.teacher is not None:
            pseudo_labels.check(data, self.classes, self.teacher, self.average)

    def stats(self) -> dict[str, Tensor]:
        """Shape of h; the round; what passes, and the confidence of those."""
        said = {k: x for k, x in self.kept.items() if k in ("passed", "confidence")}
        return super().stats() | {"round": self.taught + 1} | said
