"""What `bench.verify` does once its file is read: score, judge, print, export."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from bench import interrupts
from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, Reporter, as_given, device, next_step, progress, writable_file
from bench.environment import environment, suite_version
from bench.outputs import check_clashes, model_files, store_files
from bench.storage.reader import read
from bench.storage.store import Store
from bench.tables import Column, Table, columns, print_table
from bench.text import escape_control_chars, log, one_line, show
from bench.verifying import eval_results
from bench.verifying.config import Claim, Claims, Config
from bench.verifying.score import judge_all
from bench.verifying.verdict import Verdict, judge

WIDTH_OF_A_FILE = 160
ROOM_FOR_EXPECTED = 120


def verify(config: Config, claims: Claims, command: Sequence[str]) -> int:
    """Judge every claim and print a line for each of its values.

    Returns:
        The exit status: done only if the file has no problem and every value came out as expected.
    """
    file = writable_file(config.json) if config.json else None
    hub = config.eval_results.absolute() if config.eval_results else None
    runs = [claim.run for claim in claims.claims if claim.run]
    check_clashes(
        reads=[("the claims", config.file), *model_files(dict.fromkeys(runs))],
        writes=[*store_files("--db", config.db), *([("--json", file)] if file else [])],
        folders_written=[("--eval-results", hub)] if hub else [],
    )
    claims = claims.with_weights()
    for line in claims.problems:
        log(one_line(line))
    where = device(config.device)
    interrupts.keeps(f"the scores of finished images are kept in {config.db}")
    verdicts = judged(config, claims, where, command)
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
    print_table(table(verdicts, narrow=console.width < ROOM_FOR_EXPECTED), console)
    for line in claims.problems:
        show(one_line(line))
    surprises = [verdict for verdict in verdicts if not verdict.as_expected]
    if hub:
        export(hub, config, claims, verdicts)
    print(f"\n{len(verdicts)} values, {len(verdicts) - len(surprises)} as expected; results: {config.db}")
    next_step(config.db)
    if file:
        with atomic_write(file) as part:
            text = json.dumps(record(claims, verdicts, where), indent=1)
            part.write_text(text, encoding="utf-8", newline="\n")
    return FAILED if surprises or claims.problems else DONE


def judged(config: Config, claims: Claims, where: torch.device, command: Sequence[str]) -> list[Verdict]:
    """Score each group of claims once, whatever number of papers print it; verdicts in the order of the file."""
    groups: dict[tuple[str, str, int], list[Claim]] = {}
    for claim in claims.claims:
        groups.setdefault((claim.run, claim.dataset, claim.scale), []).append(claim)
    verdicts: list[Verdict] = []
    with Store(config.db) as store, progress("verify", len(claims.claims)) as reporter:
        for (run, *_), group in groups.items():
            at = ClaimReporter(reporter, group)
            if run:
                verdicts += judge_all(group, config, where, store, command, at)
            else:
                verdicts += [
                    judge(claim.id, metric, text, claim.expected[metric], [], claim.cannot)
                    for claim in group
                    for metric, text in claim.values.items()
                ]
            at.finish()
    order = {claim.id: i for i, claim in enumerate(claims.claims)}
    return sorted(verdicts, key=lambda verdict: order[verdict.claim])


def record(claims: Claims, verdicts: Sequence[Verdict], where: torch.device) -> dict[str, Any]:
    """What `--json` writes: each claim with the verdict on each of its values."""
    return {
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


def export(hub: Path, config: Config, claims: Claims, verdicts: Sequence[Verdict]) -> None:
    """Write the verified values as evaluation results, and say where."""
    texts = eval_results.files(claims.claims, verdicts, read([config.db]), config.hub)
    for name, text in texts.items():
        with atomic_write(hub / name) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    print(f"\n{len(texts)} files of verified values: {as_given(hub)}")


@dataclass
class ClaimReporter:
    """A reporter whose units are claims: the images of a group are scored once for each protocol, for all its claims."""

    reporter: Reporter
    group: Sequence[Claim]

    def __post_init__(self) -> None:
        first = self.group[0]
        self.label = f"{first.model} {first.dataset} x{first.scale}"
        self.reporter.begin(self.label)

    def begin(self, label: str) -> None:
        """An image is no unit: the group is named."""

    def advance(self, label: str) -> None:
        """An image is no unit."""

    def note(self, text: str) -> None:
        self.reporter.note(text)

    def finish(self) -> None:
        """All claims of the group are judged."""
        for _ in self.group:
            self.reporter.advance(self.label)


def table(verdicts: Sequence[Verdict], *, narrow: bool = False) -> Table:
    """A row for each value of each claim.

    Args:
        narrow: without the column of expectations; what was not expected is said behind the outcome.
    """
    if narrow:
        whole = table(verdicts)
        rows = zip(whole.rows, verdicts, strict=True)
        return replace(
            whole,
            columns=whole.columns[:-1],
            rows=tuple(
                (*row[:-2], row[-2] if verdict.as_expected else f"{row[-2]} ({row[-1]})")
                for row, verdict in rows
            ),
        )
    return Table(
        columns=(
            Column(head="claim", align="left", overflow="fold"),
            *columns(("metric",), left=(0,)),
            Column(head="printed"),
            Column(head="outcome", align="left", overflow="fold"),
            Column(head="expected", align="left"),
        ),
        rows=tuple(
            (
                escape_control_chars(verdict.claim),
                verdict.metric,
                verdict.printed,
                escape_control_chars(one_line(verdict.text)),
                "as expected" if verdict.as_expected else f"expected: {verdict.expected}",
            )
            for verdict in verdicts
        ),
        layout="open",
        keys=2,
    )
