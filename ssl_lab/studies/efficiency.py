"""How many labels the grid of CPC saves: efficient classification, against the number of labels."""

from ssl_lab import evaluate
from ssl_lab.data import Images
from ssl_lab.studies.labels import Labels

STEPS = 200  # of each of the two stages


class Efficiency(Labels):
    """seen: "labels", their number, and the accuracy of four learners with these labels. CPC has seen all images, no label.

    linear: logistic regression on the mean of the frozen grid.   frozen: a deeper network on the frozen grid.   tuned: then all of it, fine-tuned.
    scratch: the same network from random weights, for as many steps as both stages together.
    counts: a hundredth, a tenth and all of 10,000.   steps: of each stage.   Hénaff et al. 2020, arXiv 1905.09272, section 4.2.
    """

    counts, steps = (100, 1_000, 10_000), STEPS

    def row(self, some: Images) -> dict[str, float]:
        """The accuracy of every learner with these labels."""
        f, test = self.method.encoder, self.unseen
        h, ht = evaluate.features(f, some), evaluate.features(f, test)
        found = evaluate.efficient(f, some, test, steps=self.steps, threads=1)
        return {
            "linear": evaluate.linear_probe(h, some.labels, ht, test.labels).accuracy,
            "frozen": found.frozen,
            "tuned": found.tuned,
            "scratch": evaluate.from_scratch(f, some, test, steps=2 * self.steps, threads=1),
        }
