"""python -m course.picture: the README's pictures, which notebook 03 stores: its similarity matrix after training, and what the labels are worth."""

import base64
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parent
NOTEBOOK = FOLDER.parent / "notebooks/solutions/03_simclr.ipynb"
CELLS = {"readme.png": "SimilarityExplorer(", "label_efficiency.png": "plots.efficiency("}  # what the cell that shows it says


def pictures() -> dict[str, tuple[bytes, str]]:
    """The PNG of every picture as the notebook stores it now, and its words."""
    book, found = nbformat.read(NOTEBOOK, 4), {}
    for name, words in CELLS.items():
        cells = [cell for cell in book.cells if cell.cell_type == "code" and words in cell.source]
        (shown,) = [output.data for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
        found[name] = base64.b64decode(shown["image/png"]), shown["text/plain"]
    return found


def main() -> None:
    for name, (png, words) in pictures().items():
        (FOLDER / name).write_bytes(png)
        print(f"{name}: {words}")


if __name__ == "__main__":
    main()
