"""A table. People read it as text or in a notebook; code reads it by names."""

import html
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from ssl_lab.errors import require

PLAIN = "mathjax_ignore tex2jax_ignore"  # no mathematics: a dollar sign stays one
STAYS = "position: sticky; left: 0; max-width: 16em; background: inherit"  # opaque, since other columns scroll under it
PAPER = "background: var(--jp-layout-color0, Canvas)"
SCROLLS, FLOWS = "white-space: nowrap", "min-width: 14em"
LONG = 30  # letters of a cell that may have several lines
Cell = str | int | float | None  # None: not reported


@dataclass(frozen=True)
class Table:
    """Rows of words and figures under the names of columns.

    title, source: what it shows, and who measured it.   rows: heading of a group → its rows, one cell a column; the heading "" is not shown.
    note: what a reader must know.   best: columns whose highest figure is bold.   forms: column → the form of its figures, such as "{:.0%}".
    Raises: InputError for two columns of one name, a row that is too long or too short, and an unknown column in `best` or `forms`.
    """

    title: str
    source: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[tuple[Cell, ...], ...]]
    note: str = ""
    best: tuple[str, ...] = ()
    forms: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        names = ", ".join(self.columns) or "none"
        require(len(set(self.columns)) == len(self.columns) > 0, f"{self.title}: every column needs a name of its own; got {names}")
        for name in (*self.best, *self.forms):
            self._place(name)
        for row in self._all():
            words = ", ".join(map(str, row))
            require(len(row) == len(self.columns), f"{self.title}: a row needs {len(self.columns)} cells, one a column; got {len(row)}: {words}")

    def column(self, name: str) -> tuple[Cell, ...]:
        """One column, from top to bottom; None where nothing was reported. Raises: InputError for an unknown column."""
        place = self._place(name)
        return tuple(row[place] for row in self._all())

    def row(self, *words: str) -> dict[str, Cell]:
        """The one row that begins with these words, column → cell. Raises: InputError, with the names of rows, unless exactly one row does."""
        found = [row for row in self._all() if row[: len(words)] == words]
        known = ", ".join(dict.fromkeys(" · ".join(cell for cell in row if isinstance(cell, str)) for row in found or self._all()))
        asked = " · ".join(map(str, words))
        require(len(found) == 1, f"{self.title}: {len(found) or 'no'} row{'s' * (len(found) != 1)} called {asked!r}; name one of: {known}")
        return dict(zip(self.columns, found[0]))

    def __repr__(self) -> str:
        """Aligned text, for people and for tests: words left, figures right."""
        groups = {heading: [self._written(row) for row in rows] for heading, rows in self.rows.items()}
        lines = [list(self.columns), *(row for rows in groups.values() for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]

        def aligned(line):
            cells = (cell.rjust(width) if figures else cell.ljust(width) for cell, width, figures in zip(line, widths, self._figures()))
            return "  ".join(cells).rstrip()

        text = [self.title, aligned(self.columns)]
        for heading, rows in groups.items():
            text += [f"-- {heading}"] * bool(heading) + [aligned(row) for row in rows]
        return "\n".join([*text, *textwrap.wrap(self._origin(), max(100, sum(widths) + 2 * len(widths) - 2))])

    def _repr_html_(self) -> str:
        """What a notebook shows: the title above, source and note below, and between them a table that scrolls where it is wider than the page."""
        top = {name: max((value for value in self.column(name) if value is not None), default=None) for name in self.best}
        lines = [line("th", map(escaped, self.columns), self._figures())]
        for heading, rows in self.rows.items():
            if heading:
                lines.append(line("td", [f"<em>{escaped(heading)}</em>", *[""] * (len(self.columns) - 1)], self._figures()))
            for row in rows:
                cells = zip(self.columns, row, map(escaped, self._written(row)))
                bold = [f"<strong>{text}</strong>" if value is not None and value == top.get(name) else text for name, value, text in cells]
                lines.append(line("td", bold, self._figures()))
        title, table = escaped(self.title), "\n".join(lines)
        scrolls = f'<div style="overflow-x: auto" tabindex="0" role="region" aria-label="{title}">\n<table>\n{table}\n</table>\n</div>'
        return f'<div class="{PLAIN}">\n<p><strong>{title}</strong></p>\n{scrolls}\n<p>{escaped(self._origin())}</p>\n</div>'

    def _origin(self) -> str:
        return f"Source: {self.source}. {self.note}".rstrip()

    def _all(self) -> list[tuple[Cell, ...]]:
        return [row for rows in self.rows.values() for row in rows]

    def _place(self, name: str) -> int:
        require(name in self.columns, f"{self.title}: no column {name!r}; there are: {', '.join(self.columns)}")
        return self.columns.index(name)

    def _figures(self) -> list[bool]:
        """Which columns hold figures; these are aligned to the right."""
        return [not any(isinstance(cell, str) for cell in self.column(name)) for name in self.columns]

    def _written(self, row) -> list[str]:
        """The cells of a row as text."""
        return [written(cell, self.forms.get(name)) for name, cell in zip(self.columns, row)]


def written(cell: Cell, form: str | None = None) -> str:
    """A cell as text: "-" where nothing was reported, one decimal, or as the form says."""
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else (form or ("{:.1f}" if isinstance(cell, float) else "{}")).format(cell)


def line(tag: str, cells: Iterable[str], figures: list[bool]) -> str:
    """A row of HTML: words left, figures right; the first cell stays where it is while the others scroll; what is long has several lines."""
    styles = [f"text-align: {'right' if right else 'left'}" for right in figures]
    first, *others = cells
    places = [STAYS, *(SCROLLS if len(cell) < LONG else FLOWS for cell in others)]
    row = "".join(f'<{tag} style="{style}; {place}">{cell}</{tag}>' for style, place, cell in zip(styles, places, [first, *others]))
    return f'<tr style="{PAPER}">{row}</tr>'


def escaped(text: str) -> str:
    """The text for a cell of one line, escaped so that HTML shows it as it is."""
    return " ".join(html.escape(text).split())
