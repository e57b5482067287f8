"""A run folder: config.json (what), metrics.jsonl (how it went), weights.safetensors and state.safetensors (where it stands). No pickles."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_lab.errors import InputError, require
from ssl_lab.files import beside, folder_to_be, settle, write_text
from ssl_lab.fingerprint import fingerprint
from ssl_lab.lock import Lock
from ssl_lab.recipe import Log
from ssl_lab.version import VERSION

CONFIG, METRICS, WEIGHTS, STATE = "config.json", "metrics.jsonl", "weights.safetensors", "state.safetensors"


@dataclass(frozen=True)
class Run:
    """A training that can be stopped at any moment and goes on from its last whole epoch, to the bit.

    lock: of the training that writes there; None for who only reads.
    """

    folder: Path
    lock: Lock | None = None

    @classmethod
    def open(cls, folder: str | Path, training, resume: bool) -> "Run":
        """Make the folder of a `train.Training` and write its config; on resuming, what else is written there stays.

        Raises: InputError for a folder that holds a run already (without resume), or a run of another method, recipe, settings, shapes, trained
        parameters or images (with it), files that are no run's, or a folder into which another process writes.
        """
        require(folder != "", "a run needs a folder, and its name is empty; give one, such as runs/mine")
        path, method = folder_to_be(Path(folder).expanduser()), training.method
        run = cls(path)
        mine = {"method": type(method).__name__, "recipe": asdict(training.recipe), "settings": settings(method.settings)}
        mine["images"] = fingerprint(training.lesson, method.columns)
        mine["trained"] = [name for name, p in method.named_parameters() if p.requires_grad]
        config, held = run.config(), [name for name in (CONFIG, METRICS, WEIGHTS, STATE) if (run.folder / name).exists()]
        require(resume or not held, f"{folder} holds a run already ({', '.join(held)}); resume it (resume=True, --resume) or choose another folder")
        for key in mine if held else ():
            if config.get(key) != mine[key]:
                raise InputError(differs(folder, key, config.get(key), mine[key]))
        if (run.folder / STATE).exists():
            fit(method, under("method/", read_shapes(run.folder / STATE)), run.folder / STATE)
        run = cls(path, Lock(path))  # only now: a training that is refused takes the folder from nobody
        versions = {"ssl-lab": VERSION, "torch": torch.__version__}
        write_text(run.folder / CONFIG, json.dumps({**config, **mine, "versions": versions}, indent=2))
        return run

    def config(self) -> dict:
        """What config.json says; empty where there is none."""
        path = self.folder / CONFIG
        return read_json(path.read_text(), path) if path.exists() else {}

    def metrics(self) -> list[dict]:
        """One dictionary an epoch."""
        path = self.folder / METRICS
        return [read_json(line, path) for line in path.read_text().splitlines()] if path.exists() else []

    def load(self, module: nn.Module) -> None:
        """Put the weights into a module of the same architecture. Raises: InputError where they do not fit or cannot be read."""
        fill(module, read_tensors(self.folder / WEIGHTS)[0], self.folder / WEIGHTS)

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
        write_text(self.folder / METRICS, "".join(json.dumps(row) + "\n" for row in [*self.metrics()[: log.epoch - 1], log.as_dict()]))
        self.add(threads=training.threads)
        write_tensors(self.folder / WEIGHTS, parts["method"])
        write_tensors(self.folder / STATE, state, {"epoch": str(log.epoch), "step": str(log.step)})

    def add(self, **facts) -> None:
        """Write more into config.json."""
        write_text(self.folder / CONFIG, json.dumps({**self.config(), **facts}, indent=2))

    def restore(self, training) -> None:
        """Put a saved state, if there is one, back into a `train.Training` of the same method. Raises: InputError where it does not fit."""
        if not (self.folder / STATE).exists():
            return
        tensors, note = read_tensors(self.folder / STATE)
        method, optimizer, stream = training.method, training.optimizer, training.stream
        fill(method, under("method/", tensors), self.folder / STATE)
        begun, here = (" and ".join(sorted(state)) for state in (under("random/", tensors), stream.state))
        require(begun == here, f"{self.folder} was begun with random numbers of {begun}, and here are those of {here}; resume it on its own device")
        method.kept, stream.state = {name: x.to(training.device) for name, x in under("kept/", tensors).items()}, under("random/", tensors)
        state = optimizer.state_dict()
        for name, tensor in under("optimizer/", tensors).items():
            i, key = name.split("/")
            state["state"].setdefault(int(i), {})[key] = tensor
        optimizer.load_state_dict(state)
        training.scaler.load_state_dict({name: x.item() for name, x in under("scaler/", tensors).items()})
        training.epoch, training.number = int(note["epoch"]), int(note["step"])
        training.threads = training.threads or self.config().get("threads")


def differs(folder: str | Path, key: str, begun, here) -> str:
    """The sentence for a run that was begun with something else."""
    fix = "resume it with its own, or choose another folder"
    if begun is None:
        return f"{folder} does not say with which {key} it was begun; choose another folder"
    if key == "images":
        there, these = (f"{one['count']:,} images of {' x '.join(map(str, one['shape']))} (digest {one['digest']})" for one in (begun, here))
        return f"{folder} was begun on {there}, and these are {these}; {fix}"
    if key == "trained":
        name = next(iter(set(begun) ^ set(here)))
        return f"{folder} was begun with {name} {'trained' if name in begun else 'frozen'}, and now it is not; {fix}"
    return f"{folder} was begun with {key} = {begun}, not {here}; {fix}"


def settings(given: dict) -> dict:
    """The constructor's arguments as JSON gives them back."""
    return json.loads(json.dumps(given, default=lambda value: asdict(value) if is_dataclass(value) else type(value).__name__))


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the tensors of a file into a module of the same architecture. Raises: InputError as `fit` does."""
    fit(module, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, path)
    module.load_state_dict(tensors)


def fit(module: nn.Module, there: dict[str, tuple], path: Path) -> None:
    """Raise InputError, naming the first tensor of a file that has another shape in the module, or is missing in one of them. there: its shapes."""
    here = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name in {**here, **there}:
        a, b = there.get(name, "missing"), here.get(name, "missing")
        fix = "build it with the arguments that the run began with"
        require(a == b, f"{path} does not fit this {type(module).__name__}: {name} is {a} there and {b} here; {fix}")


def under(prefix: str, tensors: dict) -> dict:
    """The tensors, or their shapes, whose names begin so, without the beginning."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def read_json(text: str, path: Path):
    """Raises: InputError, naming the file, for what is no JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is damaged ({error}); only `train` writes the files of a run folder") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, and its notes. Raises: InputError for a file that is missing or cut short."""
    with opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_shapes(path: Path) -> dict[str, tuple]:
    """Their shapes alone, from its head. Raises: InputError as above."""
    with opened(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


@contextmanager
def opened(path: Path) -> Iterator:
    """A safetensors file to read from."""
    from safetensors import SafetensorError, safe_open

    require(path.exists(), f"{path} is not there; a run folder has it after its first epoch")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read ({error}); it was cut short or is no safetensors file: train again") from error


def write_tensors(path: Path, tensors: dict[str, Tensor], note: dict[str, str] | None = None) -> None:
    """Write beside, then rename: a reader never sees half a file. Raises: OSError where there is no room for it."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    partial = beside(path)
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, partial, note)
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written ({error}); make room, then resume the run") from error
    settle(partial, path)
