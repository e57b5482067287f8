"""The contrastive similarity matrix of a batch under a temperature slider."""

import ipywidgets as widgets
import torch
from torch import Tensor

from ssl_lab import plots
from ssl_lab.data import Images
from ssl_lab.errors import require
from ssl_lab.features import evaluating
from ssl_lab.method import Method
from ssl_lab.widgets.explorer import Explorer


class SimilarityExplorer(Explorer):
    """Two views of a few images, as a trained method sees them: who is like whom, and how hard the loss pulls.

    method: its `views` draw the two views and its `embed` places them.   images: the first `pairs` of them are taken.
    tau: temperature in [0.01, 10], on a logarithmic slider.   anchor: the row that is spelled out, 0 .. 2 · pairs - 1.   seed: of the views.
    Controls: tau, anchor, shown ("softmax": each row's shares, which follow tau; "cosine": what they are made of).
    Raises: InputError for fewer images than pairs, embeddings that are not numbers, or a control out of its range.
    """

    def __init__(self, method: Method, images: Images, pairs: int = 16, tau: float = 0.2, anchor: int = 0, seed: int = 0):
        require(pairs >= 2, f"pairs={pairs}: at least two are needed, one for the other to be told from")
        require(len(images) >= pairs, f"pairs={pairs} were asked for and there are {len(images)} images; give more images or fewer pairs")
        x1, x2 = two_views(method, images[:pairs].x, seed)
        self.z, self.images = embedded(method, torch.cat([x1, x2])), plots.hwc(torch.cat([x1, x2]))
        controls = {
            "tau": widgets.FloatLogSlider(description="temperature", min=-2, max=1, step=0.05),
            "anchor": widgets.IntSlider(description="anchor", max=2 * pairs - 1),
            "shown": widgets.Dropdown(description="matrix", options=plots.SHOWN),
        }
        super().__init__(controls, tau=tau, anchor=anchor)

    def draw(self, tau: float, anchor: int, shown: str):
        return plots.similarity(self.z, self.images, tau, anchor, shown)


def two_views(method: Method, x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The method's own views, the same for one seed; the caller's random numbers are left alone."""
    device = next(method.parameters()).device
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return method.views(x.to(device))


@torch.no_grad()
def embedded(method: Method, x: Tensor):
    """z of a batch as an array (2N, d), with batch norm's running statistics; the method is left as it was."""
    with evaluating(method):
        z = method.embed(x).float().cpu()
    broken = ~z.isfinite().all(1)
    require(not broken.any(), f"{int(broken.sum())} of {len(z)} embeddings are not finite; train with a smaller lr, or load other weights")
    return z.numpy()
