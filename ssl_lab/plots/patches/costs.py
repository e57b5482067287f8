"""What predictions pay: every target of one image, the mean over the batch, and every direction and step."""

from collections.abc import Mapping

import numpy as np

from ssl_lab.plots.contrastive.cells import DARK, LIGHT, TO_NEGATIVE
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, INK, percent
from ssl_lab.plots.patches.batch import Cut, Lattice, named
from ssl_lab.plots.patches.grid import clicks
from ssl_lab.plots.patches.numbers import Found
from ssl_lab.plots.spots import Box, Spots

LEFT, RIGHT, HEAD, TOP, SIDE = 9.5, 12.85, 1.24, 1.42, 2.5  # inches: of the map of one image
SCALE, WIDE, DARKEST = 12.12, 0.16, 1.5  # left edge and width of the scale; the loss that is darkest, in chance levels
BELOW, SMALL, TABLE = 4.33, 1.55, 11.2  # height of the second heads; side of the map of the batch; left edge of the table
FIRST, STEP, COLUMN = 4.88, 0.29, 0.58  # height of the table's first line, from one to the next; between its columns
FOOT, CELL, STEPS = 6.38, 0.4, 2  # height of the foot; inches of a cell that has room for its number; steps in the table
Means = Mapping[tuple[str, int], float]  # (direction, k) → mean loss


def costs(page: Drawing, cut: Cut, hit: Found, means: Means, direction: str, image: int, target: int) -> None:
    """The map of the image, of the batch, and the table; below, the mean that `losses.cpc_nce` gives, and the chance level."""
    page.words(LEFT, HEAD, f"Loss of every target in image {image}", 14, bold=True)
    whole = (LEFT, TOP, SIDE, cut.grid), (LEFT, BELOW + 0.17, SMALL, cut.grid)
    own, every = (Lattice(*where) for where in whole)
    mine, batch = hit.whole(hit.loss[image]), hit.whole(hit.loss.mean(0))
    for lattice, values in ((own, mine), (every, batch)):
        blank(page, lattice, values)
        lattice.paint(page, values / hit.chance / DARKEST, TO_NEGATIVE)
        spell(page, lattice, values, hit.chance)
        lattice.frame(page, hit.context(target), target)
    scale(page, hit.chance)
    page.words(LEFT, BELOW, "Batch mean", 14, bold=True)
    table(page, means, direction, hit.k)
    every_one = f"the method's loss, all of them: {few(np.mean([*means.values()]))}"
    said = f"mean of {hit.loss.size} losses: cpc_nce = {few(hit.mean)}", every_one, f"chance: log {len(hit.z)} = {hit.chance:.2f}"
    for line, words in enumerate(said):
        page.words(LEFT, FOOT + 0.26 * line, words, 13)
    page.spots += [
        lambda: targets_say(cut, hit, image, target, own.box),
        lambda: means_say(cut, hit, batch, target, every.box),
    ]


def blank(page: Drawing, lattice: Lattice, values: np.ndarray) -> None:
    """Where nothing is predicted: an empty ground."""
    page.areas([lattice.of(patch, 0) for patch in np.flatnonzero(np.isnan(values)).tolist()], FAINT)


def spell(page: Drawing, lattice: Lattice, values: np.ndarray, chance: float) -> None:
    """The loss of every cell that has room for it."""
    if lattice.cell < CELL:
        return
    for patch in np.flatnonzero(~np.isnan(values)).tolist():
        value = float(values.flat[patch])
        page.words(*lattice.middle(patch), few(value, 1), 12, LIGHT if value > chance * DARKEST / 2 else DARK, ha="center")


def scale(page: Drawing, chance: float) -> None:
    """What the colours mean, from no loss at the bottom up."""
    page.image(TO_NEGATIVE(np.linspace(1, 0, 256), bytes=True)[:, None], SCALE, TOP, WIDE, SIDE)
    for part, words in ((0, "0"), (1 / DARKEST, f"{chance:.1f}"), (1, f"{DARKEST * chance:.1f}")):
        y = TOP + SIDE * (1 - part) + {0: -0.06, 1: 0.06}.get(part, 0)
        page.words(SCALE + WIDE + 0.07, y, words, 12, GREY)
    page.words(SCALE + WIDE + 0.07, TOP + SIDE * (1 - 1 / DARKEST) + 0.19, "chance", 12, GREY)


def table(page: Drawing, means: Means, direction: str, k: int) -> None:
    """The mean loss of every direction and step; a click takes one."""
    directions, steps = dict.fromkeys(way for way, _ in means), [*dict.fromkeys(step for _, step in means)]
    steps = steps if len(steps) <= STEPS else [k]
    page.words(TABLE, BELOW, "All directions", 14, bold=True)
    for column, step in enumerate(steps):
        page.words(place(column), FIRST - STEP, f"k={step}", 12, GREY, ha="right")
    for row, way in enumerate(directions):
        page.words(TABLE, FIRST + STEP * row, way, 13, INK, way == direction)
        for column, step in enumerate(steps):
            chosen = (way, step) == (direction, k)
            page.words(place(column), FIRST + STEP * row, few(means[way, step]), 13, INK, chosen, ha="right")
    box = (TABLE, FIRST - STEP / 2, place(len(steps) - 1) - TABLE + 0.02, STEP * len(directions))
    page.spots.append(lambda: table_says(means, [*directions], steps, box))


def few(loss: float, digits: int = 2) -> str:
    """In at most five signs."""
    digits = min(digits, 2 if loss < 9.995 else 1 if loss < 99.95 else 0)
    return f"{loss:.{digits}f}" if loss < 9999 else f"{loss:.0e}"


def place(column: int) -> float:
    """The right end of a column's numbers."""
    return TABLE + 1.12 + COLUMN * column


def targets_say(cut: Cut, hit: Found, image: int, target: int, box: Box) -> Spots:
    """Every target says what it pays; a click takes it."""
    loss, rank = (hit.whole(values).ravel() for values in (hit.loss[image], hit.ranks(image).astype(float)))
    there = f"loss {{:.2f}}, share {{}}, rank {{:.0f}} of {len(hit.z)}"
    said = [there.format(one, percent(np.exp(-one)), place) if one == one else "no prediction here" for one, place in zip(loss, rank)]
    sets = {"target": clicks(hit, target)}
    return Spots("loss of every target", box, "{row}, {column}: {said}", {"said": said}, sets, **named(cut.grid))


def means_say(cut: Cut, hit: Found, batch: np.ndarray, target: int, box: Box) -> Spots:
    """The mean over the images of the batch."""
    said = [f"mean loss {one:.2f} of {len(hit.loss)} images" if one == one else "no prediction here" for one in batch.ravel()]
    sets = {"target": clicks(hit, target)}
    return Spots("mean loss of the batch", box, "{row}, {column}: {said}", {"said": said}, sets, **named(cut.grid))


def table_says(means: Means, directions: list[str], steps: list[int], box: Box) -> Spots:
    """Every number in words; only what there is to choose is set."""
    pairs = [(way, step) for way in directions for step in steps]
    sets = {"direction": [way for way, _ in pairs]} if len(directions) > 1 else {}
    sets |= {"k": [step for _, step in pairs]} if len(steps) > 1 else {}
    data = {"loss": [f"{means[pair]:.2f}" for pair in pairs]}
    return Spots("all directions", box, "{row}, {column}: mean loss {loss}", data, sets, rows=directions, columns=[f"k = {step}" for step in steps])
