"""The contents of a batch share an optimisation on a GPU, against one by one, in one run: `nox -s benchmarks`."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.devices import exact_float32
from bench.styling.methods import optimised
from tests.benchmarks.ratio import require_times_faster
from tests.gpu.batched import noise, nothing, plan

SIZE, CONTENTS, ITERATIONS = 256, 50, 50
REQUIRED = 5.0
ROUNDS = 3


@pytest.mark.cuda
def test_a_batch_on_a_gpu_against_one_by_one(benchmark: BenchmarkFixture) -> None:
    exact_float32()
    device = torch.device("cuda")
    chosen = plan(device, size=SIZE, iterations=ITERATIONS)
    contents = noise(CONTENTS, SIZE).to(device)

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
