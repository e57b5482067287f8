"""What an encoder sees of an image, as a picture for eyes: every view in colours that mean what it holds."""

import colorsys

import numpy as np
from jaxtyping import Float, UInt8

from ssl_lab.augment.lab import EDGE, HALF, MIDDLE, SLOPE, WHITE, XYZ
from ssl_lab.plots.scene import LAYERS

LIGHT = 70.0  # L at which a and b are shown: there most colours of a screen exist
CHROMA = 60.0  # of ab's distance from grey, and of an error: what is shown as the strongest
MEANS = {
    "L": "lightness alone", "ab": "colour alone, at one lightness", "depth": "near is bright", "normals": "the way that it faces",
    "mask": "ground, object, shadow", "later": "some frames later", "flow": "the hue is the direction, white rests",
}  # fmt: skip
TO_RGB = np.linalg.inv(np.array(XYZ))


def picture(name: str, values: Float[np.ndarray, "N c H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Pictures of one view, from what its network sees; depth and flow on one scale for all of them.

    L as grey, ab at one lightness, depth bright where it is near, normals as colours, a mask's three parts, flow as the hue of its direction, pale
    where it is slow; any other view of one or three channels as pixels.
    """
    draw = {"L": grey, "ab": colours, "depth": near, "normals": normals, "mask": flat, "flow": motion}.get(name, pixels)
    return draw(values.astype(np.float64))


def grey(L: Float[np.ndarray, "N 1 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Normalised lightness as the grey that has it."""
    green = rgb(np.concatenate([L * HALF[0] + MIDDLE[0], 0 * L, 0 * L], 1))[..., 1:2]
    return np.repeat(green, 3, 3)  # the table of XYZ is rounded: red and blue may differ by one


def colours(ab: Float[np.ndarray, "N 2 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Normalised a and b at one lightness."""
    a, b = (ab[:, place] * HALF[1 + place] + MIDDLE[1 + place] for place in (0, 1))
    return rgb(np.stack([np.full_like(a, LIGHT), a, b], 1))


def distance(ab: Float[np.ndarray, "N 2 H W"], other: Float[np.ndarray, "N 2 H W"]) -> Float[np.ndarray, "N H W"]:
    """How far two maps of normalised a and b lie apart, pixel by pixel, in units of Lab: about 2 is just seen."""
    return np.sqrt(((ab - other) ** 2 * np.square(HALF[1:])[:, None, None]).sum(1))


def chroma(ab: Float[np.ndarray, "N 2 H W"]) -> Float[np.ndarray, "N H W"]:
    """How far a map lies from grey."""
    return distance(ab, np.array([-m / h for m, h in zip(MIDDLE[1:], HALF[1:])])[None, :, None, None] + 0 * ab)


def error(apart: Float[np.ndarray, "N H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """A distance in Lab as grey: white is none, black is CHROMA and more."""
    return np.repeat(byte(1 - apart / CHROMA)[..., None], 3, 3)


def near(depth: Float[np.ndarray, "N 1 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Distances, the nearest of all white."""
    return np.repeat(byte((depth.max() - depth[:, 0]) / max(np.ptp(depth), 1e-6))[..., None], 3, 3)


def normals(n: Float[np.ndarray, "N 3 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Unit vectors: red to the right, green downwards, blue towards the camera."""
    return byte((n + 1) / 2).transpose(0, 2, 3, 1)


def flat(parts: Float[np.ndarray, "N 3 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """One tone a part."""
    return LAYERS[parts.argmax(1)]


def motion(flow: Float[np.ndarray, "N c H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """The mean motion over all frames: its direction as a hue, white where nothing moves, full at the fastest of all."""
    x, y = flow[:, ::2].mean(1), flow[:, 1::2].mean(1)
    speed = np.hypot(x, y)
    wheel = np.array([colorsys.hsv_to_rgb(k / 360, 1, 1) for k in range(360)])
    hue = wheel[np.degrees(np.arctan2(y, x)).astype(int) % 360]
    return byte(1 - (1 - hue) * (speed / max(speed.max(), 1e-6))[..., None])


def pixels(x: Float[np.ndarray, "N c H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """Pixels in [0, 1]; others are brought there."""
    low, high = min(x.min(), 0.0), max(x.max(), 1.0)
    return np.broadcast_to(byte((x - low) / (high - low)), (len(x), 3, *x.shape[2:])).transpose(0, 2, 3, 1)


def rgb(lab: Float[np.ndarray, "N 3 H W"]) -> UInt8[np.ndarray, "N H W 3"]:
    """sRGB of Lab, what no screen shows cut off: the inverse of `augment.rgb_to_lab`."""
    L, a, b = (lab[:, channel] for channel in range(3))
    y = (L + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], -1)
    t = np.where(f**3 > EDGE, f**3, (f - 16 / 116) / SLOPE) * np.array(WHITE)
    linear = (t @ TO_RGB.T).clip(0, 1)
    return byte(np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear))


def byte(share) -> UInt8[np.ndarray, "..."]:
    """From 0 to 1 as 0 to 255."""
    return (np.clip(share, 0, 1) * 255).round().astype(np.uint8)
