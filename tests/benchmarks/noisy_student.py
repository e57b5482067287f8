"""Noisy Student beside what it has to beat: accuracy on the test split, seed by seed, with one label in a hundred.

    python tests/benchmarks/noisy_student.py --laptop --seeds 0 1 2                                 scenes; 20 CPU minutes a seed
    python tests/benchmarks/noisy_student.py --rows noisy alone hard --set threshold=0.5            some rows, another threshold
    python tests/benchmarks/noisy_student.py --rows fine-tuned taught --simclr recorded             the recorded weights, the same for all seeds
    python tests/benchmarks/noisy_student.py --data cifar10 --root FOLDER --area 0.2 --hue 0.1 --recipe epochs=8 --pretrain epochs=30
    python tests/benchmarks/noisy_student.py --limit 1000 --recipe epochs=1 --pretrain epochs=1 --set threshold=0.1 --rows all        to try it

Rows, all on the same labels, which the seed draws:
    noisy        NoisyStudent by its recipe for scenes: the average network of every round
    alone        the labels alone for as many steps: one round of more epochs. Its CPU seconds must agree with noisy's within a tenth
    no-noise, hard, no-filter, no-balance      one switch, as in the study of that name; every round
    fine-tuned   SimCLR on all images, then fine-tuned on the labels
    taught       NoisyStudent whose first teacher is that network: its student of every round

--laptop computes as most laptops do, with AVX2 and without bfloat16, whatever this machine has. Threads are OMP_NUM_THREADS, or one.
CPU seconds are of the training alone, without what is measured between its rounds; of fine-tuned, SimCLR's and those of fine-tuning.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import seeds
import torch
from torch import nn

from ssl_lab.arguments import arguments
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.evaluate import features, finetuned
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods import NoisyStudent, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.studies import STUDIES, recorded
from ssl_lab.train import train

SWITCHED = ("no-noise", "hard", "no-filter", "no-balance")
ROWS = ("noisy", "alone", *SWITCHED, "fine-tuned", "taught")
USUAL = ("noisy", "alone", "no-noise", "fine-tuned", "taught")
Found = Iterator[tuple[str, float, float]]  # row, accuracy, CPU seconds


def accuracy(network: nn.Module, test: Images) -> float:
    """Of a network from images to logits."""
    return (features(network, test).argmax(1).cpu() == test.labels).double().mean().item()


@dataclass(frozen=True)
class Trial:
    """All rows of one seed.   images: with all labels.   lesson: with those that are learned from."""

    given: argparse.Namespace
    images: Images
    lesson: Images
    test: Images
    seed: int

    def suited(self, usual: Augmentation) -> Augmentation:
        return seeds.suited(usual, self.given.area, self.given.hue)

    def settings(self, **change) -> dict:
        """Arguments of NoisyStudent."""
        usual = {"augmentation": arguments(NoisyStudent)["augmentation"].default} | NoisyStudent.suits.get("scenes", {})
        return usual | {"augmentation": self.suited(usual["augmentation"])} | dict(self.given.set) | change

    def student(self, teacher: nn.Module | None = None, epochs: int | None = None, **change) -> Iterator[tuple[int, float, float]]:
        """Train it; after every round its number, the accuracy of the average network, and the CPU seconds so far."""
        torch.manual_seed(self.seed)
        method = NoisyStudent(small_resnet(), classes=len(self.images.classes), teacher=teacher, **self.settings(**change))
        recipe = replace(NoisyStudent.recipes["scenes"], **{**dict(self.given.recipe), "seed": self.seed, **({"epochs": epochs} if epochs else {})})
        spent, start = 0.0, time.process_time()
        for log in train(method, self.lesson, recipe):
            spent += time.process_time() - start
            said = "".join(f", {name} {log.stats[name]:.3f}" for name in ("passed", "confidence") if name in log.stats)
            if log.epoch % recipe.epochs == 0:
                print(f"    round {log.epoch // recipe.epochs}: step {log.step:,}, {spent:.0f} CPU s{said}", flush=True)
                yield log.epoch // recipe.epochs, accuracy(method.average, self.test), spent
            start = time.process_time()

    def rounds(self, name: str, **change) -> Found:
        for number, right, spent in self.student(**change):
            yield f"{name}, round {number}", right, spent

    def last(self, name: str, **change) -> Found:
        *_, (_, right, spent) = self.student(**change)
        yield name, right, spent

    def alone(self) -> Found:
        usual = {name: p.default for name, p in arguments(NoisyStudent).items()} | self.settings()
        epochs = dict(self.given.recipe).get("epochs") or NoisyStudent.recipes["scenes"].epochs
        yield from self.last("labels alone, as long", epochs=epochs * usual["rounds"], rounds=1)

    def simclr(self) -> nn.Module:
        """Its encoder, trained on all images, or recorded."""
        if self.given.simclr == "recorded":
            return recorded("simclr").method().encoder
        torch.manual_seed(self.seed)
        method = SimCLR(small_resnet(), **SimCLR.suits.get("scenes", {}) | {"augmentation": self.suited(SMALL)})
        for _ in train(method, self.images, replace(SimCLR.recipes["scenes"], **{**dict(self.given.pretrain), "seed": self.seed})):
            pass
        return method.encoder

    def pretrained(self, rows: list[str]) -> Found:
        """The rows that begin with SimCLR."""
        start = time.process_time()
        recipe, classes = replace(GENTLE, seed=self.seed), len(self.images.classes)
        network = finetuned(self.simclr(), self.lesson, recipe=recipe, augmentation=self.suited(SMALL), classes=classes)
        spent = time.process_time() - start
        yield "SimCLR, fine-tuned", accuracy(network, self.test), spent
        if "taught" in rows:
            yield from self.rounds("taught by it", teacher=network)

    def found(self, rows: list[str]) -> Found:
        """Row by row, in the order of ROWS."""
        if "noisy" in rows:
            yield from self.rounds("Noisy Student")
        if "alone" in rows:
            yield from self.alone()
        for name in SWITCHED:
            if name in rows:
                yield from self.rounds(name, **STUDIES[f"noisy-student-{name}"].change)
        if {"fine-tuned", "taught"} & {*rows}:
            yield from self.pretrained(rows)


def compare(found: dict[str, dict[int, tuple[float, ...]]], of: list[int]) -> None:
    """Whether labels alone took as many CPU seconds."""
    ours = [row for row in found if row.startswith("Noisy Student")]
    if ours and "labels alone, as long" in found:
        shares = [found["labels alone, as long"][seed][1] / found[ours[-1]][seed][1] for seed in of]
        fit = "they agree within a tenth" if all(0.9 <= share <= 1.1 for share in shares) else "THEY DIFFER BY MORE THAN A TENTH"
        print(f"CPU seconds of labels alone by those of Noisy Student: {', '.join(f'{share:.2f}' for share in shares)}; {fit}")


def main() -> None:
    parser = seeds.arguments(__doc__, "NoisyStudent")
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, "all"], default=USUAL, metavar="ROW", help=f"{', '.join(ROWS)}, all")
    parser.add_argument("--pretrain", nargs="+", default=[], type=seeds.setting, metavar="NAME=VALUE", help="what differs from SimCLR's SCENES")
    parser.add_argument("--simclr", choices=["train", "recorded"], default="train")
    parser.add_argument("--labels", type=float, default=0.01, help="share of the labels that is kept")
    parser.add_argument("--hue", type=float, help="of SimCLR and of fine-tuning")
    given = parser.parse_args()
    if given.simclr == "recorded" and given.data != "scenes":
        parser.error(f"--simclr recorded: its weights are of scenes, and these are {given.data}; leave it out")
    images, test = seeds.loaded(given)
    table, rows = seeds.Table(given.seeds), list(ROWS) if "all" in given.rows else list(given.rows)
    for seed in given.seeds:
        lesson = images.label_fraction(given.labels, seed)
        print(f"seed {seed}: {len(lesson.labelled()):,} labels", flush=True)
        for row in Trial(given, images, lesson, test, seed).found(rows):
            table.add(seed, *row)
    table.end()
    compare(table.found, given.seeds)


if __name__ == "__main__":
    main()
