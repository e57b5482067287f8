"""A run folder: config.json (what), metrics.jsonl (how it went), weights.safetensors and state.safetensors (where it stands). No pickles."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path

import torch
from torch import nn

from ssl_lab.errors import InputError, require
from ssl_lab.files import folder_to_be, write_text
from ssl_lab.fingerprint import Fingerprint, fingerprint
from ssl_lab.lock import Lock
from ssl_lab.parse import parsed, read_dict, read_json, read_text
from ssl_lab.recipe import Log, Recipe
from ssl_lab.tensors import fill, fit, read_shapes, read_tensors, under, write_tensors
from ssl_lab.threads import asked
from ssl_lab.version import VERSION

CONFIG, METRICS, WEIGHTS, STATE = "config.json", "metrics.jsonl", "weights.safetensors", "state.safetensors"


@dataclass(frozen=True)
class Begun:
    """What a run was begun with, as config.json says it. It is resumed only with the same.   trained: names of the parameters that learn."""

    method: str
    recipe: Recipe
    settings: dict[str, object]
    images: Fingerprint
    trained: tuple[str, ...]

    @classmethod
    def by(cls, training) -> "Begun":
        """What a `train.Training` is."""
        method = training.method
        learning = tuple(name for name, p in method.named_parameters() if p.requires_grad)
        images = fingerprint(training.lesson, method.columns)
        return cls(type(method).__name__, training.recipe, settings(method.settings), images, learning)

    @property
    def digest(self) -> str:
        """Of this config; every file of tensors carries it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def check(self, now: "Begun", folder: str | Path) -> None:
        """Raise InputError for a training that is another one, naming the first difference."""
        for name in (field.name for field in fields(self)):
            there, here = getattr(self, name), getattr(now, name)
            if there == here:
                continue
            what = f"with {difference({name: there}, {name: here})}"
            if name == "images":
                what = f"on {there}, and these are {here}"
            if name == "trained":
                one = next(iter({*there} ^ {*here}))
                what = f"with {one} {'trained' if one in there else 'frozen'}, and now it is not"
            raise InputError(f"{folder} was begun {what}; resume it with its own, or choose another folder")


def difference(there: object, here: object) -> str:
    """What differs between two values, dataclasses or dictionaries within dictionaries, by name.

    >>> difference({"m": 0.9, "views": {"hue": 0.5, "blur": 0}, "dim": None}, {"m": 0.9, "views": {"hue": 0.1, "blur": 0}, "K": 64})
    'views.hue = 0.5, not 0.1; dim = None, which is missing now; no K, which is 64 now'
    """
    old, new = flat(there), flat(here)
    other = [f"{name} = {old[name]}, not {new[name]}" for name in old if name in new and old[name] != new[name]]
    gone = [f"{name} = {old[name]}, which is missing now" for name in old if name not in new]
    return "; ".join(other + gone + [f"no {name}, which is {new[name]} now" for name in new if name not in old])


def flat(value: object, name: str = "") -> dict[str, object]:
    """Every value of a dataclass, or of dictionaries within dictionaries, under its names joined by dots."""
    value = asdict(value) if is_dataclass(value) else value
    if not isinstance(value, dict):
        return {name: value}
    return {path: inner for key, held in value.items() for path, inner in flat(held, f"{name}.{key}".lstrip(".")).items()}


@dataclass(frozen=True)
class Run:
    """A training that can be stopped at any moment and resumed from its last whole epoch, to the bit.

    lock, begun: of the training that writes there; None where the folder is only read.
    """

    folder: Path
    lock: Lock | None = None
    begun: Begun | None = None

    @classmethod
    def open(cls, folder: str | Path, training, resume: bool, words: dict[str, object] | None = None) -> "Run":
        """Make the folder of a `train.Training` and write its config; on resuming, what else is written there stays.   words: more to write.

        Raises: InputError for a folder that holds a run already (without resume), or a run of another method, recipe, settings, shapes, trained
        parameters or images (with it), files that are no run's, or a folder into which another process writes.
        """
        require(folder != "", "a run needs a folder, and its name is empty; give one, such as runs/mine")
        path, method = folder_to_be(Path(folder).expanduser()), training.method
        run = cls(path)
        held = [name for name in (CONFIG, METRICS, WEIGHTS, STATE) if (path / name).exists()]
        require(resume or not held, f"{folder} holds a run already ({', '.join(held)}); resume it (resume=True, --resume) or choose another folder")
        for name in held:
            fix = f"and the run's {name} belongs there; remove it, or choose another folder"
            require((path / name).is_file(), f"{path / name} is no regular file, {fix}")
        now = Begun.by(training)
        if held:
            run.part(Begun).check(now, folder)
            run.metrics()  # damage is reported before any time is spent
        if (path / STATE).exists():
            fit(method, under("method/", read_shapes(path / STATE)), path / STATE)
        run = cls(path, Lock(path), now)  # only now: a training that is refused locks nothing
        run.add(**words or {}, **asdict(now), versions={"ssl-lab": VERSION, "torch": torch.__version__})
        return run

    def config(self) -> dict[str, object]:
        """What config.json says; empty where there is none."""
        path = self.folder / CONFIG
        return read_dict(path) if path.exists() else {}

    def part(self, kind):
        """What config.json says, as a dataclass of some of its names. Raises: InputError where one is missing, or is something else."""
        said, path = self.config(), self.folder / CONFIG
        return parsed(kind, {field.name: said[field.name] for field in fields(kind) if field.name in said}, path)

    def metrics(self) -> list[dict]:
        """One dictionary an epoch."""
        path = self.folder / METRICS
        lines = read_text(path).splitlines() if path.exists() else []
        return [measured(read_json(line, path), path) for line in lines]

    def load(self, module: nn.Module) -> None:
        """Put the weights into a module of the same architecture. Raises: InputError where they do not fit or cannot be read."""
        path = self.folder / WEIGHTS
        fit(module, read_shapes(path), path)  # before anything is read
        tensors, note = read_tensors(path)
        if self.config():
            self.check(note, self.part(Begun), path)
        fill(module, tensors, path)

    def check(self, note: dict[str, str], begun: Begun, path: Path) -> None:
        """Raise InputError for a file of tensors that was written under another config."""
        fix = "put back the config.json that it began with, or take other weights"
        require(note.get("begun") == begun.digest, f"{path} was not written under what {self.folder / CONFIG} says; {fix}")

    def save(self, training, log: Log) -> None:
        """Write everything that the next epoch of a `train.Training` needs; each file appears whole or not at all, the state last."""
        taken = "another training of this process writes there by now; begin that one alone, or this one in another folder"
        require(self.lock is None or self.lock.held, f"epoch {log.epoch} is not saved in {self.folder}: {taken}")
        method, optimizer = training.method, training.optimizer
        parts = {
            "method": method.state_dict(),
            "kept": method.kept,
            "optimizer": {f"{i}/{name}": value for i, state in optimizer.state_dict()["state"].items() for name, value in state.items()},
            "scaler": {name: torch.tensor(value) for name, value in training.scaler.state_dict().items()},
            "random": training.stream.state,
        }
        state = {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
        before = [row for row in self.metrics() if row["epoch"] < log.epoch]  # an epoch that is run again replaces its line
        write_text(self.folder / METRICS, "".join(json.dumps(row) + "\n" for row in [*before, log.as_dict()]))
        self.add(threads=training.threads)
        note = {"epoch": str(log.epoch), "step": str(log.step), "begun": self.begun.digest}
        write_tensors(self.folder / WEIGHTS, parts["method"], note)
        write_tensors(self.folder / STATE, state, note)

    def add(self, **facts) -> None:
        """Write more into config.json."""
        write_text(self.folder / CONFIG, json.dumps({**self.config(), **facts}, indent=2))

    def restore(self, training) -> None:
        """Put a saved state, if there is one, back into a `train.Training` of the same method. Raises: InputError where it does not fit."""
        path = self.folder / STATE
        if not path.exists():
            return
        tensors, note = read_tensors(path)
        self.check(note, self.begun, path)
        method, optimizer, stream = training.method, training.optimizer, training.stream
        begun, here = (" and ".join(sorted(state)) for state in (under("random/", tensors), stream.state))
        require(begun == here, f"{self.folder} was begun with random numbers of {begun}, and here are those of {here}; resume it on its own device")
        threads = asked(parsed(int | None, self.config().get("threads"), f"{self.folder / CONFIG}: threads"))
        fill(method, under("method/", tensors), path)
        method.kept, stream.state = {name: x.to(training.device) for name, x in under("kept/", tensors).items()}, under("random/", tensors)
        state = optimizer.state_dict()
        for name, tensor in under("optimizer/", tensors).items():
            i, key = name.split("/")
            state["state"].setdefault(int(i), {})[key] = tensor
        optimizer.load_state_dict(state)
        training.scaler.load_state_dict({name: x.item() for name, x in under("scaler/", tensors).items()})
        training.epoch, training.number = int(note["epoch"]), int(note["step"])
        training.threads = training.threads or threads


def measured(row, path: Path) -> dict:
    """A line of metrics.jsonl: numbers by name, but for the remark. Raises: InputError for anything else."""
    row = parsed(dict[str, object], row, path)
    numbers = parsed(dict[str, float], {name: value for name, value in row.items() if name != "remark"}, path)
    return row | {"epoch": parsed(int, numbers.get("epoch"), f"{path}: epoch")}


def settings(given: dict) -> dict:
    """The constructor's arguments as JSON gives them back."""
    return json.loads(json.dumps(given, default=lambda value: asdict(value) if is_dataclass(value) else type(value).__name__))
