"""What encoders see of one thing: views, each made from one column of Images, and encoders that see one view or several.

    x → L, ab, rgb    depth → its relief    normals → as they are    mask → one channel a part    later → rgb    flow → as it is
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from ssl_lab.augment import Drawn, normalised_lab, to_float
from ssl_lab.data import Images
from ssl_lab.errors import require
from ssl_lab.models.renew import renew_

LOOKED_AT = 500  # images, to see whether they have colours
COLOURED = ("scenes", "cifar10", "stl10", "svhn")
PARTS = 3  # of a scene's mask: ground, object, shadow


def relief(depth: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B 1 H W"]:
    """Distance from the camera, less its mean over the image: how near the camera was is no part of it. Missing depth, 0, stays 0."""
    depth = depth.float()
    there = depth > 0
    known = torch.where(there, depth, 0.0)
    mean = known.sum((2, 3), keepdim=True) / there.sum((2, 3), keepdim=True).clamp(min=1)
    return torch.where(there, depth - mean, 0.0)


def parts(mask: Num[Tensor, "B 1 H W"]) -> Float[Tensor, "B 3 H W"]:
    """One channel a part, 1 where the part is."""
    return torch.cat([mask == part for part in range(PARTS)], 1).float()


def colours(x: Num[Tensor, "B c H W"]) -> Float[Tensor, "B 3 H W"]:
    """Three channels as floats: bytes in [0, 1], one channel three times."""
    return to_float(x).float().expand(-1, 3, -1, -1)


def floats(x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B c H W"]:
    return x.float()


@dataclass(frozen=True)
class View:
    """One view.   column: of Images, from which it is made.   channels: of what a network sees.   see: what is made of the column, bytes or floats.
    first: the first of its channels that this view shows; L and ab are parts of one Lab image."""

    column: str
    channels: int
    see: Callable[[Tensor], Tensor]
    first: int = 0

    def part(self, made: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d H W"]:
        """The channels of this view."""
        return made[:, self.first : self.first + self.channels]


VIEWS = {
    "L": View("x", 1, normalised_lab),
    "ab": View("x", 2, normalised_lab, 1),
    "rgb": View("x", 3, colours),
    "depth": View("depth", 1, relief),
    "normals": View("normals", 3, floats),
    "mask": View("mask", PARTS, parts),
    "later": View("later", 3, colours),
}


def view_named(name: str, frames: int = 10) -> View:
    """The view of this name; any other name is a column of your own, of one or three channels.   frames: of "flow", two channels each.

    Raises: InputError for a name that networks use.
    """
    require(not hasattr(nn.ModuleDict, name), f"{name!r} cannot name a view, since networks have a part of this name; call the column otherwise")
    if name == "flow":
        return View("flow", 2 * frames, floats)
    return VIEWS.get(name, View(name, 3, colours))


def moved(drawn: Drawn, column: str, values: Num[Tensor, "B c H W"]) -> Num[Tensor, "B c H W"]:
    """The drawn crop and flip of a column of Images; of pixels its colours, too."""
    how = {"x": drawn, "later": drawn, "depth": drawn.depth, "normals": drawn.normals, "mask": drawn.mask, "flow": drawn.flow}
    return how[column](values.float() if column == "flow" else values) if column in how else drawn.map(to_float(values).float())


class ViewEncoder(nn.Module):
    """network(see(values)): an encoder of one view. It takes a column of Images as it is stored; `features` gives it that column.

    like: the kind of network; this one gets the view's channels and random weights of its own.   name: of the view.   `.dim` is the network's.
    Raises: InputError for a network that cannot be built again so (`for_channels`).
    """

    def __init__(self, like: nn.Module, name: str, frames: int = 10):
        super().__init__()
        self.view, self.dim = view_named(name, frames), like.dim
        self.network = for_channels(like, self.view.channels)

    @property
    def column(self) -> str:
        return self.view.column

    def forward(self, values: Num[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.network(self.seen(values))

    def maps(self, values: Num[Tensor, "B c H W"]) -> Float[Tensor, "B d h w"]:
        """The network's features of every position."""
        return self.network.maps(self.seen(values))

    def seen(self, values: Tensor) -> Tensor:
        """What the network sees, in the precision of its parameters."""
        return self.view.part(self.view.see(values)).to(next(self.network.parameters()).dtype)


def seen_together(encoders: Iterable[ViewEncoder], drawn: Drawn, columns: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """What every encoder's network sees of one drawn crop; a column is cropped once."""
    encoders = list(encoders)
    crops = {name: moved(drawn, name, columns[name]) for name in dict.fromkeys(f.column for f in encoders)}
    return together(encoders, crops)


def together(encoders: Iterable[ViewEncoder], columns: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """What every encoder's network sees of these columns; an image is made into Lab once."""
    made, seen = {}, []
    for f in encoders:
        key = f.column, f.view.see
        if key not in made:
            made[key] = f.view.see(columns[f.column])
        seen.append(f.view.part(made[key]).to(next(f.network.parameters()).dtype))
    return tuple(seen)


class Joined(nn.Module):
    """The features of several encoders of one RGB image, side by side: (B, sum of their dims). An encoder of another column is left out.

    Raises: InputError, naming the encoders that there are, where none of them sees x.
    """

    def __init__(self, encoders: nn.ModuleDict | dict[str, ViewEncoder]):
        super().__init__()
        self.names = {name: encoder.column for name, encoder in encoders.items()}
        self.parts = nn.ModuleList(encoder for encoder in encoders.values() if encoder.column == "x")
        self.dim = sum(encoder.dim for encoder in self.parts or encoders.values())

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B dim"]:
        parts = self.seeing()
        return torch.cat([f.network(view) for f, view in zip(parts, together(parts, {"x": x}))], 1)

    def maps(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B d h w"]:
        """Features of every position, side by side."""
        parts = self.seeing()
        return torch.cat([f.network.maps(view) for f, view in zip(parts, together(parts, {"x": x}))], 1)

    def seeing(self) -> Iterable[ViewEncoder]:
        fix = " or ".join(f"encoders[{name!r}], which sees {column}" for name, column in self.names.items())
        require(len(self.parts) > 0, f"none of the views {', '.join(self.names)} can be made of an RGB image; evaluate {fix}")
        return self.parts


def for_channels(network: nn.Module, channels: int) -> nn.Module:
    """A network of the same kind for images of so many channels, with weights of its own: a copy, drawn anew.

    Raises: InputError for a network whose first convolution does not take 3 channels in one group, one that normalises RGB, and one that cannot be
    drawn anew (`renew_`).
    """
    twin, kind = copy.deepcopy(network), type(network).__name__
    found = [(name, part) for name, part in twin.named_modules() if isinstance(part, nn.Conv2d)]
    fine = bool(found) and found[0][1].in_channels == 3 and found[0][1].groups == 1
    fix = "take a small_resnet or a resnet18"
    require(fine, f"every view gets a network like this {kind}, and its first convolution does not take 3 channels; {fix}")
    require(getattr(twin, "mean", None) is None, f"this {kind} normalises RGB by mean and std, and other views have other channels; build it without")
    (name, conv), *_ = found
    parent, _, last = name.rpartition(".")
    shape = (channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    first = type(conv)(*shape, bias=conv.bias is not None, padding_mode=conv.padding_mode)
    setattr(twin.get_submodule(parent), last, first.to(conv.weight.device, conv.weight.dtype))
    return renew_(twin)


def check_view(name: str, kind: View, data: Images) -> None:
    """Raise InputError where these images cannot show a view: other channels, grey images for ab, more parts than a mask may have."""
    values = data.columns()[kind.column]
    C, some = values.shape[1], values[:: max(1, len(values) // LOOKED_AT)]
    if name == "ab":
        grey = f"the view ab shows colours, and these images are grey; take views without ab, or a set with colours, such as {', '.join(COLOURED)}"
        require(bool((some != some[:, :1]).any()), grey)
    if name == "mask":
        right = C == 1 and int(values.max()) < PARTS
        require(right, f"the view mask shows {PARTS} parts, 0 to {PARTS - 1}, and these masks have {C} channels "
                f"and parts up to {int(values.max())}; give others as columns of your own")
    fits = C in (1, 3) if kind.see is colours else kind.channels == C or name in ("L", "ab", "mask")
    fix = "give frames=N for a flow of 2 N channels" if name == "flow" else "a column of your own may have one or three"
    require(fits, f"the view {name} needs {kind.channels} channels, and {kind.column} is {tuple(values.shape)}; {fix}")
