"""What a class sees, in a real browser with the network cut off: `ssl-lab lab` with notebook 03, Stop, and the same explorer under Voilà."""

import re
import runpy
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOM = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "dummies" / "room.py")))
CHROMIUM, IMPORTS, served, write, browser, notebook = (ROOM.CHROMIUM, ROOM.IMPORTS, ROOM.served, ROOM.write, ROOM.browser, ROOM.notebook)
sentence, changed, troubles, press, outside, nameless = (ROOM.sentence, ROOM.changed, ROOM.troubles, ROOM.press, ROOM.outside, ROOM.nameless)
MATRIX = "img[alt*='anchors find their partner first']"
EXPLORER = ".ssl-lab:has(.controls:not([hidden]))"
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


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with the notebooks, and a long training beside them."""
    with ROOM.laboratory(tmp_path_factory.mktemp("lab"), stop=STOPPED) as address:
        yield address


@pytest.fixture(scope="module")
def page(lab, browser):
    """Notebook 03, opened, and every cell run."""
    with notebook(lab, browser, "03_simclr.ipynb") as page:
        page.locator(MATRIX).wait_for()
        ROOM.rested(page)
        yield page


def explorer(page):
    return page.locator(".ssl-lab", has=page.locator(MATRIX)).last


def temperature(words: str) -> float:
    return float(re.search(r"temperature ([\d.]+)\b", words)[1])


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
    slider = found.get_by_role("slider", name="temperature", exact=True)
    for _ in range(3):
        for _ in range(6):
            slider.press("ArrowRight")
        slider.press("Enter")
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
    slider.press("Home")
    changed(page, found, before)
    slider.press(" ")
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
