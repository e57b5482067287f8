"""An explorer is a picture with controls."""

import itertools
import threading
from contextlib import contextmanager
from numbers import Real
from pathlib import Path

import numpy as np
import torch

from ssl_lab.errors import InputError, one_of, require
from ssl_lab.files import folder_to_be, write_text
from ssl_lab.front import Front, frame, page
from ssl_lab.surroundings import usual
from ssl_lab.widgets.controls import Control
from ssl_lab.widgets.picture import Picture

MOST = 3_000_000  # bytes of a saved page


class Explorer(Picture):
    """Subclasses say which controls there are and how to draw; everything else is here.

    controls: name → Control; None where there is nothing to choose.   start: name → value to begin with.
    trouble: why the picture could not follow the controls; empty if it did.
    """

    def __init__(self, controls: dict[str, Control | None], **start):
        self.controls = {name: control for name, control in controls.items() if control}
        self.trouble, self.moving, self.settled, self.serial = "", False, True, ""
        self.panel = Front({name: control.sent() for name, control in self.controls.items()}, self.answer)
        for name, control in self.controls.items():
            control.observe(lambda change, name=name: self.moved(name), "value")
        self.set(**start)

    def draw(self, **values):
        """Return (Figure, summary) for the present value of every control."""
        raise NotImplementedError

    def follow(self, name: str) -> None:
        """Move other controls, where `name` has been moved by a hand or by code; nothing is drawn in between."""

    @property
    def values(self) -> dict:
        """Where every control stands."""
        return {name: control.value for name, control in self.controls.items()}

    def check(self, values: dict) -> None:
        """Refuse what is not offered."""
        for name, value in values.items():
            one_of(name, self.controls, "control")
            self.controls[name].check(value, name)

    def set(self, **values) -> "Explorer":
        """Move controls, and draw once. Raises: InputError for a control or a value that does not exist; then nothing has moved."""
        with ALONE:
            self.check(values)
            self.place(values)
            self.redraw()
        return self

    def place(self, values: dict) -> None:
        """Move controls without drawing."""
        before, self.moving = self.moving, True
        try:
            for name, value in values.items():
                self.controls[name].value = value
            for name in values:
                self.follow(name)
        finally:
            self.moving = before

    def redraw(self) -> None:
        """Draw the present values."""
        with one_thread(), usual():
            self.put(*self.draw(**self.values), settled=self.settled, **self.told())
        self.trouble = ""

    def attempt(self, **values) -> None:
        """Move controls and draw, or say in one sentence why not, and keep the picture that was there."""
        try:
            self.set(**values)
        except Exception as error:  # noqa: BLE001 (nobody would see what is raised in a handler)
            self.say(str(error) if isinstance(error, InputError) else f"This could not be drawn, {type(error).__name__}: {error}")

    def told(self, trouble: str = "") -> dict:
        """What the front end is told beside the picture."""
        idle = [name for name, control in self.controls.items() if control.disabled]
        return {"values": self.values, "disabled": idle, "trouble": trouble, "serial": self.serial}

    def moved(self, name: str) -> None:
        """A control has been moved from outside `set`: draw."""
        with ALONE:
            if not self.moving:
                self.attempt(**{name: self.controls[name].value})

    def answer(self, values: dict, serial: str = "", settled: bool = True) -> None:
        """A hand in a browser has moved something."""
        with ALONE:
            self.settled, self.serial = settled, serial
            try:
                self.attempt(**values)
            finally:
                self.settled, self.serial = True, ""

    def say(self, trouble: str) -> None:
        """Put a sentence above the picture, for eyes and screen readers."""
        self.trouble = trouble
        self.panel.show({**self.panel.frame, "settled": True, **self.told(trouble)})

    def save(self, path, **swept) -> Path:
        """Write one HTML file that needs no kernel and no network: every combination of these values of one or two controls, drawn now.

        swept: name → values, None for all stops of the control; the other controls stay where they are.
        Raises: InputError for no control, more than two, values that are not offered, or a file of more than 3 MB.
        """
        for name, values in swept.items():
            one_of(name, self.controls, "control")
            require(values is None or np.iterable(values), f"{name}={values!r}: give values to sweep, such as [{values!r}], or None for all stops")
            swept[name] = self.controls[name].stops() if values is None else [*values]
            require(len(swept[name]) > 0, f"{name}=[]: there is nothing to draw; give at least one value, or None for all stops")
            for value in swept[name]:
                self.check({name: value})
        fix = f"name one or two of {', '.join(self.controls)}, such as save(path, {next(iter(self.controls))}=None)"
        require(1 <= len(swept) <= 2, f"{len(swept)} controls are to be swept; {fix}")
        frames = {}
        for place in itertools.product(*(range(len(values)) for values in swept.values())):
            values = {**self.values, **{name: swept[name][k] for name, k in zip(swept, place)}}
            with one_thread(), usual():
                drawn = frame(*self.draw(**values))
            frames[",".join(map(str, place))] = {**drawn, "settled": True, "values": values, "disabled": [], "trouble": "", "serial": ""}
        first = ",".join(str(nearest(self.values[name], values)) for name, values in swept.items())
        text = page(type(self).__name__, {name: self.controls[name].sent(values) for name, values in swept.items()}, frames, first)
        size = len(text.encode())
        require(size <= MOST, f"{len(frames)} pictures are {size / 1e6:.1f} MB, and a page has {MOST / 1e6:g} MB at most; give fewer values")
        path = folder_to_be(Path(path).absolute().parent) / Path(path).name
        write_text(path, text)
        return path


def nearest(value, values: list) -> int:
    """The place of a value, or of the one closest to it; of what is no number, the first."""
    if value in values or not isinstance(value, Real):
        return values.index(value) if value in values else 0
    return min(range(len(values)), key=lambda k: abs(values[k] - value))


ALONE = threading.RLock()


@contextmanager
def one_thread():
    """Let torch compute on one thread: small tensors gain nothing from two, which lose a second to each other where the machine is busy."""
    with ALONE:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
