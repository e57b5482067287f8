"""Every control of every explorer of a notebook, moved once in a real browser: which pictures answered, how fast, and what went wrong.

    python tests/benchmarks/controls.py 04_moco [--folder pictures] [--profile laptop]

Run All first. A slider takes four arrow keys, a list its next option, a box of yes or no the other answer; then a screenshot. Needs chromium.
"""

import argparse
import runpy
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOM = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "dummies" / "room.py")))
WAIT = 8  # seconds for a picture to answer
CONTROLS = "input[type=range], select, input[type=checkbox]"


def move(control) -> str:
    """Move one control; returns what it was, in words."""
    kind = control.evaluate("e => e.type")
    if kind.startswith("select"):
        now, count = control.evaluate("e => [e.selectedIndex, e.options.length]")
        control.select_option(index=(now + 1) % count)
        return "list"
    if kind == "checkbox":
        control.click()
        return "box"
    now, most = control.evaluate("e => [+e.value, +e.max]")
    for _ in range(4):
        control.press("ArrowRight" if now < most else "ArrowLeft")
    return "slider"


def seen(explorer) -> tuple[str, str]:
    """The picture and its words, of which one may stay: a loss without a temperature looks the same at any."""
    return explorer.locator(".stage").inner_html(), ROOM.sentence(explorer)


def walk(page, name: str, folder: Path | None) -> int:
    """Move every control of a page; returns how many did not answer."""
    silent = 0
    for number, explorer in enumerate(page.locator(".ssl-lab:has(.stage)").all()):
        explorer.scroll_into_view_if_needed()
        for turn, control in enumerate(explorer.locator(CONTROLS).all()):
            if not control.is_enabled():
                continue
            label, before, start = control.get_attribute("aria-label"), seen(explorer), time.perf_counter()
            what = move(control)
            while seen(explorer) == before and time.perf_counter() - start < WAIT:
                page.wait_for_timeout(20)
            answered = seen(explorer) != before
            silent += not answered
            answer = f"answered after {time.perf_counter() - start:.1f} s" if answered else "did not answer"
            print(f"explorer {number}, {what} {label} {answer}: {ROOM.sentence(explorer)[:90]}", flush=True)
            if folder:
                folder.mkdir(exist_ok=True)
                explorer.screenshot(path=folder / f"{name}-{number}-{turn}.png")
    return silent


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook")
    parser.add_argument("--folder", type=Path, help="for a screenshot after every move")
    parser.add_argument("--profile", choices=("ci", "laptop"), default="ci")
    given = parser.parse_args()
    command = [sys.executable, "-m", "ssl_lab", "lab", "--no-browser"]
    with ROOM.served(Path(tempfile.mkdtemp()), command, r"http://127\S+", given.profile) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=ROOM.CHROMIUM, args=[*ROOM.QUIET, ROOM.CUT_OFF])
        context = chromium.new_context(viewport={"width": 1500, "height": 1150})
        context.set_default_timeout(1000 * ROOM.PATIENCE)
        with ROOM.notebook(address, context, f"{given.notebook}.ipynb") as page:
            ROOM.rested(page)
            silent = walk(page, given.notebook, given.folder)
            for trouble in ROOM.troubles(page):
                print("TROUBLE", trouble[:300])
        chromium.close()
    print(f"{silent} controls did not answer")


if __name__ == "__main__":
    main()
