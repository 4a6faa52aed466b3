"""Stylize images by optimisation: the paper's baseline, for any style picture.

python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import styles
from bench.cli import DONE, FAILED, Reporter, device, guard, progress
from bench.environment import AUTO, precision
from bench.errors import UserError
from bench.loss_networks import LOSS_WEIGHTS

if TYPE_CHECKING:
    import torch

    from baselines.gatys import Gatys
    from bench.records import ImageFile
    from models.losses import Terms

EXAMPLES = """examples:
  python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
  python -m bench.gatys photos/ --style the_wave.jpg --out stylized --size 256 --iterations 100
  python -m bench.gatys photo.jpg --style la_muse.jpg --out stylized --loss-network vgg19-conv3_1

An iteration at 512x512 takes 1 to 2 s on two CPU cores, half of that with units for bfloat16. Each output is a PNG
called like its input; outputs that are there already are kept.
exit status: 0 done, 1 an image could not be done (the others are), 2 bad usage, 130 interrupted"""
SIZE = 512
REPORT_EVERY = 10


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.gatys",
        description="Stylize by optimisation of the image (Gatys et al.), as the paper's baseline does.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("inputs", nargs="+", metavar="CONTENT", help="an image, a folder of images, or a data set")
    p.add_argument("--style", required=True, metavar="IMAGE", help="a file, or the name of a style image")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNG files go")
    p.add_argument(
        "--size", type=int, default=SIZE, metavar="N", help="longer side of result and style (512)"
    )
    p.add_argument("--iterations", type=int, default=500, metavar="N", help="(default: 500)")
    p.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs", help="(default: lbfgs)")
    p.add_argument("--initial", choices=tuple(styles.INITIAL), default="gaussian", help="(default: gaussian)")
    p.add_argument("--style-weight", type=float, metavar="X", help="content's is 1 (default: the network's)")
    p.add_argument(
        "--tv-weight", type=float, metavar="X", help="of the total variation (default: the network's)"
    )
    p.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="(default: vgg16)")
    words = (
        "of the loss network's layers; auto: bf16 on a CPU with units for it, else float32 (default: auto)"
    )
    p.add_argument("--precision", choices=("auto", "float32", "bf16"), default="auto", help=words)
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: 0)")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument("--force", action="store_true", help="make outputs again that are there already")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Do every image; one that cannot be done is named and the others are done."""
    from bench.applying.request import gather, output, refuse_outputs

    refuse_values(args)
    found = tuple(gather(args.inputs))
    refuse_outputs(found, args.out)
    waiting = [image for image in found if args.force or not output(args.out, image).exists()]
    failed = work(args, waiting) if waiting else 0
    done = len(waiting) - failed
    print(f"{done} image{'s' if done != 1 else ''} written to {args.out}")
    if len(waiting) < len(found):
        print(f"{len(found) - len(waiting)} there already and kept; --force makes them again")
    if failed:
        print(f"{failed} could not be done, see above")
    return FAILED if failed else DONE


def refuse_values(args: argparse.Namespace) -> None:
    """
    Raises:
        UserError: a number that cannot be.
    """
    for name in ("size", "iterations"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name} is {getattr(args, name)}; required at least 1")


def work(args: argparse.Namespace, waiting: Sequence[ImageFile]) -> int:
    """Load network and style and do what is waiting; returns how many images failed, each of which is named."""
    from bench import images
    from bench.applying.images import reason
    from bench.forms.form import exact_float32
    from bench.scoring.engine import read_ahead

    exact_float32()
    chosen = device(args.device)
    print(f"loss network on {chosen} in {precision_on(args.precision, chosen)}")
    gatys = baseline(args, chosen)
    failed = 0
    steps = len(waiting) * (args.iterations // report_every(args))
    with progress("gatys", steps) as reporter:
        for image, loaded in read_ahead(waiting):
            try:
                if isinstance(loaded, Exception):
                    raise loaded
                one(
                    args,
                    gatys,
                    image,
                    styles.fitted(images.to_tensor(loaded.pixels), args.size).to(chosen),
                    reporter,
                )
            except (ValueError, OSError, RuntimeError, MemoryError) as error:
                failed += 1
                reporter.note(f"{image.file!r}: {reason(error)}")
    return failed


def report_every(args: argparse.Namespace) -> int:
    """Iterations between two steps of the progress bar; each waits for the device."""
    return min(REPORT_EVERY, args.iterations)


def baseline(args: argparse.Namespace, chosen: torch.device) -> Gatys:
    """The optimisation with everything but a content.

    Raises:
        UserError: the style cannot be read or is too small; the loss network's weights are not to be had.
    """
    import torch

    from baselines.gatys import Gatys
    from baselines.optimise import Settings

    image = styles.style_image(args.style)
    aim = styles.protocol(
        image,
        args.size,
        loss_network=args.loss_network,
        style_weight=args.style_weight,
        tv_weight=args.tv_weight,
        style_size=args.size,
    )
    style, network = styles.read_style(image, args.size).to(chosen), styles.loss_network(aim).to(chosen)
    if min(style.shape[-2:]) < network.minimum:
        h, w = style.shape[-2:]
        raise UserError(f"the style is {w}x{h}; required at least {network.minimum} pixels per side")
    settings = Settings(
        method=args.method,
        iterations=args.iterations,
        dtype=torch.bfloat16 if precision_on(args.precision, chosen) == "bf16" else torch.float32,
        graph=chosen.type == "cuda",
    )
    return Gatys(
        network=network,
        style=style,
        content_layers=aim.content_layers,
        style_layers=aim.style_layers,
        style_weight=aim.style_weight,
        tv_weight=aim.tv_weight,
        initial=args.initial,
        seed=args.seed,
        settings=settings,
    )


def precision_on(asked: str, chosen: torch.device) -> str:
    """`float32` or `bf16`. On a GPU `auto` is float32: what bfloat16 costs there has not been measured yet."""
    if asked == AUTO and chosen.type != "cpu":
        return "float32"
    return precision(asked, chosen.type)


def one(
    args: argparse.Namespace, gatys: Gatys, image: ImageFile, content: torch.Tensor, reporter: Reporter
) -> None:
    """Do one image and write it.

    Raises:
        ValueError: the content is too small, or the objective became NaN or infinite; then the last good image is
            written all the same.
    """
    from bench import images
    from bench.applying.request import output

    def say(done: int, terms: Terms) -> None:
        reporter.advance(f"{image.stem}, iteration {done}, objective {terms.total.item():.4g}")

    found = gatys.run(content, callback=say, callback_every=report_every(args))
    written = output(args.out, image)
    images.write(written, images.to_array(found.image))
    (failed_at,) = found.failed_at
    if failed_at:
        raise ValueError(
            f"the objective is not finite in iteration {failed_at}; the image before it is {str(written)!r}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
