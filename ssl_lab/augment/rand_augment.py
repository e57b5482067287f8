"""RandAugment: a few operations for every image, drawn from 16, all with the strength of one number, the magnitude.

Cubuk, Zoph, Shlens, Le (2020), arXiv 1909.13719, with the 16 operations of Noisy Student (Xie et al. 2020, arXiv 1911.04252). For each image:
    repeat `operations` times: draw one of the 16, each equally likely, and a sign; apply it with the strength that the magnitude means there
Magnitude 10 is AutoAugment's strongest: 30°, a shear of 0.3, colours times 1.9. Strengths are those of the papers' code, where not all of them grow:
solarising inverts what is at least 25.6 times the magnitude, so 10 changes nothing; 4 bits of 10 are left when posterising; and colour, contrast,
brightness and sharpness are multiplied by 0.1 at magnitude 0, 1 at magnitude 5, and 1.9 at magnitude 10.
differs: the code's 100 pixels of translation and 40 of cutout, made for sides of 224 or more, are 100/224 and 40/224 of a side. Beyond 10 angles,
shears and factors grow on as in the code, and posterising and solarising end where they change nothing; translations end at 0.6 of a side and cutouts
at half of the shorter one (at 27 and 475 pixels, as the largest network was trained, the code has 0.57 and 0.45). Posterising keeps at least 1 bit;
the code's 0, below 2.5, is black. Contrast has PIL's mean grey; the code has the number of pixels / 256 there. Values are not rounded to bytes in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor

from ssl_lab.arguments import Range, check_fields
from ssl_lab.augment.colours import brightness, column, contrast, saturation, solarise
from ssl_lab.augment.operations import autocontrast, cutout, equalise, invert, posterise, sharpness, solarise_add
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, in_range, to_float
from ssl_lab.augment.warps import rotate, shear_x, shear_y, translate_x, translate_y
from ssl_lab.surroundings import uncast

SIDE = 224  # pixels, for which translation and cutout were made
CACHED = 512  # images at a time on a CPU: each operation sees a 16th of them


@dataclass(frozen=True)
class Operation:
    """One of the 16.

    apply: the images, one strength an image, and where, for cutout.   strength: from the magnitude, height and width.   words: what it does, with the
    strength in it.   signed: whether half of the images get the opposite.   opposite: the words for those.
    """

    apply: Callable[[Batch, PerImage, Tensor], Batch]
    words: str
    strength: Callable[[float, int, int], float] = lambda m, H, W: 0.0
    signed: bool = False


def simple(function: Callable) -> Callable:
    """An operation that needs no place."""
    return lambda x, s, place: function(x, s)


def factor(m: float, H: int, W: int) -> float:
    return 0.1 + 0.18 * m


def translation(m: float, side: int) -> float:
    return min(10 * m / SIDE, 0.6) * side


TABLE = {
    "AutoContrast": Operation(lambda x, s, place: autocontrast(x), "contrast stretched"),
    "Equalize": Operation(lambda x, s, place: equalise(x), "equalised"),
    "Invert": Operation(lambda x, s, place: invert(x), "inverted"),
    "Rotate": Operation(simple(rotate), "rotated by {:.0f}°", lambda m, H, W: 3 * m, signed=True),
    "Posterize": Operation(simple(posterise), "posterised to {:.0f} bits", lambda m, H, W: min(max(int(0.4 * m), 1), 8)),
    "Solarize": Operation(lambda x, s, place: solarise(x, column(s / 255)), "solarised from {:.0f} on", lambda m, H, W: min(int(25.6 * m), 256)),
    "Color": Operation(simple(saturation), "colour × {:.2g}", factor),
    "Contrast": Operation(simple(contrast), "contrast × {:.2g}", factor),
    "Brightness": Operation(simple(brightness), "brightness × {:.2g}", factor),
    "Sharpness": Operation(simple(sharpness), "sharpness × {:.2g}", factor),
    "ShearX": Operation(simple(shear_x), "sheared by {:.2g} along x", lambda m, H, W: 0.03 * m, signed=True),
    "ShearY": Operation(simple(shear_y), "sheared by {:.2g} along y", lambda m, H, W: 0.03 * m, signed=True),
    "TranslateX": Operation(simple(translate_x), "moved by {:.0f} pixels along x", lambda m, H, W: translation(m, W), signed=True),
    "TranslateY": Operation(simple(translate_y), "moved by {:.0f} pixels along y", lambda m, H, W: translation(m, H), signed=True),
    "Cutout": Operation(lambda x, s, place: cutout(x, s, *place), "{:.0f} pixels cut out around a place",
                        lambda m, H, W: round(min(4 * m / SIDE, 0.25) * min(H, W))),
    "SolarizeAdd": Operation(lambda x, s, place: solarise_add(x, s / 255), "{:.0f} added to what is dark", lambda m, H, W: int(11 * m)),
}  # fmt: skip
OPERATIONS = tuple(TABLE)


@dataclass(frozen=True)
class RandAugment:
    """RandAugment as Noisy Student uses it: so many operations for each image, from 0, all of one magnitude, 0 to 30.

    Noisy Student has 2 operations, of magnitude 5 for images of 32 pixels (SVHN) and up to 27 for the largest networks on ImageNet.
    Raises: InputError for values outside the ranges below.
    """

    operations: Annotated[int, Range(0, whole=True, hint="the papers use 1 to 3")] = 2
    magnitude: Annotated[float, Range(0, 30, hint="10 is AutoAugment's strongest")] = 10.0

    def __post_init__(self):
        check_fields(self)

    def __call__(self, x: Pixels, generator: torch.Generator | None = None) -> Batch:
        """One random view of every image, in float32. Raises: InputError for pixels that are neither bytes nor floats of any precision in [0, 1]."""
        return self.draw(x, generator)(x)

    @torch.no_grad()
    def draw(self, x: Num[Tensor, "B c H W"], generator: torch.Generator | None = None) -> "Chosen":
        """Operations for every image of x, on its device, from this generator or torch's own; a further round leaves those before it as they are."""
        options = {"device": x.device, "dtype": torch.float32}
        rounds = (torch.rand(1, 4, len(x), generator=generator, **options) for _ in range(self.operations))
        which, sign, *place = torch.cat([torch.empty(0, 4, len(x), **options), *rounds]).unbind(1)
        return Chosen((which * len(OPERATIONS)).long(), torch.where(sign < 0.5, -1.0, 1.0), torch.stack(place, 1), self.magnitude)


@dataclass(frozen=True)
class Chosen:
    """What was drawn for every image in each round: which of OPERATIONS, a sign, -1 or 1, the place of a cutout, in [0, 1); and the magnitude."""

    which: Int64[Tensor, "rounds B"]
    sign: Float[Tensor, "rounds B"]
    place: Float[Tensor, "rounds 2 B"]
    magnitude: float

    def __getitem__(self, rows: slice) -> "Chosen":
        """What was drawn for these images."""
        return Chosen(self.which[:, rows], self.sign[:, rows], self.place[:, :, rows], self.magnitude)

    @torch.no_grad()
    @uncast
    def __call__(self, x: Pixels) -> Batch:
        """The view of every image, float32 in [0, 1]. Raises: InputError for pixels that are neither bytes nor floats in [0, 1]."""
        if x.device.type == "cpu" and len(x) > CACHED:
            out = torch.empty(x.shape, dtype=torch.float32)
            for i in range(0, len(x), CACHED):
                out[i : i + CACHED] = self[i : i + CACHED](x[i : i + CACHED])
            return out
        x = to_float(in_range(x)).float().clone()
        for which, sign, place in zip(self.which, self.sign, self.place):
            for k, operation in enumerate(TABLE.values()):
                strength = operation.strength(self.magnitude, *x.shape[2:])
                x = on_some(x, which == k, operation.apply, strength * sign if operation.signed else torch.full_like(sign, strength), place)
        return x

    def remark(self, n: int, H: int, W: int) -> str:
        """What is done to the n-th image, of this height and width, in words: "rotated by 12°, posterised to 5 bits"."""
        operations = list(TABLE.values())
        rounds = [(operations[which[n]], float(sign[n])) for which, sign in zip(self.which, self.sign)]
        return ", ".join(op.words.format(op.strength(self.magnitude, H, W) * (sign if op.signed else 1)) for op, sign in rounds)


def on_some(x: Batch, chosen: Bool[Tensor, " B"], apply: Callable, strength: PerImage, place: Float[Tensor, "2 B"]) -> Batch:
    """The operation on the chosen images. A CPU, for which nobody waits, works on these alone; any other device on all of them."""
    if x.device.type != "cpu":
        return torch.where(column(chosen), apply(x, strength, place), x)
    rows = chosen.nonzero()[:, 0]
    if len(rows):
        x[rows] = apply(x[rows], strength[rows], place[:, rows])
    return x


def rand_augment(x: Pixels, operations: int = 2, magnitude: float = 10.0, generator: torch.Generator | None = None) -> Batch:
    """One random view of every image, by a `RandAugment` of so many operations and this magnitude."""
    return RandAugment(operations, magnitude)(x, generator)
