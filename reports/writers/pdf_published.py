"""Published rows of the quality tables as one table for each protocol: a row for each method and source, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reports.parts import Cell, Head, Section, Table
from reports.tables.quality import PUBLISHED_NOTE
from reports.writers.pdf_references import References

PUBLISHED = "published"


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The published rows of one table.

    Attributes:
        rows: by method and source.
        columns: positions of the columns that hold a published number.
    """

    table: Table
    dataset: str
    rows: Mapping[tuple[str, str], tuple[Cell, ...]]
    columns: tuple[int, ...]


def gathered(section: Section, known: References) -> Section:
    """The section with the published parts of its tables taken out, and tables of them at the end."""
    found: dict[tuple[str, int], list[_Part]] = {}
    tables = []
    for table in section.tables:
        own, part, title, scale = _parted(table)
        tables.append(own)
        if part:
            found.setdefault((title, scale), []).append(part)
    merged = [_merged(i, *key, parts, known) for i, (key, parts) in enumerate(found.items(), 1)]
    return replace(section, tables=(*tables, *merged))


def _parted(table: Table) -> tuple[Table, _Part | None, str, int]:
    """A table of one published part without it; any other as it is."""
    published = table.published
    if len(table.parts) != 1 or published is None:
        return table, None, "", 0
    ((start, title),) = table.parts
    own, rows = table.rows[:start], table.rows[start:]
    columns = tuple(j for j in range(1, len(table.heads)) if any(row[j].text for row in rows))
    part = _Part(
        table=table,
        dataset=published.dataset,
        rows=dict(zip(published.names, rows, strict=True)),
        columns=columns,
    )
    notes = tuple(note for note in table.notes if note != PUBLISHED_NOTE)
    rules = tuple(rule for rule in table.rules if rule < start)
    return (
        replace(table, rows=own, rules=rules, notes=notes, parts=(), published=None),
        part,
        title,
        published.scale,
    )


def _merged(number: int, title: str, scale: int, parts: Sequence[_Part], known: References) -> Table:
    names = dict.fromkeys(name for part in parts for name in part.rows)
    heads = [
        replace(part.table.heads[j], text=f"{part.dataset} {part.table.heads[j].text}")
        for part in parts
        for j in part.columns
    ]
    rows = []
    for name in names:
        method, source = name
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
