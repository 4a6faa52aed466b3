"""Stylize images by optimisation: the paper's baseline, for any style picture.

python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments, styles
from bench.cli import DONE, FAILED, Reporter, device, guard, progress
from bench.environment import AUTO, precision
from bench.errors import UserError
from bench.loss_networks import LOSS_WEIGHTS

if TYPE_CHECKING:
    import torch

    from baselines.gatys import Gatys
    from bench.applying.origin import Origin
    from bench.records import ImageFile, StyleProtocol
    from bench.styles import StyleImage
    from models.losses import Terms

EXAMPLES = """examples:
  python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
  python -m bench.gatys photos/ --style the_wave.jpg --out stylized --size 256 --iterations 100
  python -m bench.gatys photo.jpg --style la_muse.jpg --out stylized --loss-network vgg19-conv3_1

An iteration at 512x512 takes 1 to 2 s on two CPU cores, half of that with units for bfloat16. Each output is a PNG
called like its input. One that is there already is kept where it was made of the same input and style with the same
options, which it says itself; any other is refused.
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
        "--name",
        default="{stem}",
        metavar="PATTERN",
        help="of an output, made of {stem} and {style}: '{stem}-{style}' keeps several styles' apart (default: {stem})",
    )
    p.add_argument(
        "--size", type=arguments.side, default=SIZE, metavar="N", help="longer side of result and style (512)"
    )
    p.add_argument("--iterations", type=arguments.count, default=500, metavar="N", help="(default: 500)")
    p.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs", help="(default: lbfgs)")
    p.add_argument("--initial", choices=tuple(styles.INITIAL), default="gaussian", help="(default: gaussian)")
    p.add_argument("--style-weight", type=float, metavar="X", help="content's is 1 (default: the network's)")
    p.add_argument(
        "--tv-weight", type=float, metavar="X", help="of the total variation (default: the network's)"
    )
    p.add_argument("--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="(default: vgg16)")
    for name in ("content", "style"):
        p.add_argument(f"--{name}-layers", nargs="+", metavar="NAME", help="(default: the network's)")
    words = (
        "of the loss network's layers; auto: bf16 on a CPU with units for it, else float32 (default: auto)"
    )
    p.add_argument("--precision", choices=("auto", "float32", "bf16"), default="auto", help=words)
    p.add_argument("--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument("--force", action="store_true", help="make outputs again that are there already")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Do every image; one that cannot be done is named and the others are done."""
    from bench.applying.config import gather, refuse_outputs
    from bench.applying.origin import still_to_do

    refuse_values(args)
    style, found = styles.style_image(args.style), tuple(gather(args.inputs))
    refuse_outputs(
        found, partial(output_of, args, style), args.out, args.inputs, others=[("--style", style.file)]
    )
    waiting: Sequence[ImageFile] = found
    if not args.force:
        waiting = still_to_do(
            found, partial(output_of, args, style), lambda: origin(args, style), "{stem}-{style}"
        )
    failed = work(args, waiting) if waiting else 0
    done = len(waiting) - failed
    print(f"{done} image{'s' if done != 1 else ''} written to {args.out}")
    if len(waiting) < len(found):
        print(f"{len(found) - len(waiting)} there already and kept; --force makes them again")
    if failed:
        print(f"{failed} could not be done, see above")
    return FAILED if failed else DONE


def output_of(args: argparse.Namespace, style: StyleImage, image: ImageFile) -> Path:
    """The PNG that is made of an image."""
    from bench.applying.config import output
    from bench.applying.origin import file_name

    return output(args.out, file_name(args.name, stem=image.stem, style=style.name))


def origin(args: argparse.Namespace, style: StyleImage) -> Origin:
    """What outputs are made of, but for the content."""
    from bench.applying.origin import Origin

    options = {
        name: getattr(args, name) for name in ("size", "iterations", "method", "initial", "seed", "precision")
    }
    return Origin(model=f"gatys, {style.name}", model_hash=aim(args, style).hash, options=options)


def aim(args: argparse.Namespace, style: StyleImage) -> StyleProtocol:
    """The objective.

    Raises:
        UserError: a number that cannot be.
    """
    return styles.protocol(
        style,
        args.size,
        loss_network=args.loss_network,
        content_layers=args.content_layers,
        style_layers=args.style_layers,
        style_weight=args.style_weight,
        tv_weight=args.tv_weight,
        style_size=args.size,
    )


def refuse_values(args: argparse.Namespace) -> None:
    """
    Raises:
        UserError: a number that cannot be.
    """
    for name in ("size", "iterations"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name} is {getattr(args, name)}; required at least 1")
    if args.seed < 0:
        raise UserError(f"--seed is {args.seed}; required at least 0")


def work(args: argparse.Namespace, waiting: Sequence[ImageFile]) -> int:
    """Load network and style and do what is waiting; returns how many images failed, each of which is named."""
    from bench import images
    from bench.applying.images import reason
    from bench.executor import read_ahead
    from bench.forms.build import exact_float32

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
                    loaded.sha256,
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
    goal = aim(args, image)
    style, network = styles.read_style(image, args.size).to(chosen), styles.loss_network(goal).to(chosen)
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
        content_layers=goal.content_layers,
        style_layers=goal.style_layers,
        style_weight=goal.style_weight,
        tv_weight=goal.tv_weight,
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
    args: argparse.Namespace,
    gatys: Gatys,
    image: ImageFile,
    sha256: str,
    content: torch.Tensor,
    reporter: Reporter,
) -> None:
    """Do one image and write it.

    Raises:
        ValueError: the content is too small, or the objective became NaN or infinite; then the last good image is
            written all the same.
    """
    from bench import images
    from bench.applying.origin import KEY

    style = styles.style_image(args.style)

    def say(done: int, terms: Terms) -> None:
        reporter.advance(f"{image.stem}, iteration {done}, objective {terms.total.item():.4g}")

    found = gatys.run(content, callback=say, callback_every=report_every(args))
    written = output_of(args, style, image)
    (failed_at,) = found.failed_at
    text = {} if failed_at else {KEY: origin(args, style).record(sha256)}
    images.write(written, images.to_array(found.image), text=text)
    if failed_at:
        raise ValueError(
            f"the objective is not finite in iteration {failed_at}; the image before it is {str(written)!r}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
