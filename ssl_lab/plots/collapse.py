"""How an embedding collapses: where the images lie, how every dimension spreads, and the loss that falls to zero because of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.method import COLLAPSED
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.embedding import KINDS
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, PAPER, POSITIVE, class_name
from ssl_lab.plots.spots import Spots

WIDE, HIGH, STRIP = 13.0, 7.5, 1.05  # inches; the strip has the title
BOX = 0.15, 1.4, 4.8, 4.8  # of the map
MARKS = "o^s*vdP><X"  # one a class, for eyes that do not tell ten colours apart; for the classes of the scenes as like the shape as may be
ROOM = 1.45  # from the middle of the map to its edge, in radii of the unit sphere, whatever the points do
DOT = 0.2  # radii of the sphere: points that are all so near the middle are pointed at
ROW = 0.33  # inches of a row of the table
LESS = 0.75  # of the usual spread: with less, a collapse has begun


@dataclass(frozen=True)
class Course:
    """How one training went: its steps from 1, and at each the loss, and of unit rows std (1 = healthy), effective rank, and rank once centred.

    click: the step that a click on each goes to, such as the nearest that can be drawn; None = itself.
    """

    step: np.ndarray
    loss: np.ndarray
    std: np.ndarray
    rank: np.ndarray
    centred: np.ndarray
    click: np.ndarray | None = None

    def at(self, step: int) -> dict[str, float]:
        """The values at the last point up to this step."""
        place = max(np.searchsorted(self.step, step, side="right") - 1, 0)
        return {name: float(getattr(self, name)[place]) for name in ("loss", "std", "rank", "centred")}


@dataclass(frozen=True)
class Ablation:
    """Accuracies in percent, in the paper and here, one row a set of switches.

    chosen: which row is shown.   untrained: of random weights, here.   sets: switch → its value in every row, which a click on that row gives it.
    """

    rows: tuple[tuple[str, float, float], ...]
    chosen: int
    untrained: float
    note: str = ""
    sets: Mapping[str, tuple] = field(default_factory=dict)


def collapse(
    xy: Float[np.ndarray, "N 2"], labels: Int[np.ndarray, " N"], classes: tuple[str, ...],
    spread: Float[np.ndarray, " d"], course: Course, usual_spread: Float[np.ndarray, " d"], usual: Course, table: Ablation, step: int, what: str,
) -> tuple[Figure, str]:  # fmt: skip
    """One training at one step, beside the usual one that no switch was turned in.

    xy: N images on a map whose distances are those of unit rows.   spread: std of every dimension of unit rows.   what: the switches, in words.
    Raises: InputError for a step that there is not.
    """
    last = int(course.step[-1])
    require(1 <= step <= last, f"step={step} is not among the steps, 1 to {last}")
    now, then = course.at(step), usual.at(step)
    found = finding(now, then, step == last, table)
    what = f"{what}, step {step:,} of {last:,}"
    page = Drawing(WIDE, HIGH, STRIP, [5.1, 9.1])
    page.title(found, f"━ {what}", size=19)
    images(page, xy, labels, classes)
    curves(page, course, usual, step, now)
    bars(page, spread, usual_spread)
    ablation(page, table)
    beside = f"; BYOL as it is: {told(then)}" if usual is not course else ""
    return page, f"{what}: {told(now)}{beside}; {found[0].lower()}{found[1:]}."


def told(now: dict[str, float]) -> str:
    return f"loss {now['loss']:.3f}, std {now['std']:.2f}, effective rank {now['rank']:.1f}, centred {now['centred']:.1f}"


def finding(now: dict[str, float], then: dict[str, float], ended: bool, table: Ablation) -> str:
    """What is to be seen at this step."""
    if now["std"] < COLLAPSED:
        return f"Collapsed: all images lie close to one point, and that is why the loss is {now['loss']:.3f}"
    if now["std"] < LESS * then["std"]:
        return f"Collapsing: the images draw together, and the loss falls to {now['loss']:.2f}"
    accuracy, paper = table.rows[table.chosen][2], table.rows[table.chosen][1]
    if ended and accuracy < table.untrained + 5:
        return f"No collapse, and yet nothing is learned: {accuracy:.0f} %, untrained {table.untrained:.0f} %"
    if ended and paper < LESS * table.rows[0][1]:
        return f"No collapse here: kNN names {accuracy:.0f} % of the shapes, the paper's run {paper:.1f} % of its classes"
    return f"No collapse: the images stay apart, and kNN names {accuracy:.0f} % of the shapes" if ended else "No collapse: the images stay apart"


def images(page: Drawing, xy, labels, classes) -> None:
    """The map, always to the same scale: points that draw together are seen to."""
    left, top, side, _ = BOX
    x, y = (xy * (1, -1) + ROOM).T * side / (2 * ROOM) + [[left], [top]]
    page.words(left, top - 0.18, f"{len(xy)} unseen scenes, as far apart as in z", 15, bold=True)
    page.areas([BOX], "", "#c9c4ba")
    for kind in range(len(classes)):
        own, colour, mark = labels == kind, KINDS[kind % len(KINDS)], MARKS[kind % len(MARKS)]
        size = 12 if mark == "*" else 8.7  # a star has little paint
        page.marks(x[own], y[own], mark, size, colour, PAPER, 0.7)
        across, down = left + 0.13 + 1.17 * (kind // 3), top + side + 0.29 + 0.27 * (kind % 3)
        page.marks(across, down, mark, size, colour)
        page.words(across + 0.19, down, class_name(kind, classes), 12)
    page.strokes([[(left + 0.22, top + side - 0.23), (left + 0.22 + side / (2 * ROOM), top + side - 0.23)]], GREY, 2)
    page.words(left + 1.97, top + side - 0.23, "radius of the sphere", 12, GREY)
    if abs(xy).max() < DOT:
        middle, high, tip = x.mean(), top + side / 3, y.min() - 0.14
        page.words(middle, high, f"all {len(xy)} of them", ha="center")
        page.strokes([[(middle, high + 0.15), (middle, tip)], [(middle - 0.06, tip - 0.1), (middle, tip), (middle + 0.06, tip - 0.1)]], INK, 1)
    said = {"kind": np.array([class_name(kind, classes, 24) for kind in range(len(classes))])[labels], "image": range(len(xy))}
    page.spots.append(Spots("images", BOX, "{kind}: image {image}", said, at=np.stack([x, y], axis=1)))


def curves(page: Drawing, course: Course, usual: Course, step: int, now: dict[str, float]) -> None:
    """Loss, std and ranks at all steps, on a logarithmic scale."""
    measures = {
        "loss": (f"loss {now['loss']:.3f}", (0, 2, 4), 4.2),
        "std": (f"std {now['std']:.2f} of 1", (0, 0.5, 1), 1.05),
        "rank": (f"rank {now['rank']:.1f}", (1, 32, 64), 68),
    }
    x, last = np.log10(course.step), np.log10(course.step[-1])
    same = np.maximum(np.searchsorted(usual.step, course.step, side="right") - 1, 0)
    for place, (name, (head, ticks, most)) in enumerate(measures.items()):
        chart = Chart(page, 5.65, 1.4 + 2 * place, 8.8, 2.58 + 2 * place, (-0.15, last), (0, most))
        low, values = name == "rank", getattr(course, name)
        decades = {n: f"{10**n:,}" for n in range(6) if n <= last} if low else {}
        chart.frame(decades, {tick: f"{tick:g}" for tick in ticks}, "step" * low, size=13)
        chart.curve(np.log10(usual.step), getattr(usual, name), POSITIVE, 2, "dashed")
        tip, data = f"step {{step}}: {name} {{value}}", {"step": [f"{one:,}" for one in course.step], "value": [f"{value:.3f}" for value in values]}
        if low:
            chart.curve(x, course.centred, NEGATIVE, 2)
            misses = ": misses it" * (now["std"] < COLLAPSED)
            page.words(chart.right, chart.top - 0.18, f"centred {now['centred']:.1f}{misses}", 13, NEGATIVE, ha="right")
            tip, data = tip + ", centred {centred}", {**data, "centred": [f"{value:.1f}" for value in course.centred]}
        if usual is not course:
            tip, data = tip + "; BYOL as it is: {usual}", {**data, "usual": [f"{value:.3f}" for value in getattr(usual, name)[same]]}
        chart.curve(x, values)
        chart.dots(np.log10(step), now[name])
        page.words(chart.left, chart.top - 0.18, head, 15, bold=True)
        chart.answers(name, x, values, tip, data, {"step": course.step if course.click is None else course.click})
    if usual is not course:
        page.words(8.8, 1.22, "╍ BYOL as it is", 13, POSITIVE, ha="right")


def bars(page: Drawing, spread, usual_spread) -> None:
    """Std of every dimension, the widest first."""
    d, even, order = len(spread), len(spread) ** -0.5, np.argsort(-spread, kind="stable")
    chart, most = Chart(page, 9.8, 1.4, 12.85, 3.0, (0, d), (0, 3.2 * even)), 3.2 * even
    values, centres = np.minimum(spread[order], most), np.arange(d) + 0.5
    outline = chart.points(np.repeat(np.arange(d + 1), 2), [0, *np.repeat(values, 2), 0])
    page.areas([outline], INK)
    chart.frame({}, {0: "0", **{k * even: f"{k}/√d" for k in (1, 2, 3)}}, size=13)
    chart.curve(centres, np.minimum(np.sort(usual_spread)[::-1], most), POSITIVE, 2, "dashed")
    chart.level(even, GREY, 1.5, "dotted")
    page.words(chart.left, chart.top - 0.18, f"std of {d} dimensions", 15, bold=True)
    said = {"dimension": order, "std": [f"{value:.3f}" for value in spread[order]]}
    chart.answers("dimensions", centres, values, f"dimension {{dimension}}: std {{std}}, healthy 1/√d = {even:.3f}", said)


def ablation(page: Drawing, table: Ablation, left: float = 9.2, top: float = 3.75, width: float = 3.65) -> None:
    """The paper's accuracies and ours, the chosen row in front."""
    columns = {"paper": left + width - 0.75, "here": left + width - 0.08}
    page.words(left + 0.08, top, "accuracy in %", 15, bold=True)
    first = top + 0.05 + ROW / 2
    page.areas([(left, first + ROW * table.chosen, width, ROW)], FAINT)
    for word, x in columns.items():
        page.words(x, top, word, 13, ha="right")
    for number, (words, *values) in enumerate(table.rows):
        y, bold = first + ROW * (number + 0.5), number == table.chosen
        page.words(left + 0.08, y, words, 12, bold=bold)
        for x, value in zip(columns.values(), values):
            page.words(x, y, f"{value:.1f}", 12, bold=bold, ha="right")
    page.words(left + 0.08, first + ROW * len(table.rows) + 0.12, table.note, 12, GREY, va="top")
    names, paper, here = zip(*table.rows)
    tip, box = "{row}: {paper} % in the paper, {here} % here", (left, first, width, ROW * len(names))
    page.spots.append(Spots("rows of the table", box, tip, {"paper": paper, "here": [f"{value:.1f}" for value in here]}, table.sets, rows=names))
