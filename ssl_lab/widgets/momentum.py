"""Five trainings of MoCo that differ in m alone, to look at how their keys grow old."""

from ssl_lab import plots
from ssl_lab.studies import MOMENTA, recorded
from ssl_lab.studies.ages import OLDEST
from ssl_lab.tables.moco import MOMENTUM
from ssl_lab.widgets.controls import Slider
from ssl_lab.widgets.explorer import Explorer


class MomentumExplorer(Explorer):
    """How consistent are keys that a slow network made, and how far back may a queue reach? Recorded runs of `moco.SCENES`, nothing is trained.

    Controls: m (0, 0.9, 0.99, 0.999, 0.9999), epoch (those after which keys were made again), K (one batch to 64: how far a queue would reach back;
        it begins with the K of the runs).
    Raises: InputError for a control out of its range.
    """

    def __init__(self, **start):
        self.runs, self.theirs = {m: recorded(name) for m, name in MOMENTA.items()}, dict(zip(MOMENTUM.column("m"), MOMENTUM.column("Top 1")))
        run = self.runs[0.99]
        epochs, self.batch, self.keys = [row["epoch"] for row in run.seen], run.recipe["batch"], run.settings["K"]
        controls = {
            "m": Slider("m", stops=[*self.runs], value=0.99, only=True),
            "epoch": Slider("after epoch", stops=epochs, value=epochs[2], only=True),
            "K": Slider("K", self.batch, OLDEST * self.batch, self.keys, self.batch),
        }
        super().__init__(controls, **start)

    def draw(self, m: float, epoch: int, K: int):
        rows = {one: next(row for row in run.seen if row["epoch"] == epoch) for one, run in self.runs.items()}
        agreement, strangers = ({one: row[name] for one, row in rows.items()} for name in ("agreement", "strangers"))
        ours = {one: run.knn for one, run in self.runs.items()}
        when = f"after epoch {epoch} of {self.runs[m].recipe['epochs']}"
        return plots.momentum(agreement, strangers, ours, self.theirs, m, K, self.batch, keys=self.keys, when=when)
