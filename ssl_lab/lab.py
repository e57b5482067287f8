"""JupyterLab on copies of the notebooks in ./work/. A student's answers are never overwritten, and the sources do not change.

    the package's notebooks → hand_out → ./work/ → JupyterLab in this process → the URL
"""

import hashlib
import itertools
import json
import os
import secrets
import signal
import warnings
from pathlib import Path

from ssl_lab.errors import require
from ssl_lab.files import folder_to_be, write_bytes, write_text
from ssl_lab.progress import RECORD

WORK = Path("work")


def source() -> Path:
    """The folder of the notebooks: beside the package in a checkout, inside it when installed.

    Raises: InputError where there is none.
    """
    package = Path(__file__).parent
    found = [folder for folder in (package.parent / "notebooks", package / "_notebooks") if any(folder.glob("*.ipynb"))]
    require(len(found) > 0, f"no notebooks came with {package}: install ssl-lab from its wheel, or work in a clone of it")
    return found[0]


def hand_out(notebooks: Path, work: Path) -> list[str]:
    """Copy every notebook that has not been handed out yet, and return one sentence for each copy made.

    A new edition replaces an unchanged copy. A changed copy stays, and the new edition is put beside it as NAME_2.ipynb.
    A copy that a crash cut short is made again. To begin a notebook afresh, delete or rename the copy.
    """
    folder_to_be(work)
    record = work / RECORD  # the digest of each copy when it was handed out; a copy that differs now is the student's
    handed = remembered(record)
    made = []
    for path in sorted(notebooks.rglob("*.ipynb")):
        name = path.relative_to(notebooks)
        if ".ipynb_checkpoints" not in name.parts and (copy := place(path, name, work, handed)):
            made.append(f"{work / copy} is new" if copy == name else f"{work / copy} is a new edition; your {name} stays as it is")
            (work / copy).parent.mkdir(exist_ok=True)
            write_bytes(work / copy, path.read_bytes())
            handed[str(copy)] = digest(path)
            write_text(record, json.dumps(handed, indent=1))
    return made


def place(path: Path, name: Path, work: Path, handed: dict[str, str]) -> Path | None:
    """Where this edition of a notebook goes: the first name that is free, or whose copy is unchanged; None if it has been handed out before."""
    for number in itertools.count(1):
        copy = name if number == 1 else name.with_stem(f"{name.stem}_{number}")
        there = digest(work / copy) if (work / copy).exists() else None
        was = handed.get(str(copy))
        if there is None or (there == was != digest(path)) or cut_short(work / copy, path):
            return copy
        if digest(path) in (there, was):
            return None


def remembered(record: Path) -> dict[str, str]:
    """What was handed out. A record that a crash has spoiled is empty: then no copy is touched, and beside a changed one goes a new edition."""
    try:
        handed = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {copy: what for copy, what in handed.items() if isinstance(what, str)} if isinstance(handed, dict) else {}


def cut_short(copy: Path, source: Path) -> bool:
    """Whether a copy is only the beginning of its source."""
    there, whole = copy.read_bytes(), source.read_bytes()
    return len(there) < len(whole) and whole.startswith(there)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lab(browser: bool = True, port: int | None = None) -> None:
    """Serve JupyterLab, for this machine only, on copies of the notebooks in ./work/, until Ctrl-C.

    browser: open it.   port: None is 8888; if it is taken, the next free one is used, and a line says so.
    It does not use the network (no news, no updates, no catalogue of extensions), and it changes no setting of the user.
    """
    require(port is None or 1 <= port <= 65535, f"port {port} does not exist; choose from 1024 to 65535")
    notebooks = source()
    for sentence in hand_out(notebooks, WORK):
        print(sentence)
    first = min(notebooks.glob("*.ipynb")).name
    server = serve(first, browser, port or 8888)
    said = f"\nJupyterLab: http://127.0.0.1:{server.port}/lab/tree/{first}?token={server.identity_provider.token}"
    if port and server.port != port:
        print(f"port {port} is taken; {server.port} is free")
    said += f"\nYour copies of the notebooks are in {WORK.resolve()}. Ctrl-C stops.\n"
    server.io_loop.add_callback(lambda: print(said, flush=True))  # printed once the server listens
    signal.signal(signal.SIGINT, lambda *_: server.stop(from_signal=True))  # Jupyter would ask, and without a terminal not stop its kernels
    server.start()
    print(f"stopped; your notebooks are in {WORK.resolve()}")


def serve(first: str, browser: bool, port: int):
    """A JupyterLab server, bound to its port and not yet started; its start page is the first notebook."""
    from jupyterlab.labapp import LabApp

    root = hasattr(os, "geteuid") and os.geteuid() == 0  # in containers; Jupyter refuses root unless told
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.base_url": "/",
        "ServerApp.root_dir": WORK.resolve(),
        "ServerApp.allow_root": root,
        "ServerApp.open_browser": browser,
        "Application.log_level": "WARN",
        "IdentityProvider.token": secrets.token_urlsafe(24),
        "LabApp.default_url": f"/lab/tree/{first}",
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
    }
    with warnings.catch_warnings():  # during this call an extension may switch on warnings that are for Jupyter's authors
        warnings.showwarning = lambda *_, **__: None
        server = LabApp.initialize_server([f"--{name}={value}" for name, value in settings.items()])
    server.web_app.settings["page_config_hook"] = without_announcements
    return server


def without_announcements(handler, page: dict) -> dict:
    """The page's configuration without JupyterLab's question about news, which it asks even if no news can be fetched."""
    return {**page, "disabledExtensions": [*page.get("disabledExtensions", []), "@jupyterlab/apputils-extension:announcements"]}
