"""What a class sees, in a real browser with the network cut off: `ssl-lab lab` with notebook 03, a slider, Stop; and the same explorer under Voilà.

Debian's chromium through Playwright, which downloads nothing: apt-get install chromium.
"""

import os
import re
import shutil
import socket
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
MATRIX = "img[alt*='anchors find their partner first']"
EXPLORER = ".jp-OutputArea-output .widget-vbox:has(.widget-vbox, .widget-hbox):has(img[alt])"
ROLES = "spinbutton|combobox|listbox|checkbox|radio|textbox|button|img|progressbar|slider"
IMPORTS = """from ssl_lab.data import load
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
"""
STOPPED = [  # long enough for anybody to press Stop
    IMPORTS + "from ssl_lab.recipe import Recipe\nfrom ssl_lab.train import train\nfrom ssl_lab.widgets import TrainingView",
    """view, method = TrainingView(500), SimCLR(small_resnet())
with view:
    for log in train(method, load("scenes", limit=512).unlabelled(), Recipe(epochs=500, batch=128)):
        view.append(log)""",
    "print(f'the cell after it ran, {len(view.rows)} epochs are kept')",
]
ALONE = [
    IMPORTS + "from ssl_lab.widgets import Recording, SimilarityExplorer",
    'SimilarityExplorer(Recording(SimCLR(small_resnet()), load("scenes", split="test", limit=16)))',
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


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


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The URL that `ssl-lab lab` prints, serving copies of the notebooks in a folder of their own, and a long training beside them."""
    folder = tmp_path_factory.mktemp("lab")
    write(STOPPED, folder / "work" / "stop.ipynb")
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
    yield page
    page.close()


@pytest.fixture(scope="module")
def page(lab, browser):
    """Notebook 03, opened, and every cell run."""
    with notebook(lab, browser, "03_simclr.ipynb") as page:
        page.locator(MATRIX).wait_for()
        yield page


def explorer(page):
    return page.locator(".jp-OutputArea-output", has=page.locator(MATRIX)).last


def troubles(page) -> list[str]:
    """What cells say on stderr, and their tracebacks."""
    outputs, bad = ":is(.jp-OutputArea-output, .jp-OutputArea-output *)", ":is([data-mime-type*='error'], [data-mime-type*='stderr'])"
    return page.locator(outputs + bad).all_text_contents()


def press(page, handle, times: int) -> tuple[str, str]:
    """The alt text of the matrix before and after the arrow key has moved the first slider beside it."""
    before = page.locator(MATRIX).get_attribute("alt")
    handle.focus()
    for _ in range(times):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("([words, old]) => document.querySelector(words).alt !== old", arg=[MATRIX, before])
    return before, page.locator(MATRIX).get_attribute("alt")


def temperature(words: str) -> float:
    return float(re.search(r"temperature ([\d.]+)\b", words)[1])


def outside(asked: list[str]) -> list[str]:
    """The addresses that are not on this machine."""
    return [address for address in asked if not re.match(r"(http://127\.0\.0\.1:\d+/|data:|blob:)", address)]


def nameless(snapshot: str) -> list[str]:
    """The lines of an ARIA snapshot that are controls or pictures without a name. A slider's name is its number box's, just before it."""
    lines = ["", *(line.strip() for line in snapshot.splitlines())]
    bare = [i for i, line in enumerate(lines) if re.match(rf'- ({ROLES})(?! ")', line)]
    return [lines[i] for i in bare if not (lines[i].startswith("- slider") and re.match(r'- spinbutton "', lines[i - 1]))]


def test_the_arrow_keys_move_the_temperature_and_with_it_the_picture_and_its_alt_text(page, tmp_path):
    picture = explorer(page).locator("img")
    picture.scroll_into_view_if_needed()
    source = picture.get_attribute("src")
    before, after = press(page, explorer(page).locator(".noUi-handle").first, 6)
    assert picture.get_attribute("src") != source
    assert temperature(after) > temperature(before)
    page.screenshot(path=tmp_path / "notebook.png")  # to be looked at


def test_a_number_typed_into_the_box_arrives(page):
    box = explorer(page).get_by_role("spinbutton", name="temperature")
    box.fill("0.05")
    box.press("Enter")
    page.locator("img[alt*='at temperature 0.05']").wait_for()


def test_everything_that_can_be_changed_has_a_name(page):
    seen = explorer(page).aria_snapshot()
    for named in ('spinbutton "temperature"', 'spinbutton "anchor"', 'combobox "matrix"', 'img "Softmax of 16 pairs'):
        assert named in seen, f"{named} is missing in\n{seen}"


def test_a_control_without_a_name_would_be_found():
    seen = '- slider\n- spinbutton "tau"\n- slider: "0.2"\n- slider\n- button\n- button "Stop"\n- img\n- text: a slider'
    assert nameless(seen) == ["- slider", "- slider", "- button", "- img"]


def test_an_address_of_another_machine_would_be_found():
    asked = ["http://127.0.0.1:8888/lab", "data:image/png;base64,", "https://cdn.jsdelivr.net/x", "http://127.0.0.1.example.org/"]
    assert outside(asked) == asked[2:]


def test_the_untouched_exercise_is_neutral_and_nothing_failed(page):
    page.get_by_text("not attempted yet").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # all cells have run
    assert troubles(page) == []


def test_in_every_explorer_every_control_and_picture_has_a_name(page):
    seen = [found.aria_snapshot() for found in page.locator(EXPLORER).all()]
    assert len(seen) >= 4 and all(' "' in snapshot for snapshot in seen)
    assert [nameless(snapshot) for snapshot in seen] == [[]] * len(seen)


def test_nothing_pops_up_to_ask_about_news(page):
    assert page.get_by_text("Jupyter news").count() == 0


def test_stop_ends_a_training_keeps_what_was_learned_and_the_notebook_goes_on(lab, browser, tmp_path):
    with notebook(lab, browser, "stop.ipynb") as page:
        page.locator("text=/epoch [1-9][0-9]* of 500/").first.wait_for()
        page.get_by_role("button", name="Stop training").click()
        page.locator("text=/stopped after epoch [1-9][0-9]* of 500/").first.wait_for()
        after = page.locator("text=/the cell after it ran, [1-9][0-9]* epochs are kept/")
        after.wait_for()
        assert page.get_by_role("button", name="Stop training").is_disabled()
        assert troubles(page) == []
        assert nameless(page.locator(EXPLORER).first.aria_snapshot()) == []
        page.screenshot(path=tmp_path / "stopped.png")  # to be looked at


def test_jupyterlab_asks_nothing_of_the_network(page, browser):
    assert len(browser.asked) > 10
    assert outside(browser.asked) == []


@pytest.fixture(scope="module")
def voila(tmp_path_factory, browser):
    """The explorer alone, as a page without code."""
    folder = tmp_path_factory.mktemp("voila")
    write(ALONE, folder / "book" / "explorer.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", "book/explorer.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with served(folder, command, rf"http://127.0.0.1:{port}\S*") as address:
        page = browser.new_page()
        page.goto(address)
        page.locator(MATRIX).wait_for()
        yield page
        page.close()


def test_under_voila_the_same_explorer_follows_the_keyboard(voila, tmp_path):
    before, after = press(voila, voila.locator(".noUi-handle").first, 6)
    assert temperature(after) > temperature(before)
    voila.screenshot(path=tmp_path / "voila.png")  # to be looked at


def test_under_voila_all_that_is_asked_of_the_network_is_icons_and_works_without(voila, browser):
    assert all("fontawesome" in address for address in outside(browser.asked))


def test_under_voila_everything_has_a_name_too(voila):
    seen = voila.locator("body").aria_snapshot()
    assert 'spinbutton "temperature"' in seen and nameless(seen) == []
