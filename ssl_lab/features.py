"""h = f(x) of whole data sets, with the network left exactly as it was."""

from contextlib import contextmanager

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from ssl_lab.augment import in_range, to_float
from ssl_lab.data import Images
from ssl_lab.errors import require


@torch.no_grad()
def features(encoder: nn.Module, images: Images | Num[Tensor, "N 3 H W"], batch: int = 500) -> Float[Tensor, "N D"]:
    """h = f(x) of every image in float32, in order, without augmentation: batch norm uses its running statistics and does not change them.

    images: bytes, or floats in [0, 1].   batch: how many at a time; the result does not depend on it. Lies on the encoder's device.
    Raises: InputError for an empty set, batch < 1, or pixels that are neither bytes nor floats in [0, 1].
    """
    require(len(images) > 0, "there are no images to compute features of; look at len(images)")
    require(batch >= 1, f"batch={batch}: at least one image at a time; 500 is the default")
    device = next((p.device for p in encoder.parameters()), None)  # an encoder without parameters works where the images are
    with evaluating(encoder):
        parts = (images[i : i + batch] for i in range(0, len(images), batch))
        return torch.cat([encoder(to_float(in_range(pixels(part)).to(device))).float() for part in parts])


def pixels(images: Images | Tensor) -> Tensor:
    """The tensor in a set of images."""
    return images if isinstance(images, Tensor) else images.x


@contextmanager
def evaluating(network: nn.Module):
    """Evaluation mode inside, and every submodule's own mode again outside, also after an error."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield network
    finally:
        for module, training in modes.items():
            module.training = training
