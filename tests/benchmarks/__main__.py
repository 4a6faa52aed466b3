"""Measure the speed claims and compare them with the committed baseline of this kind of machine.

python -m tests.benchmarks                     compare; what lost more than 15 % is measured twice more
python -m tests.benchmarks --update-baseline   measure three times and commit the medians
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import guard
from tests.benchmarks.guard import Entry, MeasuredImage

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
REPEATS = 2
UPDATE_RUNS = 3
PACKAGES = ("torch", "numpy", "scikit-image", "onnxruntime")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="nox -s benchmarks --", description=__doc__.partition("\n")[0])
    p.add_argument("files", nargs="*", metavar="FILE", help="of tests/benchmarks (default: all)")
    p.add_argument(
        "--update-baseline", action="store_true", help="measure, and write this machine's baseline"
    )
    p.add_argument(
        "--runs",
        type=int,
        default=UPDATE_RUNS,
        metavar="N",
        help="with --update-baseline: median of N (default: 3)",
    )
    p.add_argument(
        "--baseline", type=Path, default=guard.FILE, metavar="FILE", help="default: the committed one"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """0 where nothing was lost, 1 where something was, 2 for bad usage."""
    p = parser()
    args = p.parse_args(argv)
    files = [Path(name).name for name in args.files] or sorted(f.name for f in FOLDER.glob("test_*_speed.py"))
    unknown = [name for name in files if not (FOLDER / name).is_file()]
    if unknown:
        p.error(f"tests/benchmarks has no {', '.join(unknown)}")
    key, machine, versions = this_machine()
    print(f"{machine}\n", flush=True)
    if args.update_baseline:
        return update(files, key, machine, versions, args)
    return check(files, key, args)


def check(files: Sequence[str], key: str, args: argparse.Namespace) -> int:
    """Measure, measure again what seems lost, print, and say whether anything was."""
    known = guard.read(args.baseline)
    baseline = known.get(key, {})
    runs = [[each for file in files for each in measure(file)]]
    for _ in range(REPEATS):
        again = guard.to_repeat(guard.compare(guard.best(runs), baseline, files))
        if not again:
            break
        print(f"measured again: {', '.join(again)}", flush=True)
        runs.append([each for name in again for each in measure(name)])
    found = guard.best(runs)
    lines = guard.compare(found, baseline, files)
    if args.json:
        args.json.write_text(
            json.dumps({each.name: vars(each) for each in found}, indent=1) + "\n", encoding="utf-8"
        )
    print_table(guard.rows(lines), guard.remarks(key, known))
    return int(any(line.fails for line in lines))


def update(
    files: Sequence[str], key: str, machine: str, versions: dict[str, str], args: argparse.Namespace
) -> int:
    """Measure each file `args.runs` times, write what passed, print it, and say whether all did."""
    new: dict[str, Entry] = {}
    ran: list[list[MeasuredImage]] = []
    for file in files:
        load = busy()
        runs = [measure(file) for _ in range(args.runs)]
        date = datetime.now(UTC).date().isoformat()
        new |= guard.entries(runs, date=date, busy=load, machine=machine, versions=versions)
        ran += runs
    known = guard.updated(guard.read(args.baseline), key, new, files)
    guard.write(known, args.baseline)
    lines = guard.compare(guard.best(ran), known[key], files)
    print_table(guard.rows(lines), [*guard.remarks(key, known), f"written: {len(new)} entries"])
    return int(any(line.fails for line in lines))


def measure(what: str) -> list[MeasuredImage]:
    """Run a file, or one benchmark of it, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratios.json"
        options = (
            "-q",
            "--benchmark-enable",
            "--benchmark-only",
            "--benchmark-disable-gc",
            "--benchmark-quiet",
        )
        plugin = ("-p", "tests.benchmarks.recorder", "--ratios", str(file))
        print(f"measuring {what}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugin, *options, str(FOLDER / what)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if not file.is_file():
            raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        found = json.loads(file.read_text(encoding="utf-8"))
    return list(records(found))


def records(found: dict[str, dict[str, object]]) -> Iterator[MeasuredImage]:
    """As the recorder wrote them."""
    for name, fields in found.items():
        yield MeasuredImage(name=name, **{k: v for k, v in fields.items() if v is not None})  # type: ignore[arg-type]


def this_machine() -> tuple[str, str, dict[str, str]]:
    """The kind of machine, a line about it, and the versions that a ratio depends on."""
    from bench.devices import devices
    from bench.environment import environment, suite, summary, version

    found = environment(devices()[-1])
    about = suite()
    versions = {name: number for name in PACKAGES if (number := version(name))}
    versions |= {"python": found.facts["python"], "commit": str(about["commit"] or "unknown")[:7]}
    return guard.machine_key(found.facts), summary(found), versions


def busy(seconds: float = 2.0) -> float:
    """Share of the machine that others use while we wait."""
    import psutil

    return float(psutil.cpu_percent(interval=seconds)) / 100


def print_table(cells: Sequence[tuple[str, ...]], remarks: Sequence[str]) -> None:
    """On a terminal or into a log, with nothing cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in guard.COLUMNS:
        numeric = column in {"bar", "baseline", "now", "change"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in cells:
        table.add_row(*row)
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)
    console.print("", table, "", *remarks, sep="\n", soft_wrap=True)


if __name__ == "__main__":
    raise SystemExit(main())
