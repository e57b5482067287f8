"""Scenes in motion: the object glides and turns, the ground rests, and the optical flow is exact.

    frame s: x + s vx, y + s vy, rotation + s spin    flow: where a point of the object is one frame later, less where it is

Frame 0 is the scene that `scenes` draws, unchanged. Lengths in units of half the picture's side, angles in radians, flow in pixels.
The light and the ripples rest, so a point of the object changes its colour a little: in the median by 0.8 of 255 levels a frame where it does not
spin and by 1.4 where it does (200 scenes of 128 pixels); 0.5 of that is rounding and sampling.
"""

import math

import torch
from torch import Tensor

from ssl_lab import scenes
from ssl_lab.arguments import whole
from ssl_lab.errors import require

SPEED = (0.02, 0.06)  # a frame; of 32 pixels 0.3 to 1
SPIN = (-0.06, 0.06)  # a frame
SALT = 7919  # the draws are others than those of the scenes
AT_ONCE = 250


def render(count: int, split: str = "train", size: int = 32, seed: int = 0, frames: int = 10) -> dict[str, Tensor]:
    """What belongs to the first `count` scenes of a split, around frame 0.

    later uint8 (N,3,H,W): the frame in which the flow ends, frames - frames // 2 after frame 0.
    flow float16 (N,2·frames,H,W): the motion from every frame to the next, frame -(frames // 2) first, x and y in turn; of the ground it is 0.
    Raises: InputError for frames outside 1 to 64, and for more than 64 GB.
    """
    require(whole(frames) and 1 <= frames <= 64, f"frames={frames!r}: a flow has 1 to 64 frames; the lecture's has 10")
    large = f"{count:,} flows of {frames} frames take more than 64 GB of memory; use fewer scenes, fewer frames, or a smaller size"
    require(count * 4 * frames * size**2 <= 64e9, large)
    labels, factors, phases = scenes.draw_factors(count, split, seed)
    motion = draw_motion(count, split, seed, labels)
    later = torch.empty(count, 3, size, size, dtype=torch.uint8)
    flow = torch.empty(count, frames, 2, size, size, dtype=torch.float16)
    for i in range(0, count, AT_ONCE):
        rows = slice(i, i + AT_ONCE)
        f, m = ({name: value[rows] for name, value in values.items()} for values in (factors, motion))
        first, last, outlines = -(frames // 2), frames - frames // 2, scenes.templates()[labels[rows]]
        later[rows] = scenes.picture(labels[rows], after(f, m, last), phases[rows], size)["x"]
        for s in range(first, last):
            flow[rows, s - first] = flow_of(outlines, after(f, m, s), m, size)
    return {"later": later, "flow": flow.flatten(1, 2)}


def draw_motion(count: int, split: str, seed: int, labels: Tensor) -> dict[str, Tensor]:
    """vx, vy and spin (N,): a speed in any direction; what looks the same however it is turned does not spin."""
    u = scenes.uniform(count, 3, key=2 * seed + scenes.SPLITS.index(split) + 2 * SALT).float()
    speed, heading = SPEED[0] + (SPEED[1] - SPEED[0]) * u[:, 0], 2 * math.pi * u[:, 1]
    spin = SPIN[0] + (SPIN[1] - SPIN[0]) * u[:, 2]
    spins = torch.tensor(scenes.ORDERS)[labels] > 0
    return {"vx": speed * heading.cos(), "vy": speed * heading.sin(), "spin": torch.where(spins, spin, 0.0)}


def after(factors: dict[str, Tensor], motion: dict[str, Tensor], s: int) -> dict[str, Tensor]:
    """The factors of frame s; a negative one is earlier."""
    moves = {"x": "vx", "y": "vy", "rotation": "spin"}
    return {name: value + s * motion[moves[name]] if name in moves else value for name, value in factors.items()}


def flow_of(outlines: Tensor, factors: dict[str, Tensor], motion: dict[str, Tensor], size: int) -> Tensor:
    """The motion of every pixel's point (B,2,H,W), in pixels, from the frame of these factors to the next.   outlines: as in `scenes.measure`."""
    f, m = ({name: value[:, None, None] for name, value in values.items()} for values in (factors, motion))
    pixel = 2 / size
    axis = (torch.arange(size) + 0.5) * pixel - 1
    dx, dy = axis[None, :] - f["x"], axis[:, None] - f["y"]  # from the object's centre
    inside = scenes.measure(outlines, factors, dx, dy) <= 0
    cos, sin = m["spin"].cos(), m["spin"].sin()
    across, down = m["vx"] + cos * dx - sin * dy - dx, m["vy"] + sin * dx + cos * dy - dy
    return torch.stack([across, down], 1) * inside[:, None] / pixel
