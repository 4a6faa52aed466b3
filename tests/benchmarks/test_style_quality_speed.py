"""The contents of a batch share an optimisation on a GPU, against one by one, in one run: `nox -s benchmarks`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench import styles
from bench.gpu import exact_float32
from bench.records import Dataset
from bench.styles import StyleImage
from bench.styling.measure import optimised
from bench.styling.plan import Plan
from bench.styling.request import Baseline, Objective
from models.losses import Terms
from models.vgg import random_loss_network
from tests.benchmarks.ratio import require_times_faster

SIZE, CONTENTS, ITERATIONS = 256, 50, 50
REQUIRED = 5.0
ROUNDS = 3


def plan(device: torch.device) -> Plan:
    """Of random weights, which take as long as trained ones."""
    protocol = Objective().protocol(StyleImage(name="noise", file=Path(), sha256=""), SIZE, "vgg16")
    network = random_loss_network("vgg16", [*protocol.content_layers, *protocol.style_layers]).to(device)
    style = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).to(device)
    content = torch.zeros(1, 3, SIZE, SIZE, device=device)
    return Plan(
        dataset=Dataset(name="noise", images=(), source=""),
        protocol=protocol,
        minimum=network.minimum,
        objective=styles.objective(protocol, network, content=content, style=style),
        style=style,
        networks=(),
        baseline=Baseline(iterations=ITERATIONS),
        batch=CONTENTS,
        device=device,
        pictures=None,
        picture_limit=0,
        force=False,
    )


def nothing(done: int, terms: Terms) -> None:
    """Called every few iterations, as the progress bar is."""


@pytest.mark.cuda
def test_a_batch_on_a_gpu_against_one_by_one(benchmark: BenchmarkFixture) -> None:
    exact_float32()
    device = torch.device("cuda")
    chosen = plan(device)
    contents: Tensor = torch.rand(CONTENTS, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).to(
        device
    )

    def together() -> None:
        optimised(chosen, contents, ITERATIONS, nothing)

    def one_by_one() -> None:
        for content in contents.split(1):
            optimised(chosen, content, ITERATIONS, nothing)

    require_times_faster(
        benchmark,
        *(one_by_one, together),
        reference="the contents one by one",
        required=REQUIRED,
        rounds=ROUNDS,
    )
