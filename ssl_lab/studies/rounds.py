"""How the labels of Noisy Student change from round to round: what each student, the next one's teacher, says of images without a label."""

import torch

from ssl_lab import pseudo_labels
from ssl_lab.evaluate import features
from ssl_lab.recipe import Log
from ssl_lab.studies.watch import Watch

KEPT = 1_000  # images without a label whose probabilities are kept


class Rounds(Watch):
    """seen, at the end of every round: "round", from 1; "accuracy" of the average network on unseen scenes; and of the labels that it has for the
    next student "passed", the share of the images without a label that is drawn at all; "confidence", the mean of those; "right", the share of right
    labels among what is drawn, an image that is drawn twice counted twice. None, if no image passes.
    tensors: "rows" of the first 1,000 images without a label, and "probs" (rounds, 1,000, C), what each round's average says of them.
    """

    def __init__(self, *study):
        super().__init__(*study)
        self.rest, self.probs = (self.lesson.labels < 0).nonzero().flatten(), []

    def epoch(self, log: Log) -> None:
        if log.epoch % self.recipe.epochs == 0:
            answers = features(self.method.average, self.unseen).argmax(1)
            accuracy = (answers == self.unseen.labels).double().mean().item()
            self.seen.append({"round": log.epoch // self.recipe.epochs, "accuracy": accuracy, **self.labelled()})

    def labelled(self) -> dict[str, float | None]:
        """What the average network would give the next student; its probabilities are kept."""
        threshold, per_class, _ = self.method.labelling
        p = features(self.method.average, self.images[self.rest]).softmax(1)
        self.probs.append(p[:KEPT].half())
        drawn = pseudo_labels.choose(p, threshold, per_class)
        once, right = drawn.unique(), p[drawn].argmax(1) == self.images.labels[self.rest[drawn]]
        if len(drawn) == 0:
            return {"passed": 0.0, "confidence": None, "right": None}
        confidence = p[once].amax(1).mean().item()
        return {"passed": len(once) / len(p), "confidence": confidence, "right": right.double().mean().item()}

    def end(self) -> None:
        self.tensors = {"rows": self.rest[:KEPT].int(), "probs": torch.stack(self.probs)}
