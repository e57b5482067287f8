"""What `ssl-lab doctor` promises: what is there is named, what is missing is named with the way to get it."""

import torch

from ssl_lab import doctor
from ssl_lab.__main__ import main


def test_a_whole_installation_is_called_whole(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert torch.__version__.partition("+")[0] in said
    assert f"{torch.get_num_threads()} threads" in said
    for word in ("torchvision", "jupyterlab", "umap-learn", "cuda", "chromium", "all that is needed is here", "fastest here", "ms with 1"):
        assert word in said


def test_a_missing_and_an_old_package_are_named_with_the_way_to_get_them(capsys, monkeypatch):
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: {"safetensors": None, "torch": "1.13"}.get(name, real(name)))
    assert doctor.examine() == 1
    said = capsys.readouterr().out.partition("missing: ")[2]
    assert "safetensors>=" in said
    assert "torch>=" in said
    assert "jupyterlab" not in said
    assert "to get it: pip install" in said


def test_a_torchvision_for_another_torch_is_found_out(capsys, monkeypatch):
    def refuse(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(doctor.importlib, "import_module", refuse)
    assert doctor.examine() == 1
    assert "torchvision that loads beside torch" in capsys.readouterr().out


def test_a_missing_browser_is_named_and_is_no_fault(capsys, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.examine() == 0
    assert "missing (browser test): apt-get install chromium" in capsys.readouterr().out


def test_folders_are_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_LAB_DATA", "somewhere")
    assert "ssl-lab lab makes it" in doctor.folders()[0]
    assert "somewhere" in doctor.folders()[2]
    (tmp_path / "work").mkdir()
    assert str(tmp_path / "work") in doctor.folders()[0]
