"""SimCLR's step against lightly's transform and loss on the same network, in one run; and what `import ssl_lab` costs.

    python tests/benchmarks/step.py [--batch 256] [--threads 1]

Step: two views of every image, forward, backward, update. CPU milliseconds, the smaller of several rounds; lightly transforms PIL images one by
one, as its loaders do, with SimCLR's parameters for CIFAR (crop, flip, jitter, grey, no blur). The network is the same, run as `train` runs it.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import replace

import torch
from lightly.loss import NTXentLoss
from lightly.transforms import SimCLRTransform
from torchvision.transforms.functional import to_pil_image

from ssl_lab.data import load
from ssl_lab.losses import nt_xent
from ssl_lab.methods import SimCLR, simclr
from ssl_lab.models import small_resnet
from ssl_lab.precision import autocast
from ssl_lab.train import Training


def milliseconds(work, rounds: int = 7) -> float:
    """CPU time of the quickest round."""
    work()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return 1000 * min(spent)


def report(what: str, ours: float, theirs: float) -> None:
    print(f"{what:<28} ssl_lab {ours:8.1f} ms   lightly {theirs:8.1f} ms   {theirs / ours:5.1f}×", flush=True)


def imports() -> None:
    """CPU seconds of a fresh process, the smaller of five."""

    def seconds(code: str) -> float:
        script = f"import time; start = time.process_time(); {code}; print(time.process_time() - start)"
        return min(float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout) for _ in range(5))

    torch_alone, ours = seconds("import torch"), seconds("import ssl_lab")
    print(f"import ssl_lab {ours:.2f} s, import torch {torch_alone:.2f} s: {ours / torch_alone:.2f}×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    x = load("scenes", limit=given.batch).x
    pictures = [to_pil_image(image) for image in x]
    method = SimCLR(small_resnet())
    training = Training(method, load("scenes", limit=given.batch), replace(simclr.SCENES, batch=given.batch), threads=given.threads)
    optimizer = training.optimizer
    transform = SimCLRTransform(input_size=32, cj_strength=0.5, gaussian_blur=0.0, normalize=None)
    loss = NTXentLoss(temperature=0.2)

    def their_views():
        return [torch.stack(view) for view in zip(*(transform(picture) for picture in pictures))]

    def their_step():
        x1, x2 = their_views()
        with autocast(x1.device):
            value = loss(method.embed(x1), method.embed(x2))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    z1, z2 = torch.randn(2, given.batch, 64)
    z1.requires_grad_()

    def apart(views, criterion):
        return lambda: (views(), criterion(z1, z2).backward())

    print(f"batch {given.batch}, {given.threads} thread(s), torch {torch.__version__}")
    report("step", milliseconds(lambda: training.step((x,))), milliseconds(their_step, 3))
    both = apart(lambda: method.views(x), lambda a, b: nt_xent(a, b, 0.2))
    report("augmentation and loss", milliseconds(both), milliseconds(apart(their_views, loss), 3))
    ours = milliseconds(lambda: method.views(x))
    report("augmentation", ours, milliseconds(their_views, 3))
    print(f"augmentation: {500 * ours / given.batch:.1f} µs a view of 32 pixels")
    imports()


if __name__ == "__main__":
    main()
