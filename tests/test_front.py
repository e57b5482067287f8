"""What is said between a picture and the browser."""

import json
from types import SimpleNamespace

import comm
import numpy as np
from comm.base_comm import CommManager
from ipykernel.comm.comm import BaseComm
from ipykernel.kernelbase import Kernel
from matplotlib.figure import Figure

from ssl_lab.front import Front, frame
from ssl_lab.front.frames import pixels
from ssl_lab.front.front import HERE
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.spots import Spots


def drawing():
    made = Drawing(4, 3)
    made.image(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), 0, 0, 1, 1)
    made.spots += [Spots("one", (0, 0, 1, 1), "first"), lambda: Spots("two", (1, 1, 1, 1), "second")]
    made.panels = [(0, 0, 2, 3), (2, 0, 2, 3)]
    return made


def test_a_drawing_is_told_by_its_items_and_in_pixels():
    told = frame(drawing(), "said")
    assert told["size"] == [400, 300] and told["panels"] == [[0, 0, 200, 300], [200, 0, 200, 300]] and told["summary"] == "said"
    assert told["items"][0][2].startswith("data:image/png;base64,")
    assert [spot["tip"] for spot in told["spots"]] == ["first", "second"]


def test_what_answers_is_not_computed_while_a_hand_moves():
    made = Drawing(1, 1)
    made.spots.append(lambda: 1 / 0)
    assert "spots" not in frame(made, "", settled=False)


def test_the_same_pixels_are_coded_once():
    image = np.random.default_rng(0).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    assert pixels(image.tobytes(), image.shape) is pixels(image.copy().tobytes(), image.shape)
    assert pixels(image.tobytes(), image.shape) != pixels((255 - image).tobytes(), image.shape)


def test_any_other_figure_is_one_image_of_itself():
    figure = Figure(figsize=(2, 1))
    figure.text(0.5, 0.5, "words")
    told = frame(figure, "said")
    assert told["size"] == [200, 100] and len(told["items"]) == 1 and told["items"][0][1] == [0, 0, 200, 100] and told["spots"] == []


def test_what_a_browser_sends_arrives():
    heard = []
    front = Front({}, lambda **asked: heard.append(asked))
    front._handle_custom_msg({"values": {"tau": 1}, "serial": "a", "settled": False}, [])
    assert heard == [{"values": {"tau": 1}, "serial": "a", "settled": False}]


def test_a_click_that_comes_while_a_cell_writes_goes_where_the_front_end_sends_it(monkeypatch):
    """JupyterLab names a subshell, which is free; ipykernel would answer with the shell of the cell, which is busy until the cell ends."""
    asked = []
    kernel = SimpleNamespace(
        comm_manager=CommManager(), iopub_socket=None, get_parent=lambda: {"header": {"msg_id": "cell", "subshell_id": None}},
        session=SimpleNamespace(send=lambda *_, **__: asked.append(front.comm._reply_subshell_for({}, "subshell")) if front else None),
    )
    front = None
    monkeypatch.setattr(comm, "create_comm", BaseComm)
    monkeypatch.setattr(comm, "get_comm_manager", lambda: kernel.comm_manager)
    monkeypatch.setattr(Kernel, "initialized", lambda: True)
    monkeypatch.setattr(Kernel, "instance", lambda: kernel)
    front = Front()
    front.show({"items": [], "settled": True})
    assert asked and set(asked) == {"subshell"}
    front.close()


def test_the_module_asks_nothing_of_a_network_and_is_small():
    module, style = (HERE / "front.js").read_text(), (HERE / "front.css").read_text()
    assert "http" not in module.replace("http://www.w3.org/2000/svg", "") and "import" not in module and "url(" not in style
    assert len(module) + len(style) < 40_000


def items(front):
    """As the browser finds them: a number is a place in `rest`."""
    rest = json.loads(front.rest)
    return [rest[item] if isinstance(item, int) else item for item in json.loads(front.told)["items"]]


def test_an_image_that_stays_while_a_hand_moves_is_sent_once():
    front, made = Front(), drawing()
    front.show({**frame(made, "one"), "settled": True})
    (address,) = front.images
    assert items(front)[0][2] == 0
    made.image(np.zeros((1, 1, 3), np.uint8), 0, 0, 1, 1)
    front.show({**frame(made, "two", settled=False), "settled": False})
    first, second = (item[2] for item in items(front))
    assert first == 0 and second.startswith("data:image/png") and front.images == [address]
    front.show({**frame(made, "two"), "settled": True})
    assert len(front.images) == 2 and [item[2] for item in items(front)] == [0, 1]


def test_an_item_that_stays_while_a_hand_moves_is_sent_once_and_keeps_its_place():
    front, made = Front(), drawing()
    for _ in range(2):  # the same twice is two items
        made.words(1, 1, "stays")
    front.show({**frame(made, "one"), "settled": True})
    rest = front.rest
    made.items.insert(1, made.items.pop())
    made.words(2, 2, "moves")
    front.show({**frame(made, "two", settled=False), "settled": False})
    told = json.loads(front.told)
    assert front.rest == rest and told["summary"] == "two"
    assert [item[3] for item in items(front)[1:]] == ["stays", "stays", "moves"]
    numbers = [item for item in told["items"] if isinstance(item, int)]
    assert 0 in numbers and len(set(numbers)) == len(numbers) == 2 and isinstance(told["items"][-1], list)
