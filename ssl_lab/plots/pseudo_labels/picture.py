"""The filter and the balance of Noisy Student (Xie et al. 2020): which pseudo-labels a student is given, and how many of them are right."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from ssl_lab.errors import require
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import class_name
from ssl_lab.plots.pseudo_labels import beside, rows
from ssl_lab.plots.pseudo_labels.numbers import RIGHT, Student, Teacher, part, sure

WIDTH, HEIGHT, STRIP, SPLIT = 13.0, 7.4, 1.0, 8.6  # inches; STRIP: the height of the title's; SPLIT: where the right half begins


def pseudo_labelling(
    teachers: Sequence[Teacher], passed: Sequence[Int[np.ndarray, " _"]], drawn: Int[np.ndarray, " K"], shown: int, threshold: float,
    images: UInt8[np.ndarray, "N H W 3"], chosen: int | None = None,
) -> tuple[Drawing, str]:  # fmt: skip
    """The confidence of one teacher's labels, class by class, and the threshold; precision and recall of those that pass; what a student is given.

    teachers: of all generations, of the same images.   passed: of each, the images whose labels pass the threshold.   drawn: of the one that is
    shown, what is left of them after the balance, each as often as it is given.   shown: which teacher, from 0.   threshold: in [0, 1].
    chosen: a class; None = all of them.
    Raises: InputError for a teacher or a class that there is not, or unequal numbers of teachers and filters.
    """
    require(0 <= shown < len(teachers) == len(passed), f"teacher {shown} of {len(teachers)} with {len(passed)} filters: give one filter a teacher")
    teacher, student = teachers[shown], Student(teachers[shown], passed[shown], drawn)
    C = teacher.probs.shape[1]
    require(chosen is None or 0 <= chosen < C, f"class {chosen} is none of the {C}")
    page = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT])
    found, after = finding(student, threshold, chosen), balanced(student)
    when = teacher.name if len(teachers) > 1 else ""
    page.title(found, when, after)
    rows.classes(page, student, threshold, chosen, most(teachers, student))
    wrong = beside.mistakes(page, student, images, chosen)
    beside.thresholds(page, teacher, student, threshold, chosen, alone=len(teachers) == 1)
    if len(teachers) > 1:
        beside.generations(page, teachers, passed, shown, chosen)
    said = ", ".join(both(student, label) for label in rows.shown(teacher, chosen))
    each = f"precision and recall of the classes: {said}; {wrong}" if len(passed[shown]) else f"{len(teacher.truth):,} labels are below it"
    return page, f"{when + ': ' if when else ''}{found[0].lower()}{found[1:]}; {after}; {each}."


def finding(student: Student, threshold: float, chosen: int | None) -> str:
    """What the filter does."""
    teacher = student.teacher
    labels = np.arange(len(teacher.truth)) if chosen is None else np.flatnonzero(teacher.labels == chosen)
    passing = student.passing if chosen is None else student.passing[[chosen]]
    count, what = int(passing.sum()), "" if chosen is None else f"{class_name(chosen, teacher.classes, 20)}: "
    if not len(labels):
        return f"{what}the teacher gives this label to no image"
    if not count:
        return f"{what}No label passes {threshold:g}: the highest confidence is {sure(teacher.confidence[labels].max())}"
    precision, recall, _ = student.shares(chosen)
    one = "label passes" if count == 1 else "labels pass"
    return f"{what}{count:,} of {len(labels):,} {one} {threshold:g}; {part(precision)} of them are right, recall {part(recall)}"


def balanced(student: Student) -> str:
    """What the balance does."""
    if not student.target:
        return "the student is given no image"
    kept, copies, cut = (int(table.sum()) for table in (student.kept, student.copies, student.cut))
    right = part(student.given[:, RIGHT].sum() / student.given.sum())
    return f"balanced to {student.target:,} of each class: {kept:,} images, {copies:,} copies, {cut:,} cut; {right} right"


def both(student: Student, label: int) -> str:
    """Precision and recall of a class."""
    precision, recall, _ = student.shares(label)
    return f"{student.teacher.name_of(label)} {part(precision)} and {part(recall)}"


def most(teachers: Sequence[Teacher], student: Student) -> int:
    """The end of the bars' scale, which stays where the threshold moves."""
    return max(student.target, *(int(teacher.total.sum(1).max()) for teacher in teachers), 1)
