"""What every encoder of CMC keeps, each measured on the view that it sees."""

from torch import nn

from ssl_lab.data import Images
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.studies.watch import Watch


class Encoders(Watch):
    """seen: "view"; "random" and "knn", kNN accuracy of its encoder before and after; "linear", the probe's; and R² of every factor, after.

    A method with one encoder has one row, and its view is "x".
    """

    def __init__(self, *study):
        super().__init__(*study)
        self.random = {name: knn_of(f, self.images, self.unseen) for name, f in self.encoders().items()}

    def encoders(self) -> dict[str, nn.Module]:
        return dict(getattr(self.method, "encoders", {"x": self.method.encoder}))

    def end(self) -> None:
        for name, f in self.encoders().items():
            h, ht = features(f, self.images), features(f, self.unseen)
            linear = linear_probe(h, self.images.labels, ht, self.unseen.labels).accuracy
            row = {"view": name, "random": self.random[name], "knn": knn_of(f, self.images, self.unseen), "linear": linear}
            self.seen.append(row | factor_table(ht, self.unseen))


def knn_of(encoder: nn.Module, images: Images, unseen: Images) -> float:
    return knn_accuracy(features(encoder, images), images.labels, features(encoder, unseen), unseen.labels)
