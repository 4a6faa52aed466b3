"""Super-resolution quality: degrade, upscale and score data sets under a declared protocol.

python -m bench.sr_quality set5 set14 bsd100
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import arguments
from bench.cli import DONE, guard, loading
from bench.config_file import Command, parse, with_config
from bench.quality import DEFAULT_METRICS
from bench.tables import FORMATS, format_title
from bench.text import show

EXAMPLES = """examples:
  python -m bench.sr_quality set5 set14 bsd100
  python -m bench.sr_quality set5 --models bicubic srcnn-955 --protocol srcnn2014 --json set5.json
  python -m bench.sr_quality path/to/my/images --scales 2 4 --metrics psnr ssim ms-ssim
  python -m bench.sr_quality --list

Interrupted runs resume: repeat the command.
exit status: 0 done, 1 something could not be scored at all, 2 bad usage, 130 interrupted"""


HELP = {
    "datasets": "a name from --list, or a folder of images",
    "list": "print the names of models, data sets, metrics, protocols and what each needs",
    "models": "names from --list, or paths: a checkpoint, an ONNX file, FILE.py:NAME, a folder of images, each with "
    "options as in net.onnx,range=255 (default: all that have weights for the scale)",
    "scales": "upscaling factor (default: 4)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "the results file (default: results.db)",
    "save-images": "where hr, lr and sr go as PNG (default: results/images)",
    "lr": "lr made from hr by the protocol, or the lr files in the data set's folder, also as "
    "files,pattern={stem}_LRBI_x4 (default: made)",
    "tile": "lr pixels per side of a tile; auto: large images, as memory asks, where it changes no value; or off "
    "(default: auto)",
    "shard": arguments.SHARD_HELP,
    "maps": "beside the images also maps of SSIM, and of LPIPS where it is measured, for the report's viewer; each of "
    "these metrics then takes about twice as long",
    "self-ensemble": "beside each network a row NAME+: the mean over 8 flips and rotations",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.sr_quality",
        description="Degrade, upscale and score data sets: one table per data set and scale, raw values in a results file.",
        epilog=EXAMPLES,
    )
    p.add_argument("datasets", nargs="*", metavar="DATASET", help=HELP["datasets"])
    p.add_argument("--list", action="store_true", help=HELP["list"])
    p.add_argument("--models", nargs="+", metavar="NAME", help=HELP["models"])
    p.add_argument("--scales", nargs="+", type=arguments.scale, default=[4], metavar="N", help=HELP["scales"])
    p.add_argument("--metrics", nargs="+", metavar="NAME", help=f"default: {' '.join(DEFAULT_METRICS)}")
    p.add_argument("--protocol", default="johnson2016", metavar="NAME", help="default: johnson2016")
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    arguments.add_engine_options(p)
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    pictures = p.add_mutually_exclusive_group()
    pictures.add_argument(
        "--save-images", type=Path, default=Path("results/images"), metavar="DIR", help=HELP["save-images"]
    )
    pictures.add_argument(
        "--no-images", action="store_const", dest="save_images", const=None, help="write no images"
    )
    arguments.aliases(p, images="--save-images")
    p.add_argument("--maps", action="store_true", help=HELP["maps"])
    p.add_argument("--lr", default="made", metavar="made|files", help=HELP["lr"])
    p.add_argument("--tile", default="auto", metavar="N", help=HELP["tile"])
    p.add_argument("--self-ensemble", action="store_true", help=HELP["self-ensemble"])
    p.add_argument(
        "--limit", type=arguments.count, metavar="N", help="only the first N images of each data set"
    )
    p.add_argument("--shard", metavar="I/N", help=HELP["shard"])
    p.add_argument("--force", action="store_true", help="score again what the results file already has")
    p.add_argument("--strict", action="store_true", help="stop at the first image that cannot be scored")
    for name in FORMATS:
        p.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"also write the results as {format_title(name)}"
        )
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    p = parser()
    args, command = parse(p, argv)
    options = vars(args)
    if options.pop("list"):
        return guard(list_names)
    if not options["datasets"]:
        p.error("name at least one data set, or --list to see them")
    return guard(lambda: run(options, command))


def list_names() -> int:
    """Print every name with what it still needs."""
    from bench.listings import sr_quality_lines

    show(*sr_quality_lines())
    return DONE


def run(options: Mapping[str, Any], command: Command) -> int:
    """Check the options, then score."""
    from bench.quality.config import config

    checked = config(**options)  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.sr_quality import sr_quality

    return sr_quality(checked, command)


if __name__ == "__main__":
    raise SystemExit(main())
