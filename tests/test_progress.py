"""Passed exercises are remembered where a student works, and nowhere else; whatever is wrong with the file is no error."""

import json
import os

import pytest

from ssl_lab import progress
from ssl_lab.checks import EXERCISES
from ssl_lab.lab import hand_out


@pytest.fixture
def restart(monkeypatch):
    """A kernel that has just started."""

    def restart():
        monkeypatch.setattr(progress, "session", set())

    restart()
    return restart


@pytest.fixture
def work(tmp_path, monkeypatch, restart):
    """The folder that `ssl-lab lab` made, as the working directory of a kernel."""
    (tmp_path / "notebooks").mkdir()
    for name in ("03_simclr", "solutions/03_simclr"):
        (path := tmp_path / f"notebooks/{name}.ipynb").parent.mkdir(exist_ok=True)
        path.write_text(name)
    hand_out(tmp_path / "notebooks", tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_what_passed_is_known_after_a_restart(work, restart):
    progress.note("nt_xent")
    restart()
    progress.note("alignment")
    restart()
    assert progress.passed() == {"nt_xent", "alignment"}
    assert json.loads((work / ".progress.json").read_text()) == ["alignment", "nt_xent"]


def test_the_nearest_folder_upwards_is_the_students(work, restart, monkeypatch):
    (work / "mine/deeper").mkdir(parents=True)
    monkeypatch.chdir(work / "mine/deeper")
    progress.note("nt_xent")
    assert (work / ".progress.json").exists()
    (work / "mine/.handed_out.json").write_text("{}")
    restart()
    assert progress.passed() == set()


def test_elsewhere_it_is_remembered_for_the_session_alone(tmp_path, restart, monkeypatch):
    monkeypatch.chdir(tmp_path)
    progress.note("nt_xent")
    assert progress.passed() == {"nt_xent"}
    assert list(tmp_path.iterdir()) == []
    restart()
    assert progress.passed() == set()


def test_running_the_solutions_is_not_passing(work, restart, monkeypatch):
    monkeypatch.chdir(work / "solutions")
    progress.note("nt_xent")
    assert not list(work.rglob(".progress.json"))
    monkeypatch.chdir(work)
    restart()
    assert progress.passed() == set()


@pytest.mark.parametrize("damage", [b"", b"[1, ", b"\xff\xfe", b"3", b"null", b'{"nt_xent": 1}', b"[1, null, [2]]"])
def test_a_damaged_file_holds_nothing_and_is_written_anew(work, restart, damage):
    (work / ".progress.json").write_bytes(damage)
    assert progress.passed() == set()
    progress.note("nt_xent")
    restart()
    assert progress.passed() == {"nt_xent"}


def test_where_nothing_can_be_written_the_session_remembers(work, restart):
    (work / ".progress.partial").mkdir()  # in the way of the file, for root too
    progress.note("nt_xent")
    assert progress.passed() == {"nt_xent"}
    assert not (work / ".progress.json").exists()


def test_a_folder_in_place_of_the_file_is_no_error(work, restart):
    (work / ".progress.json").mkdir()
    progress.note("nt_xent")
    assert progress.passed() == {"nt_xent"}


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let go of a working directory")
def test_a_working_directory_that_is_gone_is_no_error(work, restart, monkeypatch):
    (work / "gone").mkdir()
    monkeypatch.chdir(work / "gone")
    (work / "gone").rmdir()
    progress.note("nt_xent")
    assert progress.passed() == {"nt_xent"}


def test_a_notebook_counts_its_own_exercises_in_its_order(work, monkeypatch):
    monkeypatch.setattr(progress, "EXERCISES", {"00": ("first",), "03": ("loop", "alignment", "nt_xent")})
    for name in ("nt_xent", "loop", "first", "an exercise of an older edition"):
        progress.note(name)
    assert progress.of("03") == (["loop", "nt_xent"], 3)
    assert progress.of("00") == (["first"], 1)
    assert progress.of("a notebook of mine") == ([], 0)
    assert [progress.notebook_of(name) for name in ("first", "nt_xent", "unknown")] == ["00", "03", ""]


def test_no_exercise_belongs_to_two_notebooks():
    names = [name for asked in EXERCISES.values() for name in asked]
    assert len(names) == len(set(names))
