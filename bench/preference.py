"""A preference study, as the paper's: which of two enlargements do people prefer.

python -m bench.preference build srcnn-955 sr-feature --dataset bsd100 --out study
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import arguments
from bench.cli import guard
from bench.config_file import parse, with_config
from bench.study.config import BuildConfig, ScoreConfig

EXAMPLES = """examples:
  python -m bench.preference build srcnn-955 sr-feature --dataset bsd100 --out study
  python -m bench.preference build bicubic srcnn-955 sr-feature --dataset bsd100 --out study --limit 20 --attention-checks 6
  python -m bench.preference build bicubic sr-pixel --dataset set14 --out study --completion-code C1A2B3
  python -m bench.preference score answers/*.json --key study/key.json --json preference.json

`build` writes DIR/page, which goes to the workers (index.html opens from a file address or any web server and sends
nothing), and DIR/key.json, which they must not see and without which no answer can be scored.
exit status: 0 done, 1 a file of answers was refused (the others are scored) or nothing is left to score, 2 bad usage,
130 interrupted"""
LEAST_RIGHT = 0.8


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.preference",
        description="Ask people which of two enlargements they prefer, and score what they answer.",
        epilog=EXAMPLES,
    )
    programs = p.add_subparsers(dest="program", required=True, metavar="build|score")
    _add_build(arguments.add_command(programs, "build", "make the page and its key from stored images"))
    _add_score(arguments.add_command(programs, "score", "score the files that workers sent"))
    return with_config(p)


def _add_build(p: argparse.ArgumentParser) -> None:
    p.add_argument("models", nargs="+", metavar="MODEL", help="two or more of which the results have images")
    p.add_argument("--dataset", required=True, metavar="NAME", help="as in the results")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the page and the key go")
    p.add_argument(
        "--scale", type=arguments.scale, default=4, metavar="N", help="upscaling factor (default: 4)"
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
        "--attention-checks",
        type=arguments.count,
        metavar="N",
        help="trials with a known answer: hr against the enlarged lr (default: 10, at most the images)",
    )
    p.add_argument(
        "--seed",
        type=arguments.seed,
        default=0,
        metavar="N",
        help="of the random choice; another seed gives another study",
    )
    p.add_argument(
        "--instructions",
        type=Path,
        metavar="FILE",
        help="your text on the first page, above the introduction",
    )
    p.add_argument(
        "--consent", type=Path, metavar="FILE", help="text that workers must agree to before the first pair"
    )
    p.add_argument(
        "--completion-code",
        metavar="TEXT",
        help="shown once all pairs are answered, for a crowdsourcing platform; 1 to 64 printable characters",
    )
    p.add_argument(
        "--force",
        action="store_true",
        help="replace the study in DIR; answers to the old one can then be scored only with a copy of its key",
    )
    arguments.aliases(p, catch="--attention-checks")


def _add_score(p: argparse.ArgumentParser) -> None:
    p.add_argument("answers", nargs="+", type=Path, metavar="FILE", help="answers that workers saved")
    p.add_argument("--key", type=Path, required=True, metavar="FILE", help="the key.json of the study")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the result as JSON, for the report")
    p.add_argument(
        "--min-attention-accuracy",
        type=float,
        default=LEAST_RIGHT,
        metavar="SHARE",
        help=f"workers who pass a smaller share of the attention checks are dropped, 0 to 1 (default: {LEAST_RIGHT})",
    )
    p.add_argument(
        "--seed",
        type=arguments.seed,
        default=0,
        metavar="N",
        help="of the bootstrap over images (default: 0)",
    )
    arguments.aliases(p, least_right="--min-attention-accuracy")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    options = vars(args)
    return guard(lambda: run(options.pop("program"), options))


def run(program: str, options: Mapping[str, Any]) -> int:
    """Check the options, then build or score."""
    config = BuildConfig.of(options) if program == "build" else ScoreConfig.of(options)
    from bench.commands.preference import build, score

    return build(config) if isinstance(config, BuildConfig) else score(config)


if __name__ == "__main__":
    raise SystemExit(main())
