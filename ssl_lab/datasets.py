"""Images from a Dataset of torch or torchvision, a list, an array or a tensor. All of it is read once, as bytes.

White is 255 in bytes and 1 in floats. For other whole numbers `white` must be given, as for files.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from ssl_lab import decoding
from ssl_lab.decoding import fit, shallow
from ssl_lab.errors import require
from ssl_lab.reading import check_wanted, files
from ssl_lab.sources import class_names

TWICE = 8  # items of a Dataset that are read a second time, because a Dataset that augments gives other pixels then
FORMS = "(N, 3, H, W), (N, H, W, 3) or (N, H, W)"


def read(source, labels, size: int | None, white: float | None) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Pixels uint8 (N, 3, H, W), labels (N,), -1 for none, and the names of classes. Raises: InputError for what is no set of images."""
    check_wanted(size, white)
    if isinstance(source, Tensor | np.ndarray):
        require(source.ndim in (3, 4) and len(source) > 0, f"{described(source)} is no set of images; {FORMS} is needed, one image is x[None]")
        one = source.ndim == 3 and (source.shape[0] in (1, 3) or source.shape[2] in (1, 3))
        require(not one, f"{described(source)} may be one image or several grey ones; say which: x[None] is one, x[:, None] are grey ones")
        x = pixels(source, white)
        x, own, names = x if size is None else fit(x, size), torch.full((len(x),), -1), ()
    else:
        (x, own), names = items(source, size, white, labels is None), classes(source)
    return x, (own if labels is None else tensor(labels)).to(x.device), names


def items(source, size: int | None, white: float | None, labelled: bool) -> tuple[Tensor, Tensor]:
    """Every item of a Dataset or a list, one after the other."""
    kind = type(source).__name__
    loader = "a DataLoader is not needed, since the Recipe sets batches and their order; give its dataset, Images.of(loader.dataset)"
    require(not hasattr(source, "batch_sampler"), loader)
    listed = hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, str | bytes | dict | IterableDataset)
    fix = "give a Dataset, an array, a tensor or a list, such as list(itertools.islice(iterator, 10_000)); load('folder:PATH') reads files"
    require(listed, f"a {kind} does not give images by number; {fix}")
    require(len(source) > 0, f"this {kind} is empty; at least one image is needed")

    def item(i: int):
        got = source[i]
        image, label = (*got, None)[:2] if isinstance(got, tuple | list) else (got, None)
        return image, number(label) if labelled else None

    one = files(item, lambda i: f"item {i} of this {kind}", picture)
    x, labels = one(torch.arange(len(source)), size, white)
    again, _ = one(torch.arange(min(TWICE, len(x))), size, white)
    fix = "give it without random transforms, since a method draws views of its own at every step"
    require(torch.equal(x[:TWICE], again), f"this {kind} gives other pixels when an item is read again; {fix}")
    return x, labels


def picture(image, size: int | None, white: float | None) -> Tensor:
    """One image, of PIL, torch or numpy, as uint8 (1, 3, H, W)."""
    if hasattr(image, "getbands"):
        return decoding.pixels(image, size, white)
    fine = isinstance(image, Tensor | np.ndarray) and image.ndim in (2, 3)
    needs = "one of PIL, a tensor (C, H, W), or an array (H, W, C) or (H, W) is needed; items are images, or pairs (image, label)"
    require(fine, f"its image is {described(image)}; {needs}")
    x = pixels(image[None], white)
    return x if size is None else fit(x, size)


def pixels(x: Tensor | np.ndarray, white: float | None) -> Tensor:
    """A tensor (N, C, H, W) or an array (N, H, W, C), each also in the other's order, or (N, H, W), as uint8 (N, 3, H, W)."""
    order = (1, 3) if isinstance(x, Tensor) else (3, 1)
    channels = next((at for at in order if x.ndim == 4 and x.shape[at] in (1, 3)), None)
    require(bool(channels) or x.ndim == 3, f"{described(x)}: neither one channel nor three; {FORMS} is needed, one image without the N")
    x = tensor(x)
    require(not x.is_complex(), f"{described(x)}: bytes, or floats in [0, 1], are needed")
    if x.dtype != torch.uint8:
        parts = (part.float() if part.dtype == torch.bfloat16 else part for part in x.cpu().split(100))
        brightest = 1 if white is None and not plain(x) else white
        x = torch.cat([torch.from_numpy(shallow(part.numpy(), f"{x.dtype}", brightest)) for part in parts]).to(x.device)
    x = x.movedim(channels, 1) if channels else x[:, None]
    return x.expand(-1, 3, -1, -1).contiguous()


def plain(x: Tensor) -> bool:
    """Whether these are whole numbers, which do not tell their white."""
    return not x.is_floating_point() and x.dtype != torch.bool


def tensor(values) -> Tensor:
    """An array or a list of numbers as a plain tensor; a tensor without its gradient."""
    if isinstance(values, Tensor):
        return values.detach().as_subclass(Tensor)
    values = np.asarray(values)
    require(values.dtype.kind in "biuf", f"{described(values)} holds no numbers; whole numbers or floats are needed")
    ours = values.flags.writeable and values.flags.c_contiguous and values.dtype.isnative
    return torch.from_numpy(values if ours else values.astype(values.dtype.newbyteorder("="), order="C"))


def column(given):
    """A column in the form that Images keep: arrays become tensors, also in a dictionary, and a list of names becomes a tuple."""
    if isinstance(given, dict):
        return {name: column(value) for name, value in given.items()}
    return tensor(given) if isinstance(given, Tensor | np.ndarray) else tuple(given) if isinstance(given, list) else given


def number(label) -> int | None:
    """One label: a whole number of Python, numpy or torch, or an array of one; None if there is none."""
    found = np.asarray(label) if isinstance(label, Tensor | np.ndarray | np.generic | int) else np.empty(0)
    fix = "one whole number is needed, -1 for none; or give all labels separately, Images.of(dataset, labels)"
    require(label is None or (found.size == 1 and found.dtype.kind in "iu"), f"its label is {described(label)}; {fix}")
    return None if label is None else int(found.item())


def classes(source) -> tuple[str, ...]:
    """The names of a Dataset's classes; of a Subset, those of the whole Dataset; of a ConcatDataset, those of its parts."""
    if hasattr(source, "dataset") and hasattr(source, "indices"):
        return classes(source.dataset)
    if parts := getattr(source, "datasets", None):
        found = list(dict.fromkeys(map(classes, parts)))
        require(len(found) == 1, f"its parts have different classes, {found[0]} and {found[-1]}; give the parts one by one, or labels separately")
        return found[0]
    names = class_names("", source) if type(source).__module__.startswith("torchvision.") else getattr(source, "classes", ())
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def described(value) -> str:
    """A value in words: tensors and arrays by type and shape."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{'' if isinstance(value, Tensor) else 'an array '}{value.dtype} {tuple(value.shape)}"
    return repr(value)[:40] if isinstance(value, str | float | bool) else f"a {type(value).__name__}"
