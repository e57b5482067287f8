"""The widget between a picture and the browser: it shows the frame that it is given, and tells what a hand has moved."""

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class Front(anywidget.AnyWidget):
    """controls: what can be moved, as `Control.sent` says it.   frame: all that is seen, as `frames.frame` says it, and where the controls stand.

    moved: is called with what a browser sends: values (name → value), serial (a word that the frame in answer carries) and settled (False while
    a hand is still moving). There is one request on its way at a time, and the latest wish wins; nothing is queued.
    """

    _esm, _css = HERE / "front.js", HERE / "front.css"
    controls, frame = traitlets.Dict().tag(sync=True), traitlets.Dict().tag(sync=True)

    def __init__(self, controls: dict | None = None, moved: Callable | None = None):
        super().__init__(controls=controls or {}, frame={})
        if moved is not None:
            self.on_msg(lambda _, asked, buffers: moved(**asked))

    def show(self, frame: dict) -> None:
        """Replace what is seen."""
        self.frame = frame
        hear_at_once(self)


def hear_at_once(widget) -> None:
    """Take what comes where the front end sends it: JupyterLab to a subshell, while a cell runs.

    ipykernel 7.4 would send it to the shell that last wrote to the widget, which is busy with the cell; this attribute remembers which that was.
    """
    getattr(widget.comm, "__dict__", {}).pop("_reply_subshell_id", None)
