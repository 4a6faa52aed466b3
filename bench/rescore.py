"""New metrics of images that were enlarged before: from the stored pictures, without running a network.

python -m bench.rescore --metrics lpips-vgg
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import Command, parse, with_config
from bench.tables import FORMATS, format_title

EXAMPLES = """examples:
  python -m bench.rescore --metrics lpips-vgg dists
  python -m bench.rescore --metrics ms-ssim --datasets set5 set14 --models bicubic sr-pixel --json new.json
  python -m bench.rescore --metrics ssim --db old.db --skip-hash-check

Values are those that bench.sr_quality would have given, to the last bit; what is there already is not computed again.
Interrupted runs resume: repeat the command.
exit status: 0 done, 1 something could not be scored at all, 2 bad usage, 130 interrupted"""

HELP = {
    "metrics": "names of bench.sr_quality --list",
    "datasets": "as the results file calls them (default: all)",
    "models": "as its tables call them (default: all)",
    "protocol": "names (default: all)",
    "scales": "upscaling factor (default: all)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "the results file, which is added to (default: results.db)",
    "skip-hash-check": "also take images that an earlier version stored without a hash of their pixels",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.rescore",
        description="Score the stored images of bench.sr_quality with further metrics; no network is loaded or run.",
        epilog=EXAMPLES,
    )
    p.add_argument("--metrics", nargs="+", required=True, metavar="NAME", help=HELP["metrics"])
    p.add_argument("--datasets", nargs="+", metavar="NAME", help=HELP["datasets"])
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--protocol", nargs="+", metavar="NAME", help=HELP["protocol"])
    p.add_argument("--scales", nargs="+", type=arguments.scale, metavar="N", help=HELP["scales"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="score again what the results file already has")
    p.add_argument("--skip-hash-check", action="store_true", help=HELP["skip-hash-check"])
    arguments.aliases(p, trust_pictures="--skip-hash-check")
    for name in FORMATS:
        p.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"also write the results as {format_title(name)}"
        )
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args, command = parse(parser(), argv)
    options = vars(args)
    return guard(lambda: run(options, command))


def run(options: Mapping[str, Any], command: Command) -> int:
    """Check the options, then score."""
    from bench.quality.config import rescore_config

    checked = rescore_config(**options)  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.rescore import rescore

    return rescore(checked, command)


if __name__ == "__main__":
    raise SystemExit(main())
