"""Encoders by name: our small networks, torchvision's classifiers without their last layer, and timm's."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ssl_lab.errors import InputError, one_of, require
from ssl_lab.models.alexnet import SmallAlexNet, small_alexnet
from ssl_lab.models.encoder import Encoder
from ssl_lab.models.small import SmallResNet, small_resnet
from ssl_lab.models.weights import load_weights

OURS = {"small_resnet": small_resnet, "small_alexnet": small_alexnet}
NAMES = (*OURS, "resnet18", "resnet50", "convnext_tiny", "efficientnet_b0", "vit_b_16", "any other of torchvision", "timm:NAME")
AUXILIARY = {name: {"aux_logits": False, "init_weights": False} for name in ("googlenet", "inception_v3")}  # second classifiers are left out


def encoder(
    name: str, weights: str | Path | None = None, stem: str | None = None, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> SmallResNet | SmallAlexNet | Encoder:
    """An encoder by name, untrained unless `weights` names a file.

    name: "small_resnet", "small_alexnet"; a classifier of torchvision such as "resnet18" or "vit_b_16", or one of timm as "timm:NAME", whose last
    layer is left out.
    stem: for a ResNet; "cifar" suits small images: a 3×3 convolution of stride 1 and no pooling, so that 32 pixels become a map of 4×4 (SimCLR B.9).
    mean, std: see Encoder; published weights need the values of their training, often models.IMAGENET.
    Raises: InputError for an unknown name, a stem for a network that is no ResNet, or weights that do not fit.
    """
    if name in OURS:
        require(stem is None, f"stem={stem!r} is for ResNets; {name} has its own")
        made = OURS[name]() if mean is None and std is None else Encoder(OURS[name](), mean=mean, std=std)
    else:
        network = of_timm(name.removeprefix("timm:")) if name.startswith("timm:") else of_torchvision(name)
        set_stem(network, name, stem)
        linear = [layer for layer, module in network.named_modules() if isinstance(module, nn.Linear)]
        require(len(linear) > 0, f"{name} has no linear classifier to leave out; wrap the part that you want, models.Encoder(module)")
        made = Encoder(network, linear[-1], mean=mean, std=std)
    if weights is not None:
        load_weights(made, weights)
    return made


def resnet(name: str = "resnet18", stem: str = "cifar") -> Encoder:
    """A torchvision ResNet without its classifier, untrained; `.dim` is 512 or 2048.   stem: see `encoder`; "imagenet" is the published one."""
    require("resne" in name, f"backbone {name!r} is no ResNet; try resnet18 or resnet50, or make another network with `encoder`")
    one_of(stem, ("cifar", "imagenet"), "stem")
    return encoder(name, stem=stem)


def of_torchvision(name: str) -> nn.Module:
    from torchvision import models

    one_of(name, (*OURS, *models.list_models(module=models), "timm:NAME"), "encoder")
    return models.get_model(name, weights=None, **AUXILIARY.get(name, {}))


def of_timm(name: str) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise InputError(f"timm:{name} needs timm, which is not installed; pip install timm") from error
    require(timm.is_model(name), f"timm has no {name!r}; timm.list_models() lists its networks")
    return timm.create_model(name, pretrained=False)


def set_stem(network: nn.Module, name: str, stem: str | None) -> None:
    """Give a ResNet the stem for small images, if `stem` is "cifar"."""
    if stem is None:
        return
    one_of(stem, ("cifar", "imagenet"), "stem")
    require(hasattr(network, "layer4") and hasattr(network, "maxpool"), f"stem={stem!r} is for ResNets; {name} has its own")
    if stem == "cifar":
        width = network.conv1.out_channels
        network.conv1, network.maxpool = nn.Conv2d(3, width, 3, padding=1, bias=False), nn.Identity()
