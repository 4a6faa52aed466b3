"""`python -m bench`, and the console script `perceptual-bench`: the programs, a line each; with a name, that program."""

from __future__ import annotations

import difflib
import importlib
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from bench import interrupts
from bench.cli import guard
from bench.help_format import two_columns

PROGRAMS = {
    "sr_quality": "degrade, upscale and score data sets: PSNR, SSIM, LPIPS under a declared protocol",
    "rescore": "further metrics of images that were upscaled before, from the stored files; no network is run",
    "merge": "join results files, such as those of parts that were scored apart",
    "export": "results for other tools: long tables as CSV or Parquet, evaluation results, a block for a model card",
    "train": "train a super-resolution or a style network as the paper does; interrupted runs resume",
    "speed": "the paper's Table 1 on this machine, the time of any model, and what each optimisation brings",
    "leaderboard": "many models of one file: quality and speed, one table, leaderboard.json and the report",
    "apply": "stylize or upscale files and folders with any registered model",
    "explain": "one pair of images under every convention: what each library prints, which gives a published number",
    "verify": "published values: verified under a convention, off by d under all, or why they cannot be compared",
    "compare": "two results files, runs or models: differences, intervals, tests, verdicts; exit status for CI",
    "preference": "a user study: which of two images people prefer; a page for the workers, the score of their answers",
    "style_quality": "the objective of style networks against the optimisation's iterations: where it matches them",
    "inversion": "images from the features or the Gram matrix of a layer: what it keeps of content and style",
    "gatys": "stylize by optimisation of the image, with any image as the style: slow, but without training",
    "degrade": "make low-resolution images exactly as MATLAB's imresize does",
    "perturb": "shifted and noisy copies of images, to test the sensitivity of metrics",
    "doctor": "the machine, the versions, and which data files are present, missing or damaged",
    "reports": "figures, tables, verdicts, an HTML page and a PDF of results files",
}


def module(program: str) -> str:
    """Where a program lies, as `python -m` takes it."""
    return program if program == "reports" else f"bench.{program}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program that is named first with the options behind it; without one, print the list."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help"}:
        return guard(list_programs)
    name, *options = arguments
    name = name.replace("-", "_")
    if name not in PROGRAMS:
        close = difflib.get_close_matches(name, PROGRAMS, n=1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        known = ", ".join(PROGRAMS)
        print(f"error: no program is called {arguments[0]!r}{guess}; there are: {known}", file=sys.stderr)
        return 2
    program = "reports.__main__" if name == "reports" else module(name)
    status: int = importlib.import_module(program).main(options)
    return status


def console() -> int:
    """The console script: the same, from any folder; the folder's own `models` or `bench` is never taken for ours."""
    interrupts.install()
    return main()


def list_programs() -> int:
    """Print the list."""
    try:
        number = version("perceptual-bench")
    except PackageNotFoundError:
        number = "(not installed)"
    print(f"perceptual-bench {number}\n\nprograms, each with --help; also as perceptual-bench PROGRAM:")
    width = shutil.get_terminal_size().columns
    for name, about in PROGRAMS.items():
        print(*two_columns(f"  python -m {module(name):<19} ", about, width), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
