"""Any network as an encoder: one wrapper for networks of torchvision, of timm, and of your own."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from ssl_lab.errors import InputError, one_of, require

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}  # published weights expect pixels in [0, 1] to be normalised by these


class Encoder(nn.Module):
    """encoder(x): features (B, dim). encoder.maps(x): the same before positions are averaged, (B, dim', h, w).

    module: returns (B, dim), or a map (B, dim, h, w), of which the mean is taken.   classifier: the name of the layer to leave out, such as "fc".
    maps: the name of the submodule that returns a map, or tokens with the h · w patches last; None: the last one that does.
    mean, std: of each channel, for networks that were trained on normalised pixels: x becomes (x - mean) / std.
    channels, side: of the images with which `dim` and the maps are found, on torch's meta device, which computes nothing.
    Raises: InputError for a module that cannot take such images or returns something else.
    """

    def __init__(self, module: nn.Module, classifier: str = "", maps: str | None = None, mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None, channels: int = 3, side: int = 224):
        super().__init__()
        pair = (mean is None and std is None) or (mean is not None and std is not None and len(mean) == len(std) == channels and min(std) > 0)
        require(pair, f"mean={mean}, std={std}: give both or none, {channels} numbers each, std above 0; ImageNet's are models.IMAGENET")
        self.module, self.classifier = module, classifier
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, None if values is None else torch.tensor(values)[:, None, None])
        names = dict(module.named_modules())
        if classifier:
            one_of(classifier, names, "classifier")
            parent, _, last = classifier.rpartition(".")
            setattr(names[parent], last, nn.Identity())
        if maps is not None:
            one_of(maps, names, "maps")
        self.dim, found, self.grid = look(module, channels, side)
        self.place = found if maps is None else maps

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        h = self.through(x)
        return h if h.ndim == 2 else h.mean((2, 3))

    def maps(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d h w"]:
        """Features of every position. Raises: InputError for a network that has no positions."""
        if hasattr(self.module, "maps"):
            return self.module.maps(self.normalised(x))
        kind = type(self.module).__name__
        require(self.place is not None, f"no part of this {kind} returns a map or tokens; wrap one that does, or name it: Encoder(..., maps=NAME)")
        with watched(self.module, {self.place, self.grid}) as seen:
            self.through(x)
        returned = dict(seen)
        y = returned[self.place]
        if y.ndim == 3:  # tokens: a class token, if any, comes first
            h, w = returned[self.grid].shape[2:]
            return y[:, -h * w :].transpose(1, 2).unflatten(2, (h, w))
        return y.movedim(-1, 1) if y.shape[-1] == self.dim != y.shape[1] else y  # some of timm's networks return (B, h, w, d)

    def through(self, x: Float[Tensor, "B c H W"]) -> Tensor:
        """What the module returns. Raises: InputError for a size that it does not take; transformers take one size."""
        try:
            return self.module(self.normalised(x))
        except AssertionError as error:
            what = f"{type(self.module).__name__} cannot take images of {x.shape[-2]} x {x.shape[-1]} pixels ({error})"
            raise InputError(f"{what}; load them at its size (--size, load(size=...)), or take a network that accepts every size") from error

    def normalised(self, x: Tensor) -> Tensor:
        return x if self.mean is None else (x - self.mean) / self.std


def look(module: nn.Module, channels: int, side: int) -> tuple[int, str | None, str | None]:
    """The width of a module's features, the last submodule that returns positions, and the last one that returns a map (B, C, h, w)."""
    state = {name: tensor.to("meta") for name, tensor in (*module.named_parameters(), *module.named_buffers())}
    try:
        with watched(module) as seen, torch.no_grad():
            h = functional_call(module, state, torch.empty(2, channels, side, side, device="meta"))
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        what = f"{type(module).__name__} cannot take {channels} channels of {side} x {side} pixels"
        raise InputError(f"{what} ({error}); say what it takes: channels=, side=") from error
    fine = isinstance(h, Tensor) and h.ndim in (2, 4) and len(h) == 2
    given = tuple(h.shape) if isinstance(h, Tensor) else type(h).__name__
    require(fine, f"{type(module).__name__} returns {given} for 2 images; an encoder returns (B, dim) or (B, dim, h, w)")
    place = grid = None
    patches = 2
    for name, y in seen:
        if isinstance(y, Tensor) and y.ndim == 4 and y.shape[2:].numel() > 1:
            place = grid = name
            patches = y.shape[2:].numel()
        elif isinstance(y, Tensor) and y.ndim == 3 and grid is not None and y.shape[1] >= patches:
            place = name
    return h.shape[1], place, grid


@contextmanager
def watched(module: nn.Module, names: Collection[str | None] | None = None) -> Iterator[list[tuple[str, object]]]:
    """Collect what the submodules of these names (None: all) return inside the block: (name, output), in the order in which they finish."""
    seen = []
    hooks = [child.register_forward_hook(lambda _, __, y, name=name: seen.append((name, y)))
             for name, child in module.named_modules() if names is None or name in names]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
