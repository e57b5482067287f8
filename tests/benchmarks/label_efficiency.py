"""What a minute of unlabelled images is worth: accuracy on unseen scenes against the number of labels, for five learners.

    python tests/benchmarks/label_efficiency.py [--seeds 0 1 2] [--labels 10 40 100 400 10000] [--data scenes] [--out picture.png] [--record]

pixels: nearest neighbour.   supervised: crop and flip.   augmented: supervised with SimCLR's own augmentation.   probe: logistic regression on
SimCLR's frozen features.   fine-tuned: all of SimCLR's encoder, augmented. All networks are the same; SimCLR saw all images and no label.
--record keeps the figures in the package, where notebook 03 takes its curve from.
"""

import argparse
import json
import time
from dataclasses import replace

import torch

from ssl_lab import plots
from ssl_lab.augment import SMALL
from ssl_lab.data import Images, load
from ssl_lab.evaluate import features, finetune, knn_accuracy, linear_probe
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods import SimCLR, simclr
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import small_resnet
from ssl_lab.studies import FOLDER
from ssl_lab.train import train


def row(count: int, seed: int, images: Images, test: Images, pretrained: SimCLR) -> dict[str, float]:
    """Every learner at this number of labels."""
    some = images.label_fraction(count / len(images), seed).labelled()
    gentle = replace(GENTLE, seed=seed)
    scratch, flat = replace(gentle, lr=2e-3), lambda part: part.x.flatten(1).float()
    torch.manual_seed(seed)
    fresh = small_resnet()
    probe = linear_probe(features(pretrained.encoder, some), some.labels, features(pretrained.encoder, test), test.labels)
    return {
        "pixels": knn_accuracy(flat(some), some.labels, flat(test), test.labels, k=1),
        "supervised": finetune(fresh, some, test, recipe=scratch, augmentation=PLAIN),
        "augmented": finetune(fresh, some, test, recipe=scratch, augmentation=SMALL),
        "probe": probe.accuracy,
        "fine-tuned": finetune(pretrained.encoder, some, test, recipe=gentle, augmentation=SMALL),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 40, 100, 400, 10_000])
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--root")
    parser.add_argument("--out", help="where to draw the mean over the seeds")
    parser.add_argument("--record", action="store_true", help="write ssl_lab/recorded/label_efficiency.json")
    given = parser.parse_args()
    images, test = load(given.data, root=given.root), load(given.data, "test", root=given.root)
    rows = {count: [] for count in given.labels}
    for seed in given.seeds:
        torch.manual_seed(seed)
        method, start = SimCLR(small_resnet()), time.process_time()
        for _ in train(method, images.unlabelled(), replace(simclr.SCENES, seed=seed)):
            pass
        spent = time.process_time() - start
        h, ht = features(method.encoder, images), features(method.encoder, test)
        knn = knn_accuracy(h, images.labels, ht, test.labels)
        print(f"seed {seed}: SimCLR on {len(images):,} images, {spent:.0f} CPU seconds, kNN {knn:.3f}", flush=True)
        for count in given.labels:
            rows[count].append(row(count, seed, images, test, method))
            print(f"{count:>7} labels  {words(rows[count][-1])}", flush=True)
    means = {count: {name: sum(r[name] for r in found) / len(found) for name in found[0]} for count, found in rows.items()}
    print("mean", *(f"{count:>7} labels  {words(mean)}" for count, mean in means.items()), sep="\n")
    curves = {name: [mean[name] for mean in means.values()] for name in means[given.labels[0]]}
    if given.record:
        every = {name: [[round(r[name], 4) for r in found] for found in rows.values()] for name in curves}
        (FOLDER / "label_efficiency.json").write_text(json.dumps({"counts": given.labels, "seeds": given.seeds, "scores": every}, indent=1) + "\n")
    if given.out:
        figure, _ = plots.efficiency(given.labels, curves, ours=("probe", "fine-tuned"))
        figure.savefig(given.out)


def words(scores: dict[str, float]) -> str:
    return "   ".join(f"{name} {value:.3f}" for name, value in scores.items())


if __name__ == "__main__":
    main()
