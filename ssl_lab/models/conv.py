"""A 3×3 convolution that is fast on the small maps at the end of a network for small images."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Conv3x3(nn.Conv2d):
    """A 3×3 convolution of padding 1 without bias. On a map of at most 2×2, every output depends on the whole map, so it is one matrix product.

    torch's own convolution on a CPU (oneDNN) multiplies with the padding, too: on AVX2 its two passes take 3 to 9 times as long.
    """

    def __init__(self, width: int, out: int, stride: int = 1):
        super().__init__(width, out, 3, stride=stride, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B d h w"]:
        (H, W), stride = x.shape[-2:], self.stride[0]
        if max(H, W) <= 2:
            return as_matrix(x, self.weight, stride)
        across = stride if W > 1 else 1  # one column gives the same; with 2, oneDNN reads uninitialised memory in bfloat16 (torch 2.15)
        return F.conv2d(x, self.weight, stride=(stride, across), padding=1)


def as_matrix(x: Float[Tensor, "B c H W"], weight: Float[Tensor, "d c 3 3"], stride: int) -> Float[Tensor, "B d h w"]:
    """y[b, d, i, j] = Σ x[b, c, p, q] · weight[d, c, 1 + p - stride · i, 1 + q - stride · j] over c, p, q, for maps of at most 2×2.

    So the output at (i, j) takes a window of the kernel, as large as the map, which begins at 1 - stride · i and 1 - stride · j.
    """
    _, _, H, W = x.shape
    rows, columns, kernel = range(1, 1 - H, -stride), range(1, 1 - W, -stride), weight.permute(0, 2, 3, 1)
    windows = torch.stack([kernel[:, top : top + H, left : left + W] for top in rows for left in columns])
    y = F.linear(x.permute(0, 2, 3, 1).flatten(1), windows.flatten(0, 1).flatten(1))  # with channels last, the permuted map is a view
    return y.view(len(x), len(rows), len(columns), -1).permute(0, 3, 1, 2)
