"""A room with a browser in it: servers of this machine, a page of a notebook, and what is looked for on a page. The network is cut off.

Debian's chromium through Playwright, which downloads nothing: apt-get install chromium.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest

CHROMIUM = shutil.which("chromium")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split()
CUT_OFF = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # no name is found: what is not on this machine is not there
NO_PROXY = {**dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"), "no_proxy": "127.0.0.1,localhost"}
PATIENCE = 600  # seconds before whatever is waited for counts as hanging; no judgement of a machine
ROLES = "spinbutton|combobox|listbox|checkbox|radio|textbox|button|img|progressbar|slider"
IMPORTS = """from ssl_lab.data import load
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
"""


@contextmanager
def served(folder, command: list[str], address: str, profile: str = "ci"):
    """A server on this machine, started in folder, and the address that it prints."""
    settings = {**os.environ, **NO_PROXY, "SSL_LAB_PROFILE": profile, "PYTHONUNBUFFERED": "1", "JUPYTER_CONFIG_DIR": str(folder / "config")}
    with (folder / "log").open("w+") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=settings) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while not (found := re.search(address, (folder / "log").read_text())):
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, f"{command[2]} printed no address in {PATIENCE} s"
                time.sleep(0.2)
            yield found[0]
        finally:
            server.terminate()


def write(cells: list[str], path) -> None:
    """A notebook of these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}  # without it JupyterLab asks which
    book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path.parent.mkdir(exist_ok=True)
    nbformat.write(book, path)


@contextmanager
def laboratory(folder, **books: list[str]):
    """The URL that `ssl-lab lab` prints, serving copies of the notebooks in a folder of their own, and these beside them, name → cells."""
    for name, cells in books.items():
        write(cells, folder / "work" / f"{name}.ipynb")
    with served(folder, [sys.executable, "-m", "ssl_lab", "lab", "--no-browser"], r"http://127\S+") as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """A browser for which there is no network; `asked` is what pages have asked for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, CUT_OFF])
        context = chromium.new_context(viewport={"width": 1500, "height": 1150})
        context.set_default_timeout(1000 * PATIENCE)
        context.asked = []
        context.on("request", lambda request: context.asked.append(request.url))
        yield context
        chromium.close()


@contextmanager
def notebook(lab, browser, name: str):
    """A notebook in JupyterLab, its kernel idle, and every cell told to run."""
    page = browser.new_page()
    page.goto(re.sub(r"tree/[^?]+", f"tree/{name}", lab))
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('.jp-InputPrompt').length > 1")
    try:
        yield page
    except Exception as error:
        error.add_note(f"the page said: {page.locator('.jp-Notebook').inner_text()}")
        raise
    page.close()


def rested(page) -> None:
    """Wait until every cell has run; JupyterLab takes the focus with it from cell to cell."""
    page.wait_for_function("() => ![...document.querySelectorAll('.jp-InputPrompt')].some((prompt) => prompt.textContent.includes('*'))")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def sentence(found) -> str:
    """The alt text of an explorer, once all that was asked for is seen: what comes after it answers what is done after it."""
    found.and_(found.page.locator(".still")).wait_for()
    return found.locator("img.alt").get_attribute("alt")


def changed(page, found, before: str) -> str:
    """The alt text at rest, once it is another one than before."""
    page.wait_for_function("([node, old]) => node.alt !== old", arg=[found.locator("img.alt").element_handle(), before])
    return sentence(found)


def troubles(page) -> list[str]:
    """What cells say on stderr, and their tracebacks."""
    outputs, bad = ":is(.jp-OutputArea-output, .jp-OutputArea-output *)", ":is([data-mime-type*='error'], [data-mime-type*='stderr'])"
    return page.locator(outputs + bad).all_text_contents()


def press(page, found, label: str, times: int) -> tuple[str, str]:
    """The alt text before and after the arrow key has moved a slider."""
    before, slider = sentence(found), found.get_by_role("slider", name=label, exact=True)
    for _ in range(times):
        slider.press("ArrowRight")
    return before, changed(page, found, before)


def outside(asked: list[str]) -> list[str]:
    """The addresses that are not on this machine."""
    return [address for address in asked if not re.match(r"(http://127\.0\.0\.1:\d+/|data:|blob:)", address)]


def nameless(snapshot: str) -> list[str]:
    """The lines of an ARIA snapshot that are controls or pictures without a name."""
    return [line for line in map(str.strip, snapshot.splitlines()) if re.match(rf"- '?({ROLES})(?! \")", line)]


def serious(page, part: str = ".ssl-lab") -> list[str]:
    """What axe-core finds in a part of the page that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=part).response["violations"]
    return [f"{one['id']}: {one['help']}, {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]
