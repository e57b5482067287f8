"""Maps of an embedding in two dimensions: principal components at once, UMAP in a process of its own.

UMAP: McInnes, Healy and Melville 2018, arXiv 1802.03426.
    differs: the layout begins at the principal components, so that both maps have one orientation and a few points are enough.
"""

import io
import re
import subprocess
import sys
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab.arguments import whole
from ssl_lab.errors import InputError, require
from ssl_lab.stream import generator

HOME = str(Path(__file__).parents[2])  # the folder of ssl_lab; it comes last on the path, so that no file beside ssl_lab is imported as a library
CHILD = f"import sys; sys.path.append({HOME!r}); from {__name__} import answer; answer()"  # what UMAP's process runs
ROUNDING = 1e-6  # of the largest entry: rows that differ by no more are taken as equal
LOADED, TIED = 0.3, 0.6  # share of UMAP's time until it is imported, and until the neighbours are found (2,000 points, two cores)


@torch.no_grad()
def pca(h: Float[Tensor, "N D"]) -> tuple[Float[Tensor, "N 2"], float]:
    """The rows projected on their two directions of greatest variance, and the share, in [0, 1], of the variance along these two (0: no variance).

    The largest entry of each direction is made positive, so the same h always gives the same map. Raises: InputError for fewer than 3 rows, or NaN.
    """
    check(h)
    x = h.double().cpu() - h.double().cpu().mean(dim=0)
    variances, directions = torch.linalg.eigh(x.T @ x)
    top = directions[:, -2:].flip(1)
    top = top * top.gather(0, top.abs().argmax(dim=0, keepdim=True)).sign()
    xy = torch.nn.functional.pad(x @ top, (0, 2 - top.shape[1]))  # one feature has one direction
    share = 0.0 if collapsed(h) else (variances[-2:].sum() / variances.sum()).clamp(0, 1).item()
    return xy.float(), share


def check(h: Tensor) -> None:
    """Refuse rows that have no map: fewer than 3, or with NaN or infinity."""
    require(len(h) >= 3, f"a map needs at least 3 points, and there are {len(h)}; give more images")
    broken = int((~h.isfinite()).any(dim=1).sum())
    require(broken == 0, f"{broken} of {len(h)} rows of the embedding hold NaN or infinity; did the training diverge?")


def collapsed(h: Float[Tensor, "N D"]) -> bool:
    """Whether all rows are one point, up to the rounding of float32."""
    h = h.detach().double().cpu()
    return bool((h - h.mean(dim=0)).abs().max() <= ROUNDING * h.abs().max())


def within(h: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """Rows with the same map, scaled where float32 could not hold their squares."""
    size = h.abs().max()
    return h if size == 0 or 1e-15 < size < 1e15 else h / size


class Umap:
    """UMAP of h in a process of its own, since numba may block the interpreter. It ends with this object or the program; `stop()` ends it before.

    h: (N, D), Euclidean.   neighbours: of each point, 2 .. N - 1.   told: called on another thread after each change of what follows.
    share: of the work that is done, in [0, 1].   xy: the map (N, 2), once it is there.   trouble: why there will be no map.
    Raises: InputError for fewer than 3 rows, NaN, or neighbours out of their range.
    """

    def __init__(self, h: Float[Tensor, "N D"], neighbours: int = 15, seed: int = 0, told: Callable[[], object] = lambda: None):
        check(h)
        require(whole(neighbours), f"neighbours={neighbours!r} must be a whole number from 2 on")
        require(2 <= neighbours < len(h), f"neighbours={neighbours} of {len(h)} points: UMAP takes from 2 to {len(h) - 1} neighbours here")
        self.neighbours, self.told, self.last = neighbours, told, ""
        self.share, self.xy, self.trouble = 0.0, None, ""
        self.thread, self.stop = None, weakref.finalize(self, ignore)
        if collapsed(h):
            self.trouble = f"the embedding has collapsed, all {len(h)} rows are one point, and UMAP finds no neighbours; look at PCA"
            return
        h = within(h)
        start = spread(pca(h)[0], seed)
        map_ = tempfile.TemporaryFile()  # noqa: SIM115 (`follow` closes it)
        self.process = begun({"h": h.float().cpu(), "start": start, "neighbours": neighbours, "seed": seed}, map_)
        self.stop = weakref.finalize(self, self.process.kill)
        listeners = weakref.WeakMethod(self.heard), weakref.WeakMethod(self.ended)
        self.thread = threading.Thread(target=follow, args=(self.process, map_, *listeners), daemon=True)
        self.thread.start()

    def heard(self, line: str) -> None:
        """Take one line from the process: its progress, or a message, which may say why it fails."""
        step = re.match(r"\s*(\d+)/(\d+)", line)
        if step:
            self.share = TIED + (1 - TIED) * int(step[1]) / int(step[2])
        elif line.strip() == "loaded":
            self.share = LOADED
        else:
            self.last = line.strip() or self.last
            return
        self.told()

    def ended(self, code: int, map_: bytes) -> None:
        """The process has ended: keep its map, or why there is none. A process that was stopped leaves neither."""
        if self.stop.alive and code == 0 and map_:
            self.xy, self.share = torch.from_numpy(np.load(io.BytesIO(map_))), 1.0
        elif self.stop.alive:
            self.trouble = f"UMAP's process ended without a map ({self.last or f'exit status {code}'}); look at PCA, or try other neighbours"
        self.told()

    @property
    def words(self) -> str:
        """What the process is doing, in words."""
        return "loading" if self.share < LOADED else "finding neighbours" if self.share < TIED else f"{self.share:.0%}"

    @property
    def running(self) -> bool:
        """Whether a map can still be expected."""
        return self.stop.alive and self.xy is None and not self.trouble

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the process has ended, at most `timeout` seconds, and return whether the map is there."""
        if self.thread:
            self.thread.join(timeout)
        return self.xy is not None


def spread(start: Float[Tensor, "N 2"], seed: int) -> Float[Tensor, "N 2"]:
    """The start, with a little noise in a direction without extent, since UMAP divides by the extent."""
    extent = start.amax(dim=0) - start.amin(dim=0)
    noise = torch.rand(start.shape, generator=generator(seed), dtype=start.dtype, device="cpu")
    return torch.where(extent > ROUNDING * extent.max(), start, start + 1e-3 * extent.max() * noise)


def begun(task: dict, map_) -> subprocess.Popen:
    """A fresh interpreter (not a fork), which reads the task and writes the map. Both are files without a name, which vanish when they are closed.

    It imports nothing from the folder in which it starts (-P), so a student's queue.py or umap.py there does no harm.
    """
    with tempfile.TemporaryFile() as question:
        np.savez(question, **{name: np.asarray(value) for name, value in task.items()})
        question.seek(0)
        streams = {"stdin": question, "stdout": map_, "stderr": subprocess.PIPE}
        try:
            return subprocess.Popen([sys.executable, "-P", "-c", CHILD], **streams, text=True, errors="replace")
        except OSError as error:
            map_.close()
            raise InputError(f"UMAP's process could not be started ({error}); look at PCA instead") from error


def follow(process: subprocess.Popen, map_, heard: weakref.WeakMethod, ended: weakref.WeakMethod) -> None:
    """Pass on every line of the process, and at its end the map, to listeners that may no longer exist."""
    with process.stderr, map_:
        for line in process.stderr:  # tqdm's \r ends a line too
            (heard() or ignore)(line)
        code = process.wait()
        map_.seek(0)
        (ended() or ignore)(code, map_.read())


def ignore(*_) -> None:
    """Do nothing, since the listener no longer exists."""


def answer() -> None:
    """In the process: arrays from stdin, the map to stdout, progress to stderr as `loaded` and then `step/steps`."""
    task, out = np.load(io.BytesIO(sys.stdin.buffer.read())), sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get into the map
    warnings.simplefilter("ignore")
    import umap

    print("loaded", file=sys.stderr, flush=True)
    progress = {"bar_format": "{n}/{total}", "disable": False, "file": sys.stderr}
    settings = {"n_neighbors": int(task["neighbours"]), "random_state": int(task["seed"]), "n_jobs": 1, "init": task["start"], "tqdm_kwds": progress}
    buffer = io.BytesIO()
    np.save(buffer, umap.UMAP(**settings).fit_transform(task["h"]).astype(np.float32))
    out.write(buffer.getvalue())
    out.flush()
