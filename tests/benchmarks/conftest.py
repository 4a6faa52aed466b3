from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from bench.variants.build import exact_float32

CORES = 2


@pytest.fixture
def two_cores() -> Iterator[None]:
    """What the committed baseline was measured on, with the programs' settings."""
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    exact_float32()
    yield
    torch.set_num_threads(before)
