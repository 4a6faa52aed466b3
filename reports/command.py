"""`python -m reports`: from its config to the files of a report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.cli import DONE, Reporter, progress
from bench.errors import RunError, UserError
from bench.storage import reader as contents
from bench.storage.reader import check_not_replaced
from bench.study.result import read_result
from bench.text import escape_control_chars, one_line
from reports.content import build, check_reference
from reports.figures.draw import draw, draw_some
from reports.load.gather import gather
from reports.load.results import Results
from reports.parts import Report
from reports.writers import PAGE, PDF, WRITERS, Writer

FIGURES = "figures"
SUFFIXES = ("svg", "pdf", "png")
STEPS = 3  # before anything is written: read, draw, judge and tabulate


@dataclass(frozen=True, kw_only=True)
class Config:
    """The command line. A field is called as its option is.

    Attributes:
        preference: results of preference studies.
        figures: draw these alone; empty for a whole report.
    """

    stores: Sequence[Path]
    out: Path
    reference: str | None
    preference: Sequence[dict[str, Any]]
    with_published: bool
    pdf: bool
    figures: Sequence[str]

    @property
    def writers(self) -> Mapping[str, Writer]:
        """By path, those that are to write."""
        return {path: writer for path, writer in WRITERS.items() if self.pdf or path != PDF}


def run(args: argparse.Namespace) -> int:
    """Check everything that was given, then write."""
    config = read_config(args)
    if config.figures:
        return draw_figures(config)
    with progress("reports", STEPS + len(config.writers)) as reporter:
        reporter.begin("reading the results")
        results = read_results(config)
        reporter.advance("reading the results")
        report = compose(config, results, reporter)
        write(config, report, reporter)
    for line in (*report.summary, *report.results.notes):
        print(one_line(line))
    print(f"\nreport: {config.out / PAGE}")
    return DONE


def read_config(args: argparse.Namespace) -> Config:
    """Check the folder and read the small files.

    Raises:
        UserError: the folder is not empty, an output would replace an input, a file is no result of a study.
    """
    # Before any file is read: a wrong option is said at once and not after a large results file.
    check_folder(args.out, force=args.force)
    names = (FIGURES, *WRITERS, *(name for writer in WRITERS.values() for name in writer.beside))
    if args.figures:
        names = tuple(f"{figure}.{suffix}" for figure in args.figures for suffix in SUFFIXES)
    check_not_replaced(args.stores, args.preference, [args.out / name for name in names])
    return Config(
        stores=args.stores,
        out=args.out,
        reference=args.reference,
        preference=[] if args.figures else [asdict(read_result(file)) for file in args.preference],
        with_published=args.with_published,
        pdf=not args.no_pdf,
        figures=args.figures or (),
    )


def check_folder(out: Path, *, force: bool) -> None:
    """Refuse a file, and a folder with something in it unless `force` is given."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{str(out)!r} is a file; must be a folder")
    if not force and out.is_dir() and any(out.iterdir()):
        raise UserError(
            f"folder {str(out)!r} is not empty; must be an empty or new one, or --force to replace the report in it"
        )


def draw_figures(config: Config) -> int:
    """Draw some figures into a folder and say where.

    Raises:
        UserError: an id that no figure has.
        RunError: after the others are drawn: the results hold nothing for one of them.
    """
    made = draw_some(read_results(config), config.out, config.figures)
    for figure in made:
        if figure.png is not None:
            print(escape_control_chars(f"{figure.png}\n{figure.svg}\n{figure.pdf}\n{figure.caption}\n"))
    absent = [figure for figure in made if figure.png is None]
    if absent:
        raise RunError(
            "; ".join(f"{f.id}: {f.reason}. Run: {f.command or 'more models or images'}" for f in absent)
        )
    return DONE


def read_results(config: Config) -> Results:
    """What the results files hold, grouped.

    Raises:
        StoreError: one is missing, damaged, another program's or of a newer version.
        RunError: together they hold nothing that was measured, and no pictures.
    """
    found = contents.read(config.stores)
    if found.scores.empty and found.pictures.empty and not (found.timings or found.curves):
        names = ", ".join(repr(str(file)) for file in config.stores)
        raise RunError(
            f"{names} holds no scores, no times and no objectives; needs at least one: "
            "python -m bench.sr_quality set5 makes some"
        )
    return replace(gather(found), with_published=config.with_published)


def compose(config: Config, results: Results, reporter: Reporter) -> Report:
    """Draw the figures, judge and tabulate."""
    check_reference(results, config.reference)
    # Into their final place: the writers link or embed the files that lie there.
    reporter.begin("drawing the figures")
    drawn = draw(results, config.out / FIGURES)
    reporter.advance("drawing the figures")
    reporter.begin("making tables and verdicts")
    report = build(results, drawn, reference=config.reference, preferences=config.preference)
    reporter.advance("making tables and verdicts")
    return report


def write(config: Config, report: Report, reporter: Reporter) -> None:
    """Every file but the figures, which are there already."""
    for path, writer in config.writers.items():
        reporter.begin(f"writing {path}")
        writer.write(report, config.out / path)
        reporter.advance(f"writing {path}")
