"""What a run remembers of the images that it learned from, so that it is not resumed on others."""

import hashlib
from dataclasses import dataclass

import torch

from ssl_lab.data import Images

LOOKED_AT = 2_000  # rows whose pixels count, evenly spread: of a million images a few milliseconds are enough


@dataclass(frozen=True)
class Fingerprint:
    """How many images there are, the shape of one, and a digest of them."""

    count: int
    shape: tuple[int, ...]
    digest: str

    def __str__(self) -> str:
        return f"{self.count:,} images of {' x '.join(map(str, self.shape))} (digest {self.digest})"


def fingerprint(images: Images, columns: tuple[str, ...]) -> Fingerprint:
    """Of these columns, of all labels, and of the order in which rows are drawn."""
    named = images.columns()
    rows = torch.linspace(0, len(images.x) - 1, min(LOOKED_AT, len(images.x))).long()
    parts = [named[name][rows.to(images.x.device)] for name in columns if name in named and name != "labels"]
    parts += [images.labels, *([] if images.index is None else [images.index]), *([] if images.targets is None else [images.targets])]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.cpu().contiguous().numpy().tobytes())
    return Fingerprint(len(images), tuple(images.x.shape[1:]), digest.hexdigest()[:16])
