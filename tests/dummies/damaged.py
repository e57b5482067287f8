"""Run folders as crashes, editors and other programs leave them, and what becomes of them.

    whole run, stopped after its first epoch → damage → resumed or measured → "read", with the result of the whole run, or "refused" in one sentence

`damaged` takes a `random.Random`, so that a case is a seed in a script; hypothesis hands in one of its own, and finds the simplest case.
"""

import contextlib
import io
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from ssl_lab.__main__ import main
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.tensors import read_tensors
from ssl_lab.train import train

METHODS = {
    "SimCLR": [], "MoCo": ["--K", "64", "--split", "1"], "BYOL": [], "DeepCluster": ["--clusters", "6", "--pca", "4"],
    "Supervised": ["--labels", "0.8"],
}  # fmt: skip
WORDS = ["--limit", "40", "--size", "16", "--batch", "16", "--epochs", "2", "--threads", "1"]
TEXTS, TENSORS = ("config.json", "metrics.jsonl"), ("weights.safetensors", "state.safetensors")
VALUES = (
    None, True, False, -1, 0, 1, 2.5, 10**9, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "é" * 1_000, [], [1, [2]], {},
    {"a": {"b": None}}, [[]] * 3, "SimCLR", "0", "folder:nosuch", [16, 16, 16],
)  # fmt: skip


@cache
def runs() -> Path:
    """A whole run of every method, NAME, and the same stopped after its first epoch, NAME-1; made once."""
    top = Path(tempfile.mkdtemp())
    for name, words in METHODS.items():
        assert said(["train", name, *WORDS, *words, "--out", str(top / name)])[0] == 0
        assert said(["evaluate", str(top / name)])[0] == 0
        with stopped_after_an_epoch():
            assert said(["train", name, *WORDS, *words, "--out", str(top / f"{name}-1")])[0] == 130
    list(train(*library(), out=top / "library"))
    list(itertools.islice(train(*library(), out=top / "library-1"), 1))
    return top


def library():
    """A training without the command line."""
    with RandomStream(0, torch.device("cpu")):
        return SimCLR(small_resnet(width=4), dim=8), load("scenes", limit=40, size=16), Recipe(epochs=2, batch=16)


@contextlib.contextmanager
def stopped_after_an_epoch():
    """Ctrl-C when the first Log is said."""
    from ssl_lab import terminal

    def stop(self, event):
        if hasattr(event, "remark"):
            raise KeyboardInterrupt

    before, terminal.Progress.__call__ = terminal.Progress.__call__, stop
    try:
        yield
    finally:
        terminal.Progress.__call__ = before


def said(words: list[str]) -> tuple[int, str]:
    """The exit code of a command, and what it said on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code
    return code, err.getvalue()


def damaged(random: Random, folder: Path) -> tuple[str, str]:
    """Damage a copy of a run and use it: what became of it, and what was done to it. Raises: AssertionError for anything else than it should be."""
    whole = random.choice((*METHODS, "library"))
    use = random.choice((resume, evaluate)) if whole != "library" else resume_in_the_library
    source = runs() / (whole if use is evaluate else f"{whole}-1")
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(source, run)
    done = [f"{use.__name__} {whole}"]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        damage = random.choice(DAMAGES)
        done.append(f"{damage.__name__}: {damage(run, random)}")
    words = "; ".join(done)
    try:
        return use(run, whole), words
    except BaseException as error:
        error.add_note(words)
        raise


def resume(run: Path, whole: str) -> str:
    """Go on by the command line; where that is possible, it ends where the unbroken run ends."""
    return answered(["train", whole, "--out", str(run), "--resume"], lambda: same_weights(run, runs() / whole))


def evaluate(run: Path, whole: str) -> str:
    """Measure; where that is possible, the figures are those of the undamaged run, or it is said that the images are others."""

    def check():
        found, right = (json.loads((folder / "evaluation.json").read_text())["knn"] for folder in (run, runs() / whole))
        assert found == right or not found["same"], found

    return answered(["evaluate", str(run)], check)


def resume_in_the_library(run: Path, whole: str) -> str:
    try:
        list(train(*library(), out=run, resume=True))
    except InputError:
        return "refused"
    same_weights(run, runs() / whole)
    return "read"


def answered(words: list[str], check: Callable[[], None]) -> str:
    code, err = said(words)
    assert "Traceback" not in err, err
    if code == 0:
        check()
        return "read"
    last = err.splitlines()[-1]
    assert code == 2 and last.startswith("ssl-lab: ") and len(last) < 2_000, err
    return "refused"


def same_weights(run: Path, whole: Path) -> None:
    found, right = (read_tensors(folder / "weights.safetensors")[0] for folder in (run, whole))
    assert found.keys() == right.keys() and all((found[name] == right[name]).all() for name in right)


# what happens to a folder


def another_value(run: Path, random: Random) -> str:
    """A value of a text, anywhere in it, becomes another, goes, or gets a neighbour."""
    path = run / random.choice(TEXTS)
    if not small(path):
        return "nothing"
    lines = [path.read_text(errors="replace")] if path.suffix == ".json" else path.read_text(errors="replace").splitlines()
    try:
        parts = [json.loads(line) for line in lines]
    except ValueError:
        return "nothing"
    if not parts:
        return "nothing"
    at, holder, key = "", parts, 0
    for _ in range(random.randint(0, 4)):
        if not (isinstance(holder[key], dict | list) and holder[key]):
            break
        holder = holder[key]
        key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
        at += f"/{key}"
    how, value = random.choice(("put", "put", "put", "delete", "beside", "wrap", "deep")), random.choice(VALUES)
    if how == "delete":
        del holder[key]
    elif how == "wrap":
        holder[key] = [holder[key]]
    elif how == "deep":
        holder[key] = json.loads("[" * 500 + "]" * 500)
    elif how == "beside" and isinstance(holder, dict):
        holder["another"] = value
    else:
        holder[key] = value
    path.write_text("\n".join(json.dumps(part, allow_nan=True) for part in parts))
    return f"{path.name}{at} {how} {str(value)[:40]}"


def other_bytes(run: Path, random: Random) -> str:
    """Cut, flip, fill with zeros, insert, double, or empty a file; now and then only its head."""
    path = run / random.choice((*TEXTS, *TENSORS, "evaluation.json"))
    data = path.read_bytes() if small(path) else b""
    if not data:
        return "nothing"
    end = min(len(data), random.choice((16, 2_000, len(data))))
    at, length = random.randrange(end), random.choice((1, 2, 8, 100, 5_000))
    how = random.choice(("cut", "flip", "zero", "insert", "drop", "double", "empty", "other encoding"))
    new = {
        "cut": b"", "flip": bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :], "zero": bytes(length) + data[at + length :],
        "insert": random.randbytes(length) + data[at:], "drop": data[at + length :], "double": data[at:] + data,
    }  # fmt: skip
    data = data[:at] + new[how] if how in new else b"" if how == "empty" else data.decode("latin-1").encode("utf-16")
    path.write_bytes(data)
    return f"{path.name} {how} at {at}, {length}"


def other_tensors(run: Path, random: Random) -> str:
    """A file of tensors is written by another program: one is missing, more, of another shape or kind, or has other values."""
    path = run / random.choice(TENSORS)
    if not small(path):
        return "nothing"
    try:
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            note = file.metadata() or {}
    except (SafetensorError, OSError):  # damaged before
        return "nothing"
    if not tensors:
        return "nothing"
    name, other = random.choice(list(tensors)), random.choice(list(tensors))
    how = random.choice(("drop", "rename", "values", "shape", "kind", "swap", "part", "note", "no note"))
    if how == "drop":
        del tensors[name]
    elif how == "rename":
        tensors[f"{name}x"] = tensors.pop(name)
    elif how == "values":
        tensors[name] = tensors[name] * 0
    elif how == "shape":
        tensors[name] = tensors[name].flatten()[:1].repeat(3)
    elif how == "kind":
        tensors[name] = tensors[name].double()
    elif how == "swap":
        tensors[name], tensors[other] = tensors[other].clone(), tensors[name].clone()
    elif how == "part":
        tensors = {key: value for key, value in tensors.items() if not key.startswith(name.split("/")[0])}
    elif how == "note" and note:
        note = note | {random.choice(list(note)): random.choice(("", "-1", "7", "x", "1e9"))}
    save_file(tensors, path, None if how == "no note" else note)
    return f"{path.name} {how} {name}"


def another_thing(run: Path, random: Random) -> str:
    """In the place of a file there is nothing, a folder, a pipe, a link to nothing, to itself, or to a device; or another file of the run."""
    name = random.choice((*TEXTS, *TENSORS, "evaluation.json", "curves.png"))
    path = run / name
    how = random.choice(("nothing", "folder", "pipe", "link to nothing", "link to itself", "device", "sparse", "another file", "another run's"))
    if path.is_dir():
        return "nothing"
    path.unlink(missing_ok=True)
    if how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link to nothing":
        path.symlink_to("nosuch")
    elif how == "link to itself":
        path.symlink_to(path.name)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how == "sparse":
        with open(path, "wb") as file:
            file.truncate(2**33)
    elif how == "another file":
        shutil.copy(runs() / "SimCLR-1" / random.choice([other for other in (*TEXTS, *TENSORS) if other != name]), path)
    elif how == "another run's" and name != "evaluation.json":
        shutil.copy(runs() / random.choice((*METHODS, "library-1")) / name.replace("curves.png", "config.json"), path)
    return f"{name} {how}"


def small(path: Path) -> bool:
    """Whether it is a file that a damage before this one has not made huge."""
    return path.is_file() and path.stat().st_size < 2**26


DAMAGES: tuple[Callable[[Path, Random], str], ...] = (another_value, another_value, other_bytes, other_tensors, another_thing)
