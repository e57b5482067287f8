"""What a frame costs, and how many a second a hand sees.   python tests/benchmarks/frames.py [NAME...] [--browser]

CPU milliseconds of a frame in the kernel, the median of a drag through every control of every explorer at the sizes of the notebooks: while a hand
moves, and settled, with all that answers a pointer. The goal is 50. With --browser the same explorers stand in JupyterLab in chromium: frames a
second while each slider is dragged (the goal is 8), and milliseconds until what is under the pointer is said, the kernel being cut off (50).
UMAP is waited for before anything is measured, since it runs in a process of its own.
"""

import argparse
import os
import re
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import torch

from ssl_lab import widgets
from ssl_lab.data import load
from ssl_lab.evaluate import features
from ssl_lab.methods import CMC, CPC, MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets.controls import Slider

GOAL, ROUNDS = 50, 15  # CPU milliseconds; how often each control is moved
FRAMES, HOVER, SECONDS = 8, 50, 3  # a second; milliseconds; how long a slider is dragged


def similarity(method, images):
    recording = widgets.Recording(method, images, pairs=16)
    for epoch in (1, 2, 3, 6, 12, 18):
        recording.add(epoch)
    return widgets.SimilarityExplorer(recording)


def pseudo_labels(method, images):
    said = runpy.run_path(str(Path(__file__).parents[1] / "dummies" / "teachers.py"))["said"]
    return widgets.PseudoLabelExplorer(images, said(images.labels))


def multiview(method, images):
    painter = runpy.run_path(str(Path(__file__).parents[1] / "dummies" / "painter.py"))["Painter"]()
    return widgets.MultiviewExplorer(CMC(views=("L", "ab", "depth", "normals", "mask"), graph="full"), images, painter)


def embedding(method, images):
    explorer = widgets.EmbeddingExplorer(features(method.encoder, images), images, projection="UMAP")
    explorer.wait()
    return explorer.set(projection="PCA")


BUILDERS = {
    "SimilarityExplorer": similarity,
    "ViewsExplorer": lambda method, images: widgets.ViewsExplorer(images, method),
    "EmbeddingExplorer": embedding,
    "SceneExplorer": lambda method, images: widgets.SceneExplorer({"random": small_resnet(), "supervised": small_resnet(), "SimCLR": method.encoder}),
    "BoundExplorer": lambda method, images: widgets.BoundExplorer(),
    "CircleExplorer": lambda method, images: widgets.CircleExplorer(),
    "ClusterExplorer": lambda method, images: widgets.ClusterExplorer(),
    "CollapseLab": lambda method, images: widgets.CollapseLab(),
    "KMeansExplorer": lambda method, images: widgets.KMeansExplorer(features(method.encoder, images), images),
    "MomentumExplorer": lambda method, images: widgets.MomentumExplorer(),
    "MultiviewExplorer": multiview,
    "PatchExplorer": lambda method, images: widgets.PatchExplorer(CPC(), images),
    "PseudoLabelExplorer": pseudo_labels,
    "QueueExplorer": lambda method, images: widgets.QueueExplorer(MoCo(method.encoder), images),
}


def path(control) -> list:
    """Values from one end of a control to the other, or through all that it offers, again and again."""
    stops = control.stops() if not hasattr(control, "most") else [*range(1, ROUNDS + 1)]
    if isinstance(control, Slider) and len(stops) >= ROUNDS:
        return [stops[round(k * (len(stops) - 1) / (ROUNDS - 1))] for k in range(ROUNDS)]
    return [stops[k % len(stops)] for k in range(1, ROUNDS + 1)]


def medians(redraws) -> tuple[float, float]:
    """Wall and CPU milliseconds of the calls."""
    wall, cpu = [], []
    for redraw in redraws:
        start = time.perf_counter(), time.process_time()
        redraw()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return 1000 * statistics.median(wall), 1000 * statistics.median(cpu)


def report(name: str, control: str, moving: tuple[float, float], settled: tuple[float, float], trouble: str = "") -> bool:
    """Print one line; whether the goal is kept."""
    kept = moving[1] < GOAL and not trouble
    print(f"{name:<20}{control:<16}{moving[0]:8.0f}{moving[1]:8.0f}{settled[1]:10.0f}   {trouble or ('' if kept else f'over {GOAL} ms')}", flush=True)
    return kept


def measure(name: str, method, images) -> list[bool]:
    """Every control of one explorer, moved as a hand moves it."""
    explorer, kept = BUILDERS[name](method, images), []
    for control, widget in explorer.controls.items():
        start, troubles = widget.value, set()

        def move(value, settled, control=control, troubles=troubles):
            explorer.answer({control: value}, "", settled)
            troubles.update({explorer.trouble} - {""})

        found = [medians(lambda value=value, settled=settled: move(value, settled) for value in path(widget)) for settled in (False, True)]
        kept.append(report(name, control, *found, "; ".join(troubles)))
        explorer.set(**{control: start})
    return kept


def training() -> list[bool]:
    """What TrainingView adds to an epoch."""
    view = widgets.TrainingView(ROUNDS)
    found = medians(lambda n=n: view.append(loss=5 - n / 10, knn=n / ROUNDS, rank=10.0 + n) for n in range(ROUNDS))
    return [report("TrainingView", "one epoch", found, found)]


DRAG = """async ([root, name, seconds]) => {
  const range = root.querySelector(`input[type=range][aria-label="${name}"]`), last = +range.max, start = performance.now();
  let frames = 0, place = 0, on = 1;
  const seen = new MutationObserver(() => { frames += 1; });
  seen.observe(root.querySelector(".stage"), { subtree: true, childList: true });
  while (performance.now() - start < 1000 * seconds) {
    if (place + on < 0 || place + on > last) on = -on;
    range.value = place += on;
    range.dispatchEvent(new Event("input"));
    await new Promise((next) => setTimeout(next, 16));
  }
  seen.disconnect();
  const rate = frames / ((performance.now() - start) / 1000);
  range.dispatchEvent(new Event("change"));
  return rate;
}"""
POINT = """async (root) => {
  const spot = root.querySelector(".spot"), tip = root.querySelector(".tip"), { left, top, width, height } = spot.getBoundingClientRect(), took = [];
  for (let k = 1; k < 12; k += 1) {
    const start = performance.now(), at = { clientX: left + (width * k) / 12, clientY: top + (height * k) / 12, bubbles: true };
    spot.dispatchEvent(new PointerEvent("pointermove", at));
    tip.getBoundingClientRect();
    await new Promise((next) => requestAnimationFrame(next));
    if (!tip.hidden) took.push(performance.now() - start);
    spot.dispatchEvent(new PointerEvent("pointerleave"));
  }
  return took.sort((a, b) => a - b)[took.length >> 1];
}"""


@contextmanager
def laboratory(cells: list[str]):
    """A page of JupyterLab on this machine, with a notebook of these cells, all of them run."""
    from playwright.sync_api import sync_playwright

    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        nbformat.write(book, Path(folder, "book.ipynb"))
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.token=frames", f"--ServerApp.root_dir={folder}"]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            address = next(found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(600_000)
            page.goto(f"{address}/lab/tree/book.ipynb?token=frames")
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            yield page
            browser.close()
        finally:
            server.kill()


def browse(names: list[str]) -> list[bool]:
    """Frames a second of every slider, and how soon a pointer is answered."""
    here, kept = str(Path(__file__).parent), []
    setup = f"import sys; sys.path.insert(0, {here!r})\nimport torch, frames\ntorch.manual_seed(0)\n"
    setup += 'method, images = frames.SimCLR(frames.small_resnet()), frames.load("scenes", split="test", limit=2_000)'
    print(f"{'':<36}{'frames/s':>8}{'hover ms':>10}")
    for name in names:
        with laboratory([setup, f"frames.BUILDERS[{name!r}](method, images)"]) as page:
            root = page.locator(".ssl-lab")
            page.wait_for_function("() => document.querySelector('.ssl-lab img.alt')?.alt")
            root.scroll_into_view_if_needed()
            page.wait_for_timeout(1000)
            for slider in root.get_by_role("slider").all():
                if slider.is_enabled():
                    label = slider.get_attribute("aria-label")
                    rate = page.evaluate(DRAG, [root.element_handle(), label, SECONDS])
                    kept.append(rate >= FRAMES)
                    print(f"{name:<20}{label:<16}{rate:8.1f}{'':10}   {'' if kept[-1] else f'under {FRAMES}'}", flush=True)
                    page.wait_for_timeout(600)
            page.context.set_offline(True)
            soon = page.evaluate(POINT, root.element_handle())
            kept.append(soon < HOVER)
            print(f"{name:<20}{'hover':<16}{'':8}{soon:10.0f}   {'' if kept[-1] else f'over {HOVER} ms'}", flush=True)
    return kept


def main() -> None:
    there = [name for name in widgets.__all__ if name != "Explorer" and issubclass(getattr(widgets, name), widgets.Explorer)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", default=[*there, "TrainingView"], help="such as CircleExplorer (default: all)")
    parser.add_argument("--browser", action="store_true", help="also in JupyterLab in chromium")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    method, images, kept = SimCLR(small_resnet()), load("scenes", split="test", limit=2_000), []
    print(f"1 thread, torch {torch.__version__}, median of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<36}{'wall ms':>8}{'CPU ms':>8}{'settled':>10}")
    for name in options.names:
        kept += training() if name == "TrainingView" else measure(name, method, images)
    for name in set(there) - set(BUILDERS):
        print(f"{name} is not measured: it needs a line in BUILDERS")
    print(f"{sum(kept)} of {len(kept)} controls are drawn in less than {GOAL} CPU ms")
    if options.browser:
        kept = browse([name for name in options.names if name in BUILDERS])
        print(f"{sum(kept)} of {len(kept)} goals in the browser are reached")


if __name__ == "__main__":
    main()
