"""The factor table: every number stands where it belongs, the title is true of it, and all of it can be read."""

import re

import pytest
from matplotlib.colors import to_rgb

from dummies.drawings import every
from ssl_lab import plots
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import factor_table
from ssl_lab.plots.factors import KEPT, story

RANDOM = {"class": 0.11, "object_hue": 0.89, "background_hue": 0.99, "x": 0.52, "light": 0.56, "texture": 0.0}
SIMCLR = {"class": 0.82, "object_hue": 0.03, "background_hue": 0.0, "x": 0.35, "light": 0.6, "texture": 0.06}
BLIND = {"class": 0.01, "object_hue": 0.91, "background_hue": 1.0, "x": 0.31, "light": 0.0, "texture": 0.0}
TWO = {"random": RANDOM, "SimCLR": SIMCLR}
FOUR = {"random": RANDOM, "supervised": SIMCLR, "SimCLR": SIMCLR, "SimCLR without colour": BLIND}
LONG = {f"a network of a long name, number {number}": {f"a_cause_of_a_name_{i}": 0.1 * i for i in range(11)} for number in range(6)}
PICTURES = {
    "one": {"SimCLR": SIMCLR}, "one, long name": {"SimCLR with batches of eight, without its head, and at a very low temperature": SIMCLR},
    "two": TWO, "four": FOUR, "six, long names": LONG, "one cause": {"a": {"class": 0.5}, "b": {"class": 0.9}},
}  # fmt: skip


picture = every(PICTURES, plots.factors)


def title(tables) -> str:
    return plots.factors(tables)[0].texts[0].get_text().replace("\n", " ")


@pytest.mark.parametrize("judged", ["legible", "apart", "one sentence"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_a_summary_says_every_number(picture):
    figure, summary, *_ = picture
    assert len(re.findall(r"\d\.\d\d\b", summary)) == len(figure.axes[0].texts)


def test_columns_are_networks_and_rows_are_causes_in_human_words():
    axes = plots.factors(FOUR)[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["random", "supervised", "SimCLR", "SimCLR without\ncolour"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["class", "object hue", "background hue", "x position", "light", "texture"]


def test_every_number_stands_in_its_cell_on_its_colour():
    axes = plots.factors(TWO)[0].axes[0]
    values = axes.images[0].get_array()
    for x, table in enumerate(TWO.values()):
        for y, value in enumerate(table.values()):
            assert values[y, x] == value
            assert [text.get_text() for text in axes.texts if text.get_position() == (x, y)] == [f"{value:.2f}"]
    assert axes.images[0].get_clim() == (0, 1)


def test_rows_keep_the_order_of_the_first_table():
    figure, summary = plots.factors({"random": RANDOM, "SimCLR": dict(reversed(SIMCLR.items()))})
    assert summary == plots.factors(TWO)[1]
    assert (figure.axes[0].images[0].get_array() == plots.factors(TWO)[0].axes[0].images[0].get_array()).all()


def luminance(colour) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts))


def test_more_is_darker_and_every_number_can_be_read_on_its_colour():
    shades = [luminance(KEPT(i / 20)) for i in range(21)]
    assert shades == sorted(shades, reverse=True)
    axes = plots.factors({"all": {f"{i}": i / 20 for i in range(21)}})[0].axes[0]
    for text, shade in zip(axes.texts, shades):
        light, dark = sorted([luminance(text.get_color()), shade])
        assert (dark + 0.05) / (light + 0.05) >= 3  # WCAG, for large letters


def test_title_says_what_was_found_and_what_forgotten_most(holds):
    assert holds(title(TWO), "SimCLR found", "class", "forgot", "background hue")
    bold = [text.get_position() for text in plots.factors(TWO)[0].axes[0].texts if text.get_fontweight() == "bold"]
    assert sorted(bold) == [(0, 0), (0, 2), (1, 0), (1, 2)]


def test_title_says_what_was_kept_where_nothing_was_found(holds):
    assert holds(title(FOUR), "SimCLR without colour kept", "background hue", "forgot", "light")


@pytest.mark.parametrize(
    "before, after, told",
    [
        ({"a": 0.2, "b": 0.9}, {"a": 0.9, "b": 0.2}, {"found": "a", "forgot": "b"}),
        ({"a": 0.2, "b": 0.9}, {"a": 0.9, "b": 0.85}, {"kept": "b", "found": "a"}),
        ({"a": 0.7, "b": 0.9}, {"a": 0.72, "b": 0.88}, {"kept": "b"}),
        ({"a": 0.0, "b": 0.3}, {"a": 0.05, "b": 0.25}, {}),
        ({"a": 0.5, "b": 0.1}, {"a": 0.1, "b": 0.1}, {"forgot": "a"}),
    ],
)
def test_story_is_told_of_what_is_notable(before, after, told):
    assert story(before, after) == told
    assert list(story(before, after)) == list(told)


def test_two_that_know_nothing_are_told_apart_by_no_one():
    assert title({"random": {"class": 0.0}, "SimCLR": {"class": 0.02}}) == "SimCLR knows as little as random"


def test_one_network_alone_says_what_it_knows_best():
    assert title({"SimCLR": SIMCLR}) == "SimCLR knows most of the class"


def test_it_draws_what_factor_table_returns():
    images = load("scenes", limit=60)
    table = factor_table(images.x.float().mean((2, 3)), images)
    summary = plots.factors({"average colour": table})[1]
    assert all(f" {value:.2f}" in summary for value in table.values())


@pytest.mark.parametrize(
    "tables, words",
    [
        ({}, "0 networks were given, and 1 to 6 fit"),
        ({f"{i}": RANDOM for i in range(7)}, "7 networks were given, and 1 to 6 fit side by side; choose some"),
        ({"a": {}}, "the tables are empty; give what factor_table returns"),
        ({"a": RANDOM, "b": {"class": 0.5}}, "the table of b differs from the first in background_hue, light, object_hue, texture, x;"),
        ({"a": {"class": 1.5}}, r"a: class 1.5 is no R² in \[0, 1\]"),
        ({"a": {"class": 0.1}, "b": {"class": float("nan")}}, "b: class nan is no R²"),
    ],
)
def test_it_says_what_it_needs(tables, words):
    with pytest.raises(InputError, match=words):
        plots.factors(tables)
