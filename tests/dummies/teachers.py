"""What teachers say of images: the softmax of noisy logits around the true classes, each generation surer and more often right."""

import torch
from torch import Tensor

from ssl_lab.stream import generator


def said(labels: Tensor, C: int = 10, generations: int = 3, seed: int = 0) -> list[Tensor]:
    """(N, C) probabilities a generation; some classes are harder than others, and two of them look alike."""
    draw = generator(seed)
    noise = torch.randn(len(labels), C, generator=draw)
    ease = torch.linspace(0.6, 1.4, C)[torch.randperm(C, generator=draw)][labels]
    alike = torch.zeros(C, C)
    alike[0, 1] = alike[1, 0] = 0.8
    truth = torch.eye(C)[labels] * ease[:, None] + alike[labels]
    return [(4 * (1 + 0.4 * g) * (truth * (1 + 0.2 * g) + 0.5 * noise)).softmax(1) for g in range(generations)]
