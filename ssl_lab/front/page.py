"""A picture as one file that needs no kernel and no network: the same front end over frames that were drawn before."""

import html
import itertools
import json
from collections.abc import Mapping

from ssl_lab.front.front import HERE, brief, told, written

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main></main>
<script type="module">
{js}
render({{ model: stored({data}), el: document.querySelector("main") }});
</script>
</body>
</html>
"""


def page(title: str, controls: dict, frames: Mapping[str, dict], first: str) -> str:
    """The HTML.   frames: the places of the controls' stops, "3,0" → a frame.   first: the one that is shown first."""
    images = {item[2]: 0 for frame in frames.values() for item in frame["items"] if item[0] == "image"}
    images = {image: number for number, image in enumerate(images)}
    items = {place: written(frame["items"], images) for place, frame in frames.items()}
    rest = {item: number for number, item in enumerate(dict.fromkeys(itertools.chain(*items.values())))}
    lists: dict[str, int] = {}
    short = {place: {**frame, "spots": [shared(spot, lists) for spot in frame["spots"]]} for place, frame in frames.items()}
    drawn = ",".join(f"{brief(place)}:{told(frame, items[place], rest)}" for place, frame in short.items())
    others = {"controls": controls, "images": [*images], "lists": [json.loads(one) for one in lists], "first": first}
    data = f'{{"frames":{{{drawn}}},"rest":[{",".join(rest)}],{brief(others)[1:]}'.replace("<", "\\u003c")
    return PAGE.format(title=html.escape(title), css=(HERE / "front.css").read_text(), js=(HERE / "front.js").read_text(), data=data)


def shared(spots: dict, lists: dict[str, int]) -> dict:
    """What answers, each of its lists by number: names, and values that a sweep does not change, stand in many frames."""

    def number(values):
        return lists.setdefault(json.dumps(values, ensure_ascii=False), len(lists)) if isinstance(values, list) else values

    deep = {name: {own: number(values) for own, values in spots[name].items()} for name in ("data", "sets")}
    return {**spots, **{name: number(spots[name]) for name in ("rows", "columns", "at")}, **deep}
