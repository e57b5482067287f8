"""What a class sees, in a real browser with the network cut off: `ssl-lab lab` with notebook 03, every explorer, Stop, Voilà, and saved pages.

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
EXPLORER = ".ssl-lab:has(.controls:not([hidden]))"
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
EXPLORERS = {  # small, each in a cell of its own
    "SimilarityExplorer": "recording = Recording(method, images)\nrecording.add(1)\nexplorer = SimilarityExplorer(recording)",
    "ViewsExplorer": "explorer = ViewsExplorer(images)",
    "EmbeddingExplorer": "explorer = EmbeddingExplorer(features(method.encoder, images), images)",
    "SceneExplorer": 'explorer = SceneExplorer({"a network": method.encoder})',
    "CircleExplorer": "explorer = CircleExplorer()",
    "CollapseLab": "explorer = CollapseLab()",
    "MomentumExplorer": "explorer = MomentumExplorer()",
    "QueueExplorer": "explorer = QueueExplorer(MoCo(small_resnet(width=4)), images, steps=5, batch=8)",
}
EVERY = [
    IMPORTS.replace("SimCLR", "MoCo, SimCLR") + "from ssl_lab.evaluate import features\nfrom ssl_lab.widgets import *\n"
    'method, images = SimCLR(small_resnet(width=4)), load("scenes", split="test", limit=64)',
    *(f"{code}\nexplorer" for code in EXPLORERS.values()),
]
SWEPT = {  # what a saved page of each holds
    "SimilarityExplorer": {"tau": [0.1, 1.0, 10.0]}, "ViewsExplorer": {"again": [0, 1]}, "EmbeddingExplorer": {"picked": [0, 1, 2]},
    "SceneExplorer": {"shape": None}, "CircleExplorer": {"step": None}, "CollapseLab": {"step": None}, "MomentumExplorer": {"m": None}, "QueueExplorer": {"step": None},
}  # fmt: skip

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
    write(EVERY, folder / "work" / "every.ipynb")
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
    return page.locator(".ssl-lab", has=page.locator(MATRIX)).last


def sentence(found) -> str:
    """The alt text of an explorer."""
    return found.locator("img.alt").get_attribute("alt")


def changed(page, found, before: str) -> str:
    """The alt text, once it is another one than before."""
    page.wait_for_function("([node, old]) => node.alt !== old", arg=[found.locator("img.alt").element_handle(), before])
    return sentence(found)


def troubles(page) -> list[str]:
    """What cells say on stderr, and their tracebacks."""
    outputs, bad = ":is(.jp-OutputArea-output, .jp-OutputArea-output *)", ":is([data-mime-type*='error'], [data-mime-type*='stderr'])"
    return page.locator(outputs + bad).all_text_contents()


def press(page, found, label: str, times: int) -> tuple[str, str]:
    """The alt text before and after the arrow key has moved a slider."""
    before = sentence(found)
    found.get_by_role("slider", name=label, exact=True).focus()
    for _ in range(times):
        page.keyboard.press("ArrowRight")
    return before, changed(page, found, before)


def temperature(words: str) -> float:
    return float(re.search(r"temperature ([\d.]+)\b", words)[1])


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


def test_the_arrow_keys_move_the_temperature_and_with_it_the_picture_and_its_alt_text(page, tmp_path):
    found = explorer(page)
    found.scroll_into_view_if_needed()
    seen = found.locator(".stage").inner_html()
    before, after = press(page, found, "temperature", 6)
    assert found.locator(".stage").inner_html() != seen
    assert temperature(after) > temperature(before)
    page.screenshot(path=tmp_path / "notebook.png")  # to be looked at


def test_enter_takes_an_exact_number_while_pictures_are_still_coming(page):
    found = explorer(page)
    for _ in range(3):
        press(page, found, "temperature", 6)
        page.keyboard.press("Enter")
        page.keyboard.type("0.05")
        page.keyboard.press("Enter")
        page.locator("img[alt*='at temperature 0.05']").wait_for()


def test_a_number_out_of_the_range_is_refused_where_it_is_typed(page):
    found = explorer(page)
    before = sentence(found)
    box = found.get_by_role("spinbutton", name="temperature, exact value")
    box.fill("77")
    box.press("Enter")
    assert not box.evaluate("box => box.validity.valid") and sentence(found) == before
    box.fill("0.05")
    box.press("Enter")


def test_the_picture_follows_while_the_mouse_drags(page):
    found = explorer(page)
    slider = found.get_by_role("slider", name="temperature", exact=True)
    slider.scroll_into_view_if_needed()
    place, seen = slider.bounding_box(), {sentence(found)}
    middle = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + 3, middle)
    page.mouse.down()
    for part in (0.2, 0.5, 0.8):
        before = sentence(found)
        page.mouse.move(place["x"] + part * place["width"], middle, steps=4)
        seen.add(changed(page, found, before))
    assert len(seen) == 4, "the picture waited until the slider was let go"
    page.mouse.up()


def test_a_click_on_a_cell_makes_its_row_the_anchor(page):
    found = explorer(page)
    cells = found.locator(".spot.moves").first
    cells.scroll_into_view_if_needed()
    before, place = sentence(found), cells.bounding_box()
    page.mouse.click(place["x"] + 0.5 * place["width"], place["y"] + 0.9 * place["height"])
    after = changed(page, found, before)
    assert re.search(r"anchor \d+", after)[0] != re.search(r"anchor \d+", before)[0]


def test_play_goes_through_every_epoch_and_stops_at_the_end(page):
    found = explorer(page)
    slider, before = found.get_by_role("slider", name="epoch", exact=True), sentence(found)
    slider.focus()
    page.keyboard.press("Home")
    changed(page, found, before)
    page.keyboard.press(" ")
    found.get_by_role("button", name="pause epoch").wait_for()
    found.get_by_role("button", name="play epoch").wait_for()
    page.wait_for_function("slider => slider.value === slider.max", arg=slider.element_handle())


def test_what_is_under_the_pointer_is_said_without_the_kernel(page, browser):
    found = explorer(page)
    cells = found.locator(".spot").first
    cells.scroll_into_view_if_needed()
    browser.set_offline(True)
    try:
        place, said = cells.bounding_box(), set()
        for part in (0.2, 0.6):
            page.mouse.move(place["x"] + part * place["width"], place["y"] + 0.5 * place["height"])
            said.add(found.locator(".tip:not([hidden])").text_content())
        assert len(said) == 2 and all("cosine" in words for words in said)
        cells.focus()
        page.keyboard.press("ArrowDown")
        assert "cosine" in cells.get_attribute("aria-label")
    finally:
        browser.set_offline(False)


def test_everything_that_can_be_changed_has_a_name(page):
    seen = explorer(page).aria_snapshot()
    for named in ('slider "temperature"', 'slider "anchor"', 'combobox "matrix"', 'img "Softmax of 16 pairs'):
        assert named in seen, f"{named} is missing in\n{seen}"


def test_a_control_without_a_name_would_be_found():
    seen = '- slider\n- spinbutton "tau"\n- slider "tau": "0.2"\n- button\n- \'button "a: b"\'\n- img\n- text: a slider'
    assert nameless(seen) == ["- slider", "- button", "- img"]


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


@pytest.fixture(scope="module")
def every(lab, browser):
    """A notebook with every explorer in it."""
    with notebook(lab, browser, "every.ipynb") as page:
        page.wait_for_function(f"() => document.querySelectorAll('.ssl-lab img.alt:not([alt=\"\"])').length === {len(EXPLORERS)}")
        yield page


def one(every, name):
    found = every.locator(".ssl-lab").nth([*EXPLORERS].index(name))
    found.scroll_into_view_if_needed()
    return found


SIZES = [(1280, 800), (1024, 768)]


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("size", SIZES)
def test_no_word_is_smaller_than_eleven_pixels_and_the_control_in_hand_is_seen_with_the_picture(name, size, every, tmp_path):
    every.set_viewport_size({"width": size[0], "height": size[1]})
    found = one(every, name)
    every.wait_for_timeout(200)  # for the layout
    sizes = found.locator(".stage text").evaluate_all("words => words.map((w) => parseFloat(getComputedStyle(w).fontSize) * w.getScreenCTM().d)")
    assert len(sizes) > 5 and min(sizes) > 10.8
    if size == SIZES[0]:
        assert found.locator(".controls").bounding_box()["height"] + found.locator(".panel").first.bounding_box()["height"] < 720
    found.screenshot(path=tmp_path / f"{name}.png")  # to be looked at


@pytest.mark.parametrize("name", EXPLORERS)
def test_nothing_serious_keeps_people_out_of_an_explorer_by_day_and_by_night(name, every, tmp_path):
    every.set_viewport_size({"width": 1280, "height": 800})
    found = one(every, name)
    number = [*EXPLORERS].index(name)
    every.evaluate(f"document.querySelectorAll('.ssl-lab')[{number}].id = 'judged'")
    try:
        for light in ("false", "true"):
            every.evaluate(f"document.body.dataset.jpThemeLight = '{light}'")
            found.locator("xpath=self::*[contains(@class, 'night')]" if light == "false" else "xpath=self::*[not(contains(@class, 'night'))]").wait_for()
            assert serious(every, "#judged") == []
            found.screenshot(path=tmp_path / f"{name}-{light}.png")  # to be looked at
    finally:
        every.evaluate("document.body.dataset.jpThemeLight = 'true'; document.getElementById('judged').id = ''")
    assert nameless(found.aria_snapshot()) == []


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_explorer_follows_the_hand_plays_and_answers(name, every):
    found = one(every, name)
    sliders = found.get_by_role("slider").all()
    assert sliders
    label, before = sliders[0].get_attribute("aria-label"), sentence(found)
    sliders[0].focus()
    every.keyboard.press("Home")
    every.keyboard.press("ArrowRight")
    before = changed(every, found, before)
    every.emulate_media(reduced_motion="reduce")
    found.get_by_role("button", name=f"play {label}").click()
    changed(every, found, before)
    found.get_by_role("button", name=f"pause {label}").click()
    every.emulate_media(reduced_motion="no-preference")
    for spot in found.locator(".spot").all()[:3]:
        spot.scroll_into_view_if_needed()
        place = spot.bounding_box()
        every.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        spot.focus()
        every.keyboard.press("ArrowRight")
        assert found.locator(".tip").text_content()


def test_every_cell_with_an_explorer_is_quiet(every):
    assert troubles(every) == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A saved page of every explorer."""
    folder = tmp_path_factory.mktemp("pages")
    code = [EVERY[0], *(f"{make}\nexplorer.save({str(folder / f'{name}.html')!r}, **{SWEPT[name]})" for name, make in EXPLORERS.items())]
    subprocess.run([sys.executable, "-c", "\n".join(code)], check=True, env={**os.environ, **NO_PROXY})
    return folder


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_saved_page_works_from_a_file_by_keyboard_without_a_network(name, pages, browser, tmp_path):
    path = pages / f"{name}.html"
    assert path.stat().st_size <= 3_000_000
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"file://{path}")
    found = page.locator(".ssl-lab")
    before, control = sentence(found), next(iter(SWEPT[name]))
    page.keyboard.press("Tab")
    page.keyboard.press(" " if control == "again" else "ArrowLeft" if control == "step" and name == "CollapseLab" else "ArrowDown" if control == "shape" else "ArrowRight")
    changed(page, found, before)
    spot = found.locator(".spot").first
    spot.focus()
    page.keyboard.press("ArrowRight")
    assert found.locator(".tip:not([hidden])").text_content()
    assert errors == [] and serious(page) == []
    page.screenshot(path=tmp_path / f"{name}.png")  # to be looked at
    page.close()


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
    before, after = press(voila, voila.locator(".ssl-lab"), "temperature", 6)
    assert temperature(after) > temperature(before)
    voila.screenshot(path=tmp_path / "voila.png")  # to be looked at


def test_under_voila_all_that_is_asked_of_the_network_is_icons_and_works_without(voila, browser):
    assert all("fontawesome" in address for address in outside(browser.asked))


def test_under_voila_everything_has_a_name_too(voila):
    seen = voila.locator("body").aria_snapshot()
    assert 'slider "temperature"' in seen and nameless(seen) == []
