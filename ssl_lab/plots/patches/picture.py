"""CPC v2 (Hénaff et al. 2020): a context predicts a patch, its target, and finds it, or another one, among all patches of the batch."""

import numpy as np

from ssl_lab.errors import one_of, require
from ssl_lab.methods.cpc import DIRECTIONS
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import percent
from ssl_lab.plots.patches.batch import Cut
from ssl_lab.plots.patches.candidates import candidates, weights
from ssl_lab.plots.patches.costs import Means, costs
from ssl_lab.plots.patches.grid import grid
from ssl_lab.plots.patches.numbers import Field, Found, shared

WIDTH, HEIGHT, STRIP, SPLITS = 13.0, 7.3, 1.0, (4.95, 9.35)  # inches; STRIP: the height of the title's; SPLITS: between the three parts
AWAY = {"down": ("row", "below"), "left": ("column", "left of"), "up": ("row", "above"), "right": ("column", "right of")}  # of the context


def patches(cut: Cut, hit: Found, field: Field, image: int, target: int, means: Means) -> tuple[Drawing, str]:
    """One image in patches with what the context sees, the candidates of one prediction, and the loss of every prediction.

    cut: the images of a batch and their patches.   hit: all predictions of one direction and one step.   field: of this image and direction.
    image, target: the prediction in hand.   means: (direction, k) → mean loss, of all that the method predicts.
    Raises: InputError for an image or a target that there is not, or parts that do not belong together.
    """
    direction = DIRECTIONS[hit.turn]
    check(cut, hit, field, image, target, means, direction)
    page, place, N = Drawing(WIDTH, HEIGHT, STRIP, SPLITS), hit.place(target), len(hit.z)
    rank, away, kind = int(hit.ranks(image)[place]), distance(direction, hit.k), "augmented patches" if cut.augmented else "plain patches"
    loss, chance, share = hit.loss[image, place], f"chance log {N} = {hit.chance:.2f}", percent(np.exp(-hit.loss[image, place]))
    page.title(f"The target, {away}, {'is the first' if rank == 1 else f'ranks {rank}'} of {N} candidates")
    page.words(0.15, 0.74, f"{direction}, k = {hit.k} · share {share} · loss {loss:.2f}, mean {hit.mean:.2f}, {chance} · {kind}", 14)
    grid(page, cut, hit, field, image, target)
    candidates(page, cut, hit, image, target)
    costs(page, cut, hit, means, direction, image, target)
    found = f"the target at {cut.where(target)}, {away}, ranks {rank} of {N} with {share} of the weight, {others(hit, image, target)}"
    paid = f"loss {loss:.2f}, {hit.mean:.2f} on average over {len(hit.loss)} images, {chance}"
    setting = f"Predicting {direction}, k = {hit.k}, {kind} of {cut.called(image)}"
    return page, f"{setting}: {sight(cut, hit, field, target)}; {found}; {paid}."


def distance(direction: str, k: int) -> str:
    """How far the target is: 2 rows below its context."""
    unit, side = AWAY[direction]
    return f"{k} {unit}{'s' * (k > 1)} {side} its context"


def sight(cut: Cut, hit: Found, field: Field, target: int) -> str:
    """What the context sees, and who sees the target, in words."""
    context = hit.context(target)
    seen = field.seen(context)
    part = percent(shared(seen, target, cut.grid, cut.size, cut.stride))
    sees = f"the context at {cut.where(context)} sees {seen.sum()} of {len(seen)} patches, with {part} of the target's pixels"
    return f"{sees}, and {field.told(target).sum()} contexts see the target"


def others(hit: Found, image: int, target: int) -> str:
    """What the other candidates have, in words."""
    have = weights(hit, image, target)
    said = {"same image": "the same image", "other images": "other images"}
    return " and ".join(f"{percent(have[kind][0])} go to {have[kind][1]} patches of {words}" for kind, words in said.items())


def check(cut: Cut, hit: Found, field: Field, image: int, target: int, means: Means, direction: str) -> None:
    """Refuse what cannot be drawn."""
    B, (G, J) = len(cut.images), cut.grid
    fits = hit.grid == cut.grid and len(hit.loss) == B == len(cut.tiles) == len(cut.labels) and field.moved.shape == (G * J, G * J)
    whole = f"{B} images have {G} x {J} patches each, predictions are of {len(hit.loss)} images with {hit.grid[0]} x {hit.grid[1]}"
    require(fits, f"{whole}, and {len(field.moved)} patches were covered; give all of the same batch")
    require(0 <= image < B, f"image={image} is none of the {B} of the batch, 0 to {B - 1}")
    those = ", ".join(map(str, sorted(hit.targets)))
    require(target in hit.targets, f"target={target} is not predicted {direction} with k={hit.k}; these are: {those}")
    one_of((direction, hit.k), means, "mean loss")
