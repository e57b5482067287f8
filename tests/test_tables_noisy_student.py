"""The lecture's table of Noisy Student, figure by figure, and the networks beside it."""

import re

from ssl_lab import tables
from ssl_lab.tables.noisy_student import SUMMARY

LECTURE = """
Prev. SOTA 86.4 61.0 45.7 27.8
NoisyStudent 88.4 83.7 28.3 12.2
"""  # what stands in the lecture, copied from it, without its signs of percent


def test_the_lectures_rows_are_the_lectures():
    rows = SUMMARY.rows["The lecture's table"]
    assert [" ".join(map(str, row)) for row in rows] == LECTURE.split("\n")[1:-1]
    assert SUMMARY.columns[1:] == ("ImageNet top 1", "ImageNet-A top 1", "ImageNet-C mCE", "ImageNet-P mFR")


def test_alexnet_is_100_by_definition_and_resnet_50_between():
    """Constant 100: each of the two measures divides by AlexNet's own figure."""
    for measure in ("ImageNet-C mCE", "ImageNet-P mFR"):
        assert SUMMARY.row("AlexNet")[measure] == 100
        assert 100 > SUMMARY.row("ResNet-50")[measure] > SUMMARY.row("Prev. SOTA")[measure] > SUMMARY.row("NoisyStudent")[measure]
    assert [SUMMARY.row("ResNet-50")[name] for name in SUMMARY.columns[1:]] == [None, None, 76.7, 58.0]


def test_only_what_is_better_when_higher_has_its_highest_figure_in_bold():
    assert set(SUMMARY.best) == {name for name in SUMMARY.columns if name.endswith("top 1")}
    assert re.findall("<strong>(.*?)</strong>", SUMMARY._repr_html_())[1:] == ["88.4", "83.7"]


def test_the_table_says_what_is_measured_whose_figures_these_are_and_prints_all_of_them():
    assert re.search(r"arXiv 1911\.04252, Table \d", SUMMARY.source)
    assert all(words in SUMMARY.note for words in ("accuracy in percent", "AlexNet", "higher is better", "lower is better", "Hendrycks"))
    for words in (repr(SUMMARY), SUMMARY._repr_html_()):
        assert all(f"{cell:.1f}" in words for name in SUMMARY.columns for cell in SUMMARY.column(name) if isinstance(cell, float))


def test_it_is_found_as_the_others_are_and_no_other_table_of_the_method_is_without_a_test():
    assert tables.noisy_student.SUMMARY is SUMMARY and "noisy_student" in tables.__all__
    assert [name for name, thing in vars(tables.noisy_student).items() if isinstance(thing, tables.Table)] == ["SUMMARY"]
