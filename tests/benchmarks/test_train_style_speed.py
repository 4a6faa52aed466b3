"""A step of training a style network as the docs recommend it for this CPU, against plain float32 eager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.environment import bf16_units
from bench.records import StyleProtocol
from bench.training.recipe import StyleNetSettings
from bench.training.style_task import StyleTask
from models.vgg import random_loss_network
from tests.benchmarks.ratio import require_times_faster

pytestmark = pytest.mark.usefixtures("two_cores")
BATCH, PATCH = 4, 128
UNITS = bf16_units()
HALF = bool(UNITS)
# Vectors of bfloat16 bring 1.64 on an AMD EPYC with avx512_bf16: convolutions, three quarters of a step, are 2.2 times as
# fast, and Gram matrices, whose sums must be float32, pooling and Adam are as before. Matrix units bring more.
REQUIRED = 2.0 if "amx_bf16" in UNITS else 1.5
# 1.3 to 1.4 on an Intel Xeon with avx512_bf16, where the network itself is two fifths of a step.
REQUIRED_BY_HAND = 1.2
ROUNDS = 5
PROTOCOL = StyleProtocol(
    size=PATCH,
    style="noise",
    style_sha256="",
    style_size=PATCH,
    loss_network="vgg19-conv3_1",
    loss_weights="random",
    content_layers=("relu3_1",),
    style_layers=("relu1_1", "relu2_1", "relu3_1"),
    style_weight=100.0,
    tv_weight=1e-4,
)
DEFAULT = replace(
    PROTOCOL,
    loss_network="vgg16",
    content_layers=("relu2_2",),
    style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
)
"""Layers deeper than the content's, as the default objective has them."""


def step_of(
    protocol: StyleProtocol, layout: torch.memory_format, *, half: bool = False, plain: bool = False
) -> Callable[[], None]:
    """One step of Adam on the half-width network; `plain` lets autograd differentiate the objective."""
    generator = torch.Generator().manual_seed(0)
    features = random_loss_network(protocol.loss_network, protocol.style_layers + protocol.content_layers)
    style = torch.rand(1, 3, PATCH, PATCH, generator=generator)
    task = StyleTask(StyleNetSettings(norm="instance", width=16), protocol, features, style)
    network = task.network().to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    patches = torch.rand(BATCH, 3, PATCH, PATCH, generator=generator)

    def step() -> None:
        shown, target = task.examples(patches.to(memory_format=layout))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = network(shown)
            loss = task.aimed(target)(output).total.mean() if plain else task.objective(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


@pytest.mark.skipif(
    not HALF,
    reason="the claim is about bfloat16, for which this CPU has no units; the layout alone brought 1.03",
)
def test_a_step_of_style_training_against_plain_float32(benchmark: BenchmarkFixture) -> None:
    slow = step_of(PROTOCOL, torch.contiguous_format, plain=True)
    fast = step_of(PROTOCOL, torch.channels_last, half=HALF)
    require_times_faster(
        benchmark, slow, fast, reference="plain eager float32", required=REQUIRED, rounds=ROUNDS
    )


def test_a_step_in_float32_against_autograd(benchmark: BenchmarkFixture) -> None:
    slow = step_of(DEFAULT, torch.contiguous_format, plain=True)
    fast = step_of(DEFAULT, torch.contiguous_format)
    require_times_faster(
        benchmark, slow, fast, reference="autograd", required=REQUIRED_BY_HAND, rounds=ROUNDS
    )
