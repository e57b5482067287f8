"""What Noisy Student reached at full scale: the lecture's table, and two networks to compare with (Xie et al., CVPR 2020, arXiv 1911.04252).

Every figure is a paper's; none was measured here. The lecture's are those of CVPR; the first version on arXiv has 87.4, 74.2, 31.2 and 16.1. In
Tables 4 and 5 of that version is the row of ResNet-50, too.
"""

from ssl_lab.tables.table import Table

PAPER = "Xie, Luong, Hovy and Le 2020, arXiv 1911.04252"

SUMMARY = Table(
    "ImageNet, and three tests of robustness", f"{PAPER}, Table 1",
    ("Network", "ImageNet top 1", "ImageNet-A top 1", "ImageNet-C mCE", "ImageNet-P mFR"),
    {
        "To compare with": (
            ("AlexNet", None, None, 100.0, 100.0),
            ("ResNet-50", None, None, 76.7, 58.0),
        ),
        "The lecture's table": (
            ("Prev. SOTA", 86.4, 61.0, 45.7, 27.8),
            ("NoisyStudent", 88.4, 83.7, 28.3, 12.2),
        ),
    },
    "Top 1 is accuracy in percent: higher is better. mCE and mFR are errors and flips in percent of AlexNet's, which are 100 by definition: lower is "
    "better. Prev. SOTA: previous state of the art. The row of ResNet-50 is from the code of these tests (Hendrycks and Dietterich).",
    ("ImageNet top 1", "ImageNet-A top 1"),
)  # fmt: skip
