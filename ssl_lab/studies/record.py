"""The results of a study, in one schema for all studies."""

import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab import parse
from ssl_lab.checkpoint import settings
from ssl_lab.data import Images, load
from ssl_lab.errors import one_of, require
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.files import folder_to_be, write_text
from ssl_lab.method import Method
from ssl_lab.recipe import Log
from ssl_lab.studies.rounds import Rounds
from ssl_lab.studies.study import STUDIES, begin
from ssl_lab.tensors import fill, read_tensors, under, write_tensors
from ssl_lab.train import Step, follow
from ssl_lab.version import VERSION

FOLDER = Path(__file__).parents[1] / "recorded"
IMAGES, UNSEEN = 10_000, 2_000  # scenes to learn from, and to test on
KNOWN, ASKED = 2_000, 500  # so many of them for the kNN accuracy of every epoch


@dataclass(frozen=True)
class Record:
    """The results of a study.

    curve: one row an epoch, from epoch 0, before training.   seen: the rows of its `Watch`.   knn, linear: accuracy for the shape on unseen scenes,
    of frozen features.   factors: R² of a linear map from these features to every factor.   untrained: the same three, before training.
    cpu_seconds: of the training, on one thread.   settings: arguments of the method; empty in older records.
    """

    study: str
    recipe: dict
    knn: float
    linear: float
    factors: dict[str, float]
    untrained: dict
    cpu_seconds: float
    versions: dict[str, str]
    curve: list[dict]
    seen: list[dict]
    settings: dict = field(default_factory=dict)
    folder: Path = FOLDER

    @property
    def title(self) -> str:
        """What differs, in words."""
        return STUDIES[self.study].title

    def method(self) -> Method:
        """The method with its learned weights, rounded to 16 bits. Slow copies equal the networks that they follow, and a queue holds random rows."""
        require(STUDIES[self.study].weights, f"the record of {self.study} has no weights; take begin({self.study!r}), and train it")
        method, _ = begin(self.study)
        weights = under("method/", self.read())
        present = {name: tensor for name, tensor in method.state_dict().items() if name not in learned(method)}
        fill(method, present | {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}, self.folder)
        for copy, original in method.slow.items():
            getattr(method, copy).load_state_dict(getattr(method, original).state_dict())
        return method

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that the `Watch` of the study kept, by name."""
        return under("seen/", self.read())

    def read(self) -> dict[str, Tensor]:
        return read_tensors(self.folder / f"{self.study}.safetensors")[0]


def recorded(name: str, folder: Path = FOLDER) -> Record:
    """The recorded results of a study. Raises: InputError for a name that is no study, or one that is not recorded there."""
    one_of(name, STUDIES, "study")
    path = folder / f"{name}.json"
    require(path.exists(), f"{name} is not recorded in {folder}; record it: ssl-lab study {name} --out {folder}")
    return parse.record(Record, {"settings": {}} | parse.read_dict(path), path, folder=folder)


def teachers(name: str, folder: Path = FOLDER) -> tuple[Images, dict[str, Float[Tensor, "N C"]]]:
    """What the teachers of a recorded study of Noisy Student say, without a training: `PseudoLabelExplorer(*teachers("noisy-student"))`.

    Returns scenes of which the students had no label, with their true ones, and by round the probabilities that its average network gives them.
    Raises: InputError for another study, or one that is not recorded.
    """
    one_of(name, [study for study in STUDIES if STUDIES[study].watch is Rounds], "study of teachers")
    kept = recorded(name, folder).tensors()
    rows = kept["rows"].long()
    images = load("scenes", limit=int(rows.max()) + 1)[rows]
    return images, {f"round {number}": p.float() for number, p in enumerate(kept["probs"], 1)}


def label_efficiency() -> tuple[list[int], dict[str, list[float]]]:
    """Numbers of labels, and for each of them the mean accuracy of every learner over the recorded seeds."""
    seeds = [recorded(name).seen for name in ("simclr", "simclr-seed-1", "simclr-seed-2")]
    counts, learners = [row["labels"] for row in seeds[0]], list(seeds[0][0])[1:]
    return counts, {name: [sum(rows[i][name] for rows in seeds) / len(seeds) for i in range(len(counts))] for name in learners}


def figures(name: str, folder: Path = FOLDER) -> str:
    """kNN and linear accuracy in two columns; "-" for a study that is not recorded yet. Raises: InputError for a name that is no study."""
    one_of(name, STUDIES, "study")
    if not (folder / f"{name}.json").exists():
        return f"{'-':>7}{'-':>8}"
    found = recorded(name, folder)
    return f"{found.knn:7.3f}{found.linear:8.3f}"


def scores(method: Method, images: Images, unseen: Images) -> dict:
    """kNN, linear probe and factor table of the frozen encoder."""
    h, ht = features(method.encoder, images), features(method.encoder, unseen)
    knn, probe = knn_accuracy(h, images.labels, ht, unseen.labels), linear_probe(h, images.labels, ht, unseen.labels)
    return {"knn": knn, "linear": probe.accuracy, "factors": factor_table(ht, unseen)}


def record(name: str, folder: Path = FOLDER, limit: int = IMAGES, epochs: int | None = None) -> Iterator[Log]:
    """Train a study on one thread, yielding its Logs, and write NAME.json and NAME.safetensors at its end.   limit, epochs: fewer, for a trial."""
    folder, (method, recipe) = folder_to_be(folder), begin(name)
    recipe = dataclasses.replace(recipe, epochs=epochs or recipe.epochs)
    study = STUDIES[name]
    images, unseen = (load("scenes", split, limit=count, frames=study.frames) for split, count in (("train", limit), ("test", min(limit, UNSEEN))))
    lesson = study.lesson(images, recipe.seed)
    known, asked = images[:KNOWN], unseen[:ASKED]

    def knn() -> float:
        return knn_accuracy(features(method.encoder, known), known.labels, features(method.encoder, asked), asked.labels)

    untrained, curve, spent = scores(method, images, unseen), [{"epoch": 0, "knn": knn()}], 0.0
    watch, start = STUDIES[name].watch(method, images, unseen, recipe, lesson), time.process_time()
    for event in follow(method, lesson, recipe, threads=1):
        spent += time.process_time() - start
        if isinstance(event, Step):
            watch.step(event)
        else:
            watch.epoch(event)
            curve.append({"epoch": event.epoch, "loss": event.loss, "knn": knn(), **event.stats})
            yield event
        start = time.process_time()
    watch.end()
    versions = {"ssl-lab": VERSION, "torch": torch.__version__}
    found = Record(
        name, dataclasses.asdict(recipe), **scores(method, images, unseen), untrained=untrained, cpu_seconds=spent, versions=versions,
        curve=curve, seen=watch.seen, settings=settings(method.settings),
    )  # fmt: skip
    parts = {"method": learned(method) if STUDIES[name].weights else {}, "seen": watch.tensors}
    tensors = {f"{part}/{key}": tensor for part, tensors in parts.items() for key, tensor in tensors.items()}
    if tensors:
        write_tensors(folder / f"{name}.safetensors", tensors)
    kept = {key: value for key, value in dataclasses.asdict(found).items() if key != "folder"}
    write_text(folder / f"{name}.json", written({**rounded(kept), **{key: kept[key] for key in ("recipe", "settings")}}))


def learned(method: Method) -> dict[str, torch.Tensor]:
    """The weights in 16 bits, without slow copies and queues."""
    state = {name: tensor for name, tensor in method.state_dict().items() if "." in name and name.split(".")[0] not in method.slow}
    return {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def written(facts: dict) -> str:
    """JSON with a line for every entry, and for every row of a table."""
    lines = {key: json.dumps(value) for key, value in facts.items()}
    tables = {key: "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in facts[key]) + "\n ]" for key in ("curve", "seen") if facts[key]}
    return "{\n" + ",\n".join(f' "{key}": {text}' for key, text in (lines | tables).items()) + "\n}\n"


def rounded(value):
    """Round floats to four digits after the point, in lists and dictionaries, too."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value
