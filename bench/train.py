"""Train a network; interrupted runs resume with the same command.

python -m bench.train sr --scale 4 --loss feature --data train-coco path/to/images --out runs/x4-feature
python -m bench.train style --style la_muse --data train-coco path/to/images --out runs/la_muse
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.data.styles import LOSS_WEIGHTS, STYLE_SIZE
from bench.errors import MissingExtra
from bench.training.recipe import PRESETS, Recipe, SRSettings, StyleNetSettings, add_options

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
    )
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sr = arguments.add_command(commands, "sr", "super-resolution: the paper's network, pixel or feature loss")
    add_sr(sr)
    style = arguments.add_command(
        commands, "style", "style transfer: the paper's network, for one style image"
    )
    add_style(style)
    out = arguments.add_command(
        commands, "export", "write the weights of a run, at any time, and their model card"
    )
    out.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    out.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .safetensors file")
    card = arguments.add_command(commands, "card", "update the model card of a weights file with its scores")
    card.add_argument("weights", type=Path, metavar="FILE", help="a .safetensors file that the package ships")
    card.add_argument("--db", type=Path, required=True, metavar="FILE", help="results of bench.sr_quality")
    return with_config(p)


def add_sr(p: argparse.ArgumentParser) -> None:
    """The options of `bench.train sr`, with the defaults of the preset `paper`."""
    add_running(p)
    add_options(p.add_argument_group("super-resolution"), SRSettings)
    add_options(p.add_argument_group("recipe"), Recipe, PRESETS["sr"]["paper"])


def add_style(p: argparse.ArgumentParser) -> None:
    """The options of `bench.train style`, with the defaults of the preset `paper`."""
    add_running(p)
    aim = p.add_argument_group("objective")
    aim.add_argument("--style", required=True, metavar="IMAGE", help="a file, or the name of a style image")
    aim.add_argument(
        "--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="whose features are compared"
    )
    for name, layers in (
        ("content", "relu2_2; the camera-ready has relu3_3"),
        ("style", "relu1_2 to relu4_3"),
    ):
        words = f"of the {name} loss (default of vgg16: {layers})"
        aim.add_argument(f"--{name}-layers", nargs="+", metavar="NAME", help=words)
    aim.add_argument("--content-weight", type=float, default=1.0, metavar="X", help="of the content loss")
    aim.add_argument(
        "--style-weight",
        type=float,
        metavar="X",
        help="of the style loss (default: by loss network and style)",
    )
    aim.add_argument(
        "--tv-weight", type=float, metavar="X", help="of the total variation (default: by loss network)"
    )
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
    p.add_argument("--init", type=Path, metavar="FILE", help="initial weights, from `export`")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument(
        "--devices", type=arguments.count, default=1, metavar="N", help="processes to start (default: 1)"
    )
    p.add_argument("--max-minutes", type=float, metavar="N", help="stop with a checkpoint after this time")
    for name, steps, more in (
        ("log", 100, ""),
        ("validate", 2000, ""),
        ("checkpoint", 1000, ", and every two minutes"),
    ):
        words = f"steps (default: {steps}){more}"
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
    args, _ = parse(parser(), argv)

    def body() -> int:
        if args.command in {"export", "card"}:
            from bench.commands import train_export

            return (train_export.export_weights if args.command == "export" else train_export.export_card)(
                args
            )
        # Looked for, not imported: the message comes before torch is loaded.
        if importlib.util.find_spec("lightning_fabric") is None:
            raise MissingExtra("bench.train", "lightning-fabric", "train")
        with loading("PyTorch"):
            from bench.commands.train import run

        return run(args)

    return guard(body)


if __name__ == "__main__":
    raise SystemExit(main())
