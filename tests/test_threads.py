"""The number of threads is measured where nobody has said it, and put back."""

import time

import pytest
import torch

from ssl_lab import threads
from ssl_lab.errors import InputError


def clock(monkeypatch, cost):
    """A step that takes cost(threads, number of steps so far) seconds by a clock of its own; it keeps the thread counts that it was called with."""
    now, called = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def step():
        now[0] += cost(torch.get_num_threads(), len(called))
        called.append(torch.get_num_threads())

    return step, called


def test_inside_there_are_as_many_as_asked_and_outside_as_before():
    before = torch.get_num_threads()
    with threads.using(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with threads.using(None):
        assert torch.get_num_threads() == before


def test_the_fastest_number_is_found_and_of_equals_the_smaller(monkeypatch):
    monkeypatch.setattr(threads, "choices", lambda: [1, 2, 4, 8])
    for speed, best in (({1: 8, 2: 5, 4: 3, 8: 6}, 4), ({1: 8, 2: 5, 4: 4.9, 8: 6}, 2), ({1: 1, 2: 1, 4: 1, 8: 1}, 1)):
        step, _ = clock(monkeypatch, lambda n, so_far, speed=speed: speed[n] / 1000)
        assert threads.fastest(step) == best


@pytest.mark.parametrize("burst", range(12))
def test_a_burst_of_other_work_does_not_choose(burst, monkeypatch):
    """Four steps in a row take three times as long, wherever they begin."""
    monkeypatch.setattr(threads, "choices", lambda: [1, 2])
    step, called = clock(monkeypatch, lambda n, so_far: (0.06, 0.04)[n - 1] * (3 if burst <= so_far < burst + 4 else 1))
    assert threads.fastest(step) == 2
    assert called == [1, 2] * (threads.TURNS + 1)


def test_slow_steps_have_one_turn(monkeypatch):
    monkeypatch.setattr(threads, "choices", lambda: [1, 2, 4])
    step, called = clock(monkeypatch, lambda n, so_far: 20 / n)
    assert threads.fastest(step) == 4
    assert called == [1, 2, 4] * 2


@pytest.mark.parametrize("cores, found", [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (12, [1, 2, 4, 8, 12])])
def test_choices_double_up_to_all_cores(cores, found, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    assert threads.choices() == found


def test_what_was_asked_goes_before_the_environment_and_that_before_a_measurement(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.asked(3) == 3 and threads.asked(None) == torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads.asked(3) == 3 and threads.asked(None) is None
    with pytest.raises(InputError, match="threads=0"):
        threads.asked(0)
