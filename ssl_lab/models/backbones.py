"""Large encoders of others."""

import inspect

from torch import nn

from ssl_lab.errors import one_of


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


def encoder(name):
    from ssl_lab.models.small import small_resnet

    return small_resnet() if name == "small_resnet" else resnet(name)
