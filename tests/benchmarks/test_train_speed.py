"""A training step as the docs recommend it for this CPU, against plain float32 eager: `nox -s benchmarks`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from bench.environment import bf16_units
from models.losses import pixel_loss
from models.sr_net import SRNet
from tests.benchmarks.ratio import require_times_faster

pytestmark = pytest.mark.usefixtures("two_cores")
BATCH, PATCH, SCALE = 8, 96, 4
# Without units for bfloat16 it costs more than it saves; the layout and the last layer's rows are what is left.
UNITS = bf16_units()
HALF = bool(UNITS)
# Matrix units give more than vectors of 16 do.
REQUIRED = 2.0 if "amx_bf16" in UNITS else 1.8 if HALF else 1.3
ROUNDS = 5


def step_of(network: SRNet, *, half: bool) -> Callable[[], None]:
    """One step of Adam with the pixel loss."""
    optimizer = torch.optim.Adam(network.train().parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    lr, hr = (torch.rand(BATCH, 3, side, side, generator=generator) for side in (PATCH // SCALE, PATCH))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = pixel_loss(network(lr), hr).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def plain() -> SRNet:
    """The network with nothing but torch's own layers, in the default layout."""
    network = SRNet(scale=SCALE)
    network.last = nn.Conv2d(64, 3, 9, padding=4)  # type: ignore[assignment]
    return network


def test_a_training_step_against_plain_float32(benchmark: BenchmarkFixture) -> None:
    ours = SRNet(scale=SCALE).to(memory_format=torch.channels_last)
    slow, fast = step_of(plain(), half=False), step_of(ours, half=HALF)
    require_times_faster(
        benchmark, slow, fast, reference="plain eager float32", required=REQUIRED, rounds=ROUNDS
    )
