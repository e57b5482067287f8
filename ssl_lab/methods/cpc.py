"""Contrastive Predictive Coding, version 2.

Hénaff, Srinivas, De Fauw, Razavi, Doersch, Eslami and van den Oord, ICML 2020,
arXiv 1905.09272.

    z    = f(patch) of every patch         a grid; each patch is encoded alone
    c    = g(z)                            c sees its own row and those above
    ẑ    = W_k c                           a prediction, k rows below
    loss = -log share of ẑ · z             find z among the patches of the batch;
                                           again with the grid turned by 90°
                                           keep f, drop g and W

f of an image is the mean of the z of its patches, as they are.
differs: the four directions share g, and each has its own W_k; the paper has a g for
each. Ours averages no weights over the steps (Polyak) and clips no gradients.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ssl_lab.arguments import Choice, Range, Width, declared
from ssl_lab.augment import Augmentation, PatchAugmentation, grid_shape, patches
from ssl_lab.data import Images
from ssl_lab.distributed import gather
from ssl_lab.errors import require
from ssl_lab.losses import cpc_nce
from ssl_lab.method import Method
from ssl_lab.models import ContextNetwork, PatchEncoder, small_resnet
from ssl_lab.recipe import Recipe

# appendix A; its Adam has other betas, 0.8 and 0.999
RECIPE = Recipe(epochs=200, batch=512, optimizer="adamw", lr=4e-4, weight_decay=0.0)
SCENES = Recipe(epochs=2, batch=32, optimizer="adamw", lr=4e-3, weight_decay=1e-2)

CROP = Augmentation(area=(0.5, 1.0), jitter=0.0)
# of all patches one channel alone, as in the paper: linear 0.85, not 0.96 (2 epochs)
FEW = PatchAugmentation(operations=0, drop_share=0.2)
SCALE = 0.1  # of the predictions, so that the scores begin small (pseudo-code)
DIRECTIONS = ("down", "left", "up", "right")  # the grid is turned by 90°, each time


class CPC(Method):
    """Parts of an image predict each other.

    encoder: of a patch, without batch norm. None: small_resnet(norm=norm).
    size, stride: of the patches, in pixels.   steps, skip: predict k rows ahead, for k
    from skip + 1 to steps.   directions: how many of down, left, up, right.
    dim: width of targets and predictions.   width, blocks: of the context network.
    norm: "layer"; "batch" lets an encoder have batch norm, which sees other patches.
    augmentation: of the image.   patch_augmentation: of every patch.
    The defaults are for small images and trainings of a minute; `suits` has the paper's
    for ImageNet, of 260 pixels.
    `encoder` is the mean over patches; `encoder.maps`, the grid, (B, dim, G, G).
    Raises: InputError for values outside the ranges below, no step at all, and an
    encoder with batch norm; in `train`, for a grid with too few rows for the steps.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {
        "paper": {
            "size": 80,
            "stride": 36,
            "skip": 2,
            "dim": 64,
            "width": 256,
            "blocks": 5,
            "patch_augmentation": PatchAugmentation(),
        }
    }

    @declared
    def __init__(
        self,
        encoder: nn.Module | None = None,
        size: Width = 16,
        stride: Width = 4,
        steps: Width = 3,
        skip: Annotated[int, Range(0, whole=True)] = 1,
        directions: Annotated[int, Range(1, len(DIRECTIONS), whole=True)] = 4,
        dim: Width = 32,
        width: Width = 32,
        blocks: Width = 2,
        norm: Annotated[str, Choice(("layer", "batch"))] = "layer",
        augmentation: Augmentation = CROP,
        patch_augmentation: PatchAugmentation = FEW,
    ):
        super().__init__()
        fix = f"skip={skip}, steps={steps}: k runs from skip + 1 to steps"
        require(skip < steps, f"{fix}; take skip={steps - 1} or less")
        network = small_resnet(norm=norm) if encoder is None else encoder
        check_norm(network, norm)
        self.augmentation, self.patch_augmentation = augmentation, patch_augmentation
        self.ks = range(skip + 1, steps + 1)
        self.encoder = PatchEncoder(network, size, stride)
        self.context = ContextNetwork(network.dim, width, blocks)
        self.target = nn.Conv2d(network.dim, dim, 1)
        self.W = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(network.dim, dim, 1) for _ in self.ks)
            for _ in range(directions)
        )

    def views(self, x: Tensor) -> tuple[Tensor]:
        """The grid of every image, (B, G, G, 3, size, size), each patch changed."""
        grid = patches(self.augmentation(x), self.encoder.size, self.encoder.stride)
        each = grid.flatten(0, 2)
        drawn = self.patch_augmentation.draw(each)
        return (drawn.finish(each).view(grid.shape),)

    def forward(self, grid: Tensor) -> Tensor:
        z = self.encoder.latents(grid)
        target = self.target(z)
        self.note(z=target)
        losses = []
        for turn, W in enumerate(self.W):
            turned = gather(target.rot90(turn, (2, 3)))
            for k, prediction in self.predictions(z.rot90(turn, (2, 3)), W):
                losses.append(cpc_nce(gather(prediction), turned, k))
        return torch.stack(losses).mean()

    def predictions(self, z: Tensor, W: nn.ModuleList) -> list[tuple[int, Tensor]]:
        """k and what a grid's contexts predict k rows below, for every k."""
        c = self.context(z)
        return [(k, SCALE * W_k(c)) for k, W_k in zip(self.ks, W)]

    def embed(self, x: Tensor) -> Tensor:
        """h (B, dim): the mean of the features of the patches."""
        return self.encoder(x)

    def check_data(self, data: Images) -> None:
        H, W = data.x.shape[2:]
        rows = grid_shape(H, W, self.encoder.size, self.encoder.stride)
        G = min(rows) if len(self.W) > 1 else rows[0]
        few = f"steps={self.ks[-1]} needs {self.ks[-1] + 1} rows of patches, and there"
        fewer = f"steps={G - 1}, " if self.ks[0] < G else ""
        fix = f"take {fewer}a smaller stride or smaller patches"
        require(self.ks[-1] < G, f"{few} are {G}; {fix}")


def check_norm(network: nn.Module, norm: str) -> None:
    """Raise InputError for batch norm where norm="layer"."""
    found = [part for part in network.modules() if "BatchNorm" in type(part).__name__]
    fix = 'take small_resnet(norm="layer"), or say norm="batch" to see what it does'
    leaks = f"this {type(network).__name__} has batch norm, by which a patch sees the"
    require(norm == "batch" or not found, f"{leaks} others; {fix}")
