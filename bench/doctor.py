"""What this machine is, and which data files are present, missing or damaged.

python -m bench.doctor --fetch set5
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli import DONE, FAILED, guard, writable_file

if TYPE_CHECKING:
    from bench.inventory import GroupReport
    from bench.records import Environment

EXAMPLES = """examples:
  python -m bench.doctor                      what is there, by size
  python -m bench.doctor --verify             what is there, by sha256
  python -m bench.doctor --fetch              get everything (1.6 GB)
  python -m bench.doctor --fetch set5 vgg16   get two groups
  python -m bench.doctor --json doctor.json   the same for a program

Files lie in $PERCEPTUAL_BENCH_DATA, or in perceptual-bench in the user's cache directory.
exit status: 0 nothing is damaged, 1 something is or could not be fetched, 2 bad usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.doctor",
        description="Show the machine, the versions, and which data files are present, missing or damaged.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "--fetch",
        nargs="*",
        metavar="GROUP",
        help="download what is missing or damaged: of these groups, or everything",
    )
    p.add_argument("--verify", action="store_true", help="hash every file instead of looking at its size")
    p.add_argument("--verbose", action="store_true", help="name every file that is missing, however many")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the findings as JSON")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, fetch, examine, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: doctor(args))


def doctor(args: argparse.Namespace) -> int:
    """Fetch what was asked for, then show everything there is to know."""
    from rich.console import Console

    from bench.doctor_tables import MANY, show
    from bench.environment import devices, environment
    from bench.fetching import fetch
    from bench.inventory import inventory

    target = writable_file(args.json) if args.json else None
    failures = fetch(wanted(args.fetch)) if args.fetch is not None else ()
    machine = environment(devices()[-1])
    groups = inventory(verify=args.verify)
    show(Console(highlight=False), machine, groups, verified=args.verify, verbose=args.verbose)
    shown = failures if args.verbose else failures[:MANY]
    for reason in shown:
        print(f"not fetched: {reason}", file=sys.stderr)
    if len(shown) < len(failures):
        print(f"not fetched: {len(failures) - len(shown)} more (--verbose names them)", file=sys.stderr)
    if target:
        target.write_text(
            json.dumps(findings(machine, groups, failures, verified=args.verify), indent=1) + "\n"
        )
    return FAILED if failures or any(group.having("damaged") for group in groups) else DONE


def wanted(names: Sequence[str]) -> tuple[str, ...]:
    """The files of the groups called `names`, of all groups for none.

    Raises:
        UserError: no group has that name.
    """
    from bench import manifest

    groups = (
        [manifest.group(name) for name in names if name != "samples"] if names else manifest.groups().values()
    )
    return tuple(dict.fromkeys(file.name for group in groups for file in group.files))


def findings(
    machine: Environment, groups: Sequence[GroupReport], failures: Sequence[str], *, verified: bool
) -> dict[str, Any]:
    """Everything that is shown, as JSON has it."""
    from bench import cache

    return {
        "environment": dict(machine.facts),
        "environment_hash": machine.hash,
        "folder": str(cache.folder()),
        "verified": verified,
        "not_fetched": list(failures),
        "groups": [asdict(group) for group in groups],
    }


if __name__ == "__main__":
    raise SystemExit(main())
