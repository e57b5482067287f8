"""DeepCluster's clusters over the epochs of recorded runs: what they hold, and what the network is shown of them."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from ssl_lab import plots
from ssl_lab.data import load
from ssl_lab.errors import require
from ssl_lab.methods.deepcluster import uniform_sampling
from ssl_lab.plots.clusters.epochs import Epoch
from ssl_lab.plots.clusters.numbers import ORDERS, Clustering
from ssl_lab.stream import generator
from ssl_lab.studies import FOLDER, STUDIES, Record, recorded
from ssl_lab.widgets.controls import Choice, Slider
from ssl_lab.widgets.explorer import Explorer

USUAL, DRAWS = "deepcluster", 1000
COLOURS = (("all clusters", "all"), ("the chosen one and its neighbours", "near"), ("the true classes", "classes"))


class ClusterExplorer(Explorer):
    """The clusters of every epoch of DeepCluster, as it is and without its cures. The runs are recorded (`ssl-lab study deepcluster`); nothing is
    trained.

    A cluster keeps its number, and so its colour and shape, from one epoch to the next where they share most images. 400 scenes have a place on the
    map, 2,000 are in the strips; sizes and NMI are those of all images. Uniform draws are those of `uniform_sampling`, plain ones take each image
    equally often.
    folder: where the runs were recorded.
    Controls: run (a study), epoch, cluster (the chosen one), by (an order of the clusters that are shown below it), colours ("all" clusters,
        the chosen one and those "near" it, the true "classes").
    Raises: InputError where no run is recorded, or for a control out of its range.
    """

    def __init__(self, folder: Path = FOLDER, **start):
        names = [name for name in STUDIES if name.startswith(USUAL) and (Path(folder) / f"{name}.json").exists()]
        require(len(names) > 0, f"{folder} holds no run of DeepCluster; record one: ssl-lab study {USUAL} --out {folder}")
        records = {name: recorded(name, Path(folder)) for name in names}
        count = max(len(record.tensors()["assignment"][0]) for record in records.values())
        images = load("scenes", limit=count)
        self.images, self.titles = plots.hwc(images.x), {name: record.title for name, record in records.items()}
        self.runs = {name: epochs(record, images.labels.numpy(), images.classes) for name, record in records.items()}
        first, last = self.runs[names[0]], min(map(len, self.runs.values()))
        controls = {
            "run": Choice("run", [(title, name) for name, title in self.titles.items()]),
            "epoch": Slider("epoch", 1, last, 1),
            "cluster": Slider("chosen cluster", 0, len(first[0].clustering) - 1),
            "by": Choice("below it, the", ORDERS),
            "colours": Choice("colours", COLOURS),
        }
        super().__init__(controls, **start)

    def draw(self, run: str, epoch: int, cluster: int, by: str, colours: str):
        shown, usual = self.runs[run], () if run == USUAL else self.runs.get(USUAL, ())
        draws = drawn(shown[epoch - 1].clustering.sizes)
        return plots.clusterings(shown, epoch - 1, self.images, cluster, by, colours, draws, usual, self.titles[run])


def epochs(record: Record, labels: Int[np.ndarray, " N"], classes: tuple[str, ...]) -> list[Epoch]:
    """What was recorded of a run, epoch by epoch; the maps fill the square of -1 to 1."""
    kept = {name: tensor.float().numpy() if tensor.is_floating_point() else tensor.long().numpy() for name, tensor in record.tensors().items()}
    reach, found = np.abs(kept["xy"]).max(), []
    for row, assignment, xy, next, distances in zip(record.seen, *(kept[name] for name in ("assignment", "xy", "next", "distances"))):
        clustering = Clustering(assignment, labels[: len(assignment)], classes, np.array(row["sizes"]))
        nmi = float("nan") if row["nmi"] is None else row["nmi"]
        found.append(Epoch(row["epoch"], clustering, xy / reach, next, distances, nmi, row["truth"]))
    return found


def drawn(sizes: Int[np.ndarray, " k"], count: int = DRAWS) -> dict[str, Int[np.ndarray, " k"]]:
    """How often each cluster is among the next images, drawn plainly and uniformly; clusters of these sizes are all that it depends on."""
    y = torch.arange(len(sizes)).repeat_interleave(torch.from_numpy(sizes))
    rows = {"plain": torch.randperm(len(y), generator=generator(0)), "uniform": uniform_sampling(y, generator(0))}
    return {way: y[order[:count]].bincount(minlength=len(sizes)).numpy() for way, order in rows.items()}
