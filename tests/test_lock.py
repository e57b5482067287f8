"""A run folder has one writer: of two processes the first, of one process the last."""

import subprocess
import sys

import pytest
import torch

from ssl_lab import lock
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.lock import Lock
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

RECIPE = Recipe(epochs=3, batch=16)
HOLDS = """
import sys, time
from pathlib import Path
from ssl_lab.lock import Lock

lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def training(folder, resume=False):
    torch.manual_seed(0)
    return train(SimCLR(small_resnet(width=4)), load("scenes", limit=32, size=16), RECIPE, out=folder, resume=resume)


@pytest.mark.skipif(lock.fcntl is None, reason="Windows keeps no locks on folders")
def test_another_process_is_told_and_a_dead_one_is_not_waited_for(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=r"another training is writing into .*; wait for its end, or choose another folder"):
            training(tmp_path)
        assert list(tmp_path.iterdir()) == []
        other.kill()
    assert len(list(training(tmp_path))) == RECIPE.epochs


def test_the_later_training_of_one_process_goes_before(tmp_path):
    first = training(tmp_path)
    next(first)
    rest = list(training(tmp_path, resume=True))
    assert [log.epoch for log in rest] == [2, 3]
    before = (tmp_path / "state.safetensors").read_bytes()
    with pytest.raises(InputError, match=r"epoch 2 is not saved in .*: another training of this process writes there by now"):
        next(first)
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_a_training_that_is_refused_takes_the_folder_from_nobody(tmp_path):
    first = training(tmp_path)
    next(first)
    with pytest.raises(InputError, match="holds a run already"):
        training(tmp_path)
    assert [log.epoch for log in first] == [2, 3]


def test_a_training_that_is_over_or_left_holds_nothing(tmp_path):
    for log in training(tmp_path):
        assert log.epoch == 1
        break
    assert tmp_path.resolve() not in lock.HELD
    list(training(tmp_path, resume=True))
    assert tmp_path.resolve() not in lock.HELD


def test_a_file_system_without_locks_is_no_reason_to_stop(tmp_path, monkeypatch):
    class Without:
        LOCK_EX, LOCK_NB = 2, 4

        @staticmethod
        def flock(file, how):
            raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock, "fcntl", Without)
    assert Lock(tmp_path).folder == tmp_path.resolve()
    monkeypatch.setattr(lock, "fcntl", None)
    assert Lock(tmp_path).file is None
