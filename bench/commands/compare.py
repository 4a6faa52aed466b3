"""What `bench.compare` does once its options are parsed: compare, print, export."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, writable_file
from bench.comparing.config import Config
from bench.comparing.records import Comparison
from bench.comparing.run import compare
from bench.comparing.sides import Side, sides
from bench.comparing.table import closing, record, remarks, tables
from bench.outputs import check_clashes, store_files
from bench.storage.reader import read
from bench.tables import print_table, to_json
from bench.text import show


def run(options: Mapping[str, Any]) -> int:
    """Compare and print."""
    config = Config.of(options)
    json_file = writable_file(config.json) if config.json else None
    # Cached: both sides may name one file, and a bare name is looked up in --db first.
    a, b = sides(config.a, config.b, config.db, functools.cache(lambda file: read([file])))
    check_clashes(
        reads=[*store_files("A", a.reading.store), *store_files("B", b.reading.store)],
        writes=[("--json", json_file)] if json_file else [],
    )
    comparison = compare(a, b, config)
    report(comparison, a, b, config)
    if json_file:
        with atomic_write(json_file) as part:
            part.write_text(to_json(record(comparison, a, b, config)), encoding="utf-8", newline="\n")
    held = [name for name in config.fail_on if holds(name, comparison)]
    if held:
        print(f"failed: {', '.join(held)} (--fail-on)")
    return FAILED if held else DONE


def report(comparison: Comparison, a: Side, b: Side, config: Config) -> None:
    """Print the tables and what must be known of them."""
    console = Console()
    for side in (a, b):
        show(f"{side.name} is {side.reading}")
    for table in tables(comparison.rows, config.confidence):
        print()
        print_table(table, console)
    print()
    show(closing(comparison, holm=config.holm, alpha=config.alpha))
    for remark in remarks(comparison):
        show(f"- {remark}")


def holds(condition: str, comparison: Comparison) -> bool:
    """Whether a condition of `--fail-on` is met."""
    rows = comparison.rows
    if condition == "worse":
        return any(row.verdict == "WORSE" for row in rows)
    if condition == "different":
        return any(row.verdict != "SAME" for row in rows)
    # missing: a whole result, or single images of one that is compared.
    return bool(comparison.left_out) or any(row.effect.unmatched for row in rows)
