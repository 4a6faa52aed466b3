"""The report: every table and figure of the paper beside what was measured, as HTML, PDF, Markdown, LaTeX and CSV.

python -m reports results.db --out report
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.cli import guard, loading
from bench.config_file import parse, with_config

EXAMPLES = """examples:
  python -m reports
  python -m reports results.db other.db --out report --force
  python -m reports --reference srcnn-955 --preference preference.json --no-pdf
  python -m reports results.db --out figures --figures figure5 figure6

In the folder: index.html (opens without a network), leaderboard.html (of more than ten models), images/, report.pdf,
tables/ (.md .tex .csv), figures/ (.svg .pdf .png), report.json. Written from the results files alone; nothing is measured.
With --figures: the .svg, .pdf and .png (300 dpi) of these figures in the folder, nothing else.
exit status: 0 done, 1 a results file cannot be used or holds nothing for a figure, 2 bad usage, 130 interrupted"""
HELP = {
    "stores": "results files of bench.sr_quality and bench.speed (default: results.db)",
    "out": "folder of the report (default: report)",
    "reference": "model that the others are compared with (default: bicubic where it was scored)",
    "preference": "result of a preference study, from `bench.preference score --json`",
    "with_published": "also show the reference runs of bench.speed that are shipped with the suite",
    "force": "write into a folder that is not empty: files of a report are replaced, all others stay",
    "no_pdf": "make no report.pdf",
    "figures": "draw these figures alone, as .svg, .pdf and .png, called as the report calls them: figure3, table1",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m reports",
        description="Write the report of results files: HTML, PDF, tables, figures.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "stores", nargs="*", type=Path, default=[Path("results.db")], metavar="FILE", help=HELP["stores"]
    )
    p.add_argument("--out", type=Path, default=Path("report"), metavar="DIR", help=HELP["out"])
    p.add_argument("--reference", metavar="MODEL", help=HELP["reference"])
    p.add_argument("--preference", nargs="+", type=Path, default=[], metavar="FILE", help=HELP["preference"])
    p.add_argument("--with-published", action="store_true", help=HELP["with_published"])
    p.add_argument("--force", action="store_true", help=HELP["force"])
    p.add_argument("--no-pdf", action="store_true", help=HELP["no_pdf"])
    p.add_argument("--figures", nargs="+", metavar="ID", help=HELP["figures"])
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, write, say where; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)

    def body() -> int:
        with loading("Matplotlib and pandas"):
            from reports.command import run

        return run(args)

    return guard(body)


if __name__ == "__main__":
    raise SystemExit(main())
