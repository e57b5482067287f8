"""Random numbers of one's own: whoever draws from a seed draws in here, one at a time, and leaves everybody else's numbers as they were."""

import hashlib
import signal
import threading
from contextlib import ExitStack

import torch
from torch import Tensor

TURN = threading.RLock()  # torch has one default generator for all threads: who draws from it holds this


class Whole:
    """Inside of `begin` and `end`, an interrupt (Ctrl-C, or Stop) waits for the end, so that nothing is left half done; a second one does not wait.

    Python interrupts the main thread alone, at any call: between taking a lock and the `try` that would give it back, too.
    """

    def begin(self) -> None:
        self.asked, self.before = False, None
        heard = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
        if callable(heard):  # it is neither ignored nor the end of the process
            self.before = heard
            signal.signal(signal.SIGINT, self.hear)

    def hear(self, number: int, frame) -> None:
        again, self.asked = self.asked, True
        if again:
            self.before(number, frame)

    def end(self) -> None:
        if self.before:
            signal.signal(signal.SIGINT, self.before)
            if self.asked:
                self.before(signal.SIGINT, None)


class RandomStream:
    """A stream of random numbers on the CPU and one device: inside `with`, torch draws from it; outside, from the caller's, as if nothing had
    happened. Entered again, it goes on where it was left. Inside, no other thread enters a stream, so that a slider moved during a training
    waits for the end of a step; so does an interrupt.

    seed: a number, or a tuple of numbers and words; another tuple is another stream.
    """

    def __init__(self, seed: int | tuple, device: torch.device):
        self.device, self.which = device, (device,) if device.type == "cuda" else ()  # which of them; MPS and others are one
        seed = mixed(seed) if isinstance(seed, tuple) else seed
        self.state = {one.type: generator(seed, one).get_state() for one in (torch.device("cpu"), device)}

    def __enter__(self) -> None:
        with ExitStack() as undo:
            whole = Whole()
            whole.begin()
            undo.callback(whole.end)
            TURN.acquire()
            undo.callback(TURN.release)
            undo.callback(self.write, self.read())
            self.write(self.state)
            self.undo = undo.pop_all()

    def __exit__(self, *_) -> None:
        with self.undo:
            self.state = self.read()

    def read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            states[self.device.type] = getattr(torch, self.device.type).get_rng_state(*self.which)
        return states

    def write(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self.device.type != "cpu":
            getattr(torch, self.device.type).set_rng_state(states[self.device.type], *self.which)


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Random numbers of a seed, of any size and sign: torch takes 64 bits."""
    return torch.Generator(device).manual_seed(int(seed) % 2**64)


def mixed(key: tuple) -> int:
    """One seed of several parts, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:7], "big")
