"""Files of tensors, in safetensors: nothing in them is executed, and a digest in the head tells whether one is what was written."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_lab.errors import InputError, require
from ssl_lab.files import write_bytes

DIGEST = "digest"  # its name among the notes of a file


def write_tensors(path: Path, tensors: dict[str, Tensor], note: dict[str, str] | None = None) -> None:
    """The file appears whole or not at all. Raises: OSError where there is no room for it."""
    from safetensors.torch import save  # its `save_file` leaves a file of its own behind when the process is killed, which nobody else may read

    tensors, note = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, note or {}
    try:
        write_bytes(path, save(tensors, {**note, DIGEST: digest(tensors, note)}))
    except OSError as error:
        raise OSError(f"{path} cannot be written ({error}); make room, then resume the run") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, and its notes. Raises: InputError for a file that is missing, cut short, or not what was written."""
    with opened(path) as file:
        tensors, note = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    written = note.pop(DIGEST, None)  # other programs, and this one before version 0.4, write none
    whole = written is None or written == digest(tensors, note)
    require(whole, f"{path} has changed since it was written: its digest is another one; take a copy of it that is whole, or train again")
    return tensors, note


def read_shapes(path: Path) -> dict[str, tuple]:
    """The shapes alone, from the head of a file. Raises: InputError for one that is missing or cut short."""
    with opened(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


@contextmanager
def opened(path: Path) -> Iterator:
    """A safetensors file to read from."""
    from safetensors import SafetensorError, safe_open

    require(path.is_file(), f"{path} is not there; a run folder has it after its first epoch")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); it was cut short or is no safetensors file: train again") from error


def digest(tensors: dict[str, Tensor], note: dict[str, str]) -> str:
    """Of names, kinds, shapes and bytes of tensors on the CPU, and of the notes."""
    found = hashlib.sha256(repr(sorted(note.items())).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy())
    return found.hexdigest()[:16]


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
