"""All that a notebook says beside the library's own names: notebook(name), use, show, within."""

import dataclasses
import inspect
import os
import platform
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from packaging.version import Version

from ssl_lab import cells, checks, progress
from ssl_lab.errors import one_of, require
from ssl_lab.recipe import Recipe
from ssl_lab.version import VERSION

PROFILES = ("laptop", "ci")  # SSL_LAB_PROFILE: as written (nothing set), or shortened for tests
SHORT = {"images": 1024, "epochs": 2}  # the most that a notebook under test trains on


@dataclass(frozen=True)
class Notebook:
    """One session of a notebook.   device: the fastest there is.   profile: laptop, or ci, which shortens trainings for tests."""

    name: str
    seed: int
    device: torch.device
    profile: str

    def count(self, images: int) -> int:
        """How many images to load: as many as asked for; fewer in the ci profile, so that tests are quick."""
        return min(images, SHORT["images"]) if self.profile == "ci" else images

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe as it is; in the ci profile with fewer epochs."""
        return dataclasses.replace(recipe, epochs=min(recipe.epochs, SHORT["epochs"])) if self.profile == "ci" else recipe

    def __repr__(self) -> str:
        parts = [self.name, f"ssl_lab {installed()}", f"torch {torch.__version__}", f"Python {platform.python_version()}"]
        parts += [f"{self.device}, {torch.get_num_threads()} threads", f"seed {self.seed}", f"profile {self.profile}"]
        done, asked = progress.of(self.name)
        names = f" ({', '.join(done)})" if done else ""
        return " · ".join([*parts, *([f"exercises passed: {len(done)} of {asked}{names}"] if asked else [])])


def notebook(name: str, version: str | None = None, seed: int = 0) -> Notebook:
    """Begin a notebook: set every seed, choose the device, and say in one line what it runs on and which exercises were passed.

    version: of the package that the notebook was written for; what is installed may be newer.
    Raises: InputError for a package that is older, or a profile that does not exist.
    """
    one_of(profile(), PROFILES, "SSL_LAB_PROFILE")
    older = version is not None and release(installed()) < release(version)
    fix = "update with `git pull` and `uv sync`, or `pip install -U ssl-lab`"
    require(not older, f"this notebook was written for ssl_lab {version}, installed is {installed()}: {fix}")
    import numpy as np

    for set_seed in (random.seed, np.random.seed, torch.manual_seed):  # students may use any of the three
        set_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return Notebook(name, seed, torch.device(device), profile())


def profile() -> str:
    return os.environ.get("SSL_LAB_PROFILE", PROFILES[0])


def installed() -> str:
    return VERSION


def release(version: str) -> Version:
    """A version without what marks it as a draft: 0.2.0.dev3 → 0.2.0."""
    return Version(Version(version).base_version)


def use(fn: object) -> Callable:
    """Check a student's function by its name, say how it went, and return the one that works: theirs if it passed, else the library's.

    What passes is remembered, across restarts too (progress.py), and stays remembered if it is changed later. The library's own function is not
    checked and never passes: it stands under the student's name after a first `use` that did not pass.
    Raises: InputError for what is not a function written with `def` under the name of an exercise.
    """
    from IPython.display import display

    name = exercise_of(fn)
    check = getattr(checks, f"check_{name}")
    result = check.skip(f"not checked: {reason}") if (reason := not_theirs(fn, name)) else check(fn)
    display(result)
    if result:
        progress.note(name)
        print(f"used from here on: your {name}{passed_by_now(name)}")
        return fn
    before = f" (yours passed before, and still counts){passed_by_now(name)}" if name in progress.passed() else ""
    print(f"used from here on: the library’s {name}{before}")
    return check.reference


def exercise_of(fn: object) -> str:
    """The exercise that a function answers, which is its name.   Raises: see `use`."""
    known = [name.removeprefix("check_") for name in checks.__all__ if name.startswith("check_")]
    asked = cells.asked() if cells.asked() in known else ""
    fix = f"write your function with `def {asked or 'NAME'}(...)`, run its cell, and give its name to use"
    kind = "a class" if isinstance(fn, type) else "None" if fn is None else f"a value of type {type(fn).__name__}"
    require(callable(fn) and hasattr(fn, "__name__") and not isinstance(fn, type), f"use takes a function; got {kind}: {fix}")
    name = fn.__name__
    require(name != "<lambda>", f"use takes a function with a name of its own; got a lambda: {fix}")
    require(asked in ("", name), f"this cell asks for {asked}, but {asked} is the function {name} here: {fix}")
    require(name in known, f"use knows an exercise by the name of its function; no exercise is called {name}, there are: {', '.join(known)}")
    return name


def not_theirs(fn: Callable, name: str) -> str:
    """Why this cannot be what the student wants to be checked, empty if it can."""
    if cells.broken(name):
        return f"the newest cell with {name} has a syntax error, so Python did not read it; correct it, run it, then run this cell again"
    if str(fn.__module__).split(".")[0] == __package__:
        return f"{name} is the library’s function here; run the cell with your own function, then run this cell again"
    return ""


def passed_by_now(exercise: str) -> str:
    """How many exercises of the same notebook are passed, in words."""
    done, asked = progress.of(progress.notebook_of(exercise))
    return f" · {len(done)} of {asked} exercises of this notebook passed" if asked else ""


class Source(str):
    """Code as text, highlighted where a front end can."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}```"

    def __repr__(self) -> str:
        return str(self)


def show(thing):
    """A library function as the code it is, or a picture of `plots`, (Figure, summary), with its alt text.

    Raises: InputError for anything else.
    """
    if isinstance(thing, tuple):
        from ssl_lab.widgets import Picture

        return Picture(*thing)
    require(callable(thing), f"show takes a function, a class, or a picture from ssl_lab.plots; got {type(thing).__name__}")
    return Source(f"# {inspect.unwrap(thing).__module__.replace('.', '/')}.py\n{inspect.getsource(thing)}")


def within(value: float, low: float, high: float) -> str:
    """Whether a figure is in the expected band, in words that do not depend on its last digits: yes, or no and the band.

    Short trainings of the ci profile are not judged, and this is said.
    """
    if profile() == "ci":
        return "in the expected band: not judged, the training was shortened"
    return f"in the expected band: {'yes' if low <= value <= high else f'no, {value:.3f} is not between {low} and {high}'}"
