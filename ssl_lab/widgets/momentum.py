"""Five trainings of MoCo that differ in m alone, to look at how their keys grow old."""

import ipywidgets as widgets

from ssl_lab import plots
from ssl_lab.studies import momentum
from ssl_lab.tables.moco import MOMENTUM
from ssl_lab.widgets.explorer import Explorer

BATCH, OLDEST = 256, 64  # keys a step, and steps that were measured


class MomentumExplorer(Explorer):
    """How consistent are keys that a slow network made, and how far back may a queue reach? Recorded runs of `moco.SCENES`, nothing is trained.

    Controls: m (0, 0.9, 0.99, 0.999, 0.9999), epoch (those after which keys were made again), K (256 to 16,384: how far a queue would reach back;
        the runs themselves had K = 4,096).
    Raises: InputError for a control out of its range.
    """

    def __init__(self, **start):
        self.runs, self.theirs = momentum(), dict(zip(MOMENTUM.column("m"), MOMENTUM.column("Top 1")))
        epochs = list(self.runs[0.99].agreement)
        controls = {
            "m": widgets.Dropdown(description="m", options=[(f"{m:g}", m) for m in self.runs], value=0.99),
            "epoch": widgets.Dropdown(description="after epoch", options=epochs, value=epochs[2]),
            "K": widgets.IntSlider(description="K", min=BATCH, max=OLDEST * BATCH, step=BATCH, value=4096),
        }
        super().__init__(controls, **start)

    def draw(self, m: float, epoch: int, K: int):
        agreement, strangers = ({one: getattr(run, name)[epoch] for one, run in self.runs.items()} for name in ("agreement", "strangers"))
        ours = {one: run.knn for one, run in self.runs.items()}
        return plots.momentum(agreement, strangers, ours, self.theirs, m, K, BATCH, when=f"after epoch {epoch} of {len(self.runs[m].curve['loss'])}")
