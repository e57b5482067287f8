"""Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning.

Grill et al., NeurIPS 2020, arXiv 2006.07733.

    x1, x2 = T(x), T'(x)                   two views, two distributions of augmentation
    p1, p2 = q(g(f(x1))), q(g(f(x2)))      online: encoder, projector, predictor
    t1, t2 = g'(f'(x1)), g'(f'(x2))        target: no predictor, no gradient
    loss   = |p1 - t2|² + |p2 - t1|²       Eqn. 2, of unit vectors, both ways: 0 to 8;
                                           keep f, drop all else
    f', g' = m f' + (1 - m) f, m g' + (1 - m) g
                                           Eqn. 1, after the optimizer's step;
                                           m rises to 1 by a cosine

A network that maps all images to one point has a loss of 0. The paper's hypothesis: the
predictor and the slow target together prevent this collapse. In our recorded runs the
predictor and the stop-gradient prevent it; the slow target only helps.
differs: the paper writes tau for m; its target starts from other random weights, ours
as a copy; hue as in SimCLR; brightness multiplies, the authors add; saturation is as
strong as contrast.
"""

import math
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ssl_lab.arguments import Momentum, Range, Width, declared
from ssl_lab.augment import GREYER, Augmentation
from ssl_lab.losses import byol_regression
from ssl_lab.method import Method
from ssl_lab.models import ema_, frozen_copy, mlp
from ssl_lab.recipe import Recipe

# lr = 0.2 · batch / 256
RECIPE = Recipe(
    epochs=1000, batch=4096, optimizer="lars", lr=3.2, weight_decay=1.5e-6, warmup=0.01
)
# without a slow start or a fast q, z soon uses few directions: kNN 0.20 to 0.65
SCENES = Recipe(
    epochs=18, batch=96, optimizer="adamw", lr=3e-3, weight_decay=0.05, warmup=0.5
)
T_PRIME = replace(GREYER, solarise_share=0.2)


class BYOL(Method):
    """The online network predicts what its slow copy computes from the other view.

    encoder: f, with `.dim`.   m: the share of its weights that the target keeps, at the
    start; with 0 it is a copy at every step.   dim: output width of g and q.   hidden:
    width of the hidden layer in both.
    predictor=False: q is left out.   predictor_rate: q's learning rate, as a multiple
    of the recipe's (Table 21).
    stop_gradient=False: the online network is its own target; m has no effect.
    T, T_prime: draw the first view and the second.
    The defaults are for small images and trainings of a minute; `suits` has the paper's
    for ImageNet.
    Raises: InputError for values outside the ranges below.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {
        # 0.996 suits 300,000 steps; for 12,000 the authors' code begins at 0.97
        "scenes": {"m": 0.9, "predictor_rate": 10.0},
        "paper": {
            "dim": 256,
            "hidden": 4096,
            "T": Augmentation(blur_share=1.0),
            "T_prime": Augmentation(blur_share=0.1, solarise_share=0.2),
        },
    }
    slow: ClassVar = {"target_encoder": "encoder", "target_projector": "projector"}
    cure = "try predictor=True, stop_gradient=True, m nearer to 1, or a smaller lr"

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        m: Momentum = 0.996,
        dim: Width = 64,
        hidden: Width = 256,
        predictor: bool = True,
        predictor_rate: Annotated[float, Range(0, hint="the paper: 0 to 20")] = 1.0,
        stop_gradient: bool = True,
        T: Augmentation = GREYER,
        T_prime: Augmentation = T_PRIME,
    ):
        super().__init__()
        self.m, self.stop_gradient, self.T, self.T_prime = m, stop_gradient, T, T_prime
        self.encoder, self.projector = encoder, mlp(encoder.dim, hidden, dim)
        self.predictor = mlp(dim, hidden, dim) if predictor else nn.Identity()
        self.rates = {"predictor": predictor_rate}
        self.target_encoder = frozen_copy(self.encoder)
        self.target_projector = frozen_copy(self.projector)

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.T(x), self.T_prime(x)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        z1, z2 = self.embed(x1), self.embed(x2)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        t1, t2 = (self.target(x1), self.target(x2)) if self.stop_gradient else (z1, z2)
        self.note(z1=z1, z2=z2)
        return byol_regression(p1, t2) + byol_regression(p2, t1)

    @torch.no_grad()
    def target(self, x: Tensor) -> Tensor:
        """g'(f'(x)), without a gradient."""
        return self.target_projector(self.target_encoder(x))

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        m = self.momentum(progress)
        ema_(self.target_encoder, self.encoder, m)
        ema_(self.target_projector, self.projector, m)

    def momentum(self, progress: float) -> float:
        """m at this progress: half a cosine from its start up to 1; m = 0 stays 0."""
        rest = (1 + math.cos(math.pi * progress)) / 2
        return 1 - (1 - self.m) * rest if self.m > 0 else 0.0
