"""The lecture's tables, figure by figure, and ours; what people and code read of them."""

import html
import re

import mistune
import pytest

from ssl_lab import tables
from ssl_lab.errors import InputError
from ssl_lab.tables import Table, results
from ssl_lab.tables.simclr import IMAGENET, SEMI_SUPERVISED, TRANSFER_FINE_TUNED, TRANSFER_LINEAR

LECTURE = {"linear": TRANSFER_LINEAR, "fine-tuned": TRANSFER_FINE_TUNED, "imagenet": IMAGENET, "semi-supervised": SEMI_SUPERVISED}
# Sums in tenths over the lecture's own text, without "-": of every row's figures, and of every column's.
ROW_SUMS = {
    "linear": [9291, 9491],
    "fine-tuned": [10506, 10506, 9542],
    "imagenet": [842, 846, 876, 1731, 1823, 1414, 2292, 6941, 3446, 4436, 4666, 2602, 5447],
    "semi-supervised": [1288, 1340, 1304, 885, 891, 912, 1166, 1340, 1410, 1691, 1633, 1742, 1784],
}
COLUMN_SUMS = {
    "linear": [1521, 1910, 1614, 1048, 1308, 1288, 1250, 1680, 1576, 1815, 1880, 1892],
    "fine-tuned": [2664, 2929, 2596, 2330, 1888, 2748, 2598, 2425, 2207, 2680, 2608, 2881],
    "imagenet": [22550, 8615, 6197],
    "semi-supervised": [6208, 11178],
}


def lines(table):
    return [row for rows in table.rows.values() for row in rows]


def tenths(cells):
    return round(sum(10 * cell for cell in cells if cell is not None and not isinstance(cell, str)))


def small(**changes):
    given = {
        "title": "Two of them", "source": "us", "columns": ("Method", "a", "b"),
        "rows": {"": (("plain", 1.0, None),), "of a kind": (("starred (*)", 20.25, 7), ("pi|ped", None, 30))}, "note": "In percent.",
    }  # fmt: skip
    return Table(**{**given, **changes})


def cells_of(markdown):
    """What a reader of the rendered Markdown sees: the rows of its table, as text, headings first."""
    page = mistune.create_markdown(plugins=["table", "strikethrough", "math"])(markdown)
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    return page, [[html.unescape(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("name", LECTURE)
def test_every_figure_is_the_lectures_by_the_sums_of_rows_and_columns(name):
    table = LECTURE[name]
    assert [tenths(row) for row in lines(table)] == ROW_SUMS[name]
    assert [tenths(column) for column in zip(*lines(table), strict=True) if tenths(column)] == COLUMN_SUMS[name]


def test_transfer_is_twelve_data_sets_in_the_lectures_order():
    names = "Food CIFAR10 CIFAR100 Birdsnap SUN397 Cars Aircraft VOC2007 DTD Pets Caltech-101 Flowers".split()
    assert TRANSFER_LINEAR.columns == TRANSFER_FINE_TUNED.columns == ("Method", *names)
    assert TRANSFER_LINEAR.column("Method") == ("SimCLR", "Supervised")
    assert TRANSFER_FINE_TUNED.column("Method") == ("SimCLR", "Supervised", "Random init")
    assert TRANSFER_LINEAR.row("Supervised")["Birdsnap"] == 56.4
    assert TRANSFER_FINE_TUNED.row("Random init")["VOC2007"] == 69.4


def test_transfer_says_that_it_is_of_the_wide_network_and_by_three_measures():
    for table in (TRANSFER_LINEAR, TRANSFER_FINE_TUNED):
        assert all(words in table.note for words in ("ResNet-50 (4×)", "Top-1", "mean over classes", "mean average precision"))


def test_imagenet_groups_its_thirteen_rows_by_architecture():
    assert {heading: len(rows) for heading, rows in IMAGENET.rows.items()} == {"Methods using ResNet-50": 5, "Methods using other architectures": 8}
    assert IMAGENET.row("AMDIM") == {"Method": "AMDIM", "Architecture": "Custom-ResNet", "Param (M)": 626, "Top 1": 68.1, "Top 5": None}
    assert IMAGENET.row("SimCLR", "ResNet-50 (2×)")["Param (M)"] == 94
    assert IMAGENET.row("MoCo", "ResNet-50")["Top 1"] == 60.6


def test_semi_supervised_groups_its_thirteen_rows_by_what_is_learned():
    expected = {"": 1, "Methods using other label-propagation": 5, "Methods using representation learning only": 7}
    assert {heading: len(rows) for heading, rows in SEMI_SUPERVISED.rows.items()} == expected
    assert SEMI_SUPERVISED.row("FixMatch (w. RandAug)")["1 %"] is None
    assert SEMI_SUPERVISED.row("SimCLR", "ResNet-50 (4×)") == {"Method": "SimCLR", "Architecture": "ResNet-50 (4×)", "1 %": 85.8, "10 %": 92.6}
    assert "Top-5" in SEMI_SUPERVISED.note


@pytest.mark.parametrize("name", LECTURE)
def test_every_table_names_the_paper_and_prints_every_figure(name):
    table = LECTURE[name]
    assert "arXiv 2002.05709, Table " in table.source
    page, rows = cells_of(table._repr_markdown_())
    assert "2002.05709" in page
    for words in (repr(table), str(rows)):
        assert all(f"{cell:.1f}" in words for row in lines(table) for cell in row if isinstance(cell, float))


def test_text_is_aligned_and_always_the_same():
    assert repr(small()) == (
        "Two of them\n"
        "Method          a   b\n"
        "plain         1.0   -\n"
        "-- of a kind\n"
        "starred (*)  20.2   7\n"
        "pi|ped          -  30\n"
        "Source: us. In percent."
    )


def test_no_line_of_text_ends_with_a_space():
    table = Table("t", "s", ("figure", "words"), {"": ((1, "long words"), (2, "short"))})
    assert [line for line in repr(table).splitlines() if line.endswith(" ")] == []


def test_a_long_note_is_wrapped_at_a_hundred_letters():
    assert max(map(len, repr(small(note="word " * 99)).splitlines())) <= 100


def test_markdown_is_one_table_between_its_title_and_its_source():
    page, rows = cells_of(small(best=("a", "b"))._repr_markdown_())
    assert rows == [
        ["Method", "a", "b"],
        ["plain", "1.0", "-"],
        ["<em>of a kind</em>", "", ""],
        ["starred (*)", "<strong>20.2</strong>", "7"],
        ["pi|ped", "-", "<strong>30</strong>"],
    ]
    assert page.startswith("<p><strong>Two of them</strong></p>\n<table>")
    assert page.endswith("</table>\n<p>Source: us. In percent.</p>\n")


def test_figures_go_to_the_right_and_words_to_the_left():
    assert small()._repr_markdown_().splitlines()[3] == "| --- | ---: | ---: |"


@pytest.mark.parametrize("words", ["a*b*c", "a_b_c", "`a`", "a|b", "a\\b", "<b>a</b>", "[a](b)", "~~a~~", "$a$", "a\nb", "a\\|b"])
def test_markdown_shows_words_as_they_are(words):
    page, rows = cells_of(Table(words, words, ("Method", words), {words: ((words, 1.0),)}, words)._repr_markdown_())
    plain = words.replace("\n", " ")
    assert rows == [["Method", plain], [f"<em>{plain}</em>", ""], [plain, "1.0"]]
    assert page.count("<table>") == 1


def test_all_that_share_the_highest_figure_are_bold_and_the_missing_never():
    table = Table("t", "s", ("Method", "a"), {"": (("x", 3.0), ("y", None), ("z", 3.0), ("w", 2.0))}, best=("a",))
    assert [cells[1] for cells in cells_of(table._repr_markdown_())[1][1:]] == ["<strong>3.0</strong>", "-", "<strong>3.0</strong>", "2.0"]
    assert "**-**" not in Table("t", "s", ("Method", "a"), {"": (("y", None),)}, best=("a",))._repr_markdown_()


def test_a_column_is_read_from_above_and_a_row_by_its_words():
    assert small().column("b") == (None, 7, 30)
    assert small().row("plain") == {"Method": "plain", "a": 1.0, "b": None}


def test_an_unknown_column_is_told_what_there_is():
    with pytest.raises(InputError, match="Two of them: no column 'c'; there are: Method, a, b"):
        small().column("c")


def test_an_unknown_row_is_told_what_there_is():
    with pytest.raises(InputError, match=r"no rows called 'plane'; name one of: plain, starred \(\*\), pi\|ped"):
        small().row("plane")


def test_a_name_that_several_rows_share_is_told_how_they_differ():
    with pytest.raises(InputError, match=r"2 rows called 'MoCo'; name one of: MoCo · ResNet-50, MoCo · ResNet-50 \(4×\)$"):
        IMAGENET.row("MoCo")


@pytest.mark.parametrize("row", [("short", 1.0), ("long", 1.0, 2.0, 3.0), ()])
def test_a_row_of_another_length_is_refused(row):
    with pytest.raises(InputError, match=f"a row needs 3 cells, one a column; got {len(row)}"):
        small(rows={"": (row,)})


@pytest.mark.parametrize("columns, words", [(("Method", "a", "a"), "Method, a, a"), ((), "none")])
def test_columns_need_names_of_their_own(columns, words):
    with pytest.raises(InputError, match=f"columns need names, each its own; got {words}"):
        small(columns=columns)


@pytest.mark.parametrize("changes", [{"best": ("c",)}, {"forms": {"c": "{}"}}])
def test_what_is_said_of_a_column_that_there_is_not_is_refused(changes):
    with pytest.raises(InputError, match="no column 'c'"):
        small(**changes)


OURS = {"raw pixels": {"knn": 0.31, "labels": 0}, "supervised": {"linear": 1, "knn": 0.924, "labels": 10_000, "cpu_seconds": 61.7}}


def test_our_results_are_percent_and_whole_numbers_in_the_order_given():
    assert repr(results(OURS)) == (
        "What our methods reach\n"
        "Method      kNN  linear  labels to learn from  CPU seconds\n"
        "raw pixels  31%       -                     0            -\n"
        "supervised  92%    100%                10,000           62\n"
        "Source: this package, on scenes. Accuracy on unseen scenes, of frozen features."
    )


def test_our_results_keep_the_figures_that_were_measured():
    table = results(OURS)
    assert table.column("kNN") == (0.31, 0.924)
    assert table.row("supervised")["CPU seconds"] == 61.7


def test_our_best_is_bold_but_not_the_highest_cost():
    markdown = results(OURS)._repr_markdown_()
    assert re.findall(r"\*\*(.*?)\*\*", markdown) == ["What our methods reach", "92%", "100%"]


def test_our_table_begins_empty():
    assert lines(results({})) == []
    assert repr(results({})).splitlines()[1].split() == "Method kNN linear labels to learn from CPU seconds".split()
    assert len(cells_of(results({})._repr_markdown_())[1]) == 1


@pytest.mark.parametrize(
    "row, words",
    [
        ({"knn": 97}, "SimCLR: knn=97 must be a share from 0 to 1"),
        ({"linear": -0.1}, "linear=-0.1 must be a share"),
        ({"knn": float("nan")}, "knn=nan must be a share"),
        ({"labels": -1}, "labels=-1 must be at least 0"),
        ({"accuracy": 0.9}, "SimCLR: the measure 'accuracy' is unknown; there are: knn, linear, labels, cpu_seconds"),
    ],
)
def test_our_results_refuse_what_cannot_be(row, words):
    with pytest.raises(InputError, match=words):
        results({"SimCLR": row})


def test_the_four_tables_of_the_lecture_are_found_by_their_method():
    names = "TRANSFER_LINEAR", "TRANSFER_FINE_TUNED", "IMAGENET", "SEMI_SUPERVISED"
    assert [getattr(tables.simclr, name) for name in names] == list(LECTURE.values())
