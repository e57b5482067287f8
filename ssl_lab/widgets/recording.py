"""What a method makes of the same few views, again and again while it learns."""

import inspect
from collections.abc import Callable
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
from ssl_lab.stream import RandomStream


class Recording:
    """Two views of the first `pairs` images, drawn once, and where the method has placed them at every epoch that was added.

        recording = Recording(simclr, unseen)
        for log in train(simclr, images.unlabelled(), recipe):
            recording.add(log.epoch)
        SimilarityExplorer(recording)

    images: (2N, H, W, 3) uint8, first views above second ones.   labels: (N,), -1 = none.   classes: their names.
    frames: epoch → z (2N, d); the present weights are epoch 0.   seed: of the views; the caller's random numbers are left alone.
    A method that makes keys, MoCo, also gets a queue of K pictures: the next ones, as many as there are. Then `images` goes on with their second
    views, (2N + K, H, W, 3), `labels` with theirs, (N + K,), and keys: epoch → (N + K, d), of the N second views and of the queue; else it is empty.
    All of them are made by the present key network; the method's own queue has older keys, more of them, and no pictures to show.
    Raises: InputError for fewer than two pairs, fewer images than pairs, K < 0, a method whose views are no two images, embeddings not finite.
    """

    def __init__(self, method: Method, images: Images, pairs: int = 16, seed: int = 0, K: int = 32):
        require(pairs >= 2, f"pairs={pairs}: at least two are needed, one for the other to be told from")
        require(len(images) >= pairs, f"pairs={pairs} were asked for and there are {len(images)} images; give more images or fewer pairs")
        require(K >= 0, f"K={K} keys for the queue; give the number of further pictures, 0 for none")
        queue = images[pairs : pairs + K] if hasattr(method, "keys") else images[:0]
        self.method, self.pairs, self.views = method, pairs, torch.cat(two_views(method, images[:pairs], seed))
        self.others = two_views(method, queue, seed + 1)[1] if len(queue) else self.views[:0]
        self.images, self.classes = plots.hwc(torch.cat([self.views, self.others])), images.classes
        self.labels = torch.cat([images[:pairs].labels, queue.labels]).cpu().numpy()
        self.frames: dict[int, np.ndarray] = {}
        self.keys: dict[int, np.ndarray] = {}
        self.add(0)

    def __len__(self) -> int:
        """How many pairs there are."""
        return self.pairs

    def __repr__(self) -> str:
        return f"Recording({len(self)} pairs, at epoch {', '.join(map(str, sorted(self.frames)))})"

    def add(self, epoch) -> None:
        """Embed the views with the method's present weights; an epoch that was there is replaced.

        Raises: InputError for an epoch that is no whole number from 0, and for embeddings that are not numbers.
        """
        require(isinstance(epoch, Integral) and epoch >= 0, f"epoch={epoch!r} must be a whole number from 0; give log.epoch")
        z = embedded(self.method, self.method.embed, self.views)
        if len(self.others):
            self.keys[int(epoch)] = embedded(self.method, self.method.keys, torch.cat([self.views[self.pairs :], self.others]))
        self.frames[int(epoch)] = z


def two_views(method: Method, images: Images, seed: int) -> tuple[Tensor, Tensor]:
    """The method's own views, the same for one seed; the caller's random numbers are left alone."""
    device = next(method.parameters()).device
    with RandomStream(seed, device):
        views = method.views(images.x.to(device)) if takes_images_alone(method) else ()
    paired = len(views) == 2 and all(isinstance(x, Tensor) and x.ndim == 4 and x.shape == views[0].shape for x in views)
    require(paired, f"{type(method).__name__} does not make two views of an image alone; a recording needs a method that does, such as SimCLR")
    return views


def takes_images_alone(method: Method) -> bool:
    """Whether its views need nothing but the pixels: no labels, no depth."""
    needed = [name for name, p in inspect.signature(method.views).parameters.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return len(needed) == 1


@torch.no_grad()
def embedded(method: Method, embed: Callable[[Tensor], Tensor], x: Tensor) -> Float[np.ndarray, "M d"]:
    """z or the keys of a batch, with batch norm's running statistics; the method and the caller's random numbers are left as they were."""
    with evaluating(method), RandomStream(0, x.device):
        z = embed(x).float().cpu()
    broken = ~z.isfinite().all(1)
    require(not broken.any(), f"{int(broken.sum())} of {len(z)} embeddings are not finite; train with a smaller lr, or load other weights")
    return z.numpy()
