"""A report as the JSON that `templates/report.typ` typesets: texts, numbers and file names, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reports.parts import JUDGEMENTS, Cell, Figure, Head, Report, Section, Table
from reports.writers.pdf_certificates import certificates
from reports.writers.pdf_methods import methods
from reports.writers.pdf_text import TEXT_LIMIT, cut
from reports.writers.pdf_verdicts import verdicts

ABOUT = (
    "This report sets every number of Johnson, Alahi and Fei-Fei, Perceptual Losses for Real-Time Style Transfer and "
    "Super-Resolution (2016), beside what perceptual-bench measured under a declared protocol. Each measured number "
    "leads to a certificate that says what was run, with which command and on which machine."
)
RUNNING_HEAD_LIMIT = 80
NUMBER = re.compile(r"[-+\u2212]?\d+(\.\d*)?")
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
    links = report.results.certificates.keys()
    own = (verdicts(report.verdicts), methods(report.results), certificates(report.results))
    sections = [_without_verdicts(section) for section in report.sections]
    appendices = [_joined([s for s in sections if s.id == section.id], section) for section in own]
    return {
        "title": report.title,
        "running": cut(report.title, RUNNING_HEAD_LIMIT),
        "made": f"{made(report):%Y-%m-%d %H:%M} UTC",
        "version": report.version,
        "about": ABOUT,
        "summary": [*report.summary, *report.results.notes],
        "counts": [
            {"judgement": judgement, "count": str(report.counts[judgement])}
            for judgement in JUDGEMENTS
            if judgement in report.counts
        ],
        "sections": [
            _section(section, images, links, small=False)
            for section in sections
            if section.id not in {s.id for s in own}
        ],
        "appendices": [
            _section(section, images, links, small=section.id != "methods") for section in appendices
        ],
    }


def _without_verdicts(section: Section) -> Section:
    """Tables called `verdicts-...` are made for files; on paper those of :mod:`.pdf_verdicts` take their place."""
    return replace(section, tables=tuple(t for t in section.tables if not t.id.startswith("verdicts-")))


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


def _section(section: Section, images: Mapping[str, str], links: AbstractSet[str], *, small: bool) -> Record:
    return {
        "title": section.title,
        "text": list(section.text),
        "tables": [_table(table, links, small) for table in section.tables],
        "figures": [_figure(figure, images) for figure in section.figures],
    }


def _figure(figure: Figure, images: Mapping[str, str]) -> Record:
    image = images.get(figure.id, "")
    return {
        "title": figure.title,
        "caption": figure.caption,
        "image": image,
        "alt": figure.alt or figure.title,
        "reason": "" if image else figure.reason or "This figure was not drawn.",
        "command": figure.command,
        "wide": figure.wide,
    }


def _table(table: Table, links: AbstractSet[str], small: bool) -> Record:
    columns = [
        _column([row[j] for row in table.rows], head.numeric, links, table.id == "certificates")
        for j, head in enumerate(table.heads)
    ]
    return {
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
    return len(text) - 0.5 * sum(map(text.count, NARROW)) + 0.5 * sum(map(text.count, WIDE))


def _column(cells: Sequence[Cell], numeric: bool, links: AbstractSet[str], anchors: bool) -> list[Record]:
    longest = _decimals(cell.text for cell in cells) if numeric else ""
    return [_cell(cell, numeric, longest, links, anchors) for cell in cells]


def _decimals(texts: Iterable[str]) -> str:
    """The longest part from the point on, among the plain numbers of a column."""
    tails = (match[1] or "" for match in map(NUMBER.fullmatch, texts) if match)
    return max(tails, key=len, default="")


def _cell(cell: Cell, numeric: bool, longest: str, links: AbstractSet[str], anchors: bool) -> Record:
    """Only what is not the default, for there are thousands. `tail` is what is missing to align at the point."""
    text = cut(cell.text, TEXT_LIMIT)
    number = NUMBER.fullmatch(text) if numeric else None
    known = cell.certificate in links
    fields = {
        "text": MINUS + text[1:] if numeric and re.match(r"-\d", text) else text,
        "tail": longest[len(number[1] or "") :] if number else "",
        "best": cell.mark == "best",
        "second": cell.mark == "second",
        "muted": cell.muted,
        "anchor": cell.certificate if known and anchors else "",
        "link": cell.certificate if known and not anchors else "",
    }
    return {key: value for key, value in fields.items() if value}
