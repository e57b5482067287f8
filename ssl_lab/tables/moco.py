"""What MoCo reached at full scale: the lecture's table of detection, and the momentum (He et al., CVPR 2020, arXiv 1911.05722).

Every figure is the paper's; none was measured here. Differences are computed.
"""

from ssl_lab.tables.table import Table

PAPER = "He, Fan, Wu, Xie and Girshick 2020, arXiv 1911.05722"
SUPERVISED = "super. IN-1M"  # the row that the differences are from
AVERAGE_PRECISION = {  # pre-training → AP50, AP, AP75
    "random init.": (60.2, 33.8, 33.1),
    SUPERVISED: (81.3, 53.5, 58.8),
    "MoCo IN-1M": (81.5, 55.9, 62.6),
    "MoCo IG-1B": (82.2, 57.2, 63.7),
}
MEASURES = ("AP50", "AP", "AP75")
GAINS = tuple(f"Δ {name}" for name in MEASURES)


def with_gains(name: str) -> tuple:
    """A row of the table: its figures and, for MoCo, their differences from supervised pre-training."""
    row = AVERAGE_PRECISION[name]
    gains = (round(a - b, 1) for a, b in zip(row, AVERAGE_PRECISION[SUPERVISED]))
    return (name, *row, *(gains if name.startswith("MoCo") else [None] * len(row)))


DETECTION = Table(
    "Object detection, fine-tuned on PASCAL VOC", f"{PAPER}, Table 2", ("Pre-training", *MEASURES, *GAINS),
    {"": tuple(map(with_gains, AVERAGE_PRECISION))},
    "Average precision in percent, of Faster R-CNN (R50-C4), every layer tuned. AP50 and AP75 are at an overlap (IoU) of 0.50 and 0.75; AP is the "
    f"mean over ten overlaps from 0.50 to 0.95. Δ: difference from {SUPERVISED}. IN-1M is ImageNet. IG-1B is a billion images of Instagram; they are "
    "private, so the last row can never be reproduced.",
    MEASURES, dict.fromkeys(GAINS, "{:+.1f}"),
)  # fmt: skip

MOMENTUM = Table(
    "The momentum of the key network", f"{PAPER}, Section 4.1", ("m", "Top 1"),
    {"": ((0, "fails"), (0.9, 55.2), (0.99, 57.8), (0.999, 59.0), (0.9999, 58.9))},
    "Accuracy on ImageNet in percent, of a linear classifier on frozen features, ResNet-50 with a queue of K = 4,096. With m = 0 the key network is "
    "a copy at every step, and training fails.",
    forms={"m": "{:g}"},
)  # fmt: skip
