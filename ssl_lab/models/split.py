"""Batch norm as on several devices, each of which normalises its own part of the batch. It is MoCo's shuffled batch norm, on one device."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from ssl_lab.arguments import whole
from ssl_lab.errors import require
from ssl_lab.surroundings import lift


class SplitBatchNorm(_NormBase):  # not a _BatchNorm, which nn.SyncBatchNorm.convert_sync_batchnorm would convert: the leak would be back
    """Batch norm of `split` consecutive groups of the batch, each with its own mean and variance, as on `split` devices.

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
        rows = x.movedim(1, -1)  # with channels last, a view
        groups = lift(rows).reshape(self.split, -1, x.shape[1])
        n, mean = groups.shape[1], groups.mean(1, keepdim=True)
        centred = groups - mean
        variance = centred.square().mean(1, keepdim=True)
        with torch.no_grad():
            self.running_mean.lerp_(mean.mean((0, 1)), self.momentum)
            self.running_var.lerp_(variance.mean((0, 1)) * (n / (n - 1)), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = (variance + self.eps).rsqrt()
        y = torch.addcmul(self.bias, centred, scale * self.weight) if self.affine else centred * scale
        return y.to(x.dtype).view(rows.shape).movedim(-1, 1)


def split_batch_norm(module: nn.Module, split: int) -> nn.Module:
    """The module with every batch norm in it replaced by a SplitBatchNorm of the same tensors under the same names; split = 1 changes nothing.

    Raises: InputError for split < 1. The changed module, in training mode, raises it for a batch that has not `split` equal groups of two or more.
    """
    fix = "it is the number of groups in a batch, a whole number from 1; MoCo uses 8, and 1 leaves batch norm as it is"
    require(whole(split) and split >= 1, f"split={split}: {fix}")
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
    require(B % split == 0 and 2 * split <= B, f"split={split} equal groups of two images or more cannot be made of a batch of {B}; {fix}")
