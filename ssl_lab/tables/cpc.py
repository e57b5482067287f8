"""What CPC v2 reached at full scale, and what it changed in CPC: the lecture's rows, few labels, detection (Hénaff et al., ICML 2020).

Every figure is from version 3 of the paper, arXiv 1905.09272; none was measured here:
    IMAGENET   Table 1.
    STEPS      section 4.1, in the order of Figure 3; the last row is computed from Table 1.
    FEW        Table 2, without its columns of 2, 5, 20 and 50 %.
    DETECTION  Table 4, three of its rows.
"""

from ssl_lab.tables.table import Table

PAPER = "Hénaff, Srinivas, De Fauw, Razavi, Doersch, Eslami and van den Oord 2020, arXiv 1905.09272"

IMAGENET = Table(
    "ImageNet, a linear classifier on frozen features", f"{PAPER}, Table 1", ("Method", "Architecture", "Param (M)", "Top 1", "Top 5"),
    {
        "": (
            ("CPC", "ResNet-101", 28, 48.7, 73.6),
            ("CPC v2", "ResNet-50", 24, 63.8, 85.3),
            ("CPC v2", "ResNet-161 (*)", 305, 71.5, 90.1),
        ),
    },
    "Accuracy in percent, of the mean over the grid of patches. ResNet-101 here is its first three stacks. (*) The third stack has 46 blocks in "
    "place of 23, and 4,096 channels in place of 1,024.",
    ("Top 1", "Top 5"),
)  # fmt: skip

STEPS = Table(
    "From CPC to CPC v2: what each change is said to bring", f"{PAPER}, Section 4.1 and Figure 3", ("Change", "Why", "Gain"),
    {
        "": (
            ("deeper and wider network", "a larger network learns more from a task that has no labels", 5.0),
            ("predictions from below, too", "more predictions for an image keep a large network from overfitting", 2.0),
            ("layer norm, no batch norm", "by batch norm a patch sees the others, and the task becomes trivial", 2.0),
            ("two of three colours dropped", "patches cannot be matched by their colours", 3.0),
            ("predictions in all four directions", "again more predictions", 2.5),
            ("larger patches, 80 × 80 pixels", "a patch holds more of an object", 2.0),
            ("further changes of each patch", "patches cannot be matched by other details of no interest", 4.5),
        ),
        "Together": (("CPC → CPC v2", "48.7 → 71.5", round(71.5 - 48.7, 1)),),
    },
    "Points of top-1 accuracy of a linear classifier on ImageNet, on images that the authors held out; the last row is of the usual test images. The "
    "changes were added one after another, in this order, so a gain may depend on those before it. Every patch is changed on its own.",
    forms={"Gain": "{:+.1f}"},
)  # fmt: skip

FEW = Table(
    "ImageNet, few labels", f"{PAPER}, Table 2", ("Method", "Labels", "Top 1", "Top 5"),
    {
        "1 %, 13 images a class": (
            ("With labels alone, ResNet-200", "1 %", 23.1, 44.1),
            ("CPC v2, ResNet-161 (*)", "1 %", 52.7, 78.3),
        ),
        "10 %": (
            ("With labels alone, ResNet-200", "10 %", 62.5, 83.9),
            ("CPC v2, ResNet-161 (*)", "10 %", 73.1, 91.2),
        ),
        "All": (
            ("With labels alone, ResNet-200", "100 %", 80.2, 95.2),
            ("CPC v2, ResNet-161 (*)", "100 %", 83.4, 96.5),
        ),
    },
    "Accuracy in percent. CPC v2 learned from all images without labels. Then a second ResNet is trained on its grid of features, in the end both "
    "networks: the lecture's efficient classification. The paper says: 2 to 5 times fewer labels for the same accuracy. CPC v2 is ahead with 1 % of "
    "the labels where the other network has 5 %, and with 50 % where the other has all. For 1 %, top 5, the lecture and SimCLR's paper print 77.9.",
)  # fmt: skip

DETECTION = Table(
    "Object detection, fine-tuned on PASCAL VOC 2007", f"{PAPER}, Table 4", ("Pre-training", "Architecture", "mAP"),
    {
        "With labels": (("ImageNet labels", "ResNet-152", 74.7),),
        "Without labels": (
            ("DeepCluster", "VGG-16", 65.9),
            ("CPC v2", "ResNet-161 (*)", 76.6),
        ),
    },
    "Mean average precision in percent, at an overlap (IoU) of 0.5. CPC v2 and the network with labels are parts of a Faster R-CNN, "
    "DeepCluster's of a Fast R-CNN. The networks differ, so it is not the method alone that is compared.",
    ("mAP",),
)  # fmt: skip
