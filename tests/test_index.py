"""The list of notebooks, and what it reads out of them: objectives, headings, exercises, words."""

import nbformat
import pytest

from course import outline
from course.index import index

TEXT = """# 99 · Example

**You will**
1. predict $a|b$ and *see* it,
2. write a loss with `one|two`
   lines;
3. stop.

**Time** about 10 minutes.
1. This is not an objective."""


@pytest.fixture
def book():
    said = {"title": "99 Example", "minutes": 10}
    code = 'LIMIT = 3\n\ndef loss(x):\n    """Nothing."""\n\ndef other(x): ...'
    cells = [
        nbformat.v4.new_markdown_cell(TEXT),
        nbformat.v4.new_markdown_cell("## 1 · *Your* `turn`\n\n**Exercise** (10 minutes, ★★☆). Write."),
        nbformat.v4.new_code_cell(code, metadata={"tags": ["exercise"]}),
        nbformat.v4.new_markdown_cell("**Exercise** (1 minute, ★☆☆)"),
        nbformat.v4.new_code_cell(code.replace("loss", "gain"), metadata={"tags": ["exercise"]}),
    ]
    return nbformat.v4.new_notebook(metadata={"ssl_lab": said}, cells=cells)


def test_a_row_says_what_it_is_for_how_long_it_takes_and_what_there_is_to_do(book):
    assert index({"99_example": book}).splitlines()[-1] == (
        "| [99 Example](99_example.ipynb)<br>[solved](solutions/99_example.ipynb) "
        r"| predict $a\|b$ and *see* it<br>write a loss with `one\|two` lines<br>stop "
        "| 10 | `loss` (10 min, ★★☆)<br>`gain` (1 min, ★☆☆) |"
    )


def test_rows_keep_their_order_and_the_page_says_that_it_is_generated(book):
    page = index({"99_example": book, "98_other": book})
    assert page.index("99_example.ipynb") < page.index("98_other.ipynb")
    assert "This page is generated: `python -m course.build` writes it" in page


def test_objectives_end_where_their_list_ends(book):
    assert outline.objectives(book) == ["predict $a|b$ and *see* it", "write a loss with `one|two` lines", "stop"]


def test_objectives_stand_in_the_first_text(book):
    book.cells.insert(0, nbformat.v4.new_markdown_cell("# Before"))
    assert outline.objectives(book) == []


def test_exercises_are_named_by_their_first_function(book):
    assert outline.exercises(book) == [outline.Exercise("loss", 3, 10, "★★☆"), outline.Exercise("gain", 5, 1, "★☆☆")]


def test_anchors_are_those_of_jupyterlab(book):
    assert outline.anchors(book) == {"99-·-Example", "1-·-Your-turn"}


@pytest.mark.parametrize(
    "text, count",
    [
        ("Two words", 2),
        ("a two-core machine’s own", 4),
        ("It's 3.5 µm", 2),
        ("the $x_i$ and `two words` in ``code ` more``", 3),
        ("$$\nx = y \\text{as is}\n$$ end", 1),
        ("[what is read](https://example.org/what-is-not) ![alt text](dot.png)", 5),
        ("<b>bold</b> https://example.org/a", 1),
        ("before\n```python\nprint('no word')\n```\nafter", 2),
        ("2B rows, 10 %", 2),
        ("— · ★★☆ |", 0),
    ],
)
def test_words_are_what_is_read_as_prose(text, count):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("no = 'word'")])
    assert outline.words(book) == count
