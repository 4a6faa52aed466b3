"""Outputs of every measuring program on two small images, recorded to be compared with later ones.

`python -m tests.golden.record FOLDER` runs the programs and writes FOLDER/results.db, scores.json, curves.json,
speed.json, export.json and report.json; it needs the real data (PERCEPTUAL_BENCH_DATA). The committed files were made
by the commit before the code was rearranged. They are not made again when code changes without a change of values;
when a value changes on purpose, the metric's, model's or protocol's version is raised and the changelog says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import skimage.data
import torch
from PIL import Image

from bench.environment import environment

HERE = Path(__file__).parent
SCALES = ("2", "3", "4", "8")
PROTOCOLS = ("johnson2016", "srcnn2014", "rgb", "johnson2016-blur", "spsr2020")
METRICS = (
    *("psnr", "ssim", "ms-ssim", "lpips-alex", "lpips-vgg", "feature-relu2_2", "feature-vgg19-relu2_2"),
    *("dists", "dists-256", "gmsd", "haarpsi", "vif-p", "niqe"),
)
LUMA_METRICS = ("psnr", "ssim", "niqe")
STYLE_OPTIONS = (
    *("--sizes", "64", "--iterations", "10", "--limit", "2", "--device", "cpu", "--no-pictures"),
    *("--loss-network", "vgg19-conv3_1"),  # that of style-la_muse when it was recorded
)
SPEED_OPTIONS = (
    *("--sizes", "64", "--models", "style-paper", "bicubic", "sr-pixel", "gatys", "--iterations", "3"),
    *("--time-limit", "1", "--device", "cpu"),
)


def main(folder: Path) -> None:
    """Run everything; the results file and the JSON files end in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    crops = write_crops(folder / "crops")
    for protocol in PROTOCOLS:
        names = (
            METRICS if protocol != "srcnn2014" else LUMA_METRICS
        )  # the others are refused where there is no RGB
        options = ("--protocol", protocol, "--scales", *SCALES, "--metrics", *names, "--device", "cpu")
        run(folder, "bench.sr_quality", crops, *options, "--no-images", "--db", "all.db")
    db = ("--db", "results.db")
    ways = ("--metrics", "psnr", "ssim", "--no-images", "--device", "cpu", "--db", "all.db")
    run(folder, "bench.sr_quality", crops, "--models", "sr-pixel", "srcnn-955", "--tile", "32", *ways)
    run(folder, "bench.sr_quality", crops, "--models", "sr-pixel", "--self-ensemble", *ways)
    run(
        folder,
        "bench.sr_quality",
        "samples",
        "--limit",
        "3",
        "--no-images",
        "--device",
        "cpu",
        "--db",
        "all.db",
    )
    export = ("--json", "export.json", "--no-images", *db)
    run(folder, "bench.sr_quality", crops, "--metrics", "psnr", "ssim", "--device", "cpu", *export)
    run(folder, "bench.style_quality", "--style", "la_muse", "--images", crops, *STYLE_OPTIONS, *db)
    inversion = ("--styles", "la_muse", "--layers", "relu2_2", "--style-layers", "relu1_2")
    pictures = ("--pictures", "inversion", "--device", "cpu")
    run(folder, "bench.inversion", crops, *inversion, "--size", "48", "--iterations", "5", *pictures, *db)
    run(folder, "bench.speed", *SPEED_OPTIONS, "--json", "speed.full.json", *db)
    run(folder, "reports", "results.db", "--out", "report", "--no-pdf")
    write(folder / "report.json", report(folder / "report"))
    write(folder / "scores.json", {"machine": machine(), **scores(folder / "all.db")})
    write(folder / "curves.json", {"machine": machine(), "rows": rows(folder / "results.db", "curves")})
    write(folder / "speed.json", without_times(json.loads((folder / "speed.full.json").read_text())))


def machine() -> dict[str, Any]:
    """What decides the last bits of a value: on an equal machine values are equal, elsewhere nearly."""
    # Processors of one name, "AMD EPYC", have other instruction sets from machine to machine.
    cpu = environment("cpu").facts["cpu"]
    facts = {name: cpu[name] for name in ("kernels", "capabilities")}
    return {"cpu": cpu["model"], **facts, "torch": torch.__version__, "threads": torch.get_num_threads()}


def write_crops(folder: Path) -> str:
    """A colour and a grey image, cut from photographs that scikit-image installs."""
    folder.mkdir(exist_ok=True)
    for name in ("chelsea", "coins"):
        Image.fromarray(getattr(skimage.data, name)()[40:244, 80:296]).save(folder / f"{name}.png")
    return folder.name


def run(folder: Path, program: str, *options: str) -> None:
    """One program, in the folder, with this package in front of any installed one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", program, *options]
    subprocess.run(command, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL)


def scores(file: Path) -> dict[str, Any]:
    """Every value by data set, scale, protocol, model, metric and image; the hashes that rows hold, by what they are of."""
    columns, *found = rows(file, "scores")
    known: dict[str, dict[str, str]] = {"protocols": {}, "models": {}, "images": {}}
    values: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in (dict(zip(columns, each, strict=True)) for each in found):
        place, model = (
            f"{row['dataset']} x{row['scale']} {row['protocol']}",
            f"{row['model']} {row['model_hash'][:8]}",
        )
        known["protocols"][f"{row['protocol']} x{row['scale']}"] = row["protocol_hash"]
        known["models"][f"{row['model']} x{row['scale']} {row['model_hash'][:8]}"] = row["model_hash"]
        known["images"][f"{row['dataset']} {row['image']}"] = row["image_sha256"]
        metric = f"{row['metric']} {row['metric_version']}"
        values.setdefault(place, {}).setdefault(model, {}).setdefault(metric, {})[row["image"]] = row["value"]
    return {**known, "values": values}


def rows(file: Path, table: str) -> list[list[Any]]:
    """A table of a results file but for the numbers of runs, its columns first, sorted."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        kept = [at for at, column in enumerate(columns) if column not in {"run", "id"}]
        found: Iterable[list[Any]] = ([row[at] for at in kept] for row in cursor)
        return [[columns[at] for at in kept], *sorted(found, key=repr)]


def report(folder: Path) -> dict[str, Any]:
    """A report's own data as digests by section, and its tables as text but for the long lists of verdicts."""
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    sections = {name: value for name, value in data.items() if name not in {"made", "suite", "environments"}}
    tables = sorted((folder / "tables").glob("*.*"))
    return {
        "sections": {name: digest(json.dumps(value, sort_keys=True)) for name, value in sections.items()},
        "tables": {
            file.name: file.read_text(encoding="utf-8").splitlines()
            for file in tables
            if file.suffix == ".md" and not file.name.startswith("verdicts")
        },
        "digests": {file.name: digest(file.read_text(encoding="utf-8")) for file in tables},
    }


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def without_times(value: Any) -> Any:
    """The same structure with every number that a stopwatch gave, or that the machine decides, replaced by its type."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key != "environment"}
    if isinstance(value, list):
        return [without_times(each) for each in value[:1]]
    return type(value).__name__ if isinstance(value, float) else value


def write(file: Path, value: Any) -> None:
    """One row a line, so that a difference can be read."""
    text = json.dumps(value, indent=0, ensure_ascii=False)
    file.write_text(
        text.replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]").replace("], [", "],\n[")
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
