"""Where fresh values come from, by name: a command each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.registry import stylizers
from tests.claims.runs import (
    FEATURE,
    SETS,
    benchmarks,
    cards,
    constants,
    explained,
    figure_8,
    johnson,
    leaderboard,
    machine,
    nobody,
    passes,
    printed,
    report,
    scores,
    styles,
    table_1,
)

STYLES = stylizers.TRAINED
Cost = Literal["nothing", "minutes", "long"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One way to fresh values.

    Attributes:
        run: called with the folder to work in; what it returns is handed to the claims.
        cost: `long` is left out by --quick, `nothing` is checked by the plain test suite too.
        data: it needs the real data sets.
        timed: its values are of the machine that README.md names, and mean nothing on another.
        unable: why nobody runs it; empty for what can be run.
    """

    name: str
    about: str
    run: Callable[[Path], Any]
    cost: Cost = "minutes"
    data: bool = True
    timed: bool = False
    unable: str = ""


QUALITY = ("--no-images",)
PSNR_SSIM = ("--metrics", "psnr", "ssim")
MODELS_AT_X2 = ("bicubic", "srcnn-955", "sr-pixel", "sr-feature", "sr-feature-vgg16")
AT_256 = ("--style", *STYLES, "--sizes", "256")

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(name="printed", about="bench/data/paper.toml", run=printed, cost="nothing", data=False),
        Source(name="cards", about="models/weights/*.md", run=cards, cost="nothing", data=False),
        Source(
            name="leaderboard",
            about="reports/published/efficient_sr.json.gz",
            run=leaderboard,
            cost="nothing",
            data=False,
        ),
        Source(name="constants", about="bars in tests/benchmarks", run=constants, cost="nothing", data=False),
        Source(name="machine", about="bench.doctor", run=machine, data=False, timed=True),
        Source(name="explain", about="bench.explain of astronaut", run=explained, data=False),
        Source(name="set5", about="bench.sr_quality set5", run=scores(["set5"], *QUALITY)),
        Source(name="set14", about="bench.sr_quality set14", run=scores(["set14"], *QUALITY), cost="long"),
        Source(name="bsd100", about="bench.sr_quality bsd100", run=scores(["bsd100"], *QUALITY), cost="long"),
        Source(
            name="srcnn2014",
            about="bench.sr_quality, protocol srcnn2014",
            run=scores(
                SETS, *QUALITY, *PSNR_SSIM, "--protocol", "srcnn2014", "--models", "bicubic", "srcnn-955"
            ),
        ),
        Source(
            name="bicubic",
            about="bench.sr_quality, bicubic",
            run=scores(SETS, *QUALITY, *PSNR_SSIM, "--models", "bicubic"),
        ),
        Source(
            name="bicubic x8",
            about="bench.sr_quality --scales 8, bicubic",
            run=scores(["set5", "set14"], *QUALITY, *PSNR_SSIM, "--scales", "8", "--models", "bicubic"),
        ),
        Source(
            name="x2",
            about="bench.sr_quality --scales 2",
            run=scores(
                SETS, *QUALITY, "--models", *MODELS_AT_X2, "--metrics", "psnr", FEATURE, "--scales", "2"
            ),
            cost="long",
        ),
        Source(
            name="x8",
            about="bench.sr_quality --scales 8",
            run=scores(
                SETS,
                *QUALITY,
                "--models",
                "bicubic",
                "sr-pixel",
                "sr-feature",
                "--metrics",
                "psnr",
                FEATURE,
                "--scales",
                "8",
            ),
            cost="long",
        ),
        Source(
            name="exact",
            about="tests of PSNR, SSIM and LPIPS",
            run=passes(
                "tests/bench/metrics/test_psnr.py::test_scikit_image_agrees_to_1e_9",
                "tests/bench/metrics/test_ssim.py::test_scikit_image_agrees_to_1e_9_at_every_strip_and_block_boundary",
            ),
            data=False,
        ),
        Source(
            name="imresize",
            about="test of bench.degrade",
            run=passes("tests/bench/test_degrade.py::test_the_program_writes_the_pixels_of_matlabs_files"),
        ),
        Source(name="johnson", about="tests/models/test_johnson_onnx.py", run=johnson),
        Source(
            name="style",
            about="bench.style_quality, coco50",
            run=styles(*AT_256, "--no-baseline"),
            cost="long",
        ),
        Source(
            name="overtaking",
            about="bench.style_quality, 4 images, 40 iterations",
            run=styles(*AT_256, "--limit", "4", "--iterations", "40"),
            cost="long",
        ),
        Source(
            name="large styles",
            about="bench.style_quality --sizes 512 1024, 4 images",
            run=styles(
                "--style",
                "la_muse",
                "--models",
                "style-la_muse",
                "--sizes",
                "512",
                "1024",
                "--limit",
                "4",
                "--no-baseline",
            ),
            cost="long",
        ),
        Source(name="benchmarks", about="nox -s benchmarks", run=benchmarks, cost="long", timed=True),
        Source(
            name="table 1",
            about="bench.speed --sizes 256 512 1024",
            run=table_1,
            cost="long",
            data=False,
            timed=True,
        ),
        Source(name="figure 8", about="python -m reports, Figure 8", run=figure_8, cost="long"),
        Source(name="report", about="python -m reports, two scales", run=report, cost="long"),
        Source(
            name="training",
            about="bench.train",
            run=nobody,
            data=False,
            unable="training takes an hour and more",
        ),
    )
}
