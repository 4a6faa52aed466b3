"""Results files with invented values, for the programs that read them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.metrics import METRICS, info
from bench.protocols import protocol
from bench.records import Environment, Picture, Run, Score
from bench.store import Store, now

MACHINE: Mapping[str, object] = {
    "suite": {"version": "0.1.0", "commit": "0" * 40},
    "cpu": {"model": "invented", "cores_allowed": 2},
    "memory_bytes": 2**33,
    "torch": {"version": "2.15.0", "accelerators": []},
    "gpu": None,
    "device": "cpu",
}


def fill(
    file: Path,
    *,
    levels: Mapping[str, float],
    images: Sequence[str] = tuple("abcdefgh"),
    dataset: str = "set5",
    scale: int = 4,
    protocol_name: str = "johnson2016",
    metrics: Sequence[str] = ("psnr", "ssim"),
    machine: Mapping[str, object] = MACHINE,
    spread: float = 0.01,
    seed: int = 0,
    pictures: Path | None = None,
) -> int:
    """Score `images` with each model of `levels` and return the run's number.

    A value is the image's own level plus the model's, in dB for psnr and a hundredth of it for the others (its
    negative where lower is better), plus noise of `spread`.

    Args:
        pictures: a folder in which 48x40 pictures (12x10 for lr) are made; None for no pictures.
    """
    rule, noise = protocol(protocol_name, scale), random.Random(seed)
    run = Run(
        program="sr_quality",
        command=(dataset, "--models", *levels),
        started=now(),
        environment=Environment(facts=machine),
        protocols=(rule,),
        metrics=tuple(info(name) for name in metrics),
    )
    scores, kept = [], []
    for position, image in enumerate(images):
        for model, level in levels.items():
            for metric in metrics:
                size = 1.0 if metric == "psnr" else 0.01 if METRICS[metric].higher_is_better else -0.01
                base = 25.0 if metric == "psnr" else 0.7
                value = base + size * (level + position + noise.gauss(0, spread))
                scores.append(
                    Score(
                        model=model,
                        model_hash=f"hash of {model}",
                        dataset=dataset,
                        image=image,
                        image_sha256=f"sha of {image}",
                        scale=scale,
                        protocol=rule.name,
                        protocol_hash=rule.hash,
                        metric=metric,
                        metric_version="1",
                        value=value,
                    )
                )
        if pictures is not None:
            kept += [
                _picture(pictures, dataset, rule.hash, image, model, scale, seed=position)
                for model in ("hr", "lr", *levels)
            ]
    with Store(file) as store:
        number = store.start(run)
        store.add(number, scores=scores, pictures=kept)
        store.finish(number)
    return number


def _picture(
    folder: Path, dataset: str, rule: str, image: str, model: str, scale: int, *, seed: int
) -> Picture:
    """Coarse noise, the same for all models of an image but for a little of their own."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    size = (48 // scale, 40 // scale) if model == "lr" else (48, 40)
    pixels = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=int)
    own = np.random.default_rng(len(model)).integers(-9 * (model not in {"hr", "lr"}), 10, pixels.shape)
    file = folder / dataset / f"x{scale}" / model / f"{image}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels + own).clip(0, 255).astype(np.uint8)).save(file)
    return Picture(
        dataset=dataset,
        protocol_hash=rule,
        image=image,
        image_sha256=f"sha of {image}",
        model=model,
        model_hash="" if model in {"hr", "lr"} else f"hash of {model}",
        file=str(file),
    )
