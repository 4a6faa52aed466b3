"""Every printed number beside ours, a table for each place that printed it; and a preference study as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.formatting import counted, ends, listed
from reports.load.results import SHORT
from reports.parts import Cell, Head, Table, Verdict
from reports.tables.quality import SIC
from reports.verdicts.rows import VerdictRow, counts, verdict_rows

HEADS = (
    Head(text="id", numeric=False),
    Head(text="row", numeric=False),
    Head(text="column", numeric=False),
    Head(text="printed"),
    Head(text="status", numeric=False),
    Head(text="this run"),
    Head(text="difference"),
    Head(text="95 %", numeric=False),
    Head(text="verdict", numeric=False),
    Head(text="reason, or command", numeric=False),
)
STRENGTH_DECIMALS = 2


def verdict_tables(verdicts: Sequence[Verdict]) -> Iterator[Table]:
    """In the order of the paper, then of the literature."""
    places: dict[str, list[VerdictRow]] = {}
    for row in verdict_rows(verdicts):
        places.setdefault(row.verdict.cell.id.partition(".")[0], []).append(row)
    for source, rows in places.items():
        places_named = dict.fromkeys(row.verdict.cell.where for row in rows)
        tally = counts([row.verdict for row in rows])
        yield Table(
            id=f"verdicts-{source}",
            title=f"Number by number: {listed(places_named)}",
            caption=", ".join(f"{n} {judgement}" for judgement, n in tally.items() if n) + ".",
            heads=HEADS,
            rows=tuple(_row(row) for row in rows),
        )


def _row(row: VerdictRow) -> tuple[Cell, ...]:
    verdict, cell = row.verdict, row.verdict.cell
    standing = f"{cell.standing} of {cell.likely}" if cell.likely else cell.standing
    return (
        Cell(text=cell.id),
        Cell(text=cell.row),
        Cell(text=cell.column),
        Cell(text=cell.printed + SIC * bool(cell.likely), sort=cell.value, note=cell.remark),
        Cell(text=standing),
        Cell(text=row.ours, sort=verdict.ours, certificate=verdict.certificate),
        Cell(text=row.difference, sort=verdict.difference),
        Cell(text=row.interval),
        Cell(text=verdict.judgement),
        Cell(text="; ".join(text for text in (verdict.why, verdict.command) if text)),
    )


def preference_tables(number: int, study: Mapping[str, Any]) -> Iterator[Table]:
    """What the workers answered, and the models ranked by it; `study` as `bench.preference score --json` wrote it."""
    where = f"{study['dataset']} x{study['scale']}, protocol {study['protocol']} ({study['protocol_hash'][:SHORT]})"
    workers = f"{counted(study['n_workers'], 'worker')}, {counted(study['n_votes'], 'vote')}"
    yield Table(
        id=f"preference-{number}-pairs",
        title="Which of two images people prefer",
        caption=f"{where}; {workers}. Share of the images on which a majority prefers one; share of all votes with "
        "Wilson's 95 % interval; agreement of two votes on one image, and Krippendorff's alpha.",
        heads=(
            Head(text="A", numeric=False),
            Head(text="B", numeric=False),
            *map(_head, ("images", "A", "ties", "B", "votes", "for A", "95 %", "agreement", "alpha")),
        ),
        rows=tuple(_pair(pair) for pair in study["pairs"]),
        notes=tuple(_study_notes(study)),
    )
    yield Table(
        id=f"preference-{number}-ranking",
        title="Ranking",
        caption=f"{where}. Strengths of Bradley and Terry's model, log-odds with mean 0; bootstrap over images.",
        heads=(Head(text="model", numeric=False), Head(text="strength", better="higher"), Head(text="95 %")),
        rows=tuple(_ranked(ranked) for ranked in study["ranking"]),
    )


def _head(text: str) -> Head:
    return Head(text=text)


def _pair(pair: Mapping[str, Any]) -> tuple[Cell, ...]:
    low, high = pair["vote_share_a_interval"]
    return (
        Cell(text=pair["a"]),
        Cell(text=pair["b"]),
        Cell(text=str(pair["images"]), sort=pair["images"]),
        _share(pair["share_a"]),
        Cell(text=str(pair["ties"]), sort=pair["ties"]),
        _share(pair["share_b"]),
        Cell(text=str(pair["votes"]), sort=pair["votes"]),
        _share(pair["vote_share_a"]),
        # Wilson's interval of no votes is 0 to 1.
        Cell(text=f"{low:.0%} to {high:.0%}" if pair["votes"] else ""),
        _share(pair["agreement"]),
        Cell(text="" if pair["alpha"] is None else f"{pair['alpha']:.2f}", sort=pair["alpha"]),
    )


def _share(value: float | None) -> Cell:
    return Cell(text="" if value is None else f"{value:.0%}", sort=value)


def _ranked(ranked: Mapping[str, Any]) -> tuple[Cell, ...]:
    interval = ranked["interval"]
    return (
        Cell(text=ranked["model"]),
        Cell(text=f"{ranked['strength']:+.2f}", sort=ranked["strength"]),
        Cell(text="" if interval is None else ends(tuple(interval), STRENGTH_DECIMALS, sign=True)),
    )


def _study_notes(study: Mapping[str, Any]) -> Iterator[str]:
    if study["n_dropped"]:
        yield (
            f"{counted(study['n_dropped'], 'worker')} dropped: less than {study['least_right']:.0%} of the attention "
            "checks answered correctly."
        )
    if study["n_refused"]:
        yield f"{counted(study['n_refused'], 'file')} of answers refused."
    if study["contradictions"]:
        yield f"{study['contradictions']} answers skipped: two files of one worker differ in them."
