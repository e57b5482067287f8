"""A figure in a notebook: a picture with alt text, which can be replaced, and which survives without a front end."""

import base64

from matplotlib.figure import Figure

from ssl_lab.front import Front, frame
from ssl_lab.front.frames import png


class Picture:
    """A figure and the sentence that says what it shows.

    figure, summary: what is seen; the summary is alt text, caption and `text/plain`.   picture: a still of it, PNG bytes.
    panel: what a front end displays.
    """

    def __init__(self, figure: Figure, summary: str):
        self.panel = Front()
        self.put(figure, summary)

    def put(self, figure: Figure, summary: str, settled: bool = True, **said) -> None:
        """Replace what is seen.   said: what else the front end is told."""
        self.figure, self.summary, self._still = figure, summary, b""
        self.panel.show({**frame(figure, summary, settled), "settled": settled, **said})

    @property
    def picture(self) -> bytes:
        if not self._still:
            self._still = png(self.figure)
        return self._still

    def _repr_mimebundle_(self, **_):
        """The widget for a notebook with a kernel, a still PNG for GitHub and print, a sentence where there is nothing else."""
        still = {"image/png": base64.b64encode(self.picture).decode(), "text/plain": self.summary}
        return {**self.panel._repr_mimebundle_()[0], **still}, {"image/png": {"alt": self.summary}}

    def __repr__(self) -> str:
        return self.summary
