"""Every printed number: beside this run's where it has one, the others in one short table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reports.load.paper import Standing
from reports.parts import Cell, Head, Scoring, Section, Table, Verdict
from reports.verdicts.rows import VerdictRow, verdict_rows
from reports.writers.pdf_references import References

BRING = "not part of the suite: add each with --models FILE,name=NAME"
NAMED = 6
STANDINGS: Mapping[Standing, str] = {
    "printed": "",
    "misprint": "misprint",
    "digitised": "read off a curve",
    "calculated": "calculated",
}


def verdicts(found: Sequence[Verdict], known: References) -> Section:
    """Numbers with a value of this run, place by place; then all others in one table, grouped by why they have none."""
    places: dict[str, list[VerdictRow]] = {}
    for row in verdict_rows([verdict for verdict in found if verdict.ours is not None]):
        places.setdefault(row.verdict.cell.where, []).append(row)
    pending = tuple(_pending([verdict for verdict in found if verdict.ours is None], known))
    return Section(
        id="verdicts",
        title="Verdicts on printed numbers",
        text=(
            "A difference is this run minus the printed number; of a time it is the factor, this run over the printed "
            "one. Intervals are of this run. Numbers in the last column refer to the notes below each table.",
        )
        if found
        else ("There are no verdicts in this report.",),
        tables=(*(_table(i, where, rows) for i, (where, rows) in enumerate(places.items(), 1)), *pending),
    )


def _pending(found: Sequence[Verdict], known: References) -> Iterator[Table]:
    """A row for each source, verdict and reason; commands that differ in data set or model alone are one."""
    if not found:
        return
    groups: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in found:
        # What was only not run is grouped by its source, and its commands are joined below.
        reason = (
            BRING
            if verdict.missing == "checkpoint"
            else verdict.why
            if verdict.judgement != "not run"
            else ""
        )
        source = verdict.cell.where
        groups.setdefault((source, verdict.judgement, reason), []).append(verdict)
    rows = []
    for (where, judgement, reason), own in groups.items():
        number = known.number(where)
        named = judgement != "not run" and not reason.startswith(judgement)
        parts = [f"{judgement}: {reason}" if named else reason, *([] if reason else _reasons(own))]
        subjects = list(dict.fromkeys(_subject(verdict) for verdict in own))
        more = [f"{len(subjects) - NAMED} more"] if len(subjects) > NAMED else []
        rows.append(
            (
                Cell(text=f"{where} [{number}]" if number else where),
                Cell(text=", ".join([*subjects[:NAMED], *more])),
                Cell(text=str(len(own)), sort=len(own)),
                Cell(text="; ".join(part for part in parts if part)),
            )
        )
    yield Table(
        id="pending",
        title="Printed numbers without a value of this run",
        caption="Grouped by source and reason; n is how many numbers. Those with a command alone were not run. The "
        "attachment has them one by one.",
        heads=(
            Head(text="source", numeric=False),
            Head(text="of", numeric=False),
            Head(text="n"),
            Head(text="why, or the command that measures them", numeric=False),
        ),
        rows=tuple(rows),
    )


def _subject(verdict: Verdict) -> str:
    """The method or curve of a printed number, without the metric."""
    column = verdict.cell.column
    method, _, _ = column.rpartition(", ")
    return method if method and verdict.cell.protocol else column


def _reasons(found: Sequence[Verdict]) -> list[str]:
    """Why they were not run, in few words, and the fewest commands that would."""
    scorings: dict[tuple[str, ...], Scoring] = {}
    others: dict[str, None] = {}
    for verdict in found:
        own = verdict.scoring
        if own is None:
            # A dict as a set that keeps its order.
            others |= {verdict.command: None} if verdict.command else {}
            continue
        known = scorings.get(own.options, own)
        scorings[own.options] = Scoring(
            datasets=tuple(dict.fromkeys(known.datasets + own.datasets)),
            models=tuple(dict.fromkeys(known.models + own.models)),
            options=own.options,
        )
    whys = dict.fromkeys(v.why for v in found if v.why and v.missing != "weights")
    return [*whys, *(scoring.command for scoring in scorings.values()), *others]


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
        title=where,
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
        Head(text=f"this run{number}"),
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
    """What is known of the printed number, then why the judgement is what it is."""
    cell = verdict.cell
    standing = STANDINGS[cell.standing]
    if cell.likely:
        standing = f"{standing} of {cell.likely}".strip()
    about = "; ".join(part for part in (standing, cell.remark) if part)
    return tuple(text for text in (about, verdict.why) if text)
