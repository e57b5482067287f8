"""The third exercise of notebook 07: the momentum of BYOL's target, and the ways in which it usually goes wrong."""

import math
from collections.abc import Callable, Iterator

import torch

from ssl_lab.checks.answer import Kind
from ssl_lab.checks.check import Check

MOMENTA = 0.9, 0.99, 0.996, 0.999  # usual values of m


def target_momentum(m: float, progress: float) -> float:
    """What the target keeps of itself when this share of the training, 0 to 1, is done: from m up to 1, by half a cosine."""
    return 1 - (1 - m) * (math.cos(math.pi * progress) + 1) / 2


def moments(seed: int) -> Iterator[tuple[float, float]]:
    """Momenta, far enough from 1 to see what becomes of them, and moments before and after the middle; the first always the same."""
    for number, (low, high) in enumerate([(0.25, 0.25), (0.1, 0.4), (0.6, 0.9), (0.2, 0.4)]):
        draw = torch.Generator().manual_seed(number and 1000 * seed + number)
        a, b = torch.rand(2, generator=draw, dtype=torch.float64).tolist()
        yield 0.5 + 0.45 * a if number else 0.9, low + (high - low) * b


def eased(factor: Callable[[float], float]) -> Callable:
    """The momentum with another factor of 1 - m, made of the angle in half turns."""
    return lambda m, progress: 1 - (1 - m) * factor(math.pi * progress)


MOMENTUM = {
    "the result is always m: the momentum rises to 1 while progress goes from 0 to 1": (lambda m, progress: m,),
    "the momentum rises in a straight line: it follows half a cosine, which is flat at both ends": (lambda m, progress: m + (1 - m) * progress,),
    "the cosine is not halved: cos + 1 goes from 2 to 0, so divide it by 2": (eased(lambda angle: math.cos(angle) + 1),),
    "the 1 is not added: (cos + 1) / 2 goes from 1 to 0": (eased(math.cos), eased(lambda angle: math.cos(angle) / 2)),
    "brackets are missing around cos + 1: without them only the 1 is divided by 2": (eased(lambda angle: math.cos(angle) + 1 / 2),),
    "the sine is taken instead of the cosine: the cosine begins at 1 and ends at −1": (
        eased(lambda angle: (math.sin(angle) + 1) / 2),
        eased(math.sin),
    ),
    "the momentum falls: it starts at m and ends at 1": (
        lambda m, progress: target_momentum(m, 1 - progress),
        lambda m, progress: m * (math.cos(math.pi * progress) + 1) / 2,
    ),
    "the result is the share that the target takes of the online network: the momentum is 1 minus that share": (
        lambda m, progress: 1 - target_momentum(m, progress),
    ),
    "the factor before the cosine is wrong: it is 1 − m, the way from m to 1": (
        lambda m, progress: target_momentum(0, progress),
        lambda m, progress: target_momentum(1 - m, progress),
    ),
    "the two arguments are swapped: the momentum begins at m, and the angle is π · progress": (lambda m, progress: target_momentum(progress, m),),
    "m is a fixed number in the code: use the argument m": tuple(
        lambda m, progress, fixed=fixed: target_momentum(fixed, progress) for fixed in MOMENTA
    ),
    "the angle is in degrees: math.cos takes radians, and half a turn is math.pi": (
        lambda m, progress: target_momentum(m, 180 * progress / math.pi),
    ),
    "π is missing: the angle is π · progress": (lambda m, progress: target_momentum(m, progress / math.pi),),
    "the angle has a wrong factor: it goes from 0 to π, half a turn": (
        lambda m, progress: target_momentum(m, 2 * progress),
        lambda m, progress: target_momentum(m, progress / 2),
    ),
    "the fraction is cut off by `//`: divide with `/`": (eased(lambda angle: (math.cos(angle) + 1) // 2),),
}

check_target_momentum = Check("target_momentum", target_momentum, moments, MOMENTUM, Kind.NUMBER, "the momentum at this moment")
