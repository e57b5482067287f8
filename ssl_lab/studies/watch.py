"""What a study may record during its training, beside what every study records."""

from ssl_lab.data import Images
from ssl_lab.method import Method
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import Step


class Watch:
    """It is called after every step and every epoch of a study, and at its end.

    images, unseen: to learn from, and to test on, with all labels.   lesson: the former as the training sees them, with fewer labels where the study
    says so.   seen: its rows, in order, for the record's `seen`.   tensors: the tensors it keeps, by name.
    """

    def __init__(self, method: Method, images: Images, unseen: Images, recipe: Recipe, lesson: Images | None = None):
        self.method, self.images, self.unseen, self.recipe = method, images, unseen, recipe
        self.lesson = images if lesson is None else lesson
        self.seen, self.tensors = [], {}

    def step(self, step: Step) -> None:
        """After every step."""

    def epoch(self, log: Log) -> None:
        """After every epoch."""

    def end(self) -> None:
        """After the last."""
