"""Median milliseconds of a redraw, for every control of every explorer, against the goal of 200 ms.   python tests/benchmarks/redraw.py [NAME...]

Each control is moved through its range while all others stay where they begin, at the sizes of the notebooks: 16 pairs at 7 epochs, 2,000 images.
UMAP is waited for before anything is measured, since it runs in a process of its own.
"""

import argparse
import os
import statistics
import time

import ipywidgets
import numpy as np
import torch

from ssl_lab import widgets
from ssl_lab.data import load
from ssl_lab.evaluate import features
from ssl_lab.methods import MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets.explorer import choices, limits

GOAL, ROUNDS = 200, 15  # milliseconds; how often each control is moved


def similarity(method, images):
    recording = widgets.Recording(method, images, pairs=16)
    for epoch in (1, 2, 3, 6, 12, 18):
        recording.add(epoch)
    return widgets.SimilarityExplorer(recording)


def embedding(method, images):
    explorer = widgets.EmbeddingExplorer(features(method.encoder, images), images, projection="UMAP")
    explorer.wait()
    return explorer.set(projection="PCA")


BUILDERS = {
    "SimilarityExplorer": similarity,
    "ViewsExplorer": lambda method, images: widgets.ViewsExplorer(images, method),
    "EmbeddingExplorer": embedding,
    "SceneExplorer": lambda method, images: widgets.SceneExplorer({"random": small_resnet(), "supervised": small_resnet(), "SimCLR": method.encoder}),
    "CircleExplorer": lambda method, images: widgets.CircleExplorer(),
    "CollapseLab": lambda method, images: widgets.CollapseLab(),
    "MomentumExplorer": lambda method, images: widgets.MomentumExplorer(),
    "QueueExplorer": lambda method, images: widgets.QueueExplorer(MoCo(method.encoder), images),
}


def path(control) -> list:
    """Values from one end of a control to the other, or through all that it offers, again and again."""
    if hasattr(control, "options"):
        return [choices(control)[n % len(choices(control))] for n in range(1, ROUNDS + 1)]
    if not hasattr(control, "min"):
        return [bool(n % 2) for n in range(ROUNDS)]
    low, high = limits(control)
    logarithmic = isinstance(control, ipywidgets.FloatLogSlider)
    values = np.geomspace(low, high, ROUNDS) if logarithmic else np.linspace(low, high, ROUNDS)
    whole = isinstance(control, ipywidgets.IntSlider)
    return [round(value) if whole else min(max(float(value), low), high) for value in values]


def medians(redraws) -> tuple[float, float]:
    """Wall and CPU milliseconds of the calls."""
    wall, cpu = [], []
    for redraw in redraws:
        start = time.perf_counter(), time.process_time()
        redraw()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return 1000 * statistics.median(wall), 1000 * statistics.median(cpu)


def report(name: str, control: str, wall: float, cpu: float, trouble: str = "") -> bool:
    """Print one line; whether the goal is kept."""
    verdict = "" if wall < GOAL else f"over {GOAL} ms, of which it worked less: is the machine busy?" if cpu < GOAL else f"over {GOAL} ms"
    print(f"{name:<20}{control:<18}{wall:8.0f}{cpu:8.0f}   {trouble or verdict}", flush=True)
    return wall < GOAL and not trouble


def measure(name: str, method, images) -> list[bool]:
    """Every control of one explorer, moved as a hand moves it."""
    explorer, kept = BUILDERS[name](method, images), []
    for control, widget in explorer.controls.items():
        start, troubles = widget.value, set()

        def move(value, widget=widget, troubles=troubles):
            widget.value = value
            troubles.update({explorer.trouble} - {""})

        found = medians(lambda value=value: move(value) for value in path(widget))
        kept.append(report(name, control, *found, "; ".join(troubles)))
        widget.value = start
    return kept


def training() -> list[bool]:
    """What TrainingView adds to an epoch."""
    view = widgets.TrainingView(ROUNDS)
    found = medians(lambda n=n: view.append(loss=5 - n / 10, knn=n / ROUNDS, rank=10.0 + n) for n in range(ROUNDS))
    return [report("TrainingView", "one epoch", *found)]


def main() -> None:
    there = [name for name in widgets.__all__ if name != "Explorer" and issubclass(getattr(widgets, name), widgets.Explorer)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", default=[*there, "TrainingView"], help="such as CircleExplorer (default: all)")
    names = parser.parse_args().names
    torch.manual_seed(0)
    method, images, kept = SimCLR(small_resnet()), load("scenes", split="test", limit=2_000), []
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<38}{'wall ms':>8}{'CPU ms':>8}")
    for name in names:
        kept += training() if name == "TrainingView" else measure(name, method, images)
    for name in set(there) - set(BUILDERS):
        print(f"{name} is not measured: it needs a line in BUILDERS")
    print(f"{sum(kept)} of {len(kept)} controls redraw in less than {GOAL} ms")


if __name__ == "__main__":
    main()
