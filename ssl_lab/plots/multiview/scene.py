"""The views of one scene side by side, and beside them what a predictive method has painted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, INK, POSITIVE, class_name, smaller
from ssl_lab.plots.multiview.seen import MEANS, chroma, colours, distance, error
from ssl_lab.plots.spots import Spots

LEFT, RIGHT, NAMES, TOP, SIDE, GAP = 0.15, 6.45, 1.24, 1.42, 1.98, 0.12  # inches: of the row; height of the names; a tile's top, most side, gap
FOOT, ROOM = 0.24, 6  # inches from the tiles to the words below; tiles in a row that has room for the image itself
Tiles = Mapping[str, UInt8[np.ndarray, "n H W 3"]]


@dataclass(frozen=True, eq=False)
class Scenes:
    """The scenes that are drawn.   views: name of a view → n pictures.   labels: -1 = none.   images: n pictures that the views are made of."""

    views: Tiles
    labels: Int[np.ndarray, " n"]
    classes: tuple[str, ...] = ()
    images: UInt8[np.ndarray, "n H W 3"] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.views)

    def __len__(self) -> int:
        """How many scenes there are."""
        return len(self.labels)

    def called(self, scene: int) -> str:
        """scene 3 (ring)"""
        what = f" ({class_name(int(self.labels[scene]), self.classes)})" if self.labels[scene] >= 0 else ""
        return f"scene {scene}{what}"


@dataclass(frozen=True, eq=False)
class Painting:
    """Colours of n scenes.   true, painted: normalised a and b.   mask: of the object; None where nobody knows it."""

    true: Float[np.ndarray, "n 2 H W"]
    painted: Float[np.ndarray, "n 2 H W"]
    mask: Int[np.ndarray, "n H W"] | None = None

    def parts(self, scene: int) -> dict[str, np.ndarray]:
        """The pixels of the object and of the ground, or all of them."""
        if self.mask is None:
            return {"image": np.ones(self.true.shape[2:], bool)}
        inside = self.mask[scene] == 1
        return {name: part for name, part in (("object", inside), ("ground", ~inside)) if part.any()}

    def missed(self, scene: int) -> dict[str, tuple[float, float]]:
        """Part → the mean distance of the painted colours from the true ones, and that of grey, in units of Lab."""
        own = slice(scene, scene + 1)
        apart, plain = distance(self.painted[own], self.true[own])[0], chroma(self.true[own])[0]
        return {name: (float(apart[part].mean()), float(plain[part].mean())) for name, part in self.parts(scene).items()}

    def tiles(self, scene: int) -> Tiles:
        """The painted colours, and how far they are off."""
        own = slice(scene, scene + 1)
        return {"painted": colours(self.painted[own]), "error": error(distance(self.painted[own], self.true[own]))}


def row(page: Drawing, scenes: Scenes, scene: int, first: str, second: str, painting: Painting | None) -> tuple[float, str]:
    """Draw the row; a click on a view compares the first one with it. Returns where it ends, and in words what the painting misses."""
    tiles = {name: pixels[scene : scene + 1] for name, pixels in scenes.views.items()}
    if painting is not None:
        tiles |= ({} if "ab" in tiles else {"ab": colours(painting.true[scene : scene + 1])}) | painting.tiles(scene)
    if scenes.images is not None and "rgb" not in tiles and len(tiles) < ROOM:
        tiles = {"image": scenes.images[scene : scene + 1], **tiles}
    side = min(SIDE, (RIGHT - LEFT - GAP * (len(tiles) - 1)) / len(tiles))
    at = {name: LEFT + (side + GAP) * place for place, name in enumerate(tiles)}
    for name, (pixels,) in ((name, smaller(tile, 96)) for name, tile in tiles.items()):
        large = 14 if side > 0.9 else 12
        page.words(at[name], NAMES, class_name(0, (name,), max(3, int(side * 130 / large))), large, INK, bold=name in (first, second))
        page.picture(pixels, at[name], TOP, side)
    page.areas([(at[name], TOP, side, side) for name in (first, second)], "", [ANCHOR, POSITIVE], 3.5)
    foot, missed = TOP + side, ""
    for name in scenes.names:
        tip = f"{scenes.called(scene)}, {name}{': ' * (name in MEANS)}{MEANS.get(name, '')}"
        page.spots.append(Spots(f"view {name}", (at[name], TOP, side, side), tip, sets={"second": [name]}))
    if painting is not None:
        off = painting.missed(scene)
        missed = "painted ab: off by " + ", ".join(f"{miss:.0f} on the {part}" for part, (miss, _) in off.items())
        plain = "grey: by " + ", ".join(f"{grey:.0f}" for _, grey in off.values())
        page.words(LEFT, foot + FOOT, f"{missed}; {plain}", 13)
        box = (at["painted"], TOP, 2 * side + GAP, side)
        page.spots.append(Spots("what is painted", box, f"{missed}, mean distance in Lab; {plain}; the error is white at 0, black from 60 on"))
        missed, foot = f"{missed} ({plain})", foot + FOOT + 0.1
    return foot, missed
