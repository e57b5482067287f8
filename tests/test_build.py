"""The builder of notebooks: one source, two editions, nothing stored that is not wanted, nothing stale."""

import base64
import io
import json
import os

import nbformat
import numpy as np
import pytest
from PIL import Image

from course import build, outline, picture
from ssl_lab.studies import label_efficiency

SOURCE = '''# ruff: noqa: B018
# title: "99 Example"
# minutes: 7
# budget_s: {"laptop": 20, "ci": 10}
# exercises: [1, 2]

# %% [markdown]
# # A title
#
# **You will**
# 1. double $x_i$ with `double`,
# 2. see that 3 is
#    three.
#
# ## Your turn
#
# **Exercise** (4 minutes, ★☆☆). Write it.

# %% tags=["exercise"]
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    y = x
    return 2 * y
    ### END SOLUTION


# %%
x = 3
x
# %% tags=["nbval-check-output"]
print(f"{x} is three")
'''


@pytest.fixture
def root(tmp_path):
    """A project with one source."""
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "99_example.py").write_text(SOURCE)
    return tmp_path


def parse(root, text=SOURCE):
    (root / "course" / "99_example.py").write_text(text)
    return build.parse(root / "course" / "99_example.py")


def put(root, text=SOURCE):
    """Write both editions without executing them."""
    solved = parse(root, text)
    (root / "notebooks" / "solutions").mkdir(parents=True, exist_ok=True)
    (root / "notebooks" / "solutions" / "99_example.ipynb").write_text(build.written(solved))
    (root / "notebooks" / "99_example.ipynb").write_text(build.written(build.student(solved)))
    (root / "notebooks" / "README.md").write_text(build.page(root))


def test_generated_notebooks_are_what_their_sources_say():
    assert build.main(["--check"]) == 0


def test_cells_are_text_and_code_in_their_order(root):
    book = parse(root)
    assert [cell.cell_type for cell in book.cells] == ["markdown", "code", "code", "code"]
    assert book.cells[0].source.startswith("# A title\n\n**You will**\n1. double $x_i$ with `double`,\n")
    assert book.cells[2].source == "x = 3\nx"
    assert book.cells[3].metadata.tags == ["nbval-check-output"]
    assert book.metadata.kernelspec.name == "python3"
    assert book.metadata.ssl_lab == {"title": "99 Example", "minutes": 7, "budget_s": {"laptop": 20, "ci": 10}, "exercises": [1, 2]}
    nbformat.validate(book)


def test_student_edition_keeps_the_frame_and_loses_the_solution(root):
    solved = parse(root)
    student = build.student(solved)
    assert student.cells[1].source == 'def double(x):\n    """Twice x."""\n    # YOUR CODE HERE\n    raise NotImplementedError'
    assert "return 2 * y" in solved.cells[1].source
    assert [cell.id for cell in student.cells] == [cell.id for cell in solved.cells]
    assert student.cells[1].metadata.tags == ["exercise"]


ANSWERED = SOURCE + '# %% [markdown]\n# - Why *three*?\n# %% [markdown] tags=["answer"]\n# **Because** it is.\n#\n# $x = 3$\n# %%\nx\n'


def test_answers_are_folded_in_the_solved_edition_and_absent_from_the_students(root):
    solved = parse(root, ANSWERED)
    folded = "<details><summary><b>Answer</b></summary>\n\n**Because** it is.\n\n$x = 3$\n\n</details>"
    assert solved.cells[5].source == folded and solved.cells[5].metadata.tags == ["answer"]
    student = build.student(solved)
    assert [cell.id for cell in student.cells] == [cell.id for cell in (*solved.cells[:5], solved.cells[6])]
    assert "Because" not in nbformat.writes(student)


def test_a_new_answer_makes_the_solved_edition_stale_and_no_other(root, capsys):
    put(root, ANSWERED)
    parse(root, ANSWERED.replace("Because", "For"))
    assert build.main(["--check"], root) == 1
    assert capsys.readouterr().err == "not what the source says: solutions/99_example.ipynb; run python -m course.build\n"


def test_a_new_cell_changes_no_other_cells_id(root):
    before = [cell.id for cell in parse(root).cells]
    after = [cell.id for cell in parse(root, SOURCE.replace("# %%\nx = 3", "# %%\nx = 2\n# %%\nx = 3")).cells]
    assert [identity for identity in after if identity in before] == before
    assert len(after) == len(before) + 1


def test_equal_cells_have_different_ids(root):
    cells = parse(root, SOURCE + "# %%\nx\n# %%\nx\n").cells
    assert len({cell.id for cell in cells}) == len(cells)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("# %%\nx", "# %% code\nx", "cell 3: '# %% code' is no cell"),
        ('["nbval-check-output"]', "[nbval]", r"cell 4: '\[nbval\]' is no JSON"),
        ("# minutes: 7", "# minutes: seven", "99_example.py, minutes: 'seven' is no JSON"),
        ("# minutes: 7", "# minutes", "99_example.py, minutes: '' is no JSON"),
        ("# # A title", "A title", "cell 1: a line of text begins with '# ', this one does not: A title"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(root, old, new, words):
    assert old in SOURCE
    with pytest.raises(build.Fault, match=words):
        parse(root, SOURCE.replace(old, new))


def test_every_broken_rule_is_named_at_once(root):
    parse(root, SOURCE.replace("x = 3", "load = 3").replace('["nbval-check-output"]', '["nbval-chek-output"]'))
    with pytest.raises(build.Fault) as caught:
        build.read(root / "course" / "99_example.py")
    assert [said.split(": ")[0] for said in str(caught.value).splitlines()] == ["99_example.py, cell 3", "99_example.py, cell 4"]


def test_a_source_at_fault_stops_build_and_check_before_anything_is_executed(root, capsys):
    put(root)
    parse(root, SOURCE.replace("# minutes: 7\n", ""))
    for arguments in ([], ["--check"]):
        assert build.main(arguments, root) == 1
        said = capsys.readouterr()
        assert "99_example.py: the header lacks # minutes" in said.err and said.out == ""


def test_check_passes_on_what_was_built_whatever_its_outputs(root):
    put(root)
    path = root / "notebooks" / "99_example.ipynb"
    book = nbformat.read(path, as_version=4)
    book.cells[3].update(execution_count=4, outputs=[nbformat.v4.new_output("stream", text="3 is three\n")])
    path.write_text(nbformat.writes(book))
    assert build.main(["--check"], root) == 0


@pytest.mark.parametrize(
    "change",
    [
        ("x = 3", "x = 4"),
        ("A title", "Another title"),
        (' tags=["nbval-check-output"]', ""),
        ('"ci": 10', '"ci": 9'),
        ("return 2 * y", "return y + y"),
        ("4 minutes", "5 minutes"),
    ],
)
def test_check_fails_when_the_source_says_something_else(root, capsys, change):
    put(root)
    parse(root, SOURCE.replace(*change))
    assert build.main(["--check"], root) == 1
    assert "not what the source says: solutions/99_example.ipynb, 99_example.ipynb" in capsys.readouterr().err


def test_check_fails_when_an_edition_is_missing(root):
    put(root)
    (root / "notebooks" / "solutions" / "99_example.ipynb").unlink()
    assert build.main(["--check", "99_example"], root) == 1


@pytest.mark.parametrize("change", [("(4 min", "(5 min"), ("three", "three, by hand")])
def test_check_fails_when_the_index_is_not_what_the_sources_say(root, capsys, change):
    put(root)
    path = root / "notebooks" / "README.md"
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    assert build.main(["--check"], root) == 1
    assert capsys.readouterr().err == "not what the source says: README.md; run python -m course.build\n"
    path.unlink()
    assert build.main(["--check"], root) == 1


def test_a_draft_is_both_editions_not_executed_whatever_the_rules_say(root, tmp_path, capsys):
    parse(root, SOURCE.replace("# minutes: 7\n", ""))
    assert build.main(["--draft", str(tmp_path / "draft")], root) == 0
    assert "the header lacks # minutes" in capsys.readouterr().err
    solved, student = (nbformat.read(tmp_path / "draft" / name, as_version=4) for name in ("solutions/99_example.ipynb", "99_example.ipynb"))
    assert "return 2 * y" in solved.cells[1].source and "raise NotImplementedError" in student.cells[1].source
    assert not any(cell.get("outputs") for cell in solved.cells)
    assert not (root / "notebooks").exists()


def test_an_unknown_name_is_an_error_and_no_traceback(root, capsys):
    assert build.main(["--check", "98_nothing"], root) == 1
    assert "98_nothing.py" in capsys.readouterr().err


def test_build_executes_and_stores_only_what_is_checked(root):
    assert build.main([], root) == 0
    book = nbformat.read(root / "notebooks" / "99_example.ipynb", as_version=4)
    assert [bool(cell.get("outputs")) for cell in book.cells] == [False, False, False, True]
    assert [cell.get("execution_count") for cell in book.cells] == [None, None, None, 3]
    assert book.cells[3].outputs[0].text == "3 is three\n"
    assert "widgets" not in book.metadata
    assert "[99 Example](99_example.ipynb)" in (root / "notebooks" / "README.md").read_text()
    assert build.main(["--check"], root) == 0


def test_changed_texts_keep_the_stored_outputs_and_changed_code_is_refused(root, capsys):
    assert build.main([], root) == 0
    path = root / "notebooks" / "99_example.ipynb"
    path.write_text(path.read_text().replace("3 is three", "5 is three"))  # an output that no execution makes
    parse(root, SOURCE.replace("# # A title", "# # Another title"))
    assert build.main(["--texts"], root) == 0
    book = nbformat.read(path, as_version=4)
    assert book.cells[0].source.startswith("# Another title")
    assert book.cells[3].outputs[0].text == "5 is three\n" and book.cells[3].execution_count == 3
    assert build.main(["--check"], root) == 0
    parse(root, SOURCE.replace("is three", "is five"))
    assert build.main(["--texts"], root) == 1
    assert "code has changed" in capsys.readouterr().err


def test_a_cell_tagged_picture_must_show_one(root, capsys):
    parse(root, SOURCE.replace('["nbval-check-output"]', '["picture"]'))
    assert build.main([], root) == 1
    assert "99 Example: a cell tagged picture shows none:\nprint" in capsys.readouterr().err


def test_stored_outputs_have_pictures_in_few_colours_and_no_widget():
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(buffer, "png")
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "application/vnd.jupyter.widget-view+json": {}, "text/plain": "noise"}
    output = build.still(nbformat.v4.new_output("execute_result", data=data, execution_count=7))
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.execution_count is None
    assert Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).mode == "P"


@pytest.mark.parametrize("text, words", [("saved to " + "/home" + "/me/x", "path of one machine"), ("x" * (build.LIMIT + 1), "store fewer pictures")])
def test_a_notebook_that_should_not_be_published_is_refused(root, text, words):
    book = parse(root)
    book.cells[3].outputs = [nbformat.v4.new_output("stream", text=text)]
    with pytest.raises(build.Fault, match=words):
        build.written(book)


@pytest.mark.parametrize("metadata, refused", [({}, True), ({"image/png": {"alt": ""}}, True), ({"image/png": {"alt": "a red dot"}}, False)])
def test_a_stored_picture_needs_alt_text(root, metadata, refused):
    book = parse(root)
    book.cells[3].outputs = [nbformat.v4.new_output("display_data", data={"image/png": "iVBO"}, metadata=metadata)]
    if refused:
        with pytest.raises(build.Fault, match="a stored picture without alt text"):
            build.written(book)
    else:
        assert "a red dot" in build.written(book)


def test_every_notebook_says_what_it_may_cost():
    for path in (build.ROOT / "notebooks").rglob("*.ipynb"):
        if "checkpoint" not in path.name:
            said = json.loads(path.read_text(encoding="utf-8"))["metadata"]["ssl_lab"]
            assert said["budget_s"]["laptop"] <= 150
            assert said["budget_s"]["ci"] <= 40


def test_executing_a_notebook_leaves_the_profile_of_this_process_alone(tmp_path, monkeypatch):
    """It did not, and every notebook that was tested after it trained for its full minute."""
    monkeypatch.setenv("SSL_LAB_PROFILE", "ci")
    book = build.nbformat.v4.new_notebook(metadata={"ssl_lab": {}})
    cell = build.nbformat.v4.new_code_cell("import os\nprint(os.environ['SSL_LAB_PROFILE'])")
    cell.metadata["tags"] = ["nbval-check-output"]
    book.cells = [cell]
    build.execute(book, tmp_path)
    assert os.environ["SSL_LAB_PROFILE"] == "ci" and book.cells[0].outputs[0].text == "laptop\n"


def test_the_exercises_of_a_notebook_are_those_that_the_library_checks():
    from ssl_lab import checks

    for source in build.sources_in(build.ROOT):
        asked = tuple(exercise.name for exercise in outline.exercises(build.parse(source)))
        assert checks.EXERCISES[source.stem] == asked
        for name in asked:
            assert hasattr(checks, f"check_{name}")


def small(picture):
    """The picture as a notebook stores it, and how far the colours of its pixels are off."""
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    stored = Image.open(io.BytesIO(base64.b64decode(build.smaller(base64.b64encode(buffer.getvalue()).decode()))))
    return stored, np.abs(np.asarray(picture).astype(int) - np.asarray(stored.convert("RGB"))).max(2)


def test_a_photograph_on_a_large_page_is_stored_without_steps():
    draw, page = np.random.default_rng(0), Image.new("RGB", (500, 400), "white")
    pixels = draw.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    page.paste(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC), (30, 40))
    _, off = small(page)
    assert (off[40:104, 30:94] <= 12).mean() > 0.95 and off[200:].max() == 0


def test_stored_pictures_take_few_colours_and_nobody_sees_it():
    def stored(picture):
        few, off = small(picture)
        return len(few.getcolors()), (off <= 20).mean()

    drawing = Image.new("RGB", (100, 80), "white")
    drawing.paste((0, 114, 178), (10, 10, 60, 60))
    drawing.paste((213, 94, 0), (30, 30, 90, 50))
    assert stored(drawing) == (3, 1.0)
    draw = np.random.default_rng(0)
    photograph = Image.fromarray(draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)).resize((100, 80), Image.Resampling.BICUBIC)
    assert stored(photograph)[0] > 64
    waves = np.linspace(0, 250, 100)[None, :, None] * np.array([1.0, 0.6, 0.2]) + np.zeros((80, 1, 3))
    colours, close = stored(Image.fromarray(waves.astype(np.uint8)))
    assert colours <= 64
    assert close >= 0.99


def test_the_readme_shows_the_pictures_and_the_table_of_labels_as_they_are_now():
    for name, (png, _) in picture.pictures().items():
        assert (picture.FOLDER / name).read_bytes() == png, f"{name} is older than notebook 03; run python -m course.picture"
    counts, learners = label_efficiency()
    table = [f"| {count:,} | " + " | ".join(f"{learners[name][k]:.3f}" for name in learners) + " |" for k, count in enumerate(counts)]
    assert "\n".join(table) in (picture.FOLDER.parent / "README.md").read_text()
