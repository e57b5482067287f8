"""An encoder of patches, as an encoder of images."""

from jaxtyping import Float
from torch import Tensor, nn

from ssl_lab.augment import patches


class PatchEncoder(nn.Module):
    """encoder(x): the mean of the features of all patches of an image, (B, dim). encoder.maps(x): one for each patch, (B, dim, G, G).

    network: encodes a patch, (B, 3, size, size) → (B, dim).   size, stride: of the grid, in pixels.
    Raises: InputError as `augment.patches`.
    """

    def __init__(self, network: nn.Module, size: int, stride: int):
        super().__init__()
        self.network, self.size, self.stride, self.dim = network, size, stride, network.dim

    def forward(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim"]:
        return self.maps(x).mean((2, 3))

    def maps(self, x: Float[Tensor, "B c H W"]) -> Float[Tensor, "B dim G J"]:
        """The features of every patch, in its place."""
        return self.latents(patches(x, self.size, self.stride))

    def latents(self, grid: Float[Tensor, "B G J c s s"]) -> Float[Tensor, "B dim G J"]:
        """The same of a grid of patches, each encoded alone."""
        B, G, J = grid.shape[:3]
        return self.network(grid.flatten(0, 2)).view(B, G, J, -1).permute(0, 3, 1, 2)
