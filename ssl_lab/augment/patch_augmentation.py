"""CPC v2's augmentation of patches: every patch of every image is changed on its own, so that no two of them share more than what they show.

Hénaff et al. 2020, arXiv 1905.09272, section 4.1 and appendix, in this order:
    two operations of RandAugment's 16 → bent and sheared → histogram → colours → grey → one channel in place of three
differs: magnitudes are one number for all 16 operations, as in RandAugment; the curve of the histogram has four straight pieces; brightness is
multiplied; a channel that is kept stands in place of the two that are dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Num
from torch import Tensor

from ssl_lab.arguments import Range
from ssl_lab.augment.colours import jitter_colours
from ssl_lab.augment.distort import drop_colours, elastic, tone
from ssl_lab.augment.rand_augment import Chosen, RandAugment
from ssl_lab.augment.shapes import Batch, PerImage, Pixels, Strengths, in_range, to_float
from ssl_lab.surroundings import uncast

POINTS, PIECES = 4, 4  # of the displacement, along each side; of the curve of the histogram
DRAWS = 11 + 2 * POINTS**2 + 3 * PIECES  # numbers drawn for every patch, whatever the strengths

PatchShare = Annotated[float, Range(0, 1, hint="a share of the patches")]


@dataclass(frozen=True)
class PatchAugmentation(Strengths):
    """The defaults are the paper's.

    operations, magnitude: of RandAugment, for every patch.   elastic_share: of the patches that are bent and sheared.
    bend: the largest displacement, as a share of the side, and half of the largest shear.   tone_share: of those whose histograms change.
    jitter: strength of the change of colours; 1 is Szegedy et al. 2014's: brightness up to 1/8, contrast and saturation up to 1/2.
    hue: largest turn at jitter 1; 0.5 is half the circle.   jitter_share, grey_share, drop_share: of those whose colours change, that become grey,
    and that keep one of their three channels.
    Raises: InputError for values outside the ranges below.
    """

    operations: Annotated[int, Range(0, whole=True, hint="the paper has 2")] = 2
    magnitude: Annotated[float, Range(0, 30, hint="10 is AutoAugment's strongest")] = 5.0
    elastic_share: PatchShare = 0.2
    bend: Annotated[float, Range(0, 0.5, hint="a share of the side")] = 0.1
    tone_share: PatchShare = 0.2
    jitter: Annotated[float, Range(0, hint="1 is the paper's strength, 0 none")] = 1.0
    hue: Annotated[float, Range(0, 0.5, hint="a share of the circle")] = 0.2
    jitter_share: PatchShare = 0.8
    grey_share: PatchShare = 0.25
    drop_share: PatchShare = 1.0

    @torch.no_grad()
    def draw(self, x: Num[Tensor, "B c H W"], generator: torch.Generator | None = None) -> "DrawnPatches":
        """Parameters for every patch of x, on its device, from this generator or torch's own."""
        u = torch.rand(DRAWS, len(x), generator=generator, device=x.device, dtype=torch.float32)
        on, side, curve = u[:11], u[11 : 11 + 2 * POINTS**2], u[11 + 2 * POINTS**2 :]
        coloured, strength = on[2] < self.jitter_share, self.jitter
        b, c, s = (1 + strength * share * (2 * v - 1) for share, v in zip((1 / 8, 1 / 2, 1 / 2), on[3:6]))
        kept = F.one_hot((3 * on[9]).long(), 3).to(u)
        shares = (0.2 + curve).T.reshape(-1, 3, PIECES)
        return DrawnPatches(
            chosen=RandAugment(self.operations, self.magnitude).draw(x, generator),
            bent=on[0] < self.elastic_share, shear=2 * self.bend * (2 * on[10] - 1),
            pixels=(self.bend * max(x.shape[2:]) * (2 * side - 1)).T.reshape(-1, 2, POINTS, POINTS),
            toned=on[1] < self.tone_share, shares=shares / shares.sum(2, keepdim=True),
            coloured=coloured, brightness=b.clamp(min=0), contrast=c.clamp(min=0), saturation=s.clamp(min=0),
            turn=min(strength * self.hue, 0.5) * (2 * on[6] - 1),
            grey=on[7] < self.grey_share, dropped=on[8] < self.drop_share, kept=kept,
        )  # fmt: skip


@dataclass(frozen=True)
class DrawnPatches:
    """Drawn parameters, one value a patch."""

    chosen: Chosen
    bent: Bool[Tensor, " B"]
    shear: PerImage
    pixels: Float[Tensor, "B 2 n n"]
    toned: Bool[Tensor, " B"]
    shares: Float[Tensor, "B 3 m"]
    coloured: Bool[Tensor, " B"]
    brightness: PerImage
    contrast: PerImage
    saturation: PerImage
    turn: PerImage
    grey: Bool[Tensor, " B"]
    dropped: Bool[Tensor, " B"]
    kept: Float[Tensor, "B 3"]

    def __getitem__(self, rows: slice) -> "DrawnPatches":
        """What was drawn for these patches."""
        return DrawnPatches(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @torch.no_grad()
    @uncast
    def __call__(self, x: Pixels) -> Batch:
        """The changed patches, float32 in [0, 1]. Raises: InputError for pixels that are neither bytes nor floats in [0, 1]."""
        return self.finish(to_float(in_range(x)).float())

    @torch.no_grad()
    @uncast
    def finish(self, x: Batch) -> Batch:
        """The same of patches whose range nobody need ask the device for."""
        x = self.chosen.finish(x)
        x = only(self.bent, elastic, x, self.pixels, self.shear)
        x = only(self.toned, tone, x, self.shares)
        one = torch.ones_like(self.turn)
        b, c, s, turn = (torch.where(self.coloured, v, neutral) for v, neutral in
                         ((self.brightness, one), (self.contrast, one), (self.saturation, one), (self.turn, 0 * one)))
        x = jitter_colours(x, b, c, torch.where(self.grey, 0.0, s), turn)
        return only(self.dropped, drop_colours, x, self.kept)

    def remark(self, n: int) -> str:
        """What is done to the n-th patch, in words: "rotated by 12°, bent, hue turned by 20°, green alone"."""
        said = [self.chosen.remark(n)] if len(self.chosen.which) else []
        said += ["bent"] * bool(self.bent[n]) + ["histogram changed"] * bool(self.toned[n])
        if self.coloured[n]:
            said.append(f"hue turned by {360 * float(self.turn[n]):z.0f}°".replace("-", "−"))
        said += ["grey"] * bool(self.grey[n])
        return ", ".join(said + [("red", "green", "blue")[int(self.kept[n].argmax())] + " alone"] * bool(self.dropped[n]))


def only(on: Bool[Tensor, " B"], change: Callable[..., Batch], x: Batch, *parameters: Tensor) -> Batch:
    """change(x, *parameters) where `on`, and x elsewhere. On a CPU only those are computed; a GPU would have to wait to know which they are."""
    if x.device.type != "cpu":
        return torch.where(on[:, None, None, None], change(x, *parameters), x)
    n = on.nonzero()[:, 0]
    if len(n) == len(x):
        return change(x, *parameters)
    return x.index_copy(0, n, change(x[n], *(values[n] for values in parameters))) if len(n) else x
