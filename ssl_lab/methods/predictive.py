"""Predictive learning, the contrast to CMC: paint the colours of an image from its L.

Zhang, Isola and Efros, ECCV 2016, arXiv 1603.08511 (colourisation), with the loss that
CMC (Tian, Krishnan and Isola 2020, arXiv 1906.05849, section 3.1) names.

    v1, v2 = L and ab of one crop
    v2'    = d(f(v1))                       an encoder and a decoder
    loss   = |v2' - v2| or (v2' - v2)²      a mean over pixels

Every pixel is judged alone, given v1: structure that pixels share is not modelled.
differs: Zhang et al. classify 313 colours, and weigh rare ones; this is regression.
"""

from typing import Annotated, ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Choice, Width, declared
from ssl_lab.augment import Augmentation, normalised_lab
from ssl_lab.data import Images
from ssl_lab.method import Method
from ssl_lab.models import VIEWS, ViewEncoder, check_view, decoder
from ssl_lab.recipe import Recipe

# as CMC's, to be compared with it
RECIPE = Recipe(
    epochs=240, batch=128, optimizer="sgd", lr=0.03, weight_decay=1e-4, warmup=0.0
)
SCENES = Recipe(epochs=30, batch=128, optimizer="adamw", lr=3e-3, weight_decay=0.1)
CROP = Augmentation(area=(0.5, 1.0), jitter=0.0)
LOSSES = {"l1": F.l1_loss, "l2": F.mse_loss}


class Predictive(Method):
    """An encoder of L and a decoder that paints ab.

    encoder: the kind of network; one like it, with random weights of its own and one
    channel, sees L.   loss: "l1" or "l2".   width: channels of the decoder.
    augmentation: the crop.
    Raises: InputError for another loss; `train` for grey images.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        loss: Annotated[str, Choice(tuple(LOSSES))] = "l2",
        width: Width = 64,
        augmentation: Augmentation = CROP,
    ):
        super().__init__()
        self.loss, self.augmentation = LOSSES[loss], augmentation
        self.encoder = ViewEncoder(encoder, "L")
        self.decoder = decoder(self.encoder.dim, width, VIEWS["ab"].channels)

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lab = normalised_lab(self.augmentation(x))
        return lab[:, :1], lab[:, 1:]

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        h = self.encoder.network.maps(L)
        self.note(h=h)
        return self.loss(self.decoder(h, ab.shape[2:]), ab)

    def paint(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 2 H W"]:
        """The colours a and b, from -1 to 1, that it predicts from the lightness."""
        return self.decoder(self.encoder.maps(x), x.shape[2:])

    def embed(self, x: Tensor) -> Tensor:
        """h (B, dim)."""
        return self.encoder(x)

    def check_data(self, data: Images) -> None:
        check_view("ab", VIEWS["ab"], data)
