"""Random numbers of one's own: a seed's, on one device, and nobody else's are touched."""

import _thread
import random
import signal
import threading
import time

import pytest
import torch

from ssl_lab.stream import TURN, RandomStream, mixed


def test_random_stream_is_the_seeds_own():
    stream, again = RandomStream(3, torch.device("cpu")), RandomStream(3, torch.device("cpu"))
    with stream:
        a = torch.rand(2)
    with again:
        b = torch.rand(2)
    with stream:
        c = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(torch.cat([a, c]), torch.rand(4)) and torch.equal(a, b)


def test_random_stream_leaves_every_other_device_alone(monkeypatch):
    """torch.manual_seed would seed all of them, and nobody would give their numbers back."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("another device was seeded"))
    with RandomStream(3, torch.device("cpu")):
        torch.rand(1)


def test_random_stream_asks_and_answers_its_own_device(monkeypatch):
    """The second GPU of two, where there is none: its state is read and written there, and the caller's comes back."""
    second, cpu, theirs, seen = torch.device("cuda:1"), torch.Generator(), torch.ones(3), []
    monkeypatch.setattr(torch, "Generator", lambda device: cpu)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: seen.append(device) or theirs)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: seen.append((device, state)))
    stream = RandomStream(3, second)
    own = stream.state["cuda"]
    with stream:
        pass
    assert seen[0] == seen[2] == second and seen[1] == (second, own) and seen[3] == (second, theirs) and len(seen) == 4


def test_a_tuple_is_a_stream_of_its_own_and_the_same_everywhere():
    keys = [(0, "epoch", 1), (0, "epoch", 2), (0, "rank", 1), (1, "epoch", 1)]
    assert len({mixed(key) for key in keys}) == 4 and mixed((0, "epoch", 1)) == 29754362595454318


def test_only_one_thread_is_inside_a_stream():
    """Another one waits until the first has left, also when it leaves by an error."""
    inside, order = threading.Event(), []

    def other():
        inside.wait()
        with RandomStream(1, torch.device("cpu")):
            order.append("other")

    thread = threading.Thread(target=other)
    thread.start()

    def first():
        with RandomStream(0, torch.device("cpu")):
            inside.set()
            thread.join(0.2)
            order.append("first")
            raise KeyError

    with pytest.raises(KeyError):
        first()
    thread.join()
    assert order == ["first", "other"]


# Interrupts


def interrupts(seconds: float, begun: threading.Event) -> threading.Thread:
    """Stop, pressed so long after the loop has begun."""

    def press():
        begun.wait()
        time.sleep(seconds)
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def free() -> bool:
    """Whether another thread could enter a stream now."""
    got = []
    thread = threading.Thread(target=lambda: got.append(TURN.acquire(timeout=1) and TURN.release() is None))
    thread.start()
    thread.join()
    return got[0]


def draw_for_ever(stream: RandomStream, begun: threading.Event) -> None:
    begun.set()
    while True:
        with stream:
            torch.rand(8)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_at_any_moment_leaves_no_stream_half_entered():
    """A lost turn would let every other thread wait for ever; numbers that do not come back would change what follows."""
    state, stream, handler = torch.get_rng_state(), RandomStream(0, torch.device("cpu")), signal.getsignal(signal.SIGINT)
    for trial in range(100):
        begun = threading.Event()
        thread = interrupts(random.Random(trial).random() * 2e-3, begun)
        with pytest.raises(KeyboardInterrupt):
            draw_for_ever(stream, begun)
        thread.join()
        assert torch.equal(torch.get_rng_state(), state) and signal.getsignal(signal.SIGINT) is handler
    assert free()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_for_the_end_of_a_stream_and_a_second_one_does_not():
    done = []

    def inside(presses):
        with RandomStream(0, torch.device("cpu")):
            for _ in range(presses):
                _thread.interrupt_main()
                done.append(torch.rand(1))

    with pytest.raises(KeyboardInterrupt):
        inside(1)
    assert len(done) == 1
    with pytest.raises(KeyboardInterrupt):
        inside(2)
    assert len(done) == 2 and free()


@pytest.mark.usefixtures("interruptible")
def test_who_waits_for_its_turn_can_be_interrupted():
    inside, over = threading.Event(), threading.Event()

    def other():
        with RandomStream(1, torch.device("cpu")):
            inside.set()
            over.wait()

    thread, handler = threading.Thread(target=other), signal.getsignal(signal.SIGINT)
    thread.start()
    inside.wait()

    def press():
        for _ in range(2):
            time.sleep(0.1)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # a real one: interrupt_main wakes nobody who waits

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(KeyboardInterrupt), RandomStream(0, torch.device("cpu")):
        pass
    over.set()
    thread.join()
    pressing.join()
    assert signal.getsignal(signal.SIGINT) is handler and free()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_where_interrupts_are_not_heard_a_stream_leaves_it_at_that(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with RandomStream(0, torch.device("cpu")):
            assert signal.getsignal(signal.SIGINT) == handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_two_threads_that_share_a_stream_give_the_handler_back():
    stream, handler, inside = RandomStream(0, torch.device("cpu")), signal.getsignal(signal.SIGINT), threading.Event()

    def other():
        inside.wait()
        with stream:
            pass

    thread = threading.Thread(target=other)
    thread.start()
    with stream:
        inside.set()
        thread.join(0.2)  # it has begun to wait for its turn
    thread.join()
    assert signal.getsignal(signal.SIGINT) is handler and free()
