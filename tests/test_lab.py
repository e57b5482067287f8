"""What `ssl-lab lab` promises: a student's answers are never overwritten, and a real server answers to its token alone."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ssl_lab.errors import InputError
from ssl_lab.lab import hand_out, lab, source

ROOT = Path(__file__).parents[1]


@pytest.fixture
def notebooks(tmp_path) -> Path:
    (tmp_path / "notebooks/solutions").mkdir(parents=True)
    for name in ("00_start", "01_next", "solutions/01_next"):
        (tmp_path / f"notebooks/{name}.ipynb").write_text(f"{name}, first edition")
    return tmp_path / "notebooks"


@pytest.fixture
def work(tmp_path) -> Path:
    return tmp_path / "work"


def test_every_notebook_is_copied_and_nothing_else(notebooks, work):
    (notebooks / "conftest.py").write_text("")
    hand_out(notebooks, work)
    copies = [str(path.relative_to(work)) for path in work.rglob("*.*") if not path.name.startswith(".")]
    assert sorted(copies) == ["00_start.ipynb", "01_next.ipynb", "solutions/01_next.ipynb"]


def test_a_second_start_changes_nothing(notebooks, work):
    assert len(hand_out(notebooks, work)) == 3
    (work / "00_start.ipynb").write_text("my answers")
    assert hand_out(notebooks, work) == []
    assert (work / "00_start.ipynb").read_text() == "my answers"


def test_an_untouched_copy_follows_a_new_edition(notebooks, work):
    hand_out(notebooks, work)
    (notebooks / "00_start.ipynb").write_text("second edition")
    assert hand_out(notebooks, work) == [f"{work / '00_start.ipynb'} is new"]
    assert (work / "00_start.ipynb").read_text() == "second edition"


def test_beside_answers_each_new_edition_gets_a_name_of_its_own(notebooks, work):
    hand_out(notebooks, work)
    (work / "00_start.ipynb").write_text("my answers")
    for edition in ("second edition", "third edition"):
        (notebooks / "00_start.ipynb").write_text(edition)
        assert len(hand_out(notebooks, work)) == 1
        assert hand_out(notebooks, work) == []
        assert (work / "00_start_2.ipynb").read_text() == edition
    (work / "00_start_2.ipynb").write_text("more answers")
    (notebooks / "00_start.ipynb").write_text("fourth edition")
    (sentence,) = hand_out(notebooks, work)
    assert "00_start_3.ipynb" in sentence
    assert "stays" in sentence
    assert [(work / f"00_start{n}.ipynb").read_text() for n in ("", "_2", "_3")] == ["my answers", "more answers", "fourth edition"]


def test_answers_survive_the_loss_of_the_record(notebooks, work):
    hand_out(notebooks, work)
    (work / "00_start.ipynb").write_text("my answers")
    (work / ".handed_out.json").unlink()
    hand_out(notebooks, work)
    assert (work / "00_start.ipynb").read_text() == "my answers"


@pytest.mark.parametrize("spoilt", [b"", b'{"00_start', b"null", b"[1, 2]", b'{"00_start.ipynb": 7}', "{}".encode("utf-16"), b"\xff\xfe"])
def test_it_starts_with_a_record_that_a_crash_has_spoilt(spoilt, notebooks, work):
    hand_out(notebooks, work)
    (work / "00_start.ipynb").write_text("my answers")
    (work / ".handed_out.json").write_bytes(spoilt)
    (notebooks / "02_new.ipynb").write_text("new")
    hand_out(notebooks, work)
    assert (work / "00_start.ipynb").read_text() == "my answers"
    assert (work / "02_new.ipynb").read_text() == "new"
    assert hand_out(notebooks, work) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True])
def test_it_starts_after_a_crash_at_any_file_operation(after, notebooks, work, monkeypatch):
    replace, calls = os.replace, []

    def deadly(fatal):
        def one(source, target):
            calls.append(target)
            if len(calls) == fatal and not after:
                raise Killed
            replace(source, target)
            if len(calls) == fatal:
                raise Killed

        return one

    for fatal in range(1, 7):  # three copies, and the record after each
        shutil.rmtree(work, ignore_errors=True)
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", deadly(fatal))
            with pytest.raises(Killed):
                hand_out(notebooks, work)
        hand_out(notebooks, work)
        there = sorted(str(path.relative_to(work)) for path in work.rglob("*") if path.is_file())
        assert there == [".handed_out.json", "00_start.ipynb", "01_next.ipynb", "solutions/01_next.ipynb"]
        assert all((work / name).read_bytes() == (notebooks / name).read_bytes() for name in there[1:])


@pytest.mark.parametrize("kept", [0, 9])
def test_a_copy_that_was_cut_short_is_made_again(kept, notebooks, work):
    """As a version that wrote in place left it; a student's notebook is no beginning of its source."""
    work.mkdir()
    (work / "00_start.ipynb").write_text("00_start, first edition"[:kept])
    hand_out(notebooks, work)
    assert (work / "00_start.ipynb").read_text() == "00_start, first edition"
    assert not (work / "00_start_2.ipynb").exists()


def test_a_file_where_the_copies_are_to_lie_is_told(notebooks, work):
    work.write_text("x")
    with pytest.raises(InputError, match=r"work is a file, and .*work is to be a folder"):
        hand_out(notebooks, work)


def test_a_deleted_copy_comes_back_as_it_was(notebooks, work):
    hand_out(notebooks, work)
    (work / "00_start.ipynb").unlink()
    hand_out(notebooks, work)
    assert (work / "00_start.ipynb").read_text() == "00_start, first edition"


def test_a_port_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="port 70000"):
        lab(browser=False, port=70000)


@contextmanager
def serving(folder: Path, *options: str, **settings):
    """`ssl-lab lab` in a process of its own: its first output up to the address, the address, and the process."""
    own = {"JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "ssl_lab", "lab", "--no-browser", *options]
    settings |= {"cwd": folder, "env": {**os.environ, **own}, "text": True}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **settings)
    try:
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://\S+", line):
                break
        assert found, said
        yield said, found[0], process
    finally:
        process.kill()
        process.communicate()


def status(url: str) -> tuple[int, str, str]:
    """Status, final address and text of a page, as a browser without cookies gets it."""
    try:
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(url) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, url, ""


@pytest.mark.parametrize("settings", [{"stdin": subprocess.DEVNULL}, {"preexec_fn": lambda: os.close(0)}], ids=["no input", "closed input"])
def test_a_real_server_opens_the_first_notebook_for_its_token_alone_and_stops_on_an_interrupt(tmp_path, settings):
    with serving(tmp_path, **settings) as (said, url, process):
        first = min(path.name for path in source().glob("*.ipynb"))
        assert all(line.endswith(" is new") for line in said.splitlines()[:-1] if line)  # and nothing for Jupyter's authors
        assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/lab/tree/{first}\?token=\S{{20,}}", url)
        code, _, page = status(url)
        assert code == 200
        assert '"news": {"disabled": true}' in page  # nobody is asked about news
        bare = url.partition("?")[0]
        assert "login" in status(bare)[1]
        api = bare.partition("/lab")[0] + "/api/contents/" + first
        assert status(api)[0] == 403
        assert json.loads(status(f"{api}?{url.partition('?')[2]}")[2])["name"] == first
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=600)[0]
        assert process.returncode == 0
        assert "Traceback" not in rest
        assert "stopped" in rest
    assert (tmp_path / "work" / first).exists()


def test_a_taken_port_gives_way_to_a_free_one_and_says_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(tmp_path, "--port", str(port), stdin=subprocess.DEVNULL) as (said, url, _):
            assert f"port {port} is taken" in said
            assert f":{port}/" not in url
            assert status(url)[0] == 200


def test_a_wheel_carries_the_notebooks_and_finds_them(tmp_path):
    subprocess.run([shutil.which("uv"), "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    carried = tmp_path / "installed/ssl_lab/_notebooks"
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        assert (carried / path.relative_to(ROOT / "notebooks")).read_bytes() == path.read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    code = "from ssl_lab.lab import source; print(source())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == carried
