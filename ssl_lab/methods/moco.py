"""Momentum Contrast for Unsupervised Visual Representation Learning.

He, Fan, Wu, Xie and Girshick, CVPR 2020, arXiv 1911.05722.

    q, k  = f_q(augment(x)), f_k(augment(x))   two views; k carries no gradient
    loss  = InfoNCE(q, k, queue)               Eqn. 1: k is the positive, the K keys in
                                               the queue are the negatives
    f_q   = update(f_q)                        by its gradient
    f_k   = m f_k + (1 - m) f_q                Eqn. 2: slow, so keys stay consistent
    queue = queue and k, without its oldest    the last K keys, exactly;
                                               keep f_q, drop all else

The queue begins with random rows. The loss starts low, rises while real keys replace
them, and falls afterwards. `stats()["filled"]` is the share of real keys.
differs: f_k's batch norm works on `split` groups of the shuffled batch on one device;
the paper shuffles between devices; hue as in SimCLR.
Version 1 is mlp_head=False and jitter_share=1; version 2 (Chen, Fan, Girshick and He
2020, arXiv 2003.04297) adds the head of two layers, blur (blur_share=0.5),
jitter_share=0.8 and a cosine schedule (every Recipe has one), and takes tau=0.2.
"""

from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.arguments import Momentum, Range, Temperature, Width, declared
from ssl_lab.augment import GREYER, Augmentation
from ssl_lab.distributed import gather
from ssl_lab.errors import require
from ssl_lab.losses import info_nce, unit
from ssl_lab.method import Method
from ssl_lab.models import check_groups, ema_, frozen_copy, mlp, split_batch_norm
from ssl_lab.recipe import Log, Recipe

# the authors' CIFAR-10 notebook
RECIPE = Recipe(
    epochs=200, batch=512, optimizer="sgd", lr=0.06, weight_decay=5e-4, warmup=0.0
)
SCENES = Recipe(
    epochs=29, batch=128, optimizer="adamw", lr=3e-3, weight_decay=0.3, warmup=0.3
)
KEYS = Range(1, whole=True, hint="at least one batch of keys; the paper uses 65536")
GROUPS = Range(1, whole=True, hint="8 in the paper; 1 leaves batch norm as it is")


class MoCo(Method):
    """A query finds its own key among K earlier keys. A slow copy makes the keys.

    encoder: f_q, with `.dim`.   dim: width of q and k.   K: keys in the queue.
    m: share of its weights that f_k keeps.   tau: temperature.
    split: groups of f_k's batch norm. With 1 there is a leak: the batch's statistics
    tell which key belongs to a query.
    mlp_head: version 2's projector, in place of one linear layer.
    augmentation: draws both views.
    The defaults are for small images and short trainings. `suits` has the values for
    10,000 scenes, and those of the authors' CIFAR-10 notebook. The paper's for
    ImageNet: dim=128, K=65536, m=0.999, tau=0.07, mlp_head=False,
    Augmentation(area=(0.2, 1), hue=0.4, jitter_share=1).
    Raises: InputError for values outside the ranges below; in `train`, for a batch
    larger than K, or one that `split` cannot divide.
    """

    recipes: ClassVar = {"scenes": SCENES, "paper": RECIPE}
    suits: ClassVar = {
        # keys of a tenth of the images; the paper's queue has those of a twentieth
        "scenes": {"K": 1024},
        "paper": {
            "dim": 128,
            "tau": 0.1,
            "mlp_head": False,
            "augmentation": Augmentation(),
        }
    }
    slow: ClassVar = {"key_encoder": "encoder", "key_projector": "projector"}
    candidates: ClassVar = "queue"
    k: Tensor | None = None  # the keys of the last step, for the queue

    @declared
    def __init__(
        self,
        encoder: nn.Module,
        dim: Width = 64,
        K: Annotated[int, KEYS] = 4096,
        m: Momentum = 0.99,
        tau: Temperature = 0.2,
        split: Annotated[int, GROUPS] = 8,
        mlp_head: bool = True,
        augmentation: Augmentation = GREYER,
    ):
        super().__init__()
        self.m, self.tau, self.split, self.augmentation = m, tau, split, augmentation
        self.encoder = encoder
        self.projector = mlp(*[encoder.dim] * (1 + mlp_head), dim, norm=False)
        self.key_encoder = split_batch_norm(frozen_copy(encoder), split)
        self.key_projector = frozen_copy(self.projector)
        self.register_buffer("queue", unit(torch.randn(K, dim)))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))  # oldest key
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))  # real keys

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.augmentation(x), self.augmentation(x)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        q, self.k = unit(self.embed(x1)), self.keys(x2)
        self.note(q=q, k=self.k)
        return info_nce(q, self.k, self.queue, self.tau)

    @torch.no_grad()
    def keys(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d"]:
        """k = f_k(x). The batch is shuffled before f_k, and put back in order after it.

        So batch norm has new groups at every step.
        """
        order = torch.randperm(len(x), device=x.device)
        k = unit(self.key_projector(self.key_encoder(x[order])))
        return k[order.argsort()]

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        ema_(self.key_encoder, self.encoder, self.m)
        ema_(self.key_projector, self.projector, self.m)
        self.enqueue(gather(self.k))

    @torch.no_grad()
    def enqueue(self, k: Float[Tensor, "B d"]) -> None:
        """Overwrite the oldest keys, from the pointer on; slot 0 comes after the last.

        Of more than K keys the last K are kept.
        """
        K, k = len(self.queue), k[-len(self.queue) :]
        slots = (self.pointer + torch.arange(len(k), device=k.device)) % K
        self.queue[slots] = k.to(self.queue.dtype)
        self.pointer.copy_((self.pointer + len(k)) % K)
        self.filled.copy_((self.filled + len(k)).clamp(max=K))

    def check_batch(self, B: int, ranks: int = 1) -> None:
        K = len(self.queue)
        fix = f"try K={B} or more, or a batch of {K - K % (self.split * ranks) or K}"
        require(B <= K, f"a queue of K={K} keys cannot hold a batch of {B}; {fix}")
        check_groups(B // ranks, self.split)

    def stats(self) -> dict[str, Tensor]:
        return super().stats() | {"filled": self.filled / len(self.queue)}

    def remark(self, log: Log) -> str:
        filled, collapse = log.stats["filled"], super().remark(log)
        if collapse or (filled == 1 and log.epoch > 1):
            return collapse
        if filled == 1:
            return (
                "the queue holds only real keys now; the loss rose while they replaced "
                "the random rows, and it falls from now on"
            )
        return (
            f"{filled:.0%} of the queue are real keys; the loss rises while they "
            "replace the random rows, and it falls afterwards"
        )
