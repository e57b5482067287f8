"""python -m course.picture: the README's picture, from a minute of training.

The similarity matrix of sixteen unseen scenes, drawn by the function that the notebook's slider calls.
"""

from pathlib import Path

import torch
from PIL import Image

from ssl_lab.data import load
from ssl_lab.methods import SimCLR
from ssl_lab.methods.simclr import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.train import train
from ssl_lab.widgets import SimilarityExplorer

OUT = Path(__file__).parent / "readme.png"
COLOURS = 200  # of the stored picture: a third of its size, and no difference to the eye


def main() -> None:
    torch.manual_seed(0)
    method = SimCLR(small_resnet())
    for log in train(method, load("scenes").unlabelled(), SCENES):
        print(log)
    explorer = SimilarityExplorer(method, load("scenes", "test"), pairs=16, tau=method.tau, anchor=5)
    OUT.write_bytes(explorer.picture)
    Image.open(OUT).convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(OUT, optimize=True)
    print(f"{OUT}: {explorer.summary}")


if __name__ == "__main__":
    main()
