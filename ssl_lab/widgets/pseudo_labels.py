"""Noisy Student's pseudo-labels: what a teacher is sure of, what a threshold lets pass, and what a balance makes of it."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.arguments import whole
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.plots.look import class_name
from ssl_lab.plots.pseudo_labels.numbers import Teacher
from ssl_lab.pseudo_labels import filter, filter_and_balance
from ssl_lab.widgets.controls import Choice, Slider
from ssl_lab.widgets.explorer import Explorer

USUAL = 0.3  # the paper's threshold
Said = Float[Tensor, "N C"]


class PseudoLabelExplorer(Explorer):
    """The labels that a teacher gives to images without labels: filtered by a threshold of the confidence, then balanced.

    images: N images with their true labels, which the teacher never saw.   probs: what it says, (N, C), each row a probability; or one of these a
    generation, the teacher first, then its student, that one's student and so on; or a dict, name → (N, C).   per_class: images of each class that
    the student is given; None = as many as the classes have on average.   seed: of the copies that a short class is filled up with.
    Controls: threshold of the confidence, per_class (0 = the average), generation (from 1; only where there are several), chosen (a class; None =
        all of them).
    Raises: InputError for images without true labels, other than one row of probabilities an image, or a control out of its range.
    """

    def __init__(self, images: Images, probs: Tensor | Sequence[Tensor] | Mapping[str, Tensor], per_class: int | None = None, seed: int = 0, **start):
        check_images(images, "PseudoLabelExplorer")
        images = images[:].to("cpu")
        missing = int((images.labels < 0).sum())
        require(not missing, f"{missing} of {len(images)} images have no label; the true classes are needed here: images[images.labels >= 0]")
        require(per_class is None or (whole(per_class) and per_class >= 0), f"per_class={per_class!r}: a number of images is needed, or None")
        self.probs, self.seed = checked(images, probs), seed
        self.teachers = [Teacher(name, one.numpy(), images.labels.numpy(), images.classes) for name, one in self.probs.items()]
        self.shown, C = plots.hwc(images.x), self.teachers[0].probs.shape[1]
        most = max(*(int(teacher.total.sum(1).max()) for teacher in self.teachers), per_class or 0, 1)
        count, called = len(self.teachers), [*probs] if isinstance(probs, Mapping) else ()
        names = [class_name(label, images.classes, 30) for label in range(C)]
        controls = {
            "threshold": Slider("threshold", 0.0, 0.99, USUAL, 0.01),
            "per_class": Slider("per class (0: average)", 0, most, per_class or 0, max(1, most // 100), names=["average"]),
            "generation": Slider("generation", stops=range(1, count + 1), only=True, names=called) if count > 1 else None,
            "chosen": Choice("class", [("all", None), *((name, label) for label, name in enumerate(names))]),
        }
        super().__init__(controls, **start)

    def draw(self, threshold: float, per_class: int, chosen: int | None, generation: int = 1):
        every = [*self.probs.values()]
        passed = [filter(probs, threshold).numpy() for probs in every]
        drawn = passed[generation - 1]
        if len(drawn):
            drawn = filter_and_balance(every[generation - 1], threshold, per_class or None, self.seed).numpy()
        return plots.pseudo_labelling(self.teachers, passed, drawn, generation - 1, threshold, self.shown, chosen)


def checked(images: Images, probs) -> dict[str, Said]:
    """Name → probabilities, as floats on the CPU."""
    if not isinstance(probs, Mapping):
        several = [probs] if isinstance(probs, Tensor) else [*probs]
        probs = {f"generation {number}": one for number, one in enumerate(several, 1)}
    require(len(probs) > 0, "probs are empty; give what one teacher says, (N, C), or one of these a generation")
    shape = (len(images), next(iter(probs.values())).shape[-1])
    for name, one in probs.items():
        fits = isinstance(one, Tensor) and one.is_floating_point() and one.shape == shape
        require(fits, f"{name}: probabilities {shape} are needed, a row an image and a column a class; got {tuple(one.shape)}, {one.dtype}")
        row = odd(one)
        require(row is None, f"{name}: row {row} is no probability: its sum is {float(one[row or 0].sum()):.3g}; give softmax(logits, dim=1)")
    most = int(images.labels.max()) + 1
    require(shape[1] >= most, f"probs have {shape[1]} columns and the labels name {most} classes; every class needs one")
    return {name: one.detach().float().cpu() for name, one in probs.items()}


def odd(probs: Said) -> int | None:
    """The first row that is no probability: not finite, negative, or with another sum than 1, a percent aside for numbers of 16 bits."""
    bad = ~(((probs >= 0) & probs.isfinite()).all(1) & ((probs.double().sum(1) - 1).abs() <= 0.01))
    return int(bad.nonzero()[0]) if bad.any() else None
