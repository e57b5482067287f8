"""From words to a run and back: what `ssl-lab train` asks of a method, the configuration that its folder keeps, and what was learned.

    METHOD, NAME, ... → config → Images, Method → (train) → run folder → scores

A run folder holds config.json (this file and `train` write it), metrics.jsonl, weights.safetensors, state.safetensors (all `train`'s),
curves.png and evaluation.json.
"""

import dataclasses
import inspect
import json
import sys
from pathlib import Path

import torch

from ssl_lab import methods
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError, one_of, require
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


def go_on(run: Path, method: str, options: dict) -> dict:
    """The configuration of a run that was interrupted. Raises: InputError if the options would change it (only `root` may)."""
    config = read(run)
    began = {"method": config["method"], **config["data"], **config["recipe"]}
    why = "the images, their order and every step's learning rate were fixed when it began; leave it out, or begin another --out"
    for name, value in {"method": method, **options}.items():
        require(name == "root" or value in (None, began[name]), f"{name} {value} differs from the run's {began[name]}: {why}")
    return {**config, "data": {**config["data"], "root": options["root"] or config["data"]["root"]}}


def note(run: Path, config: dict) -> None:
    """Write down what a training cannot know of itself, before it begins: where its images come from."""
    require(not (run / "metrics.jsonl").exists(), f"{run} holds a run already: --resume goes on with it, another --out begins a new one")
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.json").write_text(json.dumps(config, indent=2))


def read(run: Path) -> dict:
    """The configuration of a run that `ssl-lab train` made. Raises: InputError if this is none."""
    path = run / "config.json"
    require(path.is_file(), f"{run} is no run folder, it has no config.json; `ssl-lab train METHOD --out {run}` makes one")
    config = parse(path)
    needs = {"method": None, "data": set(DATA), "recipe": {field.name for field in dataclasses.fields(Recipe)}}
    for name, keys in needs.items():
        same = name in config and (keys is None or set(config[name]) == keys)
        require(same, f"{path} has no {name} as this version writes it; only a run of this version's `ssl-lab train` can be used here")
    one_of(config["method"], methods.__all__, f"{path}: method")
    return config


def parse(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not readable as JSON ({error}); was it cut off?") from None


def build(method: str, data: Images, seed: int) -> Method:
    """A method with fresh weights; the same seed gives the same ones."""
    from ssl_lab.models import small_resnet

    kind = getattr(methods, method)
    torch.manual_seed(seed)
    parts = {"encoder": small_resnet, "classes": lambda: len(data.classes)}
    return kind(**{name: make() for name, make in parts.items() if name in inspect.signature(kind).parameters})


def lesson(method: Method, data: Images) -> Images:
    """The images as the method may see them: with labels if its views take any, else without."""
    if len(inspect.signature(method.views).parameters) < 2:
        return data.unlabelled()
    require((data.labels >= 0).any(), f"{type(method).__name__} learns from labels, and these images have none")
    return data.labelled()


def pick(device: str | None) -> torch.device:
    """The device asked for, else the fastest there is. Raises: InputError if it is not there."""
    has = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [kind if number == 0 else f"{kind}:{number}" for kind, count in has.items() for number in range(count)]
    one_of(device or there[0], there, "device")
    return torch.device(device or there[0])


def draw_curves(run: Path) -> None:
    """Draw curves.png from metrics.jsonl."""
    from ssl_lab.plots import curves

    figure, _ = curves([json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()])
    figure.savefig(run / "curves.png")


def scores(run: Path, protocol: str, root: str | None, download: bool, device: torch.device) -> dict:
    """Accuracy on the whole test split from frozen features of the training images: trained, untrained, raw pixels; kept in evaluation.json."""
    from ssl_lab.evaluate import features, knn_accuracy, linear_probe
    from ssl_lab.train import load_weights

    config = read(run)
    source = {**config["data"], "root": root or config["data"]["root"], "download": download}
    known, unseen = load(split="train", **source).labelled().to(device), load(split="test", **{**source, "limit": None}).labelled().to(device)
    require(len(known) > 0 and len(unseen) > 0, f"{source['name']} has no labels to measure against")
    method = build(config["method"], known, config["recipe"]["seed"]).to(device)

    def accuracy(h, ht) -> float:
        return knn_accuracy(h, known.labels, ht, unseen.labels) if protocol == "knn" else linear_probe(h, known.labels, ht, unseen.labels).accuracy

    pixels = accuracy(*(images.x.flatten(1) / 255 for images in (known, unseen)))
    untrained = accuracy(*(features(method.encoder, images) for images in (known, unseen)))
    load_weights(method, run)
    trained = accuracy(*(features(method.encoder, images) for images in (known, unseen)))
    path = run / "evaluation.json"
    result = {"trained": trained, "untrained": untrained, "pixels": pixels, "images": len(known), "unseen": len(unseen)}
    path.write_text(json.dumps({**(parse(path) if path.exists() else {}), protocol: result}, indent=2))
    return result
