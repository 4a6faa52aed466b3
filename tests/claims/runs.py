"""Commands of README.md's numbers, run in a folder of their own, and what is read from their JSON."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SETS = ("set5", "set14", "bsd100")
FEATURE = "feature-relu2_2"
Means = dict[tuple[str, str, str], float]


class CommandFailed(Exception):
    """A command of ours ended with an error."""


def python(folder: Path, *arguments: str) -> float:
    """Run `python ARGUMENTS` in a folder and return the seconds that it took.

    Raises:
        CommandFailed: with the end of what it said.
    """
    print(f"  python {shlex.join(arguments)}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths}
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"{shlex.join(arguments)} ended with {done.returncode}: {done.stderr[-1000:]}")
    return time.perf_counter() - start


def ran_json(folder: Path, *arguments: str) -> Any:
    """The JSON that a program of ours writes."""
    python(folder, "-m", *arguments, "--json", "found.json")
    return json.loads((folder / "found.json").read_text(encoding="utf-8"))


def scores(datasets: Sequence[str], *options: str) -> Callable[[Path], Means]:
    """Means of `bench.sr_quality` by data set, model and metric; `n` is the number of images."""

    def run(folder: Path) -> Means:
        rows = ran_json(folder, "bench.sr_quality", *datasets, *options)
        found = {(row["dataset"], row["model"], row["metric"]): row["mean"] for row in rows}
        return found | {(row["dataset"], row["model"], "n"): row["n"] for row in rows}

    return run


def explained(folder: Path) -> Any:
    """One pair of 8-bit images, by `bench.explain`."""
    python(
        folder,
        "-m",
        "bench.sr_quality",
        "samples",
        "--models",
        "bicubic",
        "--metrics",
        "psnr",
        "--limit",
        "1",
    )
    pictures = "results/images/samples/x4-johnson2016"
    pair = [f"{pictures}/{model}/astronaut.png" for model in ("bicubic", "hr")]
    found = ran_json(folder, "bench.explain", *pair)
    return [library["psnr"] for library in found["likes"].values() if library["psnr"] is not None]


def benchmarks(folder: Path) -> Any:
    """Ratios and seconds of `nox -s benchmarks`, by test; a loss is not this check's business."""
    with contextlib.suppress(CommandFailed):
        python(folder, "-m", "tests.benchmarks", "--json", str(folder.absolute() / "found.json"))
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return {name.partition("::test_")[2]: each for name, each in found.items()}


def table_1(folder: Path) -> Any:
    """Seconds by size and subject: `100`, `300`, `500` iterations and `network`."""
    rows = ran_json(folder, "bench.speed", "--sizes", "256", "512", "1024")
    return {(row["size"], row["iterations"] or "network"): row["seconds"] for row in rows}


def styles(*options: str) -> Callable[[Path], Any]:
    """Panels of `bench.style_quality` by style and size: objectives by subject, overtakings by subject."""

    def run(folder: Path) -> Any:
        panels = ran_json(folder, "bench.style_quality", *options, "--no-pictures")
        return {
            (panel["style"], panel["size"]): {
                "objectives": {row["subject"]: row for row in panel["objectives"] if not row["iterations"]},
                "overtakings": {row["subject"]: row for row in panel["overtakings"]},
            }
            for panel in panels
        }

    return run


def passes(*tests: str) -> Callable[[Path], bool]:
    """Whether tests of this suite pass, none of them skipped."""

    def run(folder: Path) -> bool:
        report = folder.absolute() / "report.xml"
        python(
            folder,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(ROOT),
            "-c",
            str(ROOT / "pyproject.toml"),
            f"--junitxml={report}",
            *[str(ROOT / test) for test in tests],
        )
        text = report.read_text(encoding="utf-8")
        if 'skipped="0"' not in text:
            raise CommandFailed("a test was skipped")
        return True

    return run


def johnson(folder: Path) -> Any:
    """PSNR of the authors' networks against their published pictures: as they are least and most, then after JPEG."""
    import torch

    from models.johnson_onnx import load_johnson
    from models.median import median_filter
    from tests.models import test_johnson_onnx as test

    data, plain, compressed = Path(os.environ["PERCEPTUAL_BENCH_DATA"]), [], []
    for style, file in test.PUBLISHED.items():
        with torch.no_grad():
            raw = load_johnson(test.file_of(data, style)).raw(test.authors_content(data))
        ours, theirs = test.as_saved(median_filter(raw)), test.read(data / "golden" / "style" / file)
        plain.append(test.psnr(ours, theirs))
        compressed.append(test.psnr(test.through_jpeg(ours), theirs))
    return min(plain), max(plain), min(compressed), max(compressed)


def report(folder: Path) -> Any:
    """Pictures, scores and seconds of a report of three sets at two scales with every model."""
    import sqlite3

    python(folder, "-m", "bench.sr_quality", *SETS, "--scales", "2", "4")
    seconds = python(folder, "-m", "reports", "results.db", "--out", "report")
    with contextlib.closing(sqlite3.connect(folder / "results.db")) as db:
        count = {
            name: db.execute(f"select count(*) from {name}").fetchone()[0] for name in ("pictures", "scores")
        }
    return {**count, "seconds": seconds}


def figure_8(folder: Path) -> Any:
    """How many of Figure 8's numbers get which verdict, and by how many units of the last digit those off by any are."""
    from collections import Counter

    python(folder, "-m", "bench.sr_quality", *SETS, "--metrics", "psnr", "ssim", "--no-images")
    literature = ("--protocol", "srcnn2014", "--models", "bicubic", "srcnn-955")
    python(folder, "-m", "bench.sr_quality", *SETS, "--metrics", "psnr", "ssim", "--no-images", *literature)
    python(folder, "-m", "reports", "results.db", "--out", "report", "--no-pdf")
    verdicts = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["verdicts"]
    own = [v for v in verdicts if v["id"].startswith("figure8.")]
    units = [float(v["why"].split()[0]) for v in own if v["judgement"] == "off by"]
    return {"counts": Counter(v["judgement"] for v in own), "units": (min(units), max(units))}


def cards(folder: Path) -> Any:
    """The text of each model card, by name."""
    return {
        file.stem: file.read_text(encoding="utf-8") for file in (ROOT / "models" / "weights").glob("*.md")
    }


def printed(folder: Path) -> Any:
    """What the literature prints, by (data set, scale, model, source), as text; and the paper's Table 1."""
    from bench.data.published import everything, table_1

    found: dict[Any, Any] = {(p.dataset, p.scale, p.model, p.source): p.values for p in everything()}
    return found | {"table1": table_1()}


def leaderboard(folder: Path) -> Any:
    """Of networks that are published with times: Kendall's tau of what their cards count against seconds."""
    from statistics import median

    from scipy.stats import kendalltau

    file = ROOT / "reports" / "published" / "efficient_sr.json.gz"
    content = json.loads(gzip.decompress(file.read_bytes()))
    labels = [model["label"] for model in content["models"]]
    # of the last run of each, as the page has it
    last = {
        each["subject"]: each for each in sorted(content["timings"], key=lambda each: each.get("run", ""))
    }
    timed = [each for label, each in last.items() if label in labels]
    timed = [each for each in timed if each["certificate"]["card"]["parameters"]]  # networks
    challenges = [each for each in timed if each["subject"][0] == "e" and each["subject"][1].isdigit()]
    found: dict[str, Any] = {"networks": len(challenges)}
    for name in ("activations", "flops", "parameters"):
        counts = [(each["certificate"]["card"][name], median(each["seconds"])) for each in timed]
        pairs = [pair for pair in counts if pair[0]]
        found[name] = float(kendalltau(*zip(*pairs, strict=True)).statistic)
        found[f"n of {name}"] = len(pairs)
    return found


def constants(folder: Path) -> Any:
    """Bars of the speed tests, and hashes of protocols."""
    from bench.protocols import protocol
    from tests.benchmarks import test_metric_speed as metric
    from tests.benchmarks import test_sr_quality_speed as sr_quality
    from tests.benchmarks import test_sweep_speed as sweep

    return {
        "three sets": sr_quality.THREE_SETS_SECONDS,
        "help": sr_quality.HELP_SECONDS,
        "metric": metric.REQUIRED,
        "speed-up": sweep.REQUIRED_SPEED_UP,
        "hash": protocol("johnson2016", 4).hash[:8],
    }


def machine(folder: Path) -> Any:
    """Clock, cores and memory of this machine, as it is described in results."""
    import re

    from bench.environment import environment, gibibytes

    facts = environment().facts
    clock = re.search(r"([\d.]+) ?GHz", facts["cpu"]["model"])
    return {
        "clock": float(clock[1]) if clock else 0.0,
        "cores": facts["cpu"]["cores_allowed"],
        "memory": float(gibibytes(facts["memory_bytes"]).split()[0]),
    }


def nobody(folder: Path) -> Any:
    """What is not run."""
    raise CommandFailed("this is not run")
