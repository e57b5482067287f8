"""The rules for sources of notebooks: each on a notebook that breaks it, and on those that come near it and do not."""

import nbformat
import pytest

from course import lint

MINIMAL = {"title": "99 Example", "minutes": 7, "budget_s": {"laptop": 20, "ci": 10}, "exercises": [0, 9]}
FIRST = "# A title\n\n**You will**\n1. see.\n\n## 1 · The *first* part\n"
EXERCISE = 'def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION'


@pytest.fixture
def source(tmp_path):
    """Where a source would lie, in a project with another notebook, and a picture that both editions see."""
    for folder in ("course", "notebooks/solutions"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("course/98_other.py", "notebooks/dot.png", "notebooks/solutions/dot.png", "notebooks/one.png"):
        (tmp_path / name).touch()
    return tmp_path / "course" / "99_example.py"


def notebook(*cells, first=FIRST, **header):
    """Text is a cell of text; (code, *tags) is one of code; a cell is itself."""
    book = nbformat.v4.new_notebook(metadata={"ssl_lab": {**MINIMAL, **header}})
    for cell in (first, *cells):
        if isinstance(cell, nbformat.NotebookNode):
            book.cells.append(cell)
            continue
        text = isinstance(cell, str)
        book.cells.append(nbformat.v4.new_markdown_cell(cell) if text else nbformat.v4.new_code_cell(cell[0], metadata={"tags": list(cell[1:])}))
    return book


def answer(text="It is three."):
    return nbformat.v4.new_markdown_cell(text, metadata={"tags": ["answer"]})


@pytest.fixture
def faults(source):
    return lambda *cells, **header: list(lint.faults(notebook(*cells, **header), source))


def test_a_source_that_keeps_the_rules_has_no_fault(faults):
    assert faults("**Exercise** (4 minutes, ★☆☆)", (EXERCISE, "exercise"), ("x = 3", "nbval-check-output"), exercises=[1, 1]) == []


def test_a_fault_names_its_file_and_cell(faults):
    assert faults(("x = 3", "nbval-chek-output")) == [
        "99_example.py, cell 2: unknown tag nbval-chek-output; there are exercise, answer, picture, nbval-check-output",
    ]


@pytest.mark.parametrize(
    "cell, words",
    [
        ((EXERCISE.replace("    ### END SOLUTION", ""), "exercise"), "### BEGIN SOLUTION and ### END SOLUTION come in pairs"),
        (("### BEGIN SOLUTION\nx = 3\n### END SOLUTION",), "inside a function"),
        ((EXERCISE,), "a cell has a solution if and only if it is tagged exercise"),
        (("def double(x):\n    return 2 * x", "exercise"), "a cell has a solution if and only if it is tagged exercise"),
        ("![](dot.png)", "a picture without alt text: ![]("),
        ("![ ](dot.png)", "a picture without alt text"),
        ('<img src="dot.png">', "a picture without alt text"),
        ("<img alt='' src='dot.png'>", "a picture without alt text"),
        (("x = 3", "answer"), "a cell tagged answer is a text; write # %% [markdown]"),
        (("x = (3",), "line 1 is no Python"),
        (("x = 3\ny = '" + 83 * "z" + "'",), "line 2 has 89 columns"),
        (("%matplotlib inline",), "line 1 is no Python"),
        (("torch.load('" + "/home" + "/me/x')",), "a path of one machine"),
        ("It lies in " + "/tmp" + "/x.", "a path of one machine"),
        (("open(r'C:" + "\\Users" + "\\me')",), "a path of one machine"),
    ],
)
def test_a_cell_that_breaks_a_rule_is_named(faults, cell, words):
    header = [said for said in faults(cell) if "announce" not in said]
    assert len(header) == 1 and header[0].startswith("99_example.py, cell 2: ") and words in header[0]


@pytest.mark.parametrize(
    "cell", ["![a dot](dot.png)", '<img alt="a dot" src="dot.png">', "`![](dot.png)` is Markdown", ("print('A:\\n')",), "a/home/b"]
)
def test_a_cell_that_only_comes_near_is_let_through(faults, cell):
    assert faults(cell) == []


@pytest.mark.parametrize(
    "link",
    [
        "98_other.ipynb",
        "98_other.ipynb#Anything",
        "99_example.ipynb",
        "#A-title",
        "#1-·-The-first-part",
        "dot.png",
        'dot.png "a dot"',
        "https://arxiv.org/abs/2002.05709",
        "https://en.wikipedia.org/wiki/Softmax_(function)",
        "https://example.org:8080/a?b=c#d",
    ],
)
def test_a_link_that_leads_somewhere_is_let_through(faults, source, link):
    (source.parent / "99_example.py").touch()
    assert faults(f"See [there]({link}).") == []


@pytest.mark.parametrize(
    "text, words",
    [
        ("[there](97_nothing.ipynb)", "97_nothing.ipynb is not there for both editions"),
        ("[there](97_nothing.ipynb#part)", "97_nothing.ipynb is not there"),
        ("[there](solutions/98_other.ipynb)", "solutions/98_other.ipynb is not there for both"),
        ("[there](one.png)", "one.png is not there for both"),
        ("![a dot](dots.png)", "dots.png is not there"),
        ("<a href='dots.png'>dots</a>", "dots.png is not there"),
        ("[there](#a-title)", "#a-title is no heading of this notebook; there are #1-·-The-first-part, #A-title"),
        ("[there]()", "# is no heading"),
        ("[there](http://example.org)", "http://example.org is no proper address"),
        ("[there](//example.org/x)", "//example.org/x is no proper address"),
        ("[there](https://example)", "https://example is no proper address"),
        ("[there](https:///x)", "https:///x is no proper address"),
        ("[there](https://example.org/a b)", "https://example.org/a b is no proper address"),
        ("[there](file:///x.png)", "file:///x.png is no proper address"),
        ("Look at http://example.org/x.", "http://example.org/x. is no proper address"),
        ("Look at https://example/x", "https://example/x is no proper address"),
        ("<http://example.org>", "http://example.org is no proper address"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(faults, text, words):
    said = faults(text)
    assert len(said) == 1 and said[0].startswith(f"99_example.py, cell 2: {words}")


def test_what_looks_like_a_link_in_code_or_a_formula_is_none(faults):
    assert faults("`[a](b)`, $f[x](y)$ and\n\n```\n[a](b)\n# #no-heading\n```\n\n~~~\n[a](b)\n~~~") == []


def test_a_comment_in_code_is_no_heading(faults):
    assert len(faults("```\n# Comment\n```\n[there](#Comment)")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def nt_xent(z1, z2): ...",
        "async def nt_xent(z1, z2): ...",
        "class SimCLR: ...",
        "def warmup_cosine(): ...",  # not exported, but the library's
        "warmup_cosine = lambda step: step",
        "from lightly.loss import NTXentLoss as nt_xent",
        "from ssl_lab.losses import in_float32 as nt_xent",
        "from torch import load",
        "import torch.nn.functional as features",
        "features = features(encoder, images)",
        "a, (features, b) = 1, (2, 3)",
        "for features in range(3): ...",
        "with open('x') as features: ...",
        "if (features := 3): ...",
        "if True:\n    def nt_xent(): ...",
        "features: int = 3",
        "nt_xent = use(my_nt_xent)",
        "nt_xent = losses.nt_xent",
        "from ssl_lab.train import train\ntrain = 3",
        "from ssl_lab.train import train as mine\ntrain = lambda: 3",
    ],
)
def test_what_the_library_has_may_not_be_defined_again(faults, code):
    said = faults((code,))
    assert len(said) == 1 and "is the library's; import it, or take another name" in said[0] and "cell 2" in said[0]


@pytest.mark.parametrize(
    "code",
    [
        "from ssl_lab.losses import nt_xent",
        "from ssl_lab.losses import nt_xent as nt_xent",
        "from ssl_lab.losses import nt_xent as theirs",
        "from ssl_lab.train import train\nfrom ssl_lab import losses, plots",
        "import ssl_lab.losses",
        "nt_xent = use(nt_xent)",
        "lab = notebook('99_example')",
        "distance = 3",  # a variable may have the name of something inner
        "def mine(features):\n    load = features\n    return load",
        "found = [features for features in range(3)]",
        "found.features = 3",
        "known(features=3)",
        "def my_nt_xent(z1, z2): ...",
        "print(nt_xent)",
    ],
)
def test_what_the_library_has_may_be_imported_and_used(faults, code):
    assert faults((code,)) == []


def test_an_exercise_may_define_what_the_library_has(faults):
    assert faults("**Exercise** (4 minutes, ★☆☆)", (EXERCISE.replace("double", "nt_xent"), "exercise")) == []


def test_the_librarys_names_are_read_where_they_stand():
    inner, exported = lint.names()
    assert {"nt_xent", "load", "SimCLR", "features", "Explorer", "knn_accuracy"} <= exported < inner
    assert {"warmup_cosine", "make_optimizer"} <= inner - exported
    assert not {"POSITIVE", "hand_out", "examine"} & inner


@pytest.mark.parametrize("key", ["title", "minutes", "budget_s"])
def test_the_header_must_be_there(source, key):
    book = notebook()
    del book.metadata["ssl_lab"][key]
    assert [said for said in lint.faults(book, source) if f"99_example.py: the header lacks # {key}" in said]


def test_the_budget_names_both_profiles(faults):
    assert len(faults(budget_s={"laptop": 100})) == 1


@pytest.mark.parametrize("first", ["# A title", "# A title\n\n**You will** see.", "# A title\n\n1. see."])
def test_objectives_must_be_there(faults, first):
    said = faults(first=first)
    assert len(said) == 1 and "**You will** and a numbered list belong in the first text cell" in said[0]


def test_a_notebook_ends_somewhere(faults):
    assert faults(*[("x = 3",)] * 59) == []
    assert faults(*[("x = 3",)] * 60) == ["99_example.py: 61 cells are more than 60"]


def test_words_have_an_end_and_only_prose_counts(faults):
    rest = 2500 - 7  # of FIRST: A title You will see The first part makes eight
    assert faults("word " * (rest - 1)) == []
    assert faults("word " * rest) == ["99_example.py: 2,501 words of text are more than 2,500"]
    assert faults("word " * (rest - 1) + "$x$ `code` 12 · <br>\n```\ncode\n```\n$$\nl = x\n$$\n", ("words = 3",)) == []


@pytest.mark.parametrize("count, fits", [(2, False), (3, True), (6, True), (7, False)])
def test_a_notebook_has_three_to_six_exercises_unless_its_header_says_otherwise(source, count, fits):
    cells = ["**Exercise** (4 minutes, ★☆☆)", (EXERCISE, "exercise")] * count
    book = notebook(*cells)
    del book.metadata["ssl_lab"]["exercises"]
    found = list(lint.faults(book, source))
    assert [said[:55] for said in found] == ([] if fits else [f"99_example.py: {count} exercises; there should be 3 to 6 (ano"])
    book.metadata["ssl_lab"]["exercises"] = [count, count]
    assert list(lint.faults(book, source)) == []


@pytest.mark.parametrize(
    "before",
    ["Write it.", *(f"**Exercise** ({said})" for said in ("4 minutes", "★☆☆", "4 minutes, ☆☆★", "4 minutes, ★★")), "Exercise (4 minutes, ★☆☆)"],
)
def test_an_exercise_is_announced_with_minutes_and_stars(faults, before):
    said = faults(before, (EXERCISE, "exercise"))
    assert said == ["99_example.py: cell 3 is an exercise that the text before it does not announce: **Exercise** (10 minutes, ★★☆)"]


def test_every_exercise_needs_an_announcement_of_its_own(faults):
    said = faults("**Exercise** (4 minutes, ★☆☆)", (EXERCISE, "exercise"), (EXERCISE, "exercise"))
    assert len(said) == 1 and "cell 4 is an exercise" in said[0]


def test_a_text_in_between_must_announce_it(faults):
    assert len(faults("**Exercise** (4 minutes, ★☆☆)", "A hint.", (EXERCISE, "exercise"))) == 1
    assert faults("**Exercise** (4 minutes, ★☆☆)", ("x = 3",), (EXERCISE, "exercise")) == []


def test_an_exercise_has_a_function(faults):
    said = faults("**Exercise** (4 minutes, ★☆☆)", ("if x:\n    ### BEGIN SOLUTION\n    y = 3\n    ### END SOLUTION", "exercise"))
    assert said == ["99_example.py: cell 3 is an exercise without a function to write"]


QUESTIONS = ("- How many?", "- It is\n  long: how many?\n- Look.", "**Predict first**: how\nmany?", "Look.\n\n- A. Why?\n- B. Look.")


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_has_an_answer_before_the_next_text(faults, text):
    said = ['99_example.py: cell 2 asks, and no answer follows before the next text; write one: # %% [markdown] tags=["answer"]']
    assert faults(text) == faults(text, ("x = 3",)) == faults(text, "A text.", answer()) == said
    assert faults(text, answer()) == faults(text, ("x = 3",), answer(), "A text.") == []


@pytest.mark.parametrize("text", ["How many?", "- See.\n\nHow many?", "- `a?` and $b?$", "## Why?", "a - b?"])
def test_what_is_not_asked_of_the_reader_needs_no_answer(faults, text):
    assert faults(text) == []


def test_answers_count_neither_as_words_nor_as_cells(faults):
    assert faults(*[("x = 3",)] * 59, answer("word " * 3000)) == []


def test_an_answer_is_linted_as_any_text(faults):
    assert [said[:21] for said in faults("- Why?", answer("[there](97_nothing.ipynb)"))] == ["99_example.py, cell 3"]


def test_no_link_leads_to_a_heading_of_an_answer(faults):
    assert len(faults("[there](#Because)", answer("# Because"))) == 1


def test_an_answer_stands_between_an_exercise_and_its_announcement(faults):
    assert faults("- How many?\n\n**Exercise** (4 minutes, ★☆☆)", answer(), (EXERCISE, "exercise")) == []
