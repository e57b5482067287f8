"""All that a notebook says beside the library's own names: notebook(name), use, show, within."""

import dataclasses
import importlib.metadata
import inspect
import os
import platform
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ssl_lab import checks
from ssl_lab.errors import one_of, require
from ssl_lab.recipe import Recipe

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
        parts = [self.name, f"ssl_lab {importlib.metadata.version('ssl-lab')}", f"torch {torch.__version__}", f"Python {platform.python_version()}"]
        return " · ".join([*parts, f"{self.device}, {torch.get_num_threads()} threads", f"seed {self.seed}", f"profile {self.profile}"])


def notebook(name: str, seed: int = 0) -> Notebook:
    """Begin a notebook: set every seed, choose the device, and say in one line what it runs on.

    Raises: InputError for a profile that does not exist.
    """
    one_of(profile(), PROFILES, "SSL_LAB_PROFILE")
    import numpy as np

    for set_seed in (random.seed, np.random.seed, torch.manual_seed):  # students may use any of the three
        set_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return Notebook(name, seed, torch.device(device), profile())


def profile() -> str:
    return os.environ.get("SSL_LAB_PROFILE", PROFILES[0])


def use(fn: Callable) -> Callable:
    """Check a student's function by its name, say how it went, and hand on whichever works: theirs if it passed, else the library's.

    Raises: InputError for a function that no exercise asks for.
    """
    from IPython.display import display

    asked = [name.removeprefix("check_") for name in checks.__all__ if name.startswith("check_")]
    one_of(fn.__name__, asked, "exercise")
    check = getattr(checks, f"check_{fn.__name__}")
    result = check(fn)
    display(result)
    print(f"used from here on: {'your' if result else 'the library’s'} {check.name}")
    return fn if result else check.reference


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
    path = Path(inspect.getsourcefile(inspect.unwrap(thing)))
    return Source(f"# ssl_lab/{path.name}\n{inspect.getsource(thing)}")


def within(value: float, low: float, high: float) -> str:
    """Whether a figure lies where it should, in words that do not depend on its last digits: yes, or no and where it should lie.

    Short trainings of the ci profile are not judged, and this is said.
    """
    if profile() == "ci":
        return "in the expected band: not judged, the training was shortened"
    return f"in the expected band: {'yes' if low <= value <= high else f'no, {value:.3f} is not between {low} and {high}'}"
