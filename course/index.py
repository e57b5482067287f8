"""notebooks/README.md, written from the notebooks themselves: what each is for, how long it takes, what there is to do."""

from course import outline

HEAD = """# The notebooks

`ssl-lab lab` opens them in your browser, on copies in `work/` that are yours to write in. Each runs on its own, without a network, from top
to bottom, also before you have solved anything. *Solved* is the edition with the answers.

This page is generated: `python -m course.build` writes it from `course/*.py`.

| Notebook | You will | Minutes | Exercises |
|---|---|---|---|
"""


def index(books: dict) -> str:
    """The page.   books: NAME → the notebook that course/NAME.py describes, in the order of the rows."""
    return HEAD + "".join(row(name, book) for name, book in books.items())


def row(name: str, book) -> str:
    said = book.metadata["ssl_lab"]
    links = f"[{said['title']}]({name}.ipynb)<br>[solved](solutions/{name}.ipynb)"
    todo = [f"`{exercise.name}` ({exercise.minutes} min, {exercise.stars})" for exercise in outline.exercises(book)]
    return f"| {links} | {column(outline.objectives(book))} | {said['minutes']} | {column(todo)} |\n"


def column(items: list[str]) -> str:
    """Several lines in one cell of a table, where a bar would end the cell."""
    return "<br>".join(item.replace("|", r"\|") for item in items)
