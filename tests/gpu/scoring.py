"""A data set scored on the device and on the CPU by `bench.sr_quality`, value against value."""

from __future__ import annotations

import time
from pathlib import Path

from bench import sr_quality
from bench.data import cache, manifest
from bench.metrics import METRICS
from bench.protocols import protocol
from bench.storage.store import Store
from tests.gpu.asked import Asked, Skip
from tests.gpu.machine import ready
from tests.gpu.record import Record

TOLERANCES = {"psnr": 1e-3, "ssim": 1e-5, "ms-ssim": 1e-5}
RELATIVE = 2e-3
Key = tuple[str, str, str]


def compare(asked: Asked, record: Record) -> None:
    """The largest difference of each metric, of all images and models.

    Raises:
        Skip: the data set is not here.
        RuntimeError: the program says that something could not be scored.
    """
    device = ready(asked)
    dataset = "samples" if asked.smoke else "set14"
    if not asked.smoke and any(cache.state(f.name) != "present" for f in manifest.group(dataset).files):
        raise Skip(f"{dataset} is not here; copy it into the folder of --data")
    found = {}
    for where in ("cpu", str(device)) if device.type != "cpu" else ("cpu", "cpu"):
        begun = time.perf_counter()
        scores = scored(asked, dataset, where, asked.out / f"scores-{len(found)}.db")
        record.write(f"{dataset} on {where}", seconds=time.perf_counter() - begun, scores=len(scores))
        found[len(found)] = scores
    differences(record, found[0], found[1])


def scored(asked: Asked, dataset: str, where: str, db: Path) -> dict[Key, float]:
    """Image, model and metric to value."""
    names = [name for name, entry in METRICS.items() if usable(name) and not entry.extra]
    metrics = ["psnr", "ssim"] if asked.smoke else names
    models = ["bicubic", "sr-pixel", *([] if asked.smoke else ["sr-feature", *srcnn()])]
    limit = ["--limit", "1"] if asked.smoke else []
    db.unlink(missing_ok=True)
    command = [dataset, "--models", *models, "--metrics", *metrics, *limit, "--no-images", "--force"]
    status = sr_quality.main([*command, "--device", where, "--db", str(db)])
    if status:
        raise RuntimeError(f"bench.sr_quality on {where} ended with {status}")
    with Store(db, read_only=True) as store:
        scores = store.scores(dataset=dataset, protocol_hash=protocol("johnson2016", 4).hash)
        return {(score.image, score.model, score.metric): score.value for score in scores}


def srcnn() -> list[str]:
    """SRCNN, where its files are here."""
    return ["srcnn-955"] if all(here(file.name) for file in manifest.group("srcnn-955").files) else []


def usable(name: str) -> bool:
    return all(here(file) for file in METRICS[name].needs)


def here(file: str) -> bool:
    return file in manifest.files() and cache.state(file) == "present"


def differences(record: Record, cpu: dict[Key, float], device: dict[Key, float]) -> None:
    """By metric; a value that one side lacks is infinitely far away."""
    for metric in dict.fromkeys(key[2] for key in cpu):
        keys = [key for key in cpu if key[2] == metric]
        missing = [key for key in keys if key not in device]
        absolute = metric in TOLERANCES
        far = [
            abs(device[key] - cpu[key]) / (1 if absolute else max(abs(cpu[key]), 1e-12))
            for key in keys
            if key in device and device[key] != cpu[key]
        ]
        worst = float("inf") if missing else max(far, default=0.0)
        words = "largest difference" if absolute else "largest relative difference"
        record.compare(f"{metric}: {words}", worst, TOLERANCES.get(metric, RELATIVE), values=len(keys))
