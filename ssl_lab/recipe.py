"""What one training is (Recipe), and what one of its epochs was (Log)."""

from dataclasses import asdict, dataclass, field

from ssl_lab.errors import one_of, require

OPTIMIZERS = ("adamw", "lars", "sgd")


@dataclass(frozen=True)
class Recipe:
    """One training, complete: the same recipe, data and machine give the same weights, bit for bit.

    epochs: passes over the images.   batch: images a step.   optimizer: adamw, lars or sgd.   lr: its peak, used as it stands
    (papers quote lr per 256 images).   weight_decay: on matrices only, never on biases and normalisation.   momentum: of lars and sgd.
    eta: LARS's trust coefficient.   warmup: share of the steps over which lr rises from 0; a cosine takes it back to 0.
    seed: of the weights that `relabel` renews, the order of the images, and the views.
    """

    epochs: int
    batch: int = 256
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    momentum: float = 0.9
    eta: float = 1e-3
    warmup: float = 0.1
    seed: int = 0

    def __post_init__(self):
        one_of(self.optimizer, OPTIMIZERS, "optimizer")
        require(self.epochs >= 1, f"epochs={self.epochs}: a training needs at least one")
        require(self.batch >= 2, f"batch={self.batch}: a training batch needs at least two images, one for the other to be told from")
        require(self.lr > 0, f"lr={self.lr} must be positive")
        require(self.weight_decay >= 0, f"weight_decay={self.weight_decay} must not be negative")
        require(0 <= self.momentum < 1, f"momentum={self.momentum} must be in [0, 1)")
        require(self.eta > 0, f"eta={self.eta}, the trust coefficient of LARS, must be positive; the paper uses 0.001")
        require(0 <= self.warmup < 1, f"warmup={self.warmup} is the share of all steps, in [0, 1)")


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
