"""How the keys of MoCo's queue grow old: how similar each is to the key that the present key network makes of the same view."""

from collections import deque

import torch

from ssl_lab.precision import autocast
from ssl_lab.recipe import Log
from ssl_lab.studies.watch import Watch
from ssl_lab.train import Step

MOMENTS = (1, 2, 5, 10, 20)  # epochs after which keys are made again; the last epoch is another
OLDEST = 64  # steps, the greatest age


class Ages(Watch):
    """seen: "epoch"; "agreement", for each age in steps, from 0, the similarity of the old key to the key that the key network makes of the same view
    now (batch norm has other groups, so age 0 is below 1); "strangers", the similarity of keys of different pictures. Similarity is the cosine.
    """

    def __init__(self, *study):
        super().__init__(*study)
        self.made, self.drawn, draw = deque(maxlen=OLDEST), [], self.method.views
        self.method.views = lambda *images: self.drawn.append(views := draw(*images)) or views

    def step(self, step: Step) -> None:
        self.made.append((self.drawn.pop()[1], step.embeddings["k"]))

    def epoch(self, log: Log) -> None:
        if log.epoch in MOMENTS or log.epoch == log.epochs:
            agreement, strangers = self.agreement()
            self.seen.append({"epoch": log.epoch, "strangers": strangers, "agreement": agreement})

    @torch.no_grad()
    def agreement(self) -> tuple[list[float], float]:
        """The mean similarity at each age, and of different pictures. Making keys changes batch norm's running statistics; they are put back."""
        method, x = self.method, self.made[-1][0]
        before = {name: tensor.clone() for name, tensor in method.key_encoder.state_dict().items()}
        with autocast(method.queue.device):
            pairs = [(method.keys(x), method.keys(x)), *((method.keys(x), k) for x, k in reversed(self.made))]
        method.key_encoder.load_state_dict(before)
        k = pairs[0][0].float()
        others = ((k.sum(0) ** 2).sum() - len(k)) / (len(k) * (len(k) - 1))
        return [(a.float() * b.float()).sum(1).mean().item() for a, b in pairs], others.item()
