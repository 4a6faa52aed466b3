"""Speed: the paper's Table 1 on this machine, and the time of any registered model.

python -m bench.speed --sizes 256 512 1024
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, device, guard, progress, writable_file

if TYPE_CHECKING:
    import torch

    from bench.store import Store
    from bench.timing.request import Request
    from bench.timing.rows import Row

EXAMPLES = """examples:
  python -m bench.speed --sizes 256 512 1024
  python -m bench.speed --sizes 512 --models style-johnson-candy srcnn-955 bicubic
  python -m bench.speed --sizes 512 --models style-paper --ladder --json ladder.json

Both sides of Table 1 are plain eager float32. On a CPU the optimisation is timed over a few iterations after a
warm-up, and scaled; such cells are marked *. A run that was stopped goes on where it was with the same command.
exit status: 0 done, 1 something could not be timed, 2 bad usage, 130 interrupted"""
WIDTH_OF_A_FILE = 160
HELP = {
    "sizes": "side of the image that comes out (default: 256 512 1024)",
    "iterations": "of the optimisation (default: 100 300 500)",
    "models": "default: gatys style-paper, which make Table 1; see --list; or paths of models, see docs/models.md",
    "scale": "of upscalers (default: 4, or what a model from outside has)",
    "ladder": "time each network in every form: layout, precision, compiler, graph, ONNX Runtime",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "time-limit": "of one network's repetitions; twice that for the optimisation (default: 20)",
    "db": "the results file (default: results.db)",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.speed",
        description="Time Gatys' optimisation and the network that replaces it, or any registered model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "--sizes", nargs="+", type=arguments.side, default=[256, 512, 1024], metavar="N", help=HELP["sizes"]
    )
    p.add_argument(
        "--iterations",
        nargs="+",
        type=arguments.count,
        default=[100, 300, 500],
        metavar="N",
        help=HELP["iterations"],
    )
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--list", action="store_true", help="print the names of what can be timed")
    p.add_argument("--scale", type=arguments.scale, metavar="N", help=HELP["scale"])
    p.add_argument("--ladder", action="store_true", help=HELP["ladder"])
    p.add_argument("--full", action="store_true", help="run all iterations of the optimisation on a CPU too")
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--time-limit", type=float, default=20.0, metavar="SECONDS", help=HELP["time-limit"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="measure again what the results file already has")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write rows and certificates as JSON")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    command = list(argv) if argv is not None else sys.argv[1:]
    return guard(list_names if args.list else lambda: run(args, command))


def list_names() -> int:
    """Print what can be timed."""
    from bench import stylizers, upscalers

    print("gatys                  the optimisation that the paper's networks replace: L-BFGS, VGG-16")
    for stylizer in stylizers.STYLIZERS.values():
        print(f"{stylizer.name:<22} {stylizer.about}")
    for upscaler in upscalers.UPSCALERS.values():
        print(f"{upscaler.name:<22} {upscaler.about}")
    return DONE


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Time everything that was asked for and print it."""
    from bench.timing.request import request

    asked = request(
        sizes=args.sizes,
        iterations=args.iterations,
        models=args.models,
        scale=args.scale,
        ladder=args.ladder,
        full=args.full,
        force=args.force,
        time_limit_seconds=args.time_limit,
    )
    json_file = writable_file(args.json) if args.json else None
    from bench.outputs import model_files, refuse_clashes, store_files
    from bench.store import Store

    refuse_clashes(
        reads=model_files(asked.models),
        writes=[*store_files("--db", args.db), *([("--json", json_file)] if json_file else [])],
    )
    found: list[Row] = []
    where = device(args.device)
    try:
        with Store(args.db) as store:
            measure(asked, where, store, command, found)
    finally:
        report(found, args.db, json_file, args.json)
    return FAILED if any(row.error and row.rung in {"", "eager"} for row in found) else DONE


def measure(
    asked: Request, where: torch.device, store: Store, command: Sequence[str], found: list[Row]
) -> None:
    """Append rows to `found` as they come, so that an interrupted run still shows them."""
    from bench.environment import environment, summary
    from bench.forms.form import exact_float32
    from bench.records import Run
    from bench.store import now
    from bench.timing.run import Bench, rows, steps

    exact_float32()
    machine = environment(str(where))
    print(summary(machine))
    number = store.start(Run(program="speed", command=tuple(command), started=now(), environment=machine))
    with progress("speed", steps(asked)) as reporter:
        bench = Bench(
            asked=asked, device=where, environment=machine, store=store, run=number, reporter=reporter
        )
        for row in rows(bench):
            found.append(row)
    store.finish(number)


def report(found: Sequence[Row], db: Path, json_file: Path | None, shown: Path | None = None) -> None:
    """Print the tables of what was measured, and write the JSON, whose name is printed as `shown`."""
    from rich.console import Console

    from bench.files.replacing import replacing
    from bench.timing import rows as speed_rows
    from bench.timing import table as speed_table

    if not found:
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
    for titled in speed_table.tables(found):
        console.print()
        console.print(titled.title, style="bold", highlight=False)
        console.print(titled.table)
    print(*speed_table.notes(found), sep="\n")
    print(f"\nresults: {db}")
    if json_file is not None:
        with replacing(json_file) as part:
            part.write_text(speed_rows.to_json(found), encoding="utf-8")
        print(f"json:    {shown or json_file}")


if __name__ == "__main__":
    raise SystemExit(main())
