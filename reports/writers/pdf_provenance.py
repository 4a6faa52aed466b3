"""Where the numbers of the PDF come from: the commands that measured them; everything else is in the attachment."""

from __future__ import annotations

from collections.abc import Mapping

from bench.storage.reader import StoredRun
from reports.formatting import counted
from reports.load.results import SHORT, Results
from reports.parts import Cell, Head, Section, Table
from reports.writers.pdf_methods import heads, row

ATTACHMENT = "report.json"
MOST_COMMANDS = 20


def provenance(results: Results) -> Section:
    """What the attachment holds, and the commands of the runs: equal ones on one machine are a row."""
    found = results.provenance
    runs = {(run.store, run.id): run for c in found.values() for run in c.runs}
    machines = {digest: f"M{i}" for i, digest in enumerate(results.environments, 1)}
    return Section(
        id="provenance",
        title="Provenance",
        text=(
            f"The file {ATTACHMENT}, attached to this PDF, holds every number of the report with all its digits, every "
            f"verdict, and {counted(len(found), 'provenance record')}: what was measured, the hash of its weights and "
            "code, the protocol with all its fields, the metric and its version, the machine and the run. The same file "
            "stands beside the PDF.",
        ),
        tables=(_commands(list(runs.values()), machines),) if runs else (),
    )


def _commands(runs: list[StoredRun], machines: Mapping[str, str]) -> Table:
    groups: dict[tuple[str, str], list[StoredRun]] = {}
    for run in runs:
        groups.setdefault(
            (machines.get(run.environment_hash, run.environment_hash[:SHORT]), run.line), []
        ).append(run)
    shown = list(groups.items())[:MOST_COMMANDS]
    left = len(groups) - len(shown)
    return Table(
        id="runs",
        title="Commands",
        caption="Commands that gave the numbers of this report, with their start in UTC; n is the number of runs in a row.",
        heads=(*heads("started", "machine"), Head(text="n"), *heads("command")),
        rows=tuple(
            (
                *row(moment(min(run.started for run in own)), machine),
                Cell(text=str(len(own)), sort=len(own)),
                *row(line),
            )
            for (machine, line), own in shown
        ),
        notes=(f"{left} more are in the attachment.",) if left else (),
    )


def moment(stamp: str) -> str:
    """`2026-11-21T07:40:41+00:00` to the minute, without the zone."""
    return stamp[:16].replace("T", " ")
