"""The strengths of transforms on controls: what each is called, its range, and how a control's value becomes an argument."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ssl_lab.arguments import ranges
from ssl_lab.augment import Augmentation, PatchAugmentation, RandAugment
from ssl_lab.widgets.controls import Control, Slider, Switch


def number(value, given, x):
    """The slider's value as it is."""
    return value


def least(value, given, x):
    """A range that begins here and ends where it did, or at 1."""
    return value, max(value, 1.0 if given is None else given[1])


def stretch(value, given, x):
    """Aspect ratios up to this, lying or upright."""
    return 1 / value, value


def each(value, given, x):
    """The same for every image."""
    return torch.full((len(x),), value if isinstance(value, bool) else float(value), device=x.device)


@dataclass(frozen=True)
class Knob:
    """A strength on a control.

    words: on the control.   low, high: its range, which widens for a transform that begins outside.   start: for one without a value of its own.
    make: the argument, from the control's value, what the transform had, and the images.   read: the control's value, from what the transform had.
    """

    words: str
    low: float
    high: float
    start: float | int | bool = 0.0
    make: Callable = number
    read: Callable = float

    def control(self, had) -> Control:
        """The control that begins with what the transform had; None is nothing."""
        value = self.start if had is None else self.read(had)
        if isinstance(self.start, bool):
            return Switch(self.words, value)
        low, high = min(self.low, value), max(self.high, value)
        if isinstance(self.start, int):
            return Slider(self.words, low, high, value)
        return Slider(self.words, float(low), float(high), value, step=0.02 if high <= 1 else 0.05 if high <= 10 else 0.5)


def declared(words: str, name: str, kind: type = Augmentation, **others) -> Knob:
    """A knob over the range that an Augmentation declares for this strength, where it has an end."""
    allowed = ranges(kind)[name]
    ends = {end: value for end, value in (("low", allowed.low), ("high", allowed.high)) if value is not None}
    return Knob(words, **ends | others)


# every strength of an Augmentation, of RandAugment and of a PatchAugmentation, and keywords of the functions of `ssl_lab.augment`;
# any other keyword stays at its default
KNOBS = {
    "area": declared("area from", "area", low=0.02, start=0.08, make=least, read=lambda area: area[0]),
    "ratio": Knob("stretch", 1, 3, start=4 / 3, make=stretch, read=lambda ratio: ratio[1]),
    "flip": declared("mirrored", "flip"),
    "jitter": declared("jitter", "jitter", high=2),
    "hue": declared("hue", "hue"),
    "jitter_share": declared("coloured", "jitter_share"),
    "grey_share": declared("grey", "grey_share"),
    "blur_share": declared("blurred", "blur_share"),
    "solarise_share": declared("solarised", "solarise_share"),
    "operations": declared("operations", "operations", RandAugment, high=4, start=2, read=int),
    "magnitude": declared("magnitude", "magnitude", RandAugment, start=10.0),
    "elastic_share": declared("bent", "elastic_share", PatchAugmentation),
    "bend": declared("bend", "bend", PatchAugmentation),
    "tone_share": declared("histograms", "tone_share", PatchAugmentation),
    "drop_share": declared("one channel", "drop_share", PatchAugmentation),
    "threshold": Knob("threshold", 0, 1),
    "sigma": Knob("sigma", 0.1, 4, start=1.0, make=each),
    "factor": Knob("factor", 0, 2, start=1.0, make=each),
    "turn": Knob("turn", -0.5, 0.5, make=each),
    "on": Knob("switched", 0, 1, start=True, make=each),
    "bits": Knob("bits", 1, 8, start=4, make=each),
    "addition": Knob("added", 0, 1, make=each),
    "degrees": Knob("degrees", -90, 90, make=each),
    "slope": Knob("slope", -1, 1, make=each),
    "pixels": Knob("pixels", -32, 32, make=each),
    "side": Knob("side", 0, 64, start=16.0, make=each),
    "across": Knob("across", 0, 1, start=0.5, make=each),
    "down": Knob("down", 0, 1, start=0.5, make=each),
}
