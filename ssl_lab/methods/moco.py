"""Momentum Contrast for Unsupervised Visual Representation Learning (He, Fan, Wu, Xie and Girshick, CVPR 2020, arXiv 1911.05722).

    q, k  = f_q(augment(x)), f_k(augment(x))     two views; the key k carries no gradient
    loss  = InfoNCE(q, k, queue)                 Eqn. 1: k is the positive, the K keys in the queue are the negatives
    f_q   = update(f_q)                          by its gradient
    f_k   = m f_k + (1 - m) f_q                  Eqn. 2: slow, so that the keys in the queue stay consistent
    queue = queue and k, without its oldest      the last K keys, exactly

The loss starts low and rises while real keys take the place of the random rows that the queue begins with; only then does it fall.
`stats()["filled"]` is the share of real keys.
differs: f_k's batch norm sees the batch in `split` groups of shuffled images on one device, where the paper shuffles between devices;
differs: hue as in SimCLR. Version 1 is mlp_head=False and jitter_share=1; version 2 (Chen, Fan, Girshick and He 2020, arXiv 2003.04297) adds the
head of two layers, blur (blur_share=0.5), jitter_share=0.8 and a cosine, which every Recipe has, and takes tau=0.2.
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.augment import augment, check_strengths
from ssl_lab.distributed import gather
from ssl_lab.errors import require
from ssl_lab.losses import info_nce, unit
from ssl_lab.method import Method
from ssl_lab.models import check_groups, ema_, frozen_copy, mlp, split_batch_norm
from ssl_lab.recipe import Log, Recipe

RECIPE = Recipe(epochs=200, batch=512, optimizer="sgd", lr=0.06, weight_decay=5e-4, warmup=0.0)  # the authors' CIFAR-10 notebook; m=0.99, tau=0.1
SCENES = Recipe(epochs=50, batch=256, optimizer="adamw", lr=5e-3, weight_decay=1e-4)  # 90 seconds on two cores


class MoCo(Method):
    """A query finds its key among the K keys of earlier batches, which a slow copy of the network has made.

    encoder: f_q, with `.dim`.   dim: width of q and k.   K: keys in the queue, at least a batch of them.   m in [0, 1]: what f_k keeps of itself.
    tau > 0: temperature.   split: groups of f_k's batch norm; 1 shows the leak, the batch's own statistics give its keys away.
    mlp_head: version 2's head, in place of one linear layer.   jitter: strength of the colour distortion.
    area, hue, jitter_share, blur_share: see `augment`.
    The defaults are for small images and a minute; the paper's for ImageNet: dim=128, K=65536, m=0.999, tau=0.07,
    mlp_head=False, area=(0.2, 1), hue=0.4, jitter_share=1.
    Raises: InputError for values outside these ranges; from `train`, for a batch that K cannot hold or `split` cannot divide.
    """

    slow: ClassVar[dict[str, str]] = {"key_encoder": "encoder", "key_head": "head"}

    def __init__(
        self,
        encoder: nn.Module,
        dim: int = 64,
        K: int = 4096,
        m: float = 0.99,
        tau: float = 0.2,
        split: int = 8,
        mlp_head: bool = True,
        jitter: float = 1.0,
        area: tuple[float, float] = (0.5, 1.0),
        hue: float = 0.5,
        jitter_share: float = 0.8,
        blur_share: float = 0.0,
    ):
        super().__init__()
        require(isinstance(K, int) and K >= 1, f"K={K}: the queue needs a whole number of keys, as many as a batch or more; the paper uses 65536")
        require(0 <= m <= 1, f"m={m} is the share that the key network keeps of itself, in [0, 1]; the paper uses 0.999")
        require(tau > 0, f"tau={tau} must be positive; the paper uses 0.07")
        self.m, self.tau, self.split = m, tau, split
        self.distortion = {"area": area, "jitter": jitter, "hue": hue, "jitter_share": jitter_share, "blur_share": blur_share}
        check_strengths(**self.distortion)
        self.encoder, self.head = encoder, mlp(*[encoder.dim] * (2 if mlp_head else 1), dim, norm=False)
        self.key_encoder, self.key_head = split_batch_norm(frozen_copy(encoder), split), frozen_copy(self.head)
        self.register_buffer("queue", unit(torch.randn(K, dim)))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))  # the slot of the oldest key
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))  # real keys so far, K at most

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return augment(x, **self.distortion), augment(x, **self.distortion)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        q, k = unit(self.embed(x1)), self.keys(x2)
        self.last = q.detach(), k
        return info_nce(q, k, self.queue, self.tau)

    @torch.no_grad()
    def keys(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d"]:
        """k = f_k(x), the batch shuffled on its way in and back on its way out: the groups of batch norm are other ones at every step."""
        order = torch.randperm(len(x), device=x.device)
        k = unit(self.key_head(self.key_encoder(x[order])))
        return k[order.argsort()]

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        ema_(self.key_encoder, self.encoder, self.m)
        ema_(self.key_head, self.head, self.m)
        self.enqueue(gather(self.last[1]))

    @torch.no_grad()
    def enqueue(self, k: Float[Tensor, "B d"]) -> None:
        """Overwrite the oldest keys, from the pointer on and around the end; of more than K, the last K stay."""
        K, k = len(self.queue), k[-len(self.queue) :]
        slots = (self.pointer + torch.arange(len(k), device=k.device)) % K
        self.queue[slots] = k.to(self.queue.dtype)
        self.pointer.copy_((self.pointer + len(k)) % K)
        self.filled.copy_((self.filled + len(k)).clamp(max=K))

    def check_batch(self, B: int) -> None:
        K = len(self.queue)
        require(B <= K, f"a queue of K={K} keys cannot hold a batch of {B}; try K={B} or more, or a batch of {K - K % self.split or K}")
        check_groups(B, self.split)

    def stats(self) -> dict[str, Tensor]:
        return super().stats() | {"filled": self.filled / len(self.queue)}

    def remark(self, log: Log) -> str:
        filled, collapse = log.stats["filled"], super().remark(log)
        if collapse or (filled == 1 and log.epoch > 1):
            return collapse
        if filled == 1:
            return "the queue is full of real keys now; the loss rose while they took the place of its random rows, and only now does it fall"
        return f"{filled:.0%} of the queue are real keys; while they take the place of its random rows the loss rises, and only then falls"
