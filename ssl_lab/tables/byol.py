"""What BYOL reaches at full scale without some of its parts: the paper's own experiments (Grill et al., NeurIPS 2020, arXiv 2006.07733).

Every figure is the paper's; none was measured here. Differences are computed.
"""

from ssl_lab.tables.table import Table

PAPER = "Grill et al. 2020, arXiv 2006.07733"
PROTOCOL = "Top-1 accuracy on ImageNet in percent, of a linear classifier on frozen features, ResNet-50 after 300 epochs."
BOTH = ("BYOL", "SimCLR")
LOSSES = tuple(f"Δ {name}" for name in BOTH)


def with_losses(first: tuple, *others: tuple) -> dict[str, tuple[tuple, ...]]:
    """Rows (setting, BYOL, SimCLR), and the differences of both from the first row."""
    losses = (tuple(round(a - b, 1) for a, b in zip(row[1:], first[1:])) for row in others)
    return {"": ((*first, None, None), *(row + lost for row, lost in zip(others, losses)))}


ABLATION = Table(
    "Which parts keep BYOL from a collapse", f"{PAPER}, Tables 5b, 18, 19 and 21", ("Variation", "Target", "Predictor", "Top 1"),
    {
        "Without negatives": (
            ("BYOL", "moving average", "yes", 72.5),
            ("no average", "copy, stop-gradient", "yes", 5.5),
            ("no stop-gradient", "copy, gradient flows", "yes", 0.3),
            ("no predictor", "moving average", "no", 0.2),
            ("neither", "copy, stop-gradient", "no", 0.1),
            ("none of them", "copy, gradient flows", "no", 0.1),
        ),
        "With negatives": (
            ("BYOL with negatives", "moving average", "yes", 70.9),
            ("SimCLR's form with a target", "moving average", "no", 70.7),
            ("SimCLR's form", "copy, gradient flows", "no", 69.4),
        ),
    },
    f"{PROTOCOL} Guessing among 1,000 classes reaches 0.1. The second row is from Tables 19 and 21; Table 5a prints 0.3 for such a target. "
    "BYOL with negatives has a temperature of 0.1; with 0.3 it reaches 72.7.",
)  # fmt: skip

TARGET = Table(
    "How slowly the target moves", f"{PAPER}, Table 5a", ("Target", "m at the start", "Top 1"),
    {"": (
        ("fixed, random", 1, 18.8),
        ("moving average", 0.999, 69.8),
        ("moving average", 0.99, 72.5),
        ("moving average", 0.9, 68.4),
        ("copy, stop-gradient", 0, 0.3),
    )},
    f"{PROTOCOL} The paper writes τ for m. Its Tables 19 and 21 print 5.5 for the copy.", ("Top 1",), {"m at the start": "{:g}"},
)  # fmt: skip

PREDICTOR_RATE = Table(
    "A copy as the target, and a predictor that learns faster", f"{PAPER}, Table 21", ("Learning rate of the predictor", "Top 1"),
    {"": (("× 0", 0.01), ("× 1", 5.5), ("× 2", 62.8), ("× 10", 66.6), ("× 20", 66.3))},
    f"{PROTOCOL} m = 0: the target is the online network itself, with a stop-gradient.", ("Top 1",), {"Top 1": "{:g}"},
)  # fmt: skip

BATCH = Table(
    "Smaller batches", f"{PAPER}, Table 16", ("Batch", *BOTH, *LOSSES),
    with_losses((4096, 72.5, 67.9), (512, 72.2, 66.5), (256, 71.8, 64.3), (128, 69.6, 63.6), (64, 59.7, 59.2)),
    f"{PROTOCOL} Δ: difference from the largest batch. BYOL's gradients are averaged over several steps, so that only its batch normalisation "
    "depends on the small batch.",
    BOTH, {"Batch": "{:,}", **dict.fromkeys(LOSSES, "{:+.1f}")},
)  # fmt: skip

AUGMENTATION = Table(
    "Fewer augmentations", f"{PAPER}, Table 17", ("Augmentation", *BOTH, *LOSSES),
    with_losses(("all of them", 72.5, 67.9), ("without colour", 63.4, 45.7), ("crop only", 59.4, 40.3)),
    f"{PROTOCOL} Δ: difference from all augmentations.", BOTH, dict.fromkeys(LOSSES, "{:+.1f}"),
)  # fmt: skip
