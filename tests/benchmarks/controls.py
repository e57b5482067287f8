"""Every control of every explorer of a notebook, moved once in a real browser: which pictures answered, how fast, and what went wrong.

    python tests/benchmarks/controls.py 04_moco [--folder pictures] [--profile laptop]

Run All first. A slider takes four arrow keys, a list its next option, a box of yes or no the other answer; then a screenshot. Needs chromium.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import test_browser as there
from playwright.sync_api import Page, sync_playwright

WAIT = 8  # seconds for a picture to answer
PROMPTS = ".jp-InputArea-prompt"
CONTROLS = ".noUi-handle, select, input[type=checkbox]"


def move(page: Page, control) -> str:
    """Move one control; returns what it was, in words."""
    kind = control.evaluate("e => e.tagName + (e.type || '')")
    if kind.startswith("SELECT"):
        options = control.evaluate("e => [e.selectedIndex, e.options.length]")
        control.select_option(index=(options[0] + 1) % options[1])
        return "list"
    if "checkbox" in kind:
        control.click()
        return "box"
    control.focus()
    now, most = (float(control.get_attribute(f"aria-value{end}")) for end in ("now", "max"))
    for _ in range(4):
        page.keyboard.press("ArrowRight" if now < most else "ArrowLeft")
    return "slider"


def seen(picture) -> tuple[str, str]:
    """The picture and its words, of which one may stay: a loss without a temperature looks the same at any."""
    return picture.get_attribute("src"), picture.get_attribute("alt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook")
    parser.add_argument("--folder", type=Path, help="for a screenshot after every move")
    parser.add_argument("--profile", choices=("ci", "laptop"), default="ci")
    given = parser.parse_args()
    folder, silent = Path(tempfile.mkdtemp()), 0
    command = [sys.executable, "-m", "ssl_lab", "lab", "--no-browser"]
    with there.served(folder, command, r"http://127\S+", profile=given.profile) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=there.CHROMIUM, args=[*there.QUIET, there.CUT_OFF])
        context = chromium.new_context(viewport={"width": 1500, "height": 1150})
        with there.notebook(address, context, f"{given.notebook}.ipynb") as page:
            page.wait_for_timeout(5_000)  # until cells are queued, with a star
            page.wait_for_function(f"() => ![...document.querySelectorAll('{PROMPTS}')].some(p => p.textContent.includes('*'))", timeout=600_000)
            for number, explorer in enumerate(page.locator(there.EXPLORER).all()):
                for turn, control in enumerate(explorer.locator(CONTROLS).all()):
                    picture, start = explorer.locator("img[alt]").first, time.perf_counter()
                    before = seen(picture)
                    if not control.is_enabled():
                        continue
                    what = move(page, control)
                    while seen(picture) == before and time.perf_counter() - start < WAIT:
                        page.wait_for_timeout(20)
                    answered = seen(picture) != before
                    silent += not answered
                    answer = f"answered after {time.perf_counter() - start:.1f} s" if answered else "did not answer"
                    print(f"explorer {number}, {what} {turn} {answer}: {picture.get_attribute('alt')[:90]}", flush=True)
                    if given.folder:
                        given.folder.mkdir(exist_ok=True)
                        explorer.screenshot(path=given.folder / f"{given.notebook}-{number}-{turn}.png")
            for trouble in there.troubles(page):
                print("TROUBLE", trouble[:300])
        chromium.close()
    print(f"{silent} controls did not answer")


if __name__ == "__main__":
    main()
