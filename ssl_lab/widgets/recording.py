"""What a method makes of the same few views, again and again while it learns."""

from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.method import Method, seen
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import check_precision


class Recording:
    """Two views of the first `pairs` images, drawn once, and where the method has placed them at every epoch that was added.

        recording = Recording(simclr, unseen)
        for log in train(simclr, images.unlabelled(), recipe):
            recording.add(log.epoch)
        SimilarityExplorer(recording)

    images: (2N, H, W, 3) uint8, first views above second ones.   labels: (N,), -1 = none.   classes: their names.
    names: of the two embeddings that are recorded, the first that the method notes.   frames: epoch → z (2N, d), the one above the other; the
    present weights are epoch 0.   seed: of the views; the caller's random numbers are left alone.
    A method with a queue, MoCo, also gets one of K pictures: the next ones, as many as there are. Then `images` goes on with their second
    views, (2N + K, H, W, 3), `labels` with theirs, (N + K,), and keys: epoch → (N + K, d), of the N second views and of the queue; else it is empty.
    All of them are made by the present key network; the method's own queue has older keys, more of them, and no pictures to show.
    Raises: InputError for fewer than two pairs, fewer images than pairs, K < 0, a method without two embeddings of an image, or some not finite.
    """

    def __init__(self, method: Method, images: Images, pairs: int = 16, seed: int = 0, K: int = 32):
        check_images(images, "a recording")
        require(whole(pairs) and pairs >= 2, f"pairs={pairs}: at least two are needed, one for the other to be told from")
        require(len(images) >= pairs, f"pairs={pairs} were asked for and there are {len(images)} images; give more images or fewer pairs")
        require(whole(K) and K >= 0, f"K={K} keys for the queue; give the number of further pictures, 0 for none")
        check_precision(method)
        queue = images[pairs : pairs + K] if method.candidates == "queue" else images[:0]
        self.method, self.pairs = method, pairs
        self.views = views(method, images[:pairs], seed)
        if len(queue):
            self.views = tuple(map(torch.cat, zip(self.views, views(method, queue, seed + 1))))
        shown = images[: pairs + len(queue)].x
        x1, x2 = ([picture(shown, view) for view in self.views] * 2)[:2]
        self.images, self.classes = np.concatenate([x1[:pairs], x2]), images.classes
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
        made = {name: z.float().cpu() for name, z in seen(self.method, *self.views).items() if z.ndim == 2 and len(z) == len(self.views[0])}
        name = type(self.method).__name__
        fix = "a recording needs a method that does, such as SimCLR"
        require(len(made) >= 2, f"{name} does not make two embeddings of an image; {fix}")
        self.names = tuple(made)[:2]
        z, k = (made[name] for name in self.names)
        rows = torch.cat([z[: self.pairs], k])
        broken = int((~rows.isfinite().all(1)).sum())
        require(broken == 0, f"{broken} of {len(rows)} embeddings are not finite; train with a smaller lr, or load other weights")
        if len(k) > self.pairs:
            self.keys[int(epoch)] = k.numpy()
        self.frames[int(epoch)] = rows[: 2 * self.pairs].numpy()


def views(method: Method, images: Images, seed: int) -> tuple[Tensor, ...]:
    """The method's own views, the same for one seed; the caller's random numbers are left alone."""
    device, columns = next(method.parameters()).device, images[:].columns()
    missing = [name for name in method.columns if name not in columns]
    require(not missing, f"{type(method).__name__} looks at {', '.join(method.columns)}, and these images have no {', '.join(missing)}")
    with RandomStream(seed, device):
        return method.views(*(columns[name].to(device) for name in method.columns))


def picture(x: Tensor, view: Tensor) -> np.ndarray:
    """A view to look at; the image itself, where the view is no picture in colours."""
    return plots.hwc(view if view.ndim == 4 and view.shape[1] == 3 and len(view) == len(x) else x)
