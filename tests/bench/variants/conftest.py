from __future__ import annotations

import pytest

from bench.registry.random_network import random_paper_network
from models.style_net import StyleNet
from tests.bench.variants.networks import Small


@pytest.fixture
def small() -> Small:
    return Small().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def style() -> StyleNet:
    return random_paper_network().requires_grad_(False)
