"""What `bench.doctor` does once its options are parsed: fetch, examine, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, working, writable_file
from bench.data import cache, manifest
from bench.devices import devices
from bench.diagnostics.conclusion import conclusion
from bench.diagnostics.config import Config
from bench.diagnostics.fetching import fetch
from bench.diagnostics.inventory import GroupReport, inventory
from bench.diagnostics.names import name_clashes
from bench.diagnostics.report import report
from bench.diagnostics.tables import MANY, show, show_fetched
from bench.environment import environment
from bench.outputs import check_clashes
from bench.records import Environment
from bench.tables import to_json
from bench.text import log
from bench.text import show as show_lines


def run(config: Config) -> int:
    """Print the block for an issue, or download groups of files, or show everything there is to know."""
    if config.report:
        # A terminal whose encoding lacks a letter of the block shows "?": a report must come out on any machine.
        letters = sys.stdout.encoding or "utf-8"
        print(report(db=config.db, verify=config.verify).encode(letters, "replace").decode(letters))
        return DONE  # whatever the block says
    target = writable_file(config.json) if config.json else None
    check_clashes(writes=[("--json", target)] if target else [])
    failures = fetch(wanted(config.fetch)) if config.fetch is not None else ()
    machine = environment(devices()[-1])
    with working("hashing every file" if config.verify else "looking for files"):
        groups = inventory(verify=config.verify)
    console = Console(highlight=False)
    if config.fetch is None or config.verbose:
        show(console, machine, groups, verified=config.verify, verbose=config.verbose)
    else:  # the result of the download, and not everything else that there is to know
        show_fetched(console, [group for group in groups if not config.fetch or group.name in config.fetch])
    clashes = name_clashes()
    for line in clashes:
        log(f"name clash: {line}")
    shown = failures if config.verbose else failures[:MANY]
    for reason in shown:
        log(f"not fetched: {reason}")
    if len(shown) < len(failures):
        log(f"not fetched: {len(failures) - len(shown)} more (--verbose names them)")
    print()
    show_lines("conclusion", *(f"  {line}" for line in conclusion(groups)))
    if target:
        found = findings(machine, groups, failures, verified=config.verify) | {"name_clashes": clashes}
        with atomic_write(target) as part:
            part.write_text(to_json(found), encoding="utf-8", newline="\n")
    return FAILED if failures or any(group.having("damaged") for group in groups) else DONE


def wanted(names: Sequence[str]) -> tuple[str, ...]:
    """The files of the groups called `names`, of all groups for none.

    Raises:
        UserError: no group has that name.
    """
    groups = (
        # samples come with scikit-image and are shown as a group, but no server has them.
        [manifest.group(name) for name in names if name != "samples"] if names else manifest.groups().values()
    )
    return tuple(dict.fromkeys(file.name for group in groups for file in group.files))


def findings(
    machine: Environment, groups: Sequence[GroupReport], failures: Sequence[str], *, verified: bool
) -> dict[str, Any]:
    """Everything that is shown, as JSON has it."""
    return {
        "environment": dict(machine.facts),
        "environment_hash": machine.hash,
        "folder": str(cache.folder()),
        "verified": verified,
        "not_fetched": list(failures),
        "groups": [asdict(group) for group in groups],
    }
