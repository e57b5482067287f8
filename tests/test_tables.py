"""The lecture's tables, figure by figure, and ours; what people and code read of them."""

import html
import re
from xml.etree import ElementTree

import pytest

from ssl_lab import tables
from ssl_lab.errors import InputError
from ssl_lab.tables import Table, byol, deepcluster, moco, results
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


def cells_of(page):
    """What a reader of the page sees: the rows of its table, as text, headings first."""
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr.*?>(.*?)</tr>", page, re.DOTALL)]
    return [[html.unescape(cell) for cell in row] for row in rows]


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


# What stands in the lecture, copied from it, and in the papers, a line a row.
DETECTION = """
random init. 60.2 33.8 33.1
super. IN-1M 81.3 53.5 58.8
MoCo IN-1M 81.5 (+0.2) 55.9 (+2.4) 62.6 (+3.8)
MoCo IG-1B 82.2 (+0.9) 57.2 (+3.7) 63.7 (+4.9)
"""
ABLATION = """
moving average yes 72.5
copy, stop-gradient yes 5.5
copy, gradient flows yes 0.3
moving average no 0.2
copy, stop-gradient no 0.1
copy, gradient flows no 0.1
moving average yes 70.9
moving average no 70.7
copy, gradient flows no 69.4
"""
BYOL_AND_SIMCLR = {
    "BATCH": {4096: (72.5, 67.9), 512: (72.2, 66.5), 256: (71.8, 64.3), 128: (69.6, 63.6), 64: (59.7, 59.2)},
    "AUGMENTATION": {"all of them": (72.5, 67.9), "crop only": (59.4, 40.3), "without colour": (63.4, 45.7)},
}


def test_detection_is_the_lectures_with_its_differences():
    for line, name in zip(DETECTION.split("\n")[1:-1], moco.DETECTION.column("Pre-training"), strict=True):
        row = moco.DETECTION.row(name)
        gains = ["" if row[f"Δ {mark}"] is None else f" ({row[f'Δ {mark}']:+.1f})" for mark in ("AP50", "AP", "AP75")]
        assert line == " ".join([name, *(f"{row[mark]:.1f}{gain}" for mark, gain in zip(("AP50", "AP", "AP75"), gains))])


def test_the_row_of_private_data_says_so():
    assert "private" in moco.DETECTION.note and "never be reproduced" in moco.DETECTION.note
    assert "Faster R-CNN (R50-C4)" in moco.DETECTION.note


def test_the_differences_of_detection_are_printed_with_their_signs():
    assert [line.split()[-6:] for line in repr(moco.DETECTION).splitlines()[4:6]] == [
        ["81.5", "55.9", "62.6", "+0.2", "+2.4", "+3.8"],
        ["82.2", "57.2", "63.7", "+0.9", "+3.7", "+4.9"],
    ]


def test_momentum_is_the_papers_best_near_1_and_fails_at_0():
    assert dict(lines(moco.MOMENTUM)) == {0: "fails", 0.9: 55.2, 0.99: 57.8, 0.999: 59.0, 0.9999: 58.9}
    assert [line.split()[0] for line in repr(moco.MOMENTUM).splitlines()[2:7]] == ["0", "0.9", "0.99", "0.999", "0.9999"]


def test_ablation_is_the_papers_with_and_without_negatives():
    assert [" ".join(map(str, row[1:])) for row in lines(byol.ABLATION)] == ABLATION.split("\n")[1:-1]
    assert {heading: len(rows) for heading, rows in byol.ABLATION.rows.items()} == {"Without negatives": 6, "With negatives": 3}
    assert len(set(byol.ABLATION.column("Variation"))) == 9
    assert "Table 5a prints 0.3" in byol.ABLATION.note
    assert dict(zip(byol.TARGET.column("m at the start"), byol.TARGET.column("Top 1")))[0] == 0.3


def test_targets_are_best_between_a_copy_and_a_fixed_network():
    assert [row[1:] for row in lines(byol.TARGET)] == [(1, 18.8), (0.999, 69.8), (0.99, 72.5), (0.9, 68.4), (0, 0.3)]
    assert [line.split()[-2] for line in repr(byol.TARGET).splitlines()[2:7]] == ["1", "0.999", "0.99", "0.9", "0"]


def test_a_predictor_that_learns_faster_stands_in_for_a_slow_target():
    assert lines(byol.PREDICTOR_RATE) == [("× 0", 0.01), ("× 1", 5.5), ("× 2", 62.8), ("× 10", 66.6), ("× 20", 66.3)]
    assert "0.01" in repr(byol.PREDICTOR_RATE)
    assert byol.PREDICTOR_RATE.row("× 1")["Top 1"] == byol.ABLATION.row("no average")["Top 1"]


@pytest.mark.parametrize("name", BYOL_AND_SIMCLR)
def test_byol_beside_simclr_is_the_papers_and_differences_are_from_the_first_row(name):
    table = getattr(byol, name)
    assert {setting: (a, b) for setting, a, b, *_ in lines(table)} == BYOL_AND_SIMCLR[name]
    first, *others = lines(table)
    assert first == (first[0], byol.ABLATION.row("BYOL")["Top 1"], 67.9, None, None)
    for _, a, b, lost_a, lost_b in others:
        assert (tenths([a]) - tenths([first[1]]), tenths([b]) - tenths([first[2]])) == (tenths([lost_a]), tenths([lost_b]))
        assert f"{lost_a:+.1f}" in repr(table) and lost_a < 0


# The lecture's own lines; those of the last two tables stand beside each other there, so here they are two.
TRANSFER = """
Best competitor ImageNet 63.0 67.7 43.4 53.2 35.8 37.7
DeepCluster ImageNet 72.0 73.7 51.4 55.4 43.2 45.1
DeepCluster YFCC100M 67.3 69.3 45.6 53.0 39.2 42.2
"""
DETECTION_WITHOUT_LABELS = """
ImageNet labels 56.8 67.3
Random 47.8 39.7
Doersch et al. 51.1 61.5
Wang and Gupta 47.2 60.2
Wang et al. None 63.2
DeepCluster 55.4 65.9
"""
RETRIEVAL = """
ImageNet labels 72.4 81.5
Random 6.9 22.0
Doersch et al. 35.4 53.1
Wang et al. 42.3 58.0
DeepCluster 61.0 72.0
"""
CLUSTERS = {"TRANSFER": TRANSFER, "DETECTION": DETECTION_WITHOUT_LABELS, "RETRIEVAL": RETRIEVAL}


@pytest.mark.parametrize("name, text", CLUSTERS.items(), ids=CLUSTERS)
def test_deepclusters_tables_are_the_lectures(name, text):
    assert [" ".join(map(str, row)) for row in lines(getattr(deepcluster, name))] == text.split("\n")[1:-1]


def test_deepclusters_tables_name_their_columns_and_tell_labels_from_none():
    tasks = [f"{task} {part}" for task in ("Classification", "Detection", "Segmentation") for part in ("FC6-8", "ALL")]
    assert deepcluster.TRANSFER.columns == ("Method", "Training set", *tasks)
    assert deepcluster.DETECTION.columns == ("Method", "AlexNet", "VGG-16")
    assert deepcluster.RETRIEVAL.columns == ("Method", "Oxford5K", "Paris6K")
    for table in (deepcluster.DETECTION, deepcluster.RETRIEVAL):
        assert [row[0] for row in table.rows["With labels"]] == ["ImageNet labels"] and table.rows["Without labels"][-1][0] == "DeepCluster"


def test_deepclusters_tables_say_what_is_measured_and_what_the_dagger_means():
    assert all(words in deepcluster.TRANSFER.note for words in ("mean average precision", "IoU", "last three layers", "not one method", "†"))
    for table in (deepcluster.DETECTION, deepcluster.RETRIEVAL):
        assert "Mean average precision" in table.note


def test_a_random_network_is_far_above_guessing():
    assert lines(deepcluster.RANDOM) == [("guessing", 0.1), ("random AlexNet", 12.0)]
    assert "Noroozi and Favaro 2016" in deepcluster.RANDOM.note


PAPERS = {
    "1807.05520": [deepcluster.RANDOM, deepcluster.TRANSFER, deepcluster.DETECTION, deepcluster.RETRIEVAL],
    "2002.05709": list(LECTURE.values()),
    "1911.05722": [moco.DETECTION, moco.MOMENTUM],
    "2006.07733": [byol.ABLATION, byol.TARGET, byol.PREDICTOR_RATE, byol.BATCH, byol.AUGMENTATION],
}


@pytest.mark.parametrize("paper, table", [(paper, table) for paper in PAPERS for table in PAPERS[paper]], ids=lambda x: getattr(x, "title", x))
def test_every_table_names_the_paper_and_prints_every_figure(paper, table):
    assert re.search(rf"arXiv {paper}, (Table|Section)s? \d", table.source)
    page = table._repr_html_()
    rows = cells_of(page)
    assert paper in page
    figures = [table.forms.get(name, "{:.1f}").format(cell) for name in table.columns for cell in table.column(name) if isinstance(cell, float)]
    for words in (repr(table), str(rows)):
        assert all(figure in words for figure in figures)


def test_no_table_is_left_out_of_these_tests():
    known = [table for found in PAPERS.values() for table in found]
    there = [thing for module in (moco, byol, deepcluster, tables.simclr) for thing in vars(module).values() if isinstance(thing, Table)]
    assert all(any(table is seen for seen in known) for table in there) and len(known) == len(there)


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


def test_a_notebook_shows_one_table_between_its_title_and_its_source():
    page = small(best=("a", "b"))._repr_html_()
    assert cells_of(page) == [
        ["Method", "a", "b"],
        ["plain", "1.0", "-"],
        ["<em>of a kind</em>", "", ""],
        ["starred (*)", "<strong>20.2</strong>", "7"],
        ["pi|ped", "-", "<strong>30</strong>"],
    ]
    above, below = page.split("<table>")[0], page.split("</table>")[1]
    assert "<p><strong>Two of them</strong></p>" in above and "<p>Source: us. In percent.</p>" in below
    ElementTree.fromstring(page)  # every tag is closed


def test_figures_go_to_the_right_and_words_to_the_left():
    for row in re.findall(r"<tr.*</tr>", small()._repr_html_()):
        assert re.findall(r"text-align: (\w+)", row) == ["left", "right", "right"]


def test_a_wide_table_scrolls_beside_its_first_column_by_keyboard_too():
    page = ElementTree.fromstring(small()._repr_html_())
    scrolling = page.find("div")
    assert "overflow-x: auto" in scrolling.get("style") and scrolling.get("tabindex") == "0" and scrolling.get("aria-label") == "Two of them"
    for row in scrolling.iter("tr"):
        assert ["sticky" in cell.get("style") for cell in row] == [True, False, False]
        assert ["nowrap" in cell.get("style") for cell in row] == [False, True, True]


def test_a_sentence_in_a_cell_has_several_lines_where_there_is_little_room():
    page = Table("t", "s", ("Change", "Why", "Gain"), {"": (("wider", "a larger network learns more from a task", 5.0),)})._repr_html_()
    head, row = ([cell.get("style") for cell in line] for line in ElementTree.fromstring(page).iter("tr"))
    assert ["nowrap" in style for style in row] == [False, False, True] and "min-width" in row[1]
    assert ["nowrap" in style for style in head] == [False, True, True]


@pytest.mark.parametrize("words", ["a*b*c", "a_b_c", "`a`", "a|b", "a\\b", "<b>a</b>", "[a](b)", "~~a~~", "$a$", '"a"', "a\nb", "a\\|b"])
def test_a_notebook_shows_words_as_they_are(words):
    page = Table(words, words, ("Method", words), {words: ((words, 1.0),)}, words)._repr_html_()
    plain = words.replace("\n", " ")
    assert cells_of(page) == [["Method", plain], [f"<em>{plain}</em>", ""], [plain, "1.0"]]
    assert page.count("<table>") == 1


def test_all_that_share_the_highest_figure_are_bold_and_the_missing_never():
    table = Table("t", "s", ("Method", "a"), {"": (("x", 3.0), ("y", None), ("z", 3.0), ("w", 2.0))}, best=("a",))
    assert [cells[1] for cells in cells_of(table._repr_html_())[1:]] == ["<strong>3.0</strong>", "-", "<strong>3.0</strong>", "2.0"]
    assert "<strong>-" not in Table("t", "s", ("Method", "a"), {"": (("y", None),)}, best=("a",))._repr_html_()


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
    with pytest.raises(InputError, match=f"every column needs a name of its own; got {words}"):
        small(columns=columns)


@pytest.mark.parametrize("changes", [{"best": ("c",)}, {"forms": {"c": "{}"}}])
def test_what_is_said_of_a_column_that_there_is_not_is_refused(changes):
    with pytest.raises(InputError, match="no column 'c'"):
        small(**changes)


def test_a_random_network_is_above_chance_everywhere_and_above_pixels_where_colour_is_no_noise():
    """Figures of tests/benchmarks/random_network.py; on scenes in colour, the pixels are ahead."""
    rows = lines(tables.RANDOM_NETWORK)
    (_, _, *chance), (_, _, *pixels), *seeds = rows
    mean = [sum(column) / len(seeds) for column in zip(*(row[2:] for row in seeds), strict=True)]
    assert [row[0] for row in rows[2:]] == [f"random AlexNet, seed {seed}" for seed in range(3)]
    assert all(accuracy > 3 * guess for accuracy, guess in zip(mean, chance, strict=True))
    assert [accuracy > share for accuracy, share in zip(mean, pixels, strict=True)] == [True, False, True]
    assert "12 %" in tables.RANDOM_NETWORK.note and repr(tables.RANDOM_NETWORK).count("%") >= 15


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
    assert re.findall("<strong>(.*?)</strong>", results(OURS)._repr_html_()) == ["What our methods reach", "92%", "100%"]


def test_our_table_begins_empty():
    assert lines(results({})) == []
    assert repr(results({})).splitlines()[1].split() == "Method kNN linear labels to learn from CPU seconds".split()
    assert len(cells_of(results({})._repr_html_())) == 1


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
