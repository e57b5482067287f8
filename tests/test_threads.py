"""The number of threads is measured where nobody has said it, and put back."""

import time

import pytest
import torch

from ssl_lab import threads
from ssl_lab.errors import InputError


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
        now = [0.0]
        monkeypatch.setattr(time, "perf_counter", lambda now=now: now[0])

        def step(now=now, speed=speed):
            now[0] += speed[torch.get_num_threads()] / 1000

        assert threads.fastest(step) == best


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
