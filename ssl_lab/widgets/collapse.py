"""The collapse that one can cause: BYOL with its three switches, step by step."""

import functools
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_lab import plots, scenes
from ssl_lab.studies import BYOLS, recorded
from ssl_lab.tables import byol
from ssl_lab.widgets.controls import Slider, Switch
from ssl_lab.widgets.explorer import Explorer

USUAL = True, True, True  # BYOL as it is
ROWS = {  # predictor, average, stop-gradient → the row of the paper's ablation, and its switches in a few words
    (True, True, True): ("BYOL", "BYOL"),
    (True, False, True): ("no average", "no average, m = 0"),
    (True, True, False): ("no stop-gradient", "no stop-gradient"),
    (False, True, True): ("no predictor", "no predictor"),
    (False, False, True): ("neither", "no predictor, m = 0"),
    (False, True, False): ("none of them", "no predictor, no stop"),
}
NOTE = "paper: ImageNet, linear, chance 0.1,\nand 0.3 for m = 0 in its Table 5a\nhere: scenes, kNN, chance 10,\nuntrained {:.0f}"
ROUNDS = 30  # of `flat` at every moment, each beginning where the one before has ended


class CollapseLab(Explorer):
    """BYOL's three switches, and what its embedding does at every recorded step, beside BYOL as it is.

    The runs are recorded (`studies.BYOLS`; `ssl-lab study byol-no-predictor` trains one again): one recipe, the same weights and images at the
    start, one seed. The map keeps the distances of unit rows as well as a plane can and is never rescaled. All figures but the loss
    are of 100 unseen scenes with batch norm in training mode, as the loss sees them.
    Controls: predictor, average (off: m = 0, the target is a copy of the online network), stop_gradient (off: the online network is its own target,
        and the average idle), step (a whole number from 1; the nearest recorded one is shown).
    Raises: InputError for a control out of its range.
    """

    def __init__(self, **start):
        steps = [*run(*USUAL).z]
        controls = {
            "predictor": Switch("predictor", True),
            "average": Switch("moving average (off: m = 0, a copy)", True),
            "stop_gradient": Switch("stop-gradient (off: the target learns too)", True),
            "step": Slider("step", value=steps[-1], stops=steps),
        }
        super().__init__(controls, **start)

    def draw(self, predictor: bool, average: bool, stop_gradient: bool, step: int):
        switches = predictor, average, stop_gradient
        shown, usual = run(*switches), run(*USUAL)
        step = nearest(step, usual.z)
        now, then = ((one.z[step].std(0).numpy(), one.course) for one in (shown, usual))
        table, what = ablation(*switches), words(*switches)
        return plots.collapse(shown.maps[step], shown.labels, tuple(scenes.CLASSES), *now, *then, table, step, what)


class Run:
    """One recorded run.   labels: of the images.   z: step → unit rows.   course: the curve.   maps: step → the images in the plane."""

    def __init__(self, name: str):
        self.record = recorded(name)

    @cached_property
    def labels(self) -> Int[np.ndarray, " N"]:
        return self.record.tensors()["labels"].numpy().astype(int)

    @cached_property
    def z(self) -> dict[int, Float[Tensor, "N d"]]:
        found = {int(name.removeprefix("z/")): z.float() for name, z in self.record.tensors().items() if name != "labels"}
        return dict(sorted(found.items()))

    @cached_property
    def course(self) -> plots.Course:
        rows = self.record.seen
        click = np.array([nearest(row["step"], self.z) for row in rows])
        return plots.Course(**{name: np.array([row[name] for row in rows]) for name in rows[0]}, click=click)

    @cached_property
    def maps(self) -> dict[int, Float[np.ndarray, "N 2"]]:
        """Each begins at the one before; all runs begin alike, in the first principal plane of BYOL as it is."""
        first, usual = (next(iter(one.z.values())).double() for one in (self, run(*USUAL)))
        xy, found = ((first - first.mean(0)) @ torch.linalg.svd(usual - usual.mean(0), full_matrices=False).Vh[:2].T).numpy(), {}
        for step, rows in self.z.items():
            xy = found[step] = flat(torch.cdist(rows.double(), rows.double()).numpy(), xy)
        return found


one = functools.cache(Run)


def run(predictor: bool, average: bool, stop_gradient: bool) -> Run:
    """What was recorded with these switches."""
    return one(BYOLS[predictor, average or not stop_gradient, stop_gradient])


def nearest(step: int, steps: Iterable[int]) -> int:
    """The recorded step next to this one, on a logarithmic scale."""
    return min(steps, key=lambda kept: abs(np.log(kept / step)))


def words(predictor: bool, average: bool, stop_gradient: bool) -> str:
    """The switches, in words."""
    off = ["predictor"] * (not predictor) + ["moving average"] * (not average) + ["stop-gradient"] * (not stop_gradient)
    idle = " (the average has nothing to do)" if average and not stop_gradient else ""
    return f"BYOL without {' and '.join([', '.join(off[:-1])] * (len(off) > 1) + off[-1:])}{idle}" if off else "BYOL as it is"


@functools.cache
def ablation(predictor: bool, average: bool, stop_gradient: bool) -> plots.Ablation:
    """The paper's rows beside ours."""
    rows = tuple((name, byol.ABLATION.row(row)["Top 1"], 100 * run(*switches).record.knn) for switches, (row, name) in ROWS.items())
    untrained = 100 * run(*USUAL).record.untrained["knn"]
    chosen = list(ROWS).index((predictor, average or not stop_gradient, stop_gradient))
    return plots.Ablation(rows, chosen, untrained, NOTE.format(untrained), dict(zip(("predictor", "average", "stop_gradient"), zip(*ROWS))))


def flat(distances: Float[np.ndarray, "N N"], xy: Float[np.ndarray, "N 2"], rounds: int = ROUNDS) -> Float[np.ndarray, "N 2"]:
    """Points in the plane whose distances come as near as they can to these (metric scaling by majorisation, de Leeuw 1977), begun at xy.

    Each round moves every point to the mean of where all others want it, and never adds to the stress, the sum of squared errors.
    """
    for _ in range(rounds):
        x, y = xy.T
        ratio = distances / np.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2).clip(1e-9)
        xy = (ratio.sum(axis=1, keepdims=True) * xy - ratio @ xy) / len(xy)
    return xy
