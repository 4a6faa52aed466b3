"""Published rows of the quality tables as one table for each protocol: a row for each method and source, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reports.parts import Cell, Head, Section, Table
from reports.writers.pdf_references import References

# As _printed_rows() of reports.tables.quality writes them: `RCAN (RCAN 2018)`.
NAMED = re.compile(r"(?P<method>.*) \((?P<source>[^()]*)\)")
QUALITY = re.compile(r"(?P<title>[^:]*: )(?P<dataset>.*) x(?P<scale>\d+)")
PUBLISHED = "published"


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The published rows of one table.

    Attributes:
        columns: positions of the columns that hold a published number.
    """

    table: Table
    dataset: str
    rows: Mapping[str, tuple[Cell, ...]]
    columns: tuple[int, ...]


def gathered(section: Section, known: References) -> Section:
    """The section with the published parts of its tables taken out, and tables of them at the end."""
    found: dict[tuple[str, str], list[_Part]] = {}
    tables = []
    for table in section.tables:
        own, part, title, scale = _parted(table)
        tables.append(own)
        if part:
            found.setdefault((title, scale), []).append(part)
    merged = [_merged(i, *key, parts, known) for i, (key, parts) in enumerate(found.items(), 1)]
    return replace(section, tables=(*tables, *merged))


def _parted(table: Table) -> tuple[Table, _Part | None, str, str]:
    """A table of one published part without it; any other as it is."""
    names = QUALITY.fullmatch(table.title)
    if len(table.parts) != 1 or names is None:
        return table, None, "", ""
    ((start, title),) = table.parts
    own, rows = table.rows[:start], table.rows[start:]
    columns = tuple(j for j in range(1, len(table.heads)) if any(row[j].text for row in rows))
    part = _Part(
        table=table, dataset=names["dataset"], rows={row[0].text: row for row in rows}, columns=columns
    )
    notes = tuple(note for note in table.notes if not note.startswith("Published"))
    rules = tuple(rule for rule in table.rules if rule < start)
    return replace(table, rows=own, rules=rules, notes=notes, parts=()), part, title, names["scale"]


def _merged(number: int, title: str, scale: str, parts: Sequence[_Part], known: References) -> Table:
    names = dict.fromkeys(name for part in parts for name in part.rows)
    heads = [
        replace(part.table.heads[j], text=f"{part.dataset} {part.table.heads[j].text}")
        for part in parts
        for j in part.columns
    ]
    rows = []
    for name in names:
        match = NAMED.fullmatch(name)
        method, source = (match["method"], match["source"]) if match else (name, "")
        cited = known.number(source)
        cells = [
            # Grey tells published values from measured ones, and here all are published.
            replace(part.rows[name][j], muted=False) if name in part.rows else Cell(text="")
            for part in parts
            for j in part.columns
        ]
        rows.append((Cell(text=method), Cell(text=f"{source} [{cited}]" if cited else source), *cells))
    sic = any("(sic)" in cell.text for row in rows for cell in row)
    return Table(
        id=f"{PUBLISHED}-{number}",
        title=f"{title}, x{scale}",
        caption="As printed in the source named." + " (sic) marks a misprint." * sic,
        heads=(Head(text="method", numeric=False), Head(text="source", numeric=False), *heads),
        rows=tuple(rows),
    )
