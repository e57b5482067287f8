"""Encoders f and heads g. Every encoder maps (B, channels, H, W) to (B, dim) and says its `.dim`. And slow copies of both.

MoCo and BYOL: a frozen copy follows the trained network by a moving average of the parameters (Tarvainen & Valpola 2017, arXiv 1703.01780).
"""

import copy
import inspect
import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from ssl_lab.errors import one_of, require

NORMS = {"batch": nn.BatchNorm2d, "group": lambda width: nn.GroupNorm(min(8, width), width)}


class Block(nn.Module):
    """A basic residual block (He et al. 2016) that halves the side and doubles the width.

    The shortcut is the pooled input, twice (their option A, without parameters): on two cores a 1×1 convolution would cost as much as a 3×3.
    """

    def __init__(self, width: int, norm):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False), norm(2 * width)
        self.conv2, self.norm2 = nn.Conv2d(2 * width, 2 * width, 3, padding=1, bias=False), norm(2 * width)

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B 2*c h w"]:
        one = x.shape[-2:] == (1, 1)  # stride 1 sums the same there; in bfloat16, oneDNN with stride 2 reads memory that nobody wrote (torch 2.15)
        y = F.conv2d(x, self.conv1.weight, stride=1 if one else 2, padding=1)
        y = self.norm2(self.conv2(F.relu(self.norm1(y))))
        shortcut = F.avg_pool2d(x, 2, ceil_mode=True)
        return F.relu(y + torch.cat([shortcut, shortcut], 1))


class SmallResNet(nn.Module):
    """Seven convolutions: a stem of stride 4 and three residual blocks."""

    def __init__(self, width: int, channels: int, norm):
        super().__init__()
        self.dim = 8 * width
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 6, stride=4, padding=1, bias=False), norm(width), nn.ReLU())
        self.blocks = nn.Sequential(*(Block(scale * width, norm) for scale in (1, 2, 4)))

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.blocks(self.stem(x)).mean((2, 3))


def small_resnet(width: int = 16, channels: int = 3, norm: str = "batch") -> SmallResNet:
    """The network of the one-minute trainings.

    width: channels after the stem; features are 8 · width.   channels: of the input.   norm: batch, or group (no image sees another).
    Raises: InputError for a width below 1 or an unknown norm.
    """
    require(width >= 1, f"width={width}: at least one channel is needed")
    one_of(norm, NORMS, "norm")
    return SmallResNet(width, channels, NORMS[norm])


def resnet(name: str = "resnet18", stem: str = "cifar") -> nn.Module:
    """A torchvision ResNet without its classifier, untrained; `.dim` is 512 or 2048.

    stem: "cifar" for small images, a 3×3 convolution of stride 1 and no pooling, so that 32 pixels end as 4×4 (SimCLR B.9); "imagenet" as published.
    """
    from torchvision.models import resnet as family

    known = [key for key, build in vars(family).items() if inspect.isfunction(build) and key.startswith(("resn", "wide"))]
    one_of(name, known, "backbone")
    one_of(stem, ("cifar", "imagenet"), "stem")
    network = getattr(family, name)(weights=None)
    if stem == "cifar":
        network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    network.dim, network.fc = network.fc.in_features, nn.Identity()
    return network


def mlp(*widths: int, norm: bool = True) -> nn.Sequential:
    """A head g: linear layers of these widths, batch norm (unless norm=False) and ReLU between them, nothing after the last."""
    fix = "a head needs at least the width that comes in and the one that goes out, whole numbers from 1"
    require(len(widths) >= 2 and all(isinstance(width, int) and width >= 1 for width in widths), f"widths={widths}: {fix}")
    layers = []
    for width, out in itertools.pairwise(widths):  # the last one's weights are drawn in vain: a seed keeps giving the head that it always gave
        layers.append([nn.Linear(width, out, bias=not norm), *([nn.BatchNorm1d(out)] if norm else []), nn.ReLU()])
    return nn.Sequential(*itertools.chain(*layers[:-1]), nn.Linear(widths[-2], widths[-1]))


# ---- slow copies


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy in the same state, buffers included, whose parameters need no gradient: no optimizer moves it."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def ema_(target: nn.Module, online: nn.Module, m: float) -> None:
    """theta_target <- m theta_target + (1 - m) theta_online, in place; m = 1 leaves the target, m = 0 copies.

    Parameters only: the statistics of batch norm come from the target's own passes in training mode.
    Raises: InputError for m outside [0, 1] or networks that are not built alike.
    """
    require(0 <= m <= 1, f"m={m} is the share that the target keeps of itself, in [0, 1]; the papers use 0.99 to 1")
    targets, onlines = list(target.parameters()), list(online.parameters())
    alike = [p.shape for p in targets] == [p.shape for p in onlines]
    require(alike, "the target's parameters are not those of the online network; make it with frozen_copy(online)")
    if targets:
        torch._foreach_lerp_(targets, onlines, 1 - m)  # one kernel for all of them


# ---- batch norm as on several devices


class SplitBatchNorm(_NormBase):  # no _BatchNorm, so that nn.SyncBatchNorm.convert_sync_batchnorm, which opens the leak again, lets it be
    """Batch norm that sees `split` groups of the batch, one after another in its order, as `split` devices would: each by its own mean and variance.

    Running statistics move towards the mean over the groups; in evaluation mode it is ordinary batch norm. Made by `split_batch_norm`.
    """

    def __init__(self, norm: _BatchNorm, split: int):
        require(norm.momentum is not None and norm.track_running_stats, f"{norm} cannot be split; it needs a momentum and running statistics")
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self.split, self.training = split, norm.training
        for name, tensor in [*norm.named_parameters(), *norm.named_buffers()]:
            setattr(self, name, tensor)

    def forward(self, x: Float[Tensor, "B c ..."]) -> Float[Tensor, "B c ..."]:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        check_groups(len(x), self.split)
        means, variances = self.running_mean.repeat(self.split, 1), self.running_var.repeat(self.split, 1)
        groups = zip(x.chunk(self.split), means, variances)
        y = [F.batch_norm(group, *running, self.weight, self.bias, True, self.momentum, self.eps) for group, *running in groups]
        self.running_mean.copy_(means.mean(0))
        self.running_var.copy_(variances.mean(0))
        self.num_batches_tracked.add_(1)
        return torch.cat(y)


def split_batch_norm(module: nn.Module, split: int) -> nn.Module:
    """The module with every batch norm in it replaced by a SplitBatchNorm of the same tensors under the same names; split = 1 changes nothing.

    Raises: InputError for split < 1; the changed module, in training mode, for a batch that `split` cannot divide into groups of two or more.
    """
    fix = "a batch is a whole number of groups, at least one; 8 is MoCo's number, 1 leaves batch norm as it is"
    require(isinstance(split, int) and split >= 1, f"split={split}: {fix}")
    if split == 1:
        return module
    if isinstance(module, _BatchNorm):
        return SplitBatchNorm(module, split)
    for name, child in module.named_children():
        setattr(module, name, split_batch_norm(child, split))
    return module


def check_groups(B: int, split: int) -> None:
    """Refuse a batch that does not fall into `split` equal groups of at least two images."""
    batch, fits = max(2 * split, B - B % split), [s for s in range(1, split) if not (split % s or B % s) and 2 * s <= B]
    fix = f"try a batch of {batch}" + (f" or split={fits[-1]}" if fits else "")
    require(B % split == 0 and 2 * split <= B, f"split={split} groups of two images or more cannot share a batch of {B}; {fix}")


def encoder(name):
    return small_resnet() if name == "small_resnet" else resnet(name)
