"""Every measured number of README.md and docs/results.md: its words, with the number between « and », and its source.

What is no measurement stands in :data:`PLAIN`. A number that is in neither fails `tests/claims/test_claims.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.claims.claim import (
    RATIO,
    Claim,
    all_sets,
    bar,
    checked,
    closer,
    in_seconds,
    larger,
    loss,
    objective,
    overtaken,
    ratio,
)
from tests.claims.printed_tables import TIME, Cells, result_table, score_tables, speed_table, speed_up
from tests.claims.runs import SETS

SHRINK = "shrinking_is_at_least_five_times_as_fast_as_the_plain_way"
LADDER = "the_best_variant_is_much_faster_than_plain_eager_float32_at_512"
METRIC = "psnr_and_ssim_are_at_least_four_times_as_fast_as_scikit_images_ssim"
THOUSAND = "the_network_is_a_thousand_times_faster_than_500_iterations_at_256"
GATYS = "an_iteration_at_512_against_torchs"
THREE = "set5_set14_bsd100_with_bicubic_and_srcnn"
LIBRARIES = "explain"

LEADERBOARD = (
    Claim(
        text="*«83» networks of three challenges",
        sources=("leaderboard",),
        values=lambda r: (r["leaderboard"]["networks"],),
    ),
    Claim(
        text="go with the time (Kendall's tau «0.68», «90» networks); FLOPs («0.23») and parameters («0.17») hardly do",
        sources=("leaderboard",),
        values=lambda r: tuple(
            r["leaderboard"][name] for name in ("activations", "n of activations", "flops", "parameters")
        ),
    ),
)
QUALITY = (
    Claim(
        text="six popular libraries print «25.3» to «26.9» dB for the same",
        sources=(LIBRARIES,),
        values=lambda r: (min(r[LIBRARIES]), max(r[LIBRARIES])),
    ),
    Claim(
        text="that print each number: «25.25» to «26.89» dB for one pair",
        sources=(LIBRARIES,),
        values=lambda r: (min(r[LIBRARIES]), max(r[LIBRARIES])),
    ),
    Claim(text="features loses «0.8» to «1.3» dB against", sources=SETS, values=loss),
    Claim(
        text="pixels, and is «27» to «31» % closer in features",
        sources=SETS,
        values=lambda r: closer(all_sets(r)),
    ),
    Claim(
        text="agrees («0.110» against «0.194» on set5)",
        sources=("set5",),
        values=lambda r: [r["set5"]["set5", model, "lpips-alex"] for model in ("sr-feature", "sr-pixel")],
    ),
    Claim(
        text="almost alone, is «30» to «34» % closer, and",
        sources=SETS,
        values=lambda r: closer(all_sets(r), "sr-feature-vgg16"),
    ),
    Claim(
        text="an LPIPS of «0.134», «0.229» and «0.301» where `sr-feature` has «0.110», «0.209» and «0.276»: it prints",
        sources=SETS,
        values=lambda r: [
            r[name][name, model, "lpips-alex"]
            for model in ("sr-feature-vgg16", "sr-feature")
            for name in SETS
        ],
    ),
    Claim(
        text="At x4, pixel: «10,000» steps",
        sources=("cards",),
        values=lambda r: ["10,000" if "| steps | 10000 |" in r["cards"]["sr-pixel-x4"] else "another number"],
    ),
    Claim(text="steps, «33» minutes on two cores", sources=("training",), values=lambda r: []),
    Claim(
        text="feature: «346» minutes, far from done",
        sources=("cards",),
        values=lambda r: ["346" if "346 minutes in all" in r["cards"]["sr-feature-x4"] else "another number"],
    ),
    Claim(
        text="`sr-pixel` has «25.89» dB on set5, against «24.40» of bicubic",
        sources=("x8",),
        values=lambda r: [r["x8"]["set5", model, "psnr"] for model in ("sr-pixel", "bicubic")],
    ),
    Claim(
        text="`sr-feature` is «16» to «19» % closer in features than `sr-pixel`, at x2 «20» to «24» %,",
        sources=("x8", "x2"),
        values=lambda r: [*closer(r["x8"]), *closer(r["x2"])],
    ),
    Claim(
        text="where `sr-feature-vgg16` is «21» to «26» % closer and prints no grid",
        sources=("x2",),
        values=lambda r: closer(r["x2"], "sr-feature-vgg16"),
    ),
    Claim(
        text="and the paper's «24.77»;",
        sources=("printed",),
        values=lambda r: [r["printed"]["set5", 8, "sr-pixel", "Johnson 2016"]["psnr"]],
    ),
    Claim(
        text="at x2 «36.43» dB, where SRCNN has «36.68» (on bsd100 «31.41» and «31.36»)",
        sources=("x2",),
        values=lambda r: [
            r["x2"][d, model, "psnr"] for d in ("set5", "bsd100") for model in ("sr-pixel", "srcnn-955")
        ],
    ),
    Claim(
        text="arrays to «1e-9»; LPIPS",
        sources=("exact",),
        values=lambda r: ["1e-9" if r["exact"] else "more"],
    ),
    Claim(
        text="in each pixel of «25» files in circulation",
        sources=("imresize",),
        values=lambda r: [25 if r["imresize"] else 0],
    ),
    Claim(
        text="Of the «40» numbers of Figure 8, «13» are reproduced to the printed digit, «20» are better (networks "
        "trained anew) and «7» are off by «1» to «10» units",
        sources=("figure 8",),
        values=lambda r: [
            sum(r["figure 8"]["counts"].values()),
            *(r["figure 8"]["counts"][verdict] for verdict in ("reproduced", "better", "off by")),
            *r["figure 8"]["units"],
        ],
    ),
    Claim(
        text="The paper's own x8 bicubic row («23.80» dB on Set5)",
        sources=("printed",),
        values=lambda r: [r["printed"]["set5", 8, "bicubic", "Johnson 2016"]["psnr"]],
    ),
)

ROWS = (
    (
        "set5",
        4,
        "bicubic",
        "bicubic",
        "Johnson 2016",
        "28.43 / 0.8114",
        "(Johnson 2016, Fig. 8)",
        "28.431 / 0.8113",
    ),
    (
        "set14",
        4,
        "bicubic",
        "bicubic",
        "Johnson 2016",
        "25.99 / 0.7301",
        ", a digit swap for 0.7031 (Fig. 8)",
        "25.995 / 0.7030",
    ),
    (
        "bsd100",
        4,
        "bicubic",
        "bicubic",
        "Johnson 2016",
        "25.96 / 0.682",
        ", a digit lost from 0.6682 (Fig. 8)",
        "25.962 / 0.6682",
    ),
    ("set5", 4, "srcnn2014", "bicubic", "RCAN 2018", "28.42 / 0.8104", "(RCAN's table)", "28.421 / 0.8104"),
    ("set14", 4, "srcnn2014", "bicubic", "RCAN 2018", "26.00 / 0.7027", "(RCAN's table)", "26.000 / 0.7019"),
    ("set5", 4, "srcnn2014", "srcnn-955", "RCAN 2018", "30.48 / 0.8628", "", "30.484 / 0.8628"),
    ("set14", 4, "srcnn2014", "srcnn-955", "RCAN 2018", "27.50 / 0.7513", "", "27.502 / 0.7513"),
    ("bsd100", 4, "srcnn2014", "srcnn-955", "RCAN 2018", "26.90 / 0.7101", "", "26.903 / 0.7103"),
    ("set5", 8, "bicubic x8", "bicubic", "RCAN 2018", "24.40 / 0.6580", "(RCAN's table)", "24.398 / 0.6582"),
    ("set14", 8, "bicubic x8", "bicubic", "RCAN 2018", "23.10 / 0.5660", "(RCAN's table)", "23.090 / 0.5640"),
)


def row_claims() -> Iterator[Claim]:
    """The rows of "Is it right?"."""
    for dataset, scale, source, model, short, theirs, remark, ours in ROWS:
        rule = "srcnn2014" if source == "srcnn2014" else "johnson2016"
        words = "SRCNN 9-5-5" if model == "srcnn-955" else model
        numbers = " / ".join(f"«{n}»" for n in theirs.split(" / "))
        space = "" if remark.startswith(",") or not remark else " "
        mine = " / ".join(f"«{n}»" for n in ours.split(" / "))
        yield Claim(
            text=f"| {dataset} x{scale} {rule} | {words} | {numbers}{space}{remark} | {mine} |",
            sources=("printed", source),
            values=checked(dataset, scale, source, model, short),
        )


SPEED = (
    Claim(
        text="without stored scores | «28» s |",
        sources=("benchmarks",),
        values=in_seconds(THREE),
        factor=TIME,
    ),
    Claim(text="28 s | claimed: «60» s |", sources=("constants",), values=bar("three sets")),
    Claim(
        text="times as fast as scikit-image | «4.2» |",
        sources=("benchmarks",),
        values=ratio(METRIC),
        factor=RATIO,
    ),
    Claim(text="4.2 | claimed: «4» |", sources=("constants",), values=bar("metric")),
    *(
        Claim(
            text=f"{size}x{size} | «{here}» | paper: «{paper}» |",
            sources=("table 1", "printed"),
            values=speed_up(size),
            factor=TIME,
        )
        for size, here, paper in ((256, 1686, 1060), (512, 2186, 1026), (1024, 1946, 1042))
    ),
    Claim(text="results file | «28» s |", sources=("benchmarks",), values=in_seconds(THREE), factor=TIME),
    Claim(text="s | under «60» s |", sources=("constants",), values=bar("three sets")),
    Claim(
        text="same window | «4.2» times faster |", sources=("benchmarks",), values=ratio(METRIC), factor=RATIO
    ),
    Claim(text="4.2 times faster | «4» times |", sources=("constants",), values=bar("metric")),
    Claim(text="RGB image («6.4» ms)", sources=("benchmarks",), values=in_seconds(SHRINK, 1e-3), factor=TIME),
    Claim(
        text="NumPy gather | «12» times faster |", sources=("benchmarks",), values=ratio(SHRINK), factor=RATIO
    ),
    Claim(
        text="best variant against plain eager float32 | «1.59» times faster |",
        sources=("benchmarks",),
        values=ratio(LADDER),
        factor=RATIO,
    ),
    Claim(text="LBFGS` | «1.97» times faster |", sources=("benchmarks",), values=ratio(GATYS), factor=RATIO),
    Claim(
        text="both plain float32 | «1659» times faster |",
        sources=("benchmarks",),
        values=ratio(THOUSAND),
        factor=RATIO,
    ),
    Claim(text="times faster | «1000» times |", sources=("constants",), values=bar("speed-up")),
    Claim(text="--help` | «0.06» s |", sources=("benchmarks",), values=in_seconds("help"), factor=2.0),
    Claim(text="s | under «0.5» s |", sources=("constants",), values=bar("help")),
    Claim(text="It brings «1.6» times here", sources=("benchmarks",), values=ratio(LADDER), factor=RATIO),
    Claim(
        text="Measured on «2» cores of an Intel Xeon «2.50» GHz (Cascade Lake, «24» GiB)",
        sources=("machine",),
        values=lambda r: [r["machine"][name] for name in ("cores", "clock", "memory")],
    ),
    Claim(
        text="«2,380» pictures and «7,616» scores",
        sources=("report",),
        values=lambda r: [r["report"][name] for name in ("pictures", "scores")],
    ),
    Claim(
        text="it is written in «14» s",
        sources=("report",),
        values=lambda r: [r["report"]["seconds"]],
        factor=TIME,
    ),
)

STYLE = (
    Claim(
        text="published pictures: «30.5» to «31.3» dB as they are, «65» to «71» dB after",
        sources=("johnson",),
        values=lambda r: r["johnson"],
    ),
    *(
        Claim(
            text=f"| `{subject}`{remark} | «{numbers[0]}» ± «{numbers[1]}» | «{numbers[2]}» times |",
            sources=("style",),
            values=objective(style, subject),
        )
        for style, subject, remark, *numbers in (
            ("la_muse", "style-la_muse", "", "16.9", "0.74", "5.4"),
            (
                "la_muse",
                "style-johnson-la_muse",
                ", the authors', trained with other weights",
                "29.1",
                "1.1",
                "3.2",
            ),
            ("starry_night", "style-starry_night", "", "13.3", "0.69", "5.6"),
            ("composition_vii", "style-composition_vii", "", "15.1", "0.77", "5.0"),
            ("wave", "style-wave", "", "6.47", "0.67", "4.2"),
        )
    ),
    *(
        Claim(
            text=f"{before} times | «{number}» iterations («4» images) |",
            sources=("overtaking",),
            values=overtaken(style),
        )
        for style, before, number in (
            ("la_muse", "5.4", "28"),
            ("starry_night", "5.6", "25"),
            ("composition_vii", "5.0", "28"),
            ("wave", "4.2", "37"),
        )
    ),
    Claim(
        text="(«4» images) has a content term of «10.8» at 512 and «10.9» at 1024 and a style term of «4.53» and «5.16»; "
        "the total variation, a sum over pixels, grows with the size, so that the whole objective is «3.8» and «2.6» times",
        sources=("large styles",),
        values=larger,
    ),
)

# Sizes, settings, years, numbers of tables and figures, and what others did.
PLAIN = (
    "timed on one CPU (Intel Xeon with avx512_bf16, «2» cores, torch 2.14.1).*",
    "Scores on «119» images, ties",
    "Python «3.11» or newer",
    'evaluate("bicubic", "samples", scale=«4», metrics',
    "AMD EPYC (avx512_bf16), «2» cores, torch 2.14.1, no GPU.",
    "from the registry, the «64» MB",
    "(the paper: «200,000» steps",
    "(Johnson «2016», Fig. «8»)",
    "a digit swap for «0.7031» (Fig. «8»)",
    "a digit lost from «0.6682» (Fig. «8»)",
    "1.59 times faster | «1.5» times («2.5» with units for bfloat16)",
    "1.97 times faster | «1.8» times («2» with units for bfloat16)",
    "plain NumPy gather | 12 times faster | «5» times |",
    "against «500» iterations, both",
    "The paper's Table «1»",
    "The paper's Figure «8» with the networks",
    "numbers of Figure «8», 13 are",
    "(luma, border of «4» pixels cropped;",
    "AMD EPYC (avx512_bf16), «2» cores, torch 2.14.1, no GPU: scores",
    'F.interpolate(lr, scale_factor=«4», mode="bicubic")',
    'evaluate(mine, "samples", scale=«4»)))',
    "Intel Xeon «2.50» GHz, «2» cores, torch 2.15.0, no GPU:",
    "times as fast as «500» iterations: 256x256",
    "on a CPU the «500» iterations",
    "mean ± sd («50» images of coco50)",
    "on patches of «128» pixels (wave in the end at «256»)",
    "10.8 at «512» and 10.9 at «1024» and a style",
    "The paper has «50» to «100» iterations for a network trained for «4» hours",
    "Xeon (avx512_bf16); «2» cores, torch 2.14.1, no",
)


def claims(text: str) -> list[Claim | Cells]:
    """All that README.md says was measured."""
    found: list[Claim | Cells] = [*QUALITY, *LEADERBOARD, *row_claims(), *SPEED, *STYLE]
    return [*found, *result_table(text), *score_tables(text), *speed_table(text)]
