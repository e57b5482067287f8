"""The names of the data sets that `load` knows, and what is particular about some; it imports nothing, so that `--help` is quick."""

# torchvision's classification sets and their splits; the first serves as "train" and the last as "test" where a set lacks that name. () = 80/20.
TORCHVISION = {
    **dict.fromkeys("cifar10 cifar100 mnist fashion_mnist kmnist emnist usps".split(), ("train", "test")),
    **dict.fromkeys("food101 gtsrb fer2013 stanford_cars omniglot".split(), ("train", "test")),
    **dict.fromkeys("flowers102 dtd rendered_sst2 pcam clevr_classification".split(), ("train", "val", "test")),
    **dict.fromkeys("imagenet imagenette lsun".split(), ("train", "val")),
    **dict.fromkeys("caltech101 caltech256 sun397 eurosat semeion".split(), ()),
    "country211": ("train", "valid", "test"),
    "fgvc_aircraft": ("train", "val", "trainval", "test"),
    "inaturalist": ("2021_train", "2021_train_mini", "2017", "2018", "2019", "2021_valid"),
    "lfw_people": ("train", "10fold", "test"),
    "oxford_iiit_pet": ("trainval", "test"),
    "places365": ("train-standard", "train-challenge", "val"),
    "qmnist": ("train", "test10k", "test50k", "nist", "test"),
    "stl10": ("train", "unlabeled", "train+unlabeled", "test"),
    "svhn": ("train", "extra", "test"),
}
KEYWORDS = {"emnist": "train", "inaturalist": "version", "lsun": "classes", "omniglot": "background", "qmnist": "what"}  # else train= or split=
OPTIONS = {"emnist": {"split": "balanced"}}
UNNAMED = {"svhn": 10, "usps": 10, "semeion": 10, "gtsrb": 43, "pcam": 2, "fer2013": 7, "clevr_classification": 11}  # classes that are numbers
BY_HAND = ("fer2013", "imagenet", "lfw_people", "lsun", "stanford_cars")  # torchvision reads them and cannot download them
NAMES = ("digits", *sorted(TORCHVISION))
SETS = ("scenes", *NAMES, "folder:PATH")  # what load knows
