"""Results files with invented values, for the programs that read them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.metrics import METRICS, info
from bench.protocols import protocol
from bench.records import Curve, Environment, Run, SavedImage, Score, SpeedResult, StyleProtocol
from bench.storage.store import Store, now
from bench.timing.records import SpeedProtocol, Timing

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
) -> SavedImage:
    """Coarse noise, the same for all models of an image but for a little of their own."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    size = (48 // scale, 40 // scale) if model == "lr" else (48, 40)
    pixels = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=int)
    own = np.random.default_rng(len(model)).integers(-9 * (model not in {"hr", "lr"}), 10, pixels.shape)
    file = folder / dataset / f"x{scale}" / model / f"{image}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels + own).clip(0, 255).astype(np.uint8)).save(file)
    return SavedImage(
        dataset=dataset,
        protocol_hash=rule,
        image=image,
        image_sha256=f"sha of {image}",
        model=model,
        model_hash="" if model in {"hr", "lr"} else f"hash of {model}",
        file=str(file),
    )


def style_protocol(style: str = "la_muse", size: int = 256, *, loss_network: str = "vgg16") -> StyleProtocol:
    """An objective of style transfer."""
    return StyleProtocol(
        size=size,
        style=style,
        style_sha256=f"sha of {style}",
        style_size=384,
        loss_network=loss_network,
        loss_weights=f"{loss_network}.pth",
        content_layers=("relu3_3",),
        style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
        style_weight=5.0,
        tv_weight=1e-6,
    )


def layer_protocol(
    layer: str, *, style: str = "", size: int = 256, loss_network: str = "vgg16"
) -> StyleProtocol:
    """That of an image made from one layer: from its features, or, with a style, from the style in it."""
    return StyleProtocol(
        name="reconstruction" if style else "inversion",
        size=size,
        style=style,
        style_sha256=f"sha of {style}" if style else "",
        style_size=384 if style else 0,
        loss_network=loss_network,
        loss_weights=f"{loss_network}.pth",
        content_layers=() if style else (layer,),
        style_layers=(layer,) if style else (),
        content_weight=0.0 if style else 1.0,
        style_weight=1.0 if style else 0.0,
        tv_weight=1e-6,
    )


def fill_styles(
    file: Path,
    rule: StyleProtocol,
    *,
    networks: Mapping[str, float],
    images: Sequence[str] = ("a", "b", "c"),
    iterations: int | None = 120,
    dataset: str = "coco50",
    level: float = 1e6,
    version: str = "",
    started: str = "",
    machine: Mapping[str, object] = MACHINE,
    pictures: Path | None = None,
) -> int:
    """Curves of `images` under a style protocol, and the run's number.

    The content at position k has the objective `level` x (1 + k / 10), a network its share of that, the optimisation
    ten times that over 1 + its iterations. It takes 0.1 s for each, a network 0.01 s.

    Args:
        networks: share of the content's objective, by name.
        iterations: of the optimisation; None for no optimisation.
        version: of every subject but the content; another has other hashes.
        pictures: a folder in which pictures are made; None for no pictures.
    """
    run = Run(
        program="style_quality",
        command=("--style", rule.style),
        started=started or now(),
        environment=Environment(facts=machine),
        protocols=(rule,),
    )
    made = []
    for position, image in enumerate(images):
        own = level * (1 + position / 10)
        totals: dict[str, tuple[float, ...]] = {
            "content": (own,),
            **{name: (share * own,) for name, share in networks.items()},
        }
        if iterations is not None:
            totals["gatys"] = tuple(10 * own / (1 + i) for i in range(iterations + 1))
        made += [_curve(subject, image, total, dataset, rule, version) for subject, total in totals.items()]
    kept = [] if pictures is None else list(_style_pictures(pictures, made, rule, dataset))
    with Store(file) as store:
        number = store.start(run)
        store.add(number, curves=made, pictures=kept)
        store.finish(number)
    return number


def _curve(
    subject: str, image: str, total: tuple[float, ...], dataset: str, rule: StyleProtocol, version: str
) -> Curve:
    zeros = (0.0,) * len(total)
    seconds = {"content": 0.0, "gatys": 0.1 * (len(total) - 1)}
    return Curve(
        subject=subject,
        subject_hash=f"sha of {image}" if subject == "content" else f"hash of {subject}{version}",
        dataset=dataset,
        image=image,
        image_sha256=f"sha of {image}",
        protocol_hash=rule.hash,
        terms={"total": total, "content": zeros, "style": total, "tv": zeros},
        seconds=seconds.get(subject, 0.01),
        batch=1,
    )


def _style_pictures(
    folder: Path, curves: Sequence[Curve], rule: StyleProtocol, dataset: str
) -> Iterator[SavedImage]:
    """Of every curve, and of the style: coarse noise, its own for each."""
    sources = {(c.image, c.image_sha256, c.subject, c.subject_hash) for c in curves}
    if rule.style:
        sources.add((rule.style, rule.style_sha256, "style", rule.style_sha256))
    for seed, (image, sha, subject, digest) in enumerate(sorted(sources)):
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        size = (48, 36) if subject == "style" else (40, 40)
        file = folder / rule.hash[:8] / f"{seed}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file)
        yield SavedImage(
            dataset=dataset,
            protocol_hash=rule.hash,
            image=image,
            image_sha256=sha,
            model=subject,
            model_hash=digest,
            file=str(file),
        )


def speed_result(
    subject: str,
    rule: SpeedProtocol,
    seconds: Sequence[float],
    *,
    size: int,
    variant: str = "eager",
    environment: Environment | None = None,
    **provenance: Any,
) -> SpeedResult:
    """What `bench.speed` stores of repetitions that took these times.

    Args:
        provenance: fields besides or in place of what a plain pass on the invented machine has.
    """
    machine = environment or Environment(facts=MACHINE)
    raw = Timing(
        seconds=tuple(seconds),
        wall_seconds=tuple(seconds),
        first_seconds=seconds[0],
        warmup_seconds=(),
        loops=1,
        clock="perf_counter",
        target_ci=0.02,
        stopped="narrow",
    )
    plain: dict[str, Any] = {
        "protocol": rule.definition,
        "timing": asdict(raw),
        "peak_memory": {"bytes": 3 * 2**20, "meaning": "invented"},
        "environment": dict(machine.facts),
        "weights": "random weights, seed 0",
        "warnings": [],
        "whole_run": False,
    }
    return SpeedResult(
        subject=subject,
        subject_hash=f"hash of {subject}",
        variant=variant,
        size=size,
        protocol_hash=rule.hash,
        environment_hash=machine.hash,
        seconds=tuple(seconds),
        certificate=plain | provenance,
    )
