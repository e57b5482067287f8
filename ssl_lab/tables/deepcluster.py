"""What DeepCluster reached at full scale: the lecture's three tables, and what a random network knows already.

Caron, Bojanowski, Joulin and Douze, ECCV 2018, arXiv 1807.05520. Every figure is one that the paper prints, as the lecture has it; none was measured
here. An author names Table 5 (issue 58 of their code). Not confirmed: the numbers 3 and 4 of the other two tables, and Section 3.1.
"""

from ssl_lab.tables.table import Table

PAPER = "Caron, Bojanowski, Joulin and Douze 2018, arXiv 1807.05520"
TASKS = ("Classification", "Detection", "Segmentation")
PARTS = ("FC6-8", "ALL")  # what is trained on the task: the last three layers, or every layer
COLUMNS = tuple(f"{task} {part}" for task in TASKS for part in PARTS)
LABELS = "ImageNet labels"  # supervised pre-training

RANDOM = Table(
    "What a convolutional network knows before it learns", f"{PAPER}, Section 3.1", ("Features", "Top 1"),
    {"": (("guessing", 0.1), ("random AlexNet", 12.0))},
    "Accuracy on ImageNet in percent, of a multilayer perceptron on the last convolutional layer; the paper quotes Noroozi and Favaro 2016. Guessing "
    "among 1,000 classes is right in 0.1.",
)  # fmt: skip

TRANSFER = Table(
    "Transfer to PASCAL VOC, AlexNet", f"{PAPER}, Table 3", ("Method", "Training set", *COLUMNS),
    {"": (
        ("Best competitor", "ImageNet", 63.0, 67.7, 43.4, 53.2, 35.8, 37.7),
        ("DeepCluster", "ImageNet", 72.0, 73.7, 51.4, 55.4, 43.2, 45.1),
        ("DeepCluster", "YFCC100M", 67.3, 69.3, 45.6, 53.0, 39.2, 42.2),
    )},
    "Percent: mean average precision for classification and detection, mean overlap (IoU) for segmentation. FC6-8: only the last three layers are "
    "trained on the task; ALL: every layer is. The best competitor is the best earlier figure of each column, not one method. Its 43.4 and 35.8 have "
    "a dagger (†): the paper's authors measured these two themselves. YFCC100M: a million photographs of Flickr, which nobody chose by class.",
    COLUMNS,
)  # fmt: skip

DETECTION = Table(
    "Object detection on PASCAL VOC 2007, every layer fine-tuned", f"{PAPER}, Table 4", ("Method", "AlexNet", "VGG-16"),
    {
        "With labels": ((LABELS, 56.8, 67.3),),
        "Without labels": (
            ("Random", 47.8, 39.7),
            ("Doersch et al.", 51.1, 61.5),
            ("Wang and Gupta", 47.2, 60.2),
            ("Wang et al.", None, 63.2),
            ("DeepCluster", 55.4, 65.9),
        ),
    },
    "Mean average precision in percent. Random: pre-trained on nothing.",
)  # fmt: skip

RETRIEVAL = Table(
    "Retrieval of one building or place among photographs, VGG-16", f"{PAPER}, Table 5", ("Method", "Oxford5K", "Paris6K"),
    {
        "With labels": ((LABELS, 72.4, 81.5),),
        "Without labels": (
            ("Random", 6.9, 22.0),
            ("Doersch et al.", 35.4, 53.1),
            ("Wang et al.", 42.3, 58.0),
            ("DeepCluster", 61.0, 72.0),
        ),
    },
    "Mean average precision in percent. Random: pre-trained on nothing.",
)  # fmt: skip
