"""Style quality: the objective of networks against that of the optimisation, iteration by iteration (Figure 5).

python -m bench.style_quality --style la_muse --sizes 256 512 1024 --contents coco50
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.data.styles import INITIAL, LOSS_WEIGHTS, STYLE_SIZE
from bench.listings import list_style_quality
from bench.styling.metrics import METRICS

SIZES = [256, 512, 1024]
PICTURE_LIMIT = 8
EXAMPLES = """examples:
  python -m bench.style_quality --style la_muse --sizes 256 512 1024 --contents coco50
  python -m bench.style_quality --style la_muse --sizes 256 --limit 2 --iterations 100
  python -m bench.style_quality --style la_muse --sizes 256 --metrics content-lpips gram colour-histogram
  python -m bench.style_quality --style la_muse --contents photos/ --models my_images/ --metrics content-ssim gram
  python -m bench.style_quality --style my_style.jpg --contents my_photos/ --loss-network vgg19-conv3_1

For each image an iteration at 512x512 takes 1 to 2 s on two CPU cores: --limit and --iterations make a quick run.
Interrupted runs resume: repeat the command; more --iterations begin anew, fewer use what is there.
exit status: 0 done, 1 something could not be measured at all, 2 bad usage, 130 interrupted"""
HELP = {
    "style": "style images: names, or files",
    "sizes": "side of the contents, each cut to a square (default: 256 512 1024)",
    "contents": "a data set or a folder of images (default: coco50)",
    "models": "default: every registered network of the style that can be loaded; or a folder of images that were made "
    "elsewhere, called CONTENT_stylized_STYLE.png",
    "metrics": f"measures of the images besides the objective: {', '.join(METRICS)}",
    "initial": "what the optimisation starts from: normal noise of one level about the mean, as the release (default), "
    "uniform noise, or the content",
    "loss-network": "default: the one that the first of the networks was trained with, else vgg16",
    "own": "default: the loss network's",
    "style-size": f"longer side of the style image (default: {STYLE_SIZE})",
    "batch": "contents in one optimisation (default: one on a CPU, as many as fit on a GPU)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "save-images": "where contents, style and results go as PNG (default: results/style)",
    "image-limit": f"of the first N contents (default: {PICTURE_LIMIT})",
    "json": "also write the tables and the raw curves as JSON",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.style_quality",
        description="Measure the objective of style transfer: of contents, of networks, and of the optimisation "
        "against its iterations; count the iterations until it matches the networks.",
        epilog=EXAMPLES,
    )
    p.add_argument("--style", nargs="+", required=True, metavar="NAME|FILE", help=HELP["style"])
    arguments.add_list(p, list_style_quality, "the names of styles, networks, metrics and data sets")
    p.add_argument("--sizes", nargs="+", type=arguments.side, default=SIZES, metavar="N", help=HELP["sizes"])
    p.add_argument("--contents", default="coco50", metavar="DATASET|FOLDER", help=HELP["contents"])
    arguments.aliases(p, images="--contents")
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--metrics", nargs="+", metavar="NAME", help=HELP["metrics"])
    _add_baseline(p)
    _add_objective(p)
    _add_run(p)
    return with_config(p)


def _add_baseline(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the optimisation")
    group.add_argument("--no-baseline", action="store_true", help="networks alone")
    group.add_argument("--iterations", type=arguments.count, default=500, metavar="N", help="to run")
    group.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs", help="the optimiser")
    group.add_argument("--initial", choices=tuple(INITIAL), default="gaussian", help=HELP["initial"])
    group.add_argument(
        "--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)"
    )
    group.add_argument("--batch", type=arguments.count, metavar="N", help=HELP["batch"])


def _add_objective(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the objective")
    group.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), help=HELP["loss-network"])
    group.add_argument("--content-layers", nargs="+", metavar="NAME", help=HELP["own"])
    group.add_argument("--style-layers", nargs="+", metavar="NAME", help=HELP["own"])
    group.add_argument("--content-weight", type=float, default=1.0, metavar="X", help="of the content loss")
    group.add_argument("--style-weight", type=float, metavar="X", help=HELP["own"])
    group.add_argument("--tv-weight", type=float, metavar="X", help=HELP["own"])
    group.add_argument(
        "--style-size", type=arguments.side, default=STYLE_SIZE, metavar="N", help=HELP["style-size"]
    )


def _add_run(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("the run")
    group.add_argument("--limit", type=arguments.count, metavar="N", help="only the first N images")
    group.add_argument("--shard", metavar="I/N", help=arguments.SHARD_HELP)
    arguments.add_engine_options(group)
    group.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    db = "the results file (default: results.db)"
    group.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=db)
    pictures = group.add_mutually_exclusive_group()
    where = Path("results/style")
    pictures.add_argument("--save-images", type=Path, default=where, metavar="DIR", help=HELP["save-images"])
    pictures.add_argument("--no-images", action="store_true", help="write no images")
    group.add_argument(
        "--image-limit",
        type=arguments.count,
        default=PICTURE_LIMIT,
        metavar="N",
        help=HELP["image-limit"],
    )
    arguments.aliases(
        group, pictures="--save-images", no_pictures="--no-images", picture_limit="--image-limit"
    )
    group.add_argument("--force", action="store_true", help="measure again what the results file already has")
    group.add_argument("--json", type=Path, metavar="FILE", help=HELP["json"])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args, command = parse(parser(), argv)

    def body() -> int:
        with loading("PyTorch"):
            from bench.commands.style_quality import run

        return run(args, command)

    return guard(body)


if __name__ == "__main__":
    raise SystemExit(main())
