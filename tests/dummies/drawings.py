"""What tests of pictures ask of a drawing: its items, its words, and what answers a pointer."""

import pytest

from ssl_lab.plots.drawing import Words


def every(drawn, draw=lambda make: make()):
    """A fixture: every picture of a table, name → what `draw` makes it of, with its words and the renderer that says where they stand."""

    @pytest.fixture(params=drawn, scope="module")
    def picture(request, shown):
        return shown(*draw(drawn[request.param]))

    return picture


def items(figure, sort, /, **wanted):
    """What is on a drawing of one sort, with these properties."""
    return [item for item in figure.items if isinstance(item, sort) and all(getattr(item, name) == value for name, value in wanted.items())]


def written(figure, **wanted):
    """Its words."""
    return [item.text for item in items(figure, Words, **wanted)]


def answer(figure, name):
    """The places of this name."""
    return next(spots for spots in (spot() if callable(spot) else spot for spot in figure.spots) if spots.name == name)
