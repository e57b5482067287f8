"""The contrastive similarity matrix of a batch: temperature, order, diagonal, anchor, and the epochs of a training to scrub through."""

import numpy as np

from ssl_lab import plots
from ssl_lab.errors import require
from ssl_lab.widgets.controls import Choice, Control, Slider
from ssl_lab.widgets.explorer import Explorer
from ssl_lab.widgets.recording import Recording

LOSSES = (("InfoNCE, 1 + K candidates", "InfoNCE"), ("NT-Xent, 2B − 1 candidates", "NT-Xent"))
DIAGONAL = (("masked, as in the paper", "masked"), ("kept, the usual mistake", "kept"))


class SimilarityExplorer(Explorer):
    """Two views of a few pictures, as a method sees them: who is like whom, who takes the softmax, and how hard the loss pulls and pushes.

    pairs: how many of the recording's to begin with (None = all).   tau: temperature in [0.01, 10], on a logarithmic slider.
    anchor: 2 · picture + view, so that 10 and 11 are the two views of picture 5, and stay so whatever else is moved: a batch of fewer pairs
        holds the first pictures, the last of them replaced by the anchor's where that is not among them.
    Controls: tau, shown ("softmax", "logits", "cosine"), pairs, order of the rows ("view", "image" and, where there are labels, "class"),
        diagonal ("masked", or "kept": what the loss would be), anchor, epoch. The last epoch is shown first; one without a frame of its own shows
        the last frame before it, and says so. A control with nothing to choose is left out: epoch of one frame, pairs of two.
    A recording of keys has one more, loss: "InfoNCE", what MoCo minimises, or "NT-Xent", the batch without a queue. InfoNCE's rows are queries, the
        first views, each before its own key and K of a queue: an anchor that is a second view is a key, so its query is shown; the queue stays
        whatever the pairs, there is no diagonal, and rows go by picture or by class.
    Raises: InputError for what is no Recording, or a control out of its range.
    """

    def __init__(self, recording: Recording, pairs: int | None = None, tau: float = 0.2, anchor: int = 0, **start):
        kind = type(recording).__name__
        fix = "give SimilarityExplorer(Recording(method, images))"
        require(isinstance(recording, Recording), f"SimilarityExplorer shows a Recording and got {kind}; {fix}")
        N = len(recording)
        require(pairs is None or pairs in range(2, N + 1), f"pairs={pairs!r} cannot be shown; the recording holds {N}, take 2 to {N} of them")
        self.recording, self.frames, self.keys = recording, dict(recording.frames), dict(recording.keys)
        super().__init__(controls(recording, pairs or N), tau=tau, anchor=anchor, **start)

    def draw(
        self, tau: float, shown: str, order: str, diagonal: str, anchor: int, pairs: int = 2, epoch: int | None = None, loss: str = "NT-Xent"
    ):
        N, (picture, view) = len(self.recording), divmod(anchor, 2)
        batch, (at, when) = pictures(pairs, picture), self.frame(epoch)
        rows, place = np.concatenate([batch, batch + N]), batch.tolist().index(picture)
        z, images, labels = self.frames[at], self.recording.images, self.recording.labels
        said = {"shown": shown, "classes": self.recording.classes, "epoch": when}
        if loss == "NT-Xent":
            said |= {"labels": labels[batch], "order": order, "kept": diagonal == "kept", "called": np.r_[2 * batch, 2 * batch + 1]}
            return plots.similarity(z[rows], images[rows], tau, place + pairs * view, **said)
        queue = np.arange(N, len(labels))
        own, shown_images = np.concatenate([batch, queue]), images[np.concatenate([rows, N + queue])]
        said |= {"labels": labels[own], "order": "class" if order == "class" else "image", "called": 2 * batch + view * (batch == picture)}
        return plots.query_matrix(z[batch], self.keys[at][own], shown_images, tau, place, view=("query", "key's query")[view], **said)

    def redraw(self) -> None:
        self.controls["diagonal"].disabled = self.values.get("loss") == "InfoNCE"
        super().redraw()

    def frame(self, epoch: int | None) -> tuple[int, str]:
        """The last recorded epoch up to this one, and when that was, in words; of a single frame nobody knows when."""
        at = max(known for known in self.frames if epoch is None or known <= epoch)
        late = "" if at == epoch else f" (recorded at {at})"
        return at, "" if epoch is None else f"epoch {epoch}{late}"


def controls(recording: Recording, pairs: int) -> dict[str, Control | None]:
    """Every control that has something to choose."""
    N, epochs = len(recording), sorted(recording.frames)
    orders = [("by view", "view"), ("by picture", "image"), *([("by class", "class")] if recording.labels[:N].max() >= 0 else [])]
    return {
        "loss": Choice("loss", LOSSES) if recording.keys else None,
        "tau": Slider("temperature", 0.01, 10.0, 0.2, log=True),
        "epoch": Slider("epoch", stops=epochs, value=epochs[-1]) if len(epochs) > 1 else None,
        "anchor": Slider("anchor", 0, 2 * N - 1),
        "pairs": Slider("pairs", 2, N, pairs) if N > 2 else None,
        "shown": Choice("matrix", plots.SHOWN),
        "order": Choice("rows", orders),
        "diagonal": Choice("diagonal", DIAGONAL),
    }


def pictures(pairs: int, of_anchor: int) -> np.ndarray:
    """The pictures of a batch: the first ones, the last of them replaced by the anchor's where that is not among them."""
    batch = np.arange(pairs)
    batch[-1] = max(of_anchor, pairs - 1)
    return batch
