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
    images: of the last frame at rest; a frame has their numbers, so that what stays while a hand moves is sent once.
    """

    _esm, _css = HERE / "front.js", HERE / "front.css"
    controls, images, told = traitlets.Dict().tag(sync=True), traitlets.List().tag(sync=True), traitlets.Unicode().tag(sync=True)

    def __init__(self, controls: dict | None = None, moved: Callable | None = None):
        super().__init__(controls=controls or {})
        self.frame: dict = {}
        if moved is not None:
            self.on_msg(lambda _, asked, buffers: moved(**asked))

    def show(self, frame: dict) -> None:
        """Replace what is seen."""
        self.frame = frame
        with self.hold_sync():
            if frame["settled"]:
                self.images = [*dict.fromkeys(item[2] for item in frame["items"] if item[0] == "image")]
            known = {image: number for number, image in enumerate(self.images)}
            self.told = json.dumps({**frame, "items": numbered(frame["items"], known)}, ensure_ascii=False, separators=(",", ":"))
        hear_at_once(self)


def numbered(items: list, known: Mapping[str, int]) -> list:
    """The items, an image that is known by its number."""
    return [[*item[:2], known.get(item[2], item[2]), item[3]] if item[0] == "image" else item for item in items]


def hear_at_once(widget) -> None:
    """Take what comes where the front end sends it: JupyterLab to a subshell, while a cell runs.

    ipykernel 7.4 would send it to the shell that last wrote to the widget, which is busy with the cell; this attribute remembers which that was.
    """
    getattr(widget.comm, "__dict__", {}).pop("_reply_subshell_id", None)
