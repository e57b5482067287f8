"""From words to a run and back: what `ssl-lab train` asks of a method, the configuration that its folder keeps, and what was learned.

    METHOD, NAME, ... → config → Images, Method → (train) → run folder → scores

To the run folder (checkpoint.py) these functions add what its images are, in config.json, and curves.png and evaluation.json.
"""

import dataclasses
import json

import torch

from ssl_lab import methods, options
from ssl_lab.arguments import arguments
from ssl_lab.checkpoint import CONFIG, Run, read_json, settings
from ssl_lab.data import Images, load
from ssl_lab.errors import one_of, require
from ssl_lab.files import write_text
from ssl_lab.method import Method
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream

DATA = ("name", "size", "limit", "root", "white", "labels")  # what a configuration says of its images
SMALL = 64  # pixels, up to which a ResNet gets the stem for small images
FIXED = "images, their order and every step's learning rate were fixed when it began; leave it out, or begin another --out"


def begin(method: str, given: dict) -> dict:
    """The configuration of a new run: the method's recipe and arguments with what was said in them."""
    kind, said = getattr(methods, method), {"name": "scenes", "encoder": "small_resnet", "recipe": "scenes"} | given
    recipe, found = options.settle(kind, said["recipe"], given)
    learns = kind.labels in ("given", "both")
    require("labels" not in given or learns, f"--labels {given.get('labels')}: {method} learns without labels; leave it out")
    data = {name: said.get(name) for name in DATA}
    return {"method": method, "encoder": said["encoder"], "data": data, "recipe": dataclasses.asdict(recipe), "settings": settings(found)}


def go_on(run: Run, method: str, given: dict) -> dict:
    """The configuration of a run that was interrupted. Raises: InputError if an option would change it (only `root` may)."""
    config = read(run)
    began = {"METHOD": config["method"], "--encoder": config["encoder"], **{f"--{name}": value for name, value in config["data"].items()}}
    said = {"METHOD": method, **{f"--{name}": given[name] for name in (*DATA, "encoder") if name in given}}
    for word, value in said.items():
        differs = f"{word.replace('--name', '--data')} {value} differs from the run's {began[word]}"
        require(word == "--root" or value == began[word], f"{differs}: {FIXED}")
    options.same(getattr(methods, method), config, given, FIXED)
    return {**config, "data": {**config["data"], "root": given.get("root", config["data"]["root"])}}


def read(run: Run) -> dict:
    """The configuration of a run that `ssl-lab train` made. Raises: InputError if this is none."""
    path = run.folder / CONFIG
    require(path.is_file(), f"{run.folder} is no run folder, it has no {CONFIG}; `ssl-lab train METHOD --out {run.folder}` makes one")
    config = run.config()
    needs = {"method": None, "settings": None, "encoder": None, "data": set(DATA), "recipe": {field.name for field in dataclasses.fields(Recipe)}}
    for name, keys in needs.items():
        same = name in config and (keys is None or set(config[name]) == keys)
        require(same, f"{path} has no {name} as this version's `ssl-lab train` writes it; only its runs can be used here")
    one_of(config["method"], methods.__all__, f"{path}: method")
    return config


def images(config: dict, split: str = "train", **changes) -> Images:
    """The images of a configuration; of those to train on, the share of labels that it keeps."""
    source = {name: value for name, value in {**config["data"], **changes}.items() if name != "labels"}
    share = config["data"]["labels"] if split == "train" else None
    found = load(split=split, **source)
    return found.label_fraction(share, config["recipe"]["seed"]) if share else found


def build(config: dict, data: Images) -> Method:
    """The method of a configuration with fresh weights; the same seed gives the same ones."""
    from ssl_lab.models import encoder

    kind = getattr(methods, config["method"])
    name = config["encoder"]
    stem = "cifar" if data.size <= SMALL and "resne" in name and name != "small_resnet" else None
    parts = {"encoder": lambda: encoder(name, stem=stem), "classes": lambda: len(data.classes)}
    given = options.revived(kind, config["settings"])
    with RandomStream(config["recipe"]["seed"], torch.device("cpu")):
        return kind(**given | {name: make() for name, make in parts.items() if name in arguments(kind)})


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
    where = {"root": root or config["data"]["root"], "download": download}
    known = images(config, **where).labelled().to(device)
    unseen = images(config, "test", **where, limit=None).labelled().to(device)
    require(len(known) > 0 and len(unseen) > 0, f"{config['data']['name']} has no labels to measure against")
    method = build(config, known).to(device)

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
