"""What CPC v2 reached at full scale, and what it changed in CPC: the lecture's rows, few labels, detection (Hénaff et al., ICML 2020).

None of these figures was measured here. Where they come from:
    IMAGENET   63.8, 85.3, 71.5 and 90.1 as SimCLR's paper prints them (`simclr.IMAGENET`); 48.7 as it is listed at Papers with Code; 73.6 from memory
               of the paper of CPC, whose text was not at hand.
    STEPS      3.0 and 4.5 from notes on the paper; the other gains from memory of the paper, whose text was not at hand; the last row is computed.
               The gain of larger patches is left out, since we are not sure of it.
    FEW        48.4, 80.4, 77.9 and 91.2 as SimCLR's paper prints them (`simclr.SEMI_SUPERVISED`); 25.4 and 56.4 from notes on its appendix; 73.1 as
               it is listed at Papers with Code; 52.7 from notes on the paper; the rows of all labels from memory of the paper. Its curves have more
               shares, such as 2, 5, 20 and 50 %; their figures are left out.
    DETECTION  76.6 from a list of the paper's results (Wizwand); 65.9 is DeepCluster's own (`deepcluster.DETECTION`); 74.7 from memory of the paper.
"""

from ssl_lab.tables.table import Table

PAPER = "Hénaff, Srinivas, De Fauw, Razavi, Doersch, Eslami and van den Oord 2020, arXiv 1905.09272"
SIMCLR = "arXiv 2002.05709"

IMAGENET = Table(
    "ImageNet, a linear classifier on frozen features", f"{PAPER}; {SIMCLR}, Table 6; arXiv 1807.03748",
    ("Method", "Architecture", "Param (M)", "Top 1", "Top 5"),
    {
        "": (
            ("CPC", "ResNet-101", None, 48.7, 73.6),
            ("CPC v2", "ResNet-50", 24, 63.8, 85.3),
            ("CPC v2", "ResNet-161 (*)", 305, 71.5, 90.1),
        ),
    },
    "Accuracy in percent, of the mean over the grid of patches. ResNet-101 here is its first three stacks. (*) The third stack has 46 blocks in "
    "place of 23, and 4,096 channels in place of 1,024.",
    ("Top 1", "Top 5"),
)  # fmt: skip

STEPS = Table(
    "From CPC to CPC v2: what each change is said to bring", f"{PAPER}, Section 4", ("Change", "Why", "Gain"),
    {
        "": (
            ("deeper and wider network", "a larger network learns more from a task that has no labels", 5.0),
            ("layer norm, no batch norm", "by batch norm a patch sees the others, and the task becomes trivial", 2.0),
            ("predictions from below, too", "more predictions for an image keep a large network from overfitting", 2.0),
            ("predictions in all four directions", "again more predictions", 2.5),
            ("larger patches, 80 × 80 pixels", "a patch holds more of an object", None),
            ("one or two colours dropped", "patches cannot be matched by their colours", 3.0),
            ("further changes of each patch", "nor by other details of no interest", 4.5),
        ),
        "Together": (("CPC → CPC v2", "48.7 → 71.5", round(71.5 - 48.7, 1)),),
    },
    "Points of top-1 accuracy of a linear classifier on ImageNet. The changes were added one after another, so a gain may depend on those before it. "
    "Every patch is changed on its own.",
    forms={"Gain": "{:+.1f}"},
)  # fmt: skip

FEW = Table(
    "ImageNet, few labels", f"{PAPER}; {SIMCLR}, Tables 7 and B.4", ("Method", "Labels", "Top 1", "Top 5"),
    {
        "1 %, 13 images a class": (
            ("With labels alone, ResNet-50", "1 %", 25.4, 48.4),
            ("CPC v2, ResNet-161 (*)", "1 %", 52.7, 77.9),
        ),
        "10 %": (
            ("With labels alone, ResNet-50", "10 %", 56.4, 80.4),
            ("CPC v2, ResNet-161 (*)", "10 %", 73.1, 91.2),
        ),
        "All": (
            ("With labels alone, ResNet-200", "100 %", 80.2, 95.2),
            ("CPC v2, ResNet-161 (*)", "100 %", 83.4, 96.5),
        ),
    },
    "Accuracy in percent. CPC v2 learned from all images without labels. Then a second ResNet is trained on its grid of features, in the end both "
    "networks: the lecture's efficient classification. The paper says: 2 to 5 times fewer labels for the same accuracy. Its first figure shows 80 % "
    "fewer where labels are few, and 50 % fewer where they are many.",
)  # fmt: skip

DETECTION = Table(
    "Object detection, fine-tuned on PASCAL VOC 2007", f"{PAPER}, Section 4; DeepCluster: arXiv 1807.05520", ("Pre-training", "Architecture", "mAP"),
    {
        "With labels": (("ImageNet labels", "ResNet-152", 74.7),),
        "Without labels": (
            ("DeepCluster", "VGG-16", 65.9),
            ("CPC v2", "ResNet-161 (*)", 76.6),
        ),
    },
    "Mean average precision in percent, at an overlap (IoU) of 0.5. CPC v2 and the network with labels are parts of a Faster R-CNN. The networks "
    "differ, so it is not the method alone that is compared.",
    ("mAP",),
)  # fmt: skip
