"""Explain a number: one pair of images, or two folders, under every convention that is in use.

python -m bench.explain SR HR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, guard, progress, writable_file
from bench.errors import UserError
from bench.explaining.likes import LIBRARIES, LIKES, likes

if TYPE_CHECKING:
    from bench.explaining.conventions import Convention
    from bench.explaining.inputs import Found
    from bench.explaining.match import Match, Published
    from bench.explaining.scores import ImageScores, Value
    from bench.quality.lint import Finding
    from bench.records import Dataset

EXAMPLES = """SR and HR are two images, or two folders whose images are paired by name; HR may be a data set's name, too.

examples:
  python -m bench.explain out/baby.png data/baby.png
  python -m bench.explain out/set5 set5 --scale 4 --match 32.46 0.8968
  python -m bench.explain out/set5 set5 --like basicsr
  python -m bench.explain --db results.db --dataset set5 --model srcnn-955
  python -m bench.explain --kernels set5

exit status: 0 done, 1 no convention gives the number of --match, 2 bad usage or nothing to measure, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.explain",
        description="PSNR and SSIM of the same pixels under every convention in use, and which library prints which.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "images", nargs="*", metavar="SR HR", help="two images or two folders; with --kernels HR alone"
    )
    p.add_argument(
        "--scale",
        type=arguments.scale,
        default=4,
        metavar="N",
        help="hr size over lr size: what is shaved (default: 4)",
    )
    p.add_argument(
        "--pattern",
        metavar="TEXT",
        help="how SR's files are called, as {stem}_RCAN_BIX4 (default: found out)",
    )
    p.add_argument("--like", metavar="LIBRARY", help=f"only what this one prints: {', '.join(LIBRARIES)}")
    p.add_argument(
        "--match", nargs="+", metavar="NUMBER", help="name the conventions that give it, as 32.46 or 0.8968"
    )
    p.add_argument(
        "--tolerance", type=float, metavar="X", help="of --match (default: half of its last digit)"
    )
    p.add_argument("--all", action="store_true", help="show every convention, not only those someone uses")
    p.add_argument("--kernels", action="store_true", help="hr alone: what three bicubic kernels make of it")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    stored = p.add_argument_group("a stored result, instead of SR and HR")
    stored.add_argument("--db", type=Path, metavar="FILE", help="a results file with its pictures")
    stored.add_argument("--dataset", metavar="NAME", help="of --db")
    stored.add_argument("--model", metavar="NAME", help="of --db")
    stored.add_argument(
        "--protocol", default="johnson2016", metavar="NAME", help="of --db (default: johnson2016)"
    )
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    p = parser()
    args = p.parse_args(argv)
    if args.db and (args.images or args.kernels or not (args.dataset and args.model)):
        p.error("--db goes with --dataset and --model, without SR and HR")
    if not args.db and (args.dataset or args.model):
        p.error("--dataset and --model go with --db")
    if not args.db and len(args.images) != (1 if args.kernels else 2):
        p.error(
            f"{len(args.images)} paths are given; required {'HR' if args.kernels else 'SR and HR, or --db'}"
        )
    if args.scale < 1:
        p.error(f"--scale is {args.scale}; required at least 1")
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Measure what was asked for and print it."""
    from bench.explaining.match import published

    wanted = [published(text, args.tolerance) for text in args.match or ()]
    chosen = likes(args.like) if args.like else ()
    file = writable_file(args.json) if args.json else None
    if args.kernels:
        return _kernels(args)
    found = _found(args)
    if file:
        _refuse_inputs(args, found, file)
    every = args.all or bool(wanted) or file is not None
    conventions = [] if chosen and not every else _conventions(len(found.pairs), every=every)
    likely: list[Convention] = [
        c for like in (LIKES if file or wanted else chosen) for c in (like.psnr, like.ssim) if c
    ]
    images, findings = _measure(found, args.scale, conventions + likely)
    _print_head(found, images, args.scale)
    if chosen:
        _print_like(args.like, images)
    values = _values(images, conventions)
    if not chosen and not wanted:
        _print_tables(values, len(images), args.scale, every=args.all)
    # a library may print what no convention of the grid gives, such as 80.00 dB for equal images
    all_values = _values(images, list(dict.fromkeys([*conventions, *likely]))) if wanted else []
    matches = _match(wanted, all_values, len(images), args.scale)
    if file:
        from bench.explaining.to_json import to_json
        from bench.files.replacing import replacing

        with replacing(file) as part:
            part.write_text(to_json(images, values, matches, findings, args.scale), encoding="utf-8")
    return DONE if all(match.exact for match in matches) else FAILED


def _refuse_inputs(args: argparse.Namespace, found: Found, file: Path) -> None:
    from bench import cache
    from bench.outputs import refuse_clashes, store_files

    pairs = [(sr, hr if isinstance(hr, Path) else cache.folder() / hr.file) for _, sr, hr in found.pairs]
    reads = [("an image", image) for pair in pairs for image in pair]
    refuse_clashes(
        reads=[*reads, *(store_files("--db", args.db) if args.db else [])], writes=[("--json", file)]
    )


def _found(args: argparse.Namespace) -> Found:
    from bench.explaining.inputs import stored, two

    if args.db:
        return stored(args.db, args.dataset, args.model, args.scale, args.protocol)
    return two(*args.images, scale=args.scale, pattern=args.pattern)


def _conventions(images: int, *, every: bool) -> list[Convention]:
    from bench.explaining.conventions import psnr_conventions, ssim_conventions
    from bench.explaining.table import usual

    found: list[Convention] = [*psnr_conventions(images), *ssim_conventions()]
    return [convention for convention in found if every or usual(convention, images)]


def _measure(
    found: Found, scale: int, conventions: Sequence[Convention]
) -> tuple[list[ImageScores], list[tuple[str, Finding]]]:
    """The scores of every pair that can be measured, and the findings, which are printed as they come."""
    from bench.explaining.inputs import loaded, said
    from bench.explaining.scores import measure
    from bench.printable import printable

    findings: list[tuple[str, Finding]] = [("names", finding) for finding in found.notes]
    images = []
    with progress("explain", len(found.pairs)) as reporter:
        for name, finding in findings:
            reporter.note(said(name, finding))
        for pair in loaded(found.pairs, scale):
            findings += [(pair.name, finding) for finding in pair.findings]
            for finding in pair.findings:
                reporter.note(said(pair.name, finding))
            if pair.sr is not None and pair.hr is not None:
                images.append(measure(pair.name, pair.sr, pair.hr, scale, conventions))
            reporter.advance(printable(pair.name))
    if not images:
        raise UserError("no pair can be measured; the reasons are above")
    return images, findings


def _values(images: Sequence[ImageScores], conventions: Sequence[Convention]) -> list[Value]:
    from bench.explaining.scores import values

    return values(images, conventions)


def _print_head(found: Found, images: Sequence[ImageScores], scale: int) -> None:
    from bench.printable import printable

    of = "" if len(images) == found.expected else f" of {found.expected} expected"
    print(printable(f"sr: {found.sr_said}\nhr: {found.hr_said}"))
    print(f"{_counted(len(images))}{of}, scale {scale}")


def _print_like(library: str, images: Sequence[ImageScores]) -> None:
    from rich.console import Console

    from bench.explaining.table import like_table

    print(f"\nwhat {library} prints")
    Console().print(like_table(likes(library), images))


def _print_tables(values: Sequence[Value], images: int, scale: int, *, every: bool) -> None:
    from rich.console import Console

    from bench.explaining.conventions import CHANNELS
    from bench.explaining.table import spread, table, usual

    for metric in ("psnr", "ssim"):
        found = [value for value in values if value.metric == metric]
        shown = [value for value in found if every or usual(value.convention, images)]
        if not found:
            print(f"\nthe image is too small for {metric.upper()}")
            continue
        more = "" if every else "; --all shows more, also ranges taken wrongly"
        print(f"\n{spread(shown)}{more}")
        Console().print(table(shown, images, scale))
    print("\nof: " + "; ".join(f"{channel.name}: {channel.about}" for channel in CHANNELS.values()))


def _match(wanted: Sequence[Published], values: Sequence[Value], images: int, scale: int) -> list[Match]:
    from bench.explaining.match import match
    from bench.explaining.table import match_lines

    matches = [match(number, values) for number in wanted]
    for found in matches:
        print()
        for line in match_lines(found, images, scale):
            print(line)
    return matches


def _kernels(args: argparse.Namespace) -> int:
    from rich.console import Console

    from bench.datasets import load
    from bench.explaining.kernels import table
    from bench.images import read

    hr = args.images[0]
    pixels = (
        [read(Path(hr))]
        if Path(hr).is_file()
        else [load(image).pixels for image in _dataset(hr, args.scale).images]
    )
    print(
        f"{_counted(len(pixels))}, made smaller by {args.scale} and larger again; {args.scale} pixels shaved"
    )
    Console().print(table(pixels, args.scale))
    return DONE


def _dataset(hr: str, scale: int) -> Dataset:
    from bench.datasets import dataset, left_out

    data = dataset(hr, scale=scale)
    for line in left_out(data):
        print(line, file=sys.stderr)
    return data


def _counted(images: int) -> str:
    return "1 image" if images == 1 else f"{images} images"


if __name__ == "__main__":
    sys.exit(main())
