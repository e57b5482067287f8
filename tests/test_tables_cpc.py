"""The tables of CPC v2, figure by figure, and what they have in common with the tables of other papers and with the lecture."""

import re

import pytest

from ssl_lab import tables
from ssl_lab.tables import Table, cpc, deepcluster, simclr

LECTURE = {"ResNet-50": (24, 63.8, 85.3), "ResNet-161 (*)": (305, 71.5, 90.1)}  # its two rows of CPC v2 on ImageNet
LABELS = {  # Table 2 of the paper, version 3: top 1 and top 5, of a network on pixels and of one on CPC's features
    "1 %": (23.1, 44.1, 52.7, 78.3), "10 %": (62.5, 83.9, 73.1, 91.2), "100 %": (80.2, 95.2, 83.4, 96.5),
}  # fmt: skip
TABLES = {name: thing for name, thing in vars(cpc).items() if isinstance(thing, Table)}


def lines(table):
    return [row for rows in table.rows.values() for row in rows]


@pytest.mark.parametrize("architecture, figures", LECTURE.items(), ids=LECTURE)
def test_the_rows_on_imagenet_are_the_lectures_and_simclrs(architecture, figures):
    ours, theirs = cpc.IMAGENET.row("CPC v2", architecture), simclr.IMAGENET.row("CPC v2", architecture)
    assert ours == theirs and tuple(ours.values())[2:] == figures


def test_version_2_is_ahead_of_version_1_with_the_smaller_network_already():
    first, small, large = cpc.IMAGENET.column("Top 1")
    assert first == 48.7 and first < small < large
    assert cpc.IMAGENET.column("Top 5") == (73.6, 85.3, 90.1)
    assert cpc.IMAGENET.column("Param (M)") == (28, 24, 305)


def test_few_labels_are_the_papers_and_say_where_the_lecture_has_another_figure():
    theirs = simclr.SEMI_SUPERVISED.row("CPC v2")
    assert {share: (*alone[2:], *own[2:]) for alone, own in cpc.FEW.rows.values() for share in [own[1]]} == LABELS
    assert LABELS["10 %"][-1] == theirs["10 %"]
    assert LABELS["1 %"][-1] != theirs["1 %"] and str(theirs["1 %"]) in cpc.FEW.note


def test_the_fewer_labels_there_are_the_more_is_gained():
    gains = [own[2] - alone[2] for alone, own in cpc.FEW.rows.values()]
    assert gains == sorted(gains, reverse=True) and gains[-1] > 3
    assert "2 to 5 times fewer labels" in cpc.FEW.note


def test_the_steps_are_the_papers_in_the_order_of_its_figure_and_do_not_exceed_what_they_bring_together():
    parts = ("network", "below", "layer norm", "colours", "four directions", "larger patches", "changes of each patch")
    assert all(part in row[0] for part, row in zip(parts, cpc.STEPS.rows[""], strict=True))
    gains = [gain for *_, gain in cpc.STEPS.rows[""]]
    assert gains == [5.0, 2.0, 2.0, 3.0, 2.5, 2.0, 4.5]
    assert sum(gains) < cpc.STEPS.row("CPC → CPC v2")["Gain"] == 22.8
    assert [line.split()[-1] for line in repr(cpc.STEPS).splitlines()[2:9]] == ["+5.0", "+2.0", "+2.0", "+3.0", "+2.5", "+2.0", "+4.5"]


def test_the_total_is_that_of_the_table_on_imagenet():
    first, *_, last = cpc.IMAGENET.column("Top 1")
    row = cpc.STEPS.row("CPC → CPC v2")
    assert row["Why"] == f"{first} → {last}" and row["Gain"] == round(last - first, 1)


def test_detection_is_better_without_labels_than_with_them():
    ours, labels, clusters = (cpc.DETECTION.row(name)["mAP"] for name in ("CPC v2", "ImageNet labels", "DeepCluster"))
    assert (ours, labels) == (76.6, 74.7) and clusters == deepcluster.DETECTION.row("DeepCluster")["VGG-16"] < labels
    assert "networks differ" in cpc.DETECTION.note


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_names_its_source_and_prints_every_figure(table):
    assert "1905.09272" in table.source
    cells = [(name, cell) for row in lines(table) for name, cell in zip(table.columns, row) if isinstance(cell, float)]
    for words in (repr(table), table._repr_html_()):
        assert all(table.forms.get(name, "{:.1f}").format(cell) in words for name, cell in cells)


def test_the_docstring_says_of_every_table_where_its_figures_come_from():
    assert all(f"    {name} " in cpc.__doc__ for name in TABLES) and "version 3" in cpc.__doc__
    assert all(re.search(r"(Table|Figure) \d", table.source) for table in TABLES.values())


def test_the_tables_are_found_as_the_others_are():
    assert tables.cpc is cpc and "cpc" in tables.__all__ and set(TABLES) == {"IMAGENET", "STEPS", "FEW", "DETECTION"}
