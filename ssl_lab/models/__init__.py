"""Encoders f, which map (B, channels, H, W) to (B, dim) and say their `.dim`; heads; and slow copies of both."""

from ssl_lab.models.backbones import encoder, resnet
from ssl_lab.models.copies import ema_, frozen_copy
from ssl_lab.models.heads import mlp
from ssl_lab.models.small import SmallResNet, small_resnet
from ssl_lab.models.split import SplitBatchNorm, check_groups, split_batch_norm

__all__ = ["SmallResNet", "SplitBatchNorm", "check_groups", "ema_", "encoder", "frozen_copy", "mlp", "resnet", "small_resnet", "split_batch_norm"]
