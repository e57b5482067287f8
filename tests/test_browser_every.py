"""Every explorer in a real browser with the network cut off: in JupyterLab, and as a saved page."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOM = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "dummies" / "room.py")))
CHROMIUM, NO_PROXY, IMPORTS = (ROOM.CHROMIUM, ROOM.NO_PROXY, ROOM.IMPORTS)
browser, notebook, sentence, changed = (ROOM.browser, ROOM.notebook, ROOM.sentence, ROOM.changed)
troubles, nameless, serious = (ROOM.troubles, ROOM.nameless, ROOM.serious)

RUNS = f"import runpy\nruns = runpy.run_path({str(Path(__file__).parent / 'dummies' / 'clusterings.py')!r})['write']()"
SAID = f"import runpy\nsaid = runpy.run_path({str(Path(__file__).parent / 'dummies' / 'teachers.py')!r})['said']"
PAINTER = f"import runpy\npainter = runpy.run_path({str(Path(__file__).parent / 'dummies' / 'painter.py')!r})['Painter']()"
EXPLORERS = {  # small, each in a cell of its own
    "SimilarityExplorer": "recording = Recording(method, images)\nrecording.add(1)\nexplorer = SimilarityExplorer(recording)",
    "ViewsExplorer": "explorer = ViewsExplorer(images)",
    "EmbeddingExplorer": "explorer = EmbeddingExplorer(features(method.encoder, images), images)",
    "SceneExplorer": 'explorer = SceneExplorer({"a network": method.encoder})',
    "BoundExplorer": "explorer = BoundExplorer()",
    "CircleExplorer": "explorer = CircleExplorer()",
    "ClusterExplorer": f"{RUNS}\nexplorer = ClusterExplorer(runs)",
    "CollapseLab": "explorer = CollapseLab()",
    "KMeansExplorer": "explorer = KMeansExplorer(features(method.encoder, images), images, pca=8)",
    "MomentumExplorer": "explorer = MomentumExplorer()",
    "MultiviewExplorer": f"{PAINTER}\nexplorer = MultiviewExplorer(CMC(small_resnet(width=4), ('L', 'ab', 'depth')), images, painter)",
    "PatchExplorer": "explorer = PatchExplorer(CPC(), images)",
    "PseudoLabelExplorer": f"{SAID}\nexplorer = PseudoLabelExplorer(images, said(images.labels))",
    "QueueExplorer": "explorer = QueueExplorer(MoCo(small_resnet(width=4)), images, steps=5, batch=8)",
}
EVERY = [
    IMPORTS.replace("SimCLR", "CMC, CPC, MoCo, SimCLR") + "from ssl_lab.evaluate import features\nfrom ssl_lab.widgets import *\n"
    'method, images = SimCLR(small_resnet(width=4)), load("scenes", split="test", limit=64)',
    *(f"{code}\nexplorer" for code in EXPLORERS.values()),
]
SWEPT = {  # what a saved page of each holds
    "SimilarityExplorer": {"tau": [0.1, 1.0, 10.0]}, "ViewsExplorer": {"jitter": [0.0, 0.5, 1.0]}, "EmbeddingExplorer": {"picked": [0, 1, 2]},
    "SceneExplorer": {"shape": None}, "BoundExplorer": {"kept": None}, "CircleExplorer": {"step": None}, "ClusterExplorer": {"epoch": None},
    "CollapseLab": {"step": None}, "KMeansExplorer": {"step": range(10)}, "MomentumExplorer": {"m": None}, "MultiviewExplorer": {"scene": None},
    "PatchExplorer": {"target": None}, "PseudoLabelExplorer": {"generation": None}, "QueueExplorer": {"step": None},
}  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with a notebook of every explorer."""
    with ROOM.laboratory(tmp_path_factory.mktemp("lab"), every=EVERY) as address:
        yield address


@pytest.fixture(scope="module")
def every(lab, browser):
    """A notebook with every explorer in it."""
    with notebook(lab, browser, "every.ipynb") as page:
        page.wait_for_function(f"() => document.querySelectorAll('.ssl-lab img.alt:not([alt=\"\"])').length === {len(EXPLORERS)}")
        ROOM.rested(page)
        yield page


def one(every, name):
    found = every.locator(".ssl-lab").nth([*EXPLORERS].index(name))
    found.scroll_into_view_if_needed()
    return found


SIZES = [(1280, 800), (1024, 768)]
CUT = "controls => controls.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"

LONGEST = """boxes => boxes.map((box) => {
  const [now, longest] = [box.value, (box.min < 0 ? "-" : "") + (box.step === "any" ? "0.0568" : box.max)];
  box.value = longest;
  const cut = box.scrollWidth > box.clientWidth;
  box.value = now;
  return cut ? `${box.ariaLabel}: ${longest}` : "";
}).filter(Boolean)"""


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("size", SIZES)
def test_no_word_is_smaller_than_eleven_pixels_and_the_control_in_hand_is_seen_with_the_picture(name, size, every, tmp_path):
    every.set_viewport_size({"width": size[0], "height": size[1]})
    found = one(every, name)
    every.wait_for_timeout(200)  # for the layout
    seen = found.locator(".stage text")
    scale = "Math.hypot(word.getScreenCTM().b, word.getScreenCTM().d)"
    sizes = seen.evaluate_all(f"words => words.map((word) => parseFloat(getComputedStyle(word).fontSize) * {scale})")
    assert len(sizes) > 5 and min(sizes) > 10.8
    assert found.locator(".control").evaluate_all(CUT) == []
    assert found.locator("input.value").evaluate_all(LONGEST) == []
    if size == SIZES[0]:
        assert found.locator(".panel").count() == 1, "the picture has fallen apart"
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
            every.wait_for_function("night => document.getElementById('judged').classList.contains('night') === night", arg=light == "false")
            assert serious(every, "#judged") == []
            found.screenshot(path=tmp_path / f"{name}-{light}.png")  # to be looked at
    finally:
        every.evaluate("document.body.dataset.jpThemeLight = 'true'; document.getElementById('judged').id = ''")
    assert nameless(found.aria_snapshot()) == []


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_explorer_follows_the_hand_plays_and_answers(name, every):
    found = one(every, name)
    slider = next(slider for slider in found.get_by_role("slider").all() if slider.is_enabled())
    label, before, place = slider.get_attribute("aria-label"), sentence(found), int(slider.input_value())
    slider.press("ArrowLeft" if place else "ArrowRight")
    assert int(slider.input_value()) == abs(place - 1), "the arrow keys do not reach the slider"
    changed(every, found, before)
    slider.press("Home")
    every.emulate_media(reduced_motion="reduce")
    slider.press(" ")
    found.get_by_role("button", name=f"pause {label}").wait_for()
    every.wait_for_function("slider => +slider.value > 0", arg=slider.element_handle())
    found.locator("button[aria-pressed='true']").evaluate_all("all => all.forEach((one) => one.click())")  # it may have come to the end
    every.emulate_media(reduced_motion="no-preference")
    for spot in found.locator(".spot").all()[:3]:
        spot.scroll_into_view_if_needed()
        place = spot.bounding_box()
        every.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        spot.focus()
        every.keyboard.press("ArrowRight")
        assert found.locator(".tip").text_content()


def test_an_edge_of_the_views_is_cut_and_put_back_by_hand(every):
    found = one(every, "MultiviewExplorer")
    graph, edges = found.get_by_role("combobox", name="graph"), found.locator(".spot[aria-label^='edges of the graph']")
    chosen = "select => select.selectedOptions[0].textContent"
    for words in ("your own", "core, 2 pairs"):
        before = sentence(found)
        edges.focus()
        every.keyboard.press("Enter")
        changed(every, found, before)
        assert graph.evaluate(chosen) == words


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
    last = name in ("BoundExplorer", "CollapseLab", "QueueExplorer", "ViewsExplorer")  # these begin at the last value of what is swept
    page.keyboard.press("ArrowDown" if control == "shape" else "ArrowLeft" if last else "ArrowRight")
    changed(page, found, before)
    spot = found.locator(".spot").first
    spot.focus()
    page.keyboard.press("ArrowRight")
    assert found.locator(".tip:not([hidden])").text_content()
    assert errors == [] and serious(page) == []
    page.screenshot(path=tmp_path / f"{name}.png")  # to be looked at
    page.close()


def test_curves_stand_side_by_side_where_there_is_room(browser, tmp_path):
    from ssl_lab import plots
    from ssl_lab.front import frame, page

    rows = [{"epoch": epoch, "loss": 5.0 - epoch, "knn": 0.1 * epoch, "rank": 10.0, "std": 0.5} for epoch in range(4)]
    drawn = {**frame(*plots.curves(rows)), "settled": True, "values": {}, "disabled": [], "trouble": "", "serial": ""}
    (tmp_path / "curves.html").write_text(page("curves", {}, {"": drawn}, ""))
    shown, tops = browser.new_page(), {}
    for width in (850, 500):
        shown.set_viewport_size({"width": width, "height": 800})
        shown.goto(f"file://{tmp_path / 'curves.html'}")
        sentence(shown.locator(".ssl-lab"))
        tops[width] = [round(panel.bounding_box()["y"]) for panel in shown.locator(".panel").all()]
    first, second, third, last = tops[850]
    assert first == second < third == last and len({*tops[500]}) == 4
    shown.close()


DRAWN = "() => [...document.querySelectorAll('.panel svg > g:first-child')].map((layer) => layer.innerHTML)"
MARKED = "() => document.querySelectorAll('.panel svg > g:first-child > *').forEach((node) => { node.old = true; })"
STAYED = "() => [...document.querySelectorAll('.panel svg > g:first-child > *')].filter((node) => node.old).length"


def test_what_stays_is_not_built_again_and_the_picture_is_that_of_a_fresh_page(browser, tmp_path):
    from ssl_lab.widgets import CircleExplorer

    page, first, second = browser.new_page(), tmp_path / "0.html", tmp_path / "1.html"
    for step, path in enumerate((first, second)):
        CircleExplorer(step=step).save(path, step=[0, 1])
    page.goto(f"file://{first}")
    page.locator(".panel svg text").first.wait_for(state="attached")
    page.evaluate(MARKED)
    page.get_by_role("slider").first.press("ArrowRight")
    page.wait_for_timeout(2000)
    moved, stayed = page.evaluate(DRAWN), page.evaluate(STAYED)
    page.goto(f"file://{second}")
    page.locator(".panel svg text").first.wait_for(state="attached")
    assert moved == page.evaluate(DRAWN) and stayed > 5
    page.close()
