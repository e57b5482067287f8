"""An `Augmentation`, a frozen set of strengths, draws parameters. A `Drawn` applies them to an image and to all that belongs to it."""

from dataclasses import dataclass, fields, replace
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Num
from torch import Tensor

from ssl_lab.arguments import Range, Share
from ssl_lab.augment.colours import column, jitter_colours, solarise
from ssl_lab.augment.places import blur, box, crop, nearest_crop
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, Strengths, in_range, to_float
from ssl_lab.errors import require
from ssl_lab.surroundings import uncast

CACHED = 128  # images at a time on a CPU, so that a chunk stays in its cache: twice as fast as 512 (EPYC, torch 2.15)
LARGE = 2**16  # pixels; of larger images fewer at a time (2 with a side of 1,024), so that memory beside the result stays below 300 MB
DRAWS = 14  # numbers drawn for every image, whatever the strengths, so that a change of one strength leaves the others' draws as they are


@dataclass(frozen=True)
class Augmentation(Strengths):
    """SimCLR's augmentation (Chen et al. 2020, appendix A; the defaults are B.9's for CIFAR), with BYOL's solarisation.

    area: share of the image that a crop keeps, drawn between two numbers.   ratio: width to height of the crop, likewise, log-uniform.
    flip: share of the images that are flipped.   jitter: strength of the colour distortion; 1 is the paper's, 0 switches off distortion and grey.
    hue: largest turn of the hue at jitter 1; 0.5 is half the circle.   jitter_share, grey_share: shares of the images whose colours are distorted,
    and that become grey.   blur_share, solarise_share: shares of the images that are blurred (sigma 0.1 to 2 pixels), and solarised.
    Raises: InputError for values outside the ranges below.
    """

    area: Annotated[tuple[float, float], Range(above=0, high=1, hint="two shares of the image, the smaller one first")] = (0.08, 1.0)
    ratio: Annotated[tuple[float, float], Range(above=0, hint="two ratios of width to height, the smaller one first")] = (3 / 4, 4 / 3)
    flip: Share = 0.5
    jitter: Annotated[float, Range(0, hint="1 is the paper's strength, 0 none")] = 1.0
    hue: Annotated[float, Range(0, 0.5, hint="a share of the circle")] = 0.1
    jitter_share: Share = 0.8
    grey_share: Share = 0.2
    blur_share: Share = 0.0
    solarise_share: Share = 0.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("area", "ratio"):
            low, high = getattr(self, name)
            require(low <= high, f"{name}={(low, high)}: the smaller one comes first; try {(high, low)}")

    @torch.no_grad()
    def draw(self, x: Num[Tensor, "B c H W"], generator: torch.Generator | None = None) -> "Drawn":
        """Parameters for every image of x, on its device, from this generator or torch's own."""
        B, _, H, W = x.shape
        u = torch.rand(DRAWS, B, generator=generator, device=x.device, dtype=torch.float32)  # whatever torch's default type is
        height, width = box(between(u[0], *self.area), u[1], self.ratio, H, W)
        on = (u[5] < self.jitter_share).to(u) * self.jitter
        b, c, s = (1 + on * between(u[6:9], -0.4, 0.4)).clamp(min=0)
        return Drawn(
            top=u[2] * (H - height), left=u[3] * (W - width), height=height, width=width, flip=u[4] < self.flip,
            brightness=b, contrast=c, saturation=torch.where(u[9] < self.grey_share, 0.0, s) if self.jitter > 0 else s,
            turn=(on * self.hue).clamp(max=0.5) * between(u[10], -1, 1),
            sigma=between(u[11], 0.1, 2.0), blurred=u[12] < self.blur_share, solarised=u[13] < self.solarise_share,
            coloured=self.jitter > 0, blurs=self.blur_share > 0, solarises=self.solarise_share > 0,
        )  # fmt: skip


SMALL = Augmentation(area=(0.5, 1.0), hue=0.5)  # for small images and trainings of a minute
GREYER = replace(SMALL, jitter_share=1.0, grey_share=0.5)  # every view has other colours, and half of them have none


@dataclass(frozen=True)
class Drawn:
    """Drawn parameters, one value an image: the crop's box in pixels, flip, colours, blur. The last three say which operations are used at all."""

    top: PerImage
    left: PerImage
    height: PerImage
    width: PerImage
    flip: Bool[Tensor, " B"]
    brightness: PerImage
    contrast: PerImage
    saturation: PerImage
    turn: PerImage
    sigma: PerImage
    blurred: Bool[Tensor, " B"]
    solarised: Bool[Tensor, " B"]
    coloured: bool
    blurs: bool
    solarises: bool

    def __getitem__(self, rows: slice) -> "Drawn":
        """The parameters of these images."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Drawn(**{name: value[rows] if isinstance(value, Tensor) else value for name, value in values.items()})

    @property
    def box(self) -> tuple[Tensor, ...]:
        return self.top, self.left, self.height, self.width, self.flip

    @torch.no_grad()
    @uncast
    def __call__(self, x: Pixels) -> Batch:
        """The view of every image, float32 in [0, 1]. Raises: InputError for pixels that are neither bytes nor floats in [0, 1]."""
        square = max(x.shape[2:]) ** 2  # the size of a blur's matrices
        step = CACHED if square <= LARGE else max(1, 32 * LARGE // square)
        if x.device.type == "cpu" and len(x) > step:
            out = torch.empty(x.shape, dtype=torch.float32)
            for i in range(0, len(x), step):
                out[i : i + step] = self[i : i + step](x[i : i + step])
            return out
        return self.finish(self.cropped(x))

    @torch.no_grad()
    @uncast
    def cropped(self, x: Pixels) -> Batch:
        """The first half of a view: the crop and the mirror of every image, which no colour changes. Raises: as the whole does."""
        return crop(to_float(in_range(x)).float(), *self.box).clamp_(0, 1)  # rounded weights may add up to a little more than 1

    @torch.no_grad()
    @uncast
    def finish(self, x: Batch) -> Batch:
        """The second half, of what was cropped, which stays as it is: colours, blur, solarisation."""
        if self.coloured:
            x = jitter_colours(x, self.brightness, self.contrast, self.saturation, self.turn)
        if self.blurs:
            x = torch.where(self.blurred[:, None, None, None], blur(x, self.sigma), x)
        if self.solarises:
            x = solarise(x, column(torch.where(self.solarised, 0.5, 2.0)))  # no value is 2
        return x

    @torch.no_grad()
    @uncast
    def map(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B c H W"]:
        """The same crop and flip of a map with any channels and any range, such as Lab; colours do not change, and nothing is clamped."""
        return crop(x, *self.box)

    def depth(self, depth: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B 1 H W"]:
        """The same crop and flip of distances."""
        return self.map(depth)

    @torch.no_grad()
    def normals(self, n: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """The same crop and flip of unit vectors. A flip changes the sign of x, and the result has unit length again."""
        sign = 1 - 2 * self.flip.to(n.dtype)
        n = self.map(n) * torch.stack([sign, torch.ones_like(sign), torch.ones_like(sign)], 1)[:, :, None, None]
        return F.normalize(n, dim=1)

    @torch.no_grad()
    @uncast
    def flow(self, flow: Float[Tensor, "B c H W"]) -> Float[Tensor, "B c H W"]:
        """The same crop and flip of motions in pixels, x and y in turn. A crop enlarges them; a flip changes the sign of x."""
        _, _, H, W = flow.shape
        x, y = (1 - 2 * self.flip.to(flow.dtype)) * W / self.width, H / self.height
        scale = torch.stack([x, y], 1).repeat(1, flow.shape[1] // 2)[:, :, None, None]
        return self.map(flow) * scale.to(flow.dtype)

    @torch.no_grad()
    def mask(self, mask: Num[Tensor, "B c H W"]) -> Num[Tensor, "B c H W"]:
        """The same crop and flip of classes; every pixel takes the nearest one."""
        return nearest_crop(mask, *self.box)


def between(u: Tensor, low: float, high: float) -> Tensor:
    """Scale numbers of [0, 1) to the range from low to high."""
    return low + (high - low) * u


def augment(x: Pixels, generator: torch.Generator | None = None, **strengths) -> Batch:
    """One random view of every image, by an `Augmentation` of these strengths."""
    return Augmentation(**strengths)(x, generator)
