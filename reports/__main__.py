"""The report: every table and figure of the paper beside what was measured, as HTML, PDF, Markdown, LaTeX and CSV.

python -m reports results.db --out report
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli import DONE, guard, progress
from bench.errors import RunError, UserError
from bench.printable import one_line, printable

if TYPE_CHECKING:
    from bench.cli import Reporter
    from bench.contents import Contents
    from reports.parts import Report
    from reports.results import Results

EXAMPLES = """examples:
  python -m reports
  python -m reports results.db other.db --out report --force
  python -m reports --reference srcnn-955 --preference preference.json --no-pdf
  python -m reports results.db --out figures --figures figure5 figure6

In the folder: index.html (opens without a network), images/, report.pdf, tables/ (.md .tex .csv), figures/ (.svg .png),
report.json. Written from the results files alone; nothing is measured.
With --figures: the .svg and .png of these figures in the folder, nothing else.
exit status: 0 done, 1 a results file cannot be used or holds nothing for a figure, 2 bad usage, 130 interrupted"""
PAGE, PDF, DATA, TABLES, FIGURES = "index.html", "report.pdf", "report.json", "tables", "figures"
IMAGES = "images"
HELP = {
    "stores": "results files of bench.sr_quality and bench.speed (default: results.db)",
    "out": "folder of the report (default: report)",
    "reference": "model that the others are compared with (default: bicubic where it was scored)",
    "preference": "result of a preference study, from `bench.preference score --json`",
    "with_published": "also show the reference runs of bench.speed that are shipped with the suite",
    "force": "write into a folder that is not empty: files of a report are replaced, all others stay",
    "no_pdf": "make no report.pdf",
    "figures": "draw these figures alone, as .svg and .png, called as the report calls them: figure3, table1",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m reports",
        description="Write the report of results files: HTML, PDF, tables, figures.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, write, say where; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Check everything that was given, then write."""
    from bench.contents import refuse_replaced
    from reports.gather import gather

    check_folder(args.out, force=args.force)
    names: tuple[str, ...] = (PAGE, PDF, DATA, TABLES, FIGURES, IMAGES)
    if args.figures:
        names = tuple(f"{figure}.{suffix}" for figure in args.figures for suffix in ("svg", "png"))
    refuse_replaced(args.stores, args.preference, [args.out / name for name in names])
    if args.figures:
        return draw_figures(args.stores, args.out, args.figures, with_published=args.with_published)
    preferences = read_preferences(args.preference)
    with progress("reports", 6 if args.no_pdf else 7) as reporter:
        contents = read_stores(args.stores)
        reporter.advance("results read")
        results = replace(gather(contents), with_published=args.with_published)
        report = compose(results, args.out, args.reference, preferences, reporter)
        write(report, args.out, reporter, pdf=not args.no_pdf)
    for line in (*report.summary, *report.results.notes):
        print(one_line(line))
    print(f"\nreport: {args.out / PAGE}")
    return DONE


def draw_figures(
    stores: Sequence[Path], out: Path, names: Sequence[str], *, with_published: bool = False
) -> int:
    """Draw some figures into a folder and say where.

    Raises:
        UserError: an id that no figure has.
        RunError: after the others are drawn: the results hold nothing for one of them.
    """
    from reports.figures import draw_some
    from reports.gather import gather

    results = replace(gather(read_stores(stores)), with_published=with_published)
    made = draw_some(results, out, names)
    for figure in made:
        if figure.png is not None:
            print(printable(f"{figure.png}\n{figure.svg}\n{figure.caption}\n"))
    absent = [figure for figure in made if figure.png is None]
    if absent:
        raise RunError(
            "; ".join(f"{f.id}: {f.reason}; required: {f.command or 'more results'}" for f in absent)
        )
    return DONE


def check_folder(out: Path, *, force: bool) -> None:
    """Refuse a file, and a folder with something in it unless `force` is given."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{str(out)!r} is a file; required a folder")
    if not force and out.is_dir() and any(out.iterdir()):
        raise UserError(
            f"folder {str(out)!r} is not empty; required an empty or new one, or --force to replace the report in it"
        )


def read_preferences(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Results of preference studies.

    Raises:
        UserError: a file is not one.
    """
    from dataclasses import asdict

    from bench.study.result import read_result

    return [asdict(read_result(file)) for file in files]


def read_stores(files: Sequence[Path]) -> Contents:
    """What the results files hold.

    Raises:
        StoreError: one is missing, damaged, another program's or of a newer version.
        RunError: together they hold nothing that was measured, and no pictures.
    """
    from bench.contents import read

    contents = read(files)
    if contents.scores.empty and contents.pictures.empty and not (contents.timings or contents.curves):
        names = ", ".join(repr(str(file)) for file in files)
        raise RunError(
            f"{names} holds no scores, no times and no objectives; required at least one: "
            "python -m bench.sr_quality set5 makes some"
        )
    return contents


def compose(
    results: Results,
    out: Path,
    reference: str | None,
    preferences: Sequence[dict[str, Any]],
    reporter: Reporter,
) -> Report:
    """Group the results, draw the figures, judge and tabulate."""
    from reports import figures
    from reports.content import build, check_reference

    check_reference(results, reference)
    reporter.advance("results grouped")
    drawn = figures.draw(results, out / FIGURES)
    reporter.advance("figures drawn")
    report = build(results, drawn, reference=reference, preferences=preferences)
    reporter.advance("tables and verdicts made")
    return report


def write(report: Report, out: Path, reporter: Reporter, *, pdf: bool) -> None:
    """Every file but the figures, which are there already."""
    from bench.files.replacing import replacing
    from reports import data, page, text_tables

    def write_data() -> None:
        with replacing(out / DATA) as part:
            part.write_text(data.to_json(report), encoding="utf-8")

    steps: list[tuple[str, Callable[[], None]]] = [
        ("tables written", lambda: text_tables.write(report, out / TABLES)),
        (f"{PAGE} written", lambda: page.write_page(report, out)),
    ]
    if pdf:
        from reports.pdf import write_pdf

        steps.append((f"{PDF} written", lambda: write_pdf(report, out / PDF)))
    for label, step in steps:
        step()
        reporter.advance(label)
    write_data()


if __name__ == "__main__":
    raise SystemExit(main())
