"""The numbers behind the picture of MoCo's queue: what is in it at a step, and what one query of that step makes of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ssl_lab.losses import minus_log_share, queue_scores
from ssl_lab.plots.look import class_name, number, percent


@dataclass(frozen=True, eq=False)
class Moment:
    """A step of MoCo at its logits: B queries with their keys, and the K rows of the queue in the order of its slots, K a multiple of B.

    Nobody writes into it: what it says of itself is computed once, because a picture of one step asks all steps before it.
    """

    q: Float[np.ndarray, "B d"]
    k: Float[np.ndarray, "B d"]
    rows: Float[np.ndarray, "K d"]
    age: Int[np.ndarray, " K"]  # steps since a row came in; -1 = random, as the queue begins
    shows: Int[np.ndarray, " K"]  # which picture a row is the key of; -1 = none, it is random
    again: Float[np.ndarray, " K"]  # cosine of a row and what the present key network makes of the same view; NaN for a random row
    pointer: int  # the slot that the step's first key goes to
    step: int  # from 1; its own pictures are (step - 1) B and those that follow

    @property
    def own(self) -> Int[np.ndarray, " B"]:
        """The step's pictures."""
        return (self.step - 1) * len(self.q) + np.arange(len(self.q))

    @property
    def slots(self) -> Int[np.ndarray, " B"]:
        """Where the step's keys go, around the end."""
        return (self.pointer + np.arange(len(self.q))) % len(self.rows)

    @cached_property
    def enqueued(self) -> "Moment":
        """The mistake: the step's keys are in the queue before its logits are computed."""
        columns = [column.copy() for column in (self.rows, self.age, self.shows, self.again)]
        for column, own in zip(columns, (self.k, 0, self.own, 1)):
            column[self.slots] = own
        return Moment(self.q, self.k, *columns, self.pointer, self.step)

    @cached_property
    def scores(self) -> Float[Tensor, "B _"]:
        """Of every query: with its own key, first, and with the K rows; in float64."""
        return queue_scores(*(torch.tensor(rows, dtype=torch.float64) for rows in (self.q, self.k, self.rows)))

    def shares(self, tau: float) -> Float[np.ndarray, "B _"]:
        """The softmax of every query: over its own key, first, and the K rows."""
        return (self.scores / tau).softmax(dim=1).numpy()

    def losses(self, tau: float) -> Float[np.ndarray, " B"]:
        """InfoNCE, one query at a time: -log of what its own key gets."""
        return minus_log_share(self.scores, self.scores[:, 0], tau).numpy()

    def agreement(self) -> tuple[Int[np.ndarray, " ages"], Float[np.ndarray, " ages"]]:
        """The ages of real keys, and how well keys of each agree with the present key network: the mean of `again`."""
        ages = np.unique(self.age[self.age >= 0])
        return ages, np.array([self.again[self.age == age].mean() for age in ages])


@dataclass(frozen=True, eq=False)
class Seen:
    """A moment as one query sees it."""

    now: Moment
    query: int
    labels: Int[np.ndarray, " N"]  # of all pictures, -1 = none
    classes: tuple[str, ...]
    tau: float
    early: bool  # whether the step's keys are in the queue already

    @property
    def own(self) -> int:
        """The query's picture."""
        return int(self.now.own[self.query])

    @cached_property
    def share(self) -> Float[np.ndarray, " _"]:
        """Of the query's softmax: its own key's, first, and every slot's."""
        return self.now.shares(self.tau)[self.query]

    @cached_property
    def twin(self) -> Bool[np.ndarray, " K"]:
        """Where the queue holds the query's own key."""
        return self.now.shows == self.own

    @cached_property
    def clash(self) -> Bool[np.ndarray, " K"]:
        """The false negatives: keys of other pictures that show the query's class. Nothing is like a picture without a label."""
        mine, shows = self.labels[self.own], self.now.shows
        return (shows >= 0) & ~self.twin & (self.labels[shows] == mine) & (mine >= 0)

    def name(self, picture: int) -> str:
        """A picture's class, or nothing."""
        return class_name(int(self.labels[picture]), self.classes, none="")

    def taken(self, slots: Bool[np.ndarray, " K"]) -> str:
        """What some slots take of the softmax, in words."""
        return percent(float(self.share[1:][slots].sum()))

    def of(self, picture: int) -> str:
        """A picture in words, with its class if it has one."""
        name = self.name(picture)
        return f"picture {picture}" + f" ({name})" * bool(name)

    def near(self, key: Float[np.ndarray, " d"]) -> str:
        """The cosine of a key with the query, in words."""
        return f"cosine with query {self.query}: {number(float(key @ self.now.q[self.query]))}"

    def said(self, slot: int) -> str:
        """A slot in words: its key, how near the query is, what the key takes of the softmax, and what it is to the query."""
        shown, now = int(self.now.shows[slot]), self.now
        key = "random row" if shown < 0 else f"key of {self.of(shown)}, {old(int(now.age[slot]))}"
        what = "; a false negative" if self.clash[slot] else "; the query's own key" if self.twin[slot] else ""
        return f"slot {slot}: {key}; {self.near(now.rows[slot])}; share {percent(self.share[1 + slot])}{what}"

    def stock(self) -> str:
        """What the queue holds."""
        age, K = self.now.age, len(self.now.age)
        real = age[age >= 0]
        if not len(real):
            return "all of them random rows yet"
        span = f"{real.min()} to {steps(int(real.max()))}" if real.min() < real.max() else steps(int(real.max()))
        return f"{len(real)} of them real ({percent(len(real) / K)}), {span} old"

    def finding(self) -> str:
        """What the picture shows, as a title."""
        random, K = self.now.age < 0, len(self.now.age)
        if self.early:
            return "enqueued too early: each query meets its own key twice, no loss below log 2 = 0.69"
        if random.any():
            many = f"all {K} negatives" if random.all() else f"{random.sum()} of {K} negatives"
            return f"{many} are still random rows, and take {self.taken(random)} of the softmax"
        if self.clash.any():
            shown = "shows" if self.clash.sum() == 1 else "show"
            return f"{self.clash.sum()} of {K} negatives {shown} the query's own class, and get {self.taken(self.clash)} of the softmax"
        return f"all {K} negatives are real keys, the oldest {steps(int(self.now.age.max()))} old"


def steps(count: float) -> str:
    """1 step, 2 steps."""
    return f"{count:g} step" if count == 1 else f"{count:g} steps"


def old(age: int) -> str:
    """The age of a row in words."""
    return "random" if age < 0 else "this step" if age == 0 else f"{steps(age)} old"
