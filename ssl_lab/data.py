"""Images, and `load`, which gets them by name: load("scenes"), load("cifar10"), load("folder:holiday")."""

import dataclasses
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from jaxtyping import Float, Int64, Integer, UInt8
from torch import Tensor

from ssl_lab import datasets, motion, pairs, scenes, sources
from ssl_lab.arguments import plain, whole
from ssl_lab.catalogue import SETS
from ssl_lab.datasets import described
from ssl_lab.errors import one_of, require
from ssl_lab.reading import check_wanted
from ssl_lab.surroundings import usual
from ssl_lab.turns import in_turn, order

WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
COUNTS = {"train": 10_000, "test": 2_000}  # how many scenes a split has unless limit says otherwise


@dataclasses.dataclass(eq=False, repr=False)
class Images:
    """N images, the columns that are known about them, and which columns a batch holds.

    Row i of x, labels, factors, ... is image i. `index` says which rows are drawn, in which order and how often, so that repeated images need no
    copies of pixels. `len`, slices and batches follow the index; the columns do not.
    """

    x: UInt8[Tensor, "N 3 H W"]
    labels: Integer[Tensor, " N"]  # -1 = none; kept as int64
    classes: tuple[str, ...] = ()  # the name of every label
    factors: dict[str, Tensor] = dataclasses.field(default_factory=dict)  # what caused the pixels: name → (N,)
    periods: dict[str, Tensor | float] = dataclasses.field(default_factory=dict)  # of the factors that are angles, in radians; 0 = undefined
    depth: Float[Tensor, "N 1 H W"] | None = None  # distance from the camera
    normals: Float[Tensor, "N 3 H W"] | None = None  # unit vectors
    mask: UInt8[Tensor, "N 1 H W"] | None = None  # 0 background, 1 object, 2 shadow
    boxes: Float[Tensor, "N 4"] | None = None  # x0 y0 x1 y1 in pixels
    later: UInt8[Tensor, "N 3 H W"] | None = None  # the same thing, some frames later
    flow: Float[Tensor, "N c H W"] | None = None  # motion from frame to frame in pixels, x and y in turn
    more: dict[str, Tensor] = dataclasses.field(default_factory=dict)  # views of your own: name → (N, c, H, W)
    targets: Float[Tensor, "N C"] | None = None  # soft labels
    index: Int64[Tensor, " M"] | None = None
    fields: tuple[str, ...] = ("x", "labels")  # what a batch holds, in this order

    def __post_init__(self):
        x, labels = self.x, self.labels
        fine = isinstance(x, Tensor) and x.ndim == 4 and x.shape[1] == 3 and x.dtype == torch.uint8
        require(fine, f"x is {described(x)}; uint8 pixels (N, 3, H, W) are needed, 0 to 255; Images.of(x) makes them of a Dataset, array or tensor")
        fine = isinstance(labels, Tensor) and labels.ndim == 1 and labels.dtype in WHOLE
        require(fine, f"labels are {described(labels)}; whole numbers (N,) in a tensor are needed, -1 for none")
        self.labels = labels.long()
        ends = labels.aminmax() if len(labels) and labels.device.type == "cpu" else (-1, -1)  # do not wait for a GPU
        (low, top), count = map(int, ends), len(self.classes)
        require(low >= -1, f"a label is {low}; labels are counted from 0, and -1 stands for none")
        require(not count or top < count, f"a label is {top}, and there are {count} classes, 0 to {count - 1}; name more classes, or correct it")
        pairs.check_own(self.more, TAKEN)
        for name, column in (*self.columns().items(), *self.factors.items()):
            require(len(column) == len(x), f"{name} has {len(column)} rows and x has {len(x)}; every image needs one")
            fits = column.ndim < 4 or column.shape[2:] == x.shape[2:]
            require(fits, f"{name} is {described(column)} and x is {described(x)}; both need the same height and width")

    @classmethod
    @usual()
    def of(cls, source, labels=None, size: int | None = None, white: float | None = None, **columns) -> "Images":
        """Images from other data, copied into memory as bytes.

        source: a Dataset or a list of images or of (image, label, ...); or one tensor or array of all images. An image is PIL's, a tensor (C, H, W),
        or an array (H, W, C), of bytes or of floats in [0, 1], grey or in colours.   labels: (N,), in place of the source's.
        size, white: as in `load`.   columns: other columns by their names: classes, depth, factors, ...
        Raises: InputError for a DataLoader, an iterator, values out of range, labels that are no whole numbers, or a Dataset that augments.
        """
        require(not isinstance(source, cls), "these are Images already; take them as they are")
        for name in columns:
            one_of(name, [f.name for f in dataclasses.fields(cls)][2:], "column")
        x, labels, classes = datasets.read(source, labels, size, white)
        return cls(x, labels, **{"classes": classes} | datasets.column(columns))

    def __len__(self) -> int:
        """How many images an epoch draws."""
        return len(self.x if self.index is None else self.index)

    def __repr__(self) -> str:
        H, W = self.x.shape[2:]
        return f"Images({len(self):,} of {W} x {H} pixels, {len(self.classes)} classes, a batch holds {', '.join(self.fields)})"

    @property
    def size(self) -> int:
        """The shorter side of the images in pixels."""
        return min(self.x.shape[-2:])

    def columns(self) -> dict[str, Tensor]:
        """What a batch may hold: name → one row an image."""
        names = ("x", "labels", "depth", "normals", "mask", "boxes", "later", "flow", "targets")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None} | self.more

    def each(self, change: Callable[[Tensor], Tensor], index: Tensor | None = None) -> "Images":
        """The same change made to every tensor that has one row an image."""

        def made(value):
            if isinstance(value, dict):
                return {name: made(v) for name, v in value.items()}
            return change(value) if isinstance(value, Tensor) else value

        parts = {f.name: made(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "index"}
        return Images(**parts, index=index)

    def __getitem__(self, key: numbers.Integral | slice | Iterable) -> "Images":
        """The chosen images, in the order of the key. The result is always Images, so images[3] holds one image. It has no index.

        key: a number, a slice, or a list, array or tensor of numbers (repetition is fine) or of one bool an image.
        """
        if isinstance(key, numbers.Integral) or (isinstance(key, Tensor) and key.ndim == 0):
            at = range(len(self))[int(key)]  # IndexError beyond the end, so that `for` stops there
            key = slice(at, at + 1)
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if self.index is None and step > 0:
                return self.each(lambda column: column[start:stop:step])  # shares the pixels
            key = range(start, stop, step)
        rows = torch.as_tensor(key if isinstance(key, Tensor) else list(key) or torch.empty(0, dtype=torch.long), device=self.x.device)
        rows = rows if self.index is None else self.index[rows]
        return self.each(lambda column: column[rows])

    def to(self, device: str | torch.device) -> "Images":
        """The same images on another device."""
        return self.each(lambda column: column.to(device), None if self.index is None else self.index.to(device))

    def steps(self, size: int) -> int:
        """How many whole batches of that size an epoch has."""
        return len(self) // size

    def batches(self, size: int, rank: int = 0, ranks: int = 1, steps: int | None = None) -> Iterator[tuple[Tensor, ...]]:
        """One epoch: all images in an order drawn by torch's default generator, `size` at a time, the last incomplete batch dropped.

        The order is drawn on the CPU, once, and nothing waits for the device after that. Each batch is a tuple in the order of `fields`.
        rank, ranks: several processes, which drew the same order, each get their part of every batch.
        steps: how many batches; with more than an epoch has, all images are drawn once before any is drawn again.
        """
        have = f"batches of {size} images were asked for"
        require(whole(size) and size >= 1, f"{have}; at least 1 is needed")
        enough = size <= len(self) or (steps is not None and len(self) > 0)
        require(enough, f"{have}, and there are {len(self)}; use batch={len(self)} or fewer, or more images")
        require(size % ranks == 0, f"{have}, which {ranks} processes cannot share; use a multiple of {ranks}")
        rows, here = order(len(self), size * (steps or self.steps(size))), slice(rank * size // ranks, (rank + 1) * size // ranks)
        rows = rows.view(-1, size)[:, here].to(self.x.device)
        rows = rows if self.index is None else self.index[rows]
        columns = [self.columns()[name] for name in self.fields]
        return (tuple(column[chosen] for column in columns) for chosen in rows)

    def select(self, *names: str) -> "Images":
        """The same images; a batch holds these columns in this order."""
        require(len(names) > 0, f"select() needs at least one of {', '.join(self.columns())}")
        for name in names:
            one_of(name, tuple(self.columns()), "column")
        return dataclasses.replace(self, fields=names)

    def unlabelled(self) -> "Images":
        """The same images without labels. A batch does not hold them, either, so no self-supervised method can use them."""
        fields = tuple(name for name in self.fields if name not in ("labels", "targets")) or ("x",)
        return dataclasses.replace(self, labels=torch.full_like(self.labels, -1), targets=None, fields=fields)

    def labelled(self) -> "Images":
        """Only the images that have a label; the index is applied."""
        drawn = self.labels if self.index is None else self.labels[self.index]
        return self if self.index is None and bool((drawn >= 0).all()) else self[drawn >= 0]

    def repeated(self, count: int) -> "Images":
        """The same images; an epoch draws `count` of them, in turn, and copies no pixels. Raises: InputError for a count below 1 or no images."""
        require(len(self) > 0 and count >= 1, f"count={count} of {len(self)} images: both numbers must be at least 1")
        turns = torch.arange(count, device=self.x.device) % len(self)
        return dataclasses.replace(self, index=turns if self.index is None else self.index[turns])

    @usual()
    def label_fraction(self, fraction: float, seed: int = 0) -> "Images":
        """The same images with round(fraction · labelled) of their labels. The other labels become -1; soft labels are removed.

        Classes take turns; the seed draws their order and their images. So their counts differ by at most one, unless a class has too few images.
        With one seed, a larger fraction contains every smaller one.   fraction in (0, 1].
        """
        share = isinstance(fraction, numbers.Real) and 0 < fraction <= 1
        require(share, f"fraction={fraction!r} must be above 0 and at most 1: the share of labels to keep")
        labels = self.labels.cpu()
        rows = torch.arange(len(labels)) if self.index is None else self.index.cpu().unique()
        rows = rows[labels[rows] >= 0]
        require(len(rows) > 0, "these images have no labels to take a fraction of; load images with labels, and do not call unlabelled() before")
        count = round(fraction * len(rows))
        require(count > 0, f"fraction={fraction} of {len(rows)} labels leaves none; the smallest that works is {1 / len(rows):.2g}")
        keep = rows[in_turn(labels[rows], seed)[:count]]
        kept = torch.full_like(labels, -1)
        kept[keep] = labels[keep]
        return dataclasses.replace(self, labels=kept.to(self.labels.device), targets=None)


TAKEN = {field.name for field in dataclasses.fields(Images)} | {"L", "ab", "rgb"}  # names of columns, and of views that are made of x


def check_images(data: object, who: str) -> None:
    """Raise InputError, which says how to make Images, unless data is Images."""
    fix = "Images.of(dataset) makes them of a Dataset, an array or a tensor, and load('folder:PATH') of files"
    require(isinstance(data, Images), f"{who} takes Images and got a {type(data).__name__}; {fix}")


@usual()
def load(
    name: str,
    split: str = "train",
    size: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    root: str | os.PathLike | None = None,
    download: bool = False,
    white: float | None = None,
    frames: int | None = None,
    views: Sequence[str] | None = None,
    unit: float | None = None,
) -> Images:
    """Images by name: "scenes", "digits", a torchvision set such as "cifar10", or "folder:PATH".

    split: "train", "test", or another that the set has.   size: side in pixels; None = as stored (scenes and digits: 32).
    Image files: the shorter side becomes `size`, and the square in the middle is kept. Only the first frame or page is read. An image that needs
    more than 450 MB to decode is refused: with `size`, 100 megapixels can be decoded, without it 64.
    limit: how many images. It is the number of scenes (None = 10,000 to train, 2,000 to test); of other sets `seed` draws a random part.
    seed: selects the scenes, and the part of other sets. Train and test never overlap, whatever the seed.
    root: where torchvision sets lie (None = data/ in the working directory); download=True fetches them there.
    white: for image files of more than 8 bits, or of floats, the value that is white in all of them: 4095 for 12 bits, 1.0 for floats up to 1.
    frames: of scenes in motion: the columns `later` and `flow` are added (motion.py); at 32 pixels 10 frames take 41 kB an image.
    views: of a folder, the subfolders that show the same things (pairs.py), first the images: views=("rgb", "depth") reads PATH/rgb and PATH/depth.
    unit: metres of one step in files of depth; None = 0.001, a millimetre. Files of floats need it.
    Raises: InputError, which says what was given, what there is, and how to get it.
    """
    require(isinstance(name, str), f"data set {name!r} is not a name; there are: {', '.join(SETS)}")
    require(limit is None or (whole(limit) and limit >= 1), f"limit={limit!r} must be a whole number of images, from 1")
    require(whole(seed), f"seed={seed!r} must be a whole number")
    check_wanted(size, white, *((16, 224) if name == "scenes" else (8, 1024)))
    limit, seed, size = map(plain, (limit, seed, size))
    require(frames is None or name == "scenes", f"frames={frames!r}: only scenes move; leave it out, or load('scenes', frames={frames!r})")
    if (views, unit) != (None, None):
        return Images(**pairs.read(pairs.checked(name, views, unit, TAKEN), split, size, limit, seed, white))
    if name == "scenes":
        one_of(split, tuple(COUNTS), "split of scenes")
        require((limit or 0) * 3 * (size or 32) ** 2 <= 64e9, f"limit={limit} scenes take more than 64 GB of memory; use fewer, or smaller ones")
        what = limit or COUNTS[split], split, size or 32, seed
        moving = {} if frames is None else motion.render(*what, plain(frames))
        return Images(**scenes.render(*what), **moving, classes=scenes.CLASSES)
    source = sources.find(name, split, root, download).limited(limit, seed)
    return Images(*source.read(source.rows, size, white), source.classes)
