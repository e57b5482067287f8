"""The MLP probe: what a small perceptron reads from frozen features (DeepCluster's remark on a random AlexNet, Caron et al. 2018, section 1)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_lab.arguments import Range
from ssl_lab.errors import require
from ssl_lab.evaluate.knn import check
from ssl_lab.evaluate.linear import at_double, deviation
from ssl_lab.models import mlp
from ssl_lab.optim import adamw, parameter_groups, warmup_cosine
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import gradients, uncast, usual

BATCH = 128
LR = 1e-3
WEIGHT_DECAY = 1.0  # 0.01 to 1 give the same within 0.01, on 2,000 training images held out, of scenes and of CIFAR-10


@uncast
def mlp_probe(
    h: Float[Tensor, "N D"], y: Int64[Tensor, " N"], ht: Float[Tensor, "M D"], yt: Int64[Tensor, " M"],
    hidden: tuple[int, ...] = (256,), epochs: int = 20, seed: int = 0,
) -> float:  # fmt: skip
    """Share of the test rows, in [0, 1], whose class a perceptron names that learned from the training rows alone.

    It minimises the cross-entropy by AdamW for all epochs, on features of mean 0 and deviation 1 over the training rows. The test rows stop nothing.
    h: features, or maps as rows, `network.maps(x).flatten(1)`.   hidden: widths of its hidden layers.   seed: of its weights and of the order.
    Raises: InputError for what `linear_probe` refuses, for hidden widths or epochs below 1, and within torch.inference_mode.
    """
    check(h, y, ht, yt)
    fix = "widths of hidden layers are needed, whole numbers from 1, such as (256,)"
    require(isinstance(hidden, tuple) and len(hidden) > 0 and all(width in Range(1, whole=True) for width in hidden), f"hidden={hidden!r}: {fix}")
    Range(1, whole=True, hint="20 is the default").check("epochs", epochs)
    x, xt = standardised(h, ht)
    stream, classes = RandomStream(seed, h.device), int(torch.cat([y, yt]).max()) + 1
    with stream, usual():
        network = mlp(x.shape[1], *hidden, classes, norm=False).to(h.device)
    fit(network, x, y, epochs, stream)
    with torch.no_grad():
        return (network(xt).argmax(dim=1) == yt).sum().item() / len(yt)


def standardised(h: Float[Tensor, "N D"], ht: Float[Tensor, "M D"]) -> tuple[Float[Tensor, "N D"], Float[Tensor, "M D"]]:
    """Both in float32, less the mean of the first and over its deviation; the rounding of float32 would take constants for features."""
    train, test = at_double(h), at_double(ht)
    mean, scale = train.mean(dim=0), deviation(train)
    x, xt = (((rows - mean) / scale).float().to(h.device) for rows in (train, test))
    return x, xt


def fit(network: nn.Module, x: Float[Tensor, "N D"], y: Int64[Tensor, " N"], epochs: int, stream: RandomStream) -> None:
    """Minimise the cross-entropy, in batches whose order the stream draws."""
    optimizer = adamw(parameter_groups(network, WEIGHT_DECAY), LR)
    for epoch in range(epochs):
        with stream, usual():
            batches = torch.randperm(len(x)).to(x.device).split(BATCH)
        for i, rows in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = LR * warmup_cosine((epoch + (i + 1) / len(batches)) / epochs)
            with gradients(x.device):
                loss = F.cross_entropy(network(x[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
