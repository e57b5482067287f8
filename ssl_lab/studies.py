"""Runs that are recorded in the package, and that one command records again: a method as it is, and the same with one switch turned.

    STUDIES[name] → begin → Method, Recipe → record (train, evaluate) → recorded/NAME.json, NAME.safetensors → recorded(name)

`ssl-lab study NAME` does it. A study costs 60 to 160 CPU seconds, the batches of 8 more.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ssl_lab import methods
from ssl_lab.augment import SMALL
from ssl_lab.checkpoint import fill, read_json, read_tensors, write_tensors, write_text
from ssl_lab.data import Images, load
from ssl_lab.errors import one_of
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.method import Method
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.train import train
from ssl_lab.version import VERSION

FOLDER = Path(__file__).parent / "recorded"
IMAGES, UNSEEN = 10_000, 2_000  # scenes to learn from, and to be asked about
KNOWN, ASKED = 2_000, 500  # of them, for the kNN of every epoch


@dataclass(frozen=True)
class Study:
    """One training of scenes.   title: what differs, in words.   change: arguments of the method.   recipe: what differs from its SCENES."""

    title: str
    method: str = "SimCLR"
    change: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)


STUDIES = {
    "supervised": Study("supervised, every label", "Supervised"),
    "simclr": Study("SimCLR as it is"),
    "simclr-no-colour": Study("no colour distortion", change={"augmentation": dataclasses.replace(SMALL, jitter=0.0)}),
    "simclr-no-head": Study("no head", change={"dim": None}),
    "simclr-cold": Study("temperature 0.01", change={"tau": 0.01}),
    "simclr-tiny-batch": Study("batches of 8", recipe={"batch": 8, "lr": 2.0 * 8 / 256}),
    "moco": Study("MoCo as it is", "MoCo"),
    "moco-leak": Study("one batch norm for the whole batch", "MoCo", change={"split": 1}),
    "moco-no-average": Study("key network copied at every step, m = 0", "MoCo", change={"m": 0.0}),
    "byol": Study("BYOL as it is", "BYOL"),
}


@dataclass(frozen=True)
class Record:
    """What came of a study.

    curve: one dictionary an epoch, from epoch 0, before training.   knn, linear: accuracy for the shape on unseen scenes, of frozen features.
    factors: R² of what a linear map reads from them.   untrained: the same three of the weights before training.
    """

    study: str
    recipe: dict
    curve: list[dict]
    knn: float
    linear: float
    factors: dict[str, float]
    untrained: dict
    cpu_seconds: float
    versions: dict[str, str]
    folder: Path = FOLDER

    @property
    def title(self) -> str:
        """What differs, in words."""
        return STUDIES[self.study].title

    def method(self) -> Method:
        """The method with the weights that were learned, rounded to 16 bits; slow copies are copies once more, and a queue holds random rows."""
        method, _ = begin(self.study)
        weights, _ = read_tensors(self.folder / f"{self.study}.safetensors")
        present = {name: tensor for name, tensor in method.state_dict().items() if name not in learned(method)}
        fill(method, present | {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}, self.folder)
        for copy, original in method.slow.items():
            getattr(method, copy).load_state_dict(getattr(method, original).state_dict())
        return method


def begin(name: str) -> tuple[Method, Recipe]:
    """The method of a study with fresh weights, always the same, and its recipe. Raises: InputError for a name that is no study."""
    one_of(name, STUDIES, "study")
    study = STUDIES[name]
    kind = getattr(methods, study.method)
    with RandomStream(0, torch.device("cpu")):
        method = kind(small_resnet(), **kind.suits.get("scenes", {}) | study.change)
    return method, dataclasses.replace(kind.recipes["scenes"], **study.recipe)


def recorded(name: str, folder: Path = FOLDER) -> Record:
    """What came of a study, as the package has it. Raises: InputError for a name that is no study."""
    one_of(name, STUDIES, "study")
    path = folder / f"{name}.json"
    return Record(**read_json(path.read_text(), path), folder=folder)


def figures(name: str, folder: Path = FOLDER) -> str:
    """kNN and linear accuracy in two columns; "-" for a study that nobody has recorded yet. Raises: InputError for a name that is no study."""
    one_of(name, STUDIES, "study")
    if not (folder / f"{name}.json").exists():
        return f"{'-':>7}{'-':>8}"
    found = recorded(name, folder)
    return f"{found.knn:7.3f}{found.linear:8.3f}"


def label_efficiency() -> tuple[list[int], dict[str, list[float]]]:
    """Numbers of labels, and every learner's mean accuracy at each, as `tests/benchmarks/label_efficiency.py --record` measured them."""
    path = FOLDER / "label_efficiency.json"
    found = read_json(path.read_text(), path)
    return found["counts"], {name: [sum(seeds) / len(seeds) for seeds in curve] for name, curve in found["scores"].items()}


@dataclass(frozen=True)
class Collapse:
    """What came of BYOL with these switches, as `tests/benchmarks/collapse.py --record` trained it: byol.SCENES, the same weights at the start.

    curve: "step" from 1, and at each "loss", the mean since the one before; of the scenes in z "std" (1 = in all directions alike), "rank", the
    effective rank of their unit rows, and "centred", that of the same rows less their mean.   z: step → unit rows (N, d) of N unseen scenes, of which
    `labels` (N,) are the shapes, with batch norm in training mode, as the loss sees them.   epochs: kNN on a few scenes after each, from epoch 0.
    untrained, knn: on all scenes, before and after.
    """

    predictor: bool
    average: bool
    stop_gradient: bool
    m: float
    recipe: dict
    curve: dict[str, list]
    epochs: list[float]
    untrained: float
    knn: float
    cpu_seconds: float
    versions: dict[str, str]
    z: dict[int, Tensor] = field(default_factory=dict)
    labels: Tensor | None = None


def collapse_name(predictor: bool, average: bool, stop_gradient: bool) -> str:
    """The file of these switches; without stop-gradient there is no target to average, so its switch is idle."""
    switches = {"predictor": predictor, "average": average or not stop_gradient, "stop": stop_gradient}
    return "collapse-" + ("-".join(f"no-{name}" for name, on in switches.items() if not on) or "byol")


def collapse(predictor: bool = True, average: bool = True, stop_gradient: bool = True, folder: Path = FOLDER) -> Collapse:
    """What came of BYOL with these switches, as the package has it."""
    path = folder / f"{collapse_name(predictor, average, stop_gradient)}.json"
    tensors, _ = read_tensors(path.with_suffix(".safetensors"))
    labels = tensors.pop("labels")
    z = {int(step): tensors[step].float() for step in sorted(tensors, key=int)}
    return Collapse(**{**read_json(path.read_text(), path), "average": average}, z=z, labels=labels)


@dataclass(frozen=True)
class Momentum:
    """What came of MoCo with this m, as `tests/benchmarks/momentum.py --record` trained it: moco.SCENES, the same weights at the start.

    curve: "loss", "knn" on a few scenes and "std" of the queries, one an epoch.   agreement: epoch → by age in steps, from 0, the cosine of a key as
    it was made and as the key network of that epoch makes it of the same view, in other groups of batch norm.   strangers: epoch → the cosine of
    keys of different pictures.   knn: on all scenes, in the end.
    """

    m: float
    curve: dict[str, list[float]]
    agreement: dict[int, list[float]]
    strangers: dict[int, float]
    knn: float
    cpu_seconds: float


def momentum(folder: Path = FOLDER) -> dict[float, Momentum]:
    """What came of MoCo with each m, as the package has it."""
    path = folder / "momentum.json"
    runs = read_json(path.read_text(), path)["runs"]
    moments = [{name: {int(epoch): value for epoch, value in run[name].items()} for name in ("agreement", "strangers")} for run in runs]
    return {run["m"]: Momentum(**run | by_epoch) for run, by_epoch in zip(runs, moments)}


def scores(method: Method, images: Images, unseen: Images) -> dict:
    """kNN, linear probe and factor table of the frozen encoder."""
    h, ht = features(method.encoder, images), features(method.encoder, unseen)
    knn, probe = knn_accuracy(h, images.labels, ht, unseen.labels), linear_probe(h, images.labels, ht, unseen.labels)
    return {"knn": knn, "linear": probe.accuracy, "factors": factor_table(ht, unseen)}


def record(name: str, folder: Path = FOLDER, limit: int = IMAGES, epochs: int | None = None) -> Iterator[Log]:
    """Train a study, yielding its Logs, and write NAME.json and NAME.safetensors at its end.   limit, epochs: fewer, for a trial."""
    method, recipe = begin(name)
    recipe = dataclasses.replace(recipe, epochs=epochs or recipe.epochs)
    images, unseen = load("scenes", limit=limit), load("scenes", split="test", limit=min(limit, UNSEEN))
    known, asked = images[:KNOWN], unseen[:ASKED]

    def knn() -> float:
        return knn_accuracy(features(method.encoder, known), known.labels, features(method.encoder, asked), asked.labels)

    untrained, curve, spent, start = scores(method, images, unseen), [{"epoch": 0, "knn": knn()}], 0.0, time.process_time()
    for log in train(method, images, recipe):
        spent += time.process_time() - start
        curve.append({"epoch": log.epoch, "loss": log.loss, "knn": knn(), **log.stats})
        yield log
        start = time.process_time()
    versions = {"ssl-lab": VERSION, "torch": torch.__version__}
    trained = scores(method, images, unseen)
    found = Record(name, dataclasses.asdict(recipe), curve, **trained, untrained=untrained, cpu_seconds=spent, versions=versions)
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / f"{name}.safetensors", learned(method))
    kept = {key: value for key, value in dataclasses.asdict(found).items() if key != "folder"}
    write_text(folder / f"{name}.json", json.dumps({**rounded(kept), "recipe": kept["recipe"]}, indent=1) + "\n")


def learned(method: Method) -> dict[str, torch.Tensor]:
    """The weights in 16 bits, without what follows them: slow copies and queues."""
    state = {name: tensor for name, tensor in method.state_dict().items() if "." in name and name.split(".")[0] not in method.slow}
    return {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def rounded(value):
    """Floats to four digits after the point, all the way down."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value
