"""A report as the JSON that `templates/report.typ` typesets: texts, numbers and file names, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reports.parts import Cell, Figure, Head, Report, Section, Table
from reports.writers.pdf_citing import Numbers, numbered
from reports.writers.pdf_methods import heads, methods, row
from reports.writers.pdf_provenance import ATTACHMENT, provenance
from reports.writers.pdf_published import gathered
from reports.writers.pdf_references import METRICS_OF, PAPER, References, references
from reports.writers.pdf_text import TEXT_LIMIT, cut
from reports.writers.pdf_verdicts import verdicts

RUNNING_HEAD_LIMIT = 80
NUMBER = re.compile(r"[-+\u2212]?\d+(\.\d*)?")  # \u2212: a minus sign
DIGIT = re.compile(r"\d")
NARROW, WIDE, SAMPLES = "iljtfr.,:;|'-() ", "mwMW@QOGDH%", 60
ARROWS = {"higher": "↑", "lower": "↓", "": ""}
MINUS, NO_BREAK = "\u2212", "\u00a0"

Record = dict[str, Any]


def document(report: Report, images: Mapping[str, str]) -> Record:
    """All that is printed, in order.

    Args:
        images: file name of each figure that has one, by the figure's id.
    """
    sources = [verdict.cell.where for verdict in report.verdicts]
    known = references(report.results, sources)
    lead = next((figure for figure in report.drawn if figure.id == report.lead and figure.id in images), None)
    # On paper nothing unfolds: published rows become a table of their own, folded sections appendices.
    body = [gathered(section, known) for section in report.sections if not section.folded]
    own = (
        verdicts(report.verdicts, known),
        methods(report.results),
        *_absent(report),
        provenance(report.results),
    )
    folded = [section for section in report.sections if section.folded]
    theirs = {section.id: section for section in (*body, *folded)}
    # A section whose id an appendix has (`protocols`) stands at the beginning of that appendix, once.
    sections = [section for section in body if section.id not in {s.id for s in own}]
    appendices = [
        *(section for section in folded if section.id not in {s.id for s in own}),
        *(_joined([theirs[section.id]] if section.id in theirs else [], section) for section in own),
    ]
    sections = [s for s in sections if s.text or s.tables or any(f.id in images for f in s.figures)]
    # Only now: numbers follow the order in which everything is printed.
    numbers = numbered((*sections, *appendices), lead, images)
    led = _place(report, lead)
    return {
        "title": report.title,
        "running": cut(report.title, RUNNING_HEAD_LIMIT),
        "made": f"{made(report):%Y-%m-%d %H:%M} UTC",
        "version": report.version,
        "abstract": [*({"text": sentence} for sentence in report.abstract), *_compared(known)],
        "headlines": [{"value": h.value, "title": h.title} for h in report.headlines],
        "findings": [*report.summary, *report.results.notes],
        "lead": _figure(lead, images, numbers) if lead else None,
        "sections": [
            _section(section, images, numbers, known, lead if section.id == led else None, small=False)
            for section in sections
        ],
        "references": known.texts,
        "appendices": [
            _section(section, images, numbers, known, lead if section.id == led else None, small=True)
            for section in appendices
        ],
        "attachment": ATTACHMENT,
    }


def _compared(known: References) -> list[Record]:
    """What the numbers are held against."""
    paper = known.number(PAPER)
    return [
        {"text": "The numbers are compared with those that J. Johnson, A. Alahi and L. Fei-Fei print in"},
        {"text": "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", "style": "italic"},
        {"text": "(ECCV 2016)"},
        {"text": f"[{paper}]", "to": f"reference-{paper}"},
        {"text": ".", "glued": True},
        {
            "text": "The protocol, the machine and the command behind every measured number are in the attachment."
        },
    ]


def _place(report: Report, lead: Figure | None) -> str:
    """Id of the section that the lead figure is taken from."""
    return next((s.id for s in report.sections if lead is not None and lead in s.figures), "")


def _absent(report: Report) -> tuple[Section, ...]:
    """The figures that were not drawn, equal reasons and commands in one row."""
    groups: dict[tuple[str, str], list[str]] = {}
    for figure in report.absent:
        groups.setdefault((figure.reason or "not drawn", figure.command), []).append(figure.title)
    if not groups:
        return ()
    table = Table(
        id="absent",
        title="Figures not in this report",
        caption="",
        heads=heads("figure", "reason", "command"),
        rows=tuple(row("; ".join(titles), *key) for key, titles in groups.items()),
    )
    return (Section(id="absent", title="Not in this report", tables=(table,)),)


def _joined(theirs: Sequence[Section], own: Section) -> Section:
    """An appendix begins with what the report itself has in a section of the same id."""
    parts = (*theirs, own)
    return replace(
        own,
        text=tuple(text for part in parts for text in part.text),
        tables=tuple(table for part in parts for table in part.tables),
        figures=tuple(figure for part in parts for figure in part.figures),
    )


def made(report: Report) -> datetime:
    """When the report was made; a stamp without a zone is UTC."""
    stamp = datetime.fromisoformat(report.made)
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def _section(
    section: Section,
    images: Mapping[str, str],
    numbers: Numbers,
    known: References,
    lead: Figure | None,
    *,
    small: bool,
) -> Record:
    """The lead figure is cited where it belongs, and not printed again."""
    figures = [f for f in section.figures if f.id in images and f is not lead]
    return {
        "title": section.title,
        "text": list(section.text),
        "cited": [*numbers.cited(replace(section, figures=tuple(figures)), lead), *_metrics(section, known)],
        "tables": [_table(table, numbers.tables[table.id], small) for table in section.tables],
        "figures": [_figure(figure, images, numbers) for figure in figures],
    }


def _metrics(section: Section, known: References) -> list[Record]:
    """Of the section with the scores: the metrics, each with its reference."""
    if not any(table.id.startswith("quality-") for table in section.tables):
        return []
    found = [(name, number) for key, name in METRICS_OF.items() if (number := known.number(key))]
    pieces: list[Record] = []
    for name, number in found:
        pieces += [
            *([{"text": ",", "glued": True}] if pieces else [{"text": "Metrics besides PSNR:"}]),
            {"text": name},
            {"text": f"[{number}]", "to": f"reference-{number}"},
        ]
    return [*pieces, {"text": ".", "glued": True}] if pieces else []


def _figure(figure: Figure, images: Mapping[str, str], numbers: Numbers) -> Record:
    return {
        "number": numbers.figures[figure.id],
        "title": figure.title,
        "caption": figure.caption,
        "image": images[figure.id],
        "alt": figure.alt or figure.title,
        "wide": figure.wide,
    }


def _table(table: Table, number: int, small: bool) -> Record:
    columns = [_column([row[j] for row in table.rows], head.numeric) for j, head in enumerate(table.heads)]
    return {
        "number": number,
        "title": table.title,
        "caption": table.caption,
        "heads": [_head(head, column) for head, column in zip(table.heads, columns, strict=True)],
        "rows": [list(row) for row in zip(*columns, strict=True)],
        "rules": sorted(set(table.rules)),
        "notes": list(table.notes),
        "small": small,
    }


def _head(head: Head, column: Sequence[Record]) -> Record:
    arrow = ARROWS[head.better]
    return {
        "text": head.text if not arrow or arrow in head.text else f"{head.text}{NO_BREAK}{arrow}",
        "numeric": head.numeric,
        "bold": any("best" in cell for cell in column),
        "samples": _samples(column),
    }


def _samples(column: Sequence[Record]) -> list[str]:
    """The few texts that tell how wide a column is; digits are equally wide, so one stands for all."""
    texts = {DIGIT.sub("0", cell.get("text", "") + cell.get("tail", "")) for cell in column}
    return sorted(texts, key=lambda text: (-_about_wide(text), text))[:SAMPLES]


def _about_wide(text: str) -> float:
    # Good enough to choose the few texts that typst itself measures.
    return len(text) - 0.5 * sum(map(text.count, NARROW)) + 0.5 * sum(map(text.count, WIDE))


def _column(cells: Sequence[Cell], numeric: bool) -> list[Record]:
    longest = _decimals(cell.text for cell in cells) if numeric else ""
    return [_cell(cell, numeric, longest) for cell in cells]


def _decimals(texts: Iterable[str]) -> str:
    """The longest part from the point on, among the plain numbers of a column."""
    tails = (match[1] or "" for match in map(NUMBER.fullmatch, texts) if match)
    return max(tails, key=len, default="")


def _cell(cell: Cell, numeric: bool, longest: str) -> Record:
    """Only what is not the default, for there are thousands. `tail` is what is missing to align at the point."""
    text = cut(cell.text, TEXT_LIMIT)
    number = NUMBER.fullmatch(text) if numeric else None
    fields = {
        "text": MINUS + text[1:] if numeric and re.match(r"-\d", text) else text,
        "tail": longest[len(number[1] or "") :] if number else "",
        "best": cell.mark == "best",
        "second": cell.mark == "second",
        "muted": cell.muted,
    }
    return {key: value for key, value in fields.items() if value}
