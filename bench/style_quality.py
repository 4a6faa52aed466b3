"""Style quality: the objective of networks against that of the optimisation, iteration by iteration (Figure 5).

python -m bench.style_quality --style la_muse --sizes 256 512 1024 --images coco50
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments, shard
from bench.cli import DONE, FAILED, device, guard, progress, writable_file
from bench.cluster import engines
from bench.failures import print_lacking
from bench.loss_networks import LOSS_WEIGHTS
from bench.styles import INITIAL, STYLE_SIZE

if TYPE_CHECKING:
    import torch

    from bench.cluster.pool import Cluster
    from bench.records import Failure
    from bench.store import Store
    from bench.styling.plan import Plan
    from bench.styling.request import Request
    from bench.styling.run import Pool
    from bench.styling.table import Panel

SIZES = (256, 512, 1024)
PICTURE_LIMIT = 8
NARROWEST, WIDTH_OF_A_FILE = 112, 160
EXAMPLES = """examples:
  python -m bench.style_quality --style la_muse --sizes 256 512 1024 --images coco50
  python -m bench.style_quality --style la_muse --sizes 256 --limit 2 --iterations 100
  python -m bench.style_quality --style my_style.jpg --images my_photos/ --loss-network vgg19-conv3_1

For each image an iteration at 512x512 takes 1 to 2 s on two CPU cores: --limit and --iterations are for a quick look.
A run that was stopped goes on where it was with the same command; more --iterations begin anew, fewer use what is there.
exit status: 0 done, 1 something could not be measured at all, 2 bad usage, 130 interrupted"""
HELP = {
    "style": "a style by name, or the file of a picture; several are allowed",
    "sizes": "side of the contents, each cut to a square (default: 256 512 1024)",
    "images": "a data set or a folder of images (default: coco50)",
    "models": "default: every registered network of the style that can be loaded",
    "initial": "what the optimisation starts from: normal noise of one level about the mean, as the release (default), "
    "uniform noise, or the content",
    "loss-network": "default: the one that the first of the networks was trained with, else vgg16",
    "layers": "default: the loss network's own",
    "style-size": f"longer side of the style image (default: {STYLE_SIZE})",
    "batch": "contents in one optimisation (default: one on a CPU, as many as fit on a GPU)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "pictures": "where contents, style and results go as PNG (default: results/style)",
    "picture-limit": f"of the first N contents (default: {PICTURE_LIMIT})",
    "json": "also write the tables and the raw curves as JSON",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.style_quality",
        description="Measure the objective of style transfer: of contents, of networks, and of the optimisation "
        "against its iterations; find where the optimisation overtakes the networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--style", nargs="+", required=True, metavar="NAME|FILE", help=HELP["style"])
    p.add_argument("--sizes", nargs="+", type=arguments.side, default=SIZES, metavar="N", help=HELP["sizes"])
    p.add_argument("--images", default="coco50", metavar="DATASET|FOLDER", help=HELP["images"])
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    _add_baseline(p)
    _add_objective(p)
    _add_run(p)
    return p


def _add_baseline(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the optimisation")
    group.add_argument("--no-baseline", action="store_true", help="leave it out")
    group.add_argument("--iterations", type=arguments.count, default=500, metavar="N", help="(default: 500)")
    group.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs", help="(default: lbfgs)")
    group.add_argument("--initial", choices=tuple(INITIAL), default="gaussian", help=HELP["initial"])
    group.add_argument(
        "--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)"
    )
    group.add_argument("--batch", type=arguments.count, metavar="N", help=HELP["batch"])


def _add_objective(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the objective")
    group.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), help=HELP["loss-network"])
    group.add_argument("--content-layers", nargs="+", metavar="NAME", help=HELP["layers"])
    group.add_argument("--style-layers", nargs="+", metavar="NAME", help=HELP["layers"])
    group.add_argument("--content-weight", type=float, default=1.0, metavar="X", help="(default: 1)")
    group.add_argument("--style-weight", type=float, metavar="X", help=HELP["layers"])
    group.add_argument("--tv-weight", type=float, metavar="X", help=HELP["layers"])
    group.add_argument(
        "--style-size", type=arguments.side, default=STYLE_SIZE, metavar="N", help=HELP["style-size"]
    )


def _add_run(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the run")
    group.add_argument("--limit", type=arguments.count, metavar="N", help="only the first N images")
    group.add_argument("--shard", metavar="I/N", help=shard.HELP)
    engines.add_options(group)
    group.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    db = "the results file (default: results.db)"
    group.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=db)
    pictures = group.add_mutually_exclusive_group()
    where = Path("results/style")
    pictures.add_argument("--pictures", type=Path, default=where, metavar="DIR", help=HELP["pictures"])
    pictures.add_argument("--no-pictures", action="store_true", help="write no pictures")
    group.add_argument(
        "--picture-limit",
        type=arguments.count,
        default=PICTURE_LIMIT,
        metavar="N",
        help=HELP["picture-limit"],
    )
    group.add_argument("--force", action="store_true", help="measure again what the results file already has")
    group.add_argument("--json", type=Path, metavar="FILE", help=HELP["json"])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    command = list(argv) if argv is not None else sys.argv[1:]
    return guard(lambda: run(args, command))


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Measure everything that was asked for and print it."""
    asked = _request(args)
    json_file = writable_file(args.json) if args.json else None
    refuse_inputs(args, asked, json_file)
    from bench.datasets import left_out
    from bench.printable import printable
    from bench.store import Store

    for line in left_out(asked.dataset):
        print(printable(line), file=sys.stderr)

    with Store(args.db) as store, engines.chosen(args) as cluster:
        where = device("cpu" if cluster else args.device)
        panels, complete = measure(asked, where, store, command, cluster)
    if json_file is not None:
        from bench.files.replacing import replacing
        from bench.styling.table import to_json

        with replacing(json_file) as part:
            part.write_text(to_json(panels), encoding="utf-8")
    _print_end(args)
    return DONE if complete else FAILED


def refuse_inputs(args: argparse.Namespace, asked: Request, json_file: Path | None) -> None:
    """Refuse outputs that are inputs, or share a path."""
    from bench.outputs import image_files, image_folders, model_files, refuse_clashes, store_files

    refuse_clashes(
        reads=[
            *model_files(args.models or ()),
            *(("--style", style.file) for style in asked.styles),
            *image_files([asked.dataset]),
        ],
        writes=[*store_files("--db", args.db), *([("--json", json_file)] if json_file else [])],
        folders_read=image_folders([asked.dataset]),
        folders_written=[] if asked.pictures is None else [("--pictures", asked.pictures)],
    )


def _request(args: argparse.Namespace) -> Request:
    from bench.styling.request import Baseline, Objective, request

    baseline = Baseline(method=args.method, iterations=args.iterations, initial=args.initial, seed=args.seed)
    objective = Objective(
        loss_network=args.loss_network,
        content_layers=_once(args.content_layers),
        style_layers=_once(args.style_layers),
        content_weight=args.content_weight,
        style_weight=args.style_weight,
        tv_weight=args.tv_weight,
        style_size=args.style_size,
    )
    return request(
        styles=args.style,
        sizes=args.sizes,
        images=args.images,
        models=args.models,
        objective=objective,
        baseline=None if args.no_baseline else baseline,
        batch=args.batch,
        limit=args.limit,
        pictures=None if args.no_pictures else args.pictures.absolute(),
        picture_limit=args.picture_limit,
        force=args.force,
        part=args.shard,
    )


def _once(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(names))


def measure(
    asked: Request, where: torch.device, store: Store, command: Sequence[str], cluster: Cluster | None = None
) -> tuple[list[Panel], bool]:
    """Measure, then print the tables of each style and size.

    Args:
        cluster: that does the work; `where` is then what the networks are looked at on here.

    Returns:
        What was printed, and whether every subject has at least one content.
    """
    from bench.cluster.engines import machine_of
    from bench.gpu import exact_float32
    from bench.records import Run
    from bench.store import now
    from bench.styling.plan import plans

    exact_float32()
    todo = plans(asked, where, tell=print, say=lambda text: print(text, file=sys.stderr))
    record = Run(
        program="style_quality",
        command=tuple(command),
        started=now(),
        environment=machine_of(where, cluster),
        protocols=tuple(plan.protocol for plan in todo),
    )
    number = store.start(record)
    panels, complete = _measure(todo, store, number, _pool(asked, cluster))
    store.finish(number)
    for panel in panels:
        _print_panel(panel)
    _print_failures(store.failures(number))
    return panels, complete


def _pool(asked: Request, cluster: Cluster | None) -> Pool:
    from bench.styling.run import in_batches

    if cluster is None:
        return in_batches
    from bench.cluster.style import in_cluster

    return in_cluster(cluster, asked)


def _measure(todo: Sequence[Plan], store: Store, number: int, pool: Pool) -> tuple[list[Panel], bool]:
    from bench.styling import run as style_run
    from bench.styling.outcome import machines, results
    from bench.styling.summary import comparisons
    from bench.styling.table import Panel

    panels, complete = [], True
    with progress("style_quality", sum(len(p.dataset.images) * style_run.steps(p) for p in todo)) as reporter:
        for plan in todo:
            curves = results(plan, store, style_run.measure(plan, store, number, reporter, pool))
            complete &= {curve.subject for curve in curves} == set(plan.subjects)
            panels += [
                Panel(
                    title=plan.title,
                    protocol=plan.protocol,
                    baseline=plan.baseline,
                    comparison=comparison,
                    machines=tuple(machines(store, curves)),
                )
                for comparison in comparisons(curves)
            ]
    return panels, complete


def _print_panel(panel: Panel) -> None:
    from rich.console import Console

    from bench.printable import printable
    from bench.styling import table as style_table

    console = Console(width=WIDTH_OF_A_FILE)
    if sys.stdout.isatty():
        console.width = max(NARROWEST, Console().width)
    title = f"\n{panel.title}, {panel.comparison.dataset}: the objective, mean ±sd"
    console.print(printable(title), markup=False, highlight=False, style="bold", soft_wrap=True)
    console.print(style_table.objectives(panel))
    if panel.comparison.overtakings:
        console.print("\nthe optimisation overtakes the network", style="bold", highlight=False)
        console.print(style_table.overtakings(panel))
    print()
    print(*style_table.notes(panel), sep="\n")


def _print_failures(failures: Sequence[Failure]) -> None:
    lines = [f"{one.image}{f' ({one.model})' if one.model else ''}: {one.reason}" for one in failures]
    print_lacking("an image, or a subject on an image, could not be measured", lines)


def _print_end(args: argparse.Namespace) -> None:
    print(f"\nresults:  {args.db}")
    if not args.no_pictures:
        print(f"pictures: {args.pictures}")
    if args.json:
        print(f"json:     {args.json}")
    if args.limit is not None:
        print("only the first of the images were asked for (--limit)")
    if args.shard is not None:
        print(
            f"only part {args.shard} of the images was asked for (--shard); join the parts with bench.merge"
        )


if __name__ == "__main__":
    raise SystemExit(main())
