"""What CMC reached at full scale: objects, actions in videos, and labels of pixels from one view (Tian, Krishnan and Isola, ECCV 2020).

None of these figures was measured here. The paper's tables have the numbers that they had on arXiv in June 2021. Where the figures come from:
    IMAGENET   68.4, 88.2 and 188 from SimCLR's Table 6 (`simclr.IMAGENET`); 66.2, 87.0, 70.6 and 89.7 from BYOL's Table 1, with the parameters as
               Papers with Code lists them; AlexNet with labels, 59.3, from the README of CMC's code. MoCo's Table 1 tells of FastAutoAugment.
               Not confirmed: that the last two rows have RandAugment, and their views.
    CANDIDATES the README of CMC's code (github.com/HobbitLong/CMC), figure by figure; the gains are computed.
    VIDEO      Table 2 of the paper, without the methods of others.
    VIEWS      Table 3 of the paper.
"""

from itertools import pairwise

from ssl_lab.tables.table import Table

PAPER = "Tian, Krishnan and Isola 2020, arXiv 1906.05849"
README = "README of github.com/HobbitLong/CMC"

IMAGENET = Table(
    "ImageNet, a linear classifier on frozen features", f"{PAPER}; arXiv 2002.05709, Table 6; arXiv 2006.07733, Table 1; {README}",
    ("Method", "Architecture", "Param (M)", "Top 1", "Top 5"),
    {
        "With labels": (("AlexNet", "AlexNet", None, 59.3, None),),
        "Without labels": (
            ("CMC", "ResNet-50 (2×)", 188, 68.4, 88.2),
            ("CMC, RandAugment", "ResNet-50", 47, 66.2, 87.0),
            ("CMC, RandAugment", "ResNet-50 (2×)", 188, 70.6, 89.7),
        ),
    },
    "Accuracy in percent. CMC has two networks, so its parameters are twice those of one. (2×) is the width. The crops of the first row are also "
    "changed by FastAutoAugment, whose changes were chosen with labels. RandAugment: they are changed at random; these two rows take brightness and "
    "two differences of colours as views, in place of L and ab.",
    ("Top 1", "Top 5"),
)  # fmt: skip

STEPS = (("InsDis", "NCE", 4096, 56.5), ("InsDis", "softmax", 4096, 57.1), ("InsDis", "softmax", 16384, 58.5), ("MoCo", "softmax", 16384, 59.4))
GAINS = (None, *(round(b[-1] - a[-1], 1) for a, b in pairwise(STEPS)))

CANDIDATES = Table(
    "The softmax, more negatives, a slow network: one step after the other", README, ("Method", "Loss", "Negatives", "Top 1", "Δ"),
    {
        "ImageNet": tuple((*row, gain) for row, gain in zip(STEPS, GAINS)),
        "100 classes of ImageNet": (
            ("InsDis", "softmax", 16384, 69.1, None),
            ("MoCo", "softmax", 16384, 73.4, None),
            ("CMC, two halves", "softmax", 4096, 75.8, None),
        ),
    },
    "Accuracy in percent, of a linear classifier on frozen features. All rows are by the authors of CMC. InsDis has one view and a memory of old "
    "embeddings. NCE estimates the softmax's denominator once and keeps it. Δ: difference from the row above. The networks are ResNet-50, 24 million "
    "parameters; CMC's two are half as wide, 12 million together.",
    forms={"Negatives": "{:,}", "Δ": "{:+.1f}"},
)  # fmt: skip

VIDEO = Table(
    "Actions in videos, fine-tuned from the network of the frames", f"{PAPER}, Table 2", ("Pre-training", "Views", "UCF-101", "HMDB-51"),
    {
        "To compare with": (
            ("Random init", None, 48.2, 19.5),
            ("ImageNet, with labels", None, 67.7, 28.0),
        ),
        "Without labels": (
            ("CMC, later frame", 2, 55.3, None),
            ("CMC, flow", 2, 57.1, None),
            ("CMC, later frame and flow", 3, 59.1, 26.7),
        ),
    },
    "Accuracy in percent, of a CaffeNet; the last three learned from the videos of UCF-101.",
)  # fmt: skip

VIEWS = Table(
    "Labels of pixels from L alone, NYU-Depth-v2", f"{PAPER}, Table 3", ("Encoder of L", "Pixel accuracy", "mIoU"),
    {"": (
        ("Random", 45.5, 21.4),
        ("CMC, core view", 57.1, 34.1),
        ("CMC, full graph", 57.0, 34.4),
        ("Supervised", 57.8, 35.9),
    )},
    "Percent; mIoU is the mean overlap over classes. CMC learned from L, ab, depth and surface normals; only L is seen when the labels of pixels are "
    "predicted.",
)  # fmt: skip
