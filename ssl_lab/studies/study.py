"""The list of studies."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ssl_lab import methods
from ssl_lab.arguments import arguments
from ssl_lab.augment import SMALL, Augmentation, PatchAugmentation
from ssl_lab.data import Images
from ssl_lab.errors import one_of
from ssl_lab.method import Method
from ssl_lab.methods import NoisyStudent
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.studies.ages import Ages
from ssl_lab.studies.clusterings import Clusterings
from ssl_lab.studies.efficiency import Efficiency
from ssl_lab.studies.encoders import Encoders
from ssl_lab.studies.labels import Labels
from ssl_lab.studies.rounds import Rounds
from ssl_lab.studies.spread import Spread
from ssl_lab.studies.unmasked import unmask
from ssl_lab.studies.watch import Watch
from ssl_lab.surroundings import usual


@dataclass(frozen=True)
class Study:
    """One training on scenes.

    title: what differs, in words.   change: arguments of the method.   recipe: what differs from its SCENES.   watch: what it records besides.
    weights: whether they are recorded.   labels: share of the labels that the training sees, drawn with its seed; None: all.
    width: of small_resnet; None: the method makes its own encoder.   frames: of scenes in motion; None: still ones.
    alter: changes the method after it is built, where none of its arguments does; for what is a mistake, and no choice.
    """

    title: str
    method: str = "SimCLR"
    change: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)
    watch: type[Watch] = Watch
    weights: bool = True
    labels: float | None = None
    width: int | None = 16
    frames: int | None = None
    alter: Callable[[Method], None] | None = None

    def lesson(self, images: Images, seed: int) -> Images:
        """The images as the training sees them."""
        return images.label_fraction(self.labels, seed) if self.labels else images


NARROW = 12  # of two encoders, which together are little larger than one of width 16
SENSES = ("L", "ab", "depth", "normals", "mask")


def momentum(m: float) -> Study:
    return Study(f"m = {m:g}", "MoCo", {"m": m}, watch=Ages, weights=False)


def switched(title: str, **change) -> Study:
    return Study(title, "BYOL", change, watch=Spread, weights=False)


def clustered(title: str, **change) -> Study:
    return Study(title, "DeepCluster", change, watch=Clusterings, weights=False)


def multiview(title: str, width: int = NARROW, weights: bool = False, frames: int | None = None, **change) -> Study:
    return Study(title, "CMC", change, {}, Encoders, weights, width=width, frames=frames)


def painted(title: str, **change) -> Study:
    return Study(title, "Predictive", change, watch=Encoders, weights=not change, width=NARROW)


def student(title: str, recipe: dict | None = None, weights: bool = False, **change) -> Study:
    return Study(title, "NoisyStudent", change, recipe or {}, Rounds, weights, labels=0.01)


def predicted(title: str, weights: bool = False, alter: Callable[[Method], None] | None = None, **change) -> Study:
    watch = Efficiency if weights else Watch
    return Study(title, "CPC", change, watch=watch, weights=weights, width=None, alter=alter)


ALONE = NoisyStudent.recipes["scenes"].epochs * arguments(NoisyStudent)["rounds"].default  # as many steps as all rounds together
STILL = Augmentation(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0)
AS_IT_IS = PatchAugmentation(operations=0, elastic_share=0.0, tone_share=0.0, jitter_share=0.0, grey_share=0.0, drop_share=0.0)

STUDIES = {
    "supervised": Study("supervised, every label", "Supervised"),
    "simclr": Study("SimCLR as it is", watch=Labels),
    "simclr-seed-1": Study("SimCLR, seed 1", recipe={"seed": 1}, watch=Labels, weights=False),
    "simclr-seed-2": Study("SimCLR, seed 2", recipe={"seed": 2}, watch=Labels, weights=False),
    "simclr-no-colour": Study("no colour distortion", change={"augmentation": dataclasses.replace(SMALL, jitter=0.0)}),
    "simclr-no-head": Study("no head", change={"dim": None}),
    "simclr-cold": Study("temperature 0.01", change={"tau": 0.01}),
    "simclr-tiny-batch": Study("batches of 8", recipe={"batch": 8, "lr": 0.8 * 8 / 128}),
    "moco": Study("MoCo as it is", "MoCo", watch=Ages),
    "moco-leak": Study("one batch norm for the whole batch", "MoCo", change={"split": 1}),
    "moco-no-average": Study("key network copied at every step, m = 0", "MoCo", {"m": 0.0}, watch=Ages),
    "moco-m-0.9": momentum(0.9),
    "moco-m-0.999": momentum(0.999),
    "moco-m-0.9999": momentum(0.9999),
    "deepcluster": Study("DeepCluster as it is", "DeepCluster", watch=Clusterings),
    "deepcluster-no-balance": clustered("no balance: images as they are", balance="none"),
    "deepcluster-weight": clustered("weighted by 1 / cluster size", balance="weight"),
    "deepcluster-no-repair": clustered("no repair of empty clusters", repair=False),
    "deepcluster-no-cure": clustered("no repair, no balance", repair=False, balance="none"),
    "deepcluster-colour": clustered("all colours", input="rgb"),
    "deepcluster-grey": clustered("grey, in place of edges", input="grey"),
    "deepcluster-no-jitter": clustered("no colour distortion", augmentation=dataclasses.replace(SMALL, jitter=0.0)),
    "cmc": multiview("CMC as it is: L and ab", weights=True),
    "cmc-no-colour": multiview("no colour distortion", augmentation=dataclasses.replace(SMALL, jitter=0.0)),
    "cmc-independent": multiview("a crop and colours for each view", aligned=False),
    "cmc-warm": multiview("temperature 1", tau=1.0),
    "cmc-two": multiview("two views, narrower networks", 8, views=SENSES[:2]),
    "cmc-three": multiview("three views, L as the core", 8, views=SENSES[:3]),
    "cmc-four": multiview("four views, L as the core", 8, views=SENSES[:4]),
    "cmc-five": multiview("five views, L as the core", 8, weights=True, views=SENSES),
    "cmc-full": multiview("five views, full graph", 8, views=SENSES, graph="full"),
    "cmc-later": multiview("an image and a later frame", views=("rgb", "later"), frames=10),
    "cmc-flow": multiview("an image and its optical flow", views=("rgb", "flow"), frames=10),
    "predictive": painted("Predictive as it is: ab painted from L, squared error"),
    "predictive-l1": painted("ab painted from L, absolute error", loss="l1"),
    "cpc": predicted("CPC as it is", weights=True),
    "cpc-leak": predicted("a leak: the context sees below", alter=unmask),
    "cpc-plain": predicted("no augmentation of patches", patch_augmentation=AS_IT_IS),
    "cpc-batch": predicted("batch norm in the encoder", norm="batch"),
    "cpc-one": predicted("one direction: down", directions=1),
    "byol": Study("BYOL as it is", "BYOL", watch=Spread),
    "byol-no-average": switched("no moving average, m = 0", m=0.0),
    "byol-equal-rates": switched("predictor as fast as the rest", predictor_rate=1.0),
    "byol-no-stop": switched("no stop-gradient", stop_gradient=False),
    "byol-no-predictor": switched("no predictor", predictor=False),
    "byol-no-predictor-no-average": switched("no predictor, no moving average", predictor=False, m=0.0),
    "byol-no-predictor-no-stop": switched("no predictor, no stop-gradient", predictor=False, stop_gradient=False),
    "noisy-student": student("Noisy Student as it is, one label in a hundred", weights=True),
    "noisy-student-no-noise": student("no noise", operations=0, dropout=0.0, depth=0.0, augmentation=STILL),
    "noisy-student-hard": student("the most probable class as label", soft=False),
    "noisy-student-no-filter": student("unsure labels too, threshold 0", threshold=0.0),
    "noisy-student-no-balance": student("classes as frequent as the teacher finds them", per_class=0),
    "noisy-student-labels-alone": student("labels alone, for as many steps", {"epochs": ALONE}, rounds=1),
}
MOMENTA = {0.0: "moco-no-average", 0.9: "moco-m-0.9", 0.99: "moco", 0.999: "moco-m-0.999", 0.9999: "moco-m-0.9999"}
BYOLS = {  # predictor, moving average, stop-gradient; without stop-gradient the online network is its own target, which leaves nothing to average
    (True, True, True): "byol",
    (True, False, True): "byol-no-average",
    (True, True, False): "byol-no-stop",
    (False, True, True): "byol-no-predictor",
    (False, False, True): "byol-no-predictor-no-average",
    (False, True, False): "byol-no-predictor-no-stop",
}


def begin(name: str) -> tuple[Method, Recipe]:
    """The method of a study, with fresh weights from its recipe's seed, and the recipe. Raises: InputError for a name that is no study."""
    one_of(name, STUDIES, "study")
    study = STUDIES[name]
    kind = getattr(methods, study.method)
    recipe = dataclasses.replace(kind.recipes["scenes"], **study.recipe)
    with RandomStream(recipe.seed, torch.device("cpu")), usual():
        networks = () if study.width is None else (small_resnet(study.width),)
        method = kind(*networks, **kind.suits.get("scenes", {}) | study.change)
        if study.alter:
            study.alter(method)
    return method, recipe
