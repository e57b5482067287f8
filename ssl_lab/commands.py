"""From the words of a command to a run and back: the plan of a run, its images, its method, and its scores.

    METHOD, NAME, ... → Plan → Images, Method → (train) → run folder → Plan → scores

A method of several views reads a folder's subfolders: x from PATH/rgb, any other column from the subfolder of its name.
These functions add to the run folder (checkpoint.py) the names of images and encoder, in config.json, and the files curves.png and evaluation.json.
"""

import dataclasses
import io
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch

from ssl_lab import methods, options
from ssl_lab.arguments import arguments
from ssl_lab.checkpoint import CONFIG, WEIGHTS, Begun, Run
from ssl_lab.data import Images, load
from ssl_lab.errors import one_of, require
from ssl_lab.files import write_bytes, write_text
from ssl_lab.fingerprint import Fingerprint, fingerprint
from ssl_lab.method import Method, check_labelled
from ssl_lab.parse import FIX, read_dict
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.tensors import fit, read_shapes, under

OWN = "own"  # in the place of an encoder's name: the method makes it
SMALL = 64  # pixels; up to this side a ResNet gets the stem for small images
FRAMES = 10  # of scenes in motion, where a view needs them and nothing else is said
RGB = "rgb"  # the subfolder of the images, in a folder of several views
FIXED = "images, their order and every learning rate were fixed when the run began; keep the value of the run, or begin another run (--out)"


@dataclass(frozen=True)
class Source:
    """The arguments of `load`, and the share of the labels that is kept."""

    ADDED: ClassVar[dict] = {"frames": None, "unit": None}

    name: str
    size: int | None
    limit: int | None
    root: str | None
    white: float | None
    labels: float | None
    frames: int | None
    unit: float | None


@dataclass(frozen=True)
class Words:
    """The part of a plan that a command adds to config.json; the library writes the rest."""

    data: Source
    encoder: str


@dataclass(frozen=True)
class Plan:
    """A training in words.   settings: arguments of the method that have a default.   images: what it learned from, once it has begun."""

    method: str
    encoder: str
    data: Source
    recipe: Recipe
    settings: dict
    images: Fingerprint | None = None

    @property
    def kind(self) -> type[Method]:
        return getattr(methods, self.method)

    @property
    def learns(self) -> bool:
        """Whether it learns from labels that are given."""
        return self.kind.labels in ("given", "both")

    @property
    def columns(self) -> tuple[str, ...]:
        """What its views are made of beside x."""
        from ssl_lab.models.views import view_named

        return tuple(dict.fromkeys(view_named(name).column for name in self.settings.get("views", ()) if view_named(name).column != "x"))

    @property
    def words(self) -> dict:
        """The part of the plan that a command adds to config.json."""
        return asdict(Words(self.data, self.encoder))


def begin(method: str, given: dict) -> Plan:
    """The plan of a new run: the method's recipe and arguments, with the given options in them."""
    kind = getattr(methods, method)
    said = {"name": "scenes", "encoder": OWN if makes_its_own(kind) else "small_resnet", "recipe": "scenes"} | given
    recipe, found = options.settle(kind, said["recipe"], given)
    data = Source(**{field.name: said.get(field.name) for field in dataclasses.fields(Source)})
    plan = Plan(method, said["encoder"], data, recipe, found)
    plan = replace(plan, data=replace(data, frames=frames(plan, data.name)))
    require("labels" not in given or plan.learns, f"--labels {given.get('labels')}: {method} learns without labels; leave this option out")
    return plan


def makes_its_own(kind: type[Method]) -> bool:
    """Whether the method makes an encoder where none is given."""
    return "encoder" not in arguments(kind) or arguments(kind)["encoder"].default is None


def go_on(run: Run, method: str, given: dict) -> Plan:
    """The plan of a run that was interrupted. Raises: InputError if an option would change the run; only the place of its images may differ."""
    plan = read(run)
    began = {"METHOD": plan.method, "encoder": plan.encoder, **vars(plan.data)}
    for word, value in {"METHOD": method, **{name: given[name] for name in began if name in given}}.items():
        flag = word if word == "METHOD" else options.flag(word)
        require(word in ("name", "root") or value == began[word], f"{flag} {value} differs from the run's {began[word]}: {FIXED}")
    options.same(plan, given, FIXED)
    moved = {name: given[name] for name in ("name", "root") if name in given}
    return replace(plan, data=replace(plan.data, **moved))


def read(run: Run) -> Plan:
    """The plan of a run that `ssl-lab train` made. Raises: InputError if this is none."""
    path = run.folder / CONFIG
    require(path.is_file(), f"{run.folder} is no run folder, it has no {CONFIG}; `ssl-lab train METHOD --out {run.folder}` makes one")
    mine = {"data", "encoder"} <= run.config().keys()
    require(mine, f"{path} does not say which data and encoder it has: `ssl-lab train` did not write it, and this command needs a run that it made")
    begun, words = run.part(Begun), run.part(Words)
    one_of(begun.method, methods.__all__, f"{path}: method")
    found = options.revived(getattr(methods, begun.method), begun.settings, f"{path}: settings")
    plan, images = Plan(begun.method, words.encoder, words.data, begun.recipe, found, begun.images), begun.images
    require(plan.data.labels is None or plan.learns, f"{path} says labels = {plan.data.labels}, and {plan.method} learns without; {FIX}")
    for name, said, was in (("limit", plan.data.limit, images.count), *(("size", plan.data.size, side) for side in images.shape[-2:])):
        fits = said is None or said == was or (name == "limit" and said > was and plan.kind.labels == "given")
        require(fits, f"{path} says {name} = {said} and {images}, which contradict each other; {FIX}")
    return plan


def frames(plan: Plan, name: str) -> int | None:
    """How many frames scenes of this plan move: as was said; where nothing was said and a view needs motion, 10. Other sets do not move."""
    moves = name == "scenes" and not {"later", "flow"}.isdisjoint(plan.columns)
    return plan.data.frames if plan.data.frames is not None or not moves else FRAMES


def images(plan: Plan, split: str = "train", **changes) -> Images:
    """The images of a plan; images to train on keep only its share of labels.   changes: other arguments of `load`."""
    told = {name: value for name, value in {**vars(plan.data), **changes}.items() if name != "labels"}
    if plan.columns and told["name"].startswith("folder:"):
        told["views"] = (RGB, *plan.columns)
    share = plan.data.labels if split == "train" else None
    found = load(split=split, **told)
    if split == "train":
        check_labelled(plan.learns, found, plan.method, f"these images of {told['name']}")
    return found.label_fraction(share, plan.recipe.seed) if share else found


def build(plan: Plan, data: Images, device: str = "cpu") -> Method:
    """The method of a plan with fresh weights; the same seed gives the same ones.   device: "meta" builds it without computing anything."""
    from ssl_lab.models import encoder
    from ssl_lab.models.backbones import OURS

    check_labelled(plan.learns, data, plan.method)
    side = min(plan.images.shape[-2:]) if plan.images else data.size
    stem = "cifar" if side <= SMALL and "resne" in plan.encoder and plan.encoder not in OURS else None
    parts = {
        "encoder": lambda: encoder(plan.encoder, stem=stem),
        "classes": lambda: plan.settings.get("classes", len(data.classes)),
        "frames": lambda: plan.settings.get("frames", FRAMES if plan.data.frames is None else plan.data.frames),
    }
    wanted = [name for name in parts if name in arguments(plan.kind) and (name != "encoder" or plan.encoder != OWN)]
    with RandomStream(plan.recipe.seed, torch.device("cpu")), torch.device(device):
        return plan.kind(**plan.settings | {name: parts[name]() for name in wanted})


def build_again(plan: Plan, data: Images, path: Path, prefix: str = "") -> Method:
    """The same, after a check that a file of the run holds such a method. So no time is spent on one that does not fit.

    prefix: of the method's names in the file.   Raises: InputError, naming the tensor.
    """
    fit(build(plan, data, "meta"), under(prefix, read_shapes(path)), path)
    return build(plan, data)


def pick(device: str | None) -> torch.device:
    """The given device, or the fastest one of this machine. Raises: InputError if the machine does not have it."""
    has = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [kind if number == 0 else f"{kind}:{number}" for kind, count in has.items() for number in range(count)]
    one_of(device or there[0], there, "device")
    return torch.device(device or there[0])


def draw_curves(run: Run) -> None:
    """Draw curves.png from the metrics, if there are any yet."""
    from ssl_lab.plots import curves

    if metrics := run.metrics():
        figure, _ = curves(metrics)
        picture = io.BytesIO()
        figure.savefig(picture)
        write_bytes(run.folder / "curves.png", picture.getvalue())


def elsewhere(plan: Plan, name: str, size: int | None) -> dict:
    """Arguments of `load` for the images of another name: only scenes move, and only folders have a unit."""
    return {"size": size, "frames": frames(plan, name) if name == "scenes" else None, "unit": plan.data.unit if name.startswith("folder:") else None}


def measured(method: Method) -> tuple[str | None, torch.nn.Module]:
    """What is kept of a method; where none of its views is made of x, the first view's name and its encoder."""
    encoders = getattr(method, "encoders", {})
    blind = len(encoders) > 0 and all(encoder.column != "x" for encoder in encoders.values())
    return next(iter(encoders.items())) if blind else (None, method.encoder)


def scores(run: Run, protocol: str, device: torch.device, **changes) -> dict:
    """Accuracy on the whole test split, of trained features, of untrained features and of raw pixels. evaluation.json keeps it.

    changes: other arguments of `load`, for images in another place, or other images.   same: whether the run learned from these images.
    view: whose encoder was measured, on its own column, where none sees x; else None.
    """
    from ssl_lab.evaluate import features, knn_accuracy, linear_probe

    path = run.folder / "evaluation.json"
    before = read_dict(path) if path.exists() else {}
    plan = read(run)
    H, W = plan.images.shape[-2:]
    changes = elsewhere(plan, changes["name"], plan.data.size or (H if H == W else None)) | changes if "name" in changes else changes
    found = images(plan, **changes)
    name = changes.get("name", plan.data.name)
    known, unseen = found.labelled().to(device), images(plan, "test", **changes | {"limit": None}).labelled().to(device)
    require(len(known) > 0 and len(unseen) > 0, f"{name} has no labels, and an accuracy needs them")
    method = build_again(plan, known, run.folder / WEIGHTS).to(device)
    whole = {*method.columns} <= {*found.columns(), "targets"}
    same = whole and fingerprint(method.lesson(found), method.columns) == plan.images
    view, encoder = measured(method)

    def accuracy(represent) -> float:
        h, ht = represent(known), represent(unseen)
        return knn_accuracy(h, known.labels, ht, unseen.labels) if protocol == "knn" else linear_probe(h, known.labels, ht, unseen.labels).accuracy

    pixels = accuracy(lambda images: images.columns()[encoder.column].flatten(1).float() if view else images.x.flatten(1) / 255)
    untrained = accuracy(lambda images: features(encoder, images))
    run.load(method)
    trained = accuracy(lambda images: features(encoder, images))
    result = {"trained": trained, "untrained": untrained, "pixels": pixels, "images": len(known), "unseen": len(unseen)}
    result |= {"of": name, "same": same, "view": view}
    write_text(path, json.dumps({**before, protocol: result}, indent=2))
    return result
