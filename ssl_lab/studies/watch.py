"""What may be looked at while a study trains, beside what is recorded of all of them."""

from ssl_lab.data import Images
from ssl_lab.method import Method
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import Step


class Watch:
    """Sees every step and every epoch of a study, and its end.

    images, unseen: to learn from, and not.   seen: rows of what it saw, in order: the record's `seen`.   tensors: likewise, by name.
    """

    def __init__(self, method: Method, images: Images, unseen: Images, recipe: Recipe):
        self.method, self.images, self.unseen, self.recipe = method, images, unseen, recipe
        self.seen, self.tensors = [], {}

    def step(self, step: Step) -> None:
        """After every step."""

    def epoch(self, log: Log) -> None:
        """After every epoch."""

    def end(self) -> None:
        """After the last."""
