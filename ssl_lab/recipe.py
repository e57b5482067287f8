"""What one training is (Recipe), and what one of its epochs was (Log)."""

from dataclasses import asdict, dataclass, field
from typing import Annotated

from ssl_lab.arguments import Choice, Range, check_fields


@dataclass(frozen=True)
class Recipe:
    """One training, complete: the same recipe, data and machine give the same weights, bit for bit.

    epochs: passes over the images.   batch: images a step, of all ranks together.   optimizer: adamw, lars or sgd.   lr: its peak, used as it
    stands (papers quote lr per 256 images).   weight_decay: on matrices only, never on biases and normalisation.   momentum: of lars and sgd.
    eta: LARS's trust coefficient.   warmup: share of the steps over which lr rises from 0; a cosine takes it back to 0.
    seed: of the weights that `relabel` renews, the order of the images, and the views.
    Raises: InputError for values outside the ranges below.
    """

    epochs: Annotated[int, Range(1, whole=True)]
    batch: Annotated[int, Range(2, whole=True, hint="at least two images, one for the other to be told from")] = 256
    optimizer: Annotated[str, Choice(("adamw", "lars", "sgd"))] = "adamw"
    lr: Annotated[float, Range(above=0)] = 1e-3
    weight_decay: Annotated[float, Range(0)] = 1e-4
    momentum: Annotated[float, Range(0, below=1, hint="the papers use 0.9")] = 0.9
    eta: Annotated[float, Range(above=0, hint="the trust coefficient of LARS; the paper uses 0.001")] = 1e-3
    warmup: Annotated[float, Range(0, below=1, hint="a share of all steps")] = 0.1
    seed: Annotated[int, Range(whole=True)] = 0

    def __post_init__(self):
        check_fields(self)


@dataclass(frozen=True)
class Log:
    """One epoch of a training, as `train` yields it.

    epoch: counted from 1.   epochs: how many there will be.   step: optimizer steps so far.   loss: its mean over the epoch.   lr: at the
    epoch's end.   seconds: spent on the epoch.   images: drawn in the epoch.   stats: what the method says of its last embedding.
    remark: the same in words, where there is something to say.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    lr: float
    seconds: float
    images: int
    stats: dict[str, float] = field(default_factory=dict)
    remark: str = ""

    def as_dict(self) -> dict:
        """A flat dictionary, one line of metrics.jsonl."""
        row = asdict(self)
        return row | row.pop("stats")

    def __str__(self) -> str:
        line = f"epoch {self.epoch}/{self.epochs}   loss {self.loss:.3f}   {self.images / self.seconds:,.0f} images/s"
        return f"{line}   {self.remark}" if self.remark else line
