"""Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning (Grill et al., NeurIPS 2020, arXiv 2006.07733).

    x1, x2 = T(x), T'(x)                         two views, from two distributions of augmentation
    p1, p2 = q(g(f(x1))), q(g(f(x2)))            online network: encoder, projector, predictor
    t1, t2 = g'(f'(x1)), g'(f'(x2))              target network: no predictor, no gradient
    loss   = |p1 - t2|² + |p2 - t1|²             Eqn. 2, of unit vectors, both ways: 0 to 8; keep f, drop all else
    f', g' = m f' + (1 - m) f, m g' + (1 - m) g  Eqn. 1, after the optimizer's step; m rises to 1 by a cosine

No negatives: a network that maps all images to one point has a loss of 0. What keeps it from there are the predictor and the slow target.
differs: the paper calls m tau; its target starts from weights of its own, ours as a copy; hue as in SimCLR; brightness multiplies, where the
authors add, and saturation is as strong as contrast.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from ssl_lab.augment import augment, check_strengths
from ssl_lab.errors import require
from ssl_lab.losses import byol_regression
from ssl_lab.method import Method
from ssl_lab.models import ema_, frozen_copy, mlp
from ssl_lab.recipe import Recipe

RECIPE = Recipe(epochs=1000, batch=4096, optimizer="lars", lr=3.2, weight_decay=1.5e-6, warmup=0.01)  # the paper's: lr = 0.2 · batch / 256
SCENES = Recipe(epochs=46, batch=96, optimizer="adamw", lr=3e-3, weight_decay=1e-4)  # 90 seconds on two cores


class BYOL(Method):
    """The online network predicts what a slow copy of itself, the target, makes of the other view.

    encoder: f, with `.dim`.   m in [0, 1]: what the target keeps of itself, at the start; 0: it is a copy at every step.   dim: width of g and q.
    hidden: of the layer inside both.   predictor=False: q is left out.   stop_gradient=False: the online network is its own target, m is idle.
    jitter: strength of the colour distortion.   area, hue, jitter_share, grey_share: see `augment`.
    blur_share, solarise_share: of T and of T'.
    The defaults are for small images and a minute; the paper's for ImageNet: dim=256, hidden=4096, area=(0.08, 1), hue=0.1,
    jitter_share=0.8, grey_share=0.2, blur_share=(1, 0.1), solarise_share=(0, 0.2).
    Raises: InputError for values outside these ranges.
    """

    slow: ClassVar[dict[str, str]] = {"target_encoder": "encoder", "target_head": "head"}
    scenes: ClassVar[dict] = {"m": 0.9}  # some thousand steps are few; 0.996 is for 300,000, and the authors' code begins at 0.97 for 12,000
    cure = "try predictor=True, stop_gradient=True, m nearer to 1, or a smaller lr"

    def __init__(
        self,
        encoder: nn.Module,
        m: float = 0.996,
        dim: int = 64,
        hidden: int = 256,
        predictor: bool = True,
        stop_gradient: bool = True,
        jitter: float = 1.0,
        area: tuple[float, float] = (0.5, 1.0),
        hue: float = 0.5,
        jitter_share: float = 1.0,
        grey_share: float = 0.5,
        blur_share: tuple[float, float] = (0.0, 0.0),
        solarise_share: tuple[float, float] = (0.0, 0.2),
    ):
        super().__init__()
        pairs = all(isinstance(shares, tuple | list) and len(shares) == 2 for shares in (blur_share, solarise_share))
        require(pairs, f"blur_share={blur_share} and solarise_share={solarise_share} need two shares each, for T and for T'; try (1.0, 0.1)")
        require(0 <= m <= 1, f"m={m} is the share that the target keeps of itself, in [0, 1]; the paper starts at 0.996")
        self.m, self.stop_gradient = m, stop_gradient
        self.distortion = {"area": area, "jitter": jitter, "hue": hue, "jitter_share": jitter_share, "grey_share": grey_share}
        self.T, self.T_prime = ({"blur_share": blur, "solarise_share": solarise} for blur, solarise in zip(blur_share, solarise_share))
        check_strengths(**self.distortion, **self.T)
        check_strengths(**self.distortion, **self.T_prime)
        self.encoder, self.head = encoder, mlp(encoder.dim, hidden, dim)
        self.predictor = mlp(dim, hidden, dim) if predictor else nn.Identity()
        self.target_encoder, self.target_head = frozen_copy(self.encoder), frozen_copy(self.head)

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return augment(x, **self.distortion, **self.T), augment(x, **self.distortion, **self.T_prime)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        z1, z2 = self.embed(x1), self.embed(x2)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        t1, t2 = (self.target(x1), self.target(x2)) if self.stop_gradient else (z1, z2)
        self.last = z1.detach(), z2.detach()
        return byol_regression(p1, t2) + byol_regression(p2, t1)

    @torch.no_grad()
    def target(self, x: Tensor) -> Tensor:
        """g'(f'(x)), a constant to the gradient."""
        return self.target_head(self.target_encoder(x))

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        m = self.momentum(progress)
        ema_(self.target_encoder, self.encoder, m)
        ema_(self.target_head, self.head, m)

    def momentum(self, progress: float) -> float:
        """m at this progress: half a cosine from its start up to 1; a target that is a copy, m = 0, stays one."""
        return 1 - (1 - self.m) * (1 + math.cos(math.pi * progress)) / 2 if self.m > 0 else 0.0
