"""Puts the scores of a leaderboard.json into reports/published/efficient_sr.json.gz.

python publish.py leaderboard/leaderboard.json

Models that are there already are replaced, others stay. A model counts only if every image has a PSNR and an SSIM; rows
of further metrics count where they are complete. Times are skipped: unlike machines do not belong into one table.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.data.datasets import dataset

PUBLISHED = Path(__file__).resolve().parents[2] / "published" / "efficient_sr.json.gz"
REQUIRED = ("psnr", "ssim")
KEPT = ("title", "suite_version", "command")


def complete(scores: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], set[str]]:
    """Rows that have all images of their data set, and the models that have each required one."""
    counts = {name: len(dataset(name).images) for name in {row["dataset"] for row in scores}}
    rows = [row for row in scores if row["n"] == counts[row["dataset"]]]
    have = {(row["model"], row["dataset"], row["metric"]) for row in rows}
    models = {row["model"] for row in rows}
    return rows, {
        model
        for model in models
        if all((model, name, metric) in have for name in counts for metric in REQUIRED)
    }


def merged(found: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What is published then: in the order of the file, machines by the hash that models name."""
    rows, models = complete(found["scores"])
    stay = [model for model in before.get("models", ()) if model["label"] not in models]
    machine = json.dumps(found["environment"], sort_keys=True)
    machines = [json.dumps(each, sort_keys=True) for each in before.get("machines", ())]
    machines += [machine] if machine not in machines else []
    new = [{**m, "machine": machines.index(machine)} for m in found["models"] if m["label"] in models]
    kept = {model["label"] for model in stay}
    return {
        **{key: found[key] for key in KEPT},
        "machines": [json.loads(each) for each in machines],
        "models": [*stay, *new],
        "scores": [
            *(row for row in before.get("scores", ()) if row["model"] in kept),
            *(row for row in rows if row["model"] in models),
        ],
    }


def main(file: str) -> None:
    before = json.loads(gzip.decompress(PUBLISHED.read_bytes())) if PUBLISHED.is_file() else {}
    made = merged(json.loads(Path(file).read_text("utf-8")), before)
    text = json.dumps(made, separators=(",", ":"))
    PUBLISHED.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(made['models'])} models, {len(made['scores'])} rows, {PUBLISHED.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
