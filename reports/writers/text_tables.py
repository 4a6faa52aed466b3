"""Tables as Markdown, LaTeX and CSV, in the formats of :mod:`bench.tables`; marks and captions are the report's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.atomic import atomic_write
from bench.tables import Column, latex_cell, markdown_notes, pipe_table, tabular
from bench.tables import to_csv as write_csv
from bench.text import escape_latex, escape_markdown
from reports.parts import Cell, Head, Report, Table
from reports.tables.verdicts import verdict_tables


def write_tables(report: Report, folder: Path) -> None:
    """`folder/ID.md`, `ID.tex` and `ID.csv` of every table, those of all verdicts among them.

    Raises:
        OSError: the folder cannot be written.
    """
    for table in all_tables(report):
        for suffix, make in FORMATS.items():
            with atomic_write(folder / f"{table.id}.{suffix}") as part:
                # newline: the bytes are the same on Windows.
                part.write_text(make(table), encoding="utf-8", newline="")


def all_tables(report: Report) -> Iterator[Table]:
    """Of the sections, then of the verdicts."""
    for section in report.sections:
        yield from section.tables
    yield from verdict_tables(report.verdicts)


def columns(table: Table) -> tuple[Column, ...]:
    """As the tables of the programs have them."""
    return tuple(
        Column(head=head.text, align="right" if head.numeric else "left", better=head.better)
        for head in table.heads
    )


def to_markdown(table: Table) -> str:
    """A pipe table: best bold, second best underlined, muted in italics; a rule is an empty row."""
    rows = []
    for position, row in enumerate(table.rows):
        if position in table.rules:
            rows.append([""] * len(table.heads))
        rows.append([_markdown_cell(cell) for cell in row])
    own = columns(table)
    grid = pipe_table([escape_markdown(column.title) for column in own], [c.align for c in own], rows)
    title = f"**{escape_markdown(table.title)}** {escape_markdown(table.caption)}".rstrip()
    return f"{title}\n\n{grid}{markdown_notes(table.notes)}"


def _markdown_cell(cell: Cell) -> str:
    text = escape_markdown(cell.text)
    if not text:
        return ""
    if cell.mark == "best":
        return f"**{text}**"
    if cell.mark == "second":
        return f"<u>{text}</u>"
    return f"*{text}*" if cell.muted else text


def to_latex(table: Table) -> str:
    """A booktabs table with caption and label: best bold, second best underlined, muted in italics."""
    caption = " ".join(
        escape_latex(text) for text in (f"{table.title}.", table.caption, *table.notes) if text
    )
    grid = tabular(columns(table), (map(_latex_cell, row) for row in table.rows), table.rules)
    return (
        "% \\usepackage{booktabs} \\usepackage[T1]{fontenc}\n"
        f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n\\label{{tab:{table.id}}}\n"
        f"{grid}\\end{{table}}\n"
    )


def _latex_cell(cell: Cell) -> str:
    text = latex_cell(cell.text)
    if not text:
        return ""
    if cell.mark == "best":
        return f"\\textbf{{{text}}}"
    if cell.mark == "second":
        return f"\\underline{{{text}}}"
    return f"\\textit{{{text}}}" if cell.muted else text


def to_csv(table: Table) -> str:
    """A header and the rows; a number with all its digits where the table has it, whatever is printed elsewhere."""
    rows = ([_value(cell, head) for cell, head in zip(row, table.heads, strict=True)] for row in table.rows)
    return write_csv([head.text for head in table.heads], rows)


def _value(cell: Cell, head: Head) -> str | float:
    """As printed where that is the whole number, or no number at all: a pair, an interval, a misprint."""
    if not head.numeric or cell.sort is None:
        return cell.text
    # "12%" is 0.12 in `sort`, and "3.27*" has more digits there: the CSV has the number itself.
    shown = _number(cell.text)
    return cell.text if shown is None or shown == cell.sort else cell.sort


def _number(text: str) -> float | None:
    """Of a text that is one, whatever mark is behind it."""
    try:
        return float(text.removesuffix("*").removesuffix("%"))
    except ValueError:
        return None


FORMATS: Mapping[str, Callable[[Table], str]] = {"md": to_markdown, "tex": to_latex, "csv": to_csv}
