"""Steps of each training task by `bench.train` as anybody runs it: images per second, and the loader's share."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import torch

from bench import loss_networks, train
from bench.data import datasets
from bench.data.styles import LOSS_WEIGHTS
from bench.training.data import Patches, load_images
from bench.training.recipe import PRESETS, Recipe, build
from models.vgg import LossNetwork, random_loss_network
from tests.gpu import pack
from tests.gpu.asked import Asked, Skip
from tests.gpu.machine import ready, wait_for
from tests.gpu.record import Record
from tests.gpu.scoring import here

TASKS = {
    "sr-pixel": ("sr", "--scale", "4", "--loss", "pixel"),
    "sr-feature": ("sr", "--scale", "4", "--loss", "feature"),
    "style": ("style", "--style", "style.png"),
}
STEPS, LOG_EVERY = 300, 50
SMOKE = {
    "sr": ("--patch", "32", "--batch", "2"),
    "style": ("--patch", "64", "--batch", "1", "--style-size", "64"),
}
LOADER_STEPS = 50


def steps(asked: Asked, record: Record) -> None:
    """Every task under the paper's preset, then under the strong one.

    Raises:
        Skip: there is nothing to train with.
    """
    device = ready(asked)
    if importlib.util.find_spec("lightning_fabric") is None:
        raise Skip("lightning-fabric is not installed; carry it and lightning-utilities as wheels")
    if asked.crops is None and not asked.smoke:
        raise Skip("no images to train on: --crops is a file that python -m tests.gpu.pack writes")
    weights = LOSS_WEIGHTS["vgg16"] if here(LOSS_WEIGHTS["vgg16"]) else "random"
    record.write("loss network", weights=weights)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = crops(asked, folder)
        for preset in ("paper", "strong"):
            for task in TASKS:
                record.write(
                    f"{task} {preset}", **trained(asked, task, preset, images, folder, device, weights)
                )


def crops(asked: Asked, folder: Path) -> Path:
    """A folder of PNG files: those that were packed, or of the samples' photographs in a dry run."""
    packed = asked.crops
    if packed is None:
        packed = folder / "samples.zip"
        pack.pack([datasets.samples_folder()], packed, side=96, most_bytes=10**6)
    return pack.unpack(packed, folder / "crops")


def random_network(name: str, layers: Sequence[str]) -> LossNetwork:
    return random_loss_network(name, layers)


def trained(
    asked: Asked, task: str, preset: str, images: Path, folder: Path, device: torch.device, weights: str
) -> dict[str, object]:
    """Runs the program; what its log says, and how long the loader takes by itself.

    Raises:
        RuntimeError: the program says that it failed.
    """
    command, *options = TASKS[task]
    run = folder / f"{task}-{preset}"
    style = str(next(images.iterdir()))
    given = [style if word == "style.png" else word for word in options]
    count, every = (4, 2) if asked.smoke else (STEPS, LOG_EVERY)
    recipe = ("--preset", preset, "--iterations", str(count), *(SMOKE[command] if asked.smoke else ()))
    running = ("--log-every", str(every), "--validation-images", "0", "--no-tensorboard")
    line = [command, *given, *recipe, *running, "--data", str(images), "--out", str(run)]
    load = random_network if weights == "random" else loss_networks.load
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with patch.object(loss_networks, "load", load), patch("bench.training.tasks.load", load):
        status = train.main([*line, "--device", str(device)])
    if status:
        raise RuntimeError(f"bench.train {' '.join(line[:6])} ended with {status}")
    log = [json.loads(text) for text in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    speeds = [entry["images_per_second"] for entry in log if entry["kind"] == "train"]
    steady = max(speeds)  # the first entry has cuDNN's search for algorithms in it
    chosen = chosen_recipe(command, preset, asked)
    loader = loader_seconds(images, chosen, device)
    return {
        "steps": count,
        "images_per_second": speeds,
        "batch": chosen.batch,
        "patch": chosen.patch,
        "loader_seconds_per_step": loader,
        "loader_share": loader * steady / chosen.batch,
        "losses": [entry["loss"] for entry in log if entry["kind"] == "train"],
        "peak_memory_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
    }


def chosen_recipe(command: str, preset: str, asked: Asked) -> Recipe:
    """What decides how the loader works."""
    given = dict(zip(("patch", "batch"), map(int, SMOKE[command][1:4:2]), strict=True)) if asked.smoke else {}
    return build(Recipe, {**PRESETS[command][preset], "precision": "float32"}, given)


def loader_seconds(images: Path, recipe: Recipe, device: torch.device) -> float:
    """Per step: choosing, cutting and turning the patches, on the device, where the images lie."""
    loaded = load_images(
        [str(images)], patch=recipe.patch, validation_share=0.02, whole=recipe.fit == "whole"
    )
    patches = Patches(
        loaded.training,
        patch=recipe.patch,
        batch=recipe.batch,
        seed=0,
        turns=recipe.turns,
        device=device,
    )
    patches(0)
    wait_for(device)
    begun = time.perf_counter()
    for step in range(LOADER_STEPS):
        patches(step)
    wait_for(device)
    return (time.perf_counter() - begun) / LOADER_STEPS
