"""A results file of many invented models: scores of every image, times and cards, as `bench.leaderboard` leaves it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.records import Environment, Run, SpeedResult
from bench.storage.store import Store, now
from bench.timing.records import SpeedProtocol
from tests.stores import MACHINE, fill, speed_result

METRICS = ("psnr", "lpips-alex", "niqe")
SIZE, SCALE = 1024, 4
GPU = {**MACHINE, "device": "cuda:0", "gpu": {"name": "invented GPU"}}


def names(count: int) -> list[str]:
    """bicubic and srcnn-955 among networks of names as long as the field's."""
    return ["bicubic", "srcnn-955", *(f"e25_{i:02}_lightnet" for i in range(2, count))]


def many_models(
    file: Path,
    *,
    models: int = 100,
    images: int = 40,
    metrics: Sequence[str] = METRICS,
    dataset: str = "bsd100",
    timed: bool = True,
    machine: Mapping[str, object] = MACHINE,
    warned: Sequence[str] = (),
    first: str = "",
) -> None:
    """Better models cost more, on the whole.

    Args:
        machine: that they were timed on.
        warned: models whose time has a warning.
        first: a name in place of the third model's.
    """
    chance = random.Random(0)
    all_names = names(models)
    if first:
        all_names[2] = first
    levels = {name: 2 + 0.01 * i + chance.gauss(0, 0.1) for i, name in enumerate(all_names)}
    levels |= {"bicubic": 0.0, "srcnn-955": 1.2}
    fill(
        file,
        levels=levels,
        images=[f"i{n:03}" for n in range(images)],
        dataset=dataset,
        metrics=metrics,
        spread=0.1,
    )
    if timed:
        environment = Environment(facts=machine)
        with Store(file) as store:
            run = store.start(
                Run(program="speed", command=("--card",), started=now(), environment=environment)
            )
            store.add(run, timings=list(_timings(levels, environment, warned)))
            store.finish(run)


def _timings(
    levels: Mapping[str, float], environment: Environment, warned: Sequence[str]
) -> Iterator[SpeedResult]:
    chance = random.Random(1)
    for name, level in levels.items():
        seconds = 0.02 * 10**level * 2 ** chance.gauss(0, 0.7)
        parameters = None if name == "bicubic" else int(seconds * 1e5 * 2 ** chance.gauss(0, 1))
        card = {
            "parameters": parameters,
            "flops": None if parameters is None else int(seconds * 1e10 * 2 ** chance.gauss(0, 0.5)),
            "activations": None if parameters is None else int(seconds * 1e7 * 2 ** chance.gauss(0, 0.2)),
        }
        yield timed_row(name, seconds, card, environment, warned=name in warned)


def timed_row(
    name: str, seconds: float, card: Mapping[str, Any], environment: Environment, *, warned: bool = False
) -> SpeedResult:
    """Twelve repetitions that differ by a percent."""
    return speed_result(
        name,
        SpeedProtocol(size=SIZE // SCALE, threads=2),
        [seconds * (1 + 0.001 * k) for k in range(12)],
        size=SIZE,
        environment=environment,
        peak_memory={"bytes": int(seconds * 2**28), "meaning": "invented"},
        weights="",
        warnings=["spread is wide: IQR is 30% of the median"] if warned else [],
        card=dict(card),
    )
