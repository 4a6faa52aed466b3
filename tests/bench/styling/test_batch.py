"""How many contents are optimised together."""

from __future__ import annotations

import pytest
import torch

from bench.styling.loading import SHARE, batch_size, bytes_of_one
from models.vgg import LossNetwork, random_loss_network


@pytest.fixture(scope="module")
def network() -> LossNetwork:
    return random_loss_network("vgg19-conv3_1", ["relu3_1"])


def test_a_cpu_does_one_at_a_time(network: LossNetwork) -> None:
    assert batch_size(network, 256, torch.device("cpu"), 50) == 1


@pytest.mark.parametrize(("fitting", "expected"), [(0.5, 1), (1.5, 1), (7.5, 7), (1000.0, 50)])
def test_a_gpu_does_as_many_as_fit(
    fitting: float, expected: int, network: LossNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = int(fitting * bytes_of_one(network, 256) / SHARE)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))
    assert batch_size(network, 256, torch.device("cuda"), 50) == expected


def test_the_memory_is_at_least_that_of_history_and_features(network: LossNetwork) -> None:
    history = 200 * 3 * 64**2 * 4
    features = sum(f.numel() for f in network(torch.rand(1, 3, 64, 64)).values()) * 4
    assert bytes_of_one(network, 64) > history + features
    assert bytes_of_one(network, 128) == pytest.approx(4 * bytes_of_one(network, 64))
