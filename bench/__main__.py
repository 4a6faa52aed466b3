"""`python -m bench`: the programs, a line each."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

PROGRAMS = {
    "sr_quality": "degrade, upscale and score data sets: PSNR, SSIM, LPIPS under a declared protocol",
    "rescore": "new metrics of images that were enlarged before, from the stored pictures; no network is run",
    "merge": "join results files, such as those of parts that were scored apart",
    "train": "train a super-resolution or a style network as the paper does; stopped runs go on",
    "speed": "the paper's Table 1 on this machine, the time of any model, and what each optimisation brings",
    "apply": "stylize or upscale files and folders with any registered model",
    "explain": "one pair of images under every convention: what each library prints, which gives a published number",
    "compare": "two results files, runs or models: differences, intervals, tests, verdicts; exit status for CI",
    "preference": "ask people which of two enlargements they prefer: a page for the workers, and what they answered",
    "style_quality": "the objective of style networks against the optimisation's iterations: where it overtakes them",
    "inversion": "what a layer keeps of content and of style: images from features and from Gram matrices",
    "gatys": "stylize by optimisation of the image, with any picture as the style: slow, and no network to train",
    "degrade": "make low-resolution images exactly as MATLAB's imresize does",
    "perturb": "shifted and noisy copies of images, to see what each metric makes of them",
    "doctor": "the machine, the versions, and which data files are present, missing or damaged",
}


def main() -> int:
    """Print the list."""
    try:
        number = version("perceptual-bench")
    except PackageNotFoundError:
        number = "(not installed)"
    print(f"perceptual-bench {number}\n\nprograms, each with --help:")
    for name, about in PROGRAMS.items():
        print(f"  python -m bench.{name:<13} {about}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
