"""Results for other tools: long tables as CSV or Parquet, and evaluation results for a model's page.

python -m bench.export results.db --to csv --out export
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.cli import guard
from bench.config_file import parse, with_config
from bench.exporting.config import SCHEMAS, TARGETS, Config, hub_dataset, print_schema

EXAMPLES = """examples:
  python -m bench.export results.db --to csv --out tables
  python -m bench.export mine.db theirs.db --to parquet --out tables
  python -m bench.export results.db --to model-card --model srcnn-955 --out card
  python -m bench.export results.db --to eval-results --model srcnn-955 --hub-dataset set5=OWNER/NAME --out .eval_results
  python -m bench.export --schema sr_quality

csv, parquet: scores and timings, a line for each value, with protocol, hashes, machine and contributor.
model-card: model-card.md, a table and the model-index metadata. eval-results: a YAML file for each data set.
exit status: 0 done, 1 a results file cannot be read, 2 bad usage or nothing to export, 130 interrupted"""
HELP = {
    "results": "results files (default: results.db)",
    "to": "what is written",
    "out": "the folder it is written to (default: export)",
    "model": "of which results are exported (default: all; required by model-card and eval-results)",
    "datasets": "only these (default: all)",
    "metrics": "only these (default: all)",
    "hub-dataset": "what a data set is called on the Hugging Face Hub; required by eval-results for each; may be repeated",
    "source-url": "where the evaluation can be looked up (default: none)",
    "source-name": "of --source-url",
    "schema": "print the JSON Schema of what a program's --json writes, and export nothing",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.export",
        description="Write results for other tools: long tables, or evaluation results for a model's page.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "results", nargs="*", type=Path, default=[Path("results.db")], metavar="RESULTS", help=HELP["results"]
    )
    p.add_argument("--to", choices=TARGETS, help=HELP["to"])
    p.add_argument("--out", type=Path, default=Path("export"), metavar="DIR", help=HELP["out"])
    p.add_argument("--model", metavar="NAME", help=HELP["model"])
    p.add_argument("--datasets", nargs="+", metavar="NAME", help=HELP["datasets"])
    p.add_argument("--metrics", nargs="+", metavar="NAME", help=HELP["metrics"])
    p.add_argument(
        "--hub-dataset",
        action="append",
        type=hub_dataset,
        default=[],
        metavar="NAME=ID",
        help=HELP["hub-dataset"],
    )
    p.add_argument("--source-url", metavar="URL", help=HELP["source-url"])
    p.add_argument("--source-name", metavar="TEXT", help=HELP["source-name"])
    p.add_argument("--schema", choices=SCHEMAS, metavar="PROGRAM", help=HELP["schema"])
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, export, say where; see :data:`EXAMPLES`."""
    p = parser()
    args, _ = parse(p, argv)
    if args.schema:
        return guard(lambda: print_schema(args.schema))
    if args.to is None:
        p.error(f"--to is missing; must be one of: {', '.join(TARGETS)}")
    del args.schema
    return guard(lambda: run(Config(**vars(args))))


def run(config: Config) -> int:
    """Check the options, then export."""
    config.check()  # what is wrong with them is said before pandas is loaded
    from bench.commands.export import run as engine

    return engine(config)


if __name__ == "__main__":
    raise SystemExit(main())
