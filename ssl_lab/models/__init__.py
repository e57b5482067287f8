"""Encoders f, which map (B, channels, H, W) to (B, dim), and have `.dim` and `.maps`; heads; and slow copies of both."""

from ssl_lab.models.alexnet import SmallAlexNet, small_alexnet
from ssl_lab.models.backbones import NAMES, encoder, resnet
from ssl_lab.models.context import ContextNetwork
from ssl_lab.models.copies import average_, ema_, frozen_copy
from ssl_lab.models.decoder import decoder
from ssl_lab.models.deeper import Deeper, check_maps
from ssl_lab.models.depth import stochastic_depth
from ssl_lab.models.encoder import IMAGENET, Encoder
from ssl_lab.models.filters import FILTERS, Filtered, filtered, sobel
from ssl_lab.models.frozen import rest
from ssl_lab.models.heads import mlp
from ssl_lab.models.patches import PatchEncoder
from ssl_lab.models.promise import check_encoder, check_rows
from ssl_lab.models.renew import check_renewable, renew_
from ssl_lab.models.small import SmallResNet, small_resnet
from ssl_lab.models.split import SplitBatchNorm, check_groups, split_batch_norm
from ssl_lab.models.views import VIEWS, Joined, View, ViewEncoder, check_view, for_channels, moved, seen_together, view_named
from ssl_lab.models.weights import load_weights

__all__ = [
    "FILTERS", "IMAGENET", "NAMES", "VIEWS", "ContextNetwork", "Deeper", "Encoder", "Filtered", "Joined", "PatchEncoder", "SmallAlexNet",
    "SmallResNet", "SplitBatchNorm", "View", "ViewEncoder", "average_", "check_encoder", "check_groups", "check_maps", "check_renewable",
    "check_rows", "check_view", "decoder", "ema_", "encoder", "filtered", "for_channels", "frozen_copy", "load_weights", "mlp", "moved",
    "renew_", "resnet", "rest", "seen_together", "small_alexnet", "small_resnet", "sobel", "split_batch_norm", "stochastic_depth",
    "view_named",
]  # fmt: skip
