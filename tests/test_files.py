"""A file is there whole or not at all, and a place is known to be one before anything is spent on what is to lie there."""

import os

import pytest

from ssl_lab.errors import InputError
from ssl_lab.files import folder_to_be, write_bytes, write_text


class Killed(BaseException):
    pass


def fatal(*_):
    raise Killed


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_crash_leaves_the_old_file(moment, tmp_path, monkeypatch):
    write_text(tmp_path / "a.json", "old")
    monkeypatch.setattr(os, moment, fatal)
    with pytest.raises(Killed):
        write_text(tmp_path / "a.json", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.json": "old"}


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        act = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, act=act, name=name: done.append(name) or act(*args))
    write_bytes(tmp_path / "a.bin", b"\x00\xff")
    assert done == ["fsync", "replace"] and (tmp_path / "a.bin").read_bytes() == b"\x00\xff"


def test_text_is_utf_8_wherever_it_is_written(tmp_path):
    write_text(tmp_path / "a.txt", "ü 字")
    assert (tmp_path / "a.txt").read_bytes() == "ü 字".encode()


def test_a_full_disk_leaves_no_part(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a.json", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_place_is_made_or_refused_at_once(tmp_path):
    assert folder_to_be(tmp_path / "a" / "b").is_dir()
    (tmp_path / "c").write_text("x")
    for name in ("c", "c/d/e"):
        with pytest.raises(InputError, match=rf"{tmp_path / 'c'} is a file, and {tmp_path / name} is to be a folder; choose another one"):
            folder_to_be(tmp_path / name)
