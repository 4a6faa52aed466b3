"""Super-resolution quality: degrade, upscale and score data sets under a declared protocol.

python -m bench.sr_quality set5 set14 bsd100
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments, shard
from bench.cli import DONE, FAILED, as_given, device, guard, progress, writable_file
from bench.cluster import engines
from bench.errors import MissingFile
from bench.failures import place, print_lacking

if TYPE_CHECKING:
    import torch

    from bench.cluster.pool import Cluster
    from bench.published import Published
    from bench.records import Failure
    from bench.scoring.engine import Pool
    from bench.scoring.plan import Plan
    from bench.scoring.request import Request
    from bench.scoring.summary import Row
    from bench.store import Store

DEFAULT_METRICS = "psnr ssim ms-ssim lpips-alex feature-relu2_2"
EXPORTS = ("json", "csv", "latex", "markdown")
EXAMPLES = """examples:
  python -m bench.sr_quality set5 set14 bsd100
  python -m bench.sr_quality set5 --models bicubic srcnn-955 --protocol srcnn2014 --json set5.json
  python -m bench.sr_quality path/to/my/images --scales 2 4 --metrics psnr ssim ms-ssim
  python -m bench.sr_quality --list

A run that was stopped goes on where it was with the same command.
exit status: 0 done, 1 something could not be scored at all, 2 bad usage, 130 interrupted"""


HELP = {
    "datasets": "a name from --list, or a folder of images",
    "list": "print the names of models, data sets, metrics, protocols and what each needs",
    "models": "names from --list, or paths: a checkpoint, an ONNX file, FILE.py:NAME, a folder of images, each with "
    "options as in net.onnx,range=255 (default: all that have weights for the scale)",
    "scales": "hr size over lr size (default: 4)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "the results file (default: results.db)",
    "images": "where hr, lr and sr go as PNG (default: results/images)",
    "lr": "lr made from hr by the protocol, or the lr files in the data set's folder, also as "
    "files,pattern={stem}_LRBI_x4 (default: made)",
    "tile": "lr pixels per side of a tile; auto: large images, as memory asks, where it changes no value; or off "
    "(default: auto)",
    "shard": shard.HELP,
    "self-ensemble": "beside each network a row NAME+: the mean over 8 flips and rotations",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.sr_quality",
        description="Degrade, upscale and score data sets: one table per data set and scale, raw values in a results file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("datasets", nargs="*", metavar="DATASET", help=HELP["datasets"])
    p.add_argument("--list", action="store_true", help=HELP["list"])
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--scales", nargs="+", type=arguments.scale, default=[4], metavar="N", help=HELP["scales"])
    p.add_argument("--metrics", nargs="+", metavar="NAME", help=f"default: {DEFAULT_METRICS}")
    p.add_argument("--protocol", default="johnson2016", metavar="NAME", help="default: johnson2016")
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    engines.add_options(p)
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    pictures = p.add_mutually_exclusive_group()
    pictures.add_argument(
        "--images", type=Path, default=Path("results/images"), metavar="DIR", help=HELP["images"]
    )
    pictures.add_argument("--no-images", action="store_true", help="write no images")
    p.add_argument("--lr", default="made", metavar="made|files", help=HELP["lr"])
    p.add_argument("--tile", default="auto", metavar="N", help=HELP["tile"])
    p.add_argument("--self-ensemble", action="store_true", help=HELP["self-ensemble"])
    p.add_argument(
        "--limit", type=arguments.count, metavar="N", help="only the first N images of each data set"
    )
    p.add_argument("--shard", metavar="I/N", help=HELP["shard"])
    p.add_argument("--force", action="store_true", help="score again what the results file already has")
    p.add_argument("--strict", action="store_true", help="stop at the first image that cannot be scored")
    for name in EXPORTS:
        p.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"also write the results as {name}")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    p = parser()
    args = p.parse_args(argv)
    command = list(argv) if argv is not None else sys.argv[1:]
    if args.list:
        return guard(list_names)
    if not args.datasets:
        p.error("name at least one data set, or --list to see them")
    return guard(lambda: run(args, command))


def list_names() -> int:
    """Print every name with what it still needs."""
    from bench.scoring.listing import lines

    for line in lines():
        print(line)
    return DONE


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Score everything that was asked for and print it."""
    from bench.scoring.request import request

    asked = request(
        datasets=args.datasets,
        protocol_name=args.protocol,
        scales=args.scales,
        models=args.models,
        metric_names=args.metrics,
        limit=args.limit,
        pictures=None if args.no_images else args.images.absolute(),
        force=args.force,
        strict=args.strict,
        tile=args.tile,
        self_ensemble=args.self_ensemble,
        lr=args.lr,
        part=args.shard,
    )
    exports = {name: writable_file(getattr(args, name)) for name in EXPORTS if getattr(args, name)}
    refuse_inputs(args, asked, exports)
    from bench.store import Store

    with Store(args.db) as store, engines.chosen(args) as cluster:
        where = device("cpu" if cluster else args.device)
        tables, complete = score(asked, where, store, command, cluster)
    for name, file in exports.items():
        _export(name, file, tables)
    _print_end(args, exports)
    return DONE if complete else FAILED


def refuse_inputs(args: argparse.Namespace, asked: Request, exports: Mapping[str, Path]) -> None:
    """Refuse outputs that are inputs, or share a path; folders of single models are looked at with the plans."""
    from bench.files.outputs import image_files, image_folders, model_files, refuse_clashes, store_files

    refuse_clashes(
        reads=[*model_files(asked.models), *image_files(asked.datasets)],
        writes=[*store_files("--db", args.db), *((f"--{name}", file) for name, file in exports.items())],
        folders_read=image_folders(asked.datasets),
        folders_written=[] if asked.pictures is None else [("--images", asked.pictures)],
    )


def score(
    asked: Request, where: torch.device, store: Store, command: Sequence[str], cluster: Cluster | None = None
) -> tuple[list[Row], bool]:
    """Score, then print a table per data set and scale.

    Args:
        cluster: that does the work; `where` is then what the models are looked at on here.

    Returns:
        The rows, and whether every model, metric and data set has at least one score.
    """
    from bench import cache
    from bench.cluster.engines import machine_of
    from bench.datasets import left_out
    from bench.gpu import exact_float32
    from bench.metrics import info
    from bench.printable import printable
    from bench.records import Run
    from bench.scoring.rows import refuse_folders
    from bench.scoring.session import plans
    from bench.store import now

    exact_float32()
    for data in asked.datasets:
        for line in left_out(data):
            print(printable(line), file=sys.stderr)
    todo = plans(asked, where, lambda text: print(text, file=sys.stderr))
    for plan in todo:
        refuse_folders(plan)
    machine = machine_of(where, cluster)
    record = Run(
        program="sr_quality",
        command=tuple(command),
        started=now(),
        environment=machine,
        protocols=tuple(dict.fromkeys(plan.protocol for plan in todo)) or asked.protocols,
        metrics=tuple(info(name, cache.used_name) for name in asked.metrics),
    )
    number = store.start(record)
    tables, complete = _evaluate(todo, store, number, _pool(asked, cluster))
    store.finish(number)
    for plan in todo:
        _print_tables(plan, tables)
        _print_crops(plan)
    _print_failures(store.failures(number))
    return tables, complete


def _pool(asked: Request, cluster: Cluster | None) -> Pool:
    from bench.scoring.engine import in_threads

    if cluster is None:
        return in_threads
    from bench.cluster.images import in_cluster

    return in_cluster(cluster, asked)


def _evaluate(todo: Sequence[Plan], store: Store, number: int, pool: Pool) -> tuple[list[Row], bool]:
    from bench.records import HR
    from bench.scoring.engine import evaluate
    from bench.scoring.stored import results

    tables: list[Row] = []
    complete = True
    with progress("sr_quality", sum(len(plan.dataset.images) for plan in todo)) as reporter:
        for plan in todo:
            try:
                rows = results(plan, store, evaluate(plan, store, number, reporter, pool))
            except MissingFile as error:
                reporter.note(f"data set {plan.dataset.name} skipped: {error}")
                rows = []
            named = sum(metric.named or metric.entry.least == 1 for metric in plan.metrics)
            of_models = sum(row.model != HR for row in rows)
            complete &= of_models >= len(plan.subjects) * named > 0
            tables += rows
    return tables, complete


def _print_tables(plan: Plan, tables: Sequence[Row]) -> None:
    from rich.console import Console

    from bench.scoring.summary import Block, terminal_table

    others = _published(plan)
    mine = [
        row for row in tables if (row.dataset, row.protocol_hash) == (plan.dataset.name, plan.protocol.hash)
    ]
    for block in Block.all(mine):
        console = Console()
        console.print(f"\n{block.title}", markup=False, highlight=False, style="bold", soft_wrap=True)
        shown = [o for o in others if any(o.text(m) for m in block.metrics)]
        console.print(terminal_table(block, shown))
        for note in block.notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)
        for other in shown:
            if other.cannot:
                console.print(
                    f"{other.model} ({other.source}): {other.cannot}", markup=False, highlight=False
                )


def _published(plan: Plan) -> list[Published]:
    """What others print of the data set; nothing beside a part of it."""
    from bench.datasets import dataset, names
    from bench.published import published

    data = plan.dataset
    if data.name in names() and len(data.images) != len(dataset(data.name).images):
        return []
    return published(
        dataset=data.name,
        scale=plan.protocol.scale,
        channel=plan.protocol.channel,
        models=[s.name for s in plan.subjects],
    )


def _print_crops(plan: Plan) -> None:
    from bench.crops import write_crops
    from bench.scoring.rows import pictures_folder

    if plan.pictures is not None:
        models = [subject.name for subject in plan.subjects]
        for file in write_crops(pictures_folder(plan), plan.dataset.name, plan.protocol.scale, models):
            print(f"crops: {as_given(file)}")


def _export(name: str, file: Path, tables: Sequence[Row]) -> None:
    from bench.files.replacing import replacing
    from bench.scoring import summary

    with replacing(file) as part:
        part.write_text(getattr(summary, f"to_{name}")(tables), encoding="utf-8")


def _print_failures(failures: Sequence[Failure]) -> None:
    lacking = sorted({(f.dataset, f.scale, f.image, f.model) for f in failures})
    print_lacking("an image, or a model on an image, could not be scored", [place(*one) for one in lacking])


def _print_end(args: argparse.Namespace, exports: Mapping[str, Path]) -> None:
    print(f"\nresults: {args.db}")
    if not args.no_images:
        print(f"images:  {args.images}")
    for name in exports:
        print(f"{name + ':':<8} {getattr(args, name)}")
    if args.limit is not None:
        print(f"only the first {args.limit} images of each data set were asked for (--limit)")
    if args.shard is not None:
        print(
            f"only part {args.shard} of each data set was asked for (--shard); join the parts with bench.merge"
        )


if __name__ == "__main__":
    raise SystemExit(main())
