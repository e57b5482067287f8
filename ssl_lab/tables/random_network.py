"""What an MLP reads from the last convolutional map of a random AlexNet, measured here: the lecture's observation, on small images.

Intel Xeon 2.5 GHz (AVX-512), one thread, torch 2.15, version 0.4; `small_alexnet()`, seeds 0, 1 and 2, and `mlp_probe` as they stand. By

    python tests/benchmarks/random_network.py --data scenes cifar10 --root FOLDER --input rgb grey
"""

from ssl_lab.tables.table import Table

SETS = ("CIFAR-10", "scenes", "grey scenes")

RANDOM_NETWORK = Table(
    "An MLP on a network that learned nothing", "this package, 2,000 labelled images", ("Input of the MLP", "Numbers", *SETS),
    {"": (
        ("none: the largest class", None, 0.112, 0.116, 0.116),
        ("pixels", 3072, 0.388, 0.824, 0.901),
        ("random AlexNet, seed 0", 1024, 0.442, 0.808, 0.954),
        ("random AlexNet, seed 1", 1024, 0.445, 0.802, 0.957),
        ("random AlexNet, seed 2", 1024, 0.453, 0.773, 0.961),
    )},
    "Accuracy on 2,000 unseen images, of one hidden layer of 256. Numbers: of an image, that the MLP sees; the last convolutional map has 4×4 "
    "positions. The paper compares with chance alone: 12 % on ImageNet, where chance is 0.1 %.",
    SETS, {"Numbers": "{:,}", **dict.fromkeys(SETS, "{:.1%}")},
)  # fmt: skip
