"""Random numbers of one's own: a seed's, on one device, and nobody else's are touched."""

import threading

import pytest
import torch

from ssl_lab.stream import RandomStream, mixed


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
