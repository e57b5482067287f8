"""The tables of CMC, figure by figure, and what they have in common with the tables of other papers."""

import pytest

from ssl_lab import tables
from ssl_lab.tables import Table, cmc, simclr

README = """
InsDis NCE 4096 56.5 None
InsDis softmax 4096 57.1 0.6
InsDis softmax 16384 58.5 1.4
MoCo softmax 16384 59.4 0.9
InsDis softmax 16384 69.1 None
MoCo softmax 16384 73.4 None
CMC, two halves softmax 4096 75.8 None
"""  # the two tables of the README of CMC's code, without the columns that are the same in all rows, and its gains
VIDEO = {
    "Random init": (None, 48.2, 19.5), "ImageNet, with labels": (None, 67.7, 28.0),
    "CMC, later frame": (2, 55.3, None), "CMC, flow": (2, 57.1, None), "CMC, later frame and flow": (3, 59.1, 26.7),
}  # fmt: skip
VIEWS = {"Random": (45.5, 21.4), "CMC, core view": (57.1, 34.1), "CMC, full graph": (57.0, 34.4), "Supervised": (57.8, 35.9)}
TABLES = {name: thing for name, thing in vars(cmc).items() if isinstance(thing, Table)}


def lines(table):
    return [row for rows in table.rows.values() for row in rows]


def test_the_readmes_steps_are_the_readmes_with_its_gains():
    assert [" ".join(map(str, row)) for row in lines(cmc.CANDIDATES)] == README.split("\n")[1:-1]
    assert [line.split()[-1] for line in repr(cmc.CANDIDATES).splitlines()[4:7]] == ["+0.6", "+1.4", "+0.9"]


def test_imagenet_agrees_with_simclrs_table_and_is_above_alexnet_with_labels():
    ours, theirs = cmc.IMAGENET.row("CMC"), simclr.IMAGENET.row("CMC")
    assert ours == theirs
    assert all(row[3] > cmc.IMAGENET.row("AlexNet")["Top 1"] == 59.3 for row in cmc.IMAGENET.rows["Without labels"])


def test_imagenet_tells_of_the_labels_behind_the_first_row_and_has_byols_figures_of_the_others():
    """Constants: Table 1 of BYOL's paper."""
    assert "FastAutoAugment" in cmc.IMAGENET.note
    assert [row[3:] for row in cmc.IMAGENET.rows["Without labels"][1:]] == [(66.2, 87.0), (70.6, 89.7)]


def test_two_networks_have_twice_the_parameters_of_one():
    """Constant 2 · 94: a ResNet-50 (2×) has 94 million in SimCLR's table, and CMC has one for each view."""
    assert cmc.IMAGENET.row("CMC")["Param (M)"] == 2 * simclr.IMAGENET.row("SimCLR", "ResNet-50 (2×)")["Param (M)"]


def test_labels_from_one_view_are_as_good_by_both_graphs_and_near_the_supervised():
    assert {name: figures for name, *figures in lines(cmc.VIEWS)} == {name: [*figures] for name, figures in VIEWS.items()}
    assert "only L is seen" in cmc.VIEWS.note


def test_videos_are_the_papers_and_gain_from_the_second_pair_of_views():
    assert {name: figures for name, *figures in lines(cmc.VIDEO)} == {name: [*figures] for name, figures in VIDEO.items()}
    frame, flow, both = (row[2] for row in cmc.VIDEO.rows["Without labels"])
    assert frame < flow < both


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_names_its_source_and_prints_every_figure(table):
    assert "1906.05849" in table.source or "README" in table.source
    for words in (repr(table), table._repr_html_()):
        assert all(f"{cell:.1f}" in words for row in lines(table) for cell in row if isinstance(cell, float))


def test_the_docstring_says_of_every_table_where_its_figures_come_from():
    assert all(f"    {name} " in cmc.__doc__ for name in TABLES) and "Not confirmed" in cmc.__doc__


def test_the_tables_are_found_as_the_others_are():
    assert tables.cmc is cmc and "cmc" in tables.__all__ and set(TABLES) == {"IMAGENET", "CANDIDATES", "VIDEO", "VIEWS"}
