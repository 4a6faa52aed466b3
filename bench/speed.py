"""Speed: the paper's Table 1 on this machine, and the time of any registered model.

python -m bench.speed --sizes 256 512 1024
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import Command, parse, with_config
from bench.listings import list_timed
from bench.timing.config import Config

EXAMPLES = """examples:
  python -m bench.speed --sizes 256 512 1024
  python -m bench.speed --sizes 512 --models style-johnson-candy srcnn-955 bicubic
  python -m bench.speed --sizes 512 --models style-paper --sweep --json sweep.json

Both sides of Table 1 are plain eager float32. On a CPU the optimisation is timed over a few iterations after a
warm-up, and scaled; such cells are marked *. Interrupted runs resume: repeat the command.
exit status: 0 done, 1 something could not be timed, 2 bad usage, 130 interrupted"""
HELP = {
    "sizes": "side of the image that comes out (default: 256 512 1024)",
    "iterations": "of the optimisation (default: 100 300 500)",
    "models": "default: gatys style-paper, which make Table 1; see --list; or paths of models, see docs/models.md",
    "scale": "of upscalers (default: 4, or the external model's own)",
    "sweep": "optimisation sweep: time each network in every variant: memory layout, precision, compiler, CUDA graph, "
    "ONNX Runtime, OpenVINO",
    "card": "also what each network is made of: parameters, operations in both conventions, activations, convolutions, "
    "receptive field",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "time-limit": "of one network's repetitions; twice that for the optimisation (default: 20)",
    "rounds": "divide the repetitions into N rounds of all networks, at least 6: the interval is of the medians of the "
    "rounds, and a slower minute of the machine in it (default: 1)",
    "db": "the results file (default: results.db)",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.speed",
        description="Time Gatys' optimisation and the network that replaces it, or any registered model.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "--sizes", nargs="+", type=arguments.side, default=[256, 512, 1024], metavar="N", help=HELP["sizes"]
    )
    p.add_argument(
        "--iterations",
        nargs="+",
        type=arguments.count,
        default=[100, 300, 500],
        metavar="N",
        help=HELP["iterations"],
    )
    p.add_argument(
        "--models", nargs="+", default=["gatys", "style-paper"], metavar="NAME", help=HELP["models"]
    )
    p.add_argument("--list", action="store_true", help="print the names of what can be timed")
    p.add_argument("--scale", type=arguments.scale, metavar="N", help=HELP["scale"])
    p.add_argument("--sweep", action="store_true", help=HELP["sweep"])
    arguments.aliases(p, ladder="--sweep")
    p.add_argument("--card", action="store_true", help=HELP["card"])
    p.add_argument("--full", action="store_true", help="run all iterations of the optimisation on a CPU too")
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--time-limit", type=float, default=20.0, metavar="SECONDS", help=HELP["time-limit"])
    p.add_argument("--rounds", type=arguments.count, default=1, metavar="N", help=HELP["rounds"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="measure again what the results file already has")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write rows and their provenance as JSON")
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args, command = parse(parser(), argv)
    return guard(list_timed if args.list else lambda: run(args, command))


def run(args: argparse.Namespace, command: Command) -> int:
    """Check the options, then measure."""
    config = Config.of(args)  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.speed import speed

    return speed(config, command)


if __name__ == "__main__":
    raise SystemExit(main())
