"""What `bench.verify` does once its file is read: score, judge, print, export."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console

from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, device, progress, writable_file
from bench.environment import environment, suite_version
from bench.outputs import model_files, refuse_clashes, store_files
from bench.storage.store import Store
from bench.tables import Column, Table, columns, print_table
from bench.text import one_line, printable
from bench.verifying.config import Claim, Claims, Config
from bench.verifying.score import judge_all
from bench.verifying.verdict import Verdict, judge

WIDTH_OF_A_FILE = 160


def verify(config: Config, claims: Claims, command: Sequence[str]) -> int:
    """Judge every claim and print a line for each of its values.

    Returns:
        The exit status: done only if the file has no problem and every value came out as expected.
    """
    file = writable_file(config.json) if config.json else None
    runs = [claim.run for claim in claims.claims if claim.run]
    refuse_clashes(
        reads=[("the claims", config.file), *model_files(dict.fromkeys(runs))],
        writes=[*store_files("--db", config.db), *([("--json", file)] if file else [])],
    )
    for line in claims.problems:
        print(one_line(line), file=sys.stderr)
    where = device(config.device)
    groups: dict[tuple[str, str, int], list[Claim]] = {}
    for claim in claims.claims:
        # One group is scored once, whatever number of papers print it.
        groups.setdefault((claim.run, claim.dataset, claim.scale), []).append(claim)
    verdicts: list[Verdict] = []
    with Store(config.db) as store, progress("verify", len(claims.claims)) as reporter:
        for (run, *_), group in groups.items():
            if run:
                verdicts += judge_all(group, config, where, store, command, reporter)
            else:
                verdicts += [
                    judge(claim.id, metric, text, claim.expected[metric], [], claim.cannot)
                    for claim in group
                    for metric, text in claim.values.items()
                ]
    order = {claim.id: i for i, claim in enumerate(claims.claims)}  # of the file, which grouping has lost
    verdicts.sort(key=lambda verdict: order[verdict.claim])
    print_table(table(verdicts), Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE))
    for line in claims.problems:
        print(one_line(line))
    surprises = [verdict for verdict in verdicts if not verdict.as_expected]
    print(f"\n{len(verdicts)} values, {len(verdicts) - len(surprises)} as expected; results: {config.db}")
    if file:
        record = {
            "suite_version": suite_version(),
            "environment": dict(environment(str(where)).facts),
            "claims": [
                {
                    "id": claim.id,
                    "paper": claim.paper,
                    "source": claim.source,
                    "model": claim.model,
                    "dataset": claim.dataset,
                    "scale": claim.scale,
                    "values": [verdict.record() for verdict in verdicts if verdict.claim == claim.id],
                }
                for claim in claims.claims
            ],
            "problems": list(claims.problems),
        }
        with atomic_write(file) as part:
            part.write_text(json.dumps(record, indent=1), encoding="utf-8", newline="\n")
    return FAILED if surprises or claims.problems else DONE


def table(verdicts: Sequence[Verdict]) -> Table:
    """A row for each value of each claim."""
    return Table(
        columns=(
            *columns(("claim", "metric"), left=(0, 1)),
            Column(head="printed"),
            Column(head="outcome", align="left", overflow="fold"),
            Column(head="expected", align="left"),
        ),
        rows=tuple(
            (
                printable(verdict.claim),
                verdict.metric,
                verdict.printed,
                printable(one_line(verdict.text)),
                "as expected" if verdict.as_expected else f"expected: {verdict.expected}",
            )
            for verdict in verdicts
        ),
        layout="open",
    )
