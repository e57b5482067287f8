"""What is said beside the results: a line that grows, and nothing that could end a training."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ssl_lab import terminal
from ssl_lab.recipe import Log
from ssl_lab.terminal import printable, tell_once

TRAIN = [sys.executable, "-m", "ssl_lab", "train", "SimCLR", "--limit", "32", "--size", "16", "--batch", "16", "--epochs", "2", "--out", "run"]


def test_progress_is_one_line_that_grows_with_the_steps_on_a_terminal_and_a_line_an_epoch_elsewhere(capsys, monkeypatch):
    def step(epoch, i):
        return SimpleNamespace(epoch=epoch, i=i, of=2)

    logs = [Log(epoch, 2, 2 * epoch, 1.0, 0.1, 2.0, 100) for epoch in (1, 2)]
    events = [step(1, 1), step(1, 2), logs[0], step(2, 1), step(2, 2), logs[1]]
    say = terminal.Progress(2)
    for event in events:
        say(event)
    assert capsys.readouterr().err == f"{logs[0]}\n{logs[1]}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(terminal.time, "monotonic", iter(range(100)).__next__)
    say = terminal.Progress(2)
    for event in events:
        say(event)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.count("\r") == 6
    assert [line.count("█") for line in said.split("\r")[1:]] == [6, 12, 12, 18, 24, 24]
    assert "epoch 1/2" in said.split("\r")[1] and "0 s left" in said.split("\r")[-1]


def test_a_terminal_of_ascii_gets_a_bar_of_ascii(monkeypatch):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(encoding="ascii"))
    assert terminal.Progress().bar(0.5) == "#" * 12 + "-" * 12


@pytest.mark.parametrize("gone", [None, "broken", "closed"])
def test_nobody_has_to_listen(gone, monkeypatch, capsys):
    def fail(*_):
        raise BrokenPipeError if gone == "broken" else ValueError("I/O operation on closed file")

    monkeypatch.setattr(sys, "stderr", gone and SimpleNamespace(write=fail, flush=fail, isatty=lambda: True, encoding="utf-8"))
    terminal.tell("a line")
    terminal.Progress(2)(Log(1, 2, 2, 1.0, 0.1, 2.0, 100))
    assert sys.stderr is None
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(os.name == "nt", reason="needs a shell of Unix")
@pytest.mark.parametrize("closing", ["2>&-", "2>&1 | head -c 1 > /dev/null"])
def test_a_training_goes_on_when_stderr_is_closed(closing, tmp_path):
    subprocess.run(" ".join(TRAIN) + " " + closing, shell=True, cwd=tmp_path, check=True, timeout=600)
    assert len((tmp_path / "run/metrics.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "run/curves.png").exists()


def test_results_are_printed_on_a_terminal_of_ascii(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    said = subprocess.run([sys.executable, "-m", "ssl_lab", "study"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert said.returncode == 0 and "simclr-no-head" in said.stdout and "Traceback" not in said.stderr


@pytest.mark.parametrize("text, shown", [
    ("as it is, naïve 🐈", "as it is, naïve 🐈"), ("a\nb\tc", r"a\nb\tc"), ("\x1b[2J", r"\x1b[2J"), ("\udcff", r"\udcff"), ("\u202e", r"\u202e"),
    ("می\u200cخواهم", "می\u200cخواهم"),
])  # fmt: skip
def test_what_would_command_a_terminal_is_shown_as_its_escape(text, shown):
    assert printable(text) == shown


def test_what_is_told_once_is_not_told_again(capsys):
    for _ in range(2):
        tell_once("a sentence of this test")
    assert capsys.readouterr().err == "a sentence of this test\n"
