"""New metrics of images that were enlarged before: from the stored pictures, without running a network.

python -m bench.rescore --metrics lpips-vgg
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, device, guard, progress, writable_file
from bench.errors import MissingFile, StoreError, UserError
from bench.failures import place, print_lacking

if TYPE_CHECKING:
    import torch

    from bench.records import Failure, SRProtocol
    from bench.rescoring.request import Asked
    from bench.rescoring.run import Task
    from bench.scoring.plan import LoadedMetric
    from bench.scoring.summary import Row
    from bench.store import Store

EXPORTS = ("json", "csv", "latex", "markdown")
EXAMPLES = """examples:
  python -m bench.rescore --metrics lpips-vgg dists
  python -m bench.rescore --metrics ms-ssim --datasets set5 set14 --models bicubic sr-pixel --json new.json
  python -m bench.rescore --metrics ssim --db old.db --trust-pictures

Values are those that bench.sr_quality would have given, to the last bit; what is there already is not computed again.
A run that was stopped goes on where it was with the same command.
exit status: 0 done, 1 something could not be scored at all, 2 bad usage, 130 interrupted"""

HELP = {
    "metrics": "names of bench.sr_quality --list",
    "datasets": "as the results file calls them (default: all)",
    "models": "as its tables call them (default: all)",
    "protocol": "names (default: all)",
    "scales": "hr size over lr size (default: all)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "the results file, which is added to (default: results.db)",
    "trust": "also take pictures that an earlier version stored without a hash of their pixels",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.rescore",
        description="Score the stored pictures of bench.sr_quality with more metrics; no network is loaded or run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--metrics", nargs="+", required=True, metavar="NAME", help=HELP["metrics"])
    p.add_argument("--datasets", nargs="+", metavar="NAME", help=HELP["datasets"])
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--protocol", nargs="+", metavar="NAME", help=HELP["protocol"])
    p.add_argument("--scales", nargs="+", type=arguments.scale, metavar="N", help=HELP["scales"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="score again what the results file already has")
    p.add_argument("--trust-pictures", action="store_true", help=HELP["trust"])
    for name in EXPORTS:
        p.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write the results as {name}")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    command = list(argv) if argv is not None else sys.argv[1:]
    return guard(lambda: run(args, command))


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Rescore everything that was asked for and print it."""
    from bench import metrics
    from bench.files.outputs import refuse_clashes, store_files
    from bench.files.replacing import replacing
    from bench.rescoring.request import Filters, asked
    from bench.scoring import summary
    from bench.store import Store

    names = [metrics.entry(name).name for name in dict.fromkeys(args.metrics)]
    filters = Filters(
        datasets=args.datasets,
        models=args.models,
        protocols=args.protocol,
        scales=args.scales,
        trust=args.trust_pictures,
    )
    exports = {name: writable_file(getattr(args, name)) for name in EXPORTS if getattr(args, name)}
    if not args.db.is_file():
        raise StoreError(f"there is no results file {str(args.db)!r}")
    outputs = [(f"--{name}", file) for name, file in exports.items()]
    refuse_clashes(writes=[*store_files("--db", args.db), *outputs])
    where = device(args.device)
    with Store(args.db) as store:
        refuse_clashes(reads=picture_files(store), writes=outputs)
        wanted = asked(store, filters, _say)
        loaded = _load(names, where)
        todo = _tasks(wanted, loaded, where, args)
        tables, complete = score(todo, names, where, store, command)
    for name, file in exports.items():
        with replacing(file) as part:
            part.write_text(getattr(summary, f"to_{name}")(tables), encoding="utf-8")
    print(f"\nresults: {args.db}")
    for name in exports:
        print(f"{name + ':':<8} {getattr(args, name)}")
    return DONE if complete and wanted.whole else FAILED


def picture_files(store: Store) -> Iterator[tuple[str, Path]]:
    """The stored pictures, which are what is measured."""
    columns, rows = store.table("pictures")
    where = columns.index("file") if columns else 0
    for row in rows:
        yield "a stored picture", store.place.parent / str(row[where])


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _load(names: Sequence[str], where: torch.device) -> list[LoadedMetric]:
    from bench import cache, metrics
    from bench.scoring.plan import LoadedMetric

    loaded = []
    for name in names:
        try:
            metric = metrics.load(name, cache.find, where)
        except MissingFile as error:
            raise MissingFile(f"metric {name} cannot run: {error}") from error
        loaded.append(LoadedMetric(entry=metrics.used_entry(name, cache.used_name), metric=metric))
    return loaded


def _tasks(
    wanted: Asked, loaded: Sequence[LoadedMetric], where: torch.device, args: argparse.Namespace
) -> list[Task]:
    """One for each part that a metric can measure.

    Raises:
        UserError: a protocol that was named has luma only, and a metric measures colour.
    """
    from bench.rescoring.run import Task

    todo = []
    for part in wanted.parts:
        usable = [metric for metric in loaded if _measurable(metric, part.protocol, args.protocol)]
        if usable:
            todo.append(Task.of(part, usable, where, force=args.force, trust=args.trust_pictures))
    return todo


def _measurable(metric: LoadedMetric, protocol: SRProtocol, named: Sequence[str] | None) -> bool:
    if metric.entry.view != "rgb" or protocol.colour == "rgb":
        return True
    reason = f"metric {metric.entry.name} measures colour images, but protocol {protocol.name} has luma only"
    if protocol.name in (named or ()):
        raise UserError(f"{reason}; required another metric or protocol")
    _say(f"{reason}: left out")
    return False


def score(
    todo: Sequence[Task], names: Sequence[str], where: torch.device, store: Store, command: Sequence[str]
) -> tuple[list[Row], bool]:
    """Measure, then print a table per data set, scale and protocol.

    Returns:
        The rows, and whether there is something to do and each model of each part has a value of each metric.
    """
    from bench import cache
    from bench.environment import environment
    from bench.gpu import exact_float32
    from bench.metrics import info
    from bench.records import HR, Run
    from bench.rescoring.run import rescore
    from bench.scoring.stored import results
    from bench.store import now

    exact_float32()
    record = Run(
        program="rescore",
        command=tuple(command),
        started=now(),
        environment=environment(str(where)),
        protocols=tuple(dict.fromkeys(task.part.protocol for task in todo)),
        metrics=tuple(info(name, cache.used_name) for name in names),
    )
    number = store.start(record)
    tables: list[Row] = []
    with progress("rescore", sum(task.part.images for task in todo)) as reporter:
        for task in todo:
            tables += results(task.plan, store, rescore(task, store, number, reporter))
    store.finish(number)
    _print_tables(tables)
    _print_failures(store.failures(number))
    cells = sum(len(task.plan.subjects) * len(task.plan.metrics) for task in todo)
    return tables, sum(row.model != HR for row in tables) == cells > 0


def _print_tables(tables: Sequence[Row]) -> None:
    from rich.console import Console

    from bench.scoring.summary import Block, terminal_table

    for block in Block.all(tables):
        console = Console()
        console.print(f"\n{block.title}", markup=False, highlight=False, style="bold", soft_wrap=True)
        console.print(terminal_table(block, ()))
        for note in block.notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)


def _print_failures(failures: Sequence[Failure]) -> None:
    lacking = sorted({(f.dataset, f.scale, f.image, f.model) for f in failures})
    print_lacking("a picture could not be scored", [place(*one) for one in lacking])


if __name__ == "__main__":
    raise SystemExit(main())
