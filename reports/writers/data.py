"""The report for programs: verdicts, tables and provenance as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.atomic import atomic_write
from reports.load.results import Provenance
from reports.parts import Report, Table, Verdict
from reports.writers.text_tables import all_tables

FORMAT, VERSION = "perceptual-bench report", 1
SELDOM = ("config", "contributor")
# Fields for other writers: the names of the JSON are public, and stay what they are.
OF_TABLES = ("published",)
OF_VERDICTS = ("scoring", "missing")


def write_data(report: Report, file: Path) -> None:
    """Write :func:`to_json`.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(file) as part:
        part.write_text(to_json(report), encoding="utf-8", newline="\n")


def to_json(report: Report) -> str:
    """One object. JSON has no infinity: it is the string "inf"."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "title": report.title,
        "made": report.made,
        "suite": report.version,
        "stores": report.results.stores,
        "summary": report.summary,
        "notes": report.results.notes,
        "counts": dict(report.counts),
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
        "tables": [_table(table) for table in all_tables(report)],
        "figures": [
            {"id": f.id, "title": f.title, "reason": f.reason, "command": f.command}
            for section in report.sections
            for f in section.figures
        ],
        "certificates": {key: _provenance(c) for key, c in report.results.provenance.items()},
        "environments": dict(report.results.environments),
    }
    return json.dumps(_plain(document), indent=1, allow_nan=False) + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    # Flat, a printed number and ours side by side: names of the JSON are public and stay.
    fields = _without(asdict(verdict), OF_VERDICTS)
    return {**fields.pop("cell"), **fields}


def _table(table: Table) -> dict[str, Any]:
    """Its fields; the choices of rows where there are any."""
    fields = _without(asdict(table), OF_TABLES)
    return fields if table.choices else _without(fields, ("choices",))


def _without(fields: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _provenance(found: Provenance) -> dict[str, Any]:
    """Its fields; of a run, what few runs have (a config file, a contributor) where there is any."""
    runs = [{k: v for k, v in asdict(run).items() if v or k not in SELDOM} for run in found.runs]
    return {**asdict(found), "runs": runs}


def _plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
