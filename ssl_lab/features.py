"""h = f(x) of whole data sets. The network does not change."""

from contextlib import contextmanager

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from ssl_lab.arguments import whole
from ssl_lab.augment import in_range, to_float
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.models import check_rows


@torch.no_grad()
def features(encoder: nn.Module, images: Images | Num[Tensor, "N 3 H W"], batch: int = 500) -> Float[Tensor, "N D"]:
    """h = f(x) of every image in float32, in order, without augmentation: batch norm uses its running statistics and does not change them.

    encoder: it computes in the precision of its parameters, half or double, too.   images: bytes, or floats in [0, 1].
    batch: images at a time; the result does not depend on it. The result lies on the encoder's device.
    Raises: InputError for no network, no images, batch < 1, pixels other than bytes or floats in [0, 1], or features other than one row an image.
    """
    kind = type(encoder).__name__
    require(isinstance(encoder, nn.Module), f"features are computed by a network (nn.Module), not by a {kind}; give one, such as small_resnet()")
    if not isinstance(images, Tensor):
        check_images(images, "features")
    require(len(images) > 0, "there are no images to compute features of; look at len(images)")
    require(whole(batch) and batch >= 1, f"batch={batch} must be a whole number of images, from 1; 500 is the default")
    first = next(encoder.parameters(), None)  # an encoder without parameters works where the images are
    device, dtype = (None, None) if first is None else (first.device, first.dtype)
    found = []
    with evaluating(encoder):
        for i in range(0, len(images), batch):
            x = to_float(in_range(pixels(images[i : i + batch])).to(device)).to(dtype)
            h = encoder(x)
            check_rows(h, f"this {kind}", len(x))
            found.append(h.float())
    return torch.cat(found)


def pixels(images: Images | Tensor) -> Tensor:
    """The pixels of a set of images."""
    return images if isinstance(images, Tensor) else images.x


@contextmanager
def evaluating(network: nn.Module):
    """Evaluation mode inside the block. After it, also after an error, every submodule has its own mode again."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield network
    finally:
        for module, training in modes.items():
            module.training = training
