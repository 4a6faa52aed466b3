"""Tables as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.escapes import escape_csv, escape_latex, escape_markdown
from bench.files.replacing import replacing
from reports.parts import Cell, Head, Report, Table
from reports.tables.verdicts import verdict_tables

ARROWS = {"": "", "higher": " ↑", "lower": " ↓"}


def write_tables(report: Report, folder: Path) -> None:
    """`folder/ID.md`, `ID.tex` and `ID.csv` of every table, those of all verdicts among them.

    Raises:
        OSError: the folder cannot be written.
    """
    for table in all_tables(report):
        for suffix, make in FORMATS.items():
            with replacing(folder / f"{table.id}.{suffix}") as part:
                part.write_text(make(table), encoding="utf-8", newline="")


def all_tables(report: Report) -> Iterator[Table]:
    """Of the sections, then of the verdicts."""
    for section in report.sections:
        yield from section.tables
    yield from verdict_tables(report.verdicts)


def to_markdown(table: Table) -> str:
    """A pipe table: best bold, second best underlined, muted in italics; a rule is an empty row."""
    width = len(table.heads)
    lines = [
        [escape_markdown(_head(head)) for head in table.heads],
        ["---:" if head.numeric else "---" for head in table.heads],
    ]
    for position, row in enumerate(table.rows):
        if position in table.rules:
            lines.append([""] * width)
        lines.append([_markdown_cell(cell) for cell in row])
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    title = f"**{escape_markdown(table.title)}** {escape_markdown(table.caption)}".rstrip()
    notes = "".join(f"\n{escape_markdown(note)}\n" for note in table.notes)
    return f"{title}\n\n{body}{notes}"


def _head(head: Head) -> str:
    return head.text + ARROWS[head.better]


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
    columns = "".join("r" if head.numeric else "l" for head in table.heads)
    heads = " & ".join(escape_latex(_head(head)) for head in table.heads)
    rows = "".join(
        ("\\midrule\n" if position in table.rules else "")
        + " & ".join(_latex_cell(cell) for cell in row)
        + " \\\\\n"
        for position, row in enumerate(table.rows)
    )
    caption = " ".join(
        escape_latex(text) for text in (f"{table.title}.", table.caption, *table.notes) if text
    )
    return (
        "% \\usepackage{booktabs} \\usepackage[T1]{fontenc}\n"
        f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n\\label{{tab:{table.id}}}\n"
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{heads} \\\\\n\\midrule\n{rows}\\bottomrule\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def _latex_cell(cell: Cell) -> str:
    """Braces around what begins with `[`, which would be an argument of the line break before it."""
    text = escape_latex(cell.text)
    if text.startswith(("[", "*")):
        text = f"{{{text}}}"
    if not text:
        return ""
    if cell.mark == "best":
        return f"\\textbf{{{text}}}"
    if cell.mark == "second":
        return f"\\underline{{{text}}}"
    return f"\\textit{{{text}}}" if cell.muted else text


def to_csv(table: Table) -> str:
    """A header and the rows; a number with all its digits where the table has it, whatever is printed elsewhere."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([escape_csv(head.text) for head in table.heads])
    writer.writerows(
        [_csv_cell(cell, head) for cell, head in zip(row, table.heads, strict=True)] for row in table.rows
    )
    return text.getvalue()


def _csv_cell(cell: Cell, head: Head) -> str:
    """As printed where that is the whole number, or no number at all: a pair, an interval, a misprint."""
    if not head.numeric or cell.sort is None:
        return escape_csv(cell.text)
    shown = _number(cell.text)
    return escape_csv(cell.text) if shown is None or shown == cell.sort else repr(cell.sort)


def _number(text: str) -> float | None:
    """Of a text that is one, whatever mark is behind it."""
    try:
        return float(text.removesuffix("*").removesuffix("%"))
    except ValueError:
        return None


FORMATS: Mapping[str, Callable[[Table], str]] = {"md": to_markdown, "tex": to_latex, "csv": to_csv}
