"""Train a network; a run that was stopped goes on with the same command.

python -m bench.train sr --scale 4 --loss feature --data train-coco path/to/images --out runs/x4-feature
python -m bench.train style --style la_muse --data train-coco path/to/images --out runs/la_muse
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import arguments
from bench.cli import DONE, device, guard, writable_file
from bench.environment import precision
from bench.errors import UserError
from bench.loss_networks import LOSS_WEIGHTS
from bench.styles import STYLE_SIZE
from bench.training.recipe import PRESETS, Recipe, SRSettings, StyleNetSettings, add_options, build

if TYPE_CHECKING:
    from bench.training.tasks import Task

EXAMPLES = """examples:
  python -m bench.train sr --scale 4 --loss pixel --data train-bsds500 train-coco --out runs/x4-pixel
  python -m bench.train sr --scale 8 --loss feature --preset strong --data my/images --out runs/x8 --max-minutes 25
  python -m bench.train style --style la_muse --data train-coco my/images --out runs/la_muse
  python -m bench.train style --style my.jpg --loss-network vgg19-conv3_1 --preset strong --data my/images --out runs/my
  torchrun --nproc-per-node 4 -m bench.train sr --batch 16 --data my/images --out runs/x4
  python -m bench.train export runs/x4-pixel --out x4-pixel.safetensors
  python -m bench.train card models/weights/sr-pixel-x4.safetensors --db results.db

In the folder of a run: checkpoint.pt, network.safetensors, log.jsonl, samples/, tensorboard/.
exit status: 0 done or time is up, 1 the loss is not finite or the disk is full, 2 bad usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.train",
        description="Train a network, on a CPU, one GPU, or several under torchrun.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_sr(commands.add_parser("sr", help="super-resolution: the paper's network, pixel or feature loss"))
    add_style(commands.add_parser("style", help="style transfer: the paper's network, for one style image"))
    out = commands.add_parser("export", help="write the weights of a run, at any time")
    out.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    out.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .safetensors file")
    card = commands.add_parser("card", help="write the card of a file of weights anew, with its scores")
    card.add_argument("weights", type=Path, metavar="FILE", help="a .safetensors file that the package ships")
    card.add_argument("--db", type=Path, required=True, metavar="FILE", help="results of bench.sr_quality")
    return p


def add_sr(p: argparse.ArgumentParser) -> None:
    add_running(p)
    add_options(p.add_argument_group("super-resolution"), SRSettings)
    add_options(p.add_argument_group("recipe"), Recipe, PRESETS["sr"]["paper"])


def add_style(p: argparse.ArgumentParser) -> None:
    add_running(p)
    aim = p.add_argument_group("objective")
    aim.add_argument("--style", required=True, metavar="IMAGE", help="a file, or the name of a style image")
    aim.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="(default: vgg16)")
    for name, layers in (
        ("content", "relu2_2; the camera-ready has relu3_3"),
        ("style", "relu1_2 to relu4_3"),
    ):
        words = f"(default of vgg16: {layers})"
        aim.add_argument(f"--{name}-layers", nargs="+", metavar="NAME", help=words)
    aim.add_argument("--content-weight", type=float, default=1.0, metavar="X", help="(default: 1)")
    aim.add_argument("--style-weight", type=float, metavar="X", help="(default: by loss network and style)")
    aim.add_argument("--tv-weight", type=float, metavar="X", help="(default: by loss network)")
    words = f"longer side of the style image, in pixels (default: {STYLE_SIZE})"
    aim.add_argument("--style-size", type=arguments.side, default=STYLE_SIZE, metavar="N", help=words)
    add_options(p.add_argument_group("network"), StyleNetSettings)
    add_options(p.add_argument_group("recipe"), Recipe, PRESETS["style"]["paper"])


def add_running(p: argparse.ArgumentParser) -> None:
    """What every task has."""
    p.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="folders of images, or train-bsds500 and train-coco of the manifest",
    )
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    p.add_argument(
        "--preset",
        choices=("paper", "strong"),
        default="paper",
        help="what options default to (default: paper)",
    )
    p.add_argument("--init", type=Path, metavar="FILE", help="weights to begin with, from `export`")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument(
        "--devices", type=arguments.count, default=1, metavar="N", help="processes to start (default: 1)"
    )
    p.add_argument("--max-minutes", type=float, metavar="N", help="stop with a checkpoint after this time")
    for name, steps in (("log", 100), ("validate", 2000), ("checkpoint", 1000)):
        words = f"steps (default: {steps})"
        p.add_argument(f"--{name}-every", type=arguments.count, default=steps, metavar="N", help=words)
    p.add_argument(
        "--validation-images",
        type=arguments.count,
        default=16,
        metavar="N",
        help="scored at most (default: 16)",
    )
    p.add_argument("--no-tensorboard", action="store_true", help="log.jsonl and samples alone")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    if args.command == "export":
        return guard(lambda: run_export(args))
    if args.command == "card":
        return guard(lambda: run_card(args))
    return guard(lambda: run(args))


def sr(args: argparse.Namespace, preset: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task `sr` of a command line."""
    settings = build(SRSettings, preset, vars(args))
    from bench.training.tasks import sr_task

    return sr_task(settings)


def style(args: argparse.Namespace, preset: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task `style` of a command line."""
    from bench import styles

    settings = build(StyleNetSettings, preset, vars(args))
    image = styles.style_image(args.style)
    chosen = styles.protocol(
        image,
        recipe.patch,
        loss_network=args.loss_network,
        content_layers=args.content_layers,
        style_layers=args.style_layers,
        content_weight=args.content_weight,
        style_weight=args.style_weight,
        tv_weight=args.tv_weight,
        style_size=args.style_size,
    )
    from bench.training.style_task import style_task

    return style_task(settings, image, chosen)


TASKS: dict[str, Callable[[argparse.Namespace, Mapping[str, Any], Recipe], Task]] = {"sr": sr, "style": style}


def run(args: argparse.Namespace) -> int:
    """Train, and say where the weights are."""
    require_fabric()
    preset = PRESETS[args.command][args.preset]
    where = device(args.device)
    asked = args.precision or preset.get("precision", Recipe.precision)
    # The record never says `auto`, which is another result on another machine: a run that goes on is compared by it.
    recipe = build(Recipe, preset, {**vars(args), "precision": precision(asked, where.type)})
    refuse_inputs(args)
    task = TASKS[args.command](args, preset, recipe)
    from bench.training.loop import Running
    from bench.training.session import Asked, train

    running = Running(
        folder=args.out,
        log_every=args.log_every,
        validate_every=args.validate_every,
        checkpoint_every=args.checkpoint_every,
        max_minutes=args.max_minutes,
    )
    outcome = train(
        Asked(
            task=task,
            recipe=recipe,
            running=running,
            data=args.data,
            device=where,
            devices=args.devices,
            initial=args.init,
            validation_images=args.validation_images,
            tensorboard=not args.no_tensorboard,
        )
    )
    if outcome.weights is not None:
        end = "done" if outcome.complete else "time is up; the same command goes on from here"
        print(f"{outcome.step} of {recipe.iterations} steps, {end}\nweights: {outcome.weights}")
    return DONE


def refuse_inputs(args: argparse.Namespace) -> None:
    """Refuse a run's folder whose files are what it begins with."""
    from bench.outputs import refuse_clashes

    written = ("checkpoint.pt", "network.safetensors", "network.md", "log.jsonl")
    style = getattr(args, "style", None)
    refuse_clashes(
        reads=[
            *([("--init", args.init)] if args.init else []),
            *([("--style", style)] if style and Path(style).is_file() else []),
        ],
        writes=[(f"{name} of --out", args.out / name) for name in written],
        folders_read=[("--data", folder) for folder in args.data],
        folders_written=[("--out", args.out), ("the samples of --out", args.out / "samples")],
    )


def require_fabric() -> None:
    """Refuse where the extra `train` is not installed."""
    if importlib.util.find_spec("lightning_fabric") is None:
        raise UserError("lightning-fabric is not installed; required: pip install 'perceptual-bench[train]'")


def run_export(args: argparse.Namespace) -> int:
    """Write the weights and what they say of themselves."""
    from bench.outputs import refuse_clashes
    from bench.training.export import export

    file = writable_file(args.out)
    refuse_clashes(
        reads=[("the run's checkpoint", args.run / "checkpoint.pt")],
        writes=[("--out", file), ("the card beside --out", file.with_suffix(".md"))],
    )
    for key, value in export(args.run, file).items():
        print(f"{key + ':':<16} {value}")
    return DONE


def run_card(args: argparse.Namespace) -> int:
    """Write the card, with what the results file says of these weights."""
    from bench.outputs import refuse_clashes, store_files
    from bench.training.card_scores import table
    from bench.training.export import write_card
    from models.weight_files import read_weights

    try:
        record, _ = read_weights(args.weights)
    except ValueError as error:
        raise UserError(str(error)) from error
    refuse_clashes(
        reads=[("the weights", args.weights), *store_files("--db", args.db)],
        writes=[("the card", args.weights.with_suffix(".md"))],
    )
    print(write_card(args.weights, record, table(args.weights, args.db)))
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
