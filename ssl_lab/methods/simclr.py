"""A Simple Framework for Contrastive Learning of Visual Representations (Chen, Kornblith, Norouzi and Hinton, ICML 2020, arXiv 2002.05709).

    x1, x2 = augment(x), augment(x)              two views of every image
    z1, z2 = g(f(x1)), g(f(x2))                  encoder, then projection head
    loss   = NT-Xent(z1, z2)                     Eqn. 1: find the other view among 2B - 1; keep f, drop g

differs: hue turns in YIQ, which is 20 times faster on a CPU than HSV; the four colour operations are clamped once, not four times.
"""

from torch import Tensor, nn

from ssl_lab.augment import augment, check_strengths
from ssl_lab.distributed import gather
from ssl_lab.errors import require
from ssl_lab.losses import nt_xent
from ssl_lab.method import Method
from ssl_lab.models import mlp
from ssl_lab.recipe import Recipe

RECIPE = Recipe(epochs=1000, batch=1024, optimizer="lars", lr=4.0, weight_decay=1e-6, warmup=0.01)  # B.9 on CIFAR-10: lr = 1.0 · batch / 256
SCENES = Recipe(epochs=32, batch=256, optimizer="lars", lr=2.0, weight_decay=1e-6, eta=0.02)  # a minute on two cores


class SimCLR(Method):
    """Two views attract each other, all others repel.

    encoder: f, with `.dim`.   dim: width of z; None leaves the head out, z = h.   tau > 0: temperature.   jitter: strength of the colour distortion;
    0 switches it off, grey included.   area, hue, blur_share: see `augment`.
    The defaults are for small images and a minute; the paper's for CIFAR-10: dim=128, tau=0.5, area=(0.08, 1), hue=0.1.
    Raises: InputError for tau <= 0 and impossible strengths.
    """

    def __init__(
        self,
        encoder: nn.Module,
        dim: int | None = 64,
        tau: float = 0.2,
        jitter: float = 1.0,
        area: tuple[float, float] = (0.5, 1.0),
        hue: float = 0.5,
        blur_share: float = 0.0,
    ):
        super().__init__()
        require(tau > 0, f"tau={tau} must be positive; the paper uses 0.1 to 1")
        self.tau, self.distortion = tau, {"area": area, "jitter": jitter, "hue": hue, "blur_share": blur_share}
        check_strengths(**self.distortion)
        self.encoder, self.head = encoder, mlp(encoder.dim, encoder.dim, dim) if dim else nn.Identity()

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return augment(x, **self.distortion), augment(x, **self.distortion)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        z1, z2 = self.embed(x1), self.embed(x2)
        self.last = z1.detach(), z2.detach()
        return nt_xent(gather(z1), gather(z2), self.tau)
