"""What unlabelled images are worth: accuracy on unseen scenes against the number of labels, for five learners."""

from dataclasses import replace
from typing import ClassVar

import torch

from ssl_lab.data import Images
from ssl_lab.evaluate import features, finetune, knn_accuracy, linear_probe
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import small_resnet
from ssl_lab.stream import RandomStream
from ssl_lab.studies.watch import Watch

COUNTS = (10, 40, 100, 400, 10_000)


class Labels(Watch):
    """seen: "labels", their number, and the accuracy of every learner. All networks are built alike; the trained one has seen all images, no label.

    pixels: nearest neighbour.   supervised: crop and flip.   augmented: supervised with the method's own views.   probe: logistic regression on
    the trained network's frozen features.   fine-tuned: all of the trained network, augmented.
    counts: numbers of labels; those that are more than the images are left out.
    """

    counts: ClassVar = COUNTS

    def end(self) -> None:
        for count in self.counts:
            if count <= len(self.images):
                some = self.images.label_fraction(count / len(self.images), self.recipe.seed).labelled()
                self.seen.append({"labels": count, **self.row(some)})

    def row(self, some: Images) -> dict[str, float]:
        """The accuracy of every learner with these labels."""
        test, trained, views, seed = self.unseen, self.method.encoder, self.method.augmentation, self.recipe.seed
        gentle = replace(GENTLE, seed=seed)
        scratch = replace(gentle, lr=2e-3)
        with RandomStream(seed, torch.device("cpu")):
            fresh = small_resnet()
        return {
            "pixels": knn_accuracy(some.x.flatten(1).float(), some.labels, test.x.flatten(1).float(), test.labels, k=1),
            "supervised": finetune(fresh, some, test, recipe=scratch, augmentation=PLAIN, threads=1),
            "augmented": finetune(fresh, some, test, recipe=scratch, augmentation=views, threads=1),
            "probe": linear_probe(features(trained, some), some.labels, features(trained, test), test.labels).accuracy,
            "fine-tuned": finetune(trained, some, test, recipe=gentle, augmentation=views, threads=1),
        }
