"""Every class as a row: the confidence of its labels, precision and recall of those that pass, and the images that a student is given."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, FAINT, GREY, INK, NEGATIVE, POSITIVE
from ssl_lab.plots.pseudo_labels.numbers import BINS, RIGHT, WRONG, Student, Teacher, part
from ssl_lab.plots.spots import Spots

LEFT, END, FIRST, LAST, PITCH = 0.15, 8.45, 1.82, 6.62, 1.2  # inches: of all rows; the first one's top, the last one's foot, the most of one
CONFIDENCE, SHARES, BARS = (1.3, 4.1), (5.12, 5.8), (6.05, 7.92)  # of the histograms; right ends of two columns; of the bars
MANY = 10  # classes that are shown at most
HEAD = 1.24  # height of the words above
PALE = 0.3  # of what the filter drops


@dataclass(frozen=True)
class Row:
    """One class.   label: which.   top: of its row.   pitch: from one row to the next."""

    label: int
    top: float
    pitch: float

    @property
    def middle(self) -> float:
        return self.top + self.pitch / 2


def shown(teacher: Teacher, chosen: int | None) -> list[int]:
    """The classes that have a row: all, or of many the chosen one and those that the teacher says most often."""
    C = teacher.probs.shape[1]
    often = np.argsort(-teacher.total.sum(1), kind="stable")
    often = [label for label in often.tolist() if label != chosen]
    return sorted(([] if chosen is None else [chosen]) + often[: min(MANY, C) - (chosen is not None)])


def classes(page: Drawing, student: Student, threshold: float, chosen: int | None, most: int) -> None:
    """All rows, their heads and scales.   most: images at the end of the bars'."""
    teacher = student.teacher
    labels = shown(teacher, chosen)
    pitch = min((LAST - FIRST) / len(labels), PITCH)
    lines = [Row(label, FIRST + pitch * place, pitch) for place, label in enumerate(labels)]
    foot = FIRST + pitch * len(lines)
    for line in lines:
        if line.label == chosen:
            page.areas([(LEFT - 0.07, line.top + 0.01, END - LEFT + 0.1, pitch - 0.02)], "", ANCHOR, 2.5)
        page.words(LEFT, line.middle, teacher.name_of(line.label), 13, bold=line.label == chosen)
    if len(lines) < teacher.probs.shape[1]:
        page.words(LEFT, HEAD, f"{len(lines)} of {teacher.probs.shape[1]:,}", 12, GREY)
        page.words(LEFT, FIRST - 0.22, "classes", 12, GREY)
    heads(page, threshold, foot)
    histograms(page, student, lines)
    x = across(threshold)
    page.strokes([[(x, FIRST - 0.1), (x, foot)]], INK, 2, "dashed")
    page.words(x, FIRST - 0.22, f"{threshold:.3g}", 13, bold=True, ha="center")
    columns(page, student, lines, foot)
    bars(page, student, lines, most, foot)
    page.spots += [lambda: confidences(student, lines, chosen), lambda: counts(student, lines, chosen)]


def across(confidence):
    """Where a confidence lies, in inches."""
    start, end = CONFIDENCE
    return start + (end - start) * confidence


def heads(page: Drawing, threshold: float, foot: float) -> None:
    """What the columns are, and the scale of the confidence."""
    start, end = CONFIDENCE
    page.words(start, HEAD, "1  filter", 15, bold=True)
    page.words(end - 0.74, HEAD, "right", 13, POSITIVE, True, ha="right")
    page.words(end, HEAD, "wrong", 13, NEGATIVE, True, ha="right")
    for right, said in zip(SHARES, ("precision", "recall")):
        page.words(right, HEAD, said, 12, GREY, ha="right")
    page.words(BARS[0], HEAD, "2  balance", 15, bold=True)
    page.strokes([[(start, foot), (end, foot)], *([(across(value), foot), (across(value), foot + 0.06)] for value in (0, 0.5, 1))], GREY, 1)
    for value in (0, 0.5, 1):
        page.words(across(value), foot + 0.18, f"{value:g}", 12, GREY, ha="center")
    page.words((start + end) / 2, foot + 0.42, "confidence · heights: √ of the number", 12, GREY, ha="center")


def histograms(page: Drawing, student: Student, lines: list[Row]) -> None:
    """Right labels above a line, wrong ones below it, by their confidence; pale those that do not pass."""
    teacher = student.teacher
    whole, passing = teacher.histogram(), teacher.histogram(student.passed)
    highest = [np.sqrt(max(int(whole[:, side].max()), 1)) for side in (WRONG, RIGHT)]
    unit = 0.9 * lines[0].pitch / sum(highest)
    base = [line.top + line.pitch * 0.95 - unit * highest[WRONG] for line in lines]
    page.strokes([[(CONFIDENCE[0], y), (CONFIDENCE[1], y)] for y in base], GREY, 0.7)
    for side, colour, way in ((RIGHT, POSITIVE, -1), (WRONG, NEGATIVE, 1)):
        for counted, alpha in ((whole, PALE), (passing, 1.0)):
            page.areas([step(counted[line.label, side], y, way * unit) for line, y in zip(lines, base)], colour, alpha=alpha)


def step(counted: Int[np.ndarray, " bins"], base: float, unit: float) -> Float[np.ndarray, "n 2"]:
    """The outline of a histogram on its line."""
    x = across(np.repeat(np.arange(BINS + 1) / BINS, 2))
    return np.stack([x, base + unit * np.sqrt([0, *np.repeat(counted, 2), 0])], axis=1)


def columns(page: Drawing, student: Student, lines: list[Row], foot: float) -> None:
    """Precision and recall of every class, and of all."""
    for line in lines:
        for right, share in zip(SHARES, student.shares(line.label)):
            page.words(right, line.middle, part(share), 14, ha="right")
    page.strokes([[(SHARES[0] - 0.6, foot), (SHARES[1], foot)]], GREY, 1)
    page.words(SHARES[0] - 0.64, foot + 0.2, "all", 13, GREY, ha="right")
    for right, share in zip(SHARES, student.shares()):
        page.words(right, foot + 0.2, part(share), 14, bold=True, ha="right")


def bars(page: Drawing, student: Student, lines: list[Row], most: int, foot: float) -> None:
    """Kept images, right ones and wrong ones, hatched copies of them, and an empty bar for what is cut; the target as a line."""
    start, end = BARS
    unit = (end - start) / most
    parts = [(table[:, side], colour, "", alpha) for table, alpha in ((student.kept, 1.0), (student.copies, PALE))
             for side, colour in ((RIGHT, POSITIVE), (WRONG, NEGATIVE))]  # fmt: skip
    high, place = min(0.6 * lines[0].pitch, 0.4), np.zeros(len(student.kept))
    for counted, colour, edge, alpha in (*parts, (student.cut.sum(1), FAINT, GREY, 1.0)):
        boxes = [box(start + unit * place[line.label], line, unit * counted[line.label], high) for line in lines if counted[line.label]]
        place = place + counted
        if boxes:
            page.areas(boxes, colour, edge, alpha=alpha)
            if alpha == PALE:
                page.strokes([stroke for one in boxes for stroke in hatched(one)], colour, 1.2)
    page.strokes([[(start, FIRST), (start, foot)]], GREY, 1)
    if student.target:
        x = start + unit * student.target
        page.strokes([[(x, FIRST - 0.1), (x, foot)]], INK, 2, "dashed")
        page.words(x, FIRST - 0.22, f"{student.target:,}", 13, bold=True, ha="center")
    for line in lines:
        passing, copies, cut = (int(table[line.label].sum()) for table in (student.passing, student.copies, student.cut))
        said = f"+{short(copies)}" if copies else f"−{short(cut)}" if cut else "" if passing or not student.target else "none"
        page.words(END, line.middle, said, 12, NEGATIVE if said == "none" else GREY, ha="right")
    key(page, foot)


def short(count: int) -> str:
    """A number of images in five letters: thousands above 9,999."""
    return f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"


def box(left: float, line: Row, wide: float, high: float) -> tuple[float, float, float, float]:
    return left, line.middle - high / 2, wide, high


def hatched(one: tuple[float, float, float, float], apart: float = 0.09) -> list[list[tuple[float, float]]]:
    """Lines at 45 degrees in a box."""
    left, top, wide, high = one
    starts = np.arange(apart / 2, wide + high, apart)
    return [[(left + max(s - high, 0), top + min(s, high)), (left + min(s, wide), top + max(s - wide, 0))] for s in starts.tolist()]


def key(page: Drawing, foot: float) -> None:
    """What the parts of a bar mean."""
    y, x = foot + 0.1, BARS[0]
    for left, fill, said in ((x, POSITIVE, "kept"), (x + 0.68, "", "+ copies"), (x + 1.7, FAINT, "− cut")):
        mark = (left, y + 0.02, 0.18, 0.16)
        page.areas([mark], fill or POSITIVE, GREY if fill == FAINT else "", alpha=1.0 if fill else PALE)
        if not fill:
            page.strokes(hatched(mark, 0.07), POSITIVE, 1.2)
        page.words(left + 0.23, y + 0.1, said, 12, GREY)


def toggled(lines: list[Row], chosen: int | None, times: int = 1) -> list[int | None]:
    """A click chooses a class, and on the chosen one all of them."""
    return [None if line.label == chosen else line.label for line in lines for _ in range(times)]


def area(lines: list[Row], left: float, right: float) -> tuple[float, float, float, float]:
    return left, lines[0].top, right - left, lines[0].pitch * len(lines)


def confidences(student: Student, lines: list[Row], chosen: int | None) -> Spots:
    """Every bin of a histogram says its numbers."""
    whole = student.teacher.histogram()[[line.label for line in lines]]
    data = {"right": whole[:, RIGHT].ravel().tolist(), "wrong": whole[:, WRONG].ravel().tolist()}
    names, bins = [student.teacher.name_of(line.label) for line in lines], [f"{k / BINS:.3g} to {(k + 1) / BINS:.3g}" for k in range(BINS)]
    tip, sets = "called {row}, confidence {column}: {right} right, {wrong} wrong", {"chosen": toggled(lines, chosen, BINS)}
    return Spots("confidence of the labels", area(lines, *CONFIDENCE), tip, data, sets, names, bins)


def counts(student: Student, lines: list[Row], chosen: int | None) -> Spots:
    """Every class says its shares, and what became of its labels."""
    said = []
    for line in lines:
        precision, recall, passing = student.shares(line.label)
        size = student.teacher.sizes[line.label]
        shares = f"precision {part(precision)}, recall {part(recall)} of {size} images, {part(passing)} of its labels pass"
        said.append(f"{student.teacher.name_of(line.label)}: {shares}; {student.said(line.label)}")
    box = area(lines, SHARES[0] - 0.62, END)
    return Spots("classes", box, "{row}", sets={"chosen": toggled(lines, chosen)}, rows=said)
