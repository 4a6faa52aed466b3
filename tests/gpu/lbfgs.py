"""Our L-BFGS against `torch.optim.LBFGS` on the same objective, from the same start: seconds and objective."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from baselines.bicubic import imresize
from baselines.optimise import OptimisationResult, Settings, optimise
from bench.timing import workloads as subjects
from models.losses import StyleObjective
from tests.baselines.torchs import TorchsDescent, torchs_total
from tests.gpu.asked import Asked
from tests.gpu.machine import ready, wait_for
from tests.gpu.record import Record

SAME_IN_FLOAT64 = 0.01
ON_PHOTOGRAPHS = 0.10  # rounding parts any two searches in float32; most end within 5 % of each other


def against_torchs(asked: Asked, record: Record) -> None:
    """In float64 after 50 iterations; then in float32 at full size, with and without a CUDA graph."""
    device = ready(asked)
    in_float64(record, device, 32 if asked.smoke else 96, 5 if asked.smoke else 50)
    for size in (64,) if asked.smoke else (256, 512):
        in_float32(record, device, size, 4 if asked.smoke else 200)


def noise(size: int) -> Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def in_float64(record: Record, device: torch.device, size: int, iterations: int) -> None:
    network = subjects.loss_network(device).double()
    content = imresize(subjects.photograph().double(), (size, size)).clamp(0, 1).to(device)
    objective = StyleObjective(network, content=content, style=content.flip(-1))
    start = noise(size).double().to(device)
    # torch takes every step as it is, and begins with one level for all values together
    settings = Settings(iterations=iterations, dtype=torch.float64, first_step=None, largest_rise=None)
    ours = objective(optimise(objective, start, settings).image).total.item()
    theirs = torchs_total(objective, start, iterations)
    record.compare(
        f"float64, {size}, {iterations} iterations: |ours / torch's - 1|",
        abs(ours / theirs - 1),
        SAME_IN_FLOAT64,
        ours=ours,
        theirs=theirs,
    )


def in_float32(record: Record, device: torch.device, size: int, iterations: int) -> None:
    objective = subjects.objective(size, subjects.loss_network(device), device)
    start = noise(size).to(device)
    theirs = TorchsDescent(objective, start)
    keep_best = [theirs().item()]
    wait_for(device)
    begun = time.perf_counter()
    keep_best += [theirs().item() for _ in range(iterations - 1)]
    seconds = (time.perf_counter() - begun) / (iterations - 1)
    record.write(f"{size}: torch.optim.LBFGS", seconds_per_iteration=seconds, keep_best=min(keep_best))
    for graph in (False, True) if device.type == "cuda" else (False,):
        settings = Settings(iterations=iterations, graph=graph)
        ours, took = timed(lambda s=settings: optimise(objective, start, s, record=True), device)
        assert ours.objective is not None
        best = ours.objective.total.min().item()
        words = f"{size}: ours{' as a graph' if graph else ''}"
        record.write(
            words,
            seconds_per_iteration=took / iterations,
            times_faster=seconds / (took / iterations),
            keep_best=best,
        )
        record.compare(f"{words}: lowest / torch's lowest - 1", best / min(keep_best) - 1, ON_PHOTOGRAPHS)


def timed(work: Callable[[], OptimisationResult], device: torch.device) -> tuple[OptimisationResult, float]:
    """What `work` returns, and the seconds until the device had done it."""
    wait_for(device)
    begun = time.perf_counter()
    found = work()
    wait_for(device)
    return found, time.perf_counter() - begun
