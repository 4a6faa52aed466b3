"""One record of a table, and one function for each format that it is written in.

A program makes :class:`Table` records of plain text and hands them on: nothing else knows rich, LaTeX, Markdown, CSV or
JSON, and each format escapes by itself. What a program writes to files is an :class:`Export`; its options are the names
in :data:`FORMATS`.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bench.atomic import atomic_write
from bench.cli import as_given
from bench.text import escape_control_chars, escape_csv, escape_latex, escape_markdown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Align = Literal["left", "right"]
Better = Literal["", "higher", "lower"]
Layout = Literal["boxed", "tight", "ruled", "open", "grid"]
Overflow = Literal["ellipsis", "crop", "words", "fold"]
READABLE = 24
"""Columns of the terminal that a text is given where it is broken into lines."""
Widths: TypeAlias = "Sequence[int | None]"
ARROWS: Mapping[Better, str] = {"": "", "higher": " ↑", "lower": " ↓"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        better: which way a number is better, shown as an arrow behind the head.
        short: the head where a terminal is too narrow for `head`; a note below the table then says what it stands for.
        overflow: what is done with a cell that is too wide: its end becomes an ellipsis, is cut off, or the cell is
            broken into lines, between words or anywhere.
        min_width: in columns of the terminal.
        styles: of the cells with these texts, on a terminal, in rich's words.
    """

    head: str
    align: Align = "right"
    better: Better = ""
    short: str = ""
    overflow: Overflow = "ellipsis"
    min_width: int | None = None
    styles: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The head with its arrow."""
        return self.head + ARROWS[self.better]


def columns(heads: Iterable[str], *, left: Collection[int] = (0,)) -> tuple[Column, ...]:
    """Columns that are never broken; those at the positions `left` are aligned left, all others right."""
    return tuple(Column(head=head, align="left" if i in left else "right") for i, head in enumerate(heads))


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of plain text, to be escaped by whoever writes it.

    Attributes:
        rows: each as long as `columns`.
        rules: positions of rows above which a line is drawn.
        muted: positions of rows that are dim on a terminal.
        notes: below the table.
        layout: on a terminal: `boxed` has lines on all sides, `tight` no blanks beside them, `ruled` a line below the
            heads, `open` none, `grid` neither lines nor heads.
        keys: how many of the first columns say what a row is of; repeated where a terminal is too narrow for all.
        longest_head: longer ones are broken behind their hyphens where there is no terminal; None breaks none.
        bold_title: on a terminal; `wrap_title` breaks it at the width of what is no terminal too.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    rules: tuple[int, ...] = ()
    muted: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    layout: Layout = "ruled"
    keys: int = 1
    longest_head: int | None = None
    bold_title: bool = True
    wrap_title: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"each row must have {len(self.columns)} cells (got {len(row)}: {row})")


def terminal(table: Table, widths: Widths = ()) -> RichTable:
    """The grid alone, as rich prints it.

    Args:
        widths: of the columns, as :func:`fitted` finds them; empty to leave them to rich.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    layouts: dict[Layout, dict[str, Any]] = {
        "boxed": {"padding": (0, 1)},
        "tight": {"padding": 0},
        "ruled": {"box": box.SIMPLE_HEAD, "padding": (0, 1, 0, 0), "show_edge": False},
        "open": {"box": None, "padding": (0, 1), "pad_edge": False},
        "grid": {
            "box": None,
            "padding": (0, 2),
            "pad_edge": False,
            "show_header": False,
            "collapse_padding": True,
        },
    }
    overflows: dict[Overflow, dict[str, Any]] = {
        "ellipsis": {"no_wrap": True},
        "crop": {"no_wrap": True, "overflow": "crop"},
        "words": {},
        "fold": {"overflow": "fold"},
    }
    made = RichTable(**layouts[table.layout])
    for column, width in zip(table.columns, widths or [None] * len(table.columns), strict=True):
        head = escape_control_chars(column.title)
        long = table.longest_head is not None and len(head) > table.longest_head
        made.add_column(
            Text(head.replace("-", "-\n") if long else head),
            justify=column.align,
            width=width,
            min_width=column.min_width,
            **overflows[column.overflow],
        )
    for i, row in enumerate(table.rows):
        cells = (
            Text(escape_control_chars(cell), style=column.styles.get(cell, ""))
            for cell, column in zip(row, table.columns, strict=True)
        )
        # rich draws its lines below rows, ours are above them
        made.add_row(*cells, style="dim" if i in table.muted else "", end_section=i + 1 in table.rules)
    return made


def print_table(table: Table, console: Console) -> None:
    """Title, grid and notes.

    On a terminal everything stays within its width: heads become shorter, then columns go below the others, beside the
    first ones again; no number and no word is broken. Elsewhere lines are as long as they are.
    """
    from rich.text import Text

    here = console.is_terminal
    parts = fitted(table, console.width) if here else [(table, ())]
    if table.title:
        title = Text(escape_control_chars(table.title), style="bold" if table.bold_title else "")
        console.print(title, soft_wrap=not (table.wrap_title or here))
    for i, (part, widths) in enumerate(parts):
        if i:
            console.print()
        console.print(terminal(part, widths))
    for note in parts[-1][0].notes:
        console.print(Text(escape_control_chars(note)), soft_wrap=not here)


def fitted(table: Table, room: int) -> list[tuple[Table, Widths]]:
    """The table in parts that fit, in the order in which they are printed, with the widths of their columns.

    Notes are those of the last part. What cannot fit (a column wider than the terminal) is cut by whoever prints it.
    """
    whole = replace(table, longest_head=None)
    short = _short(whole)
    for tried in (whole, short, _narrow(short)):
        if (widths := _widths(tried, room)) is not None:
            return [(tried, widths)]
    parts = list(_parts(_narrow(short), room))
    return [(part, _widths(part, room) or ()) for part in parts]


def _short(table: Table) -> Table:
    """Short heads, and a note that says what they stand for."""
    named = [f"{column.short}: {column.head}" for column in table.columns if column.short]
    if not named:
        return table
    heads = tuple(replace(column, head=column.short or column.head) for column in table.columns)
    return replace(table, columns=heads, notes=(", ".join(named), *table.notes))


def _narrow(table: Table) -> Table:
    return replace(table, layout="tight") if table.layout == "boxed" else table


def _parts(table: Table, room: int) -> Iterator[Table]:
    """Some columns each, as many as there is room for, behind the columns that say what a row is of."""
    keys = list(range(table.keys))
    chosen: list[int] = []
    for i in range(table.keys, len(table.columns)):
        if chosen and _widths(_only(table, [*keys, *chosen, i]), room) is None:
            yield _only(table, keys + chosen)
            chosen = []
        chosen.append(i)
    yield _only(table, keys + chosen)


def _only(table: Table, columns: Sequence[int]) -> Table:
    """These columns, and the rows that have something in them behind the first ones."""
    rows = [tuple(row[i] for i in columns) for row in table.rows]
    kept = [i for i, row in enumerate(rows) if any(row[table.keys :])]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in columns),
        rows=tuple(rows[i] for i in kept),
        rules=tuple({sum(i < rule for i in kept) for rule in table.rules} - {0, len(kept)}),
        muted=tuple(new for new, i in enumerate(kept) if i in table.muted),
    )


def _widths(table: Table, room: int) -> list[int | None] | None:
    """Widths of the columns with which the table is as wide as `room` at most; None where there are none."""
    cells = [[column.title, *(row[i] for row in table.rows)] for i, column in enumerate(table.columns)]
    longest = [max(max(map(_width, cell.splitlines() or [""])) for cell in column) for column in cells]
    least = [
        max(_least(column, texts, most), column.min_width or 0)
        for column, texts, most in zip(table.columns, cells, longest, strict=True)
    ]
    spare = room - _overhead(table) - sum(least)
    if spare < 0:
        return None
    widths = least
    order = sorted(range(len(least)), key=lambda i: longest[i] - least[i])
    for position, i in enumerate(
        order
    ):  # what is left is shared, and what one does not need goes to the others
        more = min(max(longest[i] - least[i], 0), spare // (len(order) - position))
        widths[i] += more
        spare -= more
    return [*widths]


def _least(column: Column, texts: Sequence[str], longest: int) -> int:
    """What a column needs so that no word of it is broken, and no cell is where cells are not to be."""
    if column.overflow not in {"words", "fold"}:
        return longest
    words = [word for text in texts for word in text.split()] or [""]
    return min(longest, max(READABLE, *map(_width, words)))


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(escape_control_chars(text))


def _overhead(table: Table) -> int:
    """Lines and blanks between the columns, as rich sets them in each layout."""
    n = len(table.columns)
    return {"boxed": 3 * n + 1, "tight": n + 1, "ruled": 2 * n - 1}.get(table.layout, 2 * n - 2)


def to_text(table: Table) -> str:
    """Title, heads and rows as wide as they are, whatever the terminal: a file's name that is folded cannot be copied."""
    grid = [tuple(column.title for column in table.columns), *table.rows]
    widths = [max(len(row[i]) for row in grid) for i in range(len(table.columns))]
    if table.columns[-1].align == "left":
        widths[-1] = 0  # no blanks at the ends of lines
    lines = [
        "  ".join(
            f"{cell:{'<' if column.align == 'left' else '>'}{width}}"
            for cell, column, width in zip(row, table.columns, widths, strict=True)
        )
        for row in grid
    ]
    return "\n".join([*([table.title] if table.title else []), *lines, *table.notes])


def to_markdown(tables: Iterable[Table]) -> str:
    """A pipe table for each, its title in bold."""
    return "\n".join(_markdown(table) for table in tables)


def _markdown(table: Table) -> str:
    # inside a word an underscore is no emphasis: metrics stay as they are typed
    heads = [escape_markdown(column.title).replace("\\_", "_") for column in table.columns]
    rows = ([escape_markdown(cell) for cell in row] for row in table.rows)
    grid = pipe_table(heads, [column.align for column in table.columns], rows)
    return f"**{escape_markdown(table.title)}**\n\n{grid}{markdown_notes(table.notes)}"


def pipe_table(heads: Sequence[str], aligns: Sequence[Align], rows: Iterable[Sequence[str]]) -> str:
    """The grid alone, of cells that are Markdown already."""
    rule = ["---" if align == "left" else "---:" for align in aligns]
    return "".join(f"| {' | '.join(line)} |\n" for line in (heads, rule, *rows))


def markdown_notes(notes: Iterable[str]) -> str:
    """A paragraph each, below a table."""
    return "".join(f"\n{escape_markdown(note)}\n" for note in notes)


def to_latex(tables: Iterable[Table]) -> str:
    """A booktabs `tabular` for each, with the title in a comment above it and in the first line."""
    return "\n".join(_latex(table) for table in tables)


def _latex(table: Table) -> str:
    title, width = escape_latex(table.title), len(table.columns)
    notes = "".join(
        f"\\multicolumn{{{width}}}{{l}}{{\\footnotesize {escape_latex(note)}}} \\\\\n" for note in table.notes
    )
    grid = tabular(
        table.columns,
        (map(latex_cell, row) for row in table.rows),
        table.rules,
        above=f"\\multicolumn{{{width}}}{{l}}{{{title}}} \\\\\n\\midrule\n",
        below=f"\\midrule\n{notes}" if notes else "",
    )
    return f"% {title}\n{grid}"


def tabular(
    columns: Sequence[Column],
    rows: Iterable[Iterable[str]],
    rules: Collection[int] = (),
    *,
    above: str = "",
    below: str = "",
) -> str:
    """A booktabs `tabular` of cells that are LaTeX already.

    Args:
        above, below: whole lines, over the heads and under the rows.
    """
    heads = " & ".join(escape_latex(column.title) for column in columns)
    body = "".join("\\midrule\n" * (i in rules) + " & ".join(row) + " \\\\\n" for i, row in enumerate(rows))
    return (
        f"\\begin{{tabular}}{{{''.join(column.align[0] for column in columns)}}}\n\\toprule\n{above}"
        f"{heads} \\\\\n\\midrule\n{body}{below}\\bottomrule\n\\end{{tabular}}\n"
    )


def latex_cell(text: str) -> str:
    """Escaped, in braces where it begins with `[` or `*`, which would be an argument of the line break before it."""
    escaped = escape_latex(text)
    return f"{{{escaped}}}" if escaped.startswith(("[", "*")) else escaped


def to_csv(heads: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """A header and the rows; numbers with all their digits."""
    escaped = cache(escape_csv)  # most names come again with every value
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(escaped, heads))
    # repr of a float is the shortest text that reads back to the same bits.
    writer.writerows([escaped(cell) if isinstance(cell, str) else repr(cell) for cell in row] for row in rows)
    return text.getvalue()


def to_json(content: object) -> str:
    """Indented, with a line end. JSON has no infinity: what is not finite is a string, such as "inf"."""
    return json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a program writes to files, in the three shapes that a format may want.

    Attributes:
        tables: to be read by people.
        heads: of `values`.
        values: raw, a line each, to be grouped by whoever reads them; can be read once.
        records: with everything, for programs.
    """

    tables: Sequence[Table]
    heads: Sequence[str]
    values: Iterable[Sequence[str | float]]
    records: Sequence[Mapping[str, object]]


FORMATS: Mapping[str, Callable[[Export], str]] = {
    "json": lambda export: to_json(export.records),
    "csv": lambda export: to_csv(export.heads, export.values),
    "latex": lambda export: to_latex(export.tables),
    "markdown": lambda export: to_markdown(export.tables),
}
"""By name, which is that of the option too."""


def format_title(name: str) -> str:
    """What a format is called in a sentence."""
    return {"latex": "LaTeX", "markdown": "Markdown"}.get(name, name.upper())


def write_exports(files: Mapping[str, Path], make: Callable[[], Export]) -> None:
    """Write the file of each format, and print where it is."""
    for name, file in files.items():
        with atomic_write(file) as part:
            part.write_text(FORMATS[name](make()), encoding="utf-8", newline="\n")
        print(f"{name + ':':<8} {as_given(file)}")
