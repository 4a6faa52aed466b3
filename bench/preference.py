"""A preference study, as the paper's: which of two enlargements do people prefer.

python -m bench.preference build srcnn-955 sr-feature --dataset bsd100 --out study
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, guard, progress, writable_file
from bench.errors import RunError, UserError

if TYPE_CHECKING:
    from bench.study.pictures import Pictures
    from bench.study.plan import Plan
    from bench.study.result import PreferenceResult

EXAMPLES = """examples:
  python -m bench.preference build srcnn-955 sr-feature --dataset bsd100 --out study
  python -m bench.preference build bicubic srcnn-955 sr-feature --dataset bsd100 --out study --limit 20 --catch 6
  python -m bench.preference score answers/*.json --key study/key.json --json preference.json

`build` writes DIR/page, which goes to the workers (index.html opens from a file address or any web server and sends
nothing), and DIR/key.json, which they must not see and without which no answer can be scored.
exit status: 0 done, 1 a file of answers was refused (the others are scored) or nothing is left to score, 2 bad usage,
130 interrupted"""
LEAST_RIGHT = 0.8
NAMED_LACKING = 10


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.preference",
        description="Ask people which of two enlargements they prefer, and score what they answer.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    programs = p.add_subparsers(dest="program", required=True, metavar="build|score")
    _add_build(programs.add_parser("build", help="make the page and its key from stored pictures"))
    _add_score(programs.add_parser("score", help="score the files that workers sent"))
    return p


def _add_build(p: argparse.ArgumentParser) -> None:
    p.add_argument("models", nargs="+", metavar="MODEL", help="two or more that the results hold pictures of")
    p.add_argument("--dataset", required=True, metavar="NAME", help="as in the results")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the page and the key go")
    p.add_argument(
        "--scale", type=arguments.scale, default=4, metavar="N", help="hr size over lr size (default: 4)"
    )
    p.add_argument("--protocol", default="johnson2016", metavar="NAME", help="default: johnson2016")
    p.add_argument(
        "--db",
        type=Path,
        nargs="+",
        default=[Path("results.db")],
        metavar="FILE",
        help="results files (default: results.db)",
    )
    p.add_argument("--limit", type=arguments.count, metavar="N", help="only N images, drawn at random")
    p.add_argument(
        "--catch",
        type=arguments.count,
        metavar="N",
        help="trials of which the right answer is known: hr against enlarged pixels (default: 10, at most the images)",
    )
    p.add_argument(
        "--seed",
        type=arguments.seed,
        default=0,
        metavar="N",
        help="of what is drawn; another seed is another study",
    )
    p.add_argument(
        "--force",
        action="store_true",
        help="replace the study in DIR; answers to the old one can then be scored only with a copy of its key",
    )


def _add_score(p: argparse.ArgumentParser) -> None:
    p.add_argument("answers", nargs="+", type=Path, metavar="FILE", help="what workers saved")
    p.add_argument("--key", type=Path, required=True, metavar="FILE", help="the key.json of the study")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the result as json, for the report")
    p.add_argument(
        "--least-right",
        type=float,
        default=LEAST_RIGHT,
        metavar="SHARE",
        help=f"workers who answer less of the catch trials rightly are dropped, 0 to 1 (default: {LEAST_RIGHT})",
    )
    p.add_argument(
        "--seed",
        type=arguments.seed,
        default=0,
        metavar="N",
        help="of the bootstrap over images (default: 0)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: build(args) if args.program == "build" else score(args))


def build(args: argparse.Namespace) -> int:
    """Make the page and the key."""
    refuse_seed(args)
    from bench.contents import read
    from bench.outputs import refuse_clashes, store_files
    from bench.protocols import protocol
    from bench.study.page import write_study
    from bench.study.pictures import pictures
    from bench.study.plan import plan

    rule = protocol(args.protocol, args.scale)
    found = pictures(read(args.db), dataset=args.dataset, protocol=rule, models=args.models)
    planned = plan(found, limit=args.limit, catch=args.catch, seed=args.seed)
    refuse_clashes(
        reads=[
            *(each for db in args.db for each in store_files("--db", db)),
            *(("a stored picture", shown.file) for shown in planned.shown.values()),
        ],
        replaced=[("the page", args.out / "page"), ("the key", args.out / "key.json")],
    )
    with progress("pictures", len(planned.shown)) as reporter:
        write_study(planned, args.out, reporter, force=args.force)
    _print_study(planned, found, args.out)
    return DONE


def refuse_seed(args: argparse.Namespace) -> None:
    """
    Raises:
        UserError: it is negative.
    """
    if args.seed < 0:
        raise UserError(f"--seed is {args.seed}; required at least 0")


def _print_study(planned: Plan, found: Pictures, out: Path) -> None:
    from bench.study.table import plain

    study = planned.study
    catch = sum(trial.right is not None for trial in study.trials)
    images = len({trial.image for trial in study.trials if trial.right is None})
    print(
        f"{len(study.trials)} trials: {images} images of {plain(study.dataset)} x{study.scale}, "
        f"{len(list(study.pairs))} pair(s) of models, {catch} catch trials"
    )
    if found.lacking:
        more = len(found.lacking) - NAMED_LACKING
        names = ", ".join(plain(image) for image in found.lacking[:NAMED_LACKING])
        print(
            f"left out, since not every model has a picture of it: {names}{f' and {more} more' if more > 0 else ''}"
        )
    print(f"study: {study.hash}")
    print(f"page:  {out / 'page'}  (give this folder to the workers: index.html)")
    print(f"key:   {out / 'key.json'}  (keep it: it says whose picture is whose, and scoring needs it)")


def score(args: argparse.Namespace) -> int:
    """Score the answers and print what they say."""
    from bench.outputs import refuse_clashes
    from bench.study.key import read_key
    from bench.study.score import score as scored
    from bench.study.votes import votes

    refuse_seed(args)
    if not 0 <= args.least_right <= 1:
        raise UserError(f"--least-right is {args.least_right:g}; required 0 to 1")
    study = read_key(args.key)
    export = writable_file(args.json) if args.json else None
    files = list(dict.fromkeys(args.answers))
    refuse_clashes(
        reads=[("--key", args.key), *(("a file of answers", file) for file in files)],
        writes=[("--json", export)] if export else [],
    )
    found = votes(files, study, least_right=args.least_right)
    result = scored(study, found, least_right=args.least_right, n_files=len(files), seed=args.seed)
    _print_refused(result)
    if not result.n_votes:
        raise RunError(
            f"no vote is left: {result.n_refused} of {result.n_files} files refused, {result.n_dropped} workers "
            "dropped; required at least one answer that counts"
        )
    _print_result(result)
    if export:
        result.write(export)
        print(f"json: {export}")
    return FAILED if result.refused else DONE


def _print_refused(result: PreferenceResult) -> None:
    from bench.study.table import plain

    for refused in result.refused:
        print(f"refused: {plain(refused.file)!r}: {plain(refused.reason)}", file=sys.stderr)


def _print_result(result: PreferenceResult) -> None:
    from rich.console import Console

    from bench.study.table import notes, pairs_table, plain, ranking_table

    console = Console()
    print(
        f"{plain(result.dataset)} x{result.scale}, {result.protocol} [{result.protocol_hash[:8]}]", end=", "
    )
    print(
        f"study {result.study[:8]}: {result.n_votes} votes of {result.n_workers} workers on {result.n_images} images"
    )
    print(f"{result.n_dropped} workers dropped, {result.n_refused} of {result.n_files} files refused\n")
    console.print(pairs_table(result))
    print()
    console.print(ranking_table(result))
    print()
    for note in notes(result):
        print(note)


if __name__ == "__main__":
    raise SystemExit(main())
