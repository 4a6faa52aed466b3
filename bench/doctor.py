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
    from bench.examining.inventory import GroupReport
    from bench.records import Environment

EXAMPLES = """examples:
  python -m bench.doctor                      what is there, by size
  python -m bench.doctor --verify             what is there, by sha256
  python -m bench.doctor --fetch              get everything (1.6 GB)
  python -m bench.doctor --fetch set5 vgg16   get two groups
  python -m bench.doctor --json doctor.json   the same for a program
  python -m bench.doctor --report             a block to paste into an issue, without names, paths and tokens
  python -m bench.doctor --report --db results.db   the last runs and failures too

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
    p.add_argument("--report", action="store_true", help="print only a block to paste into an issue")
    p.add_argument(
        "--db", type=Path, metavar="FILE", help="with --report: a results file whose failures to tell"
    )
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, fetch, examine, print; see :data:`EXAMPLES`."""
    p = parser()
    args = p.parse_args(argv)
    if args.db and not args.report:
        p.error("--db goes with --report")
    if args.report and (args.json or args.fetch is not None):
        p.error("--report goes with --db and --verify alone")
    return guard(lambda: tell(args) if args.report else doctor(args))


def tell(args: argparse.Namespace) -> int:
    """Print the block for an issue; whatever it says, it is done."""
    from bench.examining.report import report

    letters = sys.stdout.encoding or "utf-8"
    print(report(db=args.db, verify=args.verify).encode(letters, "replace").decode(letters))
    return DONE


def doctor(args: argparse.Namespace) -> int:
    """Fetch what was asked for, then show everything there is to know."""
    from rich.console import Console

    from bench.devices import devices
    from bench.environment import environment
    from bench.examining.fetching import fetch
    from bench.examining.inventory import inventory
    from bench.examining.tables import MANY, show
    from bench.files.replacing import replacing
    from bench.outputs import refuse_clashes

    target = writable_file(args.json) if args.json else None
    refuse_clashes(writes=[("--json", target)] if target else [])
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
        found = findings(machine, groups, failures, verified=args.verify)
        with replacing(target) as part:
            part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
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
