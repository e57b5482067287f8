"""Pairs of views under every strength of their transform, and the shortcut meter that says whether colour gives the partner away."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial

import torch
from torch import Tensor

from ssl_lab import plots
from ssl_lab.augment import Augmentation, Chosen, Drawn, DrawnPatches, PatchAugmentation, Pixels, RandAugment, rand_augment, to_float
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.shortcut import nearest_colours
from ssl_lab.method import Method
from ssl_lab.plots.look import class_name
from ssl_lab.stream import RandomStream, generator
from ssl_lab.widgets.controls import Button, Slider
from ssl_lab.widgets.explorer import Explorer
from ssl_lab.widgets.knobs import KNOBS

ASKED = 256  # pictures that the meter asks about, where there are so many
MOST = 10  # pictures that can be shown, side by side
DRAWS = 999  # how often the views can be drawn again
KEPT = 2**23  # values of crops that are kept, 32 MB: those of 256 images of 96 pixels


Stage = Augmentation | RandAugment | PatchAugmentation
Transform = Stage | Method | Callable
Draw = list[Drawn | Chosen | DrawnPatches]  # of one view, in the order in which they apply


class ViewsExplorer(Explorer):
    """Pairs of views of a few pictures, every strength of their transform on a control, and the shortcut meter over up to 256 pictures.

    images: 2 or more; the pictures from `first` on are looked at, and after the last comes the first again.   shown: how many are seen, 1 to 10.
    transform: an Augmentation; a RandAugment; a PatchAugmentation, for which the pictures are patches; a method that has one Augmentation, or two,
    one for each view, and perhaps a RandAugment, which comes after it; or a function from (N, 3, H, W) in [0, 1] to the same, such as those of
    `ssl_lab.augment`.
    start: where controls begin, by the names of the transform's strengths; by default where the transform has them.
    Controls: the keywords that stand in KNOBS, seed (0 to 999, "draw again"), first. One seed is one draw, so a strength changes nothing but itself.
    Raises: InputError for too few images, a transform that makes something else than pictures, or a control out of its range.
    """

    def __init__(self, images: Images, transform: Transform | None = None, shown: int = 5, seed: int = 0, **start):
        check_images(images, "ViewsExplorer")
        require(len(images) >= 2, f"got {len(images)} images; at least 2 are needed: load('scenes', limit=256)")
        require(1 <= shown <= min(MOST, len(images)), f"shown={shown} of {len(images)} images; 1 to {min(MOST, len(images))} can be shown")
        transform = Augmentation() if transform is None else RandAugment() if transform is rand_augment else transform
        self.asked, self.transform, self.shown = lru_cache(maxsize=1)(partial(asked, images[:].x)), transform, shown
        self.had, self.apply = strengths(self.transform), (Views(), Views())
        controls = {name: KNOBS[name].control(had) for name, had in self.had.items()}
        controls["seed"] = Button("draw again", most=DRAWS)
        controls["first"] = Slider("first picture", 0, len(images) - 1)
        self.named = [f", {class_name(label, images.classes, 24)}" if label >= 0 else "" for label in images[:].labels.tolist()]
        super().__init__(controls, seed=seed, **start)

    def draw(self, seed: int, first: int, **values):
        rows, x = self.asked(first)
        arguments = {name: KNOBS[name].make(value, self.had[name], x) for name, value in values.items()}
        drawn = draws(self.transform, x, arguments, seed)
        x1, x2 = two_views(self.transform, x, arguments, seed, drawn, self.apply)
        nearest, few = nearest_colours(x1, x2), slice(self.shown)
        right = (nearest.cpu() == torch.arange(len(x))).numpy()
        said = [f"{KNOBS[name].words} {self.controls[name].words(value)}" for name, value in values.items()]
        setting = ", ".join([*said, f"draw {seed}, from picture {first} on"])
        return plots.views(to_float(x[few]), x1[few], x2[few], x2[nearest[few]], right, setting, partial(self.remarks, x, rows, drawn, nearest))

    def remarks(self, x: Pixels, rows: Tensor, drawn: list[Draw], nearest: Tensor) -> list[list[str]]:
        """What every image says to who points at it, row by row."""
        (one, other), pixels, few = drawn, x[0, 0].numel(), slice(self.shown)
        return [
            [f"image {row}{self.named[row]}" for row in rows[few].tolist()],
            [done(one, n, pixels) for n in range(self.shown)],
            [done(other, n, pixels) for n in range(self.shown)],
            [", ".join(filter(None, (f"a view of picture {j + 1}" * (n != j), done(other, j, pixels)))) for n, j in enumerate(nearest[few].tolist())],
        ]


def asked(x: Tensor, first: int) -> tuple[Tensor, Pixels]:
    """The rows of the pictures that the meter asks about, and their pixels."""
    rows = (first + torch.arange(min(ASKED, len(x)), device=x.device)) % len(x)
    return rows, x[rows]


class Views:
    """Applies what was drawn. The crops, which cost most, are kept: moving a colour leaves them as they are."""

    def __init__(self):
        self.place, self.crops = (), None

    def __call__(self, drawn: Draw, x: Pixels) -> Tensor:
        for one in drawn:
            if isinstance(one, Drawn) and x.numel() <= KEPT:
                place = (x, *one.box)
                if not (self.place and all(map(torch.equal, place, self.place))):
                    self.place, self.crops = place, one.cropped(x)
                x = one.finish(self.crops)
            else:
                x = one(x)
        return x


def stages(transform: Transform) -> list[list[Stage]]:
    """What draws the first view and the second, in its order; nothing of a function. Raises: InputError for a method without an Augmentation."""
    if isinstance(transform, Stage):
        return [[transform]] * 2
    if not isinstance(transform, Method):
        return [[]] * 2
    found, after = ([value for value in vars(transform).values() if isinstance(value, kind)] for kind in (Augmentation, RandAugment))
    require(len(found) in (1, 2), f"{called(transform)} has {len(found)} augmentations, and a pair of views has one or two; give an Augmentation")
    return [[one, *after] for one in (found * 2)[:2]]


def strengths(transform: Transform) -> dict[str, object]:
    """The keywords that have a knob, and what the transform has there; a parameter without a default has None."""
    if first := stages(transform)[0]:
        return {name: value for stage in first for name, value in vars(stage).items() if name in KNOBS}
    _, *parameters = inspect.signature(transform).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [name for name in needed if name not in KNOBS]
    require(not missing, f"{called(transform)} needs {', '.join(missing)} too, which have no control; fix them with functools.partial")
    return {p.name: None if p.default is p.empty else p.default for p in parameters if p.name in KNOBS}


def two_views(transform: Transform, x: Pixels, arguments: dict, seed: int, drawn: list[Draw], apply: tuple[Views, Views]) -> tuple[Tensor, Tensor]:
    """Two views of every picture, the same for one seed; the caller's random numbers and the method are left alone, on any thread.

    drawn: what `draws` says.   apply: what makes each of the two.
    """
    made = [view(one, x) for view, one in zip(apply, drawn) if one]
    for view in range(0 if made else 2):
        with RandomStream(2 * seed + view, x.device):
            made.append(transform(to_float(x), **arguments))
    pictures = [isinstance(view, Tensor) and view.ndim == 4 and view.shape[:2] == (len(x), 3) for view in made]
    require(pictures == [True, True], f"{called(transform)} does not make two pictures (3, H, W) of each; give one that does, such as augment")
    return tuple(made)


def draws(transform: Transform, x: Pixels, arguments: dict, seed: int) -> list[Draw]:
    """What is drawn for the first views and for the second ones; of a function nothing is known.

    A strength that a hand has moved is the same for both: until then, each of two augmentations keeps its own.
    """
    views, had = stages(transform), strengths(transform)
    moved = {name: value for name, value in arguments.items() if views[0] and value != had[name]}
    numbers = [generator(2 * seed + view, x.device) for view in range(2)]
    return [[changed(stage, moved).draw(x, drawn) for stage in view] for view, drawn in zip(views, numbers)]


def changed(stage: Stage, moved: dict) -> Stage:
    """The same with those strengths, of all that were moved, that are its own."""
    return replace(stage, **{name: value for name, value in moved.items() if hasattr(stage, name)})


def done(drawn: Draw, n: int, pixels: int) -> str:
    """What was done to the n-th picture of so many pixels, in words."""
    return ", ".join(filter(None, (viewed(one, n, pixels) if isinstance(one, Drawn) else one.remark(n) for one in drawn)))


def viewed(drawn: Drawn, n: int, pixels: int) -> str:
    """The same of an Augmentation's view."""
    grey = drawn.coloured and drawn.saturation[n] == 0
    distorted = not grey and max(abs(drawn.brightness[n] - 1), abs(drawn.contrast[n] - 1), abs(drawn.turn[n])) > 0.005
    told = ("mirrored", drawn.flip[n]), ("grey", grey), ("colours distorted", drawn.coloured and distorted)
    told += ("blurred", drawn.blurs and drawn.blurred[n]), ("solarised", drawn.solarises and drawn.solarised[n])
    return ", ".join([f"{drawn.height[n] * drawn.width[n] / pixels:.0%} of it", *(words for words, on in told if on)])


def called(transform: Callable | Method) -> str:
    """Its name, for people."""
    return getattr(transform, "__name__", type(transform).__name__)
