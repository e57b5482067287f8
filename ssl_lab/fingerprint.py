"""What a run remembers of the images that it learned from, so that it is not resumed on others."""

import hashlib

import torch

from ssl_lab.data import Images

LOOKED_AT = 2_000  # rows whose pixels count, evenly spread: of a million images a few milliseconds are enough


def fingerprint(images: Images, columns: tuple[str, ...]) -> dict:
    """How many images there are, their shape, and a digest of these columns, of all labels and of the order in which rows are drawn."""
    named = images.columns()
    rows = torch.linspace(0, len(images.x) - 1, min(LOOKED_AT, len(images.x))).long()
    parts = [named[name][rows.to(images.x.device)] for name in columns if name in named and name != "labels"]
    parts += [images.labels, *([] if images.index is None else [images.index]), *([] if images.targets is None else [images.targets])]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.cpu().contiguous().numpy().tobytes())
    return {"count": len(images), "shape": list(images.x.shape[1:]), "digest": digest.hexdigest()[:16]}
