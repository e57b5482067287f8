"""The world of scenes with every cause under a control, and the what-if: how far does a change move the picture for each representation?"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ssl_lab import plots, scenes
from ssl_lab.arguments import whole
from ssl_lab.errors import require
from ssl_lab.features import features
from ssl_lab.widgets.controls import Button, Choice, Slider
from ssl_lab.widgets.explorer import Explorer

SHOWN, SEEN = 96, 32  # pixels of the picture that we look at, and of the one that networks look at
RANDOM = 300  # scenes, between which a distance of 100 % lies


class SceneExplorer(Explorer):
    """One scene, every cause of its pixels under a control, and how far a change moves it in pixels and for each encoder.

    A representation's distance is the Euclidean one between the scene at the start and now, divided by the mean distance of two of RANDOM random
    scenes in that representation: pixels and features of any scale can be compared, and 100 % means "as if it were another scene".
    encoders: name → network (B, 3, 32, 32) → (B, D), perhaps none; the last one is drawn as ours.   seed: of the scene and of the random ones.
    start: causes of the scene at the start, where they are not to be drawn by the seed.
    Controls: shape, and the factors of `scenes.RANGES` in their ranges; angles in radians; back, to the start.
    Raises: InputError for an encoder that is no network, is named pixels, or gives other than one finite row an image; for a seed that is not whole.
    """

    def __init__(self, encoders: Mapping | None = None, seed: int = 0, **start):
        require(whole(seed), f"seed={seed!r} must be a whole number")
        self.encoders = dict(encoders or {})
        for name, encoder in self.encoders.items():
            require(isinstance(encoder, nn.Module), f"encoder {name!r} is a {type(encoder).__name__}; a network is needed, such as method.encoder")
            require(name != "pixels", "an encoder named 'pixels' would hide the pixels; give it another name")
        (label,), factors, self.phases = scenes.draw_factors(1, "test", seed)
        drawn = {"shape": scenes.CLASSES[label], **{name: float(f"{value.item():.3g}") for name, value in factors.items()}}
        self.start = drawn | {name: value for name, value in start.items() if name in drawn}
        self.units = {name: mean_distance(rows) for name, rows in self.seen(scenes.render(RANDOM, "train", SEEN, seed)["x"]).items()}
        self.before = None
        sliders = {name: Slider(name.replace("_", " "), *map(float, scenes.RANGES[name])) for name in factors}
        super().__init__({"shape": Choice("shape", scenes.CLASSES), **sliders, "back": Button("back to the start")}, **drawn | start)

    def place(self, values: dict) -> None:
        """Move controls without drawing; back moves all causes, unless each is told its place."""
        super().place(values | self.start if "back" in values and not self.start.keys() <= values.keys() else values)

    def draw(self, back: int, **causes):
        shown, seen = self.picture_of(causes, SHOWN), self.seen(self.picture_of(causes, SEEN)["x"])
        if self.before is None:
            self.before = shown["x"], seen
        moved = {name: (seen[name] - self.before[1][name]).norm().item() / self.units[name] for name in seen}
        changed = tuple(name for name, value in causes.items() if value != self.start[name])
        now = {name: value[0].permute(1, 2, 0).squeeze(-1).numpy() for name, value in shown.items() if name != "boxes"}
        return plots.scene(plots.hwc(self.before[0])[0], now, moved, changed)

    def picture_of(self, causes: dict, size: int) -> dict[str, Tensor]:
        """The scene with these causes, and with the ripples of the seed."""
        labels = torch.tensor([scenes.CLASSES.index(causes["shape"])])
        return scenes.picture(labels, {name: torch.tensor([float(causes[name])]) for name in scenes.RANGES}, self.phases, size)

    def seen(self, x: UInt8[Tensor, "B 3 H W"]) -> dict[str, Float[Tensor, "B _"]]:
        """The images in every representation, pixels first."""
        found = {"pixels": x.flatten(1).float() / 255} | {name: features(encoder, x).cpu() for name, encoder in self.encoders.items()}
        for name, h in found.items():
            require(h.ndim == 2, f"encoder {name!r} gives {tuple(h.shape[1:])} an image; one row of features is needed")
            require(bool(h.isfinite().all()), f"encoder {name!r} gives NaN or infinity; did the training diverge?")
        return found


def mean_distance(rows: Float[Tensor, "N D"]) -> float:
    """Mean Euclidean distance of two different rows; a representation in which all are the same moves by 0, whatever is changed."""
    return max(torch.pdist(rows).mean().item(), 1e-12)
