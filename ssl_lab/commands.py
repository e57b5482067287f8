"""From words to a run and back: what `ssl-lab train` asks of a method, the configuration that its folder keeps, and what was learned.

    METHOD, NAME, ... → config → Images, Method → (train) → run folder → scores

To the run folder (checkpoint.py) these functions add what its images are, in config.json, and curves.png and evaluation.json.
"""

import dataclasses
import inspect
import json
import sys

import torch

from ssl_lab import methods
from ssl_lab.checkpoint import CONFIG, Run, read_json, write_text
from ssl_lab.data import Images, load
from ssl_lab.errors import one_of, require
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe

PROTOCOLS = {"knn": "k-nearest-neighbour", "linear": "linear probe"}
DATA = ("name", "size", "limit", "root")  # what a configuration says of its images, in load's words
CHANGES = ("epochs", "batch", "seed")  # what the command line may change in a recipe


def find(name: str) -> str:
    """The method of this name; capitals do not matter."""
    same = {known.lower(): known for known in methods.__all__}
    one_of(same.get(name.lower(), name), methods.__all__, "method")
    return same[name.lower()]


def begin(method: str, options: dict) -> dict:
    """The configuration of a new run: the method's one-minute recipe with what the options change in it."""
    scenes = sys.modules[getattr(methods, method).__module__].SCENES
    recipe = dataclasses.replace(scenes, **{name: options[name] for name in CHANGES if options[name] is not None})
    data = {name: options[name] for name in DATA}
    return {"method": method, "data": {**data, "name": data["name"] or "scenes"}, "recipe": dataclasses.asdict(recipe)}


def go_on(run: Run, method: str, options: dict) -> dict:
    """The configuration of a run that was interrupted. Raises: InputError if the options would change it (only `root` may)."""
    config = read(run)
    began = {"method": config["method"], **config["data"], **config["recipe"]}
    why = "images, their order and every step's learning rate were fixed when it began; leave it out, or begin another --out"
    for name, value in {"method": method, **options}.items():
        said = {"method": "METHOD", "name": "--data"}.get(name, f"--{name}")
        require(name == "root" or value in (None, began[name]), f"{said} {value} differs from the run's {began[name]}: {why}")
    return {**config, "data": {**config["data"], "root": options["root"] or config["data"]["root"]}}


def note(run: Run, config: dict) -> None:
    """Write down what a training cannot know of itself: where its images come from."""
    write_text(run.folder / CONFIG, json.dumps({**run.config(), "data": config["data"]}, indent=2))


def read(run: Run) -> dict:
    """The configuration of a run that `ssl-lab train` made. Raises: InputError if this is none."""
    path = run.folder / CONFIG
    require(path.is_file(), f"{run.folder} is no run folder, it has no {CONFIG}; `ssl-lab train METHOD --out {run.folder}` makes one")
    config = run.config()
    needs = {"method": None, "data": set(DATA), "recipe": {field.name for field in dataclasses.fields(Recipe)}}
    for name, keys in needs.items():
        same = name in config and (keys is None or set(config[name]) == keys)
        require(same, f"{path} has no {name} as this version's `ssl-lab train` writes it; only its runs can be used here")
    one_of(config["method"], methods.__all__, f"{path}: method")
    return config


def build(method: str, data: Images, seed: int) -> Method:
    """A method with fresh weights; the same seed gives the same ones."""
    from ssl_lab.models import small_resnet

    kind = getattr(methods, method)
    torch.manual_seed(seed)
    parts = {"encoder": small_resnet, "classes": lambda: len(data.classes)}
    return kind(**{name: make() for name, make in parts.items() if name in inspect.signature(kind).parameters}, **kind.scenes)


def lesson(method: str, data: Images) -> Images:
    """The images as the method may see them: with labels if its views take any besides x, else without."""
    if len(inspect.signature(getattr(methods, method).views).parameters) == 2:  # self and x
        return data.unlabelled()
    labelled = data.labelled()
    require(len(labelled) > 0, f"{method} learns from labels, and these images have none")
    return labelled


def pick(device: str | None) -> torch.device:
    """The device asked for, else the fastest there is. Raises: InputError if it is not there."""
    has = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [kind if number == 0 else f"{kind}:{number}" for kind, count in has.items() for number in range(count)]
    one_of(device or there[0], there, "device")
    return torch.device(device or there[0])


def draw_curves(run: Run) -> None:
    """Draw curves.png from the metrics, if there are any yet."""
    from ssl_lab.plots import curves

    if metrics := run.metrics():
        figure, _ = curves(metrics)
        figure.savefig(run.folder / "curves.png")


def scores(run: Run, protocol: str, root: str | None, download: bool, device: torch.device) -> dict:
    """Accuracy on the whole test split from frozen features of the training images: trained, untrained, raw pixels; kept in evaluation.json."""
    from ssl_lab.evaluate import features, knn_accuracy, linear_probe

    config = read(run)
    source = {**config["data"], "root": root or config["data"]["root"], "download": download}
    known = load(split="train", **source).labelled().to(device)
    unseen = load(split="test", **{**source, "limit": None}).labelled().to(device)
    require(len(known) > 0 and len(unseen) > 0, f"{source['name']} has no labels to measure against")
    method = build(config["method"], known, config["recipe"]["seed"]).to(device)

    def accuracy(represent) -> float:
        h, ht = represent(known), represent(unseen)
        return knn_accuracy(h, known.labels, ht, unseen.labels) if protocol == "knn" else linear_probe(h, known.labels, ht, unseen.labels).accuracy

    pixels = accuracy(lambda images: images.x.flatten(1) / 255)
    untrained = accuracy(lambda images: features(method.encoder, images))
    run.load(method)
    trained = accuracy(lambda images: features(method.encoder, images))
    result = {"trained": trained, "untrained": untrained, "pixels": pixels, "images": len(known), "unseen": len(unseen)}
    path = run.folder / "evaluation.json"
    write_text(path, json.dumps({**(read_json(path.read_text(), path) if path.exists() else {}), protocol: result}, indent=2))
    return result
