"""Every number that the paper printed, beside ours, as one table for each place that printed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.load.paper import Standing
from reports.parts import Cell, Head, Section, Table, Verdict
from reports.verdicts.rows import VerdictRow, verdict_rows

STANDINGS: Mapping[Standing, str] = {
    "printed": "",
    "misprint": "misprint",
    "digitised": "read off a curve",
    "memory": "from memory",
    "calculated": "calculated",
}


def verdicts(found: Sequence[Verdict]) -> Section:
    """The tables, in the order of the cells; equal remarks of a table share a note."""
    places: dict[str, list[VerdictRow]] = {}
    for row in verdict_rows(found):
        places.setdefault(row.verdict.cell.where, []).append(row)
    return Section(
        id="verdicts",
        title="Verdicts",
        text=(
            "A difference is ours minus the printed number; of a time it is the factor, ours over the printed one. "
            "Intervals are of our number. Numbers in the last column refer to the notes below each table.",
        )
        if found
        else ("There are no verdicts in this report.",),
        tables=tuple(_table(i, where, rows) for i, (where, rows) in enumerate(places.items(), 1)),
    )


def _table(number: int, where: str, rows: Sequence[VerdictRow]) -> Table:
    remarks = {row: _remarks(row.verdict) for row in rows}
    numbers: dict[str, int] = {}
    for text in (text for row in rows for text in remarks[row]):
        numbers.setdefault(text, len(numbers) + 1)
    units = {row.verdict.cell.unit for row in rows}
    shared = len(units) == 1
    protocols = ", ".join(
        dict.fromkeys(row.verdict.cell.protocol for row in rows if row.verdict.cell.protocol)
    )
    return Table(
        id=f"verdicts-{number}",
        title=f"{where}: verdicts",
        caption=f"Protocol: {protocols}." if protocols else "",
        heads=_heads(units.pop() if len(units) == 1 else ""),
        rows=tuple(_row(row, [numbers[text] for text in remarks[row]], shared) for row in rows),
        notes=tuple(f"({i}) {text}" for text, i in numbers.items()),
    )


def _heads(unit: str) -> tuple[Head, ...]:
    """`unit` is that of all numbers; empty where there is none, or several."""
    number = f", {unit}" if unit else ""
    return (
        Head(text="row", numeric=False),
        Head(text="column", numeric=False),
        Head(text=f"printed{number}"),
        Head(text=f"ours{number}"),
        Head(text="difference"),
        Head(text="95 % interval"),
        Head(text="verdict", numeric=False),
        Head(text="note", numeric=False),
    )


def _row(row: VerdictRow, notes: Sequence[int], unit_in_head: bool) -> tuple[Cell, ...]:
    verdict = row.verdict
    cell = verdict.cell
    return (
        Cell(text=cell.row),
        Cell(text=cell.column if unit_in_head or not cell.unit else f"{cell.column}, {cell.unit}"),
        Cell(text=cell.printed),
        Cell(text=row.ours, certificate=verdict.certificate),
        Cell(text=row.difference),
        Cell(text=row.interval),
        Cell(text=verdict.judgement, muted=verdict.judgement in {"not run", "cannot be reproduced"}),
        Cell(text=", ".join(map(str, notes))),
    )


def _remarks(verdict: Verdict) -> tuple[str, ...]:
    """What is known of the printed number, then why the judgement is what it is, then what would run it."""
    cell = verdict.cell
    standing = STANDINGS[cell.standing]
    if cell.likely:
        standing = f"{standing} of {cell.likely}".strip()
    about = "; ".join(part for part in (standing, cell.remark) if part)
    texts = (about, verdict.why, f"Would run it: {verdict.command}" if verdict.command else "")
    return tuple(text for text in texts if text)
