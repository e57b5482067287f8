"""Maps of an embedding in two dimensions: principal components at once, UMAP in a process of its own.

UMAP: McInnes, Healy and Melville 2018, arXiv 1802.03426.
    differs: the layout begins at the principal components, so that both maps lie alike and a few points suffice.
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

HOME = str(Path(__file__).parents[2])  # where ssl_lab lies; last on the path, so that nothing beside it is taken for a library
CHILD = f"import sys; sys.path.append({HOME!r}); from {__name__} import answer; answer()"  # what UMAP's process runs
ROUNDING = 1e-6  # of the largest entry: by so much rows differ that were meant to be equal
LOADED, TIED = 0.3, 0.6  # how much of UMAP's time has passed when it is imported, and when the neighbours are found (2,000 points, two cores)


@torch.no_grad()
def pca(h: Float[Tensor, "N D"]) -> tuple[Float[Tensor, "N 2"], float]:
    """The rows on their two directions of greatest variance, and the share in [0, 1] of the variance that these hold, 0 where there is none.

    The largest entry of each direction is positive, so that the map of one h is always the same. Raises: InputError for fewer than 3 rows, or NaN.
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
    """Refuse what has no map."""
    require(len(h) >= 3, f"a map needs at least 3 points, and there are {len(h)}; give more images")
    broken = int((~h.isfinite()).any(dim=1).sum())
    require(broken == 0, f"{broken} of {len(h)} rows of the embedding hold NaN or infinity; did the training diverge?")


def collapsed(h: Float[Tensor, "N D"]) -> bool:
    """Whether all rows are one point, but for the rounding of float32."""
    h = h.detach().double().cpu()
    return bool((h - h.mean(dim=0)).abs().max() <= ROUNDING * h.abs().max())


def within(h: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """The same map's rows, of a size whose squares float32 can hold."""
    size = h.abs().max()
    return h if size == 0 or 1e-15 < size < 1e15 else h / size


class Umap:
    """UMAP of h in a process of its own, because numba may hold the interpreter; it is stopped by `stop()`, and when this object or the program ends.

    h: (N, D), Euclidean.   neighbours: that each point is tied to, 2 .. N - 1.   told: called on another thread when anything below has changed.
    share: of the work that is done, in [0, 1].   xy: (N, 2), once it is all done.   trouble: why there will be none.
    Raises: InputError for fewer than 3 rows, NaN, or neighbours that there are not.
    """

    def __init__(self, h: Float[Tensor, "N D"], neighbours: int = 15, seed: int = 0, told: Callable[[], object] = lambda: None):
        check(h)
        require(whole(neighbours), f"neighbours={neighbours!r} must be a whole number from 2 on")
        fewer = f"neighbours={neighbours} of {len(h)} points: UMAP needs 2 or more, and at least {neighbours + 1} points"
        require(2 <= neighbours < len(h), f"{fewer}; use neighbours={len(h) - 1} or fewer")
        self.neighbours, self.told, self.last = neighbours, told, ""
        self.share, self.xy, self.trouble = 0.0, None, ""
        self.thread, self.stop = None, weakref.finalize(self, ignore)
        if collapsed(h):
            self.trouble = f"the embedding has collapsed, all {len(h)} rows are one point: UMAP finds no neighbours in it; look at PCA"
            return
        h = within(h)
        start = spread(pca(h)[0], seed)
        map_ = tempfile.TemporaryFile()  # noqa: SIM115 (whoever follows the process closes it)
        self.process = begun({"h": h.float().cpu(), "start": start, "neighbours": neighbours, "seed": seed}, map_)
        self.stop = weakref.finalize(self, self.process.kill)
        listeners = weakref.WeakMethod(self.heard), weakref.WeakMethod(self.ended)
        self.thread = threading.Thread(target=follow, args=(self.process, map_, *listeners), daemon=True)
        self.thread.start()

    def heard(self, line: str) -> None:
        """One line from the process: how far it is, or the last words before it fails."""
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
        """The process has gone: take its map, or say why there is none; a process that was stopped has nothing to say."""
        if self.stop.alive and code == 0 and map_:
            self.xy, self.share = torch.from_numpy(np.load(io.BytesIO(map_))), 1.0
        elif self.stop.alive:
            self.trouble = f"UMAP's process ended without a map ({self.last or f'exit status {code}'}); look at PCA, or try other neighbours"
        self.told()

    @property
    def words(self) -> str:
        """What it is doing."""
        return "loading" if self.share < LOADED else "finding neighbours" if self.share < TIED else f"{self.share:.0%}"

    @property
    def running(self) -> bool:
        """Whether a map can still be expected."""
        return self.stop.alive and self.xy is None and not self.trouble

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the process has ended, at most so many seconds; whether the map is there."""
        if self.thread:
            self.thread.join(timeout)
        return self.xy is not None


def spread(start: Float[Tensor, "N 2"], seed: int) -> Float[Tensor, "N 2"]:
    """The start with a little noise in a direction that has no extent, which UMAP would divide by."""
    extent = start.amax(dim=0) - start.amin(dim=0)
    noise = torch.rand(start.shape, generator=generator(seed), dtype=start.dtype, device="cpu")
    return torch.where(extent > ROUNDING * extent.max(), start, start + 1e-3 * extent.max() * noise)


def begun(task: dict, map_) -> subprocess.Popen:
    """A fresh interpreter (nothing is forked) that reads the task and writes the map: files without a name, which vanish with their last user.

    It takes nothing from the folder that it starts in (-P): a student's queue.py or umap.py there is no library.
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
    """Pass on what the process says, and at last its map, to a listener that may be gone by then."""
    with process.stderr, map_:
        for line in process.stderr:  # tqdm's \r ends a line too
            (heard() or ignore)(line)
        code = process.wait()
        map_.seek(0)
        (ended() or ignore)(code, map_.read())


def ignore(*_) -> None:
    """Nobody listens any more."""


def answer() -> None:
    """In the process: arrays from stdin, the map to stdout, progress to stderr as `loaded` and then `step/steps`."""
    task, out = np.load(io.BytesIO(sys.stdin.buffer.read())), sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no part of the answer
    warnings.simplefilter("ignore")
    import umap

    print("loaded", file=sys.stderr, flush=True)
    progress = {"bar_format": "{n}/{total}", "disable": False, "file": sys.stderr}
    settings = {"n_neighbors": int(task["neighbours"]), "random_state": int(task["seed"]), "n_jobs": 1, "init": task["start"], "tqdm_kwds": progress}
    buffer = io.BytesIO()
    np.save(buffer, umap.UMAP(**settings).fit_transform(task["h"]).astype(np.float32))
    out.write(buffer.getvalue())
    out.flush()
