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
def features(encoder: nn.Module, images: Images | Num[Tensor, "N c H W"], batch: int = 500) -> Float[Tensor, "N D"]:
    """h = f(x) of every image in float32, in order, without augmentation: batch norm uses its running statistics and does not change them.

    encoder: it computes in the precision of its parameters, half or double, too; one with `.column` sees that column of the images.
    images: bytes, or floats in [0, 1]; of a column, as it is stored.
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
            h = encoder(shown(encoder, images[i : i + batch], device, dtype))
            check_rows(h, f"this {kind}", len(images[i : i + batch]))
            found.append(h.float())
    return torch.cat(found)


def shown(encoder: nn.Module, images: Images | Tensor, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """What an encoder is given of images: pixels as floats in [0, 1]; one with `.column` (models.ViewEncoder) gets that column as it is stored.

    Raises: InputError for images without that column, and for pixels out of range.
    """
    column = getattr(encoder, "column", "x")
    if not isinstance(images, Tensor):
        there = images.columns()
        require(column in there, f"this encoder sees {column}, and these images have {', '.join(there)}; load or give that column, too")
        images = there[column]
    values = to_float(in_range(images).to(device)) if column == "x" else images.to(device)
    return values.to(dtype) if values.is_floating_point() else values


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
