"""Images of several kinds in one batch."""

import dataclasses
from collections.abc import Iterator

from torch import Tensor

from ssl_lab.data import Images
from ssl_lab.errors import require


@dataclasses.dataclass(frozen=True)
class Groups:
    """Images of several kinds, of which every step draws some of each: labelled and pseudo-labelled ones, never a batch without a label.

    parts: a batch holds the `fields` of the first part, then those of the next.   shares: what each part brings of a batch; they add up to 1.
    An epoch has drawn all of the part that takes the most batches; a shorter one begins again, in a new order.
    Raises: InputError for an empty part, or shares that do not fit.
    """

    parts: tuple[Images, ...]
    shares: tuple[float, ...]

    def __post_init__(self):
        fit = len(self.parts) == len(self.shares) and min(self.shares, default=0) > 0 and abs(sum(self.shares) - 1) < 1e-6
        require(fit, f"shares={self.shares} of {len(self.parts)} groups: each needs a share above 0, and all add up to 1")
        require(all(len(part) > 0 for part in self.parts), f"groups of {[len(part) for part in self.parts]} images: none may be empty")

    def __len__(self) -> int:
        """How many images all parts have."""
        return sum(map(len, self.parts))

    def sizes(self, size: int) -> list[int]:
        """How many images of a batch come from each part: at least one, and the last part takes the rest."""
        first = [max(1, round(share * size)) for share in self.shares[:-1]]
        require(sum(first) < size, f"batches of {size} images cannot hold shares of {self.shares}; use larger ones")
        return [*first, size - sum(first)]

    def steps(self, size: int) -> int:
        """How many batches of that size an epoch has."""
        return max(part.steps(one) for part, one in zip(self.parts, self.sizes(size)))

    def batches(self, size: int, rank: int = 0, ranks: int = 1) -> Iterator[tuple[Tensor, ...]]:
        """One epoch, as `Images.batches`: a batch is one tuple, the columns of all parts in turn."""
        steps = self.steps(size)
        drawn = [part.batches(one, rank, ranks, steps) for part, one in zip(self.parts, self.sizes(size))]
        return (sum(batch, ()) for batch in zip(*drawn))
