"""What the command line promises: real runs, sentences for mistakes, and nothing lost by Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from PIL import Image
from safetensors.torch import load_file

from ssl_lab import __main__ as command_line
from ssl_lab import methods, pseudo_labels, terminal
from ssl_lab.__main__ import main
from ssl_lab.data import load
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

STUDENT = ["--limit", "80", "--size", "16", "--batch", "16", "--labels", "0.25", "--threshold", "0"]
TINY = ["--limit", "32", "--batch", "16", "--size", "16"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every command runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fails(capsys):
    """Run a command that must fail with one sentence; return the sentence."""

    def run(*argv: str) -> str:
        try:
            code = main([*argv])
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr().err.splitlines()
        assert code == 2
        assert said[-1].startswith("ssl-lab: ")
        assert not any("Traceback" in line for line in said)
        return said[-1]

    return run


@pytest.mark.parametrize("method", methods.__all__)
def test_every_method_trains_by_its_name_into_a_run_folder_without_pickles(folder, method, tiny):
    options = [word for name, value in tiny(method).items() for word in (f"--{name}", str(value))]
    assert main(["train", method.lower(), *TINY, *options, "--epochs", "2", "--out", "run"]) == 0
    files = {path.name for path in (folder / "run").iterdir()}
    assert files == {"config.json", "metrics.jsonl", "weights.safetensors", "state.safetensors", "curves.png"}
    config = json.loads((folder / "run/config.json").read_text())
    assert config["method"] == method
    assert config["data"] == {"name": "scenes", "size": 16, "limit": 32, "root": None, "white": None, "labels": None, "frames": None, "unit": None}
    assert config["recipe"]["epochs"] == 2
    assert [json.loads(line)["epoch"] for line in (folder / "run/metrics.jsonl").read_text().splitlines()] == [1, 2]
    assert (folder / "run/curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [["--input", "sobel"], ["--balance", "weight"], ["--balance", "none", "--no-repair", "--input", "rgb"]])
def test_deepcluster_trains_with_its_switches_resumes_and_is_measured(folder, options, capsys):
    run = ["train", "DEEPCLUSTER", *TINY, "--clusters", "6", "--pca", "4", *options, "--epochs", "2", "--out", "run"]
    assert main(run) == 0
    lines = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    assert ["nmi" in line for line in lines] == [False, True] and {"smallest", "median", "largest", "empty"} <= set(lines[0])
    (folder / "run/curves.png").unlink()
    assert main(["train", "deepcluster", "--out", "run", "--resume"]) == 0  # nothing is left to do
    assert (folder / "run/curves.png").exists()
    assert main(["evaluate", "run"]) == 0
    assert "trained" in capsys.readouterr().out


@pytest.mark.parametrize("options, words", [
    ([], "clusters=50 of 32 images; use 32 or fewer"), (["--clusters", "8"], "pca=32 of 32 images; use 31 or fewer"),
    (["--clusters", "1"], "clusters"), (["--input", "edges"], "edges"), (["--clusters", "8", "--pca", "1000"], "pca=1000"),
])
def test_clusters_that_cannot_be_are_refused_before_a_run_begins(folder, fails, options, words):
    assert words in fails("train", "DeepCluster", *TINY, *options, "--out", "run")
    assert not (folder / "run").exists()


def test_noisy_student_trains_by_any_spelling_of_its_name_and_is_measured(folder, capsys):
    assert main(["train", "noisy_student", *STUDENT, "--rounds", "2", "--epochs", "1"]) == 0
    config = json.loads((folder / "runs/noisystudent-scenes/config.json").read_text())
    assert (config["method"], config["settings"]["rounds"], config["data"]["labels"]) == ("NoisyStudent", 2, 0.25)
    said = capsys.readouterr().err
    assert "NoisyStudent on 80 images of scenes" in said and "measure it with: ssl-lab evaluate runs/noisystudent-scenes" in said
    (folder / "runs/noisystudent-scenes/curves.png").unlink()
    for name in ("noisy-student", "NOISY_Student", "noisystudent"):
        assert main(["train", name, "--out", "runs/noisystudent-scenes", "--resume", "--rounds", "2"]) == 0  # nothing is left to do
    assert (folder / "runs/noisystudent-scenes/curves.png").exists()
    assert main(["evaluate", "runs/noisystudent-scenes"]) == 0
    assert "from 20 with labels" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["deep_cluster", "Deep-Cluster", "DEEPCLUSTER", "deep-_cluster"])
def test_a_method_has_its_options_under_any_spelling_of_its_name(word, capsys):
    with pytest.raises(SystemExit):
        main(["train", word, "--help"])
    assert "--clusters INT" in capsys.readouterr().out
    assert command_line.parser(["train", word, "--pca", "8"]).parse_args(["train", word, "--pca", "8"]).pca == 8


def test_other_signs_and_letters_are_another_name(fails):
    for word in ("noisy student", "noisy.student", "noisy_students", "student", ""):
        assert "NoisyStudent" in fails("train", word)


@pytest.mark.parametrize("options, words", [
    ([], ["no image is without a label", "--labels"]), (["--labels", "1"], ["no image is without a label"]),
    (["--labels", "0.05"], ["have no labelled image"]), (["--labels", "0.25", "--threshold", "1.5"], ["threshold=1.5"]),
    (["--labels", "0.25", "--rounds", "0"], ["rounds=0"]), (["--labels", "0.25", "--unlabel-ratio", "99"], ["unlabel_ratio=99", "larger batch"]),
])  # fmt: skip
def test_what_noisy_student_cannot_use_is_refused_before_a_run_begins(folder, fails, options, words):
    said = fails("train", "noisy-student", *STUDENT[:6], *options, "--out", "run")
    assert all(word in said for word in words) and not (folder / "run").exists()


def test_noisy_student_stopped_in_its_second_round_is_resumed_to_the_bit(folder, monkeypatch):
    """Where its first epoch has ended, the labels are those that were kept, and the teacher is not asked again; within it, none are kept yet."""
    run, ask = ["train", "NoisyStudent", *STUDENT, "--rounds", "2", "--epochs", "2"], pseudo_labels.ask
    assert main([*run, "--out", "whole"]) == 0

    class Killed(Exception):
        pass

    for place, asked, last in (("after", 0, lambda event: hasattr(event, "remark")), ("within", 1, lambda event: hasattr(event, "last"))):

        def kill(self, event, place=place, last=last):
            if event.epoch == 3 and last(event):
                shutil.copytree("broken", place)
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(terminal.Progress, "__call__", kill)
            with pytest.raises(Killed):
                main([*run, "--out", "broken"])
        shutil.rmtree("broken")
        calls = []
        monkeypatch.setattr(pseudo_labels, "ask", lambda *given, calls=calls: calls.append(given) or ask(*given))
        assert main(["train", "noisy_student", "--out", place, "--resume"]) == 0
        assert len(calls) == asked
        assert ended(folder / place) == ended(folder / "whole")
    assert [json.loads(line)["round"] for line in (folder / "after/metrics.jsonl").read_text().splitlines()] == [1, 1, 2, 2]


def ended(run) -> list:
    """All that a run's folder says of its end, but for the seconds."""
    tensors = [load_file(run / f"{name}.safetensors") for name in ("weights", "state")]
    rows = [json.loads(line) | {"seconds": 0} for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [rows, *({name: x.numpy().tobytes() for name, x in part.items()} for part in tensors)]


def test_evaluation_stands_beside_the_untrained_network_and_the_pixels(folder, capsys):
    main(["train", "SimCLR", *TINY, "--epochs", "2", "--data", "digits"])
    moved = []
    for protocol in ("knn", "linear"):
        capsys.readouterr()
        assert main(["evaluate", "runs/simclr-digits", "--protocol", protocol]) == 0
        said = capsys.readouterr().out
        scores = json.loads((folder / "runs/simclr-digits/evaluation.json").read_text())[protocol]
        for name in ("trained", "untrained", "pixels"):
            assert 0 <= scores[name] <= 1
            assert f"{name:12}{scores[name]:.3f}" in said
        assert scores["images"] == 32
        moved.append(scores["trained"] != scores["untrained"])
    assert any(moved), "four steps change one of 359 answers at least"


def test_an_interrupt_keeps_the_finished_epochs_and_resuming_ends_where_an_unbroken_run_ends(folder, monkeypatch, capsys):
    run = ["train", "SimCLR", *TINY, "--epochs", "3"]
    assert main([*run, "--out", "whole"]) == 0

    def interrupt(self, event):
        if hasattr(event, "remark"):  # a Log: an epoch has ended
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(terminal.Progress, "__call__", interrupt)
        assert main([*run, "--out", "broken"]) == 130
    said = capsys.readouterr().err
    assert "ssl-lab train SimCLR --out broken --resume" in said
    assert (folder / "broken/curves.png").exists()
    assert main(["train", "SimCLR", "--out", "broken", "--resume"]) == 0
    whole, broken = (load_file(folder / name / "weights.safetensors") for name in ("whole", "broken"))
    assert all((whole[name] == broken[name]).all() for name in whole)
    assert len((folder / "broken/metrics.jsonl").read_text().splitlines()) == 3


@pytest.mark.usefixtures("interruptible")
def test_a_real_process_stops_on_a_real_interrupt_without_a_traceback(folder):
    command = [sys.executable, "-m", "ssl_lab", "train", "SimCLR", *TINY, "--epochs", "10000", "--out", "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "--resume" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "option, value",
    [("--epochs", "5"), ("--batch", "8"), ("--seed", "1"), ("--limit", "64"), ("--size", "32")],
)
def test_a_run_goes_on_as_it_began(fails, option, value):
    main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"])
    said = fails("train", "SimCLR", "--out", "run", "--resume", option, value)
    assert said.startswith(f"ssl-lab: {option} {value} differs from the run's ")
    assert "METHOD Supervised differs" in fails("train", "Supervised", "--out", "run", "--resume")
    assert main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run", "--resume"]) == 0  # the same again is no difference


@pytest.fixture
def pictures(folder):
    """A folder of images with labels, by name."""

    def make(name: str, shade: int = 0) -> str:
        for i in range(60):
            path = folder / name / "ab"[i % 2] / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), (4 * i, shade, 200 * (i % 2))).save(path)
        return f"folder:{name}"

    return make


def test_a_run_and_its_images_may_move(folder, pictures, capsys):
    """To another place, or another machine: the run goes on to where the unbroken one ends, and is measured, with its images named anew."""
    where = pictures("here")
    assert main(["train", "SimCLR", "--data", where, "--batch", "16", "--epochs", "2", "--out", "whole"]) == 0
    shutil.copytree("whole", "elsewhere/moved")
    (folder / "elsewhere/moved/state.safetensors").unlink()  # as far as the config: it begins again
    (folder / "here").rename("there")
    assert main(["train", "SimCLR", "--out", "elsewhere/moved", "--resume", "--data", "folder:there"]) == 0
    whole, moved = (load_file(folder / name / "weights.safetensors") for name in ("whole", "elsewhere/moved"))
    assert all((whole[name] == moved[name]).all() for name in whole)
    assert json.loads((folder / "elsewhere/moved/config.json").read_text())["data"]["name"] == "folder:there"
    assert main(["evaluate", "elsewhere/moved"]) == 0
    assert main(["evaluate", "whole", "--data", "folder:there"]) == 0
    scores = [json.loads((folder / name / "evaluation.json").read_text())["knn"] for name in ("whole", "elsewhere/moved")]
    assert scores[0] == scores[1] and scores[0]["same"] and "did not learn from these" not in capsys.readouterr().err


def test_other_images_are_no_place_to_go_on_and_are_measured_as_others(folder, fails, pictures, capsys):
    main(["train", "SimCLR", "--data", pictures("here"), "--batch", "16", "--epochs", "1", "--out", "run"])
    pictures("there", shade=90)
    assert "was begun on 48 images of 3 x 16 x 16" in fails("train", "SimCLR", "--out", "run", "--resume", "--data", "folder:there")
    assert json.loads((folder / "run/config.json").read_text())["data"]["name"] == "folder:here"
    assert main(["evaluate", "run", "--data", "digits", "--limit", "100"]) == 0
    assert "did not learn from these images of digits" in capsys.readouterr().err
    score = json.loads((folder / "run/evaluation.json").read_text())["knn"]
    assert (score["of"], score["images"], score["same"]) == ("digits", 100, False)


def test_what_supervised_learned_from_is_measured_on_other_classes(folder, pictures):
    main(["train", "Supervised", "--data", pictures("here"), "--batch", "16", "--epochs", "1", "--out", "run"])
    assert main(["evaluate", "run", "--data", "digits", "--limit", "100"]) == 0


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_who_may_read_a_run_is_what_umask_says(folder, umask, mode):
    before = os.umask(umask)
    try:
        assert main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"]) == 0
        assert main(["evaluate", "run"]) == 0
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder / "run").iterdir()}
    assert set(modes.values()) == {mode}, modes


def test_a_run_that_was_killed_before_its_first_epoch_had_ended_begins_again(folder, monkeypatch):
    run = ["train", "SimCLR", *TINY, "--epochs", "1"]
    assert main([*run, "--out", "whole"]) == 0

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command_line, "Progress", killed)
        assert main([*run, "--out", "broken"]) == 130
    assert [path.name for path in (folder / "broken").iterdir()] == ["config.json"]
    assert main(["train", "SimCLR", "--out", "broken", "--resume"]) == 0
    whole, broken = (load_file(folder / name / "weights.safetensors") for name in ("whole", "broken"))
    assert all((whole[name] == broken[name]).all() for name in whole)


def test_a_run_of_the_library_is_no_run_of_the_command_line_and_says_so(folder, fails):
    images = load("scenes", limit=32, size=16)
    list(train(methods.SimCLR(small_resnet()), images, Recipe(epochs=1, batch=16), out="run"))
    assert "does not say which data and encoder it has: `ssl-lab train` did not write it" in fails("evaluate", "run")


def test_a_used_folder_is_not_written_over(folder, fails):
    main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"])
    before = {path: path.read_bytes() for path in (folder / "run").iterdir()}
    assert "--resume" in fails("train", "SimCLR", *TINY, "--epochs", "2", "--out", "run")
    assert before == {path: path.read_bytes() for path in (folder / "run").iterdir()}


def test_unknown_names_list_the_known_ones(fails):
    assert "SimCLR, Supervised" in fails("train", "nosuch")
    said = fails("train", "SimCLR", "--data", "nosuch")
    assert "scenes" in said
    assert "cifar10" in said
    assert "there are: " in fails("train", "SimCLR", "--device", "nosuch")
    assert "'knn', 'linear'" in fails("evaluate", "run", "--protocol", "nosuch")
    assert "lab, train, evaluate, study, doctor" in fails("nosuch").replace("'", "")
    assert "--help" in fails()


@pytest.mark.parametrize(
    "options, word",
    [
        (["--limit", "0"], "limit=0"),
        (["--limit", "10"], "batch=128"),
        (["--batch", "1"], "batch=1"),
        (["--epochs", "0"], "epochs=0"),
        (["--size", "7"], "size=7"),
        (["--epochs", "many"], "many"),
        (["--data", "folder:nosuch"], "nosuch"),
        (["--data", "fashion_mnist", "--root", "nosuch"], "download"),
        (["--epoch", "3"], "--epoch"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_leaves_nothing_behind(folder, fails, options, word):
    assert word in fails("train", "SimCLR", *options)
    assert list(folder.iterdir()) == []


def test_what_is_no_run_is_named(folder, fails):
    assert "nosuch is no run folder" in fails("evaluate", "nosuch")
    (folder / "config.json").write_text("{")
    assert "config.json" in fails("evaluate", ".")
    (folder / "config.json").write_text('{"method": "SimCLR"}')
    assert "does not say which data and encoder it has" in fails("evaluate", ".")
    assert "does not say which data and encoder it has" in fails("train", "SimCLR", "--out", ".", "--resume")


def test_damaged_files_of_a_run_are_named(folder, fails):
    main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"])
    for name in ("weights.safetensors", "state.safetensors"):
        path = folder / "run" / name
        path.write_bytes(path.read_bytes()[:1000])
    assert "weights.safetensors" in fails("evaluate", "run")
    assert "state.safetensors" in fails("train", "SimCLR", "--out", "run", "--resume")


def test_a_place_that_cannot_be_written_is_named(folder, fails):
    (folder / "file").write_text("")
    assert "file" in fails("train", "SimCLR", *TINY, "--epochs", "1", "--out", "file")
    assert "file/run" in fails("train", "SimCLR", *TINY, "--epochs", "1", "--out", "file/run")


def test_a_full_disk_is_said_and_the_run_goes_on_once_there_is_room(folder, fails):
    resource = pytest.importorskip("resource")  # there is none on Windows
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as a disk with no more room answers
    try:
        said = fails("train", "SimCLR", *TINY, "--epochs", "1", "--out", "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "weights.safetensors cannot be written" in said and "make room, then resume the run" in said
    assert main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "full", "--resume"]) == 0


def test_more_than_the_memory_holds_is_one_sentence(folder, fails):
    assert "memory does not hold this" in fails("train", "MoCo", "--limit", "32", "--size", "16", "--batch", "16", "--K", str(16 * 10**13))
    assert list(folder.iterdir()) == []


def test_a_diverging_training_says_so(fails, monkeypatch):
    monkeypatch.setattr(methods.simclr, "nt_xent", lambda z1, z2, tau: (z1 * z2).sum() * float("nan"))
    assert "nan" in fails("train", "SimCLR", *TINY, "--epochs", "1")


def test_images_without_labels_are_refused_where_labels_are_needed(folder, fails):
    (folder / "flat").mkdir()
    for i in range(40):
        Image.new("RGB", (16, 16), (6 * i, 0, 0)).save(folder / f"flat/{i}.png")
    tiny = ["--data", "folder:flat", "--batch", "16", "--epochs", "1", "--out", "run"]
    assert "labels" in fails("train", "Supervised", *tiny)
    assert main(["train", "SimCLR", *tiny]) == 0
    assert "labels" in fails("evaluate", "run")


def test_help_gives_examples_that_parse(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = capsys.readouterr().out
    assert all(method in said for method in methods.__all__)
    assert "cifar10" in said
    examples = [line.split()[1:] for line in said.partition("examples:")[2].splitlines() if line.strip()]
    assert len(examples) >= 3
    for example in examples:
        example = [word for word in example if word != "--help"]
        command_line.parser(example).parse_args(example)


def test_every_value_of_a_method_its_recipe_and_its_views_is_an_option_with_its_range_and_default(capsys):
    with pytest.raises(SystemExit):
        main(["train", "byol", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "--m FLOAT scenes 0.9, paper 0.996; a number from 0 to 1", "--no-predictor", "--hidden INT scenes 256, paper 4096; a whole number from 1",
        "--lr FLOAT scenes 0.003, paper 3.2; a number above 0", "--optimizer STR scenes adamw, paper lars; one of adamw, lars, sgd",
        "--solarise-share FLOAT default 0.0 and 0.2", "--area FLOAT FLOAT scenes (0.5, 1.0), paper (0.08, 1.0)",
    ):  # fmt: skip
        assert words in said


def test_what_is_said_of_method_recipe_views_and_encoder_is_what_is_trained_and_measured(folder, capsys):
    words = ["--tau", "0.1", "--K", "64", "--no-mlp-head", "--lr", "0.004", "--jitter", "0.25", "--area", "0.3", "0.9", "--encoder", "resnet18"]
    assert main(["train", "MoCo", *TINY, "--limit", "16", "--epochs", "1", "--recipe", "paper", *words, "--out", "run"]) == 0
    config = json.loads((folder / "run/config.json").read_text())
    settings, recipe = config["settings"], config["recipe"]
    assert (settings["tau"], settings["K"], settings["mlp_head"], settings["dim"], config["encoder"]) == (0.1, 64, False, 128, "resnet18")
    assert (settings["augmentation"]["jitter"], settings["augmentation"]["area"]) == (0.25, [0.3, 0.9])
    assert (recipe["lr"], recipe["optimizer"], recipe["epochs"]) == (0.004, "sgd", 1)
    weights = load_file(folder / "run/weights.safetensors")
    assert weights["queue"].shape == (64, 128) and weights["projector.0.weight"].shape == (128, 512)
    assert main(["evaluate", "run"]) == 0
    assert main(["train", "MoCo", "--out", "run", "--resume", "--tau", "0.1"]) == 0


@pytest.mark.parametrize("option, value", [("--tau", "0.3"), ("--lr", "0.5"), ("--jitter", "0"), ("--encoder", "resnet18"), ("--dim", "8")])
def test_a_run_goes_on_with_its_own_settings(fails, option, value):
    main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"])
    assert f"{option} " in fails("train", "SimCLR", "--out", "run", "--resume", option, value)


@pytest.mark.parametrize("option, words", [
    (["--tau", "0"], "tau=0.0 must be a number above 0"), (["--lr", "-1"], "lr=-1.0"), (["--jitter", "-1"], "jitter=-1.0"), (["--K", "8"], "--K"),
    (["--encoder", "nosuch"], "nosuch"), (["--recipe", "nosuch"], "scenes, paper"), (["--labels", "0.5"], "learns without labels"),
])
def test_a_value_out_of_its_range_is_one_sentence(folder, fails, option, words):
    assert words in fails("train", "SimCLR", *TINY, *option)
    assert list(folder.iterdir()) == []


def test_a_share_of_the_labels_is_what_supervised_learns_from(folder, capsys):
    assert main(["train", "Supervised", "--limit", "100", "--labels", "0.2", "--batch", "10", "--epochs", "1"]) == 0
    assert "Supervised on 20 images" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "nosuch"], ["nosuch"], ["train", "--help"]])
def test_what_needs_no_torch_does_not_wait_for_it(words):
    script = f"""
import sys
from ssl_lab.__main__ import main
from ssl_lab.recipe import Log
try:
    main({words!r})
except SystemExit:
    pass
print("torch" in sys.modules, "numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize("words", [["train", "SimCLR", "--out", ""], ["evaluate", ""], ["study", "simclr", "--out", ""]])
def test_an_empty_name_is_no_folder(words, fails):
    assert "an empty name is no folder; give one, such as runs/mine" in fails(*words)


def test_the_users_own_folder_is_meant_by_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "home"))
    assert main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "~/run"]) == 0
    assert (folder / "home/run/state.safetensors").exists() and not (folder / "~").exists()


def test_a_study_is_refused_a_file_for_a_folder_before_it_trains(folder, fails):
    (folder / "taken").write_text("x")
    assert "taken is a file, and taken is to be a folder" in fails("study", "simclr", "--limit", "64", "--epochs", "1", "--out", "taken")


def test_a_name_that_would_command_the_terminal_is_printed_as_its_escapes(capsys):
    assert main(["train", "SimCLR", "--data", "folder:no\nwhere\x1b[2J\udcff"]) == 2
    said = capsys.readouterr().err
    assert r"no\nwhere\x1b[2J\udcff does not exist" in said
    assert said.count("\n") == 1


def test_files_that_are_passed_over_are_one_line(tree, tmp_path, capsys):
    name = tree({f"{kind}/{i}.png": i for kind in ("cat", "dog") for i in range(2)})
    (tmp_path / "pictures" / "cat" / "9.heic").touch()
    words = ["train", "Supervised", "--data", name, "--size", "16", "--batch", "3", "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    assert main(["evaluate", str(tmp_path / "run")]) in (0, 2)
    assert capsys.readouterr().err.count("files passed over: 1 .heic") == 1


# patches of CPC


PATCHES = ["--patch-size", "8", "--stride", "4", "--steps", "2", "--skip", "0"]


def test_the_size_of_images_and_that_of_patches_are_two_options(folder, fails, capsys):
    with pytest.raises(SystemExit):
        main(["train", "CPC", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--size SIZE side of the images" in said and "--patch-size INT" in said and "--norm STR" in said
    assert main(["train", "cpc", *TINY, *PATCHES, "--epochs", "1", "--out", "run"]) == 0
    config = json.loads((folder / "run/config.json").read_text())
    assert (config["data"]["size"], config["settings"]["size"], config["settings"]["patch_augmentation"]["drop_share"] <= 1) == (16, 8, True)
    assert "--patch-size 4 differs from the run's 8" in fails("train", "CPC", "--out", "run", "--resume", "--patch-size", "4")
    assert "--size 8 differs from the run's 16" in fails("train", "CPC", "--out", "run", "--resume", "--size", "8")
    assert main(["train", "CPC", "--out", "run", "--resume", "--size", "16", "--patch-size", "8"]) == 0
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize("options, parts", [
    (["--patch-size", "40"], ["40 x 40 pixels is larger than the image, 16 x 16"]),
    (["--stride", "5"], ["leave out the last 3 pixels of 16 x 16", "--size", "stride 1, 2, 4, 8"]),
    (["--steps", "3"], ["steps=3 needs 4 rows of patches, and there are 3", "steps=2"]), (["--skip", "2"], ["skip=2, steps=2"]),
    (["--encoder", "small_resnet"], ["has batch norm", 'norm="batch"']), (["--norm", "group"], ["norm"]), (["--directions", "5"], ["directions=5"]),
])
def test_patches_that_make_no_grid_are_told_before_training(folder, fails, holds, options, parts):
    assert holds(fails("train", "CPC", *TINY, *PATCHES, *options, "--epochs", "1"), *parts)
    assert not (folder / "runs").exists()


# views of CMC


def config(run) -> dict:
    return json.loads((run / "config.json").read_text())


@pytest.mark.parametrize("options, frames, motions", [
    (["--views", "rgb", "later", "--frames", "4"], 4, 4), (["--views", "L", "flow", "--frames", "3"], 3, 3),
    (["--views", "rgb", "later"], 10, 10), (["--views", "depth", "flow"], 10, 10), (["--views", "L", "ab"], None, 10),
    (["--views", "L", "ab", "depth", "normals", "mask", "--graph", "full"], None, 10),
])  # fmt: skip
def test_cmc_trains_on_the_views_that_are_named_resumes_and_is_measured(folder, capsys, options, frames, motions):
    assert main(["train", "cmc", *options, *TINY, "--epochs", "1", "--out", "run"]) == 0
    said = config(folder / "run")
    assert (said["data"]["frames"], said["settings"]["frames"]) == (frames, motions)
    (folder / "run/curves.png").unlink()
    assert main(["train", "cmc", "--out", "run", "--resume"]) == 0  # nothing is left to do
    assert main(["evaluate", "run"]) == 0
    score = json.loads((folder / "run/evaluation.json").read_text())["knn"]
    assert score["same"] and score["view"] == ("depth" if options[1] == "depth" else None)
    assert ("measured is the encoder of depth" in capsys.readouterr().err) == (options[1] == "depth")


def test_frames_are_one_option_with_its_default(capsys):
    with pytest.raises(SystemExit):
        main(["train", "CMC", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("--frames FRAMES") == 2 and "--views STR" in said  # in the usage, and where it is explained
    assert "default: 10 where a view needs them" in said and "images then lie in the subfolder rgb" in said


def test_a_run_goes_on_with_its_own_frames(folder, fails):
    assert main(["train", "CMC", "--views", "rgb", "later", "--frames", "2", *TINY, "--epochs", "1", "--out", "run"]) == 0
    assert "--frames 5 differs from the run's 2" in fails("train", "CMC", "--out", "run", "--resume", "--frames", "5")
    assert main(["train", "CMC", "--out", "run", "--resume", "--frames", "2"]) == 0


def test_a_run_of_before_scenes_moved_still_opens(folder):
    """Its config.json has neither frames nor unit."""
    assert main(["train", "SimCLR", *TINY, "--epochs", "1", "--out", "run"]) == 0
    said = config(folder / "run")
    del said["data"]["frames"], said["data"]["unit"]
    (folder / "run/config.json").write_text(json.dumps(said))
    assert main(["evaluate", "run"]) == 0
    (folder / "run/state.safetensors").unlink()  # as far as the config: it begins again
    assert main(["train", "SimCLR", "--out", "run", "--resume"]) == 0


@pytest.fixture
def views(folder):
    """views("here") → a folder of forty images with labels and their depth, in tenths of a millimetre."""

    def make(name: str) -> str:
        for i in range(40):
            for view, image in (("rgb", Image.new("RGB", (16, 16), (6 * i, 0, 200 * (i % 2)))), ("depth", Image.new("I;16", (16, 16), 10_000 + i))):
                path = folder / name / view / "ab"[i % 2] / f"{i:02}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
        return f"folder:{name}"

    return make


def test_cmc_trains_on_a_folder_of_several_views_which_may_move(folder, views):
    where = views("here")
    run = ["train", "cmc", "--data", where, "--views", "rgb", "depth", "--unit", "0.0001", "--batch", "16", "--epochs", "2"]
    assert main([*run, "--out", "whole"]) == 0
    assert config(folder / "whole")["data"]["unit"] == 0.0001
    shutil.copytree("whole", "moved")
    (folder / "moved/state.safetensors").unlink()
    (folder / "here").rename("there")
    assert main(["train", "CMC", "--out", "moved", "--resume", "--data", "folder:there"]) == 0
    assert ended(folder / "moved")[1] == ended(folder / "whole")[1]
    for name, data in (("moved", []), ("whole", ["--data", "folder:there"])):
        assert main(["evaluate", name, *data]) == 0
        assert json.loads((folder / name / "evaluation.json").read_text())["knn"]["same"]


def test_views_of_an_image_alone_need_no_subfolders(folder, pictures):
    assert main(["train", "cmc", "--data", pictures("here"), "--views", "L", "ab", "--batch", "16", "--epochs", "1", "--out", "run"]) == 0
    assert main(["evaluate", "run"]) == 0


def test_what_learned_from_more_views_is_measured_on_images_alone(folder, capsys):
    assert main(["train", "cmc", "--views", "L", "ab", "depth", "later", *TINY, "--epochs", "1", "--out", "run"]) == 0
    assert main(["evaluate", "run", "--data", "digits", "--limit", "100"]) == 0
    assert "did not learn from these images of digits" in capsys.readouterr().err
    assert not json.loads((folder / "run/evaluation.json").read_text())["knn"]["same"]


@pytest.mark.parametrize("options, words", [
    (["--views", "rgb", "later", "--frames", "0"], ["frames=0", "1 to 64"]), (["--views", "rgb", "later", "--frames", "65"], ["frames=65"]),
    (["--views", "rgb", "later", "--data", "digits"], ["CMC learns from x, later, and later is missing"]),
    (["--data", "digits", "--frames", "3"], ["frames=3: only scenes move"]), (["--unit", "0.001"], ["unit=0.001 is the unit of depth"]),
    (["--data", "folder:here", "--views", "rgb", "flow"], ["'flow' cannot name a column"]),
    (["--data", "folder:here", "--views", "rgb", "mask"], ["'mask' is unknown; there are: depth, rgb"]),
    (["--views", "rgb", "nosuch"], ["CMC learns from x, nosuch, and nosuch is missing"]), (["--views", "rgb"], ["views"]),
])  # fmt: skip
def test_views_that_are_not_there_are_told_before_a_run_begins(folder, fails, views, options, words):
    views("here")
    said = fails("train", "cmc", *TINY[:4], *options, "--out", "run")
    assert all(word in said for word in words) and not (folder / "run").exists(), said
