"""What a layer keeps: images from the features of contents and from the Gram matrices of styles (Figures 3 and 4).

python -m bench.inversion contents --size 256
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, device, guard, progress
from bench.loss_networks import LOSS_WEIGHTS

if TYPE_CHECKING:
    import torch

    from bench.inverting.goals import Made
    from bench.inverting.request import Request
    from bench.store import Store

EXAMPLES = """examples:
  python -m bench.inversion contents --size 256
  python -m bench.inversion --styles starry_night la_muse --size 256
  python -m bench.inversion photo.jpg photos/ --layers relu1_1 relu3_1 --loss-network vgg19-conv3_1 --iterations 100

Each image begins as white noise. A run that was stopped goes on where it was with the same command.
exit status: 0 done, 1 of some layer there is no image at all, 2 bad usage, 130 interrupted"""

COLUMNS = ("image", "layer", "start", "end", "iterations", "seconds", "file")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.inversion",
        description="Images from the features of contents (Figure 3) and from the Gram matrices of styles (Figure 4), "
        "layer by layer.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "contents", nargs="*", metavar="CONTENT", help="an image, a folder of images, or a data set"
    )
    p.add_argument("--styles", nargs="+", default=[], metavar="NAME", help="style images: names, or files")
    add_objective(p)
    p.add_argument(
        "--iterations", type=arguments.count, default=500, metavar="N", help="of L-BFGS (default: 500)"
    )
    p.add_argument("--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)")
    p.add_argument(
        "--limit", type=arguments.count, metavar="N", help="only the first N images of each data set"
    )
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument(
        "--db",
        type=Path,
        default=Path("results.db"),
        metavar="FILE",
        help="the results file (default: results.db)",
    )
    p.add_argument(
        "--pictures",
        type=Path,
        default=Path("results/inversion"),
        metavar="DIR",
        help="where the PNG files go (default: results/inversion)",
    )
    p.add_argument("--force", action="store_true", help="make again what the results file already has")
    return p


def add_objective(p: argparse.ArgumentParser) -> None:
    """What is minimised."""
    p.add_argument("--layers", nargs="+", metavar="NAME", help="for contents (default: those of Figure 3)")
    p.add_argument(
        "--style-layers", nargs="+", metavar="NAME", help="for styles (default: those of Figure 4)"
    )
    p.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="(default: vgg16)")
    p.add_argument(
        "--tv-weight",
        type=float,
        metavar="X",
        help="of the total variation (default: one that suits each layer)",
    )
    p.add_argument(
        "--size", type=arguments.side, default=256, metavar="N", help="side of the images (default: 256)"
    )
    p.add_argument(
        "--style-size",
        type=arguments.side,
        metavar="N",
        help="longer side of a style image (default: as --size)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    p = parser()
    args = p.parse_args(argv)
    command = list(argv) if argv is not None else sys.argv[1:]
    if not args.contents and not args.styles:
        p.error("name at least one CONTENT, or --styles with a style image")
    return guard(lambda: run(args, command))


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Make every image that is not there yet and print what there is."""
    from bench.datasets import left_out
    from bench.inverting.request import LOOSE, request
    from bench.outputs import image_files, image_folders, refuse_clashes, store_files
    from bench.printable import printable
    from bench.store import Store

    asked = request(
        contents=args.contents,
        style_names=args.styles,
        layers=args.layers,
        style_layers=args.style_layers,
        loss_network=args.loss_network,
        tv_weight=args.tv_weight,
        size=args.size,
        style_size=args.style_size,
        iterations=args.iterations,
        seed=args.seed,
        limit=args.limit,
        pictures=args.pictures,
        force=args.force,
    )
    refuse_clashes(
        reads=[*(("--styles", style.file) for style in asked.styles), *image_files(asked.datasets)],
        writes=store_files("--db", args.db),
        folders_read=image_folders(data for data in asked.datasets if data.name != LOOSE),
        folders_written=[("--pictures", asked.pictures)],
    )
    for line in (*asked.missing, *(line for data in asked.datasets for line in left_out(data))):
        print(printable(line), file=sys.stderr)
    where = device(args.device)
    with Store(args.db) as store:
        made, complete = work(asked, where, store, command)
    print_tables(made, args.pictures)
    print(f"\nresults:  {args.db}\npictures: {args.pictures}")
    return DONE if complete else FAILED


def work(
    asked: Request, where: torch.device, store: Store, command: Sequence[str]
) -> tuple[list[Made], bool]:
    """Load the loss network and make what is waiting.

    Returns:
        All that there is, and whether it is an image at least of every layer, data set and style.

    Raises:
        MissingFile: the loss network's weights are not to be had.
    """
    from bench.environment import environment
    from bench.gpu import exact_float32
    from bench.inverting.run import Work, invert, steps
    from bench.inverting.weights import weighed
    from bench.loss_networks import load
    from bench.records import Run
    from bench.store import now

    exact_float32()
    network = load(asked.loss_network, asked.looked_at).to(where)
    asked = weighed(asked, network)
    record = Run(
        program="inversion",
        command=tuple(command),
        started=now(),
        environment=environment(str(where)),
        protocols=asked.protocols,
    )
    number = store.start(record)
    with progress("inversion", steps(asked, where)) as reporter:
        made = invert(
            Work(asked=asked, network=network, device=where, store=store, run=number, reporter=reporter)
        )
    store.finish(number)
    return made, asked.expected <= {(one.goal.dataset, one.goal.protocol.hash) for one in made}


def print_tables(made: Sequence[Made], folder: Path) -> None:
    """One of the images from features, one of those from style; files as they lie in `folder`."""
    for title, of_style in (
        ("images from features (Figure 3)", False),
        ("images from style (Figure 4)", True),
    ):
        rows = [cells(one, folder) for one in made if one.goal.of_style == of_style]
        if rows:
            print(f"\n{title}; objective at start and end")
            for line in lines([COLUMNS, *rows]):
                print(line)


def cells(one: Made, folder: Path) -> tuple[str, ...]:
    """A row of the table."""
    file = one.file.absolute()
    inside = file.is_relative_to(folder.absolute())
    return (
        one.goal.image,
        one.goal.layer,
        f"{one.curve.total[0]:.4g}",
        f"{one.curve.total[-1]:.4g}",
        str(one.iterations),
        f"{one.curve.seconds:.1f}",
        str(file.relative_to(folder.absolute()) if inside else file),
    )


def lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows, as wide as they are: a file's name that is folded cannot be copied."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows:
        left, numbers = zip(row[:2], widths[:2], strict=True), zip(row[2:-1], widths[2:-1], strict=True)
        words = [
            *(f"{cell:<{width}}" for cell, width in left),
            *(f"{cell:>{width}}" for cell, width in numbers),
        ]
        yield "  ".join([*words, row[-1]])


if __name__ == "__main__":
    raise SystemExit(main())
