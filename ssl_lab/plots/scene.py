"""A scene before and after a change of its causes, and how far the change has moved it in each representation."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssl_lab.errors import require
from ssl_lab.plots.look import ANCHOR, GREY, INK, POSITIVE, Page, in_our_look, squared

LAYERS = np.array([(239, 236, 230), (27, 31, 36), (150, 155, 162)], np.uint8)  # ground, object, shadow


@in_our_look
def scene(before: np.ndarray, now: dict[str, np.ndarray], moved: dict[str, float], changed: tuple[str, ...]) -> tuple[Figure, str]:
    """A scene as it was and as it is, what is known of it, and how far it has moved: in pixels, and for every network.

    before: (H, W, 3) uint8.
    now: "x" (H, W, 3) uint8, "depth" (H, W), "normals" (H, W, 3) in [-1, 1], "mask" (H, W) of 0 ground, 1 object, 2 shadow.
    moved: representation → distance from before, 1 = the mean distance of two random scenes.   changed: names of the causes that differ.
    Raises: InputError for no representation, or a distance below 0 or NaN.
    """
    require(len(moved) > 0, "moved={}: name at least one representation, such as pixels")
    require(all(distance >= 0 for distance in moved.values()), f"a distance is a number from 0 on; got {moved}")
    figure = Page(figsize=(13, 6.6))
    pictures(figure.add_axes((0.012, 0.03, 0.46, 0.86)), before, now)
    bars(figure.add_axes((0.5, 0.13, 0.485, 0.76)), moved)
    words = "".join(changed).replace("_", " ") if len(changed) < 2 else f"{len(changed)} causes"
    finding = title(words, moved)
    figure.text(0.012, 0.935, finding, fontsize=max(12, min(18, 18 * 76 / len(finding))), fontweight="bold")  # names may be long
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


def pictures(axes, before: np.ndarray, now: dict[str, np.ndarray]) -> None:
    """Before and now, large; depth, normals and mask of now, small. The axes' units are inches, y down."""
    depth = now["depth"].astype(float)
    depth = (depth.max() - depth) / max(np.ptp(depth), 1e-6) * 255  # near is bright
    known = {
        "depth": np.repeat(depth[..., None], 3, axis=2).astype(np.uint8),
        "normals": ((now["normals"] + 1) * 127.5).clip(0, 255).astype(np.uint8),
        "object, shadow": LAYERS[now["mask"]],
    }
    placed = [(0, 0.35, 2.9, "at the start", before), (3.05, 0.35, 2.9, "now", now["x"])]
    placed += [(column * 2.02, 3.72, 1.9, name, image) for column, (name, image) in enumerate(known.items())]
    for x, y, side, name, image in placed:
        axes.imshow(squared(image[None])[0], extent=(x, x + side, y + side, y), interpolation="nearest")
        axes.text(x, y - 0.09, name, fontsize=15, va="bottom")
    axes.add_patch(Rectangle((3.05, 0.35), 2.9, 2.9, fill=False, edgecolor=ANCHOR, linewidth=4))
    axes.set(xlim=(-0.02, 5.99), ylim=(5.67, 0))
    axes.set_axis_off()


def bars(axes, moved: dict[str, float]) -> None:
    """How far each representation has moved; the last one is ours."""
    names, values = list(moved), np.array(list(moved.values()))
    row = 5 / (len(names) + 0.25)  # inches of a representation, of which its name needs 0.36
    height = max(0.1, min(0.75 / row, 1 - 0.4 / row))
    axes.barh(names, values, color=[GREY] * (len(names) - 1) + [POSITIVE] if len(names) > 1 else GREY, height=height)
    reach = max(1.3, values.max() + 0.17 * max(1.3, values.max()))
    for y, (name, value) in enumerate(moved.items()):
        axes.text(0.012 * reach, y - height / 2 - 0.04 / row, name, fontsize=15, va="bottom", ha="left")
        axes.text(value + 0.012 * reach, y, f"{value:.0%}", va="center", color=INK, fontweight="bold", fontsize=16)
    axes.axvline(1, color=INK, linestyle="--", linewidth=1.5)
    axes.set(xlim=(0, reach), ylim=(len(names) - 0.5, -0.75), yticks=[], xticks=[0, 0.5, 1], xticklabels=["0", "50 %", "100 %"])
    axes.set_xlabel("moved by the change; 100 % = as far as two random scenes")
