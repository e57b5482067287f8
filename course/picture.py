"""python -m course.picture: the README's picture, which notebook 03 stores: its similarity matrix after the minute of training."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOK, OUT = ROOT / "notebooks/solutions/03_simclr.ipynb", ROOT / "course/readme.png"
EXPLORER = "SimilarityExplorer("  # the cell that shows it


def main() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if EXPLORER in cell.source]
    (shown,) = [output.data for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    OUT.write_bytes(base64.b64decode(shown["image/png"]))
    print(f"{OUT.relative_to(ROOT)}: {shown['text/plain']}")


if __name__ == "__main__":
    main()
