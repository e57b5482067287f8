"""A procedural world: one lit object on rippled ground, ten shapes, and every cause of every pixel known.

    outline → signed distance → height → depth → normals → light → colour

The shape is the label. Independent of it and of each other: the two hues, the place, the size, the rotation, the light and the texture.
Hues move on a circle of constant luma, so that a grey picture knows nothing of them: colour is a shortcut that can be switched off.
Coordinates: x to the right, y down, the picture spans [-1, 1] in both; z towards the camera. Angles in radians.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_lab.errors import one_of, require

# Each shape's outline, about one unit in radius; its symmetry order is the number of rotations that leave it unchanged.
TURN = 2 * math.pi


def polygon(n: int, phase: float = -0.25) -> list[tuple[float, float]]:
    """n corners on the unit circle, the first at `phase` of a turn (-0.25 points up)."""
    return [(math.cos(TURN * (i / n + phase)), math.sin(TURN * (i / n + phase))) for i in range(n)]


def star(inner: float = 0.45) -> list[tuple[float, float]]:
    outer = polygon(10)
    return [(x, y) if i % 2 == 0 else (inner * x, inner * y) for i, (x, y) in enumerate(outer)]


def heart(n: int = 48) -> list[tuple[float, float]]:
    ts = [TURN * i / n for i in range(n)]
    wave = [(16 * math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))) for t in ts]
    return [(x / 17, (y - 2.5) / 17) for x, y in wave]


def crescent(n: int = 24) -> list[tuple[float, float]]:
    outer = [(math.cos(a), math.sin(a)) for a in (0.16 * TURN + (TURN * 0.68) * i / n for i in range(n + 1))]
    (x, y), (_, y1) = outer[0], outer[-1]
    centre, radius = x + 0.1, math.hypot(0.1, y)
    start = math.atan2(y1, -0.1)
    inner = [(centre + radius * math.cos(a), radius * math.sin(a)) for a in (start - (TURN + 2 * start) * i / n for i in range(1, n))]
    return [(px + 0.15, py) for px, py in outer + inner]


def cross(w: float = 0.36) -> list[tuple[float, float]]:
    return [(w, -1), (w, -w), (1, -w), (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w), (-w, -1)]


ARROW = [(0, -1), (0.85, 0), (0.36, 0), (0.36, 0.95), (-0.36, 0.95), (-0.36, 0), (-0.85, 0)]
ELL = [(-0.7, -0.95), (-0.05, -0.95), (-0.05, 0.3), (0.8, 0.3), (0.8, 0.95), (-0.7, 0.95)]
HOURGLASS = [(-0.8, -0.95), (0.8, -0.95), (0.2, 0), (0.8, 0.95), (-0.8, 0.95), (-0.2, 0)]

OUTLINES = {  # name: (outline, hole, symmetry order; 0 = any rotation leaves it unchanged)
    "ring": (polygon(48), [(0.48 * x, 0.48 * y) for x, y in polygon(48)], 0),
    "triangle": ([(1.1 * x, 1.1 * y) for x, y in polygon(3)], None, 3),
    "square": ([(1.12 * x, 1.12 * y) for x, y in polygon(4, 0.125)], None, 4),
    "star": ([(1.12 * x, 1.12 * y) for x, y in star()], None, 5),
    "heart": (heart(), None, 1),
    "crescent": (crescent(), None, 1),
    "cross": (cross(), None, 4),
    "arrow": (ARROW, None, 1),
    "ell": (ELL, None, 1),
    "hourglass": (HOURGLASS, None, 2),
}
CLASSES = tuple(OUTLINES)
ORDERS = tuple(order for _, _, order in OUTLINES.values())

# name: (low, high) of a uniform draw. These ranges decide what a minute of training can learn; they are frozen (CONTRIBUTING, "The world").
RANGES = {
    "object_hue": (0, TURN),
    "background_hue": (0, TURN),
    "x": (-0.2, 0.2),
    "y": (-0.2, 0.2),
    "size": (0.5, 0.7),
    "rotation": (-0.35, 0.35),
    "light": (0, TURN),
    "texture": (0, 1),
}
REACH = 2.0  # templates cover [-REACH, REACH] in units of the object's radius
TEMPLATE = 128  # their side in samples
OBJECT_LUMA, GROUND_LUMA = 0.46, 0.68
ELEVATION = math.radians(50)  # of the light above the ground
SPLITS = ("train", "test")


def render(count: int, split: str = "train", size: int = 32, seed: int = 0) -> dict:
    """The first `count` scenes of a split, with everything that is known about them.

    Image i of a seed and split is the same whatever the count. size: 16 to 224 pixels.
    Returns x uint8 (N,3,H,W); labels (N,); depth (N,1,H,W), distance from the camera; normals (N,3,H,W), unit; mask uint8 (N,1,H,W): 0 ground,
    1 object, 2 shadow; boxes (N,4): x0 y0 x1 y1 in pixels; factors: name → (N,); periods: of the factors that are angles, 0 where undefined.
    Raises: InputError for a count below 1, a size outside 16 to 224, or an unknown split.
    """
    require(count >= 1, f"limit={count}: at least one scene is needed")
    require(16 <= size <= 224, f"size={size}: scenes are drawn from 16 to 224 pixels a side")
    one_of(split, SPLITS, "split")
    labels, factors, phases = draw_factors(count, split, seed)
    parts = [picture(labels[i : i + 500], {k: v[i : i + 500] for k, v in factors.items()}, phases[i : i + 500], size) for i in range(0, count, 500)]
    order = torch.tensor(ORDERS, dtype=torch.float32)[labels]
    periods = {"object_hue": TURN, "background_hue": TURN, "light": TURN, "rotation": torch.where(order > 0, TURN / order, 0.0)}
    return {**{k: torch.cat([p[k] for p in parts]) for k in parts[0]}, "labels": labels, "factors": factors, "periods": periods}


def draw_factors(count: int, split: str, seed: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Labels (N,), factors name → (N,), and the phases (N, 2) of the ripples, which are nobody's factor."""
    u = uniform(count, len(RANGES) + 3, key=2 * seed + SPLITS.index(split))
    labels = (u[:, 0] * len(CLASSES)).long()
    factors = {name: low + (high - low) * u[:, 1 + i].float() for i, (name, (low, high)) in enumerate(RANGES.items())}
    factors["rotation"] = torch.where(torch.tensor(ORDERS)[labels] > 0, factors["rotation"], 0.0)
    return labels, factors, TURN * u[:, -2:].float()


def uniform(rows: int, columns: int, key: int) -> Tensor:
    """Counted random numbers in [0, 1), float64: number (i, j) of a key, on every machine and in every release of torch.

    SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the hash of a counter. Twice, so that neighbouring keys share nothing.
    """
    start = mix(torch.tensor((key + 2**63) % 2**64 - 2**63))  # of a key of any size, the last 64 bits
    return (shift(mix(start + torch.arange(rows * columns)), 11).double() * 2.0**-53).view(rows, columns)


def mix(z: Tensor) -> Tensor:
    z = z * -7046029254386353131 + -7046029254386353131
    z = (z ^ shift(z, 30)) * -4658895280553007687
    z = (z ^ shift(z, 27)) * -7723592293110705685
    return z ^ shift(z, 31)


def shift(z: Tensor, bits: int) -> Tensor:
    """Logical shift to the right; torch's own keeps the sign."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


@functools.cache
def templates() -> Tensor:
    """Signed distance to every outline, negative inside, (10, 1, TEMPLATE, TEMPLATE), in units of the object's radius."""
    axis = torch.linspace(-REACH, REACH, TEMPLATE)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    return torch.stack([distance(points, outline) if hole is None else torch.maximum(distance(points, outline), -distance(points, hole))
                        for outline, hole, _ in OUTLINES.values()])[:, None]


def distance(points: Tensor, outline: list[tuple[float, float]]) -> Tensor:
    """Signed distance of points (..., 2) to a closed outline: to the nearest edge; inside, an odd number of edges lies to the right."""
    a = torch.tensor(outline, dtype=torch.float32)
    edge = a.roll(-1, 0) - a
    p = points[..., None, :] - a
    t = ((p * edge).sum(-1) / (edge * edge).sum(-1)).clamp(0, 1)
    nearest = (p - t[..., None] * edge).square().sum(-1).amin(-1).sqrt()
    straddles = (p[..., 1] >= 0) != (p[..., 1] >= edge[:, 1])
    right = p[..., 0] < p[..., 1] * edge[:, 0] / torch.where(edge[:, 1] == 0, 1.0, edge[:, 1])
    return torch.where((straddles & right).sum(-1) % 2 == 1, -nearest, nearest)


def picture(labels: Tensor, factors: dict[str, Tensor], phases: Tensor, size: int) -> dict[str, Tensor]:
    """Draw scenes from their causes."""
    f = {name: value[:, None, None] for name, value in factors.items()}
    pixel = 2 / size
    axis = (torch.arange(size) + 0.5) * pixel - 1
    y, x = axis[:, None], axis[None, :]
    outlines = templates()[labels]
    outside = measure(outlines, factors, x - f["x"], y - f["y"])  # distance to the outline
    height = f["size"] * bevel(-outside / f["size"]) + ripples(x, y, f["texture"], phases)
    depth = 3 - height
    normals = surface_normals(height, pixel)
    flat, up = math.cos(ELEVATION), math.sin(ELEVATION)
    light = torch.stack([flat * f["light"].cos(), flat * f["light"].sin(), torch.full_like(f["light"], up)], 1)
    cast = 0.3 * f["size"] / math.tan(ELEVATION)  # the shadow falls away from the light
    shade_side = measure(outlines, factors, x - f["x"] + cast * f["light"].cos(), y - f["y"] + cast * f["light"].sin())
    alpha = (0.5 - outside / pixel).clamp(0, 1)
    shadow = (0.5 - shade_side / (pixel + 0.12)).clamp(0, 1) * (1 - alpha)
    diffuse = (normals * light).sum(1).clamp(min=0) / up
    shading = (0.35 + 0.65 * diffuse).clamp(max=1.35) * (1 - 0.5 * shadow)
    ground, thing = isoluminant(f["background_hue"], GROUND_LUMA), isoluminant(f["object_hue"], OBJECT_LUMA)
    rgb = (ground + alpha[:, None] * (thing - ground)) * shading[:, None] * 0.74
    gloss = (normals * F.normalize(light + torch.tensor([0.0, 0.0, 1.0])[:, None, None], dim=1)).sum(1).clamp(min=0) ** 24
    rgb = rgb.lerp(torch.ones(()), 0.35 * (alpha * gloss)[:, None])  # towards white, so that the luma stays the same for every hue
    inside, shaded = alpha >= 0.5, shadow >= 0.5
    return {
        "x": (rgb.clamp(0, 1) * 255).round().to(torch.uint8),
        "depth": depth[:, None],
        "normals": normals,
        "mask": torch.where(inside, 1, torch.where(shaded, 2, 0)).to(torch.uint8)[:, None],
        "boxes": boxes(inside),
    }


def measure(outlines: Tensor, factors: dict[str, Tensor], dx: Tensor, dy: Tensor) -> Tensor:
    """Distance to the object's outline (B,H,W) at offsets from its centre, negative inside: its template, of (B,1,h,w), turned and scaled."""
    cos, sin = factors["rotation"].cos()[:, None, None], factors["rotation"].sin()[:, None, None]
    radius = factors["size"][:, None, None]
    grid = torch.stack([dx * cos + dy * sin, dy * cos - dx * sin], -1) / (radius[..., None] * REACH)
    return F.grid_sample(outlines, grid, padding_mode="border", align_corners=True)[:, 0] * radius


def bevel(inside: Tensor, width: float = 0.4, top: float = 0.35) -> Tensor:
    """Height over the ground, in radii: a rounded slope from the outline up to a flat top."""
    t = (inside / width).clamp(0, 1)
    return top * t * (2 - t)


def ripples(x: Tensor, y: Tensor, texture: Tensor, phases: Tensor) -> Tensor:
    """The ground's relief: two crossing waves, from long and low (texture 0) to short (texture 1)."""
    frequency = 3 + 7 * texture
    a, b = phases[:, 0, None, None], phases[:, 1, None, None]
    return 0.12 / frequency * ((frequency * (0.8 * x + 0.6 * y) + a).sin() + (frequency * (0.6 * x - 0.8 * y) + b).sin())


def surface_normals(height: Tensor, pixel: float) -> Tensor:
    """Unit normals (B,3,H,W) of the surface z = height(x, y): central differences, so that they follow the depth exactly."""
    dy, dx = torch.gradient(height, spacing=pixel, dim=(1, 2))
    square = dx.square() + dy.square() + 1  # F.normalize would reach across memory for it, which takes half the time of a scene
    length = square.double().sqrt().float()  # rightly rounded, as F.normalize has it; torch's root of many floats is not always
    return torch.stack([-dx, -dy, torch.ones_like(dx)], 1) / length[:, None]


def isoluminant(hue: Tensor, luma: float) -> Tensor:
    """RGB (B,3,1,1) of a hue, luma constant (ITU-R BT.601): red and blue swing as far as the colour cube allows, green makes up for them."""
    room = min(luma, 1 - luma)
    red, blue = room * hue.sin(), room * hue.cos()
    return luma + torch.stack([red, -(0.299 * red + 0.114 * blue) / 0.587, blue], 1)


def boxes(inside: Tensor) -> Tensor:
    """x0, y0, x1, y1 in pixels (B,4), x1 and y1 exclusive, of the object's visible pixels."""
    def span(line: Tensor) -> tuple[Tensor, Tensor]:
        first = line.float().argmax(1)
        return first, line.shape[1] - line.flip(1).float().argmax(1)

    (x0, x1), (y0, y1) = span(inside.any(1)), span(inside.any(2))
    return torch.stack([x0, y0, x1, y1], 1).float()
