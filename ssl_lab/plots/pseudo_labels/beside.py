"""Beside the classes: the labels that are wrong and sure, and precision and recall at every threshold and in every generation."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import GREY, HEAD, INK, NEGATIVE, POSITIVE, class_name, smaller
from ssl_lab.plots.pseudo_labels.numbers import THRESHOLDS, Student, Teacher, part, shares, sure
from ssl_lab.plots.spots import Spots

X, END = 8.8, 12.85  # inches: where the right half begins and ends
FIRST, COLUMNS, WIDE, HIGH, IMAGE = 1.5, 4, 1.03, 1.42, 0.92  # of the images: the first row's top, from one to the next, their side
SHORT = 9  # letters of a class below an image
TOP, LOW = 5.05, 6.62  # of the charts
LINES = (("precision", POSITIVE, ""), ("recall", INK, "dashed"), ("pass", GREY, "dotted"))


def mistakes(page: Drawing, student: Student, images: UInt8[np.ndarray, "N H W 3"], chosen: int | None) -> str:
    """Images whose labels pass and are wrong, the most confident first; a click chooses the class that the teacher says. Returns them in words."""
    teacher, passes = student.teacher, np.zeros(len(student.teacher.truth), bool)
    passes[student.passed] = True
    wrong = passes & ~teacher.right & ((teacher.labels == chosen) if chosen is not None else True)
    found = teacher.surest[wrong[teacher.surest]]
    page.words(X, FIRST - 0.26, f"wrong and sure: {len(found):,}", **HEAD)
    page.words(END - 0.25, FIRST - 0.26, "says", 13, NEGATIVE, True, ha="right")
    page.words(END, FIRST - 0.26, "is", 13, ha="right")
    shown, at = found[: 2 * COLUMNS].tolist(), []
    if not shown:
        what = "no label" if chosen is None else "no label of this class"
        none = f"{what} that passes is wrong" if student.shares(chosen)[2] > 0 else f"{what} passes"
        page.words(X, FIRST + 0.2, none, 14, GREY)
        return none
    for place, (image, pixels) in enumerate(zip(shown, smaller(images[shown], 96))):
        left, top = X + WIDE * (place % COLUMNS), FIRST + HIGH * (place // COLUMNS)
        page.picture(pixels, left, top, IMAGE)
        page.words(left + IMAGE / 2, top + IMAGE - 0.12, sure(teacher.confidence[image]), 12, "#fffffe", True, "center", ground="#000000")
        label, truth = (class_name(int(labels[image]), teacher.classes, SHORT) for labels in (teacher.labels, teacher.truth))
        page.words(left + IMAGE / 2, top + IMAGE + 0.13, label, 12, NEGATIVE, True, ha="center")
        page.words(left + IMAGE / 2, top + IMAGE + 0.33, truth, 12, ha="center")
        at.append((left + IMAGE / 2, top + IMAGE / 2))
    said, sets = {"said": [*map(teacher.sentence, shown)]}, {"chosen": teacher.labels[shown].tolist()}
    page.spots.append(Spots("wrong and sure", (X, FIRST, END - X, HIGH * (1 + (len(shown) - 1) // COLUMNS)), "{said}", said, sets, at=at))
    label, truth = (teacher.name_of(int(labels[shown[0]])) for labels in (teacher.labels, teacher.truth))
    return f"the surest wrong one says {label}, {sure(teacher.confidence[shown[0]])}, and it is {truth}"


def legend(page: Drawing) -> None:
    """The names of the curves."""
    for left, (name, colour, dash) in zip((X, X + 1.5, X + 2.65), LINES):
        page.strokes([[(left, TOP - 0.3), (left + 0.34, TOP - 0.3)]], colour, 3, dash)
        page.words(left + 0.4, TOP - 0.3, name, 13, colour, True)


def thresholds(page: Drawing, teacher: Teacher, student: Student, threshold: float, chosen: int | None, alone: bool) -> None:
    """Precision, recall and the share that passes at every threshold; a click takes one."""
    legend(page)
    chart = Chart(page, X + 0.38, TOP, END if alone else X + 1.95, LOW, (0, 1), (0, 1))
    curves = shares(teacher.curve, teacher, chosen)
    chart.frame({0: "0", 1: "1"}, {0: "0", 0.5: "0.5", 1: "1"})
    page.words((chart.left + chart.right) / 2, LOW + 0.18, "threshold", 12, GREY, ha="center")
    chart.upright(threshold, GREY)
    for (_, colour, dash), curve, now in reversed([*zip(LINES, curves, student.shares(chosen))]):
        chart.curve(THRESHOLDS, curve, colour, 3, dash)
        chart.dots(threshold, now, colour, 9)

    def spots() -> Spots:
        said = {name: [*map(part, curve)] for name, curve in zip(("precision", "recall", "passing"), curves)}
        tip = "threshold {threshold}: precision {precision}, recall {recall}, {passing} of the labels pass"
        data, at = {"threshold": [f"{one:g}" for one in THRESHOLDS], **said}, chart.points(THRESHOLDS, curves[1]).tolist()
        return Spots("precision and recall at every threshold", chart.box, tip, data, {"threshold": THRESHOLDS}, at=at, along="x")

    page.spots.append(spots)


def generations(page: Drawing, teachers: Sequence[Teacher], passed: Sequence[Int[np.ndarray, " _"]], shown: int, chosen: int | None) -> None:
    """The same of every generation at the present threshold; a click takes one."""
    count, number = len(teachers), np.arange(1, len(teachers) + 1)
    chart = Chart(page, X + 2.5, TOP, END - 0.12, LOW, (1 - 0.1, count + 0.1), (0, 1))
    each = np.array([shares(teacher.table(rows), teacher, chosen) for teacher, rows in zip(teachers, passed)])
    chart.frame({1: "1", count: f"{count}"}, {0: "0", 0.5: "0.5", 1: "1"})
    page.words((chart.left + chart.right) / 2, LOW + 0.18, "generation", 12, GREY, ha="center")
    chart.upright(shown + 1, GREY)
    for (_, colour, dash), curve in reversed([*zip(LINES, each.T)]):
        chart.curve(number, curve, colour, 3, dash)
        chart.dots(number, curve, colour, 6)
        chart.dots(shown + 1, curve[shown], colour, 11)
    said = {name: [*map(part, curve)] for name, curve in zip(("precision", "recall", "passing"), each.T)}
    right = [part(float(teacher.right.mean())) for teacher in teachers]
    tip = "{name}: precision {precision}, recall {recall}, {passing} of the labels pass; {right} of all its labels are right"
    data = {"name": [teacher.name for teacher in teachers], **said, "right": right}
    chart.answers("generations", number, each[:, 1], tip, data, {"generation": number})
