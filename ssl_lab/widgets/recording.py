"""What a method makes of the same few views, again and again while it learns."""

import inspect
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.data import Images
from ssl_lab.errors import require
from ssl_lab.features import evaluating
from ssl_lab.method import Method


class Recording:
    """Two views of the first `pairs` images, drawn once, and where the method has placed them at every epoch that was added.

        recording = Recording(simclr, unseen)
        for log in train(simclr, images.unlabelled(), recipe):
            recording.add(log.epoch)
        SimilarityExplorer(recording)

    images: (2N, H, W, 3) uint8, first views above second ones.   labels: (N,), -1 = none.   classes: their names.
    frames: epoch → z (2N, d); the present weights are epoch 0.   seed: of the views; the caller's random numbers are left alone.
    Raises: InputError for fewer than two pairs, fewer images than pairs, a method whose views are no two images, embeddings that are not numbers.
    """

    def __init__(self, method: Method, images: Images, pairs: int = 16, seed: int = 0):
        require(pairs >= 2, f"pairs={pairs}: at least two are needed, one for the other to be told from")
        require(len(images) >= pairs, f"pairs={pairs} were asked for and there are {len(images)} images; give more images or fewer pairs")
        chosen = images[:pairs]
        self.method, self.views = method, torch.cat(two_views(method, chosen, seed))
        self.images, self.labels, self.classes = plots.hwc(self.views), chosen.labels.cpu().numpy(), images.classes
        self.frames: dict[int, np.ndarray] = {}
        self.add(0)

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Recording({len(self)} pairs, at epoch {', '.join(map(str, sorted(self.frames)))})"

    def add(self, epoch) -> None:
        """Embed the views with the method's present weights; an epoch that was there is replaced.

        Raises: InputError for an epoch that is no whole number from 0, and for embeddings that are not numbers.
        """
        require(isinstance(epoch, Integral) and epoch >= 0, f"epoch={epoch!r} must be a whole number from 0; give log.epoch")
        self.frames[int(epoch)] = embedded(self.method, self.views)


def two_views(method: Method, images: Images, seed: int) -> tuple[Tensor, Tensor]:
    """The method's own views, the same for one seed; the caller's random numbers are left alone."""
    device = next(method.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        views = method.views(images.x.to(device)) if takes_images_alone(method) else ()
    paired = len(views) == 2 and all(isinstance(x, Tensor) and x.ndim == 4 and x.shape == views[0].shape for x in views)
    require(paired, f"{type(method).__name__} does not make two views of an image alone; a recording needs a method that does, such as SimCLR")
    return views


def takes_images_alone(method: Method) -> bool:
    """Whether its views need nothing but the pixels: no labels, no depth."""
    needed = [name for name, p in inspect.signature(method.views).parameters.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return len(needed) == 1


@torch.no_grad()
def embedded(method: Method, x: Tensor) -> Float[np.ndarray, "M d"]:
    """z of a batch, with batch norm's running statistics; the method is left as it was."""
    with evaluating(method):
        z = method.embed(x).float().cpu()
    broken = ~z.isfinite().all(1)
    require(not broken.any(), f"{int(broken.sum())} of {len(z)} embeddings are not finite; train with a smaller lr, or load other weights")
    return z.numpy()
