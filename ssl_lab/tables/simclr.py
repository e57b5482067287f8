"""What SimCLR reached at full scale: the four tables of the lecture, from the paper's Tables 6, 7 and 8 (Chen et al., ICML 2020, arXiv 2002.05709).

Every figure is the paper's, with pre-training on ImageNet; none was measured here. The paper's "(ours)" is left out of the names.
"""

from ssl_lab.tables.table import Table

PAPER = "Chen, Kornblith, Norouzi and Hinton 2020, arXiv 2002.05709"
SETS = ("Food", "CIFAR10", "CIFAR100", "Birdsnap", "SUN397", "Cars", "Aircraft", "VOC2007", "DTD", "Pets", "Caltech-101", "Flowers")
METRICS = (
    "Percent, of ResNet-50 (4×): Top-1 accuracy; for Aircraft, Pets, Caltech-101 and Flowers its mean over classes; for VOC2007 mean average "
    "precision. The highest figure is bold here. The paper also prints figures in bold that are not significantly lower."
)

TRANSFER_LINEAR = Table(
    "Transfer to 12 data sets, a linear classifier on frozen features", f"{PAPER}, Table 8", ("Method", *SETS),
    {"": (
        ("SimCLR", 76.9, 95.3, 80.2, 48.4, 65.9, 60.0, 61.2, 84.2, 78.9, 89.2, 93.9, 95.0),
        ("Supervised", 75.2, 95.7, 81.2, 56.4, 64.9, 68.8, 63.8, 83.8, 78.7, 92.3, 94.1, 94.2),
    )}, METRICS, SETS,
)  # fmt: skip

TRANSFER_FINE_TUNED = Table(
    "Transfer to 12 data sets, every weight fine-tuned", f"{PAPER}, Table 8", ("Method", *SETS),
    {"": (
        ("SimCLR", 89.4, 98.6, 89.0, 78.2, 68.1, 92.1, 87.0, 86.6, 77.8, 92.1, 94.1, 97.6),
        ("Supervised", 88.7, 98.3, 88.7, 77.8, 67.0, 91.4, 88.0, 86.5, 78.8, 93.2, 94.2, 98.0),
        ("Random init", 88.3, 96.0, 81.9, 77.0, 53.7, 91.3, 84.8, 69.4, 64.1, 82.7, 72.5, 92.5),
    )}, METRICS, SETS,
)  # fmt: skip

IMAGENET = Table(
    "Self-supervised learning on ImageNet, a linear classifier on frozen features", f"{PAPER}, Table 6",
    ("Method", "Architecture", "Param (M)", "Top 1", "Top 5"),
    {
        "Methods using ResNet-50": (
            ("Local Agg.", "ResNet-50", 24, 60.2, None),
            ("MoCo", "ResNet-50", 24, 60.6, None),
            ("PIRL", "ResNet-50", 24, 63.6, None),
            ("CPC v2", "ResNet-50", 24, 63.8, 85.3),
            ("SimCLR", "ResNet-50", 24, 69.3, 89.0),
        ),
        "Methods using other architectures": (
            ("Rotation", "RevNet-50 (4×)", 86, 55.4, None),
            ("BigBiGAN", "RevNet-50 (4×)", 86, 61.3, 81.9),
            ("AMDIM", "Custom-ResNet", 626, 68.1, None),
            ("CMC", "ResNet-50 (2×)", 188, 68.4, 88.2),
            ("MoCo", "ResNet-50 (4×)", 375, 68.6, None),
            ("CPC v2", "ResNet-161 (*)", 305, 71.5, 90.1),
            ("SimCLR", "ResNet-50 (2×)", 94, 74.2, 92.0),
            ("SimCLR", "ResNet-50 (4×)", 375, 76.5, 93.2),
        ),
    },
    "Accuracy in percent. (2×) and (4×) are widths, (*) is CPC v2's own network.", ("Top 1", "Top 5"),
)  # fmt: skip

SEMI_SUPERVISED = Table(
    "Semi-supervised learning on ImageNet, 1 % and 10 % of the labels", f"{PAPER}, Table 7", ("Method", "Architecture", "1 %", "10 %"),
    {
        "": (("Supervised baseline", "ResNet-50", 48.4, 80.4),),
        "Methods using other label-propagation": (
            ("Pseudo-label", "ResNet-50", 51.6, 82.4),
            ("VAT+Entropy Min.", "ResNet-50", 47.0, 83.4),
            ("UDA (w. RandAug)", "ResNet-50", None, 88.5),
            ("FixMatch (w. RandAug)", "ResNet-50", None, 89.1),
            ("S4L (Rot+VAT+En. M.)", "ResNet-50 (4×)", None, 91.2),
        ),
        "Methods using representation learning only": (
            ("InstDisc", "ResNet-50", 39.2, 77.4),
            ("BigBiGAN", "RevNet-50 (4×)", 55.2, 78.8),
            ("PIRL", "ResNet-50", 57.2, 83.8),
            ("CPC v2", "ResNet-161 (*)", 77.9, 91.2),
            ("SimCLR", "ResNet-50", 75.5, 87.8),
            ("SimCLR", "ResNet-50 (2×)", 83.0, 91.2),
            ("SimCLR", "ResNet-50 (4×)", 85.8, 92.6),
        ),
    },
    "Top-5 accuracy in percent. (2×) and (4×) are widths, (*) is CPC v2's own network.", ("1 %", "10 %"),
)  # fmt: skip
