"""The script for a GPU runs on a bare machine: nothing but torch and its like is there, and nobody has installed the checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "benchmarks" / "gpu.py"
BARE = """
import importlib.machinery
import importlib.metadata

HIDDEN = {"ipywidgets", "anywidget", "umap", "beartype", "nbval", "xdist", "lightly", "IPython", "jupyterlab", "voila", "playwright", "timm"}
found, version = importlib.machinery.PathFinder.find_spec, importlib.metadata.version


def find_spec(finder, name, path=None, target=None):
    return None if name.partition(".")[0] in HIDDEN else found(name, path, target)


def of(name):
    if name == "ssl-lab":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)


importlib.machinery.PathFinder.find_spec, importlib.metadata.version = classmethod(find_spec), of
"""


def test_every_part_runs_on_a_bare_machine_and_is_written_down(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BARE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, str(SCRIPT), "--tiny", "--out", str(tmp_path / "gpu.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["tests"]["exit"] == 0, found["tests"]
    assert set(found["waits"]) <= set(found["throughput"]) and found["throughput"]["lightly"] == "not installed"
    assert all(row["eager"] > 0 and row["share"] > 0 for row in found["throughput"].values() if isinstance(row, dict))
    error = found["losses"]["NT-Xent N=256"]["gradient error"]
    assert 0 < error < 1e-5
    assert [row["epoch"] for row in found["cifar"]["curve"]] == [1, 2]


def test_a_part_that_fails_is_named_and_the_others_go_on(tmp_path):
    script = f"""
import runpy, sys
sys.argv = ["gpu.py", "--tiny", "--only", "cifar", "losses", "--out", {str(tmp_path / "gpu.json")!r}]
from ssl_lab import evaluate
evaluate.knn_accuracy = None
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert done.returncode == 1 and "TypeError" in found["cifar"]["failed"]
    assert set(found["losses"]) == {"NT-Xent N=256", "InfoNCE N=256"}
