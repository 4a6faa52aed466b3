"""What the tests of the metrics share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.bench.metrics.random_weights import dists_weights, write_random_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random files of the right kind under the names of `MetricEntry.needs`."""
    folder = tmp_path_factory.mktemp("cache")
    write_random_weights(folder, dists=dists_weights())
    return folder


def pair(*shape: int, seed: int = 0, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """(sr, hr) in [0, 1], float64: a smooth random hr and a noisy copy."""
    generator = torch.Generator().manual_seed(seed)
    hr = torch.rand(shape, dtype=torch.float64, generator=generator)
    hr = nn.functional.avg_pool2d(hr, 5, stride=1, padding=2, count_include_pad=False)
    sr = hr + noise * torch.randn(shape, dtype=torch.float64, generator=generator)
    return sr.clamp(0, 1), hr
