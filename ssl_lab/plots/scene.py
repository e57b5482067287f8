"""A scene before and after a change of its causes, and how far the change has moved it in each representation."""

import numpy as np
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.drawing import Drawing, square
from ssl_lab.plots.look import ANCHOR, GREY, PAPER, POSITIVE, number
from ssl_lab.plots.spots import Box, Spots

LAYERS = np.array([(239, 236, 230), (27, 31, 36), (150, 155, 162)], np.uint8)  # ground, object, shadow
NAMES = np.array(["ground", "object", "shadow"])
ASKED = 16  # places across a map that answer a pointer


def scene(before: np.ndarray, now: dict[str, np.ndarray], moved: dict[str, float], changed: tuple[str, ...]) -> tuple[Figure, str]:
    """A scene as it was and as it is, what is known of it, and how far it has moved: in pixels, and for every network.

    before: (H, W, 3) uint8.
    now: "x" (H, W, 3) uint8, "depth" (H, W), "normals" (H, W, 3) in [-1, 1], "mask" (H, W) of 0 ground, 1 object, 2 shadow.
    moved: representation → distance from before, 1 = the mean distance of two random scenes.   changed: names of the causes that differ.
    Raises: InputError for no representation, or a distance below 0 or NaN.
    """
    require(len(moved) > 0, "moved={}: name at least one representation, such as pixels")
    require(all(distance >= 0 for distance in moved.values()), f"a distance is a number from 0 on; got {moved}")
    figure, changed = Drawing(13, 6.6, strip=0.66, splits=[6.4]), tuple(name.replace("_", " ") for name in changed)
    finding = title("".join(changed) if len(changed) < 2 else f"{len(changed)} causes", moved)
    figure.title(finding, size=max(12, min(18, 18 * 76 / len(finding))))  # names may be long
    pictures(figure, before, now)
    bars(figure, moved)
    shares = ", ".join(f"{name} {distance:.0%}" for name, distance in moved.items())
    said = f"Changed: {', '.join(changed)}" if changed else "Nothing has changed yet"
    return figure, f"{said}; where 100% lies between two random scenes, the scene has moved by: {shares}."


def title(words: str, moved: dict[str, float]) -> str:
    """Who notices the change most, and who least."""
    if not words:
        return "Change one cause: who will notice?"
    least, most = min(moved, key=moved.get), max(moved, key=moved.get)
    if moved[most] < 0.005:
        return f"{words} changed: nobody notices"
    others = f", {least} by {moved[least]:.0%}" if least != most else ""
    return f"{words} changed: {most} moved by {moved[most]:.0%}{others}"


def pictures(figure: Drawing, before: np.ndarray, now: dict[str, np.ndarray]) -> None:
    """Before and now, large; depth, normals and mask of now, small. All but the first say what is under the pointer."""
    depth = now["depth"].astype(float)
    near = ((depth.max() - depth) / max(np.ptp(depth), 1e-6) * 255).astype(np.uint8)  # is bright
    normals = ((now["normals"] + 1) * 127.5).clip(0, 255).astype(np.uint8)
    large = {"at the start": before, "now": now["x"]}
    small = {"depth": np.repeat(near[..., None], 3, axis=2), "normals": normals, "object, shadow": LAYERS[now["mask"]]}
    for row, top, pitch, side in (large, 1.08, 3.05, 2.9), (small, 4.45, 2.02, 1.9):
        for column, (name, pixels) in enumerate(row.items()):
            left = 0.17 + pitch * column
            figure.picture(pixels, left, top, side)
            figure.words(left, top - 0.18, name, 15)
            if name != "at the start":
                figure.spots.append(lambda name=name, box=figure.items[-2].box: under(name, box, now))
    figure.strokes([square(3.22, 1.08, 2.9)], ANCHOR, 4)


def under(name: str, box: Box, now: dict[str, np.ndarray]) -> Spots:
    """What is under the pointer, in one of the pictures."""
    at = np.ix_(*[((np.arange(ASKED) + 0.5) * size / ASKED).astype(int) for size in now["mask"].shape])
    said = NAMES[now["mask"][at]].ravel()
    if name == "depth":
        said = [f"depth {number(depth)}" for depth in now["depth"][at].ravel().tolist()]
    elif name == "normals":
        said = ["normal ({}, {}, {})".format(*map(number, normal)) for normal in now["normals"][at].reshape(-1, 3).tolist()]
    places = range(ASKED)
    return Spots(f"{name}, place by place", box, "{said}", {"said": said}, rows=places, columns=places)


def bars(figure: Drawing, moved: dict[str, float]) -> None:
    """How far each representation has moved; the last one is ours."""
    n, most = len(moved), max(moved.values())
    row = 5 / (n + 0.25)  # inches of a representation, of which its name needs 0.36
    height = max(0.1 * row, min(0.75, row - 0.4))
    chart = Chart(figure, 6.5, 0.74, 12.8, 5.74, (0, max(1.3, most + 0.17 * max(1.3, most))), (n - 0.5, -0.75))
    chart.frame({0: "0", 0.5: "50 %", 1: "100 %"}, {}, "moved by the change; 100 % = as far as two random scenes", size=14)
    boxes = [(chart.left, chart.y(place) - height / 2, chart.x(value) - chart.left, height) for place, value in enumerate(moved.values())]
    figure.areas(boxes, [GREY] * (n - 1) + [POSITIVE if n > 1 else GREY])
    chart.upright(1)
    for (left, top, length, _), (name, value) in zip(boxes, moved.items()):
        figure.words(left + 0.08, top - 0.16, name, 15, ground=PAPER)
        figure.words(left + length + 0.08, top + height / 2, f"{value:.0%}", 16, bold=True, ground=PAPER)
    box, tip = (chart.left, float(chart.y(-0.5)), 6.3, row * n), "{row}: moved by {moved} of the mean distance of two random scenes"
    figure.spots.append(Spots("how far it has moved", box, tip, {"moved": [f"{value:.1%}" for value in moved.values()]}, rows=[*moved]))
