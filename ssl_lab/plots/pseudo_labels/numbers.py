"""What there is to count of pseudo-labels: right and wrong ones of every class, before the filter, behind it, and after the balance."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ssl_lab.plots.look import class_name
from ssl_lab.pseudo_labels import filter

THRESHOLDS = np.arange(100) / 100  # at which curves have a point
BINS = 40  # of the confidence, from 0 to 1
WRONG, RIGHT = 0, 1  # columns of a table


@dataclass(frozen=True, eq=False)
class Teacher:
    """What one teacher says of N images.   name: of it, or of its generation.   probs: of C classes.   truth: the classes, which it never saw."""

    name: str
    probs: Float[np.ndarray, "N C"]
    truth: Int[np.ndarray, " N"]
    classes: tuple[str, ...]

    @cached_property
    def labels(self) -> Int[np.ndarray, " N"]:
        """The pseudo-labels: the most probable class of every image."""
        return self.probs.argmax(1)

    @cached_property
    def confidence(self) -> Float[np.ndarray, " N"]:
        return self.probs.max(1)

    @cached_property
    def right(self) -> Bool[np.ndarray, " N"]:
        return self.labels == self.truth

    @cached_property
    def surest(self) -> Int[np.ndarray, " N"]:
        """All images, the most confident label first."""
        return np.argsort(-self.confidence, kind="stable")

    @cached_property
    def sizes(self) -> Int[np.ndarray, " C"]:
        """Images that are of each class."""
        return np.bincount(self.truth, minlength=self.probs.shape[1])

    @cached_property
    def total(self) -> Int[np.ndarray, "C 2"]:
        """Its labels of every class, wrong ones and right ones."""
        return self.table(np.arange(len(self.truth)))

    def table(self, images: Int[np.ndarray, " n"]) -> Int[np.ndarray, "C 2"]:
        """Labels of these images by their class, wrong ones and right ones; an image that comes twice counts twice."""
        C = self.probs.shape[1]
        return np.bincount(2 * self.labels[images] + self.right[images], minlength=2 * C).reshape(C, 2)

    @cached_property
    def curve(self) -> Int[np.ndarray, "T C 2"]:
        """Labels that pass each of THRESHOLDS, by their class, wrong ones and right ones."""
        return np.stack([self.table(filter(torch.from_numpy(self.probs), float(threshold)).numpy()) for threshold in THRESHOLDS])

    @cached_property
    def cells(self) -> Int[np.ndarray, " N"]:
        """The place of every image in a histogram."""
        place = np.minimum((self.confidence * BINS).astype(int), BINS - 1)
        return (2 * self.labels + self.right) * BINS + place

    def histogram(self, images: Int[np.ndarray, " n"] | slice = slice(None)) -> Int[np.ndarray, "C 2 bins"]:
        """Labels of these images by their class, wrong ones and right ones, and their confidence."""
        C = self.probs.shape[1]
        return np.bincount(self.cells[images], minlength=2 * C * BINS).reshape(C, 2, BINS)

    def name_of(self, label: int) -> str:
        return class_name(label, self.classes)

    def sentence(self, image: int) -> str:
        """What it believes of an image, and what is true."""
        first, *others = np.argsort(-self.probs[image], kind="stable")[:2].tolist()
        then = "".join(f", then {self.name_of(other)} {sure(self.probs[image, other])}" for other in others)
        said = f"the teacher says {self.name_of(first)} {sure(self.probs[image, first])}{then}"
        return f"image {image}: {said}; it is {self.name_of(int(self.truth[image]))}"


@dataclass(frozen=True, eq=False)
class Student:
    """What a student is given.   passed: images whose labels pass the filter.   drawn: those of them that are left, as often as they are drawn."""

    teacher: Teacher
    passed: Int[np.ndarray, " M"]
    drawn: Int[np.ndarray, " K"]

    @cached_property
    def passing(self) -> Int[np.ndarray, "C 2"]:
        """Labels that pass, by their class, wrong ones and right ones; so are those below."""
        return self.teacher.table(self.passed)

    @cached_property
    def given(self) -> Int[np.ndarray, "C 2"]:
        return self.teacher.table(self.drawn)

    @cached_property
    def kept(self) -> Int[np.ndarray, "C 2"]:
        """Different images that are given."""
        return self.teacher.table(np.unique(self.drawn))

    @cached_property
    def copies(self) -> Int[np.ndarray, "C 2"]:
        """How often images are given once more."""
        return self.given - self.kept

    @cached_property
    def cut(self) -> Int[np.ndarray, "C 2"]:
        """Labels that pass and are more than are needed."""
        return self.passing - self.kept

    @cached_property
    def target(self) -> int:
        """As many images of each class that has any are given; 0 where no label passes."""
        return int(self.given.sum(1).max())

    def shares(self, chosen: int | None = None) -> tuple[float, float, float]:
        return shares(self.passing, self.teacher, chosen)

    def said(self, label: int) -> str:
        """What became of the labels of a class, in numbers."""
        passing, kept, copies, cut = (int(table[label].sum()) for table in (self.passing, self.kept, self.copies, self.cut))
        if not passing:
            return "no label passes"
        more = f", {copies} {'copy' if copies == 1 else 'copies'} of them" if copies else f", {cut} cut" if cut else ""
        right = self.given[label, RIGHT] / self.given[label].sum()
        return f"{passing} pass, {kept} kept{more}; {part(right)} of the {self.target} given are right"


def shares(tables: Int[np.ndarray, "*n C 2"], teacher: Teacher, chosen: int | None = None) -> tuple:
    """Precision, recall, and the share that passes, of all labels or of those of one class; NaN where there are none.

    precision: right ones among those that pass.   recall: right ones that pass, among all images that are of the class.
    """
    every = chosen is None
    mine, size = (tables.sum(-2), teacher.sizes.sum()) if every else (tables[..., chosen, :], teacher.sizes[chosen])
    total, passing = teacher.total.sum() if every else teacher.total[chosen].sum(), mine.sum(-1)
    return ratio(mine[..., RIGHT], passing), ratio(mine[..., RIGHT], size), ratio(passing, total)


def ratio(part, whole):
    """A share; NaN of nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)[()]


def sure(probability: float | np.floating) -> str:
    """A probability in two digits, in three where two would say 0 or 1; never rounded up to 1, since only 1 is certain."""
    p = float(probability)
    if 0.005 <= p < 0.995:
        return f"{p:.2f}"
    return "1" if p >= 1 else "below 0.001" if p < 0.001 else f"{int(p * 1000) / 1000:.3f}"


def part(share: float | np.floating) -> str:
    """A share in whole percent, in tenths where these would say 100 and not all are meant; a dash where there is none."""
    if not np.isfinite(share):
        return "–"
    return f"{share:.0%}" if share >= 1 or share < 0.995 else f"{int(share * 1000) / 10}%"
