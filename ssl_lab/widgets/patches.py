"""CPC's predictions that one can look into: what a context sees, which patch it takes for the one that it predicts, and what that costs."""

import copy
import functools

import numpy as np
import torch
from torch import Tensor, nn

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.augment import grid_shape, patches, to_float
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.losses import cpc_nce
from ssl_lab.methods import CPC
from ssl_lab.methods.cpc import DIRECTIONS
from ssl_lab.plots.patches.batch import Cut
from ssl_lab.plots.patches.numbers import Field, Found, found, nearest, places
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import check_precision
from ssl_lab.widgets.controls import Button, Choice, Slider, Switch
from ssl_lab.widgets.explorer import Explorer

MOST, GREY = 64, 0.5  # images in a batch; what covers a patch
NOISE = 1e-9  # of a context's mean length, in float64: what moves less has not moved


class PatchExplorer(Explorer):
    """A CPC as it is now, and a few images: what a context sees, the best candidates of its prediction, and the loss of every prediction.

    All numbers come from a copy of the method in evaluation mode. The candidates are all patches of the batch, as in the loss of training.
    A receptive field is measured: each patch in turn is covered with grey, and the contexts that move have seen it.
    images: at least two, of a size that gives a grid.   count: images of a batch, 2 to 64; all where there are fewer.   seed: of the augmentation.
    Controls: image, of the batch; target, the patch that is predicted, row · columns + column: one that is no target of this direction and step
        gives way to the next one that is, on its way; direction ("down", "left", "up", "right"); k, rows ahead; augmented, each patch as in
        training; batch, the next images and other augmentations. A control with nothing to choose is left out.
    Raises: InputError for what is no CPC, fewer images than two, images that give no grid or one with too few rows, a control out of its range.
    """

    def __init__(self, method, images: Images, count: int = 16, seed: int = 0, **start):
        check(method, images, count)
        self.method, self.images, self.seed = copy.deepcopy(method).eval(), images[:], seed
        self.double = copy.deepcopy(self.method.context).cpu().double()
        self.count, size, stride = min(count, len(images)), method.encoder.size, method.encoder.stride
        self.grid = grid_shape(*images.x.shape[2:], size, stride)
        kept = (self.encoded, self.predictions, self.means, self.find, self.field)
        self.encoded, self.predictions, self.means, self.find, self.field = map(functools.lru_cache(64), kept)
        directions, ks = DIRECTIONS[: len(method.W)], [*method.ks]
        every = [places(*self.grid, turn, k)[1] for turn in range(len(directions)) for k in ks]
        stops = np.unique(np.concatenate(every)).tolist()
        first = np.sort(every[0])
        controls = {
            "image": Slider("image", 0, self.count - 1),
            "target": Slider("target", stops=stops, value=int(first[len(first) // 2]), only=True, names=[*map(self.where, stops)]),
            "direction": Choice("direction", directions) if len(directions) > 1 else None,
            "k": Slider("step k", stops=ks, only=True) if len(ks) > 1 else None,
            "augmented": Switch("augmented patches"),
            "batch": Button("another batch") if len(images) > self.count else None,
        }
        self.asked, self.back = -1, False  # the target that a hand asked for last, and whether it moves back
        super().__init__(controls, **start)

    def where(self, patch: int) -> str:
        """row 2, column 0"""
        return "row {}, column {}".format(*divmod(patch, self.grid[1]))

    def draw(self, image: int, target: int, augmented: bool, direction: str = DIRECTIONS[0], k: int | None = None, batch: int = 0):
        turn, step = DIRECTIONS.index(direction), self.method.ks[0] if k is None else k
        cut, hit, means = self.encoded(batch, augmented)[0], self.find(batch, augmented, turn, step), self.means(batch, augmented)
        return plots.patches(cut, hit, self.field(batch, augmented, image, turn), image, nearest(target, hit.targets), means)

    def follow(self, name: str) -> None:
        """The target is one of this direction and this step."""
        if name in ("target", "direction", "k"):
            now = self.values
            if name == "target" and now["target"] != self.asked:
                self.back, self.asked = now["target"] < self.asked, now["target"]
            turn, k = DIRECTIONS.index(now.get("direction", DIRECTIONS[0])), now.get("k", self.method.ks[0])
            self.controls["target"].value = nearest(now["target"], places(*self.grid, turn, k)[1], self.back and name == "target")

    def redraw(self) -> None:
        super().redraw()
        if self.settled:
            self.asked = self.controls["target"].value  # where the slider stands now

    @torch.no_grad()
    def encoded(self, batch: int, augmented: bool) -> tuple[Cut, Tensor, Tensor]:
        """The images of a batch in patches, what every patch is encoded as, and the targets."""
        chosen = self.images[[(batch * self.count + place) % len(self.images) for place in range(self.count)]]
        x, encoder = chosen.x.to(next(self.method.parameters()).device), self.method.encoder
        if augmented:
            with RandomStream((self.seed, batch), x.device):
                (grid,) = self.method.views(x)
            with RandomStream((self.seed, batch), x.device):
                x = self.method.augmentation(x)  # the same crops: the first that is drawn
        else:
            grid = patches(to_float(x), encoder.size, encoder.stride)
        z = encoder.latents(grid)
        tiles = plots.hwc(grid.flatten(0, 2)).reshape(*grid.shape[:3], encoder.size, encoder.size, 3)
        labels = chosen.labels.cpu().numpy()
        return Cut(plots.hwc(x), tiles, encoder.size, encoder.stride, labels, self.images.classes, augmented), z, self.method.target(z)

    @torch.no_grad()
    def predictions(self, batch: int, augmented: bool) -> dict[tuple[int, int], Tensor]:
        """Turn and k → what every context of the turned grid predicts."""
        _, z, target = self.encoded(batch, augmented)
        some = [(turn, self.method.predictions(turned(z, turn), W)) for turn, W in enumerate(self.method.W)]
        made = {(turn, k): prediction for turn, each in some for k, prediction in each}
        finite = all(bool(one.isfinite().all()) for one in (target, *made.values()))
        require(finite, "the method's targets or predictions are not finite; train with a smaller lr, or load other weights")
        return made

    def means(self, batch: int, augmented: bool) -> dict[tuple[str, int], float]:
        """Direction and k → the loss of training; their mean is the method's."""
        target, some = self.encoded(batch, augmented)[2], self.predictions(batch, augmented)
        return {(DIRECTIONS[turn], k): float(cpc_nce(one, target.rot90(turn, (2, 3)), k)) for (turn, k), one in some.items()}

    def find(self, batch: int, augmented: bool, turn: int, k: int) -> Found:
        """Where every prediction finds its patch."""
        target, prediction = self.encoded(batch, augmented)[2], self.predictions(batch, augmented)[turn, k]
        return found(*(x.cpu().double().numpy() for x in (prediction, target)), turn, k)

    def field(self, batch: int, augmented: bool, image: int, turn: int) -> Field:
        """What every context of one image and one direction sees."""
        z = self.encoded(batch, augmented)[1][image]
        return measured(self.double, z.cpu().double(), self.covered.cpu().double(), turn)

    @functools.cached_property
    @torch.no_grad()
    def covered(self) -> Tensor:
        """What a patch is encoded as that is grey all over."""
        encoder, first = self.method.encoder, next(self.method.parameters())
        return encoder.latents(torch.full((1, 1, 1, 3, encoder.size, encoder.size), GREY, device=first.device))[0, :, 0, 0]


def check(method, images, count) -> None:
    """Refuse what cannot be looked into."""
    kind = type(method).__name__
    require(isinstance(method, CPC), f"PatchExplorer shows the predictions of a CPC and got {kind}; give PatchExplorer(CPC(), images)")
    check_precision(method)
    check_images(images, "PatchExplorer")
    require(whole(count) and 2 <= count <= MOST, f"count={count!r}: a batch has 2 to {MOST} images")
    require(len(images) >= 2, f"there are {len(images)} images, and two are needed at least: candidates come from other images, too")
    method.check_data(images)


def turned(z: Tensor, turn: int) -> Tensor:
    """A grid for one direction, laid out as convolutions on the CPU are fastest."""
    return z.rot90(turn, (2, 3)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def measured(context: nn.Module, z: Tensor, covered: Tensor, turn: int) -> Field:
    """Every patch of one image, z (dim, G, J), covered in turn: how far every context moves.   context: in float64, as all here."""
    every = torch.arange(z[0].numel())
    copies = z.repeat(len(every), 1, 1, 1)
    copies.flatten(2)[every, :, every] = covered
    before, after = (context(turned(one, turn)).rot90(-turn, (2, 3)).flatten(2) for one in (z[None], copies))
    far, length = (after - before).norm(dim=1), before.norm(dim=1).mean()
    moved = far / length if length > 0 else far
    return Field(torch.where(moved > NOISE, moved, 0).numpy())

