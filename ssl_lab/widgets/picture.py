"""A figure in a notebook: a PNG with alt text, which can be replaced, and which survives without a front end."""

import base64
import html
import io

import ipywidgets as widgets
from matplotlib.figure import Figure


class Picture:
    """A figure and the sentence that says what it shows.

    picture: PNG bytes.   summary: alt text, caption, and `text/plain`.   panel: what a front end displays.
    """

    def __init__(self, figure: Figure, summary: str):
        self.panel = self.view = widgets.HTML()
        self.put(figure, summary)

    def put(self, figure: Figure, summary: str) -> None:
        """Replace what is seen."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 3})
        self.picture, self.summary = buffer.getvalue(), summary
        said, data = html.escape(summary), base64.b64encode(self.picture).decode()
        self.view.value = f'<img alt="{said}" src="data:image/png;base64,{data}" style="max-width:100%"><p>{said}</p>'

    def _repr_mimebundle_(self, **_):
        """The widget for a notebook with a kernel, a still PNG for GitHub and print, a sentence where there is nothing else."""
        still = {"image/png": base64.b64encode(self.picture).decode(), "text/plain": self.summary}
        return {**self.panel._repr_mimebundle_(), **still}, {"image/png": {"alt": self.summary}}

    def __repr__(self) -> str:
        return self.summary
