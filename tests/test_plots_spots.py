"""What answers a pointer says and sets what was meant for its place."""

import json

import numpy as np
import pytest

from ssl_lab.errors import InputError
from ssl_lab.plots.spots import Spots

BOX = (0, 0, 2, 1)


def test_a_grid_is_row_after_row():
    spots = Spots("cells", BOX, "{row} → {column}: {value}", {"value": range(6)}, {"anchor": [0, 0, 0, 1, 1, 1]}, rows="ab", columns="xyz")
    assert len(spots) == 6
    assert [spots.said(place) for place in (0, 2, 3)] == ["a → x: 0", "a → z: 2", "b → x: 3"]


def test_points_and_a_single_place():
    assert len(Spots("points", BOX, "{n}", {"n": [4, 5]}, at=[(0, 0), (1, 1)])) == 2
    assert Spots("bar", BOX, "SimCLR moved by 20 %").said(0) == "SimCLR moved by 20 %"
    assert len(Spots("bar", BOX, "one")) == 1


def test_a_browser_is_told_in_its_pixels_and_in_json():
    spots = Spots("points", BOX, "{n}", {"n": np.array([1, 2])}, {"step": np.array([7, 8])}, at=np.array([[0.5, 0.25], [1, 1]]), along="x")
    sent = spots.sent()
    assert json.loads(json.dumps(sent)) == sent
    assert sent["box"] == [0, 0, 200, 100] and sent["at"] == [50, 25, 100, 100]
    assert sent["sets"] == {"step": [7, 8]} and sent["data"] == {"n": ["1", "2"]}


@pytest.mark.parametrize(
    "given, words",
    [
        ({"data": {"n": [1]}, "rows": "ab"}, "n has 1 values for 2 places"),
        ({"sets": {"step": [1, 2]}}, "step has 2 values for 1 places"),
        ({"rows": "ab", "at": [(0, 0)]}, "give rows and columns, or points, not both"),
        ({"at": [(0, 0)], "along": "y"}, "along='y'"),
    ],
)
def test_what_does_not_belong_together_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        Spots("cells", BOX, "x", **given)
