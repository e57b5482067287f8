"""RandAugment: a few operations for every image, drawn from 16, all with the strength of one number, the magnitude.

Cubuk, Zoph, Shlens, Le (2020), arXiv 1909.13719, with the 16 operations of Noisy Student (Xie et al. 2020, arXiv 1911.04252). For each image:
    repeat `operations` times: draw one of the 16, each equally likely, and a sign; apply it with the strength that the magnitude means there
Magnitude 10 is AutoAugment's largest: 30°, a shear of 0.3, colours times 1.9. Strengths are those of the papers' code, where not all grow with it:
solarising inverts what is at least 25.6 times the magnitude, so that 10 changes nothing; posterising keeps 0 to 4 bits up to 10, and 8 from 20 on;
and colour, contrast, brightness and sharpness are multiplied by 0.1 at magnitude 0, 1 at 5 and 1.9 at 10.
differs: the code's 100 pixels of translation and 40 of cutout at magnitude 10, made for images of 224 or more, are shares of the side here, 100/224
and 40/224. Beyond 10 angles, shears and factors grow on, as in the code; translations end at 0.6 of the side and the squares of cutout at half of the
shorter one (the code has 0.57 and 0.45 where it is strongest, at 27 for 475 pixels); posterising ends at 8 bits and solarising at 256, where both
change nothing. Posterising keeps at least 1 bit; the code's 0, below 2.5, is black. Contrast leads away from the mean grey, as PIL's does; the code
has the number of pixels / 256 in its place. Values are not rounded to bytes in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int64, Num
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.augment.colours import brightness, column, contrast, saturation, solarise
from ssl_lab.augment.operations import autocontrast, cutout, equalise, invert, posterise, sharpness, solarise_add
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, Strengths, in_range, to_float
from ssl_lab.augment.warps import rotate, shear_x, shear_y, translate_x, translate_y
from ssl_lab.surroundings import uncast

SIDE = 224  # pixels, for which translation and cutout were made
VALUES = 2**21  # at a time on a CPU, 8 MB, so that memory is used again; each operation sees about a 16th of these images


@dataclass(frozen=True)
class Operation:
    """One of the 16.

    apply: from images, one strength an image, and places for cutout.   words: what is done, around the strength.
    strength: from the magnitude, the height and the width.   signed: half of the images get its opposite.
    """

    apply: Callable[[Batch, PerImage, Tensor], Batch]
    words: str
    strength: Callable[[float, int, int], float] = lambda m, H, W: 0.0
    signed: bool = False


def plain(function: Callable[[Batch], Batch], words: str) -> Operation:
    """One without a strength."""
    return Operation(lambda x, s, place: function(x), words)


def enhancing(function: Callable[[Batch, PerImage], Batch], what: str) -> Operation:
    """One with a factor, which PIL calls an enhancement."""
    return Operation(lambda x, s, place: function(x, s), what + " × {:.2g}", lambda m, H, W: 0.1 + 0.18 * m)


def warping(function: Callable[[Batch, PerImage], Batch], words: str, strength: Callable[[float, int, int], float]) -> Operation:
    """One that moves pixels, either way."""
    return Operation(lambda x, s, place: function(x, s), words, strength, signed=True)


TABLE = {
    "AutoContrast": plain(autocontrast, "contrast stretched"),
    "Equalize": plain(equalise, "equalised"),
    "Invert": plain(invert, "inverted"),
    "Rotate": warping(rotate, "rotated by {:z.0f}°", lambda m, H, W: 3 * m),
    "Posterize": Operation(lambda x, s, place: posterise(x, s), "posterised to {:.0f} bits", lambda m, H, W: min(max(int(m / 10 * 4), 1), 8)),
    "Solarize": Operation(lambda x, s, place: solarise(x, column(s / 255)), "solarised from {:.0f} on", lambda m, H, W: min(int(m / 10 * 256), 256)),
    "Color": enhancing(saturation, "colour"),
    "Contrast": enhancing(contrast, "contrast"),
    "Brightness": enhancing(brightness, "brightness"),
    "Sharpness": enhancing(sharpness, "sharpness"),
    "ShearX": warping(shear_x, "sheared by {:z.2g} across", lambda m, H, W: 0.03 * m),
    "ShearY": warping(shear_y, "sheared by {:z.2g} down", lambda m, H, W: 0.03 * m),
    "TranslateX": warping(translate_x, "moved by {:z.0f} pixels across", lambda m, H, W: min(10 * m / SIDE, 0.6) * W),
    "TranslateY": warping(translate_y, "moved by {:z.0f} pixels down", lambda m, H, W: min(10 * m / SIDE, 0.6) * H),
    "Cutout": Operation(lambda x, s, place: cutout(x, s, *place), "a square of {:.0f} pixels cut out",
                        lambda m, H, W: 2 * round(min(4 * m / SIDE, 0.25) * min(H, W))),
    "SolarizeAdd": Operation(lambda x, s, place: solarise_add(x, s / 255), "{:.0f} added to what is below 128", lambda m, H, W: int(m / 10 * 110)),
}  # fmt: skip
OPERATIONS = tuple(TABLE)


@dataclass(frozen=True)
class RandAugment(Strengths):
    """RandAugment as Noisy Student uses it: so many operations for each image, from 0, all of one magnitude, 0 to 30.

    Noisy Student has 2 operations, of magnitude 5 for images of 32 pixels (SVHN) and up to 27 for the largest networks on ImageNet.
    Raises: InputError for values outside the ranges below.
    """

    operations: Annotated[int, Range(0, whole=True, hint="the papers use 1 to 3")] = 2
    magnitude: Annotated[float, Range(0, 30, hint="10 is AutoAugment's strongest")] = 10.0

    @torch.no_grad()
    def draw(self, x: Num[Tensor, "B c H W"], generator: torch.Generator | None = None) -> "Chosen":
        """Operations for every image of x, on its device, from this generator or torch's own; a further round leaves those before it as they are."""
        B, _, H, W = x.shape
        options = {"device": x.device, "dtype": torch.float32}
        rounds = (torch.rand(1, 4, B, generator=generator, **options) for _ in range(self.operations))
        which, sign, *place = torch.cat([torch.empty(0, 4, B, **options), *rounds]).unbind(1)
        which = (which * len(OPERATIONS)).long()
        strength = torch.tensor([operation.strength(self.magnitude, H, W) for operation in TABLE.values()], **options)
        opposite = torch.tensor([operation.signed for operation in TABLE.values()], device=x.device)[which] & (sign < 0.5)
        return Chosen(which, strength[which] * (1 - 2 * opposite.to(strength)), torch.stack(place, 1))


@dataclass(frozen=True)
class Chosen:
    """What was drawn for every image in each round: which of OPERATIONS, its strength, with its sign, and the place of a cutout, as shares."""

    which: Int64[Tensor, "rounds B"]
    strength: Float[Tensor, "rounds B"]
    place: Float[Tensor, "rounds 2 B"]

    def __getitem__(self, rows: slice) -> "Chosen":
        """What was drawn for these images."""
        return Chosen(self.which[:, rows], self.strength[:, rows], self.place[:, :, rows])

    @torch.no_grad()
    @uncast
    def __call__(self, x: Pixels) -> Batch:
        """The view of every image, float32 in [0, 1]. Raises: InputError for pixels that are neither bytes nor floats in [0, 1]."""
        return self.finish(to_float(in_range(x)).float())

    @torch.no_grad()
    @uncast
    def finish(self, x: Batch) -> Batch:
        """The same of a view, whose range nobody need ask the device for."""
        if x.device.type != "cpu":
            return self.everywhere(x)
        y, step = x.clone(), max(1, VALUES // max(1, x[:1].numel()))
        for i in range(0, len(y), step):
            self[i : i + step].change(y[i : i + step])
        return y

    def everywhere(self, x: Batch) -> Batch:
        """The views, made without waiting for a device: each operation on all images, of which those are taken that are to have it."""
        for which, strength, place in zip(self.which, self.strength, self.place):
            for k, operation in enumerate(TABLE.values()):
                x = torch.where((which == k)[:, None, None, None], operation.apply(x, strength, place), x)
        return x

    def change(self, x: Batch) -> None:
        """Make these images their views, each operation on its own images: on a CPU their number is known without waiting."""
        for which, strength, place in zip(self.which, self.strength, self.place):
            rows = which.argsort().split(which.bincount(minlength=len(TABLE)).tolist())
            for operation, n in zip(TABLE.values(), rows):
                x.index_copy_(0, n, operation.apply(x.index_select(0, n), strength[n], place[:, n]))

    def remark(self, n: int) -> str:
        """What is done to the n-th image, in words: "rotated by 12°, posterised to 5 bits"."""
        operations = list(TABLE.values())
        said = [operations[k].words.format(strength) for k, strength in zip(self.which[:, n].tolist(), self.strength[:, n].tolist())]
        return ", ".join(said).replace("-", "−")


def rand_augment(x: Pixels, operations: int = 2, magnitude: float = 10.0, generator: torch.Generator | None = None) -> Batch:
    """One random view of every image, by a `RandAugment` of so many operations and this magnitude."""
    return RandAugment(operations, magnitude)(x, generator)
