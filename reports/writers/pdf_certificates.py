"""What the numbers of the PDF lead to: a line per certificate, and a line per run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from bench.contents import StoredRun
from reports.load.results import SHORT, Certificate, Results
from reports.parts import Cell, Section, Table
from reports.writers.pdf_methods import heads, row


def certificates(results: Results) -> Section:
    """One line per certificate, and one per run that certificates refer to."""
    found = results.certificates
    runs = {(run.store, run.id): run for c in found.values() for run in c.runs}
    numbers = {key: f"R{i}" for i, key in enumerate(runs, 1)}
    machines = {digest: f"M{i}" for i, digest in enumerate(results.environments, 1)}
    tables = (_runs(runs, numbers, machines), _certificates(found, numbers, machines)) if found else ()
    return Section(
        id="certificates",
        title="Certificates",
        text=(
            "A measured number in this report leads to its certificate: what was measured, under which protocol, in "
            "which run. The results files hold the full hashes, definitions and raw values.",
        ),
        tables=tables,
    )


def _runs(
    runs: Mapping[tuple[str, int], StoredRun],
    numbers: Mapping[tuple[str, int], str],
    machines: Mapping[str, str],
) -> Table:
    return Table(
        id="runs",
        title="Runs",
        caption="Each start of a program that a certificate refers to. Times are UTC.",
        heads=heads("run", "started", "finished", "machine", "results file", "command"),
        rows=tuple(
            row(
                numbers[key],
                moment(run.started),
                moment(run.finished) if run.finished else "stopped",
                machines.get(run.environment_hash, run.environment_hash[:SHORT]),
                f"{PurePath(run.store).name}, run {run.id}",
                run.line,
            )
            for key, run in runs.items()
        ),
    )


def _certificates(
    found: Mapping[str, Certificate], numbers: Mapping[tuple[str, int], str], machines: Mapping[str, str]
) -> Table:
    return Table(
        id="certificates",
        title="Certificates",
        caption="Hashes are cut to eight digits. Of several runs, the last is the one whose machine is named.",
        heads=heads("id", "subject", "its hash", "what", "protocol", "machine", "runs", "started"),
        rows=tuple(
            (
                Cell(text=c.id, certificate=c.id),
                *row(
                    c.subject,
                    c.subject_hash[:SHORT],
                    _what(c),
                    f"{c.protocol} {c.protocol_hash[:SHORT]}",
                    machines.get(c.environment_hash, c.environment_hash[:SHORT]),
                    ", ".join(numbers[run.store, run.id] for run in c.runs),
                    moment(c.runs[-1].started) if c.runs else "",
                ),
            )
            for c in found.values()
        ),
    )


def _what(certificate: Certificate) -> str:
    extra = certificate.extra
    if "metric" in extra:
        version = extra.get("version of the metric")
        return (
            f"{extra['metric']} v{version}" if version else f"{extra['metric']}, {extra.get('data set', '')}"
        )
    return ", ".join(f"{key} {extra[key]}" for key in ("form", "size") if key in extra)


def moment(stamp: str) -> str:
    """`2026-11-21T07:40:41+00:00` to the minute, without the zone."""
    return stamp[:16].replace("T", " ")
