"""DeepCluster's two cures where most pictures are the same: a camera that sees nothing in nine frames of ten.

    python tests/benchmarks/cures.py --laptop --seeds 0 1 2                        10,000 frames, of which 9,000 are black; 90 CPU seconds a row
    python tests/benchmarks/cures.py --black 0 0.9 --rows both neither             other shares of black frames, some rows
    python tests/benchmarks/cures.py --limit 500 --recipe epochs=1 --set clusters=20        to try it

Rows, each with as many steps:
    both           DeepCluster as it is: empty clusters are repaired, and clusters are drawn equally often
    weight         repair; frames are drawn as they are, and each is weighed by 1 / size of its cluster
    no-sampling    repair; frames are drawn as they are
    no-repair      empty clusters stay empty; clusters are drawn equally often
    neither        neither

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
kNN and linear probe of the shape are those of every other benchmark: their images are the scenes without black ones. empty, largest: clusters
without a frame, and the share of frames of the largest one, at the last epoch. A training whose features no longer vary in enough directions
to be clustered ends there, says so, and is measured as it is.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import seeds
import torch

from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.methods import DeepCluster
from ssl_lab.models import small_resnet
from ssl_lab.train import train

CHANGES = {
    "both": {}, "weight": {"balance": "weight"}, "no-sampling": {"balance": "none"}, "no-repair": {"repair": False},
    "neither": {"balance": "none", "repair": False},
}  # fmt: skip
Found = tuple[float, float, float, float, float]  # kNN, linear probe, empty clusters, the largest one's share, CPU seconds


def darkened(images: Images, share: float) -> Images:
    """The same number of images; the last ones, as many as the share says, are black."""
    x = images.x.clone()
    x[round((1 - share) * len(x)) :] = 0
    return replace(images, x=x).select("x", "labels").unlabelled()


class Trial(seeds.Trial):
    def trained(self, row: str, share: float) -> Found:
        torch.manual_seed(self.seed)
        method = DeepCluster(small_resnet(), **dict(self.given.set) | CHANGES[row])
        method.augmentation = seeds.suited(method.augmentation, self.given.area)
        recipe, start = replace(DeepCluster.recipes["scenes"], **dict(self.given.recipe), seed=self.seed), time.process_time()
        last = None
        try:
            for log in train(method, darkened(self.images, share), recipe):
                last = log
        except InputError as error:  # features that vary in too few directions to be clustered: nothing is learned any more
            if last is None or "collapse" not in str(error):  # what is given is wrong
                raise
            print(f"      {row}: after epoch {last.epoch} of {recipe.epochs}, {error}", flush=True)
        spent = time.process_time() - start
        return *self.probed(method.encoder), last.stats["empty"], last.stats["largest"], spent

    def rows(self, rows: list[str]) -> Iterator[tuple[str, Found]]:
        for share in self.given.black:
            for row in rows:
                yield f"{row}, {share:.0%} black", self.trained(row, share)


def main() -> None:
    parser = seeds.arguments(__doc__, "DeepCluster")
    parser.add_argument("--rows", nargs="+", choices=list(CHANGES), default=list(CHANGES), metavar="ROW", help=", ".join(CHANGES))
    parser.add_argument("--black", type=float, nargs="+", default=[0.9], metavar="SHARE", help="of the frames")
    seeds.compare(Trial, parser.parse_args(), ("kNN", "linear", "empty", "largest"))


if __name__ == "__main__":
    main()
