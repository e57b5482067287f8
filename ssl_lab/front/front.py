"""The widget between a picture and the browser: it shows the frame that it is given, and tells what a hand has moved."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class Front(anywidget.AnyWidget):
    """controls: what can be moved, as `Control.sent` says it.   frame: all that is seen, as `frames.frame` says it, and where the controls stand.

    moved: is called with what a browser sends: values (name → value), serial (a word that the frame in answer carries) and settled (False while
    a hand is still moving). There is one request on its way at a time, and the latest wish wins; nothing is queued.
    told: the frame in JSON; as a dictionary ipywidgets would look for buffers in every list of it, which costs more than drawing.
    images, rest: of the last frame at rest, its images and its items in JSON; a frame has their numbers, so that what stays while a hand moves is
    sent and built once.
    """

    _esm, _css = HERE / "front.js", HERE / "front.css"
    controls, images = traitlets.Dict().tag(sync=True), traitlets.List().tag(sync=True)
    rest, told = traitlets.Unicode("[]").tag(sync=True), traitlets.Unicode().tag(sync=True)

    def __init__(self, controls: dict | None = None, moved: Callable | None = None):
        super().__init__(controls=controls or {})
        self.frame: dict = {}
        self.known: dict[str, int] = {}
        hear_at_once(self)
        if moved is not None:
            self.on_msg(lambda _, asked, buffers: moved(**asked))

    def show(self, frame: dict) -> None:
        """Replace what is seen."""
        self.frame = frame
        with self.hold_sync():
            if frame["settled"]:
                self.images = [*dict.fromkeys(item[2] for item in frame["items"] if item[0] == "image")]
            items = written(frame["items"], {image: number for number, image in enumerate(self.images)})
            if frame["settled"]:
                self.rest, self.known = f"[{','.join(items)}]", {item: number for number, item in enumerate(items)}
            self.told = told(frame, items, self.known)


def written(items: list, images: Mapping[str, int]) -> list[str]:
    """The items in JSON, an image that is known by its number."""
    return [brief([*item[:2], images.get(item[2], item[2]), item[3]] if item[0] == "image" else item) for item in items]


def told(frame: dict, items: list[str], known: Mapping[str, int]) -> str:
    """The frame in JSON, an item that is known by its number; a number stands once in a frame."""
    left, others = dict(known), {name: value for name, value in frame.items() if name != "items"}
    return f'{{"items":[{",".join(str(left.pop(item, item)) for item in items)}],{brief(others)[1:]}'


def brief(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def hear_at_once(widget) -> None:
    """Take what comes where the front end sends it: JupyterLab to a subshell, while a cell runs.

    ipykernel 7.4 would send it to the shell that last wrote to the widget, which is busy with the cell. Its comm is asked for the shell whenever a
    message comes, and answers from now on with the shell that the front end named.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, named: named
