"""An explorer is a picture with controls."""

import html
import threading
from contextlib import contextmanager
from numbers import Integral, Real

import ipywidgets as widgets
import torch

from ssl_lab.errors import InputError, one_of, require
from ssl_lab.surroundings import usual
from ssl_lab.widgets.picture import Picture

SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider)


class Explorer(Picture):
    """Subclasses say which controls there are and how to draw; everything else is here.

    controls: name → ipywidget.   start: name → value to begin with.   trouble: why the picture could not follow the controls; empty if it did.
    """

    def __init__(self, controls: dict[str, widgets.Widget], **start):
        self.controls, self.view, self.moving = controls, widgets.HTML(), False
        self.trouble, self.status = "", widgets.HTML()
        for control in controls.values():
            control.observe(self.moved, "value")
        self.panel = widgets.VBox([widgets.HBox([*map(named, controls.values())], layout={"flex_flow": "row wrap"}), self.status, self.view])
        self.set(**start)

    def draw(self, **values):
        """Return (Figure, summary) for the present value of every control."""
        raise NotImplementedError

    def set(self, **values) -> "Explorer":
        """Move controls, and draw once. Raises: InputError for a control or a value that does not exist; then nothing has moved."""
        for name, value in values.items():
            one_of(name, self.controls, "control")
            require(offered(self.controls[name], value), f"{name}={value!r} is not offered; {name} is {offer(self.controls[name])}")
        self.moving = True
        for name, value in values.items():
            self.controls[name].value = value
        self.moving = False
        self.redraw()
        return self

    def redraw(self) -> None:
        """Draw the present values."""
        with one_thread(), usual():
            self.put(*self.draw(**{name: control.value for name, control in self.controls.items()}))
        self.say("")

    def moved(self, change) -> None:
        """A hand has moved a control: draw, or say in one sentence why not, and keep the picture that was there."""
        if self.moving:
            return
        try:
            self.redraw()
        except Exception as error:  # noqa: BLE001 (nobody would see what is raised in a handler)
            self.say(str(error) if isinstance(error, InputError) else f"This could not be drawn, {type(error).__name__}: {error}")

    def say(self, trouble: str) -> None:
        """Put a sentence above the picture, for eyes and screen readers."""
        self.trouble = trouble
        self.status.value = f'<p role="alert" style="color: #b03a00; font-size: 115%">{html.escape(trouble)}</p>' if trouble else ""


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


def named(control: widgets.Widget) -> widgets.Widget:
    """A slider has no accessible name and no exact value: give it a linked, labelled number box."""
    control.style.description_width = "initial"
    if not isinstance(control, SLIDERS):
        return control
    control.continuous_update, control.readout = False, False
    whole, (low, high) = isinstance(control, widgets.IntSlider), limits(control)
    low, high = (low, high) if whole else (float(f"{low:.6g}"), float(f"{high:.6g}"))  # a power of ten as people write it
    kind = widgets.BoundedIntText if whole else widgets.BoundedFloatText
    box = kind(control.value, description=control.description, min=low, max=high, layout={"width": "13em"}, style={"description_width": "initial"})
    box.step = 1 if whole else None  # any number may be typed
    control.description = ""
    widgets.link((control, "value"), (box, "value"), transform=(int if whole else three_digits, lambda value: value))
    return widgets.HBox([box, control])


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def limits(control: widgets.Widget) -> tuple[float, float]:
    """Least and greatest value of a slider; a logarithmic one holds exponents."""
    if isinstance(control, widgets.FloatLogSlider):
        return control.base**control.min, control.base**control.max
    return control.min, control.max


def choices(control: widgets.Widget) -> list:
    return [option[1] if isinstance(option, tuple) else option for option in control.options]


def offered(control: widgets.Widget, value) -> bool:
    """Whether the control can take this very value; what ipywidgets would clamp or round is not offered."""
    if hasattr(control, "options"):
        return value in choices(control)
    if hasattr(control, "min"):
        low, high = limits(control)
        return isinstance(value, Integral if isinstance(control, widgets.IntSlider) else Real) and low <= value <= high
    return isinstance(value, type(control.value))


def offer(control: widgets.Widget) -> str:
    """What can be chosen, in words."""
    if hasattr(control, "options"):
        return f"one of {', '.join(map(repr, choices(control)))}"
    whole = "a whole number " if isinstance(control, widgets.IntSlider) else ""
    return whole + "from {:g} to {:g}".format(*limits(control)) if hasattr(control, "min") else f"a {type(control.value).__name__}"
