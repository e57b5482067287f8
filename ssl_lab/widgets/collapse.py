"""The collapse that one can cause: BYOL with its three switches, step by step."""

import functools

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_lab import plots, scenes
from ssl_lab.studies import BYOLS, Record, recorded
from ssl_lab.tables import byol
from ssl_lab.widgets.controls import Slider, Switch
from ssl_lab.widgets.explorer import Explorer

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
        steps = [*embeddings(True, True, True)]
        controls = {
            "predictor": Switch("predictor", True),
            "average": Switch("moving average (off: m = 0, a copy)", True),
            "stop_gradient": Switch("stop-gradient (off: the target learns too)", True),
            "step": Slider("step", value=steps[-1], stops=steps),
        }
        super().__init__(controls, **start)

    def draw(self, predictor: bool, average: bool, stop_gradient: bool, step: int):
        shown, usual = embeddings(predictor, average, stop_gradient), embeddings(True, True, True)
        step = nearest(step)
        return plots.collapse(
            maps(predictor, average, stop_gradient)[step],
            labels(),
            tuple(scenes.CLASSES),
            spread(shown[step]),
            course(predictor, average, stop_gradient),
            spread(usual[step]),
            course(True, True, True),
            ablation(predictor, average, stop_gradient),
            step,
            words(predictor, average, stop_gradient),
        )


def run(predictor: bool, average: bool, stop_gradient: bool) -> Record:
    """What was recorded with these switches."""
    return one(BYOLS[predictor, average or not stop_gradient, stop_gradient])


one = functools.cache(recorded)


@functools.cache
def labels() -> Int[np.ndarray, " N"]:
    """Of the images that every run has."""
    return run(True, True, True).tensors()["labels"].numpy().astype(int)


@functools.cache
def embeddings(predictor: bool, average: bool, stop_gradient: bool) -> dict[int, Float[Tensor, "N d"]]:
    """Step → unit rows of z."""
    found = {name.removeprefix("z/"): z for name, z in run(predictor, average, stop_gradient).tensors().items() if name != "labels"}
    return {int(step): found[step].float() for step in sorted(found, key=int)}


@functools.cache
def course(predictor: bool, average: bool, stop_gradient: bool) -> plots.Course:
    """The curve as arrays."""
    rows = run(predictor, average, stop_gradient).seen
    return plots.Course(**{name: np.array([row[name] for row in rows]) for name in rows[0]}, click=np.array([nearest(row["step"]) for row in rows]))


def nearest(step: int) -> int:
    """The recorded step next to this one, on a logarithmic scale."""
    return min(embeddings(True, True, True), key=lambda kept: abs(np.log(kept / step)))


def spread(z: Float[Tensor, "N d"]) -> Float[np.ndarray, " d"]:
    """Std of every dimension."""
    return z.std(0).numpy()


def words(predictor: bool, average: bool, stop_gradient: bool) -> str:
    """The switches, in words."""
    off = ["predictor"] * (not predictor) + ["moving average"] * (not average) + ["stop-gradient"] * (not stop_gradient)
    idle = " (the average has nothing to do)" if average and not stop_gradient else ""
    return f"BYOL without {' and '.join([', '.join(off[:-1])] * (len(off) > 1) + off[-1:])}{idle}" if off else "BYOL as it is"


@functools.cache
def ablation(predictor: bool, average: bool, stop_gradient: bool) -> plots.Ablation:
    """The paper's rows beside ours."""
    rows = tuple((name, byol.ABLATION.row(row)["Top 1"], 100 * run(*switches).knn) for switches, (row, name) in ROWS.items())
    untrained = 100 * run(True, True, True).untrained["knn"]
    chosen = list(ROWS).index((predictor, average or not stop_gradient, stop_gradient))
    return plots.Ablation(rows, chosen, untrained, NOTE.format(untrained), dict(zip(("predictor", "average", "stop_gradient"), zip(*ROWS))))


@functools.cache
def maps(predictor: bool, average: bool, stop_gradient: bool) -> dict[int, Float[np.ndarray, "N 2"]]:
    """Every recorded step's map, begun at the one before; all runs begin alike, in the first principal plane of BYOL as it is."""
    found, z = {}, embeddings(predictor, average, stop_gradient)
    first, usual = (next(iter(rows.values())).double() for rows in (z, embeddings(True, True, True)))
    xy = ((first - first.mean(0)) @ torch.linalg.svd(usual - usual.mean(0), full_matrices=False).Vh[:2].T).numpy()
    for step, rows in z.items():
        xy = found[step] = flat(torch.cdist(rows.double(), rows.double()).numpy(), xy)
    return found


def flat(distances: Float[np.ndarray, "N N"], xy: Float[np.ndarray, "N 2"], rounds: int = ROUNDS) -> Float[np.ndarray, "N 2"]:
    """Points in the plane whose distances come as near as they can to these (metric scaling by majorisation, de Leeuw 1977), begun at xy.

    Each round moves every point to the mean of where all others want it, and never adds to the stress, the sum of squared errors.
    """
    for _ in range(rounds):
        x, y = xy.T
        ratio = distances / np.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2).clip(1e-9)
        xy = (ratio.sum(axis=1, keepdims=True) * xy - ratio @ xy) / len(xy)
    return xy
