"""Random numbers of one's own: whoever draws from a seed draws in here, one at a time, and leaves everybody else's numbers as they were."""

import hashlib
import threading

import torch
from torch import Tensor

TURN = threading.RLock()  # torch has one default generator for all threads: who draws from it holds this


class RandomStream:
    """A stream of random numbers on the CPU and one device: inside `with`, torch draws from it; outside, from the caller's, as if nothing had
    happened. Entered again, it goes on where it was left. Inside, no other thread enters a stream, so that a slider moved during a training
    waits for the end of a step.

    seed: a number, or a tuple of numbers and words; another tuple is another stream.
    """

    def __init__(self, seed: int | tuple, device: torch.device):
        self.device, self.which = device, (device,) if device.type == "cuda" else ()  # which of them; MPS and others are one
        seed = mixed(seed) if isinstance(seed, tuple) else seed
        self.state = {one.type: torch.Generator(one).manual_seed(seed).get_state() for one in (torch.device("cpu"), device)}

    def __enter__(self) -> None:
        TURN.acquire()
        try:
            self.outer = self.read()
            self.write(self.state)
        except BaseException:
            TURN.release()
            raise

    def __exit__(self, *_) -> None:
        try:
            self.state = self.read()
        finally:  # also when Stop or Ctrl-C comes just now
            self.write(self.outer)
            TURN.release()

    def read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            states[self.device.type] = getattr(torch, self.device.type).get_rng_state(*self.which)
        return states

    def write(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self.device.type != "cpu":
            getattr(torch, self.device.type).set_rng_state(states[self.device.type], *self.which)


def mixed(key: tuple) -> int:
    """One seed of several parts, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:7], "big")
