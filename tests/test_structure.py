"""What holds for the project as a whole: who may import whom, what an import costs, what no file may contain."""

import ast
import graphlib
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ORDER = (
    "version errors files parse terminal interrupts arguments catalogue stream turns surroundings scenes motion decoding reading folders pairs "
    "sources datasets data groups fingerprint augment corruptions distributed tensors models features panels softmax losses geometry gaussians "
    "kmeans pseudo_labels recipe method optim methods threads lock checkpoint guard precision train evaluate studies tables plots front "
    "widgets checks progress cells notebook lab doctor options commands __main__ start"
).split()
FILES = sorted((ROOT / "ssl_lab").rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
HEAVY = "torchvision torch._dynamo sklearn scipy umap numba matplotlib PIL IPython ipywidgets anywidget jupyterlab safetensors".split()


def imports(module: str) -> set[str]:
    """The modules of ssl_lab that a module imports, anywhere in its file."""
    found = set()
    for node in ast.walk(ast.parse(FILES[MODULES.index(module)].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: write ssl_lab in full"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
    return found & set(MODULES)


def part(module: str) -> str:
    """The name in ORDER that a module stands under."""
    return module.split(".")[1]


INNER = [module for module in MODULES if module != "ssl_lab"]


@pytest.mark.parametrize("module", INNER)
def test_every_file_has_its_place_in_the_order(module):
    assert part(module) in ORDER, f"{module}: say where it stands among the imports, here and in CONTRIBUTING.md"


@pytest.mark.parametrize("module", INNER)
def test_imports_never_turn_back(module):
    for imported in imports(module):
        assert imported != "ssl_lab", f"{module} imports the package: name the file"
        assert part(imported) == part(module) or ORDER.index(part(imported)) < ORDER.index(part(module)), f"{module} imports {imported}"


ALOUD = "losses.py", "panels.py", "softmax.py"
READ_ALOUD = [path for path in FILES if path.parent.name == "methods" or path.name in ALOUD]  # `show` displays them


@pytest.mark.parametrize("path", READ_ALOUD, ids=lambda path: path.name)
def test_what_is_read_aloud_fits_a_projector(path):
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if len(line) > 88] == []


def test_no_two_files_import_each_other():
    graphlib.TopologicalSorter({module: imports(module) for module in INNER}).prepare()


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_a_file_is_one_idea_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= 250
    assert not re.search("util|helper|misc|common", path.stem)


@pytest.mark.parametrize("module", [module for module in MODULES if not module.endswith("__main__")])
def test_every_public_name_is_documented(module):
    module = importlib.import_module(module)
    assert module.__doc__
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        assert not callable(thing) or inspect.getdoc(thing), f"{module.__name__}.{name} says nothing of itself"


@pytest.mark.parametrize("first, loaded", [("import ssl_lab", "False"), ("import ssl_lab; ssl_lab.SimCLR", "True")])
def test_importing_the_package_loads_nothing_and_asking_for_a_method_torch_and_nothing_heavier(first, loaded):
    code = f"{first}; import sys; print('torch' in sys.modules, *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [loaded]


@cache
def texts() -> dict[str, str]:
    """Every text file of the project: what git tracks, or in an unpacked archive what lies there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    walked = [path for top in ("ssl_lab", "tests", "course", "notebooks") for path in (ROOT / top).rglob("*")]
    names = listed.stdout.split("\0") if (ROOT / ".git").exists() else walked
    paths = [path for path in (ROOT / name for name in names) if path.is_file() and path.suffix not in (".png", ".pyc", ".safetensors")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"python[h]osted|pypi[.]org|download[.]pytorch[.]org|npmjs[.]org|debian[.]org", id="address of a package index"),
        pytest.param(r"(?<![\w.])/(?:work|root|farm|home|Users)/", id="path of one machine"),
        pytest.param(r"(?:import|from)\s+matplotlib[.]pyplot|from matplotlib import .*py[p]lot", id="a plotting interface with a global state"),
    ],
)
def test_no_file_contains(pattern):
    assert [name for name, text in texts().items() if re.search(pattern, text)] == []


def test_every_optimizer_comes_from_optim():
    """torch's own import torch.compile at their first call, which takes longer than to import torch."""
    named = [name for name, text in texts().items() if name.startswith("ssl_lab/") and "torch.optim" in text]
    assert named == ["ssl_lab/optim.py"]


def test_no_malicious_lightning_can_be_installed():
    """lightning and pytorch-lightning 2.6.2 and 2.6.3 stole credentials; lightly, a peer in the tests, asks for one of them."""
    constraints = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    allowed = {requirement.name: requirement.specifier for requirement in map(Requirement, constraints)}
    for name in ("lightning", "pytorch-lightning"):
        assert not [version for version in ("2.6.2", "2.6.3") if version in allowed[name]]


def test_tests_that_need_a_gpu_are_those_that_the_benchmark_runs_on_one():
    asking = [path.name for path in sorted((ROOT / "tests").glob("test_*.py")) if re.search(r"skipif\([^)]*cuda", path.read_text())]
    assert asking == ["test_cuda.py"]
    assert 'names = ["tests/test_cuda.py"]' in (ROOT / "tests" / "benchmarks" / "gpu.py").read_text()


def test_conda_installs_what_the_project_needs():
    conda = (ROOT / "environment.yml").read_text()
    names = {Requirement(need).name for need in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]}
    for name in names - {"torch", "matplotlib"} | {"pytorch", "matplotlib-base"}:
        assert f"  - {name}\n" in conda


def test_the_first_page_shows_code_that_runs(capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    exec(code.replace("10_000", "256").replace('split="test"', 'split="test", limit=64'), {})
    assert capsys.readouterr().out.count("kNN 0.") >= 2
