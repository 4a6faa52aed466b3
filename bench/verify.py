"""Published values, checked: score what a paper claims and say under which convention it holds.

python -m bench.verify CLAIMS.toml
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.arguments import aliases
from bench.cli import guard, loading
from bench.config_file import Command, parse, with_config
from bench.exporting.config import hub_dataset

EXAMPLES = """examples:
  python -m bench.verify                          (the claims of this package)
  python -m bench.verify my_claims.toml --db results.db --json verified.json
  python -m bench.verify --only rcan2018-bicubic-set5-x4
  python -m bench.verify --eval-results hub --hub-dataset set5=OWNER/Set5 set14=OWNER/Set14

The file is described in docs/verify.md. What was scored before is not scored again.
exit status: 0 every claim came out as it was expected, 1 one did not, or the file has a mistake, 2 bad usage, 130
interrupted"""
HELP = {
    "file": "a TOML file of claims (default: the one in the package)",
    "db": "the results file (default: results.db)",
    "save-images": "where hr, lr and sr go as PNG; conventions are tried on them (default: results/images)",
    "only": "only the claims of these ids",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "json": "also write every outcome as JSON",
    "eval-results": "also write the verified values for models' pages on the Hugging Face Hub: "
    "DIR/MODEL/.eval_results/*.yaml, as bench.export does",
    "hub-dataset": "what data sets are called on the Hub; --eval-results requires it for each that is scored",
    "source-url": "where the evaluation can be looked up, for --eval-results (default: none)",
    "source-name": "of --source-url",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.verify",
        description="Score published claims: verified under a convention, off by d under all, or not comparable.",
        epilog=EXAMPLES,
    )
    shipped = Path(__file__).with_name("claims.toml")
    p.add_argument("file", type=Path, nargs="?", default=shipped, metavar="CLAIMS.toml", help=HELP["file"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument(
        "--save-images", type=Path, default=Path("results/images"), metavar="DIR", help=HELP["save-images"]
    )
    aliases(p, images="--save-images")
    p.add_argument("--only", nargs="+", default=[], metavar="ID", help=HELP["only"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--json", type=Path, metavar="FILE", help=HELP["json"])
    _add_hub(p.add_argument_group("the Hugging Face Hub"))
    return with_config(p)


def _add_hub(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--eval-results", type=Path, metavar="DIR", help=HELP["eval-results"])
    group.add_argument(
        "--hub-dataset",
        nargs="+",
        action="extend",
        type=hub_dataset,
        default=[],
        metavar="NAME=ID",
        help=HELP["hub-dataset"],
    )
    group.add_argument("--source-url", metavar="URL", help=HELP["source-url"])
    group.add_argument("--source-name", metavar="TEXT", help=HELP["source-name"])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, score, judge; see :data:`EXAMPLES`."""
    args, command = parse(parser(), argv)
    return guard(lambda: run(args, command))


def run(args: argparse.Namespace, command: Command) -> int:
    """Check the file, then score."""
    from bench.verifying.config import Config, read

    config = Config(**{**vars(args), "only": tuple(args.only)})
    claims = read(config.file, config.only)  # what is wrong with it is said before torch is loaded
    config.check(claims)
    with loading("PyTorch"):
        from bench.commands.verify import verify

    return verify(config, claims, command)


if __name__ == "__main__":
    raise SystemExit(main())
