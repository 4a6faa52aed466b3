"""Everything that a GPU is needed for, in order of worth, within nine minutes; results in one folder.

python -m tests.gpu --data files --crops crops.zip     on a machine with a GPU
python -m tests.gpu --device cpu --smoke               the same functions on a CPU, in under three minutes
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tests.gpu.asked import ROOT, Asked
from tests.gpu.parts import PARTS

BAD_USAGE = 2
MINUTES = 9.0
HELP = {
    "out": "one folder for all results (default: $OUT where that is set, else build/gpu)",
    "device": "cuda, cuda:N, or cpu for a dry run (default: cuda)",
    "smoke": "small images, few repetitions, two cores: does it run?",
    "parts": f"only these, of: {' '.join(part.name for part in PARTS)}",
    "data": "with data/ and weights/ as bench.doctor has them (default: $PERCEPTUAL_BENCH_DATA)",
    "crops": "images to train on, written by python -m tests.gpu.pack",
    "wheels": "a folder of .whl files; those of packages that are not installed are used, without any network",
    "minutes": f"of all parts together (default: {MINUTES:g})",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m tests.gpu",
        description="Run, compare and time everything that needs a GPU; what is done is kept if the run is cut.",
        epilog="exit status: 0 all done, 1 a part failed or ran out of its time, 2 bad usage, 3 a part was skipped",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help=HELP["out"])
    p.add_argument("--device", default="cuda", metavar="NAME", help=HELP["device"])
    p.add_argument("--smoke", action="store_true", help=HELP["smoke"])
    p.add_argument("--parts", nargs="+", metavar="NAME", choices=[p.name for p in PARTS], help=HELP["parts"])
    p.add_argument("--data", type=Path, metavar="DIR", help=HELP["data"])
    p.add_argument("--crops", type=Path, metavar="FILE", help=HELP["crops"])
    p.add_argument("--wheels", type=Path, metavar="DIR", help=HELP["wheels"])
    p.add_argument("--minutes", type=float, default=MINUTES, metavar="N", help=HELP["minutes"])
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, install, run; see :data:`HELP`."""
    from tests.gpu.runner import run
    from tests.gpu.wheels import install_missing

    p = parser()
    args = p.parse_args(argv)
    for name in ("data", "crops"):
        path = getattr(args, name)
        if path is not None and not path.exists():
            p.error(f"--{name} is {str(path)!r}, which is not there")
    if args.wheels is not None:
        try:
            print(
                f"from wheels: {', '.join(install_missing(args.wheels)) or 'nothing was missing'}", flush=True
            )
        except ValueError as error:
            p.error(str(error))
    if args.data is not None:
        os.environ["PERCEPTUAL_BENCH_DATA"] = str(args.data.absolute())
    out = args.out or Path(os.environ.get("OUT") or ROOT / "build/gpu")
    asked = Asked(
        out=out.absolute(),
        device=args.device,
        smoke=args.smoke,
        crops=args.crops and args.crops.absolute(),
    )
    print(f"results: {asked.out}", flush=True)
    signal.signal(signal.SIGTERM, stopped)  # so that the part in progress is stopped too
    chosen = [part for part in PARTS if not args.parts or part.name in args.parts]
    return run(chosen, asked, seconds=60 * args.minutes)


def stopped(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
