"""What a class sees: `ssl-lab lab` in a real browser, notebook 03 run from top to bottom, the slider moved by keyboard.

Debian's chromium through Playwright, which downloads nothing: apt-get install chromium.
"""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest

CHROMIUM = shutil.which("chromium")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split()
MATRIX = "img[alt*='pairs at temperature']"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The URL that `ssl-lab lab` prints, serving copies of the notebooks in a folder of their own."""
    folder = tmp_path_factory.mktemp("lab")
    settings = {**os.environ, "SSL_LAB_PROFILE": "ci", "PYTHONUNBUFFERED": "1", "JUPYTER_CONFIG_DIR": str(folder / "config")}
    command = [sys.executable, "-m", "ssl_lab", "lab", "--no-browser"]
    with (folder / "log").open("w+") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=settings) as server:
        try:
            deadline = time.monotonic() + 120
            while not (found := re.search(r"http://127\S+", (folder / "log").read_text())):
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, "ssl-lab lab printed no address within two minutes"
                time.sleep(0.2)
            yield found[0]
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def page(address):
    """Notebook 03, opened, and every cell run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1500, "height": 1150})
        page.goto(re.sub(r"tree/[^?]+", "tree/03_simclr.ipynb", address))
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(MATRIX).wait_for(timeout=240_000)
        yield page
        browser.close()


def explorer(page):
    return page.locator(".jp-OutputArea-output", has=page.locator(MATRIX)).last


def test_the_arrow_keys_move_the_temperature_and_with_it_the_picture_and_its_alt_text(page, tmp_path):
    picture = explorer(page).locator("img")
    picture.scroll_into_view_if_needed()
    alt, source = picture.get_attribute("alt"), picture.get_attribute("src")
    explorer(page).locator(".noUi-handle").first.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("([words, old]) => document.querySelector(words).alt !== old", arg=[MATRIX, alt])
    assert picture.get_attribute("src") != source
    before, after = (float(re.search(r"temperature ([\d.]+):", words)[1]) for words in (alt, picture.get_attribute("alt")))
    assert after > before
    page.screenshot(path=tmp_path / "notebook.png")  # to be looked at


def test_a_number_typed_into_the_box_arrives(page):
    box = explorer(page).get_by_role("spinbutton", name="temperature")
    box.fill("0.05")
    box.press("Enter")
    page.locator("img[alt*='pairs at temperature 0.05:']").wait_for()


def test_everything_that_can_be_changed_has_a_name(page):
    seen = explorer(page).aria_snapshot()
    for named in ('spinbutton "temperature"', 'spinbutton "anchor"', 'combobox "matrix"', 'img "16 pairs at temperature'):
        assert named in seen, f"{named} is missing in\n{seen}"


def test_the_untouched_exercise_is_neutral_and_nothing_failed(page):
    page.get_by_text("not attempted yet").first.wait_for()
    for trouble in ("error", "stderr"):
        assert page.locator(f".jp-OutputArea-output [data-mime-type*='{trouble}'], .jp-OutputArea-output[data-mime-type*='{trouble}']").count() == 0


def test_nothing_pops_up_to_ask_about_news(page):
    assert page.get_by_text("Jupyter news").count() == 0
