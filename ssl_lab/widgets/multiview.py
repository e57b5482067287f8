"""CMC's views that one can look into: what every encoder sees and keeps, who finds whom, and what each pair of views pays and learns."""

import copy
import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.augment import chrominance, to_float
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate import factor_table
from ssl_lab.features import evaluating, features
from ssl_lab.methods import CMC
from ssl_lab.models import ViewEncoder
from ssl_lab.plots.multiview.graph import ROOM
from ssl_lab.plots.multiview.numbers import across, agreement, pairs_of, read
from ssl_lab.plots.multiview.scene import Painting, Scenes
from ssl_lab.plots.multiview.seen import picture
from ssl_lab.widgets.controls import Choice, Slider
from ssl_lab.widgets.explorer import Explorer

MOST, DRAWN, MEASURED, USUAL = 256, 16, 1000, 64  # scenes that are compared at most; that are drawn; that factors are read from; to begin with
MATRICES = (("share of the softmax", "share"), ("cosine", "cosine"), ("what each encoder keeps", "kept"))


class Graph(Choice):
    """Which pairs of views are in the graph: "core", "full", "none", or pairs of one's own in one word, such as "L-ab + L-depth"."""

    def __init__(self, names: Sequence[str], value: str):
        self.names, M = names, len(names)
        counts = {graph: len(pairs_of(M, graph)) for graph in ("core", "full", "none") if graph != "full" or M > 2}
        super().__init__("graph", [(f"{graph}, {count} pair{'s' * (count != 1)}", graph) for graph, count in counts.items()], value)

    def takes(self, value) -> bool:
        return isinstance(value, str) and read(value, self.names) is not None

    def offer(self) -> str:
        return f'{super().offer()}, or pairs such as "{self.names[0]}-{self.names[1]}", with + between them'

    def words(self, value) -> str:
        return super().words(value) if value in self.marks else value

    def sent(self, only: Sequence | None = None) -> dict:
        return {**super().sent(only), "kind": "choice", "own": "your own"}


class MultiviewExplorer(Explorer):
    """A CMC as it is now, and some scenes: their views, the graph of the pairs of views, and what each pair pays and learns.

    Each loss is that of one batch, the first `batch` images, in evaluation mode, without crop and flip.
    differs: candidates are the other images of the batch, also for a method with a queue.
    images: with the columns of the method's views; the first 256 are compared.   predictive: a method that paints ab, such as Predictive; its
    colours stand beside the true ones.   shown: how many scenes are drawn, 2 to 16.
    Controls: scene, of those that are drawn; first and second, the views whose scores are shown: rows and columns; matrix ("share" of the softmax,
        "cosine", or "kept": R² of every known factor, read from each encoder's features of the first 1,000 images, measured when first asked for);
        graph ("core", "full", "none" or pairs, "L-ab + L-depth"; a click on an edge cuts it or puts it back); tau; batch.
        A choice of the same view twice exchanges the two. "kept" is left out where nothing is known of the images.
    Raises: InputError for what is no CMC, images without a column of a view or too few, a predictive without `paint`, a control out of its range.
    """

    def __init__(self, method, images: Images, predictive: nn.Module | None = None, shown: int = 8, **start):
        check(method, images, predictive, shown)
        self.encoders, self.images, self.names = copy.deepcopy(method.encoders), images[:], tuple(method.encoders)
        compared = images[: min(MOST, len(images))]
        self.z = {name: embedded(method, name, compared) for name in self.names}
        self.scenes = pictures(method, compared[:shown])
        self.painting = None if predictive is None else painted(predictive, compared[:shown])
        self.agree, self.cross, self.grow = (functools.lru_cache(64)(one) for one in (self.agree, self.cross, self.grow))
        self.pair, self.tables, self.sizes = self.names[:2], {}, sizes(shown, len(compared))
        usual = max(size for size in self.sizes if size <= max(USUAL, shown))
        graph = method.settings["graph"] if len(self.names) > 2 else "core"
        controls = {
            "scene": Slider("scene", 0, shown - 1),
            "first": Choice("first view", self.names, self.names[0]),
            "second": Choice("second view", self.names, self.names[1]),
            "matrix": Choice("matrix", MATRICES if images.factors or (images.labels >= 0).any() else MATRICES[:2]),
            "graph": Graph(self.names, graph),
            "tau": Slider("temperature", float(f"{method.tau / 10:.3g}"), float(f"{method.tau * 10:.3g}"), method.tau, log=True),
            "batch": Slider("batch", stops=self.sizes, value=usual, only=True) if len(self.sizes) > 1 else None,
        }
        super().__init__(controls, **start)

    def draw(self, scene: int, first: str, second: str, matrix: str, graph: str, tau: float, batch: int | None = None):
        B, self.pair = batch or self.sizes[-1], (first, second)
        kept = {"tables": self.kept(), "measured": min(MEASURED, len(self.images))} if matrix == "kept" else {}
        growth = self.grow(first, second, tau) if len(pairs_of(len(self.names), "full")) <= ROOM else {}
        numbers = self.agree(tau, B), self.cross(first, second, tau, B), read(graph, self.names)
        return plots.multiview(self.scenes, *numbers, scene, first, second, matrix, growth=growth, painting=self.painting, **kept)

    def agree(self, tau: float, B: int):
        """What all pairs pay on the first B scenes."""
        return agreement({name: z[:B] for name, z in self.z.items()}, tau)

    def cross(self, first: str, second: str, tau: float, B: int):
        """The scores of two views."""
        return across({name: self.z[name][:B] for name in (first, second)}, first, second, tau)

    def grow(self, first: str, second: str, tau: float) -> dict[int, float]:
        """The bound of two views at every size of batch."""
        return {B: agreement({name: self.z[name][:B] for name in (first, second)}, tau).bound((0, 1)) for B in self.sizes}

    def kept(self) -> dict[str, dict[str, float]]:
        """R² of every factor, view by view; measured once."""
        if not self.tables:
            some = self.images[: min(MEASURED, len(self.images))]
            self.tables = {name: factor_table(features(f, some), some) for name, f in self.encoders.items()}
        return self.tables

    def follow(self, name: str) -> None:
        """The two views stay two: the other one takes the place of the one that is chosen again."""
        others = {"first": ("second", 0), "second": ("first", 1)}
        if name in others:
            other, place = others[name]
            if self.controls[name].value == self.controls[other].value:
                self.controls[other].value = self.pair[place]

    def check(self, values: dict) -> None:
        super().check(values)
        same = values.get("first") == values.get("second") is not None
        require(not same, f"first and second are both {values.get('first')!r}; a view is compared with another one")


def check(method, images, predictive, shown) -> None:
    """Refuse what cannot be looked into."""
    kind = type(method).__name__
    require(isinstance(method, CMC), f"MultiviewExplorer shows the views of a CMC and got {kind}; give MultiviewExplorer(CMC(), images)")
    check_images(images, "MultiviewExplorer")
    require(whole(shown) and 2 <= shown <= DRAWN, f"shown={shown!r}: 2 to {DRAWN} scenes can be drawn")
    require(len(images) >= shown, f"shown={shown} scenes are to be drawn and there are {len(images)}; give more images, or a smaller shown")
    for name, f in method.encoders.items():
        there = images.columns()
        require(f.column in there, f"the view {name} needs the column {f.column}, and these images have {', '.join(there)}; load or give it, too")
    method.check_data(images[:])
    paints = predictive is None or callable(getattr(predictive, "paint", None))
    require(paints, f"predictive is a {type(predictive).__name__} without paint(x), which gives ab; give a Predictive, or None")


def sizes(shown: int, most: int) -> list[int]:
    """Sizes of a batch: those that are drawn, twice as many, and so on, and all."""
    doubled = [shown * 2**power for power in range(8) if shown * 2**power < most]
    return [*doubled, most]


@torch.no_grad()
def embedded(method: CMC, name: str, images: Images) -> np.ndarray:
    """z of one view (N, d), in evaluation mode."""
    head = method.projectors[name]
    h = features(method.encoders[name], images)
    with evaluating(head):
        return head(h.to(next(head.parameters()).dtype)).double().cpu().numpy()


@torch.no_grad()
def pictures(method: CMC, images: Images) -> Scenes:
    """What every network sees of these images, for eyes."""
    def seen(f: ViewEncoder):
        values = images.columns()[f.column].to(next(f.parameters()).device)
        return f.seen(values).double().cpu().numpy()

    views = {name: picture(name, seen(f)) for name, f in method.encoders.items()}
    return Scenes(views, images.labels.cpu().numpy(), images.classes, plots.hwc(images.x))


@torch.no_grad()
def painted(predictive: nn.Module, images: Images) -> Painting:
    """True and painted colours, in evaluation mode."""
    x, first = to_float(images.x), next(predictive.parameters(), None)
    with evaluating(predictive):
        ab = predictive.paint(x if first is None else x.to(first.device, first.dtype))
    mask = None if images.mask is None else images.mask[:, 0].cpu().numpy().astype(int)
    return Painting(*(values.double().cpu().numpy() for values in (chrominance(x), ab)), mask)
