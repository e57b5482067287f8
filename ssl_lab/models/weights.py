"""Weights of an encoder from a file: safetensors, or what torch.save wrote of a state dict. Nothing in a file is executed."""

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_lab.errors import InputError, require

PREFIXES = ("", "module.", "encoder.", "backbone.", "encoder.module.", "module.encoder.")  # of an encoder inside a method, or of DataParallel
FIX = "save network.state_dict(), as .safetensors or with torch.save"


def load_weights(encoder: nn.Module, path: str | Path) -> None:
    """Fill an encoder with the weights of a file. Names may begin with "module.", "encoder." or the like; a classifier's weights are ignored.

    Raises: InputError, naming what does not fit, or for a file that cannot be read.
    """
    network, classifier = getattr(encoder, "module", encoder), getattr(encoder, "classifier", "")
    here = network.state_dict()
    there = without_prefix(read(Path(path)), here, path)
    ignored = tuple(f"{name}." for name in (classifier, "AuxLogits", "aux1", "aux2") if name)
    missing = [name for name in here if name not in there and not name.endswith("num_batches_tracked")]
    unknown = [name for name in there if name not in here and not name.startswith(ignored)]
    other = [name for name in here if name in there and there[name].shape != here[name].shape]
    wrong = [f"{len(names)} names {what}, {names[0]} first" for names, what in
             ((missing, "are missing in the file"), (unknown, "are unknown to the network"), (other, "have another shape in the network")) if names]
    require(not wrong, f"{path} does not fit this {type(network).__name__}: {'; '.join(wrong)}; build the network that the weights were made for")
    network.load_state_dict({name: there[name] for name in here if name in there}, strict=False)


def without_prefix(tensors: dict[str, Tensor], here: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """The tensors under the prefix that gives most names of the network, without that prefix."""
    under = {prefix: {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)} for prefix in PREFIXES}
    known = {prefix: len(found.keys() & here.keys()) for prefix, found in under.items()}
    best = [prefix for prefix, count in known.items() if count == max(known.values())]
    require(len(best) == 1, f"{path} holds none of this network's names, or several networks; it has {', '.join(list(tensors)[:3])}, ...")
    return under[best[0]]


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; in a checkpoint, those under "state_dict" or "model"."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require(path.is_file(), f"{path} is no file; weights come from a local .safetensors or .pth file")
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read as tensors alone ({reason}); {FIX}") from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    fine = isinstance(found, dict) and all(isinstance(tensor, Tensor) for tensor in found.values())
    require(fine and len(found) > 0, f"{path} holds no state dict, a dictionary of tensors by name; {FIX}")
    return found
